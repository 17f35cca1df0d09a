package memory

import (
	"cmp"
	"context"
	"iter"
	"slices"
	"sort"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/storage"
)

// historyData is the archive: for each room its events, in Seq order.
type historyData struct {
	mu     sync.RWMutex
	rooms  map[chat.RoomID]*archived
	shards [chat.Shards][]chat.RoomID // the rooms of each, in order
}

func (d *historyData) init() { d.rooms = map[chat.RoomID]*archived{} }

// archived is one room. Its events are without a hole, so the place of a Seq is
// found by a search, and with Voids out of the way by subtraction.
type archived struct {
	events  []*chat.Event
	first   chat.Seq // the oldest that was not pruned; the next one where all are
	last    chat.Seq // the last that was appended; stays when it is pruned
	byID    map[chat.EventID]chat.Seq
	changes map[chat.EventID][]chat.Seq // of each text, those that change it
	texts   []chat.Seq                  // of the texts, so that a page of them needs no scan
}

// history is the archive through one handle.
type history struct{ *Store }

// Append implements storage.History.
func (h history) Append(ctx context.Context, events []chat.Event) error {
	const op = "append"
	if err := h.ready(ctx, op); err != nil {
		return err
	}
	if err := batch(op, "events", len(events)); err != nil {
		return err
	}
	d := &h.data.history
	d.mu.Lock()
	defer d.mu.Unlock()
	var failed *chat.BatchError
	for i := range events {
		if err := d.append(&events[i]); err != nil {
			failed = failed.Fail(i, err)
		}
	}
	return failed.AsError()
}

func (d *historyData) append(e *chat.Event) error {
	const op = "append"
	switch {
	case e.Room.IsZero():
		return &chat.Error{Kind: chat.ErrInvalid, Op: op, Field: "room"}
	case e.Seq < 1:
		return &chat.Error{Kind: chat.ErrInvalid, Op: op, Field: "seq"}
	case e.ID.IsZero():
		return &chat.Error{Kind: chat.ErrInvalid, Op: op, Field: "id"}
	case e.At.IsZero():
		return &chat.Error{Kind: chat.ErrInvalid, Op: op, Field: "at"}
	case e.Content == nil:
		return &chat.Error{Kind: chat.ErrInvalid, Op: op, Field: "content"}
	}
	r := d.rooms[e.Room]
	if r == nil {
		r = &archived{first: e.Seq, last: e.Seq - 1, byID: map[chat.EventID]chat.Seq{}, changes: map[chat.EventID][]chat.Seq{}}
		d.rooms[e.Room] = r
		shard := &d.shards[e.Room.Shard()]
		i, _ := slices.BinarySearchFunc(*shard, e.Room, compareRooms)
		*shard = slices.Insert(*shard, i, e.Room)
	}
	switch {
	case e.Seq > r.last+1:
		return &chat.Error{Kind: chat.ErrIncomplete, Op: op, Field: "seq"}
	case e.Seq <= r.last:
		if old := r.at(e.Seq); old == nil || !sameEvent(old, e) {
			return &chat.Error{Kind: chat.ErrConflict, Op: op, Field: "seq"}
		}
		return nil
	}
	kept := *e
	r.events = append(r.events, &kept)
	r.last = e.Last()
	r.byID[e.ID] = e.Seq
	if e.Changes() {
		r.changes[e.Target] = append(r.changes[e.Target], e.Seq)
	}
	if e.IsText() {
		r.texts = append(r.texts, e.Seq)
	}
	return nil
}

// sameEvent says whether b is what was stored as a, which may be erased by now.
func sameEvent(a, b *chat.Event) bool {
	kind := a.Kind()
	if t, erased := a.Content.(*chat.Tombstone); erased && b.Kind() != chat.KindTombstone {
		kind = t.Was
	}
	return a.ID == b.ID && a.At.Equal(b.At) && a.TextSeq == b.TextSeq && kind == b.Kind()
}

// at is the event at a Seq, or nil.
func (r *archived) at(s chat.Seq) *chat.Event {
	i := r.from(s)
	if i < len(r.events) && r.events[i].Seq == s {
		return r.events[i]
	}
	return nil
}

// from is the index of the first event at s or above.
func (r *archived) from(s chat.Seq) int {
	return sort.Search(len(r.events), func(i int) bool { return r.events[i].Seq >= s })
}

