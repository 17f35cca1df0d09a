package disk

import (
	"bytes"
	"encoding/binary"
	"fmt"

	"github.com/cockroachdb/pebble/v2"

	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/drivers/journal"
)

// bounds are those of a kind of keys, from one of them on; nil: the first.
func bounds(kind byte, from []byte) *pebble.IterOptions {
	if from == nil {
		from = []byte{kind}
	}
	return &pebble.IterOptions{LowerBound: from, UpperBound: []byte{kind + 1}}
}

// scan goes through the keys of a kind in the order of their numbers, until it is told not to
// go on. What is no key of ours is told. Where a part of a file can't be read, it goes on
// behind that, and tells between which numbers something may be missing.
func (s *Store) scan(db *pebble.DB, kind byte, from []byte, each func(k, v []byte) (bool, error)) error {
	for {
		behind, err := s.stretch(db, bounds(kind, from), each)
		if err == nil || !pebble.IsCorruptionError(err) {
			return err
		}
		next := readable(db, kind, behind+1)
		s.tell(kind, behind, next, err)
		if next < 0 {
			return nil
		}
		from = binary.BigEndian.AppendUint64([]byte{kind}, uint64(next))
	}
}

// tell tells of a stretch that can't be read, once.
func (s *Store) tell(kind byte, behind, before int64, err error) {
	if _, known := s.gaps.LoadOrStore(gap{kind, behind}, true); !known {
		s.opt.Log.Error("parlor: journal: a part of its files can't be read; what lies before and behind can",
			"kind", string(kind), "behind", behind, "before", before, "error", err)
	}
}

// gap is where something can't be read: behind a number.
type gap struct {
	kind   byte
	behind int64
}

// stretch is scan up to what can't be read, and the last number that could be.
func (s *Store) stretch(db *pebble.DB, o *pebble.IterOptions, each func(k, v []byte) (bool, error)) (last int64, err error) {
	if from := o.LowerBound; len(from) >= 9 {
		last = int64(binary.BigEndian.Uint64(from[1:])) - 1
	}
	it, err := db.NewIter(o)
	if err != nil {
		return last, err
	}
	defer it.Close()
	for ok := it.First(); ok; ok = it.Next() {
		v, err := it.ValueAndErr()
		if err != nil {
			return last, err
		}
		number, _, whole := parseKey(it.Key())
		if !whole {
			s.opt.Log.Error("parlor: journal: a key is damaged", "key", fmt.Sprintf("%x", it.Key()))
			continue
		}
		on, err := each(it.Key(), v)
		if !on || err != nil {
			return last, err
		}
		last = number
	}
	return last, it.Error()
}

// readable is the first number from one on from where something can be read, found by
// halving; below 0 where there is none.
func readable(db *pebble.DB, kind byte, from int64) int64 {
	reads := func(number int64) bool {
		it, err := db.NewIter(bounds(kind, binary.BigEndian.AppendUint64([]byte{kind}, uint64(number))))
		if err != nil {
			return false
		}
		defer it.Close()
		return it.First() && it.Error() == nil
	}
	low, high := from, from // low can't be read
	for step := int64(1); ; step *= 2 {
		if high = from + step; high < from || step > 1<<61 {
			return -1
		}
		if reads(high) {
			break
		}
		low = high
	}
	for high-low > 1 {
		if middle := low + (high-low)/2; reads(middle) {
			high = middle
		} else {
			low = middle
		}
	}
	return high
}

// notes reads what became of records, in the order of their numbers.
type notes struct {
	s  *Store
	db *pebble.DB
	it *pebble.Iterator // nil: none are left that can be read
	ok bool
}

// open goes on at a number; below 0: nowhere.
func (n *notes) open(from int64) error {
	n.close()
	if from < 0 {
		return nil
	}
	it, err := n.db.NewIter(bounds(prefixNote, binary.BigEndian.AppendUint64([]byte{prefixNote}, uint64(from))))
	if err == nil {
		n.it, n.ok = it, it.First()
	}
	return err
}

func (n *notes) close() {
	if n.it != nil {
		n.it.Close()
		n.it, n.ok = nil, false
	}
}

// read reads what became of a record, if anything did. Where that can't be read it is told, and
// the record is as it was sent: what became of it is found out by its id.
func (n *notes) read(number int64, id chat.EventID, r *journal.Record) error {
	if n.it == nil {
		return nil
	}
	at := key(prefixNote, number, id)
	for n.ok && bytes.Compare(n.it.Key(), at) < 0 {
		n.ok = n.it.Next()
	}
	if err := n.it.Error(); err != nil {
		if !pebble.IsCorruptionError(err) {
			return err
		}
		next := readable(n.db, prefixNote, number)
		n.s.tell(prefixNote, number-1, next, err)
		return n.open(next)
	}
	if !n.ok || !bytes.Equal(n.it.Key(), at) {
		return nil
	}
	v, err := n.it.ValueAndErr()
	if err != nil {
		return err
	}
	form, whole := unsealed(at, v)
	if !whole || parseNote(form, r) != nil {
		n.s.opt.Log.Error("parlor: journal: what became of a record is damaged; it is found out by its id", "event", id)
	}
	return nil
}
