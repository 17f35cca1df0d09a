package chattest

import (
	"context"
	"fmt"
	"sync"

	"github.com/parlor-chat/parlor/chat"
)

var (
	kitchen = chat.RoomID{Tenant: "acme", Key: "kitchen"}
	lobby   = chat.RoomID{Tenant: "acme", Key: "lobby"}
)

// text is a text that is ready to be placed.
func text(room chat.RoomID, body string) chat.Event {
	return chat.Event{ID: chat.NewID(), Room: room, Sender: chat.UserID{Tenant: room.Tenant, Key: "ann"},
		Content: &chat.Text{Body: body}}
}

// topic is an event that is no text.
func topic(room chat.RoomID, s string) chat.Event {
	e := text(room, "")
	e.Content = &chat.Topic{Text: s}
	return e
}

func texts(room chat.RoomID, n int) []chat.Event {
	events := make([]chat.Event, n)
	for i := range events {
		events[i] = text(room, fmt.Sprint(i))
	}
	return events
}

// one runs a case at a broker that is opened and closed for it.
func one(run func(ctx context.Context, b chat.Broker) error) func(context.Context, *Site) error {
	return func(ctx context.Context, s *Site) error {
		b, closeIt, err := s.Open(ctx)
		if err != nil {
			return err
		}
		defer closeIt()
		return run(ctx, b)
	}
}

// two runs a case at two nodes of one broker.
func two(run func(ctx context.Context, a, b chat.Broker) error) func(context.Context, *Site) error {
	return func(ctx context.Context, s *Site) error {
		b, closeIt, err := s.Open(ctx)
		if err != nil {
			return err
		}
		defer closeIt()
		return one(func(ctx context.Context, a chat.Broker) error { return run(ctx, a, b) })(ctx, s)
	}
}

// fill places n texts in a room, in batches.
func fill(ctx context.Context, b chat.Broker, room chat.RoomID, n int) error {
	for n > 0 {
		k := min(n, 200)
		if _, err := b.Publish(ctx, texts(room, k)); err != nil {
			return err
		}
		n -= k
	}
	return nil
}

// log reads the whole head of a room.
func log(ctx context.Context, b chat.Broker, room chat.RoomID) ([]chat.Event, error) {
	var all []chat.Event
	for after := chat.Seq(0); ; {
		head, err := b.Recent(ctx, room, chat.After(after, chat.MaxBatch).All())
		if err != nil {
			return nil, err
		}
		if len(head.Events) == 0 {
			return all, nil
		}
		all = append(all, head.Events...)
		after = all[len(all)-1].Seq
	}
}

// dense says whether a log is without a hole from Seq from on.
func dense(events []chat.Event, from chat.Seq) error {
	for i := range events {
		if want := from + chat.Seq(i); events[i].Seq != want {
			return fmt.Errorf("event %d has seq %d, want %d", i, events[i].Seq, want)
		}
	}
	return chat.CheckDense(events, true)
}

func want[T comparable](what string, got, want T) error {
	if got != want {
		return fmt.Errorf("%s is %v, want %v", what, got, want)
	}
	return nil
}

// first is the first error of several.
func first(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// node is a sink that remembers what it got.
type node struct {
	mu      sync.Mutex
	got     map[chat.RoomID][]chat.Event
	gaps    map[chat.RoomID][][2]chat.Seq
	signals []chat.Signal
	inside  map[chat.RoomID]int
	wrong   error         // a broken promise that was seen on the way
	changed chan struct{} // closed and made anew with each thing that comes
	slow    chan struct{} // if set, Events waits until it is closed
}

func newNode() *node {
	return &node{got: map[chat.RoomID][]chat.Event{}, gaps: map[chat.RoomID][][2]chat.Seq{},
		inside: map[chat.RoomID]int{}, changed: make(chan struct{})}
}

func (n *node) Events(events []chat.Event) {
	if len(events) == 0 {
		n.fail(fmt.Errorf("an empty delivery"))
		return
	}
	room := events[0].Room
	n.mu.Lock()
	if n.inside[room]++; n.inside[room] > 1 {
		n.wrong = fmt.Errorf("two deliveries at once for %v", room)
	}
	slow := n.slow
	n.mu.Unlock()
	if slow != nil {
		<-slow
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.inside[room]--
	for _, e := range events {
		if e.Room != room {
			n.wrong = fmt.Errorf("a delivery of two rooms: %v and %v", room, e.Room)
		}
		n.got[e.Room] = append(n.got[e.Room], e)
	}
	n.tell()
}

func (n *node) Gap(room chat.RoomID, from, to chat.Seq) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.gaps[room] = append(n.gaps[room], [2]chat.Seq{from, to})
	n.tell()
}

func (n *node) Signal(s chat.Signal) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.signals = append(n.signals, s)
	n.tell()
}

func (n *node) fail(err error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.wrong = err
	n.tell()
}

func (n *node) tell() {
	close(n.changed)
	n.changed = make(chan struct{})
}

// wait waits until the room's event seq was delivered, and returns all of the
// room's. What was delivered must be without a hole from its first on.
func (n *node) wait(ctx context.Context, room chat.RoomID, seq chat.Seq) ([]chat.Event, error) {
	var got []chat.Event
	err := n.until(ctx, func() bool {
		got = n.got[room]
		return len(got) > 0 && got[len(got)-1].Seq >= seq
	})
	if err != nil {
		return nil, fmt.Errorf("%d events came, up to %d was waited for: %w", len(got), seq, err)
	}
	return got, dense(got, got[0].Seq)
}

// until waits until something holds.
func (n *node) until(ctx context.Context, holds func() bool) error {
	for {
		n.mu.Lock()
		ok, changed, wrong := holds(), n.changed, n.wrong
		n.mu.Unlock()
		switch {
		case wrong != nil:
			return wrong
		case ok:
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// attach joins a node to rooms.
func attach(ctx context.Context, b chat.Broker, name string, rooms ...chat.RoomID) (*node, chat.Link, error) {
	n := newNode()
	l, err := b.Attach(ctx, name, n)
	if err != nil {
		return nil, nil, err
	}
	if _, err := l.Subscribe(ctx, rooms...); err != nil {
		l.Close()
		return nil, nil, err
	}
	return n, l, nil
}