// Page implements storage.History.
func (h history) Page(ctx context.Context, room chat.RoomID, w chat.Range) (storage.Page, error) {
	const op = "page"
	if err := h.ready(ctx, op); err != nil {
		return storage.Page{}, err
	}
	if err := w.Check(op, storage.MaxPage); err != nil {
		return storage.Page{}, err
	}
	d := &h.data.history
	d.mu.RLock()
	defer d.mu.RUnlock()
	r := d.rooms[room]
	if r == nil {
		return storage.Page{}, nil
	}
	events, older, newer := r.around(w)
	items, cutOlder, cutNewer := w.Cut(events)
	return storage.Page{Events: items, Changes: r.changesOf(items), First: r.first, Head: r.last,
		Older: older || cutOlder, Newer: newer || cutNewer}, nil
}

// around is the part of the room that surely holds the items of a range, counted
// ones only, and whether counted ones lie outside of it.
func (r *archived) around(w chat.Range) (part []chat.Event, older, newer bool) {
	count := len(r.events)
	event := func(i int) *chat.Event { return r.events[i] }
	if !w.CountsAll() {
		count = len(r.texts)
		event = func(i int) *chat.Event { return r.at(r.texts[i]) }
	}
	anchor := count // the first item at the anchor or newer
	switch w.Anchor() {
	case chat.AnchorBefore, chat.AnchorAround:
		anchor = sort.Search(count, func(i int) bool { return event(i).Seq >= w.Seq() })
	case chat.AnchorAfter:
		anchor = sort.Search(count, func(i int) bool { return event(i).Last() > w.Seq() })
	case chat.AnchorAt:
		anchor = sort.Search(count, func(i int) bool { return !event(i).At.Before(w.Time()) })
	}
	from, to := max(0, anchor-w.Limit()), min(count, anchor+w.Limit())
	switch w.Anchor() { // nothing is copied that can't be on the page
	case chat.AnchorAfter:
		from = anchor
	case chat.AnchorLatest, chat.AnchorBefore:
		to = anchor
	}
	part = make([]chat.Event, 0, to-from)
	for i := from; i < to; i++ {
		part = append(part, *event(i))
	}
	return part, from > 0, to < count
}

// changesOf are all events that change a text which items are about.
func (r *archived) changesOf(items []chat.Event) []chat.Event {
	var seqs []chat.Seq
	seen := map[chat.EventID]bool{}
	for i := range items {
		if s := items[i].Subject(); !s.IsZero() && !seen[s] {
			seen[s] = true
			seqs = append(seqs, r.changes[s]...)
		}
	}
	slices.Sort(seqs)
	var changes []chat.Event
	for _, s := range seqs {
		if e := r.at(s); e != nil {
			changes = append(changes, *e)
		}
	}
	return changes
}

// Lookup implements storage.History.
func (h history) Lookup(ctx context.Context, refs []storage.Ref) (storage.Page, error) {
	const op = "lookup"
	if err := h.ready(ctx, op); err != nil {
		return storage.Page{}, err
	}
	if err := batch(op, "refs", len(refs)); err != nil {
		return storage.Page{}, err
	}
	for _, ref := range refs {
		if ref.Room.IsZero() || ref.Seq < 0 || (ref.Seq == 0) == ref.ID.IsZero() {
			return storage.Page{}, &chat.Error{Kind: chat.ErrInvalid, Op: op, Field: "refs"}
		}
	}
	d := &h.data.history
	d.mu.RLock()
	defer d.mu.RUnlock()
	var p storage.Page
	byRoom := map[chat.RoomID][]chat.Event{}
	for _, ref := range refs {
		r := d.rooms[ref.Room]
		if r == nil {
			continue
		}
		if ref.Seq == 0 {
			ref.Seq = r.byID[ref.ID]
		}
		if e := r.at(ref.Seq); e != nil {
			p.Events = append(p.Events, *e)
			byRoom[ref.Room] = append(byRoom[ref.Room], *e)
		}
	}
	for _, room := range sortedRooms(byRoom) {
		p.Changes = append(p.Changes, d.rooms[room].changesOf(byRoom[room])...)
	}
	return p, nil
}

func sortedRooms[V any](m map[chat.RoomID]V) []chat.RoomID {
	rooms := make([]chat.RoomID, 0, len(m))
	for room := range m {
		rooms = append(rooms, room)
	}
	slices.SortFunc(rooms, compareRooms)
	return rooms
}

// compareRooms orders rooms by tenant, then key.
func compareRooms(a, b chat.RoomID) int {
	return cmp.Or(strings.Compare(a.Tenant, b.Tenant), strings.Compare(a.Key, b.Key))
}

