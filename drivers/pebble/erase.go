package pebble

import (
	"context"
	"errors"
	"time"

	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/storage"
)

// Erase implements storage.History. When it returns nobody reads the events any more;
// [Store.Scrub] says when their bytes are gone.
func (h history) Erase(ctx context.Context, at []chat.Position) error {
	const op = "erase"
	leave, err := h.enter(ctx, op)
	if err != nil {
		return err
	}
	defer leave()
	if err := batch(op, "at", len(at)); err != nil {
		return err
	}
	p := h.place
	if !p.Well() { // a disk that is all but full is no reason
		return p.Unavailable(op)
	}
	// What is durable must be indexed: from a tombstone it couldn't be.
	p.indexMu.Lock()
	defer p.indexMu.Unlock()
	if _, err := p.followAll(); err != nil {
		return p.Reader(op, err)
	}
	var shards [chat.Shards]bool
	for i := range at {
		shards[at[i].Room.Shard()] = true
	}
	var failed *chat.BatchError
	w := p.begin(op, shards)
	for i := range at {
		if err := p.erase(w, at[i]); err != nil {
			failed = failed.Fail(i, p.Reader(op, err))
		}
	}
	if err := w.commit(); err != nil {
		return err
	}
	return failed.AsError()
}

func (p *place) erase(w *write, at chat.Position) error {
	s := &p.shards[at.Room.Shard()]
	r, err := s.find(at.Room)
	if err != nil {
		return err
	}
	var old *chat.Event
	if r != nil {
		x := walker{view: r.view(), db: s.db}
		if old = x.at(at.Seq); x.err != nil {
			return x.err
		}
	}
	switch {
	case old == nil:
		return &chat.Error{Kind: chat.ErrNotFound, Op: "erase", Field: "at"}
	case old.Kind() == chat.KindTombstone:
		return nil
	}
	e := &chat.Event{ID: old.ID, Room: old.Room, Seq: old.Seq, TextSeq: old.TextSeq, At: old.At,
		Sender: old.Sender, Target: old.Target, Content: &chat.Tombstone{Was: old.Kind()}}
	if err := w.batch.Set(seqKey(prefixEvent, r.id, e.Seq), chat.AppendEvent(nil, e), nil); err != nil {
		return err
	}
	r.replace(e)
	return nil
}

// Prune implements storage.Pruner, a room at a time.
func (h history) Prune(ctx context.Context, span storage.Span, before time.Time) error {
	const op = "prune"
	rooms, err := h.inSpan(ctx, op, span)
	for _, id := range rooms {
		if err == nil {
			err = h.pruneRoom(ctx, id, before)
		}
	}
	return err
}

// inSpan are the rooms of a span.
func (h history) inSpan(ctx context.Context, op string, span storage.Span) (rooms []chat.RoomID, err error) {
	leave, err := h.enter(ctx, op)
	if err != nil {
		return nil, err
	}
	defer leave()
	if !h.place.Well() {
		return nil, h.place.Unavailable(op)
	}
	if span.Room != "" {
		return []chat.RoomID{{Tenant: span.Tenant, Key: span.Room}}, nil
	}
	for n := range chat.Shards {
		from := word([]byte{prefixRoom, byte(n)}, span.Tenant)
		err := h.place.records(from, after(from), func(id chat.RoomID) (bool, error) {
			rooms = append(rooms, id)
			return true, nil
		})
		if err != nil {
			return nil, h.place.Reader(op, err)
		}
	}
	return rooms, nil
}

func (h history) pruneRoom(ctx context.Context, id chat.RoomID, before time.Time) error {
	const op = "prune"
	leave, err := h.enter(ctx, op)
	if err != nil {
		return err
	}
	defer leave()
	p := h.place
	p.indexMu.Lock()
	defer p.indexMu.Unlock()
	if _, err := p.followAll(); err != nil {
		return p.Reader(op, err)
	}
	v, err := p.look(id)
	if err != nil || v.first == 0 || v.first > v.head {
		return p.Reader(op, err)
	}
	x := walker{view: v, db: p.DB()}
	to := v.head + 1
	if e := x.since(before); e != nil {
		to = e.Seq
	}
	var shards [chat.Shards]bool
	shards[id.Shard()] = true
	w := p.begin(op, shards)
	n, err := w.prune(&x, to)
	x.close()
	if err = errors.Join(err, x.err); err != nil {
		w.unlock()
		w.batch.Close()
		return p.Reader(op, err)
	}
	s := &p.shards[id.Shard()]
	if r, err := s.find(id); err == nil && r != nil && n > 0 {
		r.first = to
		for len(r.tail) > 0 && r.tail[0].Seq < to {
			delete(r.ids, r.tail[0].ID)
			r.tail = r.tail[1:]
		}
		s.progress.events -= n
		err = errors.Join(w.batch.Set(recordKey(id), r.stored().append(nil), nil),
			w.batch.Set(progressKey(s.n), s.progress.append(nil), nil))
		if err != nil {
			p.Fail(err)
		}
	}
	return w.commit()
}

// prune deletes the events below a Seq, their ids and their changes, and says how many.
func (w *write) prune(x *walker, to chat.Seq) (n int64, err error) {
	for e := x.ge(x.first); e != nil && e.Seq < to; e = x.next() {
		if err := w.batch.Delete(idKey(prefixID, x.id, e.ID), nil); err != nil {
			return 0, err
		}
		n++
	}
	if n == 0 {
		return 0, nil
	}
	return n, errors.Join(
		w.batch.DeleteRange(seqKey(prefixEvent, x.id, x.first), seqKey(prefixEvent, x.id, to), nil),
		w.batch.DeleteRange(seqKey(prefixChange, x.id, x.first), seqKey(prefixChange, x.id, to), nil))
}

// Scrub has the disk forget what was erased or pruned in a span before it was called: when
// it returns nil, those bytes are in no file of the folder any more. It reads and writes
// all that the span holds, and may take minutes.
func (s *Store) Scrub(ctx context.Context, span storage.Span) error {
	const op = "scrub"
	leave, err := s.enter(ctx, op)
	if err != nil {
		return err
	}
	defer leave()
	var ranges [][2][]byte
	for _, kind := range []byte{prefixEvent, prefixID, prefixChange, prefixLoose} {
		from := word([]byte{kind}, span.Tenant)
		if span.Room != "" {
			from = word(from, span.Room)
		}
		ranges = append(ranges, [2][]byte{from, after(from)})
	}
	return s.place.Scrub(ctx, op, ranges...)
}
