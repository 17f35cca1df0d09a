package storagetest

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/storage"
)

var leaseCases = []FenceCase{
	{Name: "one node has a lease", Why: "two followers of a shard write past each other", Run: atFence(oneHolder)},
	{Name: "a conflict says when to come again", Why: "a node that waits must not ask in a loop", Run: atFence(conflictTells)},
	{Name: "a lease ends by itself", Why: "the shards of a dead node must go on", Run: atFence(leaseEnds)},
	{Name: "a lease is renewed", Why: "a node that lives keeps its shards", Run: atFence(leaseRenewed)},
	{Name: "each taking is a new term", Why: "a node that slept over its lease must see that it lost it", Run: atFence(terms)},
	{Name: "a lease is released at once", Why: "a node that stops hands over without a pause", Run: atFence(released)},
	{Name: "only its node releases a lease", Why: "a late node would free what another has", Run: atFence(releasedByOther)},
	{Name: "leases are apart by name", Why: "each shard has its own", Run: atFence(leaseNames)},
	{Name: "of many nodes one gets it", Why: "they all start at once", Run: manyNodes},
}

var registerCases = []FenceCase{
	{Name: "a register is swapped from its value only", Why: "a late follower would move a cursor back", Run: atFence(swaps)},
	{Name: "no swap is lost", Why: "what was told as done must be there", Run: manySwaps},
	{Name: "registers are apart by name, and from leases", Why: "each shard has its own cursor", Run: atFence(registerNames)},
}

var fenceLifeCases = []FenceCase{
	{Name: "a fence is still there when opened again", Why: "it must outlive what it fences", Run: fenceReopened},
	{Name: "what is invalid is refused by a fence", Why: "a lease without an end holds for good", Run: atFence(fenceInvalid)},
	{Name: "a cancelled call leaves a fence as it was", Why: "who gave up must not hold anything", Run: atFence(fenceCancelled)},
	{Name: "a closed fence says so", Why: "a program that shuts down must know why", Run: fenceClosed},
}

// short is a lease that a case waits for; long one that it doesn't.
const (
	short = 150 * time.Millisecond
	long  = time.Minute
)

func atFence(run func(context.Context, storage.Fence) error) func(context.Context, *FenceSite) error {
	return func(ctx context.Context, s *FenceSite) error {
		f, closeIt, err := s.Open(ctx)
		if err != nil {
			return err
		}
		defer closeIt()
		return run(ctx, f)
	}
}

func sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// took takes a lease.
func took(ctx context.Context, f storage.Fence, name, node string, ttl time.Duration) (storage.Lease, error) {
	l, err := f.Lease(ctx, name, node, ttl)
	if err != nil {
		return l, err
	}
	return l, first(want("the node of the lease", l.Node, node), want("a term above 0", l.Term > 0, true))
}

// refused says what is wrong where node can take a lease.
func refused(ctx context.Context, f storage.Fence, name, node string) error {
	_, err := f.Lease(ctx, name, node, long)
	return is(err, chat.ErrConflict, "node")
}

func oneHolder(ctx context.Context, f storage.Fence) error {
	_, err := f.Held(ctx, "shard-1")
	if err := is(err, chat.ErrNotFound, ""); err != nil {
		return err
	}
	a, err := took(ctx, f, "shard-1", "a", long)
	if err != nil {
		return err
	}
	held, err := f.Held(ctx, "shard-1")
	return first(err, want("the lease", held.Node, "a"), want("its term", held.Term, a.Term),
		want("its end", held.Until.Equal(a.Until), true), refused(ctx, f, "shard-1", "b"))
}

func conflictTells(ctx context.Context, f storage.Fence) error {
	if _, err := took(ctx, f, "shard-1", "a", long); err != nil {
		return err
	}
	_, err := f.Lease(ctx, "shard-1", "b", long)
	var e *chat.Error
	if !errors.As(err, &e) || e.Retry <= 0 || e.Retry > long {
		return fmt.Errorf("error %v, want one with a Retry up to %v", err, long)
	}
	return nil
}

func leaseEnds(ctx context.Context, f storage.Fence) error {
	a, err := took(ctx, f, "shard-1", "a", short)
	if err := first(err, sleep(ctx, 2*short)); err != nil {
		return err
	}
	_, err = f.Held(ctx, "shard-1")
	if err := is(err, chat.ErrNotFound, ""); err != nil {
		return err
	}
	b, err := took(ctx, f, "shard-1", "b", long)
	return first(err, want("a higher term", b.Term > a.Term, true), refused(ctx, f, "shard-1", "a"))
}

