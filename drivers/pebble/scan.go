package pebble

import (
	"context"
	"iter"
	"strconv"
	"strings"

	"github.com/cockroachdb/pebble/v2"

	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/internal/pebbledb"
	"github.com/parlor-chat/parlor/storage"
)

// scanBatch is how many events a scan reads while it keeps the store open.
const scanBatch = 500

// Scan implements storage.History. A cursor is the Seq and the room key behind which it
// goes on.
func (h history) Scan(ctx context.Context, span storage.Span, after storage.Cursor) iter.Seq2[storage.Entry, error] {
	return func(yield func(storage.Entry, error) bool) {
		room, seq, err := parseCursor(after)
		for {
			var part []chat.Event
			if err == nil {
				part, err = h.scan(ctx, span, room, seq)
			}
			if err != nil {
				yield(storage.Entry{}, err)
				return
			}
			for _, e := range part {
				room, seq = e.Room.Key, e.Seq
				if !yield(storage.Entry{Cursor: cursorAt(room, seq), Event: e}, nil) {
					return
				}
			}
			if len(part) == 0 {
				return
			}
		}
	}
}

// scan is the next part of a span behind a room key and Seq.
func (h history) scan(ctx context.Context, span storage.Span, key string, seq chat.Seq) ([]chat.Event, error) {
	const op = "scan"
	leave, err := h.enter(ctx, op)
	if err != nil {
		return nil, err
	}
	defer leave()
	p := h.place
	tenant := word([]byte{prefixEvent}, span.Tenant)
	bounds := &pebble.IterOptions{LowerBound: tenant, UpperBound: after(tenant)}
	if span.Room != "" {
		bounds.LowerBound = word(tenant, span.Room)
		bounds.UpperBound = after(bounds.LowerBound)
	}
	it, err := p.DB().NewIter(bounds)
	if err != nil {
		return nil, p.Reader(op, err)
	}
	defer it.Close()
	var part []chat.Event
	at := seqKey(prefixEvent, chat.RoomID{Tenant: span.Tenant, Key: key}, seq+1)
	for it.SeekGE(at) && len(part) < scanBatch {
		key, _, ok := unword(it.Key()[len(tenant):])
		if !ok {
			return nil, p.Reader(op, pebbledb.Damaged("a key"))
		}
		id := chat.RoomID{Tenant: span.Tenant, Key: key}
		from := chat.Seq(lastNumber(it.Key()))
		v, err := p.look(id)
		if err != nil {
			return nil, p.Reader(op, err)
		}
		if v.first > 0 {
			w := walker{view: v, db: p.DB()}
			part = append(part, w.above(from, scanBatch-len(part), true)...)
			if w.close(); w.err != nil {
				return nil, p.Reader(op, w.err)
			}
		}
		at = after(roomKey(prefixEvent, id))
	}
	return part, p.Reader(op, it.Error())
}

func cursorAt(room string, seq chat.Seq) storage.Cursor {
	return storage.Cursor(strconv.FormatInt(int64(seq), 10) + " " + room)
}

func parseCursor(c storage.Cursor) (room string, seq chat.Seq, err error) {
	if c == "" {
		return "", 0, nil
	}
	number, room, ok := strings.Cut(string(c), " ")
	n, err := strconv.ParseInt(number, 10, 64)
	if !ok || err != nil || n < 1 || room == "" {
		return "", 0, &chat.Error{Kind: chat.ErrInvalid, Op: "scan", Field: "cursor"}
	}
	return room, chat.Seq(n), nil
}

// Rooms implements storage.History.
func (h history) Rooms(ctx context.Context, n int, behind chat.RoomID, limit int) ([]chat.Position, error) {
	const op = "rooms"
	leave, err := h.enter(ctx, op)
	if err != nil {
		return nil, err
	}
	defer leave()
	switch {
	case n < 0 || n >= chat.Shards:
		return nil, &chat.Error{Kind: chat.ErrInvalid, Op: op, Field: "shard", Limit: chat.Shards - 1}
	case limit < 1:
		return nil, &chat.Error{Kind: chat.ErrInvalid, Op: op, Field: "limit"}
	case limit > chat.MaxBatch:
		return nil, &chat.Error{Kind: chat.ErrTooLarge, Op: op, Field: "limit", Limit: chat.MaxBatch}
	}
	p := h.place
	prefix := []byte{prefixRoom, byte(n)}
	var heads []chat.Position
	from := prefix
	if !behind.IsZero() {
		from = append(word(word(prefix[:2:2], behind.Tenant), behind.Key), 0)
	}
	err = p.records(from, after(prefix), func(id chat.RoomID) (bool, error) {
		v, err := p.peek(id)
		if err == nil && v.first > 0 {
			heads = append(heads, chat.Position{Room: id, Seq: v.head})
		}
		return len(heads) < limit, err
	})
	return heads, p.Reader(op, err)
}

// records goes through the rooms of a part of the keys, until it is told not to go on.
func (p *place) records(from, to []byte, each func(chat.RoomID) (bool, error)) error {
	it, err := p.DB().NewIter(&pebble.IterOptions{LowerBound: from, UpperBound: to})
	if err != nil {
		return err
	}
	defer it.Close()
	for ok := it.First(); ok; ok = it.Next() {
		tenant, rest, ok1 := unword(it.Key()[2:])
		key, _, ok2 := unword(rest)
		if !ok1 || !ok2 {
			return pebbledb.Damaged("a key")
		}
		if on, err := each(chat.RoomID{Tenant: tenant, Key: key}); err != nil || !on {
			return err
		}
	}
	return it.Error()
}

// peek is look, without holding the room in memory: for who goes through all.
func (p *place) peek(id chat.RoomID) (view, error) {
	s := &p.shards[id.Shard()]
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.rooms[id]
	if r == nil {
		r = &room{id: id}
	}
	if !r.loaded {
		if err := s.load(r); err != nil {
			return view{}, err
		}
	}
	return r.view(), nil
}
