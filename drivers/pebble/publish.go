package pebble

import (
	"context"

	"github.com/parlor-chat/parlor/chat"
)

// broker is the store as a broker, through one handle.
type broker struct{ *Store }

// Publish implements chat.Broker. Once events have their numbers it waits for the disk,
// whatever becomes of ctx.
func (b broker) Publish(ctx context.Context, events []chat.Event) ([]chat.Receipt, error) {
	const op = "publish"
	leave, err := b.enter(ctx, op)
	if err != nil {
		return nil, err
	}
	defer leave()
	if err := chat.CheckPublish(op, events); err != nil {
		return nil, err
	}
	p := b.place
	if err := p.CanWrite(op); err != nil {
		return nil, err
	}
	if err := p.keepUp(); err != nil {
		return nil, p.Reader(op, err)
	}
	var shards [chat.Shards]bool
	own := make([]chat.Event, len(events)) // they are held
	for i := range events {
		shards[events[i].Room.Shard()] = true
		own[i] = events[i]
	}
	receipts := make([]chat.Receipt, len(events))
	var failed *chat.BatchError
	waits := false
	w := p.begin(op, shards)
	now := chat.Time(p.opt.Now())
	for i := range own {
		e := &own[i]
		s := &p.shards[e.Room.Shard()]
		r, err := s.make(e.Room)
		var known *chat.Event
		if err == nil {
			known, err = s.known(r, e.ID)
		}
		switch {
		case err != nil:
			failed = failed.Fail(i, p.Reader(op, err))
		case known != nil:
			if receipts[i], err = again(known, e); err != nil {
				failed = failed.Fail(i, err)
			} else if known.Seq > r.durable {
				waits = true // the first receipt again, once it is true
			}
		case e.Origin != nil && e.Origin.At.Before(r.at):
			failed = failed.Fail(i, &chat.Error{Kind: chat.ErrConflict, Op: op, Field: "origin.at"})
		default:
			e.At = now
			if e.Origin != nil {
				e.At = chat.Time(e.Origin.At)
			} else if now.Before(r.at) {
				e.At = r.at
			}
			e.Seq, e.TextSeq = r.last+1, r.textSeq
			if e.IsText() {
				e.TextSeq++
			}
			if err := w.add(s, r, e); err != nil {
				failed = failed.Fail(i, p.Reader(op, err))
				continue
			}
			receipts[i] = chat.Receipt{ID: e.ID, State: chat.Placed, Seq: e.Seq, TextSeq: e.TextSeq, At: e.At}
		}
	}
	if waits {
		if err := w.settle(); err != nil {
			p.Fail(err)
		}
	}
	if err := w.commit(); err != nil {
		return nil, err
	}
	return receipts, failed.AsError()
}

// known is the event of an id, placed in the room before, or nil; with mu held.
func (s *shard) known(r *room, id chat.EventID) (*chat.Event, error) {
	if e := r.ids[id]; e != nil {
		return e, nil
	}
	if r.first == 0 || len(r.tail) > 0 && r.tail[0].Seq <= r.first {
		return nil, nil // all of it is held
	}
	w := walker{view: r.view(), db: s.db}
	seq, err := w.seqOf(id)
	if seq == 0 || err != nil {
		return nil, err
	}
	e := w.at(seq)
	return e, w.err
}

// again is the first receipt of an event that is sent again.
func again(first, e *chat.Event) (chat.Receipt, error) {
	known := chat.Know(first)
	if known.Digest != e.Digest() && known.Digest != [16]byte{} {
		return chat.Receipt{}, &chat.Error{Kind: chat.ErrConflict, Op: "publish", Field: "id"}
	}
	known.Receipt.Duplicate = true
	return known.Receipt, nil
}
