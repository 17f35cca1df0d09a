package hub

import (
	"context"
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

	rooms  map[string]chat.Seq // by key: how far each is
	events int64
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

// finish fills the generation that is being made, and lets it answer.
func (w *making) finish(ctx context.Context, x indexed) error {
	// Until all followers know of it, and feed it, too, what begins from then on.
	if err := sleep(ctx, 2*indexedFor); err != nil {
		return err
	}
	if err := w.fill(ctx, *x.makes); err != nil {
		return err
	}
	_, err := w.h.generations.swap(ctx, w.tenant, x, func(x *indexed) {
		x.left = append(x.left, left{x.answers, time.Now()})
		x.answers, x.makes = *x.makes, nil
	})
	return err
}

// forgo drops the generation that was left first.
func (w *making) forgo(ctx context.Context, x indexed) error {
	g := w.h.generations
	ix, err := g.index(ctx, x.left[0].generation)
	if err != nil {
		return err
	}
	if err := ix.Drop(ctx, storage.Span{Tenant: w.tenant}, time.Time{}); err != nil {
		return err
	}
	_, err = g.swap(ctx, w.tenant, x, func(x *indexed) { x.left = x.left[1:] })
	return err
}

// fill brings a generation to what the archive shows, and marks it as full.
func (w *making) fill(ctx context.Context, g generation) error {
	w.rooms, w.events = map[string]chat.Seq{}, 0
	ix, err := w.h.generations.index(ctx, g)
	if err != nil {
		return err
	}
	var part []chat.Event // of one room
	for entry, err := range w.h.set.History.Scan(ctx, storage.Span{Tenant: w.tenant}, "") {
		if err != nil {
			return err
		}
		if len(part) > 0 && (len(part) == storage.MaxPage || part[0].Room != entry.Event.Room) {
			if err := w.part(ctx, ix, g.analysis, part); err != nil {
				return err
			}
			part = part[:0]
		}
		part = append(part, entry.Event)
	}
	if err := w.part(ctx, ix, g.analysis, part); err != nil {
		return err
	}
	if err := w.catchUp(ctx, g); err != nil {
		return err
	}
	return w.full(ctx, g)
}

// full marks a generation as one that is not empty.
func (w *making) full(ctx context.Context, g generation) error {
	ix, err := w.h.generations.index(ctx, g)
	if err != nil {
		return err
	}
	return ix.Apply(ctx, nil, fullMark(w.tenant))
}

// part indexes a part of a room's log, unless that is done.
func (w *making) part(ctx context.Context, ix search.Index, a search.Analysis, events []chat.Event) error {
	if len(events) == 0 {
		return nil
	}
	if err := w.lease(ctx); err != nil {
		return err
	}
	room, last := events[0].Room, events[len(events)-1].Last()
	done, known := w.rooms[room.Key]
	if !known {
		marks, err := ix.Watermark(ctx, room)
		if err != nil {
			return err
		}
		done = marks[0]
	}
	if done < last {
		page := storage.Page{Events: events}
		for i := range events {
			if events[i].Changes() {
				page.Changes = append(page.Changes, events[i])
			}
		}
		if _, err := w.h.index(ctx, ix, a, page); err != nil {
			return err
		}
	}
	w.rooms[room.Key] = max(done, last)
	w.events += int64(len(events))
	return w.tell(ctx)
}

// catchUp brings each room that was gone through to what the archive shows; from then on
// the followers see to it. Rooms that are newer are fed by them from their beginning.
func (w *making) catchUp(ctx context.Context, g generation) error {
	ix, err := w.h.generations.index(ctx, g)
	if err != nil {
		return err
	}
	for key := range w.rooms {
		if err := w.room(ctx, ix, g, chat.RoomID{Tenant: w.tenant, Key: key}); err != nil {
			return err
		}
	}
	return nil
}

// room brings a room to what the archive shows at the end.
func (w *making) room(ctx context.Context, ix search.Index, g generation, room chat.RoomID) error {
	x := &indexer{h: w.h, done: map[indexedRoom]chat.Seq{}}
	for {
		if err := w.lease(ctx); err != nil {
			return err
		}
		page, err := w.h.set.History.Page(ctx, room, chat.Latest(1).All())
		if err != nil {
			return err
		}
		marks, err := ix.Watermark(ctx, room)
		if err != nil || marks[0] >= page.Head {
			return err
		}
		if err := x.bring(ctx, ix, g, chat.Position{Room: room, Seq: page.Head}, marks[0]); err != nil {
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
	return fence.Swap(ctx, madeRegister(w.tenant), was, fmt.Sprint(len(w.rooms), w.events))
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
