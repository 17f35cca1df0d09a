package disk

import (
	"context"
	"errors"

	"github.com/cockroachdb/pebble/v2"

	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/drivers/journal"
)

// Keep implements journal.Store. All who call it at once wait for the disk together. A
// context that ends while the disk is waited for changes nothing.
func (s *Store) Keep(ctx context.Context, records []journal.Record) error {
	const op = "keep"
	leave, err := s.enter(ctx, op)
	if err != nil {
		return err
	}
	defer leave()
	if err := s.folder.CanWrite(op); err != nil {
		return err
	}
	b := s.folder.DB().NewBatch()
	defer b.Close()
	fresh := s.take(records)
	var form []byte
	for i := range records {
		r := &records[i]
		at := key(prefixKept, fresh[i].number, r.Event.ID)
		form = appendKept(form[:0], r)
		form = sealed(at, form)
		fresh[i].bytes = int64(len(form))
		if err := b.Set(at, form, nil); err != nil {
			return s.folder.Reader(op, err)
		}
		if noted(r) {
			if err := setNote(b, fresh[i].number, r, &form); err != nil {
				return s.folder.Reader(op, err)
			}
		}
	}
	if err := s.apply(op, b, pebble.Sync); err != nil {
		return err // where it is on the disk all the same, it is dropped when the files are opened again
	}
	s.add(op, records, fresh)
	return nil
}

// take gives each record its number.
func (s *Store) take(records []journal.Record) []kept {
	fresh := make([]kept, len(records))
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range fresh {
		fresh[i].number = s.next
		s.next++
	}
	return fresh
}

// add says that records are kept. What was kept under their ids before is dropped.
func (s *Store) add(op string, records []journal.Record, fresh []kept) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var old [][]byte
	for i := range records {
		id := records[i].Event.ID
		old = append(old, s.forget(id)...)
		s.index[id] = fresh[i]
		s.bytes += fresh[i].bytes
	}
	_ = s.remove(op, old) // else it is dropped when the files are opened again
}

// forget takes a record out of the index, and gives the keys to delete; with mu held.
func (s *Store) forget(id chat.EventID) [][]byte {
	was, ok := s.index[id]
	if !ok {
		return nil
	}
	delete(s.index, id)
	s.bytes -= was.bytes
	return [][]byte{key(prefixKept, was.number, id), key(prefixNote, was.number, id)}
}

// apply hands a batch to Pebble, and with [pebble.Sync] waits for the disk.
func (s *Store) apply(op string, b *pebble.Batch, o *pebble.WriteOptions) error {
	if b.Empty() {
		return nil
	}
	err := s.folder.Mark(b)
	if err == nil {
		err = s.folder.DB().Apply(b, o)
	}
	if err != nil {
		s.folder.Fail(err)
	}
	// A folder that has failed says that all is well: only now may it be believed.
	if !s.folder.Well() {
		return s.folder.Unavailable(op)
	}
	if o.Sync {
		s.folder.Synced(b)
	}
	return nil
}

// Note implements journal.Store.
func (s *Store) Note(ctx context.Context, records []journal.Record) error {
	const op = "note"
	leave, err := s.enter(ctx, op)
	if err != nil {
		return err
	}
	defer leave()
	if !s.folder.Well() { // a disk that is all but full is no reason
		return s.folder.Unavailable(op)
	}
	b := s.folder.DB().NewBatch()
	defer b.Close()
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range records {
		r := &records[i]
		was, ok := s.index[r.Event.ID]
		if !ok {
			continue
		}
		if err := setNote(b, was.number, r, &s.form); err != nil {
			return s.folder.Reader(op, err)
		}
	}
	return s.apply(op, b, pebble.NoSync)
}

// Drop implements journal.Store. What is damaged is dropped, too. Where the disk fails, what
// was dropped is gone when the files are open again.
func (s *Store) Drop(ctx context.Context, ids []chat.EventID) error {
	const op = "drop"
	leave, err := s.enter(ctx, op)
	switch {
	case err == nil:
		defer leave()
	case !errors.Is(err, chat.ErrUnavailable):
		return err
	}
	if s.opt.ReadOnly {
		return s.folder.Unavailable(op)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	var gone [][]byte
	for _, id := range ids {
		gone = append(gone, s.forget(id)...)
		if number, ok := s.damaged[id]; ok {
			delete(s.damaged, id)
			gone = append(gone, key(prefixDamaged, number, id))
		}
	}
	if err != nil {
		return err
	}
	return s.remove(op, gone)
}

// remove deletes keys, without waiting for the disk; with mu held.
func (s *Store) remove(op string, keys [][]byte) error {
	if !s.folder.Well() {
		return s.folder.Unavailable(op)
	}
	b := s.folder.DB().NewBatch()
	defer b.Close()
	for _, k := range keys {
		if err := b.Delete(k, nil); err != nil {
			return s.folder.Reader(op, err)
		}
	}
	return s.apply(op, b, pebble.NoSync)
}

func setNote(b *pebble.Batch, number int64, r *journal.Record, form *[]byte) error {
	at := key(prefixNote, number, r.Event.ID)
	*form = appendNote((*form)[:0], r)
	return b.Set(at, sealed(at, *form), nil)
}
