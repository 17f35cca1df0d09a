package memory

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/parlor-chat/parlor/chat"
)

// brokerData is what all nodes share: the heads of rooms, the change log of each
// shard, and who is attached.
type brokerData struct {
	now       func() time.Time
	remember  time.Duration
	headBytes int64

	mu    sync.Mutex // guards everything below; held for a moment only
	rooms map[chat.RoomID]*head
	used  int64 // bytes of what the archive doesn't show yet
	log   [chat.Shards]changeLog
	nodes map[string]*link

	memory string      // changes with each loss
	forgot atomic.Bool // there was one
}

func (d *brokerData) init(o Options) {
	d.now, d.remember, d.headBytes = o.Now, o.Remember, o.HeadBytes
	d.rooms = map[chat.RoomID]*head{}
	d.nodes = map[string]*link{}
	d.memory = chat.NewID().String()
}

// head is the head of one room.
type head struct {
	events   []placed // without a hole, oldest first
	last     chat.Seq
	textSeq  int64
	at       time.Time
	archived chat.Seq
	ids      map[chat.EventID]chat.Known
	expiry   []expiring // of ids, in the order in which they were placed
	links    map[*link]struct{}
	lost     *lost // nil while the room is open
}

// placed is an event and what it counts against the quota.
type placed struct {
	event *chat.Event
	bytes int64
}

type expiring struct {
	id chat.EventID
	at time.Time
}

// broker is the broker through one handle.
type broker struct{ *Store }

// Publish implements chat.Broker.
func (b broker) Publish(ctx context.Context, events []chat.Event) ([]chat.Receipt, error) {
	const op = "publish"
	if err := b.ready(ctx, op); err != nil {
		return nil, err
	}
	if err := chat.CheckPublish(op, events); err != nil { // before anything is placed
		return nil, err
	}
	failed := b.openAll(ctx, events)
	// What takes time is worked out before the lock.
	prepared := make([]struct {
		digest [16]byte
		bytes  int64
	}, len(events))
	var form []byte
	for i := range events {
		form = chat.AppendEvent(form[:0], &events[i])
		prepared[i].digest, prepared[i].bytes = events[i].Digest(), int64(len(form))
	}

	d := &b.data.broker
	receipts := make([]chat.Receipt, len(events))
	full := map[chat.RoomID]bool{}
	touched := map[*link]struct{}{}
	d.mu.Lock()
	now := d.now()
	for i := range events {
		room := events[i].Room
		if failed != nil && failed.Items[i] != nil {
			continue
		}
		if full[room] {
			failed = failed.Fail(i, errFull)
			continue
		}
		r, err := d.place(events[i], prepared[i].digest, prepared[i].bytes, now)
		if err != nil {
			full[room] = err == errFull
			failed = failed.Fail(i, err)
			continue
		}
		receipts[i] = r
		for l := range d.rooms[room].links {
			l.dirty(room)
			touched[l] = struct{}{}
		}
	}
	d.mu.Unlock()
	for l := range touched {
		l.wake()
	}
	return receipts, failed.AsError()
}

var errFull = &chat.Error{Kind: chat.ErrUnavailable, Op: "publish", Field: "head", Err: errHeadFull{}}

type errHeadFull struct{}

func (errHeadFull) Error() string { return "the archive is behind and the head is full" }

// place gives one event its position; under mu.
func (d *brokerData) place(e chat.Event, digest [16]byte, bytes int64, now time.Time) (chat.Receipt, error) {
	const op = "publish"
	r := d.room(e.Room)
	if r.lost != nil {
		return chat.Receipt{}, errClosedRoom(op)
	}
	r.expire(now.Add(-d.remember))
	if known, ok := r.ids[e.ID]; ok {
		if known.Digest != digest && known.Digest != [16]byte{} {
			return chat.Receipt{}, &chat.Error{Kind: chat.ErrConflict, Op: op, Field: "id"}
		}
		known.Receipt.Duplicate = true
		return known.Receipt, nil
	}
	at := chat.Time(now)
	switch {
	case e.Origin != nil && e.Origin.At.Before(r.at):
		return chat.Receipt{}, &chat.Error{Kind: chat.ErrConflict, Op: op, Field: "origin.at"}
	case e.Origin != nil:
		at = chat.Time(e.Origin.At)
	case at.Before(r.at):
		at = r.at
	}
	if d.used+bytes > d.headBytes {
		return chat.Receipt{}, errFull
	}
	if e.IsText() {
		r.textSeq++
	}
	r.last++
	r.at = at
	e.Seq, e.TextSeq, e.At = r.last, r.textSeq, at
	r.last = e.Last()
	r.events = append(r.events, placed{&e, bytes})
	d.used += bytes
	receipt := chat.Receipt{ID: e.ID, State: chat.Placed, Seq: e.Seq, TextSeq: e.TextSeq, At: at}
	r.know(chat.Known{Receipt: receipt, Digest: digest}, now)
	d.log[e.Room.Shard()].add(e.Room, e.Seq)
	return receipt, nil
}

