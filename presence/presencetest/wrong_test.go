package presencetest_test

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/drivers/memory"
	"github.com/parlor-chat/parlor/internal/suite"
	"github.com/parlor-chat/parlor/presence"
	"github.com/parlor-chat/parlor/presence/presencetest"
)

// The wrong registries each replace a method of a right one.
type (
	right = presence.Registry

	deadStay     struct{ right }
	flickers     struct{ right }
	neverFresh   struct{ right }
	anyNode      struct{ right }
	dropsMoved   struct{ right }
	keepsStatus  struct{ right }
	neverDrops   struct{ right }
	oneDevice    struct{ right }
	losesOne     struct{ right }
	shuffled     struct{ right }
	wholeState   struct{ right }
	shortPage    struct{ right }
	leaksTenant  struct{ right }
	countsAll    struct{ right }
	halfSet      struct{ right }
	missesLast   struct{ right }
	blocks       struct{ right }
	talksOn      struct{ right }
	deafToDeaths struct{ right }
	noContext    struct{ right }
	hastyStop    struct{ right }

	limits struct {
		right
		take func(l presence.Limiter, ctx context.Context, b []presence.Bucket) (presence.Taken, error)
	}
)

func (r limits) Take(ctx context.Context, b ...presence.Bucket) (presence.Taken, error) {
	return r.take(r.right.(presence.Limiter), ctx, b)
}

// takesAs is a registry with a wrong way to take.
func takesAs(take func(l presence.Limiter, ctx context.Context, b []presence.Bucket) (presence.Taken, error)) func(right) right {
	return func(r right) right { return limits{r, take} }
}

// eachBucket changes keys or rates.
func eachBucket(b []presence.Bucket, change func(*presence.Bucket)) []presence.Bucket {
	b = slices.Clone(b)
	for i := range b {
		change(&b[i])
	}
	return b
}

type (
	taken   = presence.Taken
	limiter = presence.Limiter
	buckets = []presence.Bucket
)

func (r deadStay) Beat(ctx context.Context, node string, _ time.Duration) (bool, error) {
	return r.right.Beat(ctx, node, presence.MaxLease)
}

func (r flickers) Beat(ctx context.Context, node string, ttl time.Duration) (bool, error) {
	return r.right.Beat(ctx, node, min(ttl, 20*time.Millisecond))
}

func (r neverFresh) Beat(ctx context.Context, node string, ttl time.Duration) (bool, error) {
	_, err := r.right.Beat(ctx, node, ttl)
	return false, err
}

func (r anyNode) Set(ctx context.Context, node string, all []presence.Session) error {
	if _, err := r.right.Beat(ctx, node, time.Minute); err != nil {
		return err
	}
	return r.right.Set(ctx, node, all)
}

// Set drops by id alone, whoever has it.
func (r dropsMoved) Set(ctx context.Context, node string, all []presence.Session) error {
	if len(all) == 1 && all[0].Show == presence.Offline {
		for _, n := range []string{"a", "b", "old"} {
			if err := r.right.Set(ctx, n, all); err != nil {
				return err
			}
		}
		return nil
	}
	return r.right.Set(ctx, node, all)
}

func (r keepsStatus) Set(ctx context.Context, node string, all []presence.Session) error {
	all = slices.Clone(all)
	for i := range all {
		old, _ := r.right.Of(ctx, []chat.UserID{all[i].User})
		if len(old) == 1 && all[i].Status == "" {
			all[i].Status = old[0].Sessions[0].Status
		}
	}
	return r.right.Set(ctx, node, all)
}

func (r neverDrops) Set(ctx context.Context, node string, all []presence.Session) error {
	all = slices.Clone(all)
	for i := range all {
		if all[i].Show == presence.Offline {
			all[i].Show = presence.ExtendedAway
		}
	}
	return r.right.Set(ctx, node, all)
}

