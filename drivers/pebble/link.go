package pebble

import (
	"context"
	"sync"

	"github.com/parlor-chat/parlor/chat"
)

// nodes are those that are attached.
type nodes struct {
	mu     sync.Mutex
	byName map[string]*link
}

func (n *nodes) init() { n.byName = map[string]*link{} }

// attach puts a link in the place of the node's older one, which it returns.
func (n *nodes) attach(l *link) (older *link) {
	n.mu.Lock()
	defer n.mu.Unlock()
	older = n.byName[l.node]
	n.byName[l.node] = l
	return older
}

func (n *nodes) detach(l *link) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.byName[l.node] == l {
		delete(n.byName, l.node)
	}
}

// wakeAll has every link look at all its rooms.
func (n *nodes) wakeAll() {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, l := range n.byName {
		l.dirtyAll()
		l.wake()
	}
}

// link is one attached node. One goroutine delivers: it takes the rooms in which
// something became durable, and reads from them what lies behind its cursor. Nothing is
// queued, so a slow sink costs nobody anything; what was pruned meanwhile is a gap.
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
	waiting []chat.RoomID            // rooms in which something is new
	isDirty map[chat.RoomID]bool
	signals []chat.Signal
}

// deliverBatch is how many events are delivered at once, signalQueue how many signals
// wait for a node; more are lost.
const (
	deliverBatch = 256
	signalQueue  = 1024
)

// Attach implements chat.Broker.
func (b broker) Attach(ctx context.Context, node string, sink chat.Sink) (chat.Link, error) {
	const op = "attach"
	leave, err := b.enter(ctx, op)
	if err != nil {
		return nil, err
	}
	defer leave()
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
	older := b.place.nodes.attach(l)
	go l.run()
	if older != nil {
		older.Close()
	}
	return l, nil
}

// Subscribe implements chat.Link.
func (l *link) Subscribe(ctx context.Context, rooms ...chat.RoomID) ([]chat.Seq, error) {
	const op = "subscribe"
	leave, err := l.s.enter(ctx, op)
	if err != nil {
		return nil, err
	}
	defer leave()
	if l.over() {
		return nil, &chat.Error{Kind: chat.ErrClosed, Op: op}
	}
	from := make([]chat.Seq, len(rooms))
	for i, id := range rooms {
		if from[i], err = l.subscribe(id); err != nil {
			return nil, l.s.place.Reader(op, err)
		}
	}
	return from, nil
}

func (l *link) subscribe(id chat.RoomID) (chat.Seq, error) {
	s := &l.s.place.shards[id.Shard()]
	s.mu.Lock()
	defer s.mu.Unlock()
	r, err := s.make(id)
	if err != nil {
		return 0, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if at, ok := l.cursors[id]; ok {
		return at, nil
	}
	if l.over() { // closed meanwhile: nobody would take the room off again
		return 0, &chat.Error{Kind: chat.ErrClosed, Op: "subscribe"}
	}
	r.links[l] = struct{}{}
	l.cursors[id] = r.view().head
	return l.cursors[id], nil
}

// Unsubscribe implements chat.Link.
func (l *link) Unsubscribe(rooms ...chat.RoomID) {
	for _, id := range rooms {
		s := &l.s.place.shards[id.Shard()]
		s.mu.Lock()
		if r := s.rooms[id]; r != nil {
			delete(r.links, l)
		}
		l.mu.Lock()
		delete(l.cursors, id)
		l.mu.Unlock()
		s.mu.Unlock()
	}
}

// Close implements chat.Link.
func (l *link) Close() error {
	l.once.Do(func() {
		l.mu.Lock()
		close(l.quit)
		rooms := l.rooms()
		l.mu.Unlock()
		l.s.place.nodes.detach(l)
		l.Unsubscribe(rooms...)
		l.s.release(l)
	})
	<-l.done
	return nil
}

// rooms are those that it has subscribed to; with mu held.
func (l *link) rooms() []chat.RoomID {
	rooms := make([]chat.RoomID, 0, len(l.cursors))
	for id := range l.cursors {
		rooms = append(rooms, id)
	}
	return rooms
}

// Signal implements chat.Broker.
func (b broker) Signal(ctx context.Context, x chat.Signal) error {
	const op = "signal"
	leave, err := b.enter(ctx, op)
	if err != nil {
		return err
	}
	defer leave()
	if x.Room.IsZero() {
		return &chat.Error{Kind: chat.ErrInvalid, Op: op, Field: "room"}
	}
	if len(x.Data) > chat.MaxSignal {
		return &chat.Error{Kind: chat.ErrTooLarge, Op: op, Field: "data", Limit: chat.MaxSignal}
	}
	s := &b.place.shards[x.Room.Shard()]
	s.mu.Lock()
	defer s.mu.Unlock()
	if r := s.rooms[x.Room]; r != nil {
		for l := range r.links {
			l.signal(x)
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

// dirty notes that something is new in a room.
func (l *link) dirty(room chat.RoomID) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.note(room)
}

func (l *link) dirtyAll() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, room := range l.rooms() {
		l.note(room)
	}
}

// note is dirty with mu held.
func (l *link) note(room chat.RoomID) {
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

func (l *link) over() bool {
	select {
	case <-l.quit:
		return true
	default:
		return false
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

// deliver brings the next part of a room to the sink, and says whether there may be more.
// What can't be read now is brought when the store is open again, or something new comes.
func (l *link) deliver(id chat.RoomID) bool {
	if l.over() {
		return false
	}
	at, events, gap := l.next(id)
	switch {
	case gap > 0:
		l.sink.Gap(id, at+1, gap)
	case len(events) > 0:
		l.sink.Events(events)
	default:
		return false
	}
	return true
}

// next is what comes behind the cursor at, which it moves: events, or a gap up to a Seq.
func (l *link) next(id chat.RoomID) (at chat.Seq, events []chat.Event, gap chat.Seq) {
	p := l.s.place
	leave, err := p.Enter("deliver")
	if err != nil {
		return 0, nil, 0
	}
	defer leave()
	v, err := p.look(id)
	if err != nil {
		p.Note(err)
		return 0, nil, 0
	}
	l.mu.Lock()
	at, subscribed := l.cursors[id]
	l.mu.Unlock()
	if !subscribed || v.head <= at {
		return at, nil, 0
	}
	to := v.first - 1
	if at < to { // what should come next was pruned
		gap = to
	} else {
		w := walker{view: v, db: p.DB()}
		events = w.above(w.behind(at), deliverBatch, true)
		if w.close(); w.err != nil || len(events) == 0 {
			p.Note(p.Reader("deliver", w.err))
			return at, nil, 0
		}
		to = events[len(events)-1].Last()
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.cursors[id] != at || !l.has(id) { // left meanwhile
		return at, nil, 0
	}
	l.cursors[id] = to
	return at, events, gap
}

func (l *link) has(id chat.RoomID) bool {
	_, ok := l.cursors[id]
	return ok
}
