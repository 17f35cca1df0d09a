package memory

import (
	"context"
	"sync"

	"github.com/parlor-chat/parlor/chat"
)

// link is one attached node. One goroutine delivers: it takes the rooms in which
// something was placed, and reads from their heads what lies behind its cursor.
// Nothing is queued, so a slow sink costs nobody anything; what the head forgot
// meanwhile is a gap.
type link struct {
	s    *Store
	node string
	sink chat.Sink

	kick chan struct{}
	quit chan struct{}
	done chan struct{}
	once sync.Once

	mu      sync.Mutex
	cursors map[chat.RoomID]chat.Seq // delivered up to, of each room subscribed to
	waiting []chat.RoomID            // rooms in which something was placed
	isDirty map[chat.RoomID]bool
	signals []chat.Signal
}

// deliverBatch is how many events are delivered at once, signalQueue how many
// signals wait for a node; more are lost.
const (
	deliverBatch = 256
	signalQueue  = 1024
)

// Attach implements chat.Broker.
func (b broker) Attach(ctx context.Context, node string, sink chat.Sink) (chat.Link, error) {
	const op = "attach"
	if err := b.ready(ctx, op); err != nil {
		return nil, err
	}
	if node == "" {
		return nil, &chat.Error{Kind: chat.ErrInvalid, Op: op, Field: "node"}
	}
	if sink == nil {
		return nil, &chat.Error{Kind: chat.ErrInvalid, Op: op, Field: "sink"}
	}
	l := &link{s: b.Store, node: node, sink: sink, kick: make(chan struct{}, 1), quit: make(chan struct{}), done: make(chan struct{}),
		cursors: map[chat.RoomID]chat.Seq{}, isDirty: map[chat.RoomID]bool{}}
	if err := b.hold(op, l); err != nil {
		return nil, err
	}
	d := &b.data.broker
	d.mu.Lock()
	older := d.nodes[node]
	d.nodes[node] = l
	d.mu.Unlock()
	go l.run()
	if older != nil {
		older.Close()
	}
	return l, nil
}

// Subscribe implements chat.Link.
func (l *link) Subscribe(ctx context.Context, rooms ...chat.RoomID) ([]chat.Seq, error) {
	const op = "subscribe"
	if err := l.s.ready(ctx, op); err != nil {
		return nil, err
	}
	select {
	case <-l.quit:
		return nil, &chat.Error{Kind: chat.ErrClosed, Op: op}
	default:
	}
	for _, room := range rooms {
		if err := (broker{l.s}).open(ctx, op, room); err != nil {
			return nil, err
		}
	}
	d := &l.s.data.broker
	d.mu.Lock()
	defer d.mu.Unlock()
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, room := range rooms {
		if d.room(room).lost != nil {
			return nil, errClosedRoom(op)
		}
	}
	from := make([]chat.Seq, len(rooms))
	for i, room := range rooms {
		r := d.room(room)
		if at, ok := l.cursors[room]; ok {
			from[i] = at
			continue
		}
		r.links[l] = struct{}{}
		l.cursors[room], from[i] = r.last, r.last
	}
	return from, nil
}

// Unsubscribe implements chat.Link.
func (l *link) Unsubscribe(rooms ...chat.RoomID) {
	d := &l.s.data.broker
	d.mu.Lock()
	defer d.mu.Unlock()
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, room := range rooms {
		if r := d.rooms[room]; r != nil {
			delete(r.links, l)
		}
		delete(l.cursors, room)
	}
}

// Close implements chat.Link.
func (l *link) Close() error {
	l.once.Do(func() {
		close(l.quit)
		d := &l.s.data.broker
		d.mu.Lock()
		if d.nodes[l.node] == l {
			delete(d.nodes, l.node)
		}
		l.mu.Lock()
		for room := range l.cursors {
			delete(d.rooms[room].links, l)
		}
		clear(l.cursors)
		l.mu.Unlock()
		d.mu.Unlock()
		l.s.release(l)
	})
	<-l.done
	return nil
}

// Signal implements chat.Broker.
func (b broker) Signal(ctx context.Context, s chat.Signal) error {
	const op = "signal"
	if err := b.ready(ctx, op); err != nil {
		return err
	}
	if s.Room.IsZero() {
		return &chat.Error{Kind: chat.ErrInvalid, Op: op, Field: "room"}
	}
	if len(s.Data) > chat.MaxSignal {
		return &chat.Error{Kind: chat.ErrTooLarge, Op: op, Field: "data", Limit: chat.MaxSignal}
	}
	d := &b.data.broker
	d.mu.Lock()
	defer d.mu.Unlock()
	if r := d.rooms[s.Room]; r != nil {
		for l := range r.links {
			l.signal(s)
		}
	}
	return nil
}

func (l *link) signal(s chat.Signal) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.signals) < signalQueue {
		l.signals = append(l.signals, s)
	}
	l.wake()
}

// dirty notes that something was placed in a room.
func (l *link) dirty(room chat.RoomID) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.isDirty[room] {
		l.isDirty[room] = true
		l.waiting = append(l.waiting, room)
	}
}

func (l *link) wake() {
	select {
	case l.kick <- struct{}{}:
	default:
	}
}

func (l *link) run() {
	defer close(l.done)
	for {
		select {
		case <-l.quit:
			return
		case <-l.kick:
		}
		l.mu.Lock()
		rooms, signals := l.waiting, l.signals
		l.waiting, l.signals = nil, nil
		clear(l.isDirty)
		l.mu.Unlock()
		for _, room := range rooms {
			for l.deliver(room) {
			}
		}
		for _, s := range signals {
			if l.over() {
				return
			}
			l.sink.Signal(s)
		}
	}
}

func (l *link) over() bool {
	select {
	case <-l.quit:
		return true
	default:
		return false
	}
}

// deliver brings the next part of a room to the sink, and says whether there may
// be more.
func (l *link) deliver(room chat.RoomID) bool {
	if l.over() {
		return false
	}
	d := &l.s.data.broker
	d.mu.Lock()
	l.mu.Lock()
	at, subscribed := l.cursors[room]
	r := d.rooms[room]
	if !subscribed || r.lost != nil || r.last <= at {
		l.mu.Unlock()
		d.mu.Unlock()
		return false
	}
	first := r.events[0].event.Seq
	var events []chat.Event
	if at+1 < first { // the head forgot what should come next
		l.cursors[room] = first - 1
	} else {
		from := r.above(at)
		events = r.copy(from, min(from+deliverBatch, len(r.events)))
		l.cursors[room] = events[len(events)-1].Last()
	}
	l.mu.Unlock()
	d.mu.Unlock()
	if events == nil {
		l.sink.Gap(room, at+1, first-1)
	} else {
		l.sink.Events(events)
	}
	return true
}
