package searchtest

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"time"

	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/search"
	"github.com/parlor-chat/parlor/storage"
)

// calls is every method once, with arguments that would change something.
func calls(ix search.Index) map[string]func(context.Context) error {
	return map[string]func(context.Context) error{
		"Apply": func(ctx context.Context) error {
			return ix.Apply(ctx, []search.Document{doc("r", 9, 9, "late")}, at("r", 9))
		},
		"Search": func(ctx context.Context) error {
			_, err := ix.Search(ctx, search.Request{Scope: rooms("r"), Limit: 1})
			return err
		},
		"Watermark": func(ctx context.Context) error {
			_, err := ix.Watermark(ctx, at("r", 0).Room)
			return err
		},
		"Drop": func(ctx context.Context) error {
			return ix.Drop(ctx, storage.Span{Tenant: tenant}, time.Time{})
		},
	}
}

var lifeCases = []indexCase{
	{
		"a context that is done", "who has given up wants no answer, and no change",
		func(w *world) error {
			if err := w.apply(doc("r", 1, 0, "x")); err != nil {
				return err
			}
			cancelled, cancel := context.WithCancel(w.ctx)
			cancel()
			expired, stop := context.WithDeadline(w.ctx, time.Unix(0, 0))
			defer stop()
			for name, call := range calls(w.ix) {
				if err := call(cancelled); !errors.Is(err, context.Canceled) {
					return fmt.Errorf("%s with a cancelled context: %v", name, err)
				}
				if err := call(expired); !errors.Is(err, context.DeadlineExceeded) {
					return fmt.Errorf("%s with an expired context: %v", name, err)
				}
			}
			return errs(w.refresh(), w.findsSeqs(nil, 1), marked(w, "r", 0))
		},
	},
	{
		"closed", "after its close a handle says so, and closing again is no error",
		func(w *world) error {
			if err := w.apply(doc("r", 1, 0, "x")); err != nil {
				return err
			}
			for range 2 {
				if err := w.close(); err != nil {
					return fmt.Errorf("close: %w", err)
				}
			}
			for name, call := range calls(w.ix) {
				if err := call(w.ctx); !errors.Is(err, chat.ErrClosed) {
					return fmt.Errorf("%s on a closed index: %v", name, err)
				}
			}
			return nil
		},
	},
	{
		"opened again", "an index keeps its documents, revisions and watermarks over a restart",
		func(w *world) error {
			d := doc("r", 1, 0, "x y", "author", "ann")
			gone := doc("r", 2, 1, "secret")
			if err := errs(w.apply(d, retracted(gone, 3)), w.ix.Apply(w.ctx, nil, at("r", 3)), w.refresh(), w.close()); err != nil {
				return err
			}
			again, err := open(w.ctx, w.site)
			if err != nil {
				return err
			}
			defer again.close()
			again.applied = w.applied
			return errs(
				marked(again, "r", 3), again.apply(gone, revised(d, 1, "older")), again.findsSeqs(phrase("x", "y"), 1),
				again.agrees(search.Request{Scope: rooms("r"), Limit: 5, Count: 5, Facets: []search.Facet{{Field: "author", Size: 5}}}),
			)
		},
	},
	{
		"two at once", "two nodes work on one index: each sees what the other wrote, and closes for itself",
		func(w *world) error {
			other, err := open(w.ctx, w.site)
			if err != nil {
				return err
			}
			defer other.close()
			return errs(
				w.apply(doc("r", 1, 0, "x")), other.findsSeqs(search.Term("x"), 1),
				other.apply(doc("r", 2, 0, "x")), other.ix.Apply(w.ctx, nil, at("r", 2)), other.refresh(), other.close(),
				w.findsSeqs(search.Term("x"), 1, 2), marked(w, "r", 2),
			)
		},
	},
	{
		"one step", "who sees a watermark sees its documents, and the other way round, while a follower writes",
		func(w *world) error {
			const n = 100
			readers := []chan struct{}{make(chan struct{}), make(chan struct{})}
			done, failed := make(chan struct{}), make(chan error, len(readers))
			for _, looked := range readers {
				go func() {
					defer close(looked)
					failed <- w.watch(n, looked, done)
				}()
			}
			var err error
			for i := chat.Seq(1); i <= n && err == nil; i++ {
				d := doc("r", i, n-int(i), "x") // each older than the ones before
				err = w.ix.Apply(w.ctx, []search.Document{d}, d.Position)
				for _, looked := range readers {
					<-looked // so that they look all the time, however quick the writer is
				}
			}
			close(done)
			return errs(err, <-failed, <-failed, w.refresh(), marked(w, "r", n))
		},
	},
}

// watch looks while Seq 1 to n of room "r" are written one by one, until that is done, and
// says after each look that it looked, to whoever waits for it.
func (w *world) watch(n int, looked chan<- struct{}, done <-chan struct{}) error {
	for {
		if err := w.look(n); err != nil {
			return err
		}
		select {
		case <-done:
			return nil
		case looked <- struct{}{}:
		default:
			runtime.Gosched() // on one processor the writer would wait long
		}
	}
}

// look compares what is found with the watermarks before and after.
func (w *world) look(n int) error {
	before, err := w.ix.Watermark(w.ctx, at("r", 0).Room)
	if err != nil {
		return err
	}
	res, err := w.ix.Search(w.ctx, search.Request{Where: search.Term("x"), Scope: rooms("r"), Limit: search.MaxLimit, Count: n})
	if err != nil {
		return err
	}
	after, err := w.ix.Watermark(w.ctx, at("r", 0).Room)
	if err != nil {
		return err
	}
	if res.Count != len(res.Hits) || chat.Seq(res.Count) < before[0] || chat.Seq(res.Count) > after[0] {
		return fmt.Errorf("%d hits, count %d, between the watermarks %d and %d", len(res.Hits), res.Count, before[0], after[0])
	}
	return nil
}