func (r oneDevice) Of(ctx context.Context, users []chat.UserID) ([]presence.State, error) {
	all, err := r.right.Of(ctx, users)
	for i := range all {
		all[i].Sessions = all[i].Sessions[:1]
	}
	return all, err
}

func (r losesOne) Of(ctx context.Context, users []chat.UserID) ([]presence.State, error) {
	all, err := r.right.Of(ctx, users)
	if len(all) > 300 {
		all = slices.Delete(all, 300, 301)
	}
	return all, err
}

func (r shuffled) Of(ctx context.Context, users []chat.UserID) ([]presence.State, error) {
	all, err := r.right.Of(ctx, users)
	slices.Reverse(all)
	return all, err
}

// In shows all sessions of an occupant.
func (r wholeState) In(ctx context.Context, room chat.RoomID, after string, limit int) ([]presence.State, error) {
	all, err := r.right.In(ctx, room, after, limit)
	for i := range all {
		if whole, _ := r.right.Of(ctx, []chat.UserID{all[i].User}); len(whole) == 1 {
			all[i] = whole[0]
		}
	}
	return all, err
}

func (r shortPage) In(ctx context.Context, room chat.RoomID, after string, limit int) ([]presence.State, error) {
	return r.right.In(ctx, room, after, max(1, limit-1))
}

func (r leaksTenant) Of(ctx context.Context, users []chat.UserID) ([]presence.State, error) {
	users = slices.Clone(users)
	for i := range users {
		if users[i].Tenant == "evil" {
			users[i].Tenant = "acme"
		}
	}
	return r.right.Of(ctx, users)
}

func (r countsAll) Stats(ctx context.Context, _ string) (presence.Stats, error) {
	a, err := r.right.Stats(ctx, "acme")
	b, _ := r.right.Stats(ctx, "evil")
	return presence.Stats{Users: a.Users + b.Users, Sessions: a.Sessions + b.Sessions}, err
}

func (r halfSet) Set(ctx context.Context, node string, all []presence.Session) error {
	if len(all) > chat.MaxBatch {
		return r.right.Set(ctx, node, all)
	}
	for i := range all {
		if err := r.right.Set(ctx, node, all[i:i+1]); err != nil {
			return err
		}
	}
	return nil
}

// Watch tells at most every other call.
func (r missesLast) Watch(ctx context.Context, fn func([]presence.State)) (func(), error) {
	var n atomic.Int64
	return r.right.Watch(ctx, func(all []presence.State) {
		if n.Add(1)%2 == 1 {
			fn(all)
		}
	})
}

