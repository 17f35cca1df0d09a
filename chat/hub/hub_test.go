package hub_test

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/chat/hub"
	"github.com/parlor-chat/parlor/drivers"
	"github.com/parlor-chat/parlor/drivers/memory"
	"github.com/parlor-chat/parlor/storage"
)

func TestNewRefuses(t *testing.T) {
	full := memory.New(nil).Set()
	for _, c := range []struct {
		field string
		set   func(*drivers.Set)
		o     *hub.Options
	}{
		{"broker", func(s *drivers.Set) { s.Broker = nil }, nil},
		{"history", func(s *drivers.Set) { s.History = nil }, nil},
		{"directory", func(s *drivers.Set) { s.Directory = nil }, nil},
		{"index", func(s *drivers.Set) { s.Index = nil }, nil},
		{"fence", func(s *drivers.Set) { s.Fence = nil }, nil},
		{"registry", func(s *drivers.Set) { s.Registry = nil }, nil},
		{"node", nil, &hub.Options{Node: "a node"}},
		{"limits.body", nil, &hub.Options{Limits: hub.Limits{Body: -1}}},
		{"limits.page", nil, &hub.Options{Limits: hub.Limits{Page: storage.MaxPage + 1}}},
		{"limits.queue", nil, &hub.Options{Limits: hub.Limits{Queue: 1 << 30}}},
	} {
		set := full
		if c.set != nil {
			c.set(&set)
		}
		_, err := hub.New(t.Context(), set, c.o)
		var e *chat.Error
		if !errors.As(err, &e) || e.Field != c.field {
			t.Errorf("%s: %v", c.field, err)
		}
	}
}

func TestShutdown(t *testing.T) {
	k := newKit(t, nil)
	s := k.connect(k.Hub, "bob", 0)
	k.say("ann", "hello")
	<-s.Ready()
	ok(t, k.Shutdown(t.Context()))
	ok(t, k.Shutdown(t.Context()))
	next(t, s, 1) // what waited is still there
	_, err := s.Next(t.Context(), make([]*hub.Delivery, 1))
	fails(t, err, chat.ErrClosed, "")

	room := k.in("ann", k.kitchen)
	for op, err := range everything(t.Context(), room, chat.NewID()) {
		if !errors.Is(err, chat.ErrClosed) {
			t.Errorf("%s after Shutdown: %v", op, err)
		}
	}
	_, err = k.as("bob").Connect(t.Context(), hub.Device{})
	fails(t, err, chat.ErrClosed, "")
	_, err = k.as("bob").Search(t.Context(), hub.Query{Limit: 1})
	fails(t, err, chat.ErrClosed, "")
	_, err = k.as("bob").Direct(t.Context(), "ann")
	fails(t, err, chat.ErrClosed, "")
	_, err = k.Admin().Import(t.Context(), events())
	fails(t, err, chat.ErrClosed, "")

	// The follower did what was placed, and the drivers are still open.
	p, err := k.store.History().Page(t.Context(), k.kitchen, chat.Latest(1))
	ok(t, err)
	if len(p.Events) != 1 {
		t.Error("the last message was not archived")
	}
}

