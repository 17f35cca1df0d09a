// Package journal makes a broker on another machine as safe as the disk of this one. It
// is a decorator: it keeps an event on disk before it publishes it, and until the
// archive shows it. So whatever happens to the broker behind it, what was acknowledged
// is placed in the end, once, and under its id.
//
//	j, err := journal.New(ctx, store, broker, nil)
//	h, err := hub.New(ctx, drivers.Set{Broker: j, …}, nil)
//
// Publish waits a second for events to be placed, then returns receipts that say
// pending. In each room events are placed in the order in which they came, one batch at
// a time. What can't be placed within 12 hours, or is refused after its sender was told
// that it is pending, or by the archive, is set aside for an operator to decide
// ([chat.Keeper]).
package journal

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/parlor-chat/parlor/chat"
)

// Options changes what [New] makes. Nil options, and the zero value of each field, mean
// the default.
type Options struct {
	// Wait is how long Publish waits for events to be placed; 1 s by default.
	Wait time.Duration
	// MaxAge is how long an event may be pending; 12 h by default, and at most: brokers
	// know ids for 24 h.
	MaxAge time.Duration
	// Bytes is the quota of all that is kept, in bytes of the stored form; 1 GiB by
	// default. At it, Publish fails with ErrUnavailable and the field "journal".
	Bytes int64
	// Dead opens what the journal of a dead node left, for an operator who adopts it
	// ([chat.Adopter]), in a place that he names; done closes it. None by default.
	Dead func(ctx context.Context, where string) (from Store, done func() error, err error)
	// Logger gets what an operator must know; slog.Default() by default.
	Logger *slog.Logger
}

const (
	defaultWait  = time.Second
	maxAge       = 12 * time.Hour
	defaultBytes = 1 << 30

	batchSize  = 200             // events of one room that are published at once
	callTime   = 8 * time.Second // for one call to the broker: shorter than others wait for this node after a loss
	retryFirst = 50 * time.Millisecond
	retryMost  = 5 * time.Second
	sweepEvery = time.Minute // how often it is looked for what is too old
)

// Journal is a broker that keeps what it is given: a [chat.Broker] and a [chat.Keeper].
type Journal struct {
	chat.Broker
	store Store
	opt   Options

	ctx     context.Context // ends with Close
	quit    context.CancelFunc
	running sync.WaitGroup

	deciding sync.Mutex // taken before mu

	mu     sync.Mutex
	closed bool
	memory string // valid, as far as is known; "" before the first Begin, and where the broker's can't be lost
	// returned says that what was placed was put back into another memory, which isn't valid yet.
	returned bool
	records  map[chat.EventID]*record
	order    []*record // in the order in which they came; nil where one was dropped
	dropped  int
	number   int64
	bytes    int64
	rooms    map[chat.RoomID]*queue
}

// record is one event that is kept.
type record struct {
	Record
	number   int64
	digest   [16]byte
	bytes    int64
	kept     bool // it is on disk
	trying   bool // the broker has it in hand
	tried    bool // it was given to the broker, in this life or an earlier one, and nobody knows what came of it
	told     bool // somebody was told that it is pending
	aside    error
	returned []string      // the memories that it was put back into since, while its room was closed
	receipt  chat.Receipt  // once it is placed
	done     chan struct{} // closed when it is placed, refused or set aside
	err      error         // why it was refused
}

// placed says whether it has its position.
func (r *record) placed() bool { return r.Event.Seq > 0 }

// leftOut says whether it isn't an event but positions that a room left out ([Journal.Reopen]).
func (r *record) leftOut() bool { return r.Event.Kind() == chat.KindVoid }

// placedIn says whether it has its position in a memory of the broker.
func (r *record) placedIn(memory string) bool {
	return r.placed() && (r.Memory == memory || slices.Contains(r.returned, memory))
}

// putBackInto notes a memory that it was put back into. Which of them was valid is only
// known later: where one is lost after the other, this node may hear of none in time.
func (r *record) putBackInto(memory string) {
	if !slices.Contains(r.returned, memory) {
		r.returned = append(r.returned[max(0, len(r.returned)-maxReturned+1):], memory)
	}
}

// maxReturned is how many memories are remembered that a record was put back into.
const maxReturned = 16

// pending says whether it is to be placed.
func (r *record) pending() bool { return !r.placed() && r.aside == nil }

