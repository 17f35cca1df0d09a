package disk

import (
	"context"
	"encoding/binary"
	"errors"
	"iter"

	"github.com/cockroachdb/pebble/v2"

	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/drivers/journal"
	"github.com/parlor-chat/parlor/internal/pebbledb"
)

// start reads what is kept, when the files were opened. Before anybody has the store that is
// the index. Later the index is what counts: what lies there besides was refused or dropped.
func (s *Store) start(db *pebble.DB, writable bool) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	b := &tidying{db: db, off: !writable}
	defer b.close()
	var err error
	if !s.opened {
		err = s.readIndex(db, b)
	} else {
		err = s.compare(db, b)
	}
	if err == nil {
		err = b.done()
	}
	if err != nil || !writable {
		return err
	}
	return s.live(db)
}

// live begins a life: its numbers are above all that were given before.
func (s *Store) live(db *pebble.DB) error {
	b, err := pebbledb.Get(db, []byte{prefixLife})
	if err != nil {
		return err
	}
	life := int64(1)
	if b != nil {
		v := pebbledb.Values{Left: b}
		life = v.Int() + 1
		if err := v.Done("the number of its lives"); err != nil {
			return err
		}
	}
	s.next = life * lifeSize
	return db.Set([]byte{prefixLife}, binary.AppendVarint(nil, life), pebble.Sync)
}

// readIndex makes the index. What is damaged is set apart; of an id that is there twice the
// last counts.
func (s *Store) readIndex(db *pebble.DB, b *tidying) error {
	s.index, s.damaged, s.bytes = map[chat.EventID]kept{}, map[chat.EventID]int64{}, 0
	s.gaps.Clear()
	err := s.scan(db, prefixDamaged, nil, func(k, _ []byte) (bool, error) {
		number, id, _ := parseKey(k)
		s.damaged[id] = number
		return true, nil
	})
	if err != nil {
		return err
	}
	if n := len(s.damaged); n > 0 {
		s.opt.Log.Warn("parlor: journal: records that are damaged are set apart until an operator drops them", "records", n)
	}
	return s.scan(db, prefixKept, nil, func(k, v []byte) (bool, error) {
		number, id, _ := parseKey(k)
		if _, err := parseRecord(k, v); err != nil {
			s.opt.Log.Error("parlor: journal: a record is damaged, and set apart", "event", id, "number", number, "bytes", len(v))
			s.damaged[id] = number
			return true, errors.Join(b.set(key(prefixDamaged, number, id), v), b.delete(number, id))
		}
		if was, twice := s.index[id]; twice {
			s.bytes -= was.bytes
			if err := b.delete(was.number, id); err != nil {
				return false, err
			}
		}
		s.index[id] = kept{number, int64(len(v))}
		s.bytes += int64(len(v))
		return true, nil
	})
}

// compare deletes what isn't in the index, and tells what is in the index alone.
func (s *Store) compare(db *pebble.DB, b *tidying) error {
	found := 0
	err := s.scan(db, prefixKept, nil, func(k, v []byte) (bool, error) {
		number, id, _ := parseKey(k)
		if was, ok := s.index[id]; ok && was.number == number {
			found++
			return true, nil
		}
		if n, ok := s.damaged[id]; ok && n == number {
			return true, errors.Join(b.set(key(prefixDamaged, number, id), v), b.delete(number, id))
		}
		return true, b.delete(number, id)
	})
	if n := len(s.index) - found; n > 0 && err == nil {
		s.missing.Store(int64(n))
		s.opt.Log.Error("parlor: journal: records are missing that the disk said it had; they are known to this process alone", "records", n)
	}
	return err
}

// tidying is what is written while the files are opened, in batches.
type tidying struct {
	db  *pebble.DB
	off bool // nothing is written
	b   *pebble.Batch
}

func (t *tidying) set(key, value []byte) error {
	if t.off {
		return nil
	}
	return errors.Join(t.batch().Set(key, value, nil), t.full())
}