// scanBatch is how many events a scan reads under one lock.
const scanBatch = 500

// Scan implements storage.History. A cursor is the Seq and the room key behind
// which it goes on.
func (h history) Scan(ctx context.Context, span storage.Span, after storage.Cursor) iter.Seq2[storage.Entry, error] {
	const op = "scan"
	return func(yield func(storage.Entry, error) bool) {
		room, seq, err := parseCursor(after)
		for {
			if err == nil {
				err = h.ready(ctx, op)
			}
			if err != nil {
				yield(storage.Entry{}, err)
				return
			}
			part := h.scan(span, room, seq)
			for i := range part {
				e := part[i]
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
func (h history) scan(span storage.Span, room string, seq chat.Seq) []chat.Event {
	d := &h.data.history
	d.mu.RLock()
	defer d.mu.RUnlock()
	for _, id := range sortedRooms(d.rooms) {
		if !span.Holds(id) || id.Key < room {
			continue
		}
		r := d.rooms[id]
		from := 0
		if id.Key == room {
			from = r.from(seq + 1)
		}
		if from < len(r.events) {
			var part []chat.Event
			for _, e := range r.events[from:min(from+scanBatch, len(r.events))] {
				part = append(part, *e)
			}
			return part
		}
	}
	return nil
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
func (h history) Rooms(ctx context.Context, shard int, after chat.RoomID, limit int) ([]chat.Position, error) {
	if err := h.list(ctx, "rooms", limit); err != nil {
		return nil, err
	}
	if shard < 0 || shard >= chat.Shards {
		return nil, &chat.Error{Kind: chat.ErrInvalid, Op: "rooms", Field: "shard", Limit: chat.Shards - 1}
	}
	d := &h.data.history
	d.mu.RLock()
	defer d.mu.RUnlock()
	rooms := d.shards[shard]
	i, there := slices.BinarySearchFunc(rooms, after, compareRooms)
	if there {
		i++
	}
	rooms = rooms[i:min(i+limit, len(rooms))]
	heads := make([]chat.Position, len(rooms))
	for i, room := range rooms {
		heads[i] = chat.Position{Room: room, Seq: d.rooms[room].last}
	}
	return heads, nil
}

// Erase implements storage.History.
func (h history) Erase(ctx context.Context, at []chat.Position) error {
	const op = "erase"
	if err := h.ready(ctx, op); err != nil {
		return err
	}
	if err := batch(op, "at", len(at)); err != nil {
		return err
	}
	d := &h.data.history
	d.mu.Lock()
	defer d.mu.Unlock()
	var failed *chat.BatchError
	for i, p := range at {
		var e *chat.Event
		if r := d.rooms[p.Room]; r != nil {
			e = r.at(p.Seq)
		}
		if e == nil {
			failed = failed.Fail(i, &chat.Error{Kind: chat.ErrNotFound, Op: op, Field: "at"})
			continue
		}
		if e.Kind() != chat.KindTombstone {
			*e = chat.Event{ID: e.ID, Room: e.Room, Seq: e.Seq, TextSeq: e.TextSeq, At: e.At,
				Sender: e.Sender, Target: e.Target, Content: &chat.Tombstone{Was: e.Kind()}}
		}
	}
	return failed.AsError()
}

// Prune implements storage.Pruner.
func (h history) Prune(ctx context.Context, span storage.Span, before time.Time) error {
	if err := h.ready(ctx, "prune"); err != nil {
		return err
	}
	d := &h.data.history
	d.mu.Lock()
	defer d.mu.Unlock()
	for id, r := range d.rooms {
		if span.Holds(id) {
			r.prune(before)
		}
	}
	return nil
}

func (r *archived) prune(before time.Time) {
	n := sort.Search(len(r.events), func(i int) bool { return !r.events[i].At.Before(before) })
	for _, e := range r.events[:n] {
		delete(r.byID, e.ID)
		delete(r.changes, e.ID)
		r.first = e.Last() + 1
	}
	r.events = slices.Clone(r.events[n:])
	r.texts = slices.DeleteFunc(r.texts, func(s chat.Seq) bool { return s < r.first })
}

// batch refuses what is over the limit of one call.
func batch(op, field string, n int) error {
	if n > chat.MaxBatch {
		return &chat.Error{Kind: chat.ErrTooLarge, Op: op, Field: field, Limit: chat.MaxBatch}
	}
	return nil
}

var _ storage.Pruner = history{}