// room is the head of a room, made where it is new; under mu.
func (d *brokerData) room(id chat.RoomID) *head {
	r := d.rooms[id]
	if r == nil {
		r = &head{ids: map[chat.EventID]chat.Known{}, links: map[*link]struct{}{}}
		if d.forgot.Load() {
			r.lost = &lost{}
		}
		d.rooms[id] = r
	}
	return r
}

// know remembers what was placed from now on.
func (r *head) know(k chat.Known, now time.Time) {
	r.ids[k.Receipt.ID] = k
	r.expiry = append(r.expiry, expiring{k.Receipt.ID, now})
}

// expire forgets the ids that were placed before t.
func (r *head) expire(t time.Time) {
	n := 0
	for n < len(r.expiry) && r.expiry[n].at.Before(t) {
		delete(r.ids, r.expiry[n].id)
		n++
	}
	r.expiry = r.expiry[n:]
}

// Recent implements chat.Broker.
func (b broker) Recent(ctx context.Context, room chat.RoomID, w chat.Range) (chat.Head, error) {
	const op = "recent"
	if err := b.ready(ctx, op); err != nil {
		return chat.Head{}, err
	}
	if err := w.Check(op, chat.MaxBatch); err != nil {
		return chat.Head{}, err
	}
	switch w.Anchor() {
	case chat.AnchorLatest, chat.AnchorBefore, chat.AnchorAfter:
	default:
		return chat.Head{}, &chat.Error{Kind: chat.ErrInvalid, Op: op, Field: "range"}
	}
	if !w.CountsAll() {
		return chat.Head{}, &chat.Error{Kind: chat.ErrInvalid, Op: op, Field: "range"}
	}
	if err := b.open(ctx, op, room); err != nil {
		return chat.Head{}, err
	}
	d := &b.data.broker
	d.mu.Lock()
	defer d.mu.Unlock()
	r := d.rooms[room]
	switch {
	case r == nil:
		return chat.Head{}, nil
	case r.lost != nil:
		return chat.Head{}, errClosedRoom(op)
	case len(r.events) == 0:
		return chat.Head{}, nil
	}
	from, to := 0, len(r.events)
	switch w.Anchor() {
	case chat.AnchorLatest:
		from = max(0, to-w.Limit())
	case chat.AnchorBefore:
		to = r.from(w.Seq())
		from = max(0, to-w.Limit())
	case chat.AnchorAfter:
		from = r.above(w.Seq())
		to = min(to, from+w.Limit())
	}
	return chat.Head{Events: r.copy(from, to), First: r.events[0].event.Seq, Last: r.last, TextSeq: r.textSeq, Archived: r.archived}, nil
}

// from is the index of the first event of the head at s or above.
func (r *head) from(s chat.Seq) int {
	lo, hi := 0, len(r.events)
	for lo < hi {
		if mid := (lo + hi) / 2; r.events[mid].event.Seq < s {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	return lo
}

// above is the index of the first event that ends above s.
func (r *head) above(s chat.Seq) int {
	i := r.from(s + 1)
	if i > 0 && r.events[i-1].event.Last() > s { // a Void
		i--
	}
	return i
}

func (r *head) copy(from, to int) []chat.Event {
	events := make([]chat.Event, to-from)
	for i := range events {
		events[i] = *r.events[from+i].event
	}
	return events
}

// Archived implements chat.Broker.
func (b broker) Archived(ctx context.Context, upTo ...chat.Position) error {
	const op = "archived"
	if err := b.ready(ctx, op); err != nil {
		return err
	}
	if err := batch(op, "upTo", len(upTo)); err != nil {
		return err
	}
	d := &b.data.broker
	var failed *chat.BatchError
	for i, p := range upTo {
		if err := b.open(ctx, op, p.Room); err != nil {
			failed = failed.Fail(i, err)
		}
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	for i, p := range upTo {
		if failed != nil && failed.Items[i] != nil {
			continue
		}
		r := d.rooms[p.Room]
		if r != nil && r.lost != nil {
			failed = failed.Fail(i, errClosedRoom(op))
			continue
		}
		if r == nil || p.Seq > r.last || p.Seq < 0 {
			failed = failed.Fail(i, &chat.Error{Kind: chat.ErrInvalid, Op: op, Field: "upTo"})
			continue
		}
		if p.Seq > r.archived {
			d.used -= r.show(p.Seq)
		}
	}
	return failed.AsError()
}

// show notes that the archive shows the room up to s, forgets what the head need
// not hold any more, and says how many bytes count no longer.
func (r *head) show(s chat.Seq) (bytes int64) {
	r.archived = s
	for i := r.from(s+1) - 1; i >= 0 && r.events[i].bytes > 0; i-- {
		bytes += r.events[i].bytes
		r.events[i].bytes = 0 // counted once
	}
	if n := min(len(r.events)-chat.HeadSize, r.from(s+1)); n > 0 {
		clear(r.events[:n])
		r.events = r.events[n:]
	}
	return bytes
}

var _ chat.Broker = broker{}
