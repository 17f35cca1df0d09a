package hub

import (
	"context"
	"errors"

	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/storage"
)

// target is a text as it is now, and how many changes it has had.
type target struct {
	chat.Message
	changes int
}

// target finds the text that id names, itself or by one of its changes. A text
// that m may not see, or that is gone, is not there: [chat.ErrNotFound] with
// field.
func (h *Hub) target(ctx context.Context, op, field string, m storage.Member, id chat.EventID) (target, error) {
	e, changes, err := h.text(ctx, op, field, m, id)
	if err != nil {
		return target{}, err
	}
	t := target{chat.Fold([]chat.Event{e}, changes)[0], len(changes)}
	if t.Gone != nil {
		return target{}, &chat.Error{Kind: chat.ErrNotFound, Op: op, Field: field}
	}
	return t, nil
}

// text is target as it is kept, with all that changes it. It may be gone.
func (h *Hub) text(ctx context.Context, op, field string, m storage.Member, id chat.EventID) (chat.Event, []chat.Event, error) {
	if id.IsZero() {
		return chat.Event{}, nil, &chat.Error{Kind: chat.ErrInvalid, Op: op, Field: field}
	}
	e, changes, err := h.findFor(ctx, m, id)
	if err == nil && e.Changes() {
		e, changes, err = h.findFor(ctx, m, e.Target)
	}
	hidden := !e.IsText() || e.Seq < m.From && !(e.Seq == 0 && e.Sender == m.User)
	if err == nil && hidden || errors.Is(err, chat.ErrNotFound) {
		err = &chat.Error{Kind: chat.ErrNotFound, Op: op, Field: field}
	}
	return e, changes, err
}

// findFor is find for a member. What another said may be placed, and heard by all, before its
// node has noted so. Until then it is as if it weren't there.
func (h *Hub) findFor(ctx context.Context, m storage.Member, id chat.EventID) (chat.Event, []chat.Event, error) {
	e, changes, err := h.find(ctx, m.Room, id)
	if err == nil && e.Seq == 0 && e.Sender != m.User {
		return h.placed(ctx, m.Room, id)
	}
	return e, changes, err
}

// find reads one event by its id, with all that changes it. One that is pending on this node
// has no Seq.
func (h *Hub) find(ctx context.Context, room chat.RoomID, id chat.EventID) (chat.Event, []chat.Event, error) {
	if e, ok := h.pending(ctx, room, id); ok {
		return e, nil, nil
	}
	return h.placed(ctx, room, id)
}

// placed is find for what has its place: from the head, where what is new lies, else from the
// archive.
func (h *Hub) placed(ctx context.Context, room chat.RoomID, id chat.EventID) (chat.Event, []chat.Event, error) {
	var found *chat.Event
	var recent []chat.Event // changes of it that the head holds
	err := h.backwards(ctx, room, func(e *chat.Event) bool {
		switch {
		case e.ID == id: // all its changes are newer, so they were seen
			found = e
		case e.Changes() && e.Target == id:
			recent = append(recent, *e)
		}
		return found == nil
	})
	switch {
	case err != nil:
		return chat.Event{}, nil, err
	case found != nil:
		return *found, recent, nil
	}
	page, err := h.set.History.Lookup(ctx, []storage.Ref{{Room: room, ID: id}})
	if err != nil {
		return chat.Event{}, nil, err
	}
	if len(page.Events) == 0 {
		return chat.Event{}, nil, &chat.Error{Kind: chat.ErrNotFound, Op: "find", Field: "id"}
	}
	return page.Events[0], mergeChanges(page.Changes, recent), nil
}

// backwards goes through the head of a room, newest first, until fn returns false.
func (h *Hub) backwards(ctx context.Context, room chat.RoomID, fn func(*chat.Event) bool) error {
	for r := chat.Latest(chat.MaxBatch).All(); ; {
		head, err := h.set.Broker.Recent(ctx, room, r)
		if err != nil {
			return err
		}
		for i := len(head.Events) - 1; i >= 0; i-- {
			if !fn(&head.Events[i]) {
				return nil
			}
		}
		if len(head.Events) == 0 || head.Events[0].Seq <= head.First {
			return nil
		}
		r = chat.Before(head.Events[0].Seq, chat.MaxBatch).All()
	}
}

// mergeChanges is both lists without repeats, in no order: Fold sorts.
func mergeChanges(a, b []chat.Event) []chat.Event {
	if len(a) == 0 || len(b) == 0 {
		return append(a[:len(a):len(a)], b...)
	}
	seen := make(map[chat.EventID]bool, len(a))
	for i := range a {
		seen[a[i].ID] = true
	}
	all := a[:len(a):len(a)]
	for i := range b {
		if !seen[b[i].ID] {
			all = append(all, b[i])
		}
	}
	return all
}
