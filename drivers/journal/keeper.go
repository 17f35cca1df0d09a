package journal

import (
	"context"
	"errors"
	"maps"
	"slices"
	"time"

	"github.com/parlor-chat/parlor/chat"
)

// ready is what every method asks first.
func (j *Journal) ready(ctx context.Context, op string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.closed {
		return &chat.Error{Kind: chat.ErrClosed, Op: op}
	}
	return nil
}

// Held implements chat.Keeper.
func (j *Journal) Held(ctx context.Context, after int64, limit int) ([]chat.Held, error) {
	const op = "held"
	if err := j.ready(ctx, op); err != nil {
		return nil, err
	}
	switch {
	case limit < 1:
		return nil, &chat.Error{Kind: chat.ErrInvalid, Op: op, Field: "limit"}
	case limit > chat.MaxBatch:
		return nil, &chat.Error{Kind: chat.ErrTooLarge, Op: op, Field: "limit", Limit: chat.MaxBatch}
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	i, _ := slices.BinarySearchFunc(j.order, after, byNumber)
	var held []chat.Held
	for _, r := range j.order[i:] {
		if len(held) == limit {
			break
		}
		if r.done != nil && r.kept {
			held = append(held, r.held())
		}
	}
	return held, nil
}

func (r *record) held() chat.Held {
	h := chat.Held{Number: r.number, Event: r.Event, State: chat.Pending, Since: r.Since, Aside: r.aside}
	if r.placed() {
		h.State = chat.Placed
	}
	return h
}

// Kept implements chat.Keeper.
func (j *Journal) Kept(ctx context.Context, id chat.EventID) (chat.Held, error) {
	const op = "kept"
	if err := j.ready(ctx, op); err != nil {
		return chat.Held{}, err
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	if r := j.records[id]; r != nil && r.kept {
		return r.held(), nil
	}
	return chat.Held{}, &chat.Error{Kind: chat.ErrNotFound, Op: op, Field: "id"}
}

// Forget implements chat.Keeper. What is set aside is forgotten, too, where the archive
// shows it: it had been placed by an earlier try.
func (j *Journal) Forget(ctx context.Context, shown ...chat.Event) error {
	if err := j.ready(ctx, "forget"); err != nil {
		return err
	}
	j.mu.Lock()
	var gone []*record
	var aside []Record
	for i := range shown {
		r := j.records[shown[i].ID]
		t, emptied := shown[i].Content.(*chat.Tombstone)
		switch {
		case r == nil || r.pending():
		case !emptied || t.Why != chat.Refused || r.Event.Kind() == chat.KindTombstone:
			gone = append(gone, r)
			j.forget(r)
		case r.aside == nil:
			j.setAside(r, &chat.Error{Kind: chat.ErrInvalid, Op: "archive", Field: "content"})
			aside = append(aside, r.Record)
		}
	}
	j.mu.Unlock()
	j.note(aside)
	j.drop(gone)
	return nil
}

// Decide implements chat.Keeper.
func (j *Journal) Decide(ctx context.Context, id chat.EventID, place bool) error {
	const op = "decide"
	if err := j.ready(ctx, op); err != nil {
		return err
	}
	j.deciding.Lock() // one event is decided once
	defer j.deciding.Unlock()
	j.mu.Lock()
	r := j.records[id]
	switch {
	case r == nil || r.aside == nil:
		j.mu.Unlock()
		return &chat.Error{Kind: chat.ErrNotFound, Op: op, Field: "id"}
	case place && r.placed(): // its id is that of the tombstone
		e := bare(&r.Event)
		// The same each time: if the node dies before the old one is dropped, it is decided again.
		e.ID = chat.DeriveID(e.Room, chat.UserID{}, "anew "+id.String())
		anew := j.add(&e, time.Now())
		if anew == nil { // that was so
			j.mu.Unlock()
			break
		}
		anew.told = true
		j.mu.Unlock()
		if err := j.keep([]*record{anew}); err != nil {
			return err
		}
	case place:
		r.aside, r.Aside, r.err, r.done, r.Since = nil, "", nil, make(chan struct{}), time.Now()
		decided := r.Record
		j.enqueue(r)
		j.mu.Unlock()
		j.note([]Record{decided})
		return nil
	default:
		j.mu.Unlock()
	}
	j.mu.Lock()
	j.forget(r)
	j.mu.Unlock()
	j.drop([]*record{r})
	return nil
}

// Return implements chat.Keeper.
func (j *Journal) Return(ctx context.Context, from, to string) error {
	if err := j.ready(ctx, "return"); err != nil {
		return err
	}
	j.mu.Lock()
	j.returned = true
	var back []*record
	doubt := map[chat.RoomID]bool{}
	for _, r := range j.order {
		switch {
		case r.done == nil || r.aside != nil && !r.tried:
		case r.leftOut():
			doubt[r.Event.Room] = true
		case r.placedIn(from):
			back = append(back, r)
		case r.placed() || r.trying || r.tried: // it may have been placed where nobody knows
			doubt[r.Event.Room] = true
		}
	}
	// In a room, positions rise, though its events may have come in another order.
	slices.SortStableFunc(back, func(a, b *record) int { return int(a.Event.Seq - b.Event.Seq) })
	events := make([]chat.Event, len(back))
	for i, r := range back {
		events[i] = r.Event
	}
	j.mu.Unlock()
	rooms := slices.Collect(maps.Keys(doubt))
	for len(back) > 0 || len(rooms) > 0 {
		n, m := min(len(back), chat.MaxBatch), min(len(rooms), chat.MaxBatch)
		err := chat.PutBack(ctx, j.Broker, to, events[:n], rooms[:m]...)
		var late *chat.BatchError
		if err != nil && !errors.As(err, &late) {
			return err
		}
		j.mu.Lock()
		for i, r := range back[:n] {
			if late == nil || late.Items[i] == nil {
				r.putBackInto(to)
			}
		}
		j.mu.Unlock()
		back, events, rooms = back[n:], events[n:], rooms[m:]
	}
	return nil
}

// Begin implements chat.Keeper.
func (j *Journal) Begin(ctx context.Context, memory string) error {
	if err := j.ready(ctx, "begin"); err != nil {
		return err
	}
	j.mu.Lock()
	j.memory, j.returned = memory, false
	var noted []Record
	for _, r := range j.order {
		switch {
		case r.done == nil || r.aside != nil || !r.placed() || r.leftOut() || r.Memory == memory || !r.kept: // it goes on once it is kept
		case r.placedIn(memory):
			r.Memory, r.returned = memory, nil
			noted = append(noted, r.Record)
		default:
			r.anew()
			j.enqueue(r)
		}
	}
	for _, q := range j.rooms {
		select {
		case q.kick <- struct{}{}:
		default:
		}
	}
	j.mu.Unlock()
	j.note(noted)
	return nil
}

// Memory implements chat.Forgetful, as do the others: by that of the broker.
func (j *Journal) Memory(ctx context.Context) (string, error) { return chat.Memory(ctx, j.Broker) }

// PutBack implements chat.Forgetful.
func (j *Journal) PutBack(ctx context.Context, memory string, events []chat.Event, doubtful ...chat.RoomID) error {
	return chat.PutBack(ctx, j.Broker, memory, events, doubtful...)
}

// Remains implements chat.Forgetful.
func (j *Journal) Remains(ctx context.Context, room chat.RoomID) (chat.Remains, error) {
	return chat.ReadRemains(ctx, j.Broker, room)
}

// Reopen implements chat.Forgetful. Where the room goes on behind positions that are left
// out, that is kept first, until the archive shows the room beyond them: readers cross them at
// once, and what they crossed must not be given away behind another loss.
func (j *Journal) Reopen(ctx context.Context, memory string, room chat.RoomID, with chat.Restored) error {
	if err := j.ready(ctx, "reopen"); err != nil {
		return err
	}
	n := len(with.Events)
	if n == 0 || with.Events[n-1].Kind() != chat.KindVoid {
		return chat.Reopen(ctx, j.Broker, memory, room, with)
	}
	j.mu.Lock()
	r := j.add(&with.Events[n-1], time.Now())
	if r != nil {
		r.Memory = memory
	}
	j.mu.Unlock()
	if r == nil { // it is what this node had
		return chat.Reopen(ctx, j.Broker, memory, room, with)
	}
	if err := j.keep([]*record{r}); err != nil {
		return err
	}
	err := chat.Reopen(ctx, j.Broker, memory, room, with)
	if errors.Is(err, chat.ErrConflict) { // nobody saw it
		j.mu.Lock()
		j.forget(r)
		j.mu.Unlock()
		j.drop([]*record{r})
	}
	return err
}

// Opener implements chat.Forgetful.
func (j *Journal) Opener(open func(context.Context, chat.RoomID) error) {
	chat.SetOpener(j.Broker, open)
}
