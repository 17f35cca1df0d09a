package pebble

import (
	"context"
	"strconv"
	"strings"
	"time"

	"github.com/cockroachdb/pebble/v2"

	"github.com/parlor-chat/parlor/chat"
)

// Recent implements chat.Broker. The head reaches back to the oldest that isn't pruned.
func (b broker) Recent(ctx context.Context, id chat.RoomID, r chat.Range) (chat.Head, error) {
	const op = "recent"
	leave, err := b.enter(ctx, op)
	if err != nil {
		return chat.Head{}, err
	}
	defer leave()
	if err := r.Check(op, chat.MaxBatch); err != nil {
		return chat.Head{}, err
	}
	if !r.CountsAll() || r.Anchor() > chat.AnchorAfter {
		return chat.Head{}, &chat.Error{Kind: chat.ErrInvalid, Op: op, Field: "range"}
	}
	v, err := b.place.look(id)
	if err != nil || v.first == 0 || v.first > v.head {
		return chat.Head{}, b.place.Reader(op, err)
	}
	w := walker{view: v, db: b.place.DB()}
	h := chat.Head{First: v.first, Last: v.head, TextSeq: v.textSeq, Archived: min(v.archived, v.head)}
	switch r.Anchor() {
	case chat.AnchorLatest:
		h.Events = w.below(v.head+1, r.Limit(), true)
	case chat.AnchorBefore:
		h.Events = w.below(r.Seq(), r.Limit(), true)
	case chat.AnchorAfter:
		h.Events = w.above(w.behind(r.Seq()), r.Limit(), true)
	}
	w.close()
	if w.err != nil {
		return chat.Head{}, b.place.Reader(op, w.err)
	}
	return h, nil
}

// behind is the Seq of the first event that ends above s: of a Void that reaches beyond
// it, or s+1.
func (w *walker) behind(s chat.Seq) chat.Seq {
	if s >= w.head || s < w.first {
		return s + 1
	}
	if e := w.lt(s + 1); e != nil && e.Last() > s {
		return e.Seq
	}
	return s + 1
}

// Archived implements chat.Broker. It is remembered for Changed alone, and not waited for:
// what a crash takes back is told to followers again.
func (b broker) Archived(ctx context.Context, upTo ...chat.Position) error {
	const op = "archived"
	leave, err := b.enter(ctx, op)
	if err != nil {
		return err
	}
	defer leave()
	if err := batch(op, "upTo", len(upTo)); err != nil {
		return err
	}
	p := b.place
	if !p.Well() {
		return p.Unavailable(op)
	}
	var failed *chat.BatchError
	for i, at := range upTo {
		s := &p.shards[at.Room.Shard()]
		s.mu.Lock()
		if err := s.archived(at); err != nil {
			failed = failed.Fail(i, p.Reader(op, err))
		}
		s.mu.Unlock()
	}
	return failed.AsError()
}

func (s *shard) archived(at chat.Position) error {
	r, err := s.find(at.Room)
	switch {
	case err != nil:
		return err
	case r == nil || !r.shown || at.Seq > r.durable || at.Seq < 0:
		return &chat.Error{Kind: chat.ErrInvalid, Op: "archived", Field: "upTo"}
	case at.Seq <= r.archived:
		return nil
	}
	r.archived = at.Seq
	return s.db.Set(recordKey(r.id), r.stored().append(nil), pebble.NoSync)
}

// stored is the record of the room as it is stored: with what is durable.
func (r *room) stored() *record {
	x := r.record
	x.last, x.textSeq = r.durable, r.durableText
	return &x
}

// remembered is how long the feed knows the last position of a room though the archive
// shows it.
const remembered = 24 * time.Hour

// Changed implements chat.Broker. A cursor is the store's id, and the number of the feed
// behind which it goes on.
func (b broker) Changed(ctx context.Context, n int, after string, limit int) ([]chat.Position, string, error) {
	const op = "changed"
	leave, err := b.enter(ctx, op)
	if err != nil {
		return nil, "", err
	}
	defer leave()
	switch {
	case n < 0 || n >= chat.Shards:
		return nil, "", &chat.Error{Kind: chat.ErrInvalid, Op: op, Field: "shard", Limit: chat.Shards - 1}
	case limit < 1:
		return nil, "", &chat.Error{Kind: chat.ErrInvalid, Op: op, Field: "limit"}
	case limit > chat.MaxBatch:
		return nil, "", &chat.Error{Kind: chat.ErrTooLarge, Op: op, Field: "limit", Limit: chat.MaxBatch}
	}
	p := b.place
	s := &p.shards[n]
	s.mu.Lock()
	forgot, durable := s.progress.forgot, s.durable
	s.mu.Unlock()
	from := int64(0)
	if after != "" {
		id, number, _ := strings.Cut(after, " ")
		from, err = strconv.ParseInt(number, 10, 64)
		if err != nil || id != p.ID() || from < forgot || from > durable {
			return nil, "", &chat.Error{Kind: chat.ErrExpired, Op: op, Field: "after"}
		}
	}
	placed, to := []chat.Position(nil), durable
	err = s.feed(from, durable, func(number int64, f fed) (bool, error) {
		if len(placed) == limit {
			return false, nil
		}
		placed, to = append(placed, chat.Position{Room: f.room, Seq: f.to}), number
		return true, nil
	})
	if err != nil {
		return nil, "", p.Reader(op, err)
	}
	if len(placed) < limit {
		to = durable
	}
	return placed, p.ID() + " " + strconv.FormatInt(to, 10), nil
}

// forget drops what is old from the feeds: positions that were archived more than a day
// ago, and those of rooms that are told of again later.
func (p *place) forget() error {
	p.indexMu.Lock()
	defer p.indexMu.Unlock()
	for i := range p.shards {
		if err := p.shards[i].forget(p.opt.Now().Add(-remembered)); err != nil {
			return err
		}
	}
	return nil
}

// mostForgotten is how many entries of a feed are looked at together.
const mostForgotten = 100_000

func (s *shard) forget(before time.Time) error {
	s.mu.Lock()
	next := s.progress
	s.mu.Unlock()
	b := s.db.NewBatch()
	defer b.Close()
	last := map[chat.RoomID]int64{} // the entry of each room that would stay
	looked := 0
	drop := func(n int64) error { return b.Delete(feedKey(s.n, n), nil) }
	err := s.feed(0, next.indexed, func(n int64, f fed) (bool, error) {
		if looked++; !f.at.Before(before) || looked > mostForgotten {
			return false, nil
		}
		if old, ok := last[f.room]; ok {
			if err := drop(old); err != nil {
				return false, err
			}
		}
		last[f.room] = n
		return true, nil
	})
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for id, n := range last {
		r, err := s.find(id)
		if err != nil {
			return err
		}
		if r != nil && r.archived >= r.durable {
			next.forgot = max(next.forgot, n)
			if err := drop(n); err != nil {
				return err
			}
		}
	}
	if b.Empty() {
		return nil
	}
	if err := b.Set(progressKey(s.n), next.append(nil), nil); err != nil {
		return err
	}
	s.progress = next
	return b.Commit(pebble.NoSync)
}