func TestShutdownHonoursItsContext(t *testing.T) {
	k := newKit(t, nil)
	k.say("ann", "hello")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := k.Shutdown(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
}

// lateHistory counts the calls that come after its end.
type lateHistory struct {
	storage.History
	over atomic.Bool
	late atomic.Int64
}

func (h *lateHistory) Append(ctx context.Context, events []chat.Event) error {
	time.Sleep(time.Millisecond)
	if h.over.Load() {
		h.late.Add(1)
	}
	return h.History.Append(ctx, events)
}

// When Shutdown returns, what heeds its context has ended, though Shutdown's own has.
func TestAfterShutdownNothingIsAsked(t *testing.T) {
	for range 20 {
		k := newKit(t, nil)
		ok(t, k.Shutdown(t.Context()))
		h := &lateHistory{}
		k.Hub = k.over(func(s *drivers.Set) { h.History, s.History = s.History, h })
		for i := range 5 {
			k.say("ann", fmt.Sprint(i))
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		k.Shutdown(ctx)
		h.over.Store(true)
		time.Sleep(5 * time.Millisecond)
		if n := h.late.Load(); n > 0 {
			t.Fatalf("%d calls came later", n)
		}
	}
}

// stuckHistory hangs, whatever its contexts say.
type stuckHistory struct {
	storage.History
	inside, release chan struct{}
}

func (h *stuckHistory) Append(ctx context.Context, events []chat.Event) error {
	h.inside <- struct{}{}
	<-h.release
	return ctx.Err()
}

func TestShutdownIsNotHeldUpByADriverThatHangs(t *testing.T) {
	k := newKit(t, nil)
	stuck := &stuckHistory{inside: make(chan struct{}, 100), release: make(chan struct{})}
	ok(t, k.Shutdown(t.Context()))
	h := k.over(func(s *drivers.Set) { stuck.History, s.History = s.History, stuck })
	_, err := h.As(user("ann")).Room(k.kitchen.Key).Send(t.Context(), chat.Text{Body: "hello"})
	ok(t, err)
	<-stuck.inside
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	ended := make(chan error)
	go func() { ended <- h.Shutdown(ctx) }()
	select {
	case err := <-ended:
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Error(err)
		}
	case <-time.After(10 * time.Second):
		t.Error("Shutdown hangs, too")
	}
	close(stuck.release)
}

func TestACancelledCallDoesNothing(t *testing.T) {
	k := newKit(t, nil)
	before := k.page("ann", chat.Latest(10).All()).Head
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for op, err := range everything(ctx, k.in("ann", k.kitchen), chat.NewID()) {
		if !errors.Is(err, context.Canceled) {
			t.Errorf("%s: %v", op, err)
		}
	}
	if after := k.page("ann", chat.Latest(10).All()).Head; after != before {
		t.Errorf("head %d, was %d", after, before)
	}
}

// A hub that finds a log half followed goes on where the last one stopped.
func TestAFollowerGoesOnAfterACrash(t *testing.T) {
	k := newKit(t, nil)
	text := k.say("ann", "soup")
	ok(t, k.Admin().CatchUp(t.Context()))
	// The archive goes away, so nothing more follows; then the node is lost.
	h := k.over(func(s *drivers.Set) { s.History = &holdingHistory{s.History} })
	ctx, cancel := context.WithTimeout(t.Context(), 0)
	defer cancel()
	k.Shutdown(ctx)
	_, err := h.As(user("ann")).Room(k.kitchen.Key).Edit(t.Context(), text.ID, chat.Text{Body: "bread"})
	ok(t, err)
	_, err = h.As(user("ann")).Room(k.kitchen.Key).Send(t.Context(), chat.Text{Body: "bread, too"})
	ok(t, err)
	if err := h.Admin().CatchUp(t.Context()); !errors.Is(err, chat.ErrUnavailable) {
		t.Fatalf("the archive is away: %v", err)
	}
	h.Shutdown(ctx)

	k.Hub = k.node(nil)
	ok(t, k.Admin().CatchUp(t.Context()))
	p, err := k.store.History().Page(t.Context(), k.kitchen, chat.Latest(10))
	ok(t, err)
	same(t, bodies(hub.Page{Messages: chat.Fold(p.Events, p.Changes)}), []string{"bread", "bread, too"})
	marks, err := k.store.Index().Watermark(t.Context(), k.kitchen)
	ok(t, err)
	if marks[0] != p.Head {
		t.Errorf("the index is at %d, the archive at %d", marks[0], p.Head)
	}
}

func TestErasureReachesTheArchive(t *testing.T) {
	k := newKit(t, nil)
	text := k.say("ann", "secret one")
	_, err := k.in("ann", k.kitchen).Edit(t.Context(), text.ID, chat.Text{Body: "secret two"})
	ok(t, err)
	first, err := k.Admin().Erase(t.Context(), k.kitchen, text.ID, "asked for")
	ok(t, err)
	again, err := k.Admin().Erase(t.Context(), k.kitchen, text.ID, "asked for")
	ok(t, err)
	if !again.Duplicate || again.Seq != first.Seq {
		t.Errorf("%+v, first %+v", again, first)
	}
	_, err = k.Admin().Erase(t.Context(), k.kitchen, chat.NewID(), "")
	fails(t, err, chat.ErrNotFound, "id")
	ok(t, k.Admin().CatchUp(t.Context()))
	for e, err := range k.store.History().Scan(t.Context(), storage.Span{Tenant: "acme"}, "") {
		ok(t, err)
		switch e.Event.Content.(type) {
		case *chat.Text, *chat.Edit:
			t.Errorf("%d still says %+v", e.Event.Seq, e.Event.Content)
		}
	}
	p := k.page("bob", chat.Latest(10))
	if g := p.Messages[0].Gone; g == nil || !g.Erased {
		t.Errorf("%+v", p.Messages[0])
	}
}

func TestRoomsAreListedInOrder(t *testing.T) {
	k := newKitWithout(t, nil)
	for _, key := range []string{"c", "a", "b"} {
		k.room(key)
	}
	ok(t, k.Admin().Create(t.Context(), storage.Room{ID: chat.RoomID{Tenant: "acme", Key: "unlisted"}, Kind: storage.Public}))
	fails(t, k.Admin().Create(t.Context(), storage.Room{ID: chat.RoomID{Tenant: "acme", Key: "a"}, Kind: storage.Public}), chat.ErrConflict, "")
	fails(t, k.Admin().Create(t.Context(), storage.Room{ID: chat.RoomID{Tenant: "acme", Key: "~d.x"}, Kind: storage.Public}), chat.ErrInvalid, "id.key")
	var keys []string
	for after := ""; ; {
		list, err := k.as("bob").Rooms(t.Context(), after, 2)
		ok(t, err)
		for _, r := range list {
			keys = append(keys, r.ID.Key)
			after = r.ID.Key
		}
		if len(list) < 2 {
			break
		}
	}
	same(t, keys, []string{"a", "b", "c"})
	for _, limit := range []int{-1, 0, chat.MaxBatch + 1} {
		if _, err := k.as("bob").Rooms(t.Context(), "", limit); err == nil {
			t.Errorf("a limit of %d", limit)
		}
	}
}
