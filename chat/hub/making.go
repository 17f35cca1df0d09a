package hub

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/search"
	"github.com/parlor-chat/parlor/storage"
)

// making is the work on one generation of a tenant's index. Whatever is done twice, by
// two nodes or after a crash, changes nothing: documents have revisions, watermarks only
// rise.
type making struct {
	h      *Hub
	node   string
	tenant string

	leased time.Time // when the lease was asked for
	told   time.Time // when it was written down how far it is

	rooms, events int64 // that were gone through
}

// lease takes or renews this node's right to do it, where that is due.
func (w *making) lease(ctx context.Context) error {
	if time.Since(w.leased) < beatEvery {
		return nil
	}
	asked := time.Now()
	ctx, cancel := context.WithTimeout(ctx, fenceTime)
	defer cancel()
	if _, err := w.h.set.Fence.Lease(ctx, w.name(), w.node, shardLease); err != nil {
		return err
	}
	w.leased = asked
	return nil
}

func (w *making) release(ctx context.Context) {
	if w.leased.IsZero() {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), fenceTime)
	defer cancel()
	w.h.set.Fence.Release(ctx, w.name(), w.node) // or it ends by itself
}

func (w *making) name() string { return "index." + w.tenant }

// do does one thing.
func (w *making) do(ctx context.Context, what deed, x indexed) error {
	g := w.h.generations
	change := func(*indexed) {}
	switch what {
	case begin:
		return g.begin(ctx, w.tenant, x)
	case found: // from here on, an empty index is one that was lost
		if err := w.fill(ctx, x.answers); err != nil {
			return err
		}
	case fill:
		if err := w.refill(ctx, x.answers); err != nil {
			return err
		}
		change = func(x *indexed) { x.fills = false }
	case finish:
		// All followers know of it by then, and feed it, too, what begins later.
		if err := sleep(ctx, 2*indexedFor); err != nil {
			return err
		}
		if err := w.fill(ctx, *x.makes); err != nil {
			return err
		}
		change = func(x *indexed) {
			x.left = append(x.left, left{x.answers, time.Now()})
			x.answers = *x.makes
		}
	case sweep:
		// Nobody feeds the old one alone by then: not a node that heard of it late, nor one of
		// another version, which can't feed the new one.
		if err := sleep(ctx, 2*indexedFor); err != nil {
			return err
		}
		if err := w.fill(ctx, x.answers); err != nil {
			return err
		}
		change = func(x *indexed) { x.makes = nil }
	case forgo:
		if err := w.drop(ctx, x.left[0].generation); err != nil {
			return err
		}
		change = func(x *indexed) { x.left = x.left[1:] }
	}
	_, err := g.swap(ctx, w.tenant, x, change)
	return err
}

// refill fills a generation that was lost. Whatever followers fed it since is dropped: their
// watermarks would hide what is missing. They feed it again when it is full.
func (w *making) refill(ctx context.Context, g generation) error {
	if err := sleep(ctx, 2*indexedFor); err != nil { // until they all know
		return err
	}
	if err := w.drop(ctx, g); err != nil {
		return err
	}
	return w.fill(ctx, g)
}

// drop drops all that a generation holds of the tenant.
func (w *making) drop(ctx context.Context, g generation) error {
	ix, err := w.h.generations.index(ctx, g)
	if err != nil {
		return err
	}
	return ix.Drop(ctx, storage.Span{Tenant: w.tenant}, time.Time{})
}

// fill brings a generation to what the archive shows, and marks it as full. Rooms that
// begin meanwhile are fed by the followers.
func (w *making) fill(ctx context.Context, g generation) error {
	a, known := search.AnalysisNamed(g.analysis)
	if !known {
		return &chat.Error{Kind: chat.ErrUnavailable, Op: "index", Field: "analysis", Err: errors.New("it is another version's: " + g.analysis)}
	}
	ix, err := w.h.generations.index(ctx, g)
	if err != nil {
		return err
	}
	w.rooms, w.events, w.told = 0, 0, time.Time{}
	if err := w.tell(ctx); err != nil {
		return err
	}
	if err := w.h.eachArchived(ctx, w.tenant, func(room chat.RoomID) error { return w.room(ctx, ix, a, room) }); err != nil {
		return err
	}
	return ix.Apply(ctx, nil, fullMark(w.tenant))
}

// room brings a room to what the archive shows at the end; from then on the followers see
// to it.
func (w *making) room(ctx context.Context, ix search.Index, a search.Analysis, room chat.RoomID) error {
	w.rooms++
	for {
		if err := w.lease(ctx); err != nil {
			return err
		}
		marks, err := ix.Watermark(ctx, room)
		if err != nil {
			return err
		}
		page, err := w.h.set.History.Page(ctx, room, chat.After(marks[0], storage.MaxPage).All())
		if err != nil || len(page.Events) == 0 {
			return err
		}
		if _, err := w.h.index(ctx, ix, a, page); err != nil {
			return err
		}
		w.events += int64(len(page.Events))
		if err := w.tell(ctx); err != nil {
			return err
		}
	}
}

// tell writes down how far it is, for whoever asks on any node.
func (w *making) tell(ctx context.Context) error {
	if time.Since(w.told) < saveEvery {
		return nil
	}
	w.told = time.Now()
	fence := w.h.set.Fence
	was, err := fence.Value(ctx, madeRegister(w.tenant))
	if err != nil {
		return err
	}
	return fence.Swap(ctx, madeRegister(w.tenant), was, fmt.Sprint(w.rooms, w.events))
}

func madeRegister(tenant string) string { return "index.at." + tenant }

// madeUpTo is what tell wrote.
func madeUpTo(ctx context.Context, fence storage.Fence, tenant string) (rooms, events int64, err error) {
	s, err := fence.Value(ctx, madeRegister(tenant))
	fmt.Sscan(s, &rooms, &events) // nothing yet: 0
	return rooms, events, err
}

func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
