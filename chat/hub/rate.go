package hub

import (
	"context"
	"time"

	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/presence"
)

// Rates are how often users may do what costs others something; a zero Rate is no limit, which
// is the default of each. Whoever goes beyond one is [chat.ErrRateLimited], with the field in
// which the limit is, and Retry says when to come again. What an operator does, and what takes
// something away (a retraction, leaving), is never limited.
//
// Where the Registry is a [presence.Limiter], all nodes count together. Else, and while it
// can't be reached, each node counts alone.
type Rates struct {
	User    presence.Rate // what one user places, in all rooms; field "user"
	Room    presence.Rate // what all users place in one room; field "room"
	Tenant  presence.Rate // what all users of a tenant place; field "tenant"
	Search  presence.Rate // searches and completions of one user; field "search"
	Connect presence.Rate // sessions that one user connects; field "connect"
}

// rateTime is how long a registry is waited for before a node counts alone.
const rateTime = time.Second

// rates counts what users do.
type rates struct {
	Rates
	registry presence.Registry
	alone    presence.Buckets
}

func newRates(r Rates, registry presence.Registry) (*rates, error) {
	for _, f := range []struct {
		name string
		rate presence.Rate
	}{{"user", r.User}, {"room", r.Room}, {"tenant", r.Tenant}, {"search", r.Search}, {"connect", r.Connect}} {
		if f.rate == (presence.Rate{}) {
			continue
		}
		if err := f.rate.Check("new hub", "limits.rates."+f.name); err != nil {
			return nil, err
		}
	}
	return &rates{Rates: r, registry: registry}, nil
}

// measure is one rate as it counts for somebody.
type measure struct {
	field string
	of    []string // whose it is
	rate  presence.Rate
}

// place counts what a user places in a room.
func (r *rates) place(ctx context.Context, op string, u chat.UserID, room chat.RoomID) error {
	return r.spend(ctx, op,
		measure{"user", []string{u.Tenant, u.Key}, r.User},
		measure{"room", []string{room.Tenant, room.Key}, r.Room},
		measure{"tenant", []string{room.Tenant}, r.Tenant})
}

// spend counts something by several measures, or by none where one is exceeded.
func (r *rates) spend(ctx context.Context, op string, by ...measure) error {
	buckets := make([]presence.Bucket, 0, len(by))
	fields := make([]string, 0, len(by))
	for _, m := range by {
		if m.rate == (presence.Rate{}) {
			continue
		}
		key := m.field
		for _, part := range m.of {
			key += "\x00" + part
		}
		buckets, fields = append(buckets, presence.Bucket{Key: key, Rate: m.rate}), append(fields, m.field)
	}
	if len(buckets) == 0 {
		return nil
	}
	ask, cancel := context.WithTimeout(ctx, rateTime)
	defer cancel()
	taken, err := presence.Take(ask, r.registry, buckets...)
	if err != nil {
		if err := ctx.Err(); err != nil {
			return err
		}
		taken = r.alone.Take(time.Now(), buckets...)
	}
	if taken.Short < 0 {
		return nil
	}
	return &chat.Error{Kind: chat.ErrRateLimited, Op: op, Field: fields[taken.Short], Limit: int64(buckets[taken.Short].Rate.Burst), Retry: taken.Wait}
}
