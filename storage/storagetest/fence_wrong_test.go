package storagetest_test

import (
	"context"
	"errors"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/drivers/memory"
	"github.com/parlor-chat/parlor/internal/suite"
	"github.com/parlor-chat/parlor/storage"
	"github.com/parlor-chat/parlor/storage/storagetest"
)

// The wrong fences each replace a method of a right one.
type (
	rightFence = storage.Fence

	neverEnds   struct{ rightFence }
	twoHold     struct{ rightFence }
	noRetry     struct{ rightFence }
	noRenewal   struct{ rightFence }
	termPerBeat struct {
		rightFence
		n *atomic.Int64
	}
	oneTerm       struct{ rightFence }
	keepsReleased struct{ rightFence }
	freesAny      struct{ rightFence }
	oneLease      struct{ rightFence }
	showsEnded    struct {
		rightFence
		last *storage.Lease
	}
	racyLease struct{ rightFence }
	blindSwap struct{ rightFence }
	racySwap  struct{ rightFence }
	lostSwap  struct {
		rightFence
		n *atomic.Int64
	}
	oneRegister struct{ rightFence }
	anyTTL      struct{ rightFence }
	anyValue    struct{ rightFence }
	deaf        struct{ rightFence }
)

func (f neverEnds) Lease(ctx context.Context, name, node string, _ time.Duration) (storage.Lease, error) {
	return f.rightFence.Lease(ctx, name, node, storage.MaxLease)
}

func (f twoHold) Lease(ctx context.Context, name, node string, ttl time.Duration) (storage.Lease, error) {
	l, err := f.rightFence.Lease(ctx, name, node, ttl)
	if errors.Is(err, chat.ErrConflict) {
		return storage.Lease{Node: node, Term: 9, Until: time.Now().Add(ttl)}, nil
	}
	return l, err
}

func (f noRetry) Lease(ctx context.Context, name, node string, ttl time.Duration) (storage.Lease, error) {
	l, err := f.rightFence.Lease(ctx, name, node, ttl)
	var e *chat.Error
	if errors.As(err, &e) {
		e.Retry = 0
	}
	return l, err
}

func (f noRenewal) Lease(ctx context.Context, name, node string, ttl time.Duration) (storage.Lease, error) {
	if l, err := f.rightFence.Held(ctx, name); err == nil && l.Node == node {
		return l, nil
	}
	return f.rightFence.Lease(ctx, name, node, ttl)
}

func (f termPerBeat) Lease(ctx context.Context, name, node string, ttl time.Duration) (storage.Lease, error) {
	l, err := f.rightFence.Lease(ctx, name, node, ttl)
	l.Term += f.n.Add(1)
	return l, err
}

func (f oneTerm) Lease(ctx context.Context, name, node string, ttl time.Duration) (storage.Lease, error) {
	l, err := f.rightFence.Lease(ctx, name, node, ttl)
	l.Term = 1
	return l, err
}

func (keepsReleased) Release(context.Context, string, string) error { return nil }

func (f freesAny) Release(ctx context.Context, name, _ string) error {
	l, err := f.rightFence.Held(ctx, name)
	if err != nil {
		return nil
	}
	return f.rightFence.Release(ctx, name, l.Node)
}

func (f oneLease) Lease(ctx context.Context, _, node string, ttl time.Duration) (storage.Lease, error) {
	return f.rightFence.Lease(ctx, "same", node, ttl)
}

func (f showsEnded) Lease(ctx context.Context, name, node string, ttl time.Duration) (storage.Lease, error) {
	l, err := f.rightFence.Lease(ctx, name, node, ttl)
	if err == nil {
		*f.last = l
	}
	return l, err
}

func (f showsEnded) Held(context.Context, string) (storage.Lease, error) {
	if f.last.Node == "" {
		return storage.Lease{}, chat.ErrNotFound
	}
	return *f.last, nil
}

// Lease looks first and takes then.
func (f racyLease) Lease(ctx context.Context, name, node string, ttl time.Duration) (storage.Lease, error) {
	if l, err := f.rightFence.Held(ctx, name); err == nil && l.Node != node {
		return f.rightFence.Lease(ctx, name, node, ttl)
	}
	time.Sleep(time.Millisecond)
	if l, err := f.rightFence.Held(ctx, name); err == nil {
		f.rightFence.Release(ctx, name, l.Node)
	}
	return f.rightFence.Lease(ctx, name, node, ttl)
}

func (f blindSwap) Swap(ctx context.Context, name, _, to string) error {
	was, err := f.rightFence.Value(ctx, name)
	if err != nil {
		return err
	}
	return f.rightFence.Swap(ctx, name, was, to)
}

// Swap compares first and sets then.
func (f racySwap) Swap(ctx context.Context, name, from, to string) error {
	was, err := f.rightFence.Value(ctx, name)
	switch {
	case err != nil:
		return err
	case was != from:
		return &chat.Error{Kind: chat.ErrConflict, Field: "from"}
	}
	runtime.Gosched()
	return blindSwap(f).Swap(ctx, name, from, to)
}

