package pebble

import (
	"slices"
	"sort"
	"time"

	"github.com/cockroachdb/pebble/v2"

	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/internal/pebbledb"
)

// walker goes through the events of a room that a view shows: those that are held in
// memory there, older ones in the database. It stands at an event, or nowhere.
type walker struct {
	view
	db  *pebble.DB
	err error

	it *pebble.Iterator // of what is older than the tail; made when needed
	in bool             // it stands in the tail
	i  int              // at which
}

func (w *walker) close() {
	if w.it != nil {
		w.fail(w.it.Close())
		w.it = nil
	}
}

func (w *walker) fail(err error) {
	if w.err == nil {
		w.err = err
	}
}

// older is the iterator, or nil where it failed.
func (w *walker) older() *pebble.Iterator {
	if w.err != nil {
		return nil
	}
	if w.it == nil {
		end := w.head
		if len(w.tail) > 0 {
			end = w.tail[0].Seq - 1
		}
		o := &pebble.IterOptions{LowerBound: seqKey(prefixEvent, w.id, w.first), UpperBound: after(roomKey(prefixEvent, w.id))}
		if end < maxSeq {
			o.UpperBound = seqKey(prefixEvent, w.id, end+1)
		}
		it, err := w.db.NewIter(o)
		if err != nil {
			w.fail(err)
			return nil
		}
		w.it = it
	}
	return w.it
}

// read is the event where the iterator stands.
func (w *walker) read(valid bool) *chat.Event {
	if !valid {
		w.fail(w.it.Error())
		return nil
	}
	b, err := w.it.ValueAndErr()
	if err != nil {
		w.fail(err)
		return nil
	}
	e, err := parse(b, w.id, chat.Seq(lastNumber(w.it.Key())))
	if err != nil {
		w.fail(err)
		return nil
	}
	return e
}

// parse reads an event, which must be the one that its key names.
func parse(b []byte, room chat.RoomID, s chat.Seq) (*chat.Event, error) {
	e, err := chat.ParseEvent(b)
	if err != nil {
		return nil, err
	}
	if e.Room != room || e.Seq != s {
		return nil, pebbledb.Damaged("an event")
	}
	return &e, nil
}

func (w *walker) inTail(i int) *chat.Event {
	w.in, w.i = true, i
	if i < 0 || i >= len(w.tail) {
		return nil
	}
	return w.tail[i]
}

// ge goes to the first event at s or above.
func (w *walker) ge(s chat.Seq) *chat.Event {
	if len(w.tail) > 0 && s >= w.tail[0].Seq {
		i, _ := slices.BinarySearchFunc(w.tail, s, bySeq)
		return w.inTail(i)
	}
	it := w.older()
	if it == nil {
		return nil
	}
	w.in = false
	if e := w.read(it.SeekGE(seqKey(prefixEvent, w.id, max(s, 0)))); e != nil || w.err != nil {
		return e
	}
	return w.inTail(0)
}

// lt goes to the last event below s.
func (w *walker) lt(s chat.Seq) *chat.Event {
	if len(w.tail) > 0 && s > w.tail[0].Seq {
		i, _ := slices.BinarySearchFunc(w.tail, s, bySeq)
		return w.inTail(i - 1)
	}
	it := w.older()
	if it == nil {
		return nil
	}
	w.in = false
	return w.read(it.SeekLT(seqKey(prefixEvent, w.id, max(s, 0))))
}

// next goes to the next event.
func (w *walker) next() *chat.Event {
	if w.in {
		return w.inTail(w.i + 1)
	}
	if e := w.read(w.it.Next()); e != nil || w.err != nil {
		return e
	}
	return w.inTail(0)
}

// prev goes to the event before.
func (w *walker) prev() *chat.Event {
	if w.in && w.i > 0 {
		return w.inTail(w.i - 1)
	}
	if w.in {
		it := w.older()
		if it == nil {
			return nil
		}
		w.in = false
		return w.read(it.Last())
	}
	return w.read(w.it.Prev())
}

// step is how many events that don't count are gone through before the next that counts
// is searched by its number.
const step = 32

// below are the newest n events below s, in rising Seq: of all kinds, or texts.
func (w *walker) below(s chat.Seq, n int, all bool) []chat.Event {
	var events []chat.Event
	skipped := 0
	for e := w.lt(s); e != nil && len(events) < n; {
		if all || e.IsText() {
			events, skipped = append(events, *e), 0
			if len(events) == n {
				break
			}
		} else if skipped++; skipped == step {
			skipped = 0
			if e = w.text(e.TextSeq, w.first, e.Seq); e != nil && !e.IsText() { // it is pruned
				break
			}
			continue
		}
		e = w.prev()
	}
	slices.Reverse(events)
	return events
}

// above are the oldest n events at s or above.
func (w *walker) above(s chat.Seq, n int, all bool) []chat.Event {
	var events []chat.Event
	skipped := 0
	for e := w.ge(s); e != nil && len(events) < n; {
		if all || e.IsText() {
			events, skipped = append(events, *e), 0
			if len(events) == n {
				break
			}
		} else if skipped++; skipped == step {
			skipped = 0
			if e.TextSeq == w.textSeq {
				break // that was the last
			}
			e = w.text(e.TextSeq+1, e.Seq, w.head)
			continue
		}
		e = w.next()
	}
	return events
}

// text goes to the first event with a TextSeq of n or above, from a Seq up to another:
// that is the text of that number, where it isn't pruned.
func (w *walker) text(n int64, from, to chat.Seq) *chat.Event {
	return w.search(from, to, func(e *chat.Event) bool { return e.TextSeq >= n })
}

// since goes to the first event of a time or later.
func (w *walker) since(t time.Time) *chat.Event {
	return w.search(w.first, w.head, func(e *chat.Event) bool { return !e.At.Before(t) })
}

// search goes to the first event from a Seq up to another for which is holds, as it does
// for all that follow.
func (w *walker) search(from, to chat.Seq, is func(*chat.Event) bool) *chat.Event {
	n := sort.Search(int(to-from)+1, func(i int) bool {
		e := w.ge(from + chat.Seq(i))
		return e == nil || is(e)
	})
	return w.ge(from + chat.Seq(n))
}

// at is the event at a Seq, or nil.
func (w *walker) at(s chat.Seq) *chat.Event {
	if len(w.tail) > 0 && s >= w.tail[0].Seq {
		i, ok := slices.BinarySearchFunc(w.tail, s, bySeq)
		if !ok {
			return nil
		}
		return w.tail[i]
	}
	if s < w.first || s > w.head || w.err != nil {
		return nil
	}
	b, closer, err := w.db.Get(seqKey(prefixEvent, w.id, s))
	if err == pebble.ErrNotFound {
		return nil
	} else if err != nil {
		w.fail(err)
		return nil
	}
	defer closer.Close()
	e, err := parse(b, w.id, s)
	if err != nil {
		w.fail(err)
		return nil
	}
	return e
}
