package journal

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/parlor-chat/parlor/chat"
)

// queue is what is pending in one room, in its order. While it isn't empty, one
// goroutine publishes from its front.
type queue struct {
	records []*record
	kick    chan struct{} // try again at once
}

// enqueue puts a record behind those of its room; under mu.
func (j *Journal) enqueue(r *record) {
	q := j.rooms[r.Event.Room]
	if q == nil {
		if j.closed {
			return // it is on disk
		}
		q = &queue{kick: make(chan struct{}, 1)}
		j.rooms[r.Event.Room] = q
		j.running.Go(func() { j.publish(r.Event.Room, q) })
	}
	q.records = append(q.records, r)
	if n := len(q.records); n > 1 && q.records[n-2].number > r.number { // it comes again
		slices.SortFunc(q.records, func(a, b *record) int { return int(a.number - b.number) })
	}
}

// publish places what is pending in a room, one batch after the other, until nothing is
// left.
func (j *Journal) publish(room chat.RoomID, q *queue) {
	retry := retryFirst
	for {
		batch, memory := j.next(room, q)
		if len(batch) == 0 {
			return
		}
		if j.call(q, batch, memory) {
			retry = retryFirst
			continue
		}
		timer := time.NewTimer(retry)
		retry = min(2*retry, retryMost)
		select {
		case <-timer.C:
		case <-q.kick:
		case <-j.ctx.Done():
		}
		timer.Stop()
	}
}

// call gives a batch to the broker, and says whether it came to anything. While another
// memory than the valid one is at hand nothing is given to it: this node may not be known
// there yet, and nobody would ask it for what it placed.
func (j *Journal) call(q *queue, batch []*record, memory string) (progress bool) {
	ctx, cancel := context.WithTimeout(j.ctx, callTime)
	defer cancel()
	now, err := chat.Memory(ctx, j.Broker)
	if errors.Is(err, errors.ErrUnsupported) {
		now, err = memory, nil
	}
	if err != nil || now != memory {
		j.mu.Lock()
		defer j.mu.Unlock()
		for _, r := range batch {
			r.trying = false
		}
		return false
	}
	events := make([]chat.Event, len(batch))
	for i, r := range batch {
		events[i] = bare(&r.Event)
	}
	receipts, err := j.Broker.Publish(ctx, events)
	return j.settle(q, batch, memory, receipts, err)
}

// bare is an event as it is published.
func bare(e *chat.Event) chat.Event {
	b := *e
	b.Seq, b.TextSeq, b.At = 0, 0, time.Time{}
	return b
}

// next is what comes next in a room. When nothing does, the queue is gone.
func (j *Journal) next(room chat.RoomID, q *queue) (batch []*record, memory string) {
	j.mu.Lock()
	aside := j.expire(q)
	defer j.note(aside)
	defer j.mu.Unlock()
	if len(q.records) == 0 || j.ctx.Err() != nil {
		delete(j.rooms, room)
		return nil, ""
	}
	batch = slices.Clone(q.records[:min(len(q.records), batchSize)])
	for _, r := range batch {
		r.trying = true
	}
	return batch, j.memory
}

// settle does what a call to the broker came to, and says whether it came to anything.
func (j *Journal) settle(q *queue, batch []*record, memory string, receipts []chat.Receipt, err error) (progress bool) {
	var single *chat.BatchError
	if err != nil && !errors.As(err, &single) {
		j.mu.Lock()
		for _, r := range batch {
			r.trying, r.tried = false, true
		}
		j.mu.Unlock()
		if j.ctx.Err() == nil {
			j.opt.Logger.Debug("parlor: a journal's events can't be placed, and are tried again", "error", err)
		}
		return false
	}
	j.mu.Lock()
	var noted []Record
	var refused, conflicting, renamed []*record
	settled := map[*record]bool{}
	for i, r := range batch {
		r.trying = false
		var why error
		if single != nil {
			why = single.Items[i]
		}
		if forGood(why) {
			r.tried = false // now it is known where it isn't
		}
		switch {
		case why == nil && i < len(receipts) && receipts[i].Seq > 0:
			if memory != j.memory { // where it was placed counts no more: ask again
				progress, r.tried = true, true
				continue
			}
			r.receipt = receipts[i]
			r.Event.Seq, r.Event.TextSeq, r.Event.At, r.Memory = receipts[i].Seq, receipts[i].TextSeq, receipts[i].At, memory
			noted = append(noted, r.Record)
			j.finish(r, nil)
		case forGood(why) && !r.told:
			j.finish(r, why)
			j.forget(r)
			refused = append(refused, r)
		case errors.Is(why, chat.ErrConflict):
			j.setAside(r, why)
			conflicting = append(conflicting, &record{Record: r.Record})
			renamed = append(renamed, j.rename(r))
		case forGood(why):
			j.setAside(r, why)
			noted = append(noted, r.Record)
		default:
			continue // again
		}
		settled[r] = true
	}
	q.records = slices.DeleteFunc(q.records, func(r *record) bool { return settled[r] })
	j.mu.Unlock()
	if len(renamed) > 0 && !j.keepRenamed(renamed) {
		conflicting = nil // what the disk holds under the old ids is the only copy
	}
	j.drop(append(refused, conflicting...))
	j.note(noted)
	return progress || len(settled) > 0
}

