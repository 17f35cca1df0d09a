package presencetest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/presence"
)

// rateCases are of registries that are a [presence.Limiter]; another says so.
var rateCases = []Case{
	{Name: "a bucket has its burst and no more", Why: "a flood must end", Run: limited(burst)},
	{Name: "a bucket fills at its rate", Why: "who waited as he was told must be let in", Run: limited(fills)},
	{Name: "a bucket never holds more than its burst", Why: "a quiet night must not pay for a flood", Run: limited(noMore)},
	{Name: "buckets are apart", Why: "one who floods must not stop the others", Run: limited(apart)},
	{Name: "of several buckets all or none is taken", Why: "who is refused by a room must not lose his own tokens", Run: limited(allOrNone)},
	{Name: "two openings share the buckets", Why: "who floods would go from node to node", Run: limitedSite(sharedBuckets)},
	{Name: "tokens are taken once", Why: "many at once must not get more than there is", Run: limited(takenOnce)},
	{Name: "invalid buckets are refused", Why: "a rate of nothing would be for ever", Run: limited(invalidBuckets)},
}

// slow is a rate at which no token comes while a case runs.
func slow(key string, burst int) presence.Bucket {
	return presence.Bucket{Key: key, Rate: presence.Rate{Events: 1, Per: time.Hour, Burst: burst}}
}

func limited(run func(context.Context, presence.Registry) error) func(context.Context, *Site) error {
	return at(func(ctx context.Context, r presence.Registry) error {
		if _, err := presence.Take(ctx, r); errors.Is(err, errors.ErrUnsupported) {
			return nil
		}
		return run(ctx, r)
	})
}

func limitedSite(run func(context.Context, *Site) error) func(context.Context, *Site) error {
	return func(ctx context.Context, s *Site) error {
		supported := false
		err := limited(func(context.Context, presence.Registry) error { supported = true; return nil })(ctx, s)
		if err != nil || !supported {
			return err
		}
		return run(ctx, s)
	}
}

// takes takes n times, all of which must be given.
func takes(ctx context.Context, r presence.Registry, n int, b ...presence.Bucket) error {
	for i := range n {
		got, err := presence.Take(ctx, r, b...)
		if err != nil || got.Short != -1 || got.Wait != 0 {
			return fmt.Errorf("take %d of %d: %+v, %v", i+1, n, got, err)
		}
	}
	return nil
}

// empty takes once more, which the bucket at a place must refuse, with a wait in bounds.
func empty(ctx context.Context, r presence.Registry, short int, most time.Duration, b ...presence.Bucket) error {
	got, err := presence.Take(ctx, r, b...)
	if err != nil || got.Short != short || got.Wait <= 0 || got.Wait > most {
		return fmt.Errorf("%+v, %v; want bucket %d short for at most %v", got, err, short, most)
	}
	return nil
}

func burst(ctx context.Context, r presence.Registry) error {
	b := slow("acme ann", 5)
	return first(takes(ctx, r, 5, b), empty(ctx, r, 0, time.Hour, b), empty(ctx, r, 0, time.Hour, b))
}

func fills(ctx context.Context, r presence.Registry) error {
	b := presence.Bucket{Key: "k", Rate: presence.Rate{Events: 10, Per: 2 * time.Second, Burst: 2}}
	if err := first(takes(ctx, r, 2, b), empty(ctx, r, 0, 200*time.Millisecond, b)); err != nil {
		return err
	}
	got, err := presence.Take(ctx, r, b)
	if err != nil || got.Short < 0 { // it came meanwhile
		return err
	}
	return first(sleep(ctx, got.Wait), takes(ctx, r, 1, b))
}

func noMore(ctx context.Context, r presence.Registry) error {
	b := presence.Bucket{Key: "k", Rate: presence.Rate{Events: 1000, Per: time.Second, Burst: 2}}
	if err := first(takes(ctx, r, 1, b), sleep(ctx, 100*time.Millisecond)); err != nil {
		return err
	}
	b.Rate = slow("", 2).Rate // from here on nothing comes
	return first(takes(ctx, r, 2, b), empty(ctx, r, 0, time.Hour, b))
}

func apart(ctx context.Context, r presence.Registry) error {
	a, b, c := slow("acme ann", 1), slow("acme bob", 1), slow("evil ann", 1)
	return first(takes(ctx, r, 1, a), empty(ctx, r, 0, time.Hour, a), takes(ctx, r, 1, b), takes(ctx, r, 1, c))
}

func allOrNone(ctx context.Context, r presence.Registry) error {
	user, room := slow("user", 3), slow("room", 1)
	return first(takes(ctx, r, 1, user, room), empty(ctx, r, 1, time.Hour, user, room), empty(ctx, r, 0, time.Hour, room, user),
		takes(ctx, r, 2, user), empty(ctx, r, 0, time.Hour, user))
}

func sharedBuckets(ctx context.Context, s *Site) error {
	a, closeA, err := s.Open(ctx)
	if err != nil {
		return err
	}
	defer closeA()
	b, closeB, err := s.Open(ctx)
	if err != nil {
		return err
	}
	defer closeB()
	x := slow("acme ann", 2)
	return first(takes(ctx, a, 1, x), takes(ctx, b, 1, x), empty(ctx, a, 0, time.Hour, x), empty(ctx, b, 0, time.Hour, x))
}

func takenOnce(ctx context.Context, r presence.Registry) error {
	const there = 50
	var given, failed atomic.Int64
	var running sync.WaitGroup
	for range 10 {
		running.Go(func() {
			for range 20 {
				got, err := presence.Take(ctx, r, slow("acme ann", there))
				if err != nil {
					failed.Add(1)
				} else if got.Short < 0 {
					given.Add(1)
				}
			}
		})
	}
	running.Wait()
	return first(same("failures", failed.Load(), 0), same("tokens given", given.Load(), there))
}

func invalidBuckets(ctx context.Context, r presence.Registry) error {
	take := func(b ...presence.Bucket) error {
		_, err := presence.Take(ctx, r, b...)
		return err
	}
	rate := func(change func(*presence.Rate)) presence.Bucket {
		b := slow("k", 1)
		change(&b.Rate)
		return b
	}
	good := slow("good", 1)
	return first(
		is(take(good, slow("", 1)), chat.ErrInvalid, "key"),
		is(take(good, slow(strings.Repeat("k", presence.MaxBucketKey+1), 1)), chat.ErrTooLarge, "key"),
		is(take(good, rate(func(r *presence.Rate) { *r = presence.Rate{} })), chat.ErrInvalid, "rate.events"),
		is(take(good, rate(func(r *presence.Rate) { r.Events = presence.MaxRate + 1 })), chat.ErrTooLarge, "rate.events"),
		is(take(good, rate(func(r *presence.Rate) { r.Per = time.Microsecond })), chat.ErrInvalid, "rate.per"),
		is(take(good, rate(func(r *presence.Rate) { r.Per = 25 * time.Hour })), chat.ErrTooLarge, "rate.per"),
		is(take(good, rate(func(r *presence.Rate) { r.Burst = 0 })), chat.ErrInvalid, "rate.burst"),
		is(take(good, rate(func(r *presence.Rate) { r.Burst = presence.MaxRate + 1 })), chat.ErrTooLarge, "rate.burst"),
		is(take(make([]presence.Bucket, presence.MaxBuckets+1)...), chat.ErrTooLarge, "buckets"),
		takes(ctx, r, 1, good), // none of these took anything
		takes(ctx, r, 1, slow(strings.Repeat("k", presence.MaxBucketKey), 1)),
	)
}