// delete deletes a record, and what became of it.
func (t *tidying) delete(number int64, id chat.EventID) error {
	if t.off {
		return nil
	}
	b := t.batch()
	return errors.Join(b.Delete(key(prefixKept, number, id), nil), b.Delete(key(prefixNote, number, id), nil), t.full())
}

func (t *tidying) batch() *pebble.Batch {
	if t.b == nil {
		t.b = t.db.NewBatch()
	}
	return t.b
}

// full writes the batch where it is large.
func (t *tidying) full() error {
	if t.b.Len() < 1<<20 {
		return nil
	}
	return t.done()
}

// done writes what is left: on the disk with whatever is written next.
func (t *tidying) done() error {
	if t.b == nil {
		return nil
	}
	err := t.b.Commit(pebble.NoSync)
	t.close()
	return err
}

func (t *tidying) close() {
	if t.b != nil {
		t.b.Close()
		t.b = nil
	}
}

// loadBytes is about how much is read at once.
const loadBytes = 1 << 20

// Load implements journal.Store. What can't be read is told and left out.
func (s *Store) Load(ctx context.Context) iter.Seq2[journal.Record, error] {
	return func(yield func(journal.Record, error) bool) {
		for from, more := []byte{prefixKept}, true; more; {
			var part []journal.Record
			var err error
			if part, from, err = s.part(ctx, from); err != nil {
				yield(journal.Record{}, err)
				return
			}
			for i := range part {
				if !yield(part[i], nil) {
					return
				}
			}
			more = from != nil
		}
	}
}

// part is some records from a key on, and the key where the next ones begin; nil: there are
// no more. While they are used, nothing is held.
func (s *Store) part(ctx context.Context, from []byte) (part []journal.Record, next []byte, err error) {
	const op = "load"
	leave, err := s.enter(ctx, op)
	if err != nil {
		return nil, nil, err
	}
	defer leave()
	db := s.folder.DB()
	notes := &notes{s: s, db: db}
	defer notes.close()
	first := int64(0)
	if number, _, ok := parseKey(from); ok {
		first = number
	}
	if err := notes.open(first); err != nil {
		return nil, nil, s.folder.Reader(op, err)
	}
	size := 0
	err = s.scan(db, prefixKept, from, func(k, v []byte) (bool, error) {
		if size > loadBytes {
			next = append([]byte(nil), k...)
			return false, nil
		}
		number, id, _ := parseKey(k)
		if !s.keeps(id, number) {
			return true, nil
		}
		r, err := parseRecord(k, v)
		if err != nil { // since it was opened
			s.folder.Note(err)
			return true, nil
		}
		if err := notes.read(number, id, &r); err != nil {
			return false, err
		}
		part = append(part, r)
		size += len(v)
		return true, nil
	})
	return part, next, s.folder.Reader(op, err)
}

// keeps says whether a record is in the index.
func (s *Store) keeps(id chat.EventID, number int64) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	was, ok := s.index[id]
	return ok && was.number == number
}

// Damage is a record that can't be served.
type Damage struct {
	ID  chat.EventID
	Raw []byte // what lies in its place: since when, the event in the stored form, a checksum
}

// Damaged gives what is left of the records that are damaged and set apart, so that an
// operator can see what is to be read of them. [Store.Drop] forgets them.
func (s *Store) Damaged(ctx context.Context) ([]Damage, error) {
	const op = "damaged"
	leave, err := s.enter(ctx, op)
	if err != nil {
		return nil, err
	}
	defer leave()
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []Damage
	for id, number := range s.damaged {
		b, err := pebbledb.Get(s.folder.DB(), key(prefixDamaged, number, id))
		if err == nil && b == nil { // a disk that can't be written: it lies where it lay
			b, err = pebbledb.Get(s.folder.DB(), key(prefixKept, number, id))
		}
		if err != nil {
			return nil, s.folder.Reader(op, err)
		}
		all = append(all, Damage{id, b})
	}
	return all, nil
}
