package hub

import (
	"context"
	"errors"
	"time"

	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/storage"
)

// tidyEvery is how often a node looks which of the events that its journal holds are
// archived.
const tidyEvery = time.Second

// tidy has a journal forget what the archive shows, whichever node brought it there.
type tidy struct {
	h      *Hub
	keeper chat.Keeper
	next   int64 // the number where the next pass goes on
	quit   context.CancelFunc
	done   chan struct{}
}

// startTidy sets h.tidy: nil where there is no journal.
func startTidy(h *Hub) {
	k, err := chat.AsKeeper(h.set.Broker)
	if err != nil {
		return
	}
	ctx, quit := context.WithCancel(context.Background())
	h.tidy = &tidy{h: h, keeper: k, quit: quit, done: make(chan struct{})}
	go h.tidy.run(ctx)
}

func (t *tidy) run(ctx context.Context) {
	defer close(t.done)
	every(ctx, tidyEvery, func() {
		if err := t.pass(ctx); err != nil && ctx.Err() == nil {
			t.h.log.Debug("parlor: a journal can't be compared with the archive", "error", err)
		}
	})
}

// stop ends it, after one last pass.
func (t *tidy) stop(ctx context.Context) {
	t.quit()
	select {
	case <-t.done:
	case <-ctx.Done():
		return
	}
	t.next = 0
	if err := t.pass(ctx); err != nil {
		t.h.log.Debug("parlor: a journal can't be compared with the archive", "error", err)
	}
}

// pass goes through the journal, oldest first, until the archive shows nothing of a part.
// The next one goes on behind it: a room that can't be archived must not keep others from
// being forgotten.
func (t *tidy) pass(ctx context.Context) error {
	for {
		held, err := t.keeper.Held(ctx, t.next, chat.MaxBatch)
		if err != nil {
			return err
		}
		if len(held) == 0 {
			t.next = 0
			return nil
		}
		shown, err := t.shown(ctx, held)
		if err != nil {
			return err
		}
		t.next = held[len(held)-1].Number + 1
		if len(shown) == 0 {
			return nil
		}
		if err := t.keeper.Forget(ctx, shown...); err != nil {
			return err
		}
	}
}

// shown is what the archive shows of what is held. What was erased is not shown as refused:
// a journal must not keep it.
func (t *tidy) shown(ctx context.Context, held []chat.Held) ([]chat.Event, error) {
	var refs []storage.Ref
	for i := range held {
		if h := &held[i]; h.State == chat.Placed || h.Aside != nil { // what is set aside may have been placed by an earlier try
			refs = append(refs, storage.Ref{Room: h.Event.Room, ID: h.Event.ID})
		}
	}
	if len(refs) == 0 {
		return nil, nil
	}
	page, err := t.h.set.History.Lookup(ctx, refs)
	if err != nil {
		return nil, err
	}
	erased := map[chat.EventID]bool{}
	for i := range page.Changes {
		if c := &page.Changes[i]; c.Kind() == chat.KindErase {
			erased[c.Target] = true
		}
	}
	for i, e := range page.Events {
		if erased[e.Subject()] {
			page.Events[i] = tombstone(e)
		}
	}
	for i := range held {
		if spent, err := t.spent(ctx, &held[i].Event); err != nil {
			return nil, err
		} else if spent {
			page.Events = append(page.Events, held[i].Event)
		}
	}
	return page.Events, nil
}

// spent says whether positions that were left out need not be kept: the archive shows the room
// beyond them, be it without a [chat.Void] of that id, where another node opened the room again;
// or the room was opened without them, by another that was first. Where it is closed since
// another loss, and nobody else asks for it, it is opened for that.
func (t *tidy) spent(ctx context.Context, e *chat.Event) (bool, error) {
	if e.Kind() != chat.KindVoid {
		return false, nil
	}
	page, err := t.h.set.History.Page(ctx, e.Room, chat.Latest(1).All())
	if err != nil || page.Head >= e.Last() {
		return err == nil, err
	}
	head, err := t.h.set.Broker.Recent(ctx, e.Room, chat.Latest(1).All())
	return err == nil && head.Last < e.Last(), nil // others are not held up by it
}

// allAside says whether a batch failed only for what a journal has set aside: that is an
// operator's, and trying again can't help.
func allAside(err error) bool {
	var failed *chat.BatchError
	if !errors.As(err, &failed) {
		return false
	}
	for _, why := range failed.Items {
		if !errors.Is(why, chat.ErrExpired) {
			return false
		}
	}
	return true
}

// pending is a text that is kept by this node and not placed yet, for its sender to
// change.
func (h *Hub) pending(ctx context.Context, room chat.RoomID, id chat.EventID) (chat.Event, bool) {
	if h.tidy == nil {
		return chat.Event{}, false
	}
	held, err := h.tidy.keeper.Kept(ctx, id)
	ok := err == nil && held.State == chat.Pending && held.Aside == nil && held.Event.Room == room
	return held.Event, ok
}

// Held lists what this node's journal holds, oldest first, from the one numbered after
// on: what is pending, what waits for the archive, and what was set aside. limit is from
// 1 to [chat.MaxBatch]. Without a journal it is [errors.ErrUnsupported].
func (a Admin) Held(ctx context.Context, after int64, limit int) ([]chat.Held, error) {
	leave, err := a.enter(ctx, "held")
	if err != nil {
		return nil, err
	}
	defer leave()
	if a.h.tidy == nil {
		return nil, &chat.Error{Kind: errors.ErrUnsupported, Op: "held", Field: "journal"}
	}
	return a.h.tidy.keeper.Held(ctx, after, limit)
}

// Decide ends the time of an event that this node set aside: it is placed after all, or
// dropped. What is not set aside is [chat.ErrNotFound]. Whoever has an event placed that
// is older than 24 hours makes sure that it isn't there already: brokers know ids for so
// long.
func (a Admin) Decide(ctx context.Context, id chat.EventID, place bool) error {
	leave, err := a.enter(ctx, "decide", "event", id, "place", place)
	if err != nil {
		return err
	}
	defer leave()
	if a.h.tidy == nil {
		return &chat.Error{Kind: errors.ErrUnsupported, Op: "decide", Field: "journal"}
	}
	return a.h.tidy.keeper.Decide(ctx, id, place)
}
