package pebble

import (
	"bytes"
	"cmp"
	"context"
	"encoding/binary"
	"slices"
	"strings"

	"github.com/cockroachdb/pebble/v2"

	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/internal/pebbledb"
	"github.com/parlor-chat/parlor/storage"
)

// Page implements storage.History.
func (h history) Page(ctx context.Context, id chat.RoomID, r chat.Range) (storage.Page, error) {
	const op = "page"
	leave, err := h.enter(ctx, op)
	if err != nil {
		return storage.Page{}, err
	}
	defer leave()
	if err := r.Check(op, storage.MaxPage); err != nil {
		return storage.Page{}, err
	}
	v, err := h.place.look(id)
	if err != nil || v.first == 0 {
		return storage.Page{}, h.place.Reader(op, err)
	}
	w := walker{view: v, db: h.place.DB()}
	items, older, newer := r.Cut(w.around(r))
	p := storage.Page{Events: items, Changes: w.changes(items), First: v.first, Head: v.head, Older: older, Newer: newer}
	if w.close(); w.err != nil {
		return storage.Page{}, h.place.Reader(op, w.err)
	}
	return p, nil
}

// around are the items of a range, and of either side one more where there is one.
func (w *walker) around(r chat.Range) []chat.Event {
	if w.first > w.head {
		return nil // all is pruned
	}
	at, older, newer := r.Seq(), r.Limit()+1, r.Limit()+1
	switch r.Anchor() {
	case chat.AnchorLatest:
		at, newer = w.head+1, 0
	case chat.AnchorBefore:
		newer = 1
	case chat.AnchorAfter:
		at, older = w.behind(at), 1
	case chat.AnchorAt:
		at = w.head + 1
		if e := w.since(r.Time()); e != nil {
			at = e.Seq
		}
	}
	events := w.below(at, older, r.CountsAll())
	if newer > 0 {
		events = append(events, w.above(at, newer, r.CountsAll())...)
	}
	return events
}

// held is the Seq of an id among the events in memory, or 0.
func (w *walker) held(id chat.EventID) chat.Seq {
	for i := len(w.tail) - 1; i >= 0; i-- {
		if w.tail[i].ID == id {
			return w.tail[i].Seq
		}
	}
	return 0
}

// seqOf is the Seq of an id whose key is written, or 0.
func (w *walker) seqOf(id chat.EventID) (chat.Seq, error) {
	b, closer, err := w.db.Get(idKey(prefixID, w.id, id))
	if err == pebble.ErrNotFound {
		return 0, nil
	} else if err != nil {
		return 0, err
	}
	defer closer.Close()
	n, k := binary.Varint(b)
	if k <= 0 {
		return 0, pebbledb.Damaged("an id")
	}
	return chat.Seq(n), nil
}

// changes are all events that change what items are about, in rising Seq.
func (w *walker) changes(items []chat.Event) []chat.Event {
	about := map[chat.EventID]chat.Seq{}
	for i := range items {
		if e := &items[i]; e.IsText() {
			about[e.ID] = e.Seq
		}
	}
	for i := range items {
		id := items[i].Subject()
		if _, ok := about[id]; ok || id.IsZero() {
			continue
		}
		about[id] = w.held(id)
		if about[id] == 0 {
			seq, err := w.seqOf(id)
			if err != nil {
				w.fail(err)
				return nil
			}
			about[id] = seq
		}
	}
	if len(about) == 0 {
		return nil
	}
	var seqs []chat.Seq
	for i := len(w.tail) - 1; i >= 0 && w.tail[i].Seq > w.indexed; i-- { // not written yet
		if e := w.tail[i]; e.Changes() {
			if _, ok := about[e.Target]; ok {
				seqs = append(seqs, e.Seq)
			}
		}
	}
	seqs = w.written(seqs, about)
	slices.Sort(seqs)
	var changes []chat.Event
	for _, s := range slices.Compact(seqs) {
		if e := w.at(s); e != nil {
			changes = append(changes, *e)
		}
	}
	return changes
}

// written adds the changes of those texts whose keys are written. Most texts have none, so
// one step through the keys of the room passes many of them.
func (w *walker) written(seqs []chat.Seq, about map[chat.EventID]chat.Seq) []chat.Seq {
	var texts []chat.Seq
	for _, s := range about {
		if s > 0 {
			texts = append(texts, s)
		}
	}
	slices.Sort(texts)
	room := roomKey(prefixChange, w.id)
	seqs = w.ending(seqs, room, len(texts), func(i int) []byte { return number(room[:len(room):len(room)], int64(texts[i])) })

	// And those that were written before their text was there.
	room = roomKey(prefixLoose, w.id)
	ids := make([]chat.EventID, 0, len(about))
	for id := range about {
		ids = append(ids, id)
	}
	slices.SortFunc(ids, func(a, b chat.EventID) int { return bytes.Compare(a[:], b[:]) })
	return w.ending(seqs, room, len(ids), func(i int) []byte { return append(room[:len(room):len(room)], ids[i][:]...) })
}

// ending adds the numbers at the end of all keys of a room that begin with one of n
// prefixes, which rise.
func (w *walker) ending(seqs []chat.Seq, room []byte, n int, prefix func(i int) []byte) []chat.Seq {
	if w.err != nil || n == 0 {
		return seqs
	}
	it, err := w.db.NewIter(&pebble.IterOptions{LowerBound: room, UpperBound: after(room)})
	if err != nil {
		w.fail(err)
		return seqs
	}
	valid := it.SeekGE(prefix(0))
	for i := 0; i < n && valid; i++ {
		p := prefix(i)
		if bytes.Compare(it.Key(), p) < 0 {
			valid = it.SeekGE(p)
		}
		for ; valid && bytes.HasPrefix(it.Key(), p); valid = it.Next() {
			seqs = append(seqs, chat.Seq(lastNumber(it.Key())))
		}
	}
	w.fail(it.Error())
	w.fail(it.Close())
	return seqs
}

// compareRooms orders rooms by tenant, then key.
func compareRooms(a, b chat.RoomID) int {
	return cmp.Or(strings.Compare(a.Tenant, b.Tenant), strings.Compare(a.Key, b.Key))
}

func sorted[V any](m map[chat.RoomID]V) []chat.RoomID {
	rooms := make([]chat.RoomID, 0, len(m))
	for id := range m {
		rooms = append(rooms, id)
	}
	slices.SortFunc(rooms, compareRooms)
	return rooms
}

var _ storage.Pruner = history{}
