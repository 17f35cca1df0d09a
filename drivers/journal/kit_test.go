package journal_test

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/drivers/journal"
	"github.com/parlor-chat/parlor/drivers/memory"
)

var room = chat.RoomID{Tenant: "acme", Key: "kitchen"}

func text(body string) chat.Event {
	ann := chat.UserID{Tenant: "acme", Key: "ann"}
	return chat.Event{ID: chat.DeriveID(room, ann, body), Room: room, Sender: ann, Content: &chat.Text{Body: body}}
}

// flaky is a broker that does what it is told to do wrong.
type flaky struct {
	chat.Broker
	chat.Forgetful

	mu      sync.Mutex
	err     error         // what Publish returns
	lost    bool          // having done it
	slow    time.Duration // before it is done
	late    time.Duration // before the answer
	back    error         // what PutBack returns instead of being done
	batches [][]string
	signals []chat.Signal
}

func (f *flaky) fail(err error, lost bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.err, f.lost = err, lost
}

func (f *flaky) Publish(ctx context.Context, events []chat.Event) ([]chat.Receipt, error) {
	f.mu.Lock()
	err, lost, slow, late := f.err, f.lost, f.slow, f.late
	var bodies []string
	for i := range events {
		bodies = append(bodies, events[i].Content.(*chat.Text).Body)
	}
	f.batches = append(f.batches, bodies)
	f.mu.Unlock()
	if slow > 0 {
		select {
		case <-time.After(slow):
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	if err != nil && !lost {
		return nil, err
	}
	r, perr := f.Broker.Publish(ctx, events)
	time.Sleep(late)
	if err != nil {
		return nil, err
	}
	return r, perr
}

func (f *flaky) PutBack(ctx context.Context, memory string, events []chat.Event, doubtful ...chat.RoomID) error {
	if f.back != nil {
		return f.back
	}
	return f.Forgetful.PutBack(ctx, memory, events, doubtful...)
}

func (f *flaky) Signal(ctx context.Context, s chat.Signal) error {
	f.mu.Lock()
	f.signals = append(f.signals, s)
	f.mu.Unlock()
	return f.Broker.Signal(ctx, s)
}

// site is a journal over a flaky broker.
type site struct {
	t      *testing.T
	mem    *memory.Store
	broker *flaky
	store  journal.Store
	full   atomic.Bool // the store is
	j      *journal.Journal
	opt    journal.Options
	memory string // that is valid
}

// run runs a test in a bubble, so that hours take no time.
func run(t *testing.T, fn func(t *testing.T, s *site)) {
	synctest.Test(t, func(t *testing.T) {
		s := &site{t: t, mem: memory.New(nil), opt: journal.Options{Logger: slog.New(slog.DiscardHandler)}}
		s.store = filling{new(journal.Memory), &s.full}
		b := s.mem.Broker()
		s.broker = &flaky{Broker: b, Forgetful: b.(chat.Forgetful)}
		s.open()
		fn(t, s)
		s.j.Close()
		s.mem.Close()
	})
}

// open makes the journal over its store, again after it was closed.
func (s *site) open() {
	s.t.Helper()
	var err error
	if s.j, err = journal.New(s.t.Context(), s.store, s.broker, &s.opt); err != nil {
		s.t.Fatal(err)
	}
	s.begin()
}

// begin says that the memory at hand is valid.
func (s *site) begin() {
	s.t.Helper()
	var err error
	if s.memory, err = s.j.Memory(s.t.Context()); err == nil {
		err = s.j.Begin(s.t.Context(), s.memory)
	}
	if err != nil {
		s.t.Fatal(err)
	}
}

func (s *site) say(bodies ...string) ([]chat.Receipt, error) {
	var events []chat.Event
	for _, b := range bodies {
		events = append(events, text(b))
	}
	return s.j.Publish(s.t.Context(), events)
}

func (s *site) log() (bodies []string) {
	s.t.Helper()
	head, err := s.mem.Broker().Recent(s.t.Context(), room, chat.Latest(1000).All())
	if err != nil {
		s.t.Fatal(err)
	}
	for i := range head.Events {
		if x, ok := head.Events[i].Content.(*chat.Text); ok {
			bodies = append(bodies, x.Body)
		}
	}
	return bodies
}

// held are the texts that the journal holds.
func (s *site) held(want ...string) (texts []chat.Held) {
	s.t.Helper()
	var got []string
	for _, h := range s.all() {
		if x, ok := h.Event.Content.(*chat.Text); ok {
			texts, got = append(texts, h), append(got, x.Body)
		}
	}
	if !slices.Equal(got, want) {
		s.t.Errorf("the journal holds %q, want %q", got, want)
	}
	return texts
}

// all is all that the journal holds.
func (s *site) all() []chat.Held {
	s.t.Helper()
	held, err := s.j.Held(s.t.Context(), 0, 1000)
	if err != nil {
		s.t.Fatal(err)
	}
	return held
}

// forget says that the archive shows texts.
func (s *site) forget(bodies ...string) {
	s.t.Helper()
	for _, b := range bodies {
		if err := s.j.Forget(s.t.Context(), text(b)); err != nil {
			s.t.Fatal(err)
		}
	}
}

func equal[T comparable](t *testing.T, what string, got, want T) {
	t.Helper()
	if got != want {
		t.Errorf("%s is %v, want %v", what, got, want)
	}
}
