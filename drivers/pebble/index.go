package pebble

import (
	"encoding/binary"
	"slices"
	"time"

	"github.com/cockroachdb/pebble/v2"

	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/internal/pebbledb"
)

// mostBehind is how many events may wait for their ids and changes to be written.
const mostBehind = 64 << 10

// index writes ids and changes behind what is placed, and forgets old parts of the feed.
func (p *place) index() {
	hour := time.NewTicker(time.Hour)
	defer hour.Stop()
	for {
		var err error
		select {
		case <-p.quit:
			return
		case <-p.kick:
			err = p.Inside(func() error {
				_, err := p.follow()
				return err
			})
		case <-hour.C:
			err = p.Inside(p.forget)
		}
		if err != nil {
			p.Note(err)
		}
	}
}

func (p *place) wakeIndex() {
	select {
	case p.kick <- struct{}{}:
	default:
	}
}

// keepUp writes ids and changes where too many wait for it; with gate held.
func (p *place) keepUp() error {
	for p.behind.Load() > mostBehind {
		if n, err := p.follow(); n == 0 || err != nil {
			return err
		}
	}
	return nil
}

// work is what is to be written of one room.
type work struct {
	room    *room
	events  []*chat.Event
	targets map[chat.EventID]chat.Seq // of its events, those that are held
	isNew   bool
}

// follow writes the ids and changes of all that is durable, and says of how many events;
// with gate held.
func (p *place) follow() (n int, err error) {
	p.indexMu.Lock()
	defer p.indexMu.Unlock()
	return p.followAll()
}

// followAll is follow with indexMu held.
func (p *place) followAll() (n int, err error) {
	for i := range p.shards {
		done, err := p.shards[i].follow()
		n += done
		p.behind.Add(-int64(done))
		if err != nil {
			return n, err
		}
	}
	return n, nil
}

func (s *shard) follow() (n int, err error) {
	s.mu.Lock()
	db, next := s.db, s.progress
	next.indexed = s.durable
	var all []work
	for r := range s.dirty {
		all = append(all, r.work())
	}
	s.mu.Unlock()
	if len(all) == 0 {
		return 0, nil
	}
	b := db.NewBatch()
	defer b.Close()
	for i := range all {
		if err := all[i].write(db, b); err != nil {
			return 0, err
		}
		n += len(all[i].events)
		if all[i].isNew {
			next.rooms++
		}
	}
	next.events += int64(n)
	if err := b.Set(progressKey(s.n), next.append(nil), nil); err != nil {
		return 0, err
	}
	if err := b.Commit(pebble.NoSync); err != nil {
		return 0, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.progress = next
	for _, x := range all {
		if k := len(x.events); k > 0 {
			x.room.indexed, x.room.isNew = x.events[k-1].Last(), false
		}
		if x.room.indexed >= x.room.durable {
			delete(s.dirty, x.room)
		}
		x.room.trim()
	}
	return n, nil
}

// work is what is to be written of a room; with mu held.
func (r *room) work() work {
	from, _ := slices.BinarySearchFunc(r.tail, r.indexed+1, bySeq)
	to, _ := slices.BinarySearchFunc(r.tail, r.durable+1, bySeq)
	w := work{room: r, events: r.tail[from:to:to], isNew: r.isNew}
	for _, e := range w.events {
		if e.Changes() {
			if t := r.ids[e.Target]; t != nil {
				if w.targets == nil {
					w.targets = map[chat.EventID]chat.Seq{}
				}
				w.targets[e.Target] = t.Seq
			}
		}
	}
	return w
}

func (w *work) write(db *pebble.DB, b *pebble.Batch) error {
	ids := roomKey(prefixID, w.room.id)
	for _, e := range w.events {
		key := append(ids[:len(ids):len(ids)], e.ID[:]...)
		if err := b.Set(key, binary.AppendVarint(nil, int64(e.Seq)), nil); err != nil {
			return err
		}
		if !e.Changes() {
			continue
		}
		target := w.targets[e.Target]
		if target == 0 {
			x := walker{view: view{id: w.room.id}, db: db}
			var err error
			if target, err = x.seqOf(e.Target); err != nil {
				return err
			}
		}
		key = number(seqKey(prefixChange, w.room.id, target), int64(e.Seq))
		if target == 0 {
			key = number(idKey(prefixLoose, w.room.id, e.Target), int64(e.Seq))
		}
		if err := b.Set(key, nil, nil); err != nil {
			return err
		}
	}
	return nil
}

// recover holds again what was placed, and whose ids and changes aren't written, as the
// feed says.
func (p *place) recover() error {
	for i := range p.shards {
		n, err := p.shards[i].recover()
		if err != nil {
			return err
		}
		p.behind.Add(int64(n))
	}
	p.wakeIndex()
	return nil
}

func (s *shard) recover() (n int, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	begin := map[chat.RoomID]fed{}
	if err := s.feed(s.progress.indexed, s.durable, func(_ int64, f fed) (bool, error) {
		if old, ok := begin[f.room]; !ok || f.from < old.from {
			begin[f.room] = f
		}
		return true, nil
	}); err != nil {
		return 0, err
	}
	for id, f := range begin {
		r, err := s.find(id)
		if err != nil {
			return 0, err
		}
		if r == nil {
			return 0, pebbledb.Damaged("a room")
		}
		w := walker{view: r.view(), db: s.db}
		for e := w.ge(f.from); e != nil; e = w.next() {
			r.tail = append(r.tail, e)
			r.ids[e.ID] = e
			n++
		}
		if w.close(); w.err != nil {
			return 0, w.err
		}
		if len(r.tail) > 0 {
			r.indexed, r.isNew = r.tail[0].Seq-1, f.isNew
			s.dirty[r] = struct{}{}
		}
	}
	return n, nil
}

// feed goes through the feed behind a number up to another, until it is told not to go on.
func (s *shard) feed(behind, upTo int64, each func(n int64, f fed) (bool, error)) error {
	it, err := s.db.NewIter(&pebble.IterOptions{LowerBound: feedKey(s.n, behind+1), UpperBound: feedKey(s.n, upTo+1)})
	if err != nil {
		return err
	}
	for ok, on := it.First(), true; ok && on; ok = it.Next() {
		b, err := it.ValueAndErr()
		var f fed
		if err == nil {
			f, err = parseFed(b)
		}
		if err == nil {
			on, err = each(lastNumber(it.Key()), f)
		}
		if err != nil {
			it.Close()
			return err
		}
	}
	return it.Close()
}