// New makes a journal over a broker, and goes on with what the store holds: at once, or
// where the broker's memory may be lost ([chat.Forgetful]) when [Journal.Begin] says which
// memory is valid. A hub does that. ctx is for opening only. Close the journal before the
// broker.
func New(ctx context.Context, store Store, to chat.Broker, o *Options) (*Journal, error) {
	var opt Options
	if o != nil {
		opt = *o
	}
	if err := opt.orDefault(); err != nil {
		return nil, err
	}
	j := &Journal{Broker: to, store: store, opt: opt, records: map[chat.EventID]*record{}, rooms: map[chat.RoomID]*queue{}}
	j.ctx, j.quit = context.WithCancel(context.Background())
	for kept, err := range store.Load(ctx) {
		if err != nil {
			j.quit()
			return nil, err
		}
		if r := j.add(&kept.Event, kept.Since); r != nil {
			r.take(kept)
		}
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	for _, r := range j.order {
		j.goOn(r)
	}
	j.running.Go(j.sweep)
	return j, nil
}

// take makes a record of one that was kept in an earlier life.
func (r *record) take(kept Record) {
	r.Record, r.tried, r.told = kept, true, true
	switch {
	case r.Aside != "":
		r.aside = asideFor(r.Aside)
		r.tried = errors.Is(r.aside, chat.ErrExpired) // else it is known where it is
	case r.placed():
		r.receipt = receipt(&r.Event)
	}
}

// anew makes a record pending that was placed in a memory that counts no more: it lies there
// already, or is placed anew; under its id that is found out.
func (r *record) anew() {
	r.Event, r.Memory, r.returned, r.tried = bare(&r.Event), "", nil, true
	r.done = make(chan struct{})
}

// goOn goes on with a record once it is on disk; under mu.
func (j *Journal) goOn(r *record) {
	r.kept = true
	if r.aside == nil && r.placed() && !r.leftOut() && j.memory != "" && !r.placedIn(j.memory) { // adopted behind a loss
		r.anew()
	}
	if r.pending() {
		j.enqueue(r)
		return
	}
	j.finish(r, r.aside)
}

func (o *Options) orDefault() error {
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	for _, f := range []struct {
		name           string
		value          *int64
		standard, most int64
	}{
		{"wait", (*int64)(&o.Wait), int64(defaultWait), int64(maxAge)},
		{"maxAge", (*int64)(&o.MaxAge), int64(maxAge), int64(maxAge)},
		{"bytes", &o.Bytes, defaultBytes, 1 << 50},
	} {
		switch {
		case *f.value == 0:
			*f.value = f.standard
		case *f.value < 0:
			return &chat.Error{Kind: chat.ErrInvalid, Op: "new journal", Field: f.name}
		case *f.value > f.most:
			return &chat.Error{Kind: chat.ErrTooLarge, Op: "new journal", Field: f.name, Limit: f.most}
		}
	}
	return nil
}

// Close stops publishing. What is kept stays kept, and goes on when a journal is made
// over the store again. The broker stays open. Closing twice is no error.
func (j *Journal) Close() error {
	j.mu.Lock()
	j.closed = true
	j.mu.Unlock()
	j.quit()
	j.running.Wait()
	return nil
}

// Publish implements chat.Broker. A context that ends while events are placed ends the
// waiting for them alone.
func (j *Journal) Publish(ctx context.Context, events []chat.Event) ([]chat.Receipt, error) {
	const op = "publish"
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if err := chat.CheckPublish(op, events); err != nil {
		return nil, err
	}
	timer := time.NewTimer(j.opt.Wait)
	defer timer.Stop()
	j.waitFor(ctx, timer, j.contested(events))
	mine, failed, err := j.admit(op, events)
	if err != nil {
		return nil, err
	}
	if err := j.keep(fresh(mine)); err != nil {
		return nil, err
	}
	j.waitFor(ctx, timer, j.done(mine))

	receipts := make([]chat.Receipt, len(events))
	j.mu.Lock()
	defer j.mu.Unlock()
	for i, m := range mine {
		r := m.record
		switch {
		case r == nil: // failed already
		case r.err != nil:
			failed = failed.Fail(i, r.err)
		case r.placed():
			receipts[i] = r.receipt
			receipts[i].Duplicate = r.receipt.Duplicate || !m.fresh
		case !r.kept: // another call is still writing it to the disk
			failed = failed.Fail(i, &chat.Error{Kind: chat.ErrUnavailable, Op: op, Field: "journal", Retry: j.opt.Wait})
		default:
			r.told = true
			receipts[i] = chat.Receipt{ID: r.Event.ID, State: chat.Pending, Duplicate: !m.fresh}
		}
	}
	return receipts, failed.AsError()
}

// admitted is the record of an event, and whether this call made it.
type admitted struct {
	*record
	fresh bool
}

// admit finds or makes the record of each event; nil where it fails.
func (j *Journal) admit(op string, events []chat.Event) (mine []admitted, failed *chat.BatchError, err error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.closed {
		return nil, nil, &chat.Error{Kind: chat.ErrClosed, Op: op}
	}
	mine = make([]admitted, len(events))
	now := time.Now()
	for i := range events {
		e := &events[i]
		r := j.records[e.ID]
		switch {
		case r == nil && j.bytes >= j.opt.Bytes: // those that follow fail, too, and don't overtake it
			failed = failed.Fail(i, &chat.Error{Kind: chat.ErrUnavailable, Op: op, Field: "journal", Limit: j.opt.Bytes})
		case r == nil:
			mine[i] = admitted{j.add(e, now), true}
		case r.digest != e.Digest() && r.pending(): // which of them is first is not known
			failed = failed.Fail(i, &chat.Error{Kind: chat.ErrUnavailable, Op: op, Field: "id", Retry: j.opt.Wait})
		case r.digest != e.Digest():
			failed = failed.Fail(i, &chat.Error{Kind: chat.ErrConflict, Op: op, Field: "id"})
		case r.aside != nil:
			failed = failed.Fail(i, r.aside)
		default:
			mine[i] = admitted{r, false}
		}
	}
	return mine, failed, nil
}

// add makes a record; nil where there is one; under mu.
func (j *Journal) add(e *chat.Event, since time.Time) *record {
	if j.records[e.ID] != nil {
		return nil
	}
	r := &record{Record: Record{Event: *e, Since: since}, number: j.number, digest: e.Digest(),
		bytes: int64(len(chat.AppendEvent(nil, e))), done: make(chan struct{})}
	j.number++
	j.records[e.ID] = r
	j.order = append(j.order, r)
	j.bytes += r.bytes
	return r
}

// fresh are the records that a call made.
func fresh(mine []admitted) (all []*record) {
	for _, m := range mine {
		if m.fresh {
			all = append(all, m.record)
		}
	}
	return all
}

// keep brings new records to the disk, then those that are pending into their rooms' queues.
func (j *Journal) keep(fresh []*record) error {
	if len(fresh) == 0 {
		return nil
	}
	records := make([]Record, len(fresh))
	for i, r := range fresh {
		records[i] = r.Record
	}
	// What is being written is written whole, whoever goes away meanwhile.
	err := j.store.Keep(j.ctx, records)
	if err != nil {
		// It may have got there all the same. While they are known, a retry waits, so that this
		// doesn't drop what that keeps.
		j.drop(fresh)
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	if err != nil {
		err = &chat.Error{Kind: chat.ErrUnavailable, Op: "publish", Field: "journal", Err: err}
		for _, r := range fresh {
			j.finish(r, err)
			j.forget(r)
		}
		return err
	}
	for _, r := range fresh {
		j.goOn(r)
	}
	return nil
}

// contested is what to wait for before events are admitted: others under the same ids,
// of which nobody knows yet whether they are first.
func (j *Journal) contested(events []chat.Event) (all []<-chan struct{}) {
	j.mu.Lock()
	defer j.mu.Unlock()
	for i := range events {
		if r := j.records[events[i].ID]; r != nil && r.pending() && r.digest != events[i].Digest() {
			all = append(all, r.done)
		}
	}
	return all
}

// done is what to wait for until events are placed.
func (j *Journal) done(mine []admitted) (all []<-chan struct{}) {
	j.mu.Lock()
	defer j.mu.Unlock()
	for _, m := range mine {
		if m.record != nil {
			all = append(all, m.record.done)
		}
	}
	return all
}

// waitFor waits until all of these are closed, for as long as Publish waits.
func (j *Journal) waitFor(ctx context.Context, timer *time.Timer, all []<-chan struct{}) {
	for _, done := range all {
		select {
		case <-done:
		case <-timer.C:
			timer.Reset(0) // for whoever waits next
			return
		case <-ctx.Done():
			return
		case <-j.ctx.Done():
			return
		}
	}
}

// finish ends the waiting for a record; under mu.
func (j *Journal) finish(r *record, err error) {
	r.err = err
	select {
	case <-r.done:
	default:
		close(r.done)
	}
}

// forget takes a record out of the journal; under mu.
func (j *Journal) forget(r *record) {
	if j.records[r.Event.ID] != r {
		return
	}
	delete(j.records, r.Event.ID)
	j.bytes -= r.bytes
	i, _ := slices.BinarySearchFunc(j.order, r.number, byNumber)
	j.order[i] = &record{number: r.number} // dropped
	if j.dropped++; j.dropped > len(j.order)/2 && j.dropped > 64 {
		j.order = slices.DeleteFunc(j.order, func(r *record) bool { return r.done == nil })
		j.dropped = 0
	}
}

func byNumber(r *record, n int64) int { return int(r.number - n) }

// drop has the store forget records. Where it fails they come back with the next
// journal over it, and are found out there: by their ids.
func (j *Journal) drop(records []*record) {
	if len(records) == 0 {
		return
	}
	ids := make([]chat.EventID, len(records))
	for i, r := range records {
		ids[i] = r.Event.ID
	}
	if err := j.store.Drop(j.ctx, ids); err != nil && j.ctx.Err() == nil {
		j.opt.Logger.Warn("parlor: a journal can't drop what is archived, and tries again when it is made anew", "events", len(ids), "error", err)
	}
}

// Tips implements chat.Tipper, by those of the broker.
func (j *Journal) Tips(ctx context.Context, rooms []chat.RoomID) ([]chat.Tip, error) {
	return chat.Tips(ctx, j.Broker, rooms)
}

func receipt(e *chat.Event) chat.Receipt {
	return chat.Receipt{ID: e.ID, State: chat.Placed, Seq: e.Seq, TextSeq: e.TextSeq, At: e.At}
}

var (
	_ chat.Broker    = (*Journal)(nil)
	_ chat.Keeper    = (*Journal)(nil)
	_ chat.Forgetful = (*Journal)(nil)
	_ chat.Tipper    = (*Journal)(nil)
)