// Set waits until every watch has returned.
func (r blocks) Watch(ctx context.Context, fn func([]presence.State)) (func(), error) {
	return r.right.Watch(ctx, func(all []presence.State) {
		watching.Add(1)
		defer watching.Add(-1)
		fn(all)
	})
}
func (r blocks) Set(ctx context.Context, node string, all []presence.Session) error {
	for watching.Load() > 0 {
		time.Sleep(time.Millisecond)
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
	err := r.right.Set(ctx, node, all)
	time.Sleep(20 * time.Microsecond) // so that the watch is told of one at least
	return err
}

var watching atomic.Int64

func (r talksOn) Watch(ctx context.Context, fn func([]presence.State)) (func(), error) {
	stop, err := r.right.Watch(context.WithoutCancel(ctx), fn)
	if err == nil {
		context.AfterFunc(ctx, func() { time.AfterFunc(200*time.Millisecond, stop) })
	}
	return func() {}, err
}

// Watch tells nothing about those who are gone.
func (r deafToDeaths) Watch(ctx context.Context, fn func([]presence.State)) (func(), error) {
	return r.right.Watch(ctx, func(all []presence.State) {
		fn(slices.DeleteFunc(all, func(s presence.State) bool { return len(s.Sessions) == 0 }))
	})
}

// Watch's stop doesn't wait for the call that runs.
func (r hastyStop) Watch(ctx context.Context, fn func([]presence.State)) (func(), error) {
	stop, err := r.right.Watch(ctx, fn)
	return func() { go stop() }, err
}

func (r noContext) Set(_ context.Context, node string, all []presence.Session) error {
	return r.right.Set(context.Background(), node, all)
}

func TestTheSuiteCatches(t *testing.T) {
	wrong := func(name, of string, wrap func(presence.Registry) presence.Registry) suite.Wrong[*presencetest.Site] {
		return suite.Wrong[*presencetest.Site]{Name: name, Case: of, At: func(testing.TB) *presencetest.Site {
			place := memory.New(nil)
			return &presencetest.Site{Open: func(context.Context) (presence.Registry, func() error, error) {
				s := place.Reopen()
				return wrap(s.Registry()), s.Close, nil
			}}
		}}
	}
	apart := suite.Wrong[*presencetest.Site]{Name: "each opening is alone", Case: "two openings share one registry",
		At: func(testing.TB) *presencetest.Site {
			return &presencetest.Site{Open: func(context.Context) (presence.Registry, func() error, error) {
				s := memory.New(nil)
				return s.Registry(), s.Close, nil
			}}
		}}
	staysOpen := suite.Wrong[*presencetest.Site]{Name: "works on when it is closed", Case: "a closed registry says so",
		At: func(t testing.TB) *presencetest.Site {
			s := memory.New(nil)
			t.Cleanup(func() { s.Close() })
			return &presencetest.Site{Open: func(context.Context) (presence.Registry, func() error, error) {
				return s.Registry(), func() error { return nil }, nil
			}}
		}}
	alone := suite.Wrong[*presencetest.Site]{Name: "each opening has buckets of its own", Case: "two openings share the buckets",
		At: func(testing.TB) *presencetest.Site {
			place := memory.New(nil)
			return &presencetest.Site{Open: func(context.Context) (presence.Registry, func() error, error) {
				s, mine := place.Reopen(), new(presence.Buckets)
				return limits{s.Registry(), func(_ limiter, _ context.Context, b buckets) (taken, error) {
					return mine.Take(time.Now(), b...), presence.CheckTake("take", b)
				}}, s.Close, nil
			}}
		}}
	suite.Catch(t, presencetest.Cases(), []suite.Wrong[*presencetest.Site]{
		alone,
		wrong("one token too many", "a bucket has its burst and no more", takesAs(func(l limiter, ctx context.Context, b buckets) (taken, error) {
			return l.Take(ctx, eachBucket(b, func(b *presence.Bucket) { b.Rate.Burst++ })...)
		})),
		wrong("waits too long", "a bucket has its burst and no more", takesAs(func(l limiter, ctx context.Context, b buckets) (taken, error) {
			got, err := l.Take(ctx, b...)
			if got.Short >= 0 {
				got.Wait += time.Hour
			}
			return got, err
		})),
		wrong("never fills", "a bucket fills at its rate", takesAs(func(l limiter, ctx context.Context, b buckets) (taken, error) {
			got, err := l.Take(ctx, eachBucket(b, func(b *presence.Bucket) { b.Rate.Per = time.Hour })...)
			if got.Short >= 0 {
				got.Wait = 100 * time.Millisecond
			}
			return got, err
		})),
		wrong("saves up", "a bucket never holds more than its burst", takesAs(func(l limiter, ctx context.Context, b buckets) (taken, error) {
			return l.Take(ctx, eachBucket(b, func(b *presence.Bucket) { b.Rate.Burst *= 2 })...)
		})),
		wrong("one bucket for a tenant", "buckets are apart", takesAs(func(l limiter, ctx context.Context, b buckets) (taken, error) {
			return l.Take(ctx, eachBucket(b, func(b *presence.Bucket) { b.Key = b.Key[:1] })...)
		})),
		wrong("one bucket for a name", "buckets are apart", takesAs(func(l limiter, ctx context.Context, b buckets) (taken, error) {
			return l.Take(ctx, eachBucket(b, func(b *presence.Bucket) { b.Key = b.Key[max(0, len(b.Key)-3):] })...)
		})),
		wrong("takes one after the other", "of several buckets all or none is taken", takesAs(func(l limiter, ctx context.Context, b buckets) (taken, error) {
			for i := range b {
				if got, err := l.Take(ctx, b[i]); err != nil || got.Short >= 0 {
					got.Short = i
					return got, err
				}
			}
			return l.Take(ctx)
		})),
		wrong("names another bucket", "of several buckets all or none is taken", takesAs(func(l limiter, ctx context.Context, b buckets) (taken, error) {
			got, err := l.Take(ctx, b...)
			got.Short = min(got.Short, 0)
			return got, err
		})),
		wrong("looks first and takes then", "tokens are taken once", func(r right) right {
			var mine presence.Buckets
			var had sync.Map
			return limits{r, func(_ limiter, _ context.Context, b buckets) (taken, error) {
				if err := presence.CheckTake("take", b); err != nil {
					return taken{}, err
				}
				for _, x := range b {
					if n, _ := had.LoadOrStore(x.Key, new(atomic.Int64)); n.(*atomic.Int64).Load() >= int64(x.Rate.Burst) {
						return taken{Short: 0, Wait: time.Minute}, nil
					}
				}
				time.Sleep(time.Millisecond)
				for _, x := range b {
					n, _ := had.Load(x.Key)
					n.(*atomic.Int64).Add(1)
				}
				return mine.Take(time.Now()), nil
			}}
		}),
		wrong("any rate is one", "invalid buckets are refused", takesAs(func(l limiter, ctx context.Context, b buckets) (taken, error) {
			for _, x := range b {
				if x.Rate.Check("take", "rate") != nil {
					return taken{Short: -1}, nil
				}
			}
			return l.Take(ctx, b...)
		})),
		wrong("a stop that waits for nobody", "a stop waits for the call that runs", func(r right) right { return hastyStop{r} }),
		wrong("a dead node's sessions stay", "a dead node's sessions are gone", func(r right) right { return deadStay{r} }),
		wrong("sessions end before the lease", "a node that beats keeps its sessions", func(r right) right { return flickers{r} }),
		wrong("no lease is fresh", "a fresh lease starts empty", func(r right) right { return neverFresh{r} }),
		wrong("any node may set", "a node without a lease sets nothing", func(r right) right { return anyNode{r} }),
		wrong("a late farewell counts", "a session that moved is the new node's", func(r right) right { return dropsMoved{r} }),
		wrong("keeps an old status", "a session is replaced whole", func(r right) right { return keepsStatus{r} }),
		wrong("never drops", "offline drops a session", func(r right) right { return neverDrops{r} }),
		wrong("shows one device", "several devices of one person", func(r right) right { return oneDevice{r} }),
		wrong("loses one of many", "people are read in the order asked for", func(r right) right { return losesOne{r} }),
		wrong("another order", "people are read in the order asked for", func(r right) right { return shuffled{r} }),
		wrong("sessions that are elsewhere", "occupants of a room", func(r right) right { return wholeState{r} }),
		wrong("short pages", "occupants page by page", func(r right) right { return shortPage{r} }),
		wrong("leaks a tenant", "tenants are apart", func(r right) right { return leaksTenant{r} }),
		wrong("counts everybody", "counts by tenant", func(r right) right { return countsAll{r} }),
		wrong("half a set", "what is invalid is refused, all or none", func(r right) right { return halfSet{r} }),
		wrong("a watch that misses", "a watch tells what changes", func(r right) right { return missesLast{r} }),
		wrong("a watch that misses deaths", "a watch tells of a dead node's sessions", func(r right) right { return deafToDeaths{r} }),
		wrong("a set waits for watches", "a watch that nobody reads harms nobody", func(r right) right { return blocks{r} }),
		wrong("a watch that talks on", "a stopped watch is silent", func(r right) right { return talksOn{r} }),
		wrong("hears no context", "a cancelled call changes nothing", func(r right) right { return noContext{r} }),
		apart, staysOpen,
	})
}
