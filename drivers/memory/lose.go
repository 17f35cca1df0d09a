package memory

import (
	"context"

	"github.com/parlor-chat/parlor/chat"
)

// lost is what there is of a room that isn't open again since the broker lost events.
type lost struct {
	back    []chat.Event // that were put back
	upTo    chat.Seq     // the last of these
	doubt   bool
	version int64
}

func errClosedRoom(op string) error {
	return &chat.Error{Kind: chat.ErrUnavailable, Op: op, Field: "memory"}
}

// Lose is for tests: the broker forgets the newest n events of each room, as a server
// does that is replaced by a copy of it which is behind; or with n below 0 all, as one
// that starts empty. From then on it has another memory, and all rooms are closed
// ([chat.Forgetful]). Links stay, and so does everything but the broker.
func (s *Store) Lose(n int) {
	d := &s.data.broker
	d.mu.Lock()
	defer d.mu.Unlock()
	d.memory = chat.NewID().String()
	d.forgot.Store(true)
	d.used = 0
	d.log = [chat.Shards]changeLog{}
	for id, r := range d.rooms {
		left := r.events
		switch {
		case n < 0:
			left = nil
		case n > 0:
			left = left[:max(0, len(left)-n)]
		}
		old := r.ids
		*r = head{events: left, ids: map[chat.EventID]chat.Known{}, links: r.links, lost: &lost{}}
		for i := range left {
			e := left[i].event
			r.last, r.textSeq, r.at = e.Last(), e.TextSeq, e.At
			d.used += left[i].bytes
			if known, ok := old[e.ID]; ok {
				r.ids[e.ID] = known
			}
		}
		if r.last > 0 {
			d.log[id.Shard()].add(id, r.last)
		}
	}
}

// Memory implements chat.Forgetful.
func (b broker) Memory(ctx context.Context) (string, error) {
	if err := b.ready(ctx, "memory"); err != nil {
		return "", err
	}
	d := &b.data.broker
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.memory, nil
}

// Opener implements chat.Forgetful.
func (b broker) Opener(open func(context.Context, chat.RoomID) error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.opener = open
}

// open has a room opened if it is closed.
func (b broker) open(ctx context.Context, op string, room chat.RoomID) error {
	d := &b.data.broker
	if !d.forgot.Load() {
		return nil
	}
	d.mu.Lock()
	closed := d.room(room).lost != nil
	d.mu.Unlock()
	if !closed {
		return nil
	}
	b.mu.Lock()
	opener := b.opener
	b.mu.Unlock()
	if opener == nil {
		return errClosedRoom(op)
	}
	return opener(ctx, room)
}

// openAll is open for the rooms of events; a room's failure is that of its events.
func (b broker) openAll(ctx context.Context, events []chat.Event) (failed *chat.BatchError) {
	if !b.data.broker.forgot.Load() {
		return nil
	}
	asked := map[chat.RoomID]error{}
	for i := range events {
		err, known := asked[events[i].Room]
		if !known {
			err = b.open(ctx, "publish", events[i].Room)
			asked[events[i].Room] = err
		}
		if err != nil {
			failed = failed.Fail(i, err)
		}
	}
	return failed
}

// has refuses a memory that isn't the broker's; under mu.
func (d *brokerData) has(op, memory string) error {
	if memory != d.memory {
		return &chat.Error{Kind: chat.ErrConflict, Op: op, Field: "memory"}
	}
	return nil
}

// PutBack implements chat.Forgetful.
func (b broker) PutBack(ctx context.Context, memory string, events []chat.Event, doubtful ...chat.RoomID) error {
	const op = "put back"
	if err := b.ready(ctx, op); err != nil {
		return err
	}
	if err := batch(op, "events", len(events)); err != nil {
		return err
	}
	if err := batch(op, "doubtful", len(doubtful)); err != nil {
		return err
	}
	d := &b.data.broker
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := d.has(op, memory); err != nil {
		return err
	}
	for i := range events {
		if events[i].Seq < 1 || events[i].ID.IsZero() || events[i].Content == nil {
			return &chat.Error{Kind: chat.ErrInvalid, Op: op, Field: "events"}
		}
	}
	var late *chat.BatchError
	for i, e := range events {
		r := d.room(e.Room)
		if r.lost == nil {
			late = late.Fail(i, &chat.Error{Kind: chat.ErrConflict, Op: op, Field: "room"})
			continue
		}
		r.lost.back = append(r.lost.back, e)
		r.lost.upTo = max(r.lost.upTo, e.Last(), r.last)
		r.lost.version++
		d.log[e.Room.Shard()].add(e.Room, r.lost.upTo) // so that it is opened and archived
	}
	for _, room := range doubtful {
		if r := d.room(room); r.lost != nil && !r.lost.doubt {
			r.lost.doubt = true
			r.lost.version++
		}
	}
	return late.AsError()
}

// Remains implements chat.Forgetful.
func (b broker) Remains(ctx context.Context, room chat.RoomID) (chat.Remains, error) {
	if err := b.ready(ctx, "remains"); err != nil {
		return chat.Remains{}, err
	}
	d := &b.data.broker
	d.mu.Lock()
	defer d.mu.Unlock()
	r := d.room(room)
	if r.lost == nil {
		return chat.Remains{Open: true}, nil
	}
	events := append(r.copy(0, len(r.events)), r.lost.back...)
	return chat.Remains{Events: events, Doubt: r.lost.doubt, Version: r.lost.version}, nil
}

// Reopen implements chat.Forgetful.
func (b broker) Reopen(ctx context.Context, memory string, room chat.RoomID, with chat.Restored) error {
	const op = "reopen"
	if err := b.ready(ctx, op); err != nil {
		return err
	}
	if err := chat.CheckDense(with.Events, true); err != nil {
		return &chat.Error{Kind: chat.ErrInvalid, Op: op, Field: "events", Err: err}
	}
	d := &b.data.broker
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := d.has(op, memory); err != nil {
		return err
	}
	r := d.room(room)
	switch {
	case r.lost == nil:
		return nil
	case r.lost.version != with.Version:
		return &chat.Error{Kind: chat.ErrConflict, Op: op, Field: "version"}
	}
	now := d.now()
	for i := range r.events {
		d.used -= r.events[i].bytes
	}
	*r = head{ids: map[chat.EventID]chat.Known{}, links: r.links}
	for _, k := range with.Known {
		r.know(k, now)
	}
	for i := range with.Events {
		e := with.Events[i]
		bytes := int64(len(chat.AppendEvent(nil, &e)))
		r.events = append(r.events, placed{&e, bytes})
		d.used += bytes
		r.last, r.textSeq, r.at = e.Last(), e.TextSeq, e.At
		r.know(chat.Know(&e), now)
	}
	d.used -= r.show(with.Archived)
	if r.last > 0 {
		d.log[room.Shard()].add(room, r.last)
	}
	for l := range r.links {
		l.dirty(room)
		l.wake()
	}
	return nil
}

var _ chat.Forgetful = broker{}