func leaseRenewed(ctx context.Context, f storage.Fence) error {
	a, err := took(ctx, f, "shard-1", "a", short)
	if err != nil {
		return err
	}
	again, err := took(ctx, f, "shard-1", "a", long)
	if err := first(err, want("the term of a renewed lease", again.Term, a.Term), sleep(ctx, 2*short)); err != nil {
		return err
	}
	return first(want("a later end", again.Until.After(a.Until), true), refused(ctx, f, "shard-1", "b"))
}

func terms(ctx context.Context, f storage.Fence) error {
	last := int64(0)
	for i := range 4 {
		l, err := took(ctx, f, "shard-1", []string{"a", "b", "b", "a"}[i], short)
		if err := first(err, want("a higher term", l.Term > last, true)); err != nil {
			return err
		}
		last = l.Term
		if i%2 == 0 {
			err = f.Release(ctx, "shard-1", l.Node)
		} else {
			err = sleep(ctx, 2*short)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func released(ctx context.Context, f storage.Fence) error {
	if _, err := took(ctx, f, "shard-1", "a", long); err != nil {
		return err
	}
	if err := first(f.Release(ctx, "shard-1", "a"), f.Release(ctx, "shard-1", "a")); err != nil {
		return err
	}
	_, err := f.Held(ctx, "shard-1")
	if err := is(err, chat.ErrNotFound, ""); err != nil {
		return err
	}
	_, err = took(ctx, f, "shard-1", "b", long)
	return err
}

func releasedByOther(ctx context.Context, f storage.Fence) error {
	if _, err := took(ctx, f, "shard-1", "a", long); err != nil {
		return err
	}
	return first(f.Release(ctx, "shard-1", "b"), f.Release(ctx, "never-taken", "b"),
		refused(ctx, f, "shard-1", "b"))
}

func leaseNames(ctx context.Context, f storage.Fence) error {
	_, err1 := took(ctx, f, "shard-1", "a", long)
	_, err2 := took(ctx, f, "shard-2", "b", long)
	_, err3 := took(ctx, f, "shard-3", "a", long)
	return first(err1, err2, err3, f.Release(ctx, "shard-3", "a"),
		refused(ctx, f, "shard-1", "b"), refused(ctx, f, "shard-2", "a"))
}

// bothAtOnce runs fn 16 times at once, over two openings of a site.
func bothAtOnce(ctx context.Context, s *FenceSite, fn func(i int, f storage.Fence) error) error {
	const n = 16
	var at [2]storage.Fence
	for i := range at {
		f, closeIt, err := s.Open(ctx)
		if err != nil {
			return err
		}
		defer closeIt()
		at[i] = f
	}
	errs := make([]error, n)
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() { errs[i] = fn(i, at[i%2]) })
	}
	all.Wait()
	return first(errs...)
}

func manyNodes(ctx context.Context, s *FenceSite) error {
	for round := range 20 {
		var mu sync.Mutex
		got := 0
		err := bothAtOnce(ctx, s, func(i int, f storage.Fence) error {
			_, err := f.Lease(ctx, fmt.Sprint("shard-", round), fmt.Sprint("node-", i), long)
			if err == nil {
				mu.Lock()
				got++
				mu.Unlock()
				return nil
			}
			return is(err, chat.ErrConflict, "node")
		})
		if err := first(err, want("nodes that got the lease", got, 1)); err != nil {
			return err
		}
	}
	return nil
}

func swaps(ctx context.Context, f storage.Fence) error {
	value := func(name, wanted string) error {
		got, err := f.Value(ctx, name)
		return first(err, want("the register", got, wanted))
	}
	big := strings.Repeat("x", storage.MaxRegister)
	return first(
		value("cursor", ""),
		is(f.Swap(ctx, "cursor", "1", "2"), chat.ErrConflict, "from"), value("cursor", ""),
		f.Swap(ctx, "cursor", "", "1"), value("cursor", "1"),
		is(f.Swap(ctx, "cursor", "", "3"), chat.ErrConflict, "from"), value("cursor", "1"),
		f.Swap(ctx, "cursor", "1", "1"), value("cursor", "1"),
		f.Swap(ctx, "cursor", "1", big), value("cursor", big),
		f.Swap(ctx, "cursor", big, "\x00\xffany bytes"), value("cursor", "\x00\xffany bytes"),
		f.Swap(ctx, "cursor", "\x00\xffany bytes", ""), value("cursor", ""),
		f.Swap(ctx, "cursor", "", "again"), value("cursor", "again"))
}

// manySwaps counts: each of 16 adds one ten times.
func manySwaps(ctx context.Context, s *FenceSite) error {
	const each = 10
	err := bothAtOnce(ctx, s, func(_ int, f storage.Fence) error {
		for done := 0; done < each; {
			was, err := f.Value(ctx, "count")
			if err != nil {
				return err
			}
			n, _ := strconv.Atoi(was)
			switch err := f.Swap(ctx, "count", was, strconv.Itoa(n+1)); {
			case err == nil:
				done++
			case !errors.Is(err, chat.ErrConflict):
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	return atFence(func(ctx context.Context, f storage.Fence) error {
		got, err := f.Value(ctx, "count")
		return first(err, want("the count of 16 that added 10 each", got, "160"))
	})(ctx, s)
}

func registerNames(ctx context.Context, f storage.Fence) error {
	_, err := took(ctx, f, "one", "a", long)
	if err := first(err, f.Swap(ctx, "one", "", "1"), f.Swap(ctx, "two", "", "2")); err != nil {
		return err
	}
	one, err1 := f.Value(ctx, "one")
	two, err2 := f.Value(ctx, "two")
	l, err3 := f.Held(ctx, "one")
	_, err4 := f.Held(ctx, "two")
	return first(err1, err2, err3, want("one", one, "1"), want("two", two, "2"), want("the lease", l.Node, "a"),
		is(err4, chat.ErrNotFound, ""))
}

func fenceReopened(ctx context.Context, s *FenceSite) error {
	var term int64
	err := atFence(func(ctx context.Context, f storage.Fence) error {
		if err := f.Swap(ctx, "epoch", "", "7"); err != nil {
			return err
		}
		l, err := took(ctx, f, "shard-1", "a", long)
		term = l.Term
		return err
	})(ctx, s)
	if err != nil {
		return err
	}
	return atFence(func(ctx context.Context, f storage.Fence) error {
		epoch, err := f.Value(ctx, "epoch")
		if err := first(err, want("the register", epoch, "7"), refused(ctx, f, "shard-1", "b")); err != nil {
			return err
		}
		l, err := f.Held(ctx, "shard-1")
		return first(err, want("the term", l.Term, term))
	})(ctx, s)
}

func fenceInvalid(ctx context.Context, f storage.Fence) error {
	lease := func(name, node string, ttl time.Duration) error {
		_, err := f.Lease(ctx, name, node, ttl)
		return err
	}
	longest := strings.Repeat("x", chat.MaxKey)
	err := first(
		is(lease("", "a", long), chat.ErrInvalid, "name"),
		is(lease("with space", "a", long), chat.ErrInvalid, "name"),
		is(lease(longest+"x", "a", long), chat.ErrTooLarge, "name"),
		is(lease("n", "", long), chat.ErrInvalid, "node"),
		is(lease("n", "a\x00", long), chat.ErrInvalid, "node"),
		is(lease("n", "a", 0), chat.ErrInvalid, "ttl"),
		is(lease("n", "a", -time.Second), chat.ErrInvalid, "ttl"),
		is(lease("n", "a", storage.MaxLease+1), chat.ErrTooLarge, "ttl"),
		is(f.Swap(ctx, "", "", "1"), chat.ErrInvalid, "name"),
		is(f.Swap(ctx, "n", "", strings.Repeat("x", storage.MaxRegister+1)), chat.ErrTooLarge, "to"))
	if err != nil {
		return err
	}
	_, err = f.Held(ctx, "n")
	value, err2 := f.Value(ctx, "n")
	return first(is(err, chat.ErrNotFound, ""), err2, want("the register", value, ""),
		lease(longest, longest, storage.MaxLease), f.Swap(ctx, longest, "", "1"))
}

func fenceCancelled(ctx context.Context, f storage.Fence) error {
	gone, cancel := context.WithCancel(ctx)
	cancel()
	_, err1 := f.Lease(gone, "shard-1", "a", long)
	_, err2 := f.Held(gone, "shard-1")
	_, err3 := f.Value(gone, "cursor")
	for _, err := range []error{err1, err2, err3, f.Swap(gone, "cursor", "", "1"), f.Release(gone, "shard-1", "a")} {
		if !errors.Is(err, context.Canceled) {
			return fmt.Errorf("error %v, want the context's", err)
		}
	}
	_, err := took(ctx, f, "shard-1", "b", long)
	value, err2 := f.Value(ctx, "cursor")
	return first(err, err2, want("the register", value, ""))
}

func fenceClosed(ctx context.Context, s *FenceSite) error {
	f, closeIt, err := s.Open(ctx)
	if err := first(err, closeIt(), closeIt()); err != nil {
		return err
	}
	_, err1 := f.Lease(ctx, "shard-1", "a", long)
	_, err2 := f.Held(ctx, "shard-1")
	_, err3 := f.Value(ctx, "cursor")
	return first(is(err1, chat.ErrClosed, ""), is(err2, chat.ErrClosed, ""), is(err3, chat.ErrClosed, ""),
		is(f.Swap(ctx, "cursor", "", "1"), chat.ErrClosed, ""), is(f.Release(ctx, "shard-1", "a"), chat.ErrClosed, ""))
}