func (f lostSwap) Swap(ctx context.Context, name, from, to string) error {
	if f.n.Add(1)%40 == 0 {
		return nil
	}
	return f.rightFence.Swap(ctx, name, from, to)
}

func (f oneRegister) Swap(ctx context.Context, _, from, to string) error {
	return f.rightFence.Swap(ctx, "same", from, to)
}
func (f oneRegister) Value(ctx context.Context, _ string) (string, error) {
	return f.rightFence.Value(ctx, "same")
}

func (f anyTTL) Lease(ctx context.Context, name, node string, ttl time.Duration) (storage.Lease, error) {
	return f.rightFence.Lease(ctx, name, node, min(max(ttl, 1), storage.MaxLease))
}

func (f anyValue) Swap(ctx context.Context, name, from, to string) error {
	return f.rightFence.Swap(ctx, name, from, to[:min(len(to), storage.MaxRegister)])
}

func (f deaf) Lease(_ context.Context, name, node string, ttl time.Duration) (storage.Lease, error) {
	return f.rightFence.Lease(context.Background(), name, node, ttl)
}

// fences makes a site of which each opening goes through wrap.
func fences(wrap func(storage.Fence) storage.Fence) func(testing.TB) *storagetest.FenceSite {
	return func(testing.TB) *storagetest.FenceSite {
		place := memory.New(nil)
		return &storagetest.FenceSite{Open: func(context.Context) (storage.Fence, func() error, error) {
			s := place.Reopen()
			return wrap(s.Fence()), s.Close, nil
		}}
	}
}

func TestTheSuiteOfAFenceCatches(t *testing.T) {
	var n atomic.Int64
	forgets := func(testing.TB) *storagetest.FenceSite {
		return &storagetest.FenceSite{Open: func(context.Context) (storage.Fence, func() error, error) {
			s := memory.New(nil)
			return s.Fence(), s.Close, nil
		}}
	}
	staysOpen := func(testing.TB) *storagetest.FenceSite {
		place := memory.New(nil)
		return &storagetest.FenceSite{Open: func(context.Context) (storage.Fence, func() error, error) {
			return place.Fence(), func() error { return nil }, nil
		}}
	}
	suite.Catch(t, storagetest.FenceCases(), []suite.Wrong[*storagetest.FenceSite]{
		{Name: "a lease that never ends", Case: "a lease ends by itself", At: fences(func(f storage.Fence) storage.Fence { return neverEnds{f} })},
		{Name: "a lease that two hold", Case: "one node has a lease", At: fences(func(f storage.Fence) storage.Fence { return twoHold{f} })},
		{Name: "no Retry", Case: "a conflict says when to come again", At: fences(func(f storage.Fence) storage.Fence { return noRetry{f} })},
		{Name: "no renewal", Case: "a lease is renewed", At: fences(func(f storage.Fence) storage.Fence { return noRenewal{f} })},
		{Name: "a term for each beat", Case: "a lease is renewed", At: fences(func(f storage.Fence) storage.Fence { return termPerBeat{f, &n} })},
		{Name: "one term for all", Case: "each taking is a new term", At: fences(func(f storage.Fence) storage.Fence { return oneTerm{f} })},
		{Name: "keeps what is released", Case: "a lease is released at once", At: fences(func(f storage.Fence) storage.Fence { return keepsReleased{f} })},
		{Name: "frees what another has", Case: "only its node releases a lease", At: fences(func(f storage.Fence) storage.Fence { return freesAny{f} })},
		{Name: "one lease for all names", Case: "leases are apart by name", At: fences(func(f storage.Fence) storage.Fence { return oneLease{f} })},
		{Name: "shows a lease that ended", Case: "a lease ends by itself", At: fences(func(f storage.Fence) storage.Fence { return showsEnded{f, new(storage.Lease)} })},
		{Name: "looks before it takes", Case: "of many nodes one gets it", At: fences(func(f storage.Fence) storage.Fence { return racyLease{f} })},
		{Name: "a swap that doesn't compare", Case: "a register is swapped from its value only", At: fences(func(f storage.Fence) storage.Fence { return blindSwap{f} })},
		{Name: "a swap in two steps", Case: "no swap is lost", At: fences(func(f storage.Fence) storage.Fence { return racySwap{f} })},
		{Name: "a swap that loses", Case: "no swap is lost", At: fences(func(f storage.Fence) storage.Fence { return lostSwap{f, &n} })},
		{Name: "one register for all names", Case: "registers are apart by name, and from leases", At: fences(func(f storage.Fence) storage.Fence { return oneRegister{f} })},
		{Name: "forgets when it is closed", Case: "a fence is still there when opened again", At: forgets},
		{Name: "any time to live", Case: "what is invalid is refused by a fence", At: fences(func(f storage.Fence) storage.Fence { return anyTTL{f} })},
		{Name: "cuts what is too large", Case: "what is invalid is refused by a fence", At: fences(func(f storage.Fence) storage.Fence { return anyValue{f} })},
		{Name: "hears no context", Case: "a cancelled call leaves a fence as it was", At: fences(func(f storage.Fence) storage.Fence { return deaf{f} })},
		{Name: "works on when it is closed", Case: "a closed fence says so", At: staysOpen},
	})
}
