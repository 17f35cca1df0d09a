package pebble

import (
	"github.com/cockroachdb/pebble/v2"

	"github.com/parlor-chat/parlor/chat"
)

// write is one write to the log: events of rooms of some shards, whose locks are held
// from the beginning until Pebble has it.
type write struct {
	p      *place
	op     string
	locked [chat.Shards]bool
	batch  *pebble.Batch
	rooms  []written
	form   []byte
}

// written is what a write has of one room.
type written struct {
	shard  *shard
	in     *room
	number int64 // of the feed
	fed
}

// begin locks the shards that are named, in their order.
func (p *place) begin(op string, shards [chat.Shards]bool) *write {
	w := &write{p: p, op: op, locked: shards, batch: p.DB().NewBatch()}
	for i := range shards {
		if shards[i] {
			p.shards[i].mu.Lock()
		}
	}
	return w
}

// add places an event in its room; what it takes must be settled.
func (w *write) add(s *shard, r *room, e *chat.Event) error {
	if n := len(w.rooms); n == 0 || w.rooms[n-1].in != r {
		w.enter(s, r, e.Seq)
	}
	w.form = chat.AppendEvent(w.form[:0], e)
	if err := w.batch.Set(seqKey(prefixEvent, r.id, e.Seq), w.form, nil); err != nil {
		return err
	}
	r.place(e)
	return nil
}

// enter notes that a room is written to from a Seq on, unless it is noted.
func (w *write) enter(s *shard, r *room, from chat.Seq) {
	for i := range w.rooms {
		if w.rooms[i].in == r {
			return
		}
	}
	s.last++
	w.rooms = append(w.rooms, written{shard: s, in: r, number: s.last, fed: fed{room: r.id, from: from, isNew: r.first == 0}})
}

// settle waits, with what is written, for all that was written before.
func (w *write) settle() error { return w.batch.LogData([]byte{0}, nil) }

// commit hands the write to Pebble's log, lets the shards go, waits for the disk, and
// then shows what was written. Where it fails nobody knows whether it was kept.
func (w *write) commit() error {
	err := w.feed()
	if err == nil && !w.p.Well() {
		err = w.p.Unavailable(w.op)
	}
	empty := w.batch.Empty()
	if err == nil && !empty {
		err = w.p.Mark(w.batch)
	}
	if err == nil && !empty {
		err = w.p.DB().ApplyNoSyncWait(w.batch, pebble.Sync)
	}
	if err != nil {
		w.p.Fail(err) // numbers were taken that are written nowhere
	}
	w.unlock()
	if err != nil {
		return w.p.Reader(w.op, err)
	}
	if !empty {
		err = w.batch.SyncWait()
	}
	// A dead guard says that all is well: only now may it be believed.
	if err != nil || !w.p.Well() {
		return w.p.Unavailable(w.op)
	}
	if !empty {
		w.p.Synced(w.batch)
	}
	w.show()
	return w.batch.Close()
}

// feed adds the entries of the feed, and the records of new rooms.
func (w *write) feed() error {
	now := w.p.opt.Now()
	for i := range w.rooms {
		x := &w.rooms[i]
		x.to, x.at = x.in.last, now
		w.form = x.fed.append(w.form[:0])
		if err := w.batch.Set(feedKey(x.shard.n, x.number), w.form, nil); err != nil {
			return err
		}
		if x.isNew {
			w.form = (&record{first: x.from}).append(w.form[:0])
			if err := w.batch.Set(recordKey(x.room), w.form, nil); err != nil {
				return err
			}
		}
	}
	return nil
}

func (w *write) unlock() {
	for i := range w.locked {
		if w.locked[i] {
			w.p.shards[i].mu.Unlock()
		}
	}
}

// show lets everybody see what is durable now: all in these rooms up to what was written,
// for whatever came before in the log is on the disk too.
func (w *write) show() {
	for i := range w.rooms {
		x := &w.rooms[i]
		s, r := x.shard, x.in
		s.mu.Lock()
		s.durable = max(s.durable, x.number)
		if x.to > r.durable || !r.shown {
			w.p.behind.Add(int64(r.rise(x.to)))
			r.shown = true
			s.dirty[r] = struct{}{}
			for l := range r.links {
				l.dirty(r.id)
				l.wake()
			}
		}
		s.mu.Unlock()
	}
	w.p.wakeIndex()
}

// rise moves the durable head up, and says over how many events.
func (r *room) rise(up chat.Seq) (n int) {
	for i := len(r.tail) - 1; i >= 0 && r.tail[i].Last() > r.durable; i-- {
		if e := r.tail[i]; e.Last() <= up {
			if n++; n == 1 {
				r.durableText = e.TextSeq
			}
		}
	}
	r.durable = up
	return n
}