// note brings to the disk what became of events. Where that fails, it is found out by their
// ids when the journal is made anew.
func (j *Journal) note(records []Record) {
	if len(records) == 0 {
		return
	}
	if err := j.store.Note(j.ctx, records); err != nil && j.ctx.Err() == nil {
		j.opt.Logger.Debug("parlor: a journal can't note what became of events; it finds out when it is made anew", "error", err)
	}
}

// rename gives an event another id, for its own is that of another event; under mu.
func (j *Journal) rename(r *record) *record {
	delete(j.records, r.Event.ID)
	r.Event.ID = chat.NewID()
	r.digest = r.Event.Digest()
	j.records[r.Event.ID] = r
	return r
}

// keepRenamed keeps what was renamed, and says whether it could. Where it couldn't, it is found
// refused again when the journal is made anew.
func (j *Journal) keepRenamed(renamed []*record) bool {
	records := make([]Record, len(renamed))
	for i, r := range renamed {
		records[i] = r.Record
	}
	err := j.store.Keep(j.ctx, records)
	if err != nil && j.ctx.Err() == nil {
		j.opt.Logger.Error("parlor: a journal can't keep what it set aside", "events", len(records), "error", err)
	}
	return err == nil
}

// forGood says whether trying again can't help.
func forGood(err error) bool {
	return errors.Is(err, chat.ErrConflict) || errors.Is(err, chat.ErrInvalid) || errors.Is(err, chat.ErrTooLarge)
}

// expire sets aside what is too old, but for what the broker has in hand, and says what is
// to be noted; under mu.
func (j *Journal) expire(q *queue) (aside []Record) {
	limit := time.Now().Add(-j.opt.MaxAge)
	q.records = slices.DeleteFunc(q.records, func(r *record) bool {
		if r.trying || r.Since.After(limit) {
			return false
		}
		j.setAside(r, &chat.Error{Kind: chat.ErrExpired, Op: "publish", Field: "id"})
		aside = append(aside, r.Record)
		return true
	})
	return aside
}

// asideKinds are the kinds of errors for which an event is set aside, by their names.
var asideKinds = []error{chat.ErrExpired, chat.ErrConflict, chat.ErrInvalid, chat.ErrTooLarge}

// asideAs is the name of why an event is set aside.
func asideAs(why error) string {
	for _, kind := range asideKinds {
		if errors.Is(why, kind) {
			return kind.Error()
		}
	}
	return chat.ErrInvalid.Error()
}

// asideFor is why an event was set aside in an earlier life.
func asideFor(name string) error {
	for _, kind := range asideKinds {
		if kind.Error() == name {
			return &chat.Error{Kind: kind, Op: "publish"}
		}
	}
	return &chat.Error{Kind: chat.ErrInvalid, Op: "publish"}
}

// setAside leaves an event to an operator, and tells its sender; under mu.
func (j *Journal) setAside(r *record, why error) {
	r.aside, r.Aside = why, asideAs(why)
	j.finish(r, why)
	j.opt.Logger.Error("parlor: an event is set aside", "room", r.Event.Room, "event", r.Event.ID, "since", r.Since, "error", why)
	if r.Event.Sender.IsZero() || j.closed {
		return
	}
	s := chat.Signal{Room: r.Event.Room, To: r.Event.Sender, Name: chat.SignalSetAside, Data: []byte(r.Event.ID.String())}
	j.running.Go(func() {
		ctx, cancel := context.WithTimeout(j.ctx, callTime)
		defer cancel()
		j.Broker.Signal(ctx, s) // may be lost: who sends it again is told
	})
}

// sweep looks for what is too old while a broker doesn't answer.
func (j *Journal) sweep() {
	tick := time.NewTicker(sweepEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-j.ctx.Done():
			return
		}
		var aside []Record
		j.mu.Lock()
		for _, q := range j.rooms {
			aside = append(aside, j.expire(q)...)
		}
		j.mu.Unlock()
		j.note(aside)
	}
}
