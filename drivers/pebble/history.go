package pebble

import (
	"context"

	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/storage"
)

// history is the store as an archive, through one handle.
type history struct{ *Store }

// Append implements storage.History. What was published here is there already.
func (h history) Append(ctx context.Context, events []chat.Event) error {
	const op = "append"
	leave, err := h.enter(ctx, op)
	if err != nil {
		return err
	}
	defer leave()
	if err := batch(op, "events", len(events)); err != nil {
		return err
	}
	p := h.place
	known, failed, err := p.has(events)
	if err != nil || len(known) == 0 {
		return orFailed(p.Reader(op, err), failed)
	}
	if err := p.CanWrite(op); err != nil {
		return err
	}
	if err := p.keepUp(); err != nil {
		return p.Reader(op, err)
	}
	var shards [chat.Shards]bool
	for _, i := range known {
		shards[events[i].Room.Shard()] = true
	}
	waits := false
	w := p.begin(op, shards)
	for _, i := range known {
		e := events[i] // it is held
		waiting, err := p.append(w, &e)
		if err != nil {
			failed = failed.Fail(i, p.Reader(op, err))
		}
		waits = waits || waiting
	}
	if waits {
		if err := w.settle(); err != nil {
			p.Fail(err)
		}
	}
	if err := w.commit(); err != nil {
		return err
	}
	return failed.AsError()
}

func orFailed(err error, failed *chat.BatchError) error {
	if err != nil {
		return err
	}
	return failed.AsError()
}

// has looks which events are durable already: the usual case, in which nothing is locked
// for long and nothing written. It returns the others, by index.
func (p *place) has(events []chat.Event) (others []int, failed *chat.BatchError, err error) {
	var w walker
	defer func() { w.close() }()
	for i := range events {
		e := &events[i]
		if err := checkAppend(e); err != nil {
			failed = failed.Fail(i, err)
			continue
		}
		if e.Room != w.id {
			w.close()
			v, err := p.look(e.Room)
			if err != nil {
				return nil, nil, err
			}
			w = walker{view: v, db: p.DB()}
			w.id = e.Room
		}
		old := w.at(e.Seq)
		switch {
		case w.err != nil:
			return nil, nil, w.err
		case old == nil:
			others = append(others, i)
		case !same(old, e):
			failed = failed.Fail(i, errTaken)
		}
	}
	return others, failed, nil
}

var errTaken = &chat.Error{Kind: chat.ErrConflict, Op: "append", Field: "seq"}

func checkAppend(e *chat.Event) error {
	field := ""
	switch {
	case e.Room.IsZero():
		field = "room"
	case e.Seq < 1:
		field = "seq"
	case e.ID.IsZero():
		field = "id"
	case e.At.IsZero():
		field = "at"
	case e.Content == nil:
		field = "content"
	default:
		return nil
	}
	return &chat.Error{Kind: chat.ErrInvalid, Op: "append", Field: field}
}

// same says whether b is what was stored as a, which may be erased by now.
func same(a, b *chat.Event) bool {
	kind := a.Kind()
	if t, erased := a.Content.(*chat.Tombstone); erased && b.Kind() != chat.KindTombstone {
		kind = t.Was
	}
	return a.ID == b.ID && a.At.Equal(b.At) && a.TextSeq == b.TextSeq && kind == b.Kind()
}

// append places an event where it says, and says whether it was placed before but isn't
// durable yet; with the shard's lock held.
func (p *place) append(w *write, e *chat.Event) (waits bool, err error) {
	s := &p.shards[e.Room.Shard()]
	r, err := s.make(e.Room)
	if err != nil {
		return false, err
	}
	switch {
	case r.first == 0 || e.Seq == r.last+1:
		return false, w.add(s, r, e)
	case e.Seq > r.last:
		return false, &chat.Error{Kind: chat.ErrIncomplete, Op: "append", Field: "seq"}
	case e.Seq < r.first:
		return false, errTaken
	}
	// It was placed since it was looked for, and may be in memory only.
	v := r.view()
	v.tail, v.head = r.tail, r.last
	x := walker{view: v, db: s.db}
	old := x.at(e.Seq)
	if x.err != nil {
		return false, x.err
	}
	if old == nil || !same(old, e) {
		return false, errTaken
	}
	return old.Last() > r.durable, nil
}

// Lookup implements storage.History.
func (h history) Lookup(ctx context.Context, refs []storage.Ref) (storage.Page, error) {
	const op = "lookup"
	leave, err := h.enter(ctx, op)
	if err != nil {
		return storage.Page{}, err
	}
	defer leave()
	if err := batch(op, "refs", len(refs)); err != nil {
		return storage.Page{}, err
	}
	for _, ref := range refs {
		if ref.Room.IsZero() || ref.Seq < 0 || (ref.Seq == 0) == ref.ID.IsZero() {
			return storage.Page{}, &chat.Error{Kind: chat.ErrInvalid, Op: op, Field: "refs"}
		}
	}
	var page storage.Page
	byRoom := map[chat.RoomID][]chat.Event{}
	views := map[chat.RoomID]view{}
	for _, ref := range refs {
		v, ok := views[ref.Room]
		if !ok {
			if v, err = h.place.look(ref.Room); err != nil {
				return storage.Page{}, h.place.Reader(op, err)
			}
			views[ref.Room] = v
		}
		w := walker{view: v, db: h.place.DB()}
		e := w.find(ref)
		if w.err != nil {
			return storage.Page{}, h.place.Reader(op, w.err)
		}
		if e != nil {
			page.Events = append(page.Events, *e)
			byRoom[ref.Room] = append(byRoom[ref.Room], *e)
		}
	}
	for _, id := range sorted(byRoom) {
		w := walker{view: views[id], db: h.place.DB()}
		page.Changes = append(page.Changes, w.changes(byRoom[id])...)
		if w.close(); w.err != nil {
			return storage.Page{}, h.place.Reader(op, w.err)
		}
	}
	return page, nil
}

// find is the event that a ref points at, or nil.
func (w *walker) find(ref storage.Ref) *chat.Event {
	if w.first == 0 {
		return nil
	}
	if ref.Seq == 0 {
		if ref.Seq = w.held(ref.ID); ref.Seq == 0 {
			seq, err := w.seqOf(ref.ID)
			if err != nil {
				w.fail(err)
			}
			ref.Seq = seq
		}
	}
	return w.at(ref.Seq)
}
