package hub_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/chat/hub"
	"github.com/parlor-chat/parlor/drivers"
	"github.com/parlor-chat/parlor/storage"
)

func (k *kit) connect(h *hub.Hub, key string, queue int) *hub.Session {
	k.t.Helper()
	s, err := h.As(user(key)).Connect(k.t.Context(), hub.Device{Name: "test", Queue: queue})
	ok(k.t, err)
	return s
}

// next are the events of the next n deliveries.
func next(t *testing.T, s *hub.Session, n int) []*chat.Event {
	t.Helper()
	var got []*chat.Event
	buf := make([]*hub.Delivery, 16)
	for len(got) < n {
		m, err := s.Next(t.Context(), buf[:min(len(buf), n-len(got))])
		ok(t, err)
		for _, d := range buf[:m] {
			got = append(got, d.Event)
		}
	}
	return got
}

func TestSessionsOfAllNodesGetTheSameOrder(t *testing.T) {
	k := newKit(t, nil)
	other := k.node(nil)
	sessions := []*hub.Session{k.connect(k.Hub, "ann", 0), k.connect(k.Hub, "bob", 0), k.connect(other, "bob", 0)}
	const each = 100
	var wg sync.WaitGroup
	for i, h := range []*hub.Hub{k.Hub, other} {
		wg.Go(func() {
			for j := range each {
				if _, err := h.As(user("ann")).Room(k.kitchen.Key).Send(t.Context(), chat.Text{Body: fmt.Sprint(i, " ", j)}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	for _, s := range sessions {
		for i, e := range next(t, s, 2*each) {
			if want := chat.Seq(3 + i); e.Seq != want {
				t.Fatalf("delivery %d has seq %d, want %d", i, e.Seq, want)
			}
		}
	}
}

func TestAnOutsiderHearsNothing(t *testing.T) {
	k := newKit(t, nil)
	out := k.connect(k.Hub, "cid", 0)
	k.say("ann", "hello")
	ok(t, k.in("cid", k.kitchen).Join(t.Context()))
	k.say("ann", "welcome")
	for _, e := range next(t, out, 1) {
		if e.Kind() == chat.KindMember { // his own join may be the first
			continue
		}
		if e.Content.(*chat.Text).Body != "welcome" {
			t.Errorf("heard %+v", e.Content)
		}
	}
}

func TestWhoIsSentAwayHearsThatAndNothingMore(t *testing.T) {
	for _, role := range []chat.Role{chat.RoleNone, chat.RoleBanned} {
		k := newKit(t, nil)
		other := k.node(nil)
		for _, h := range []*hub.Hub{k.Hub, other} {
			s := k.connect(h, "bob", 0)
			defer s.Close()
			ann := k.in("ann", k.kitchen)
			k.say("ann", "before")
			ok(t, ann.SetMember(t.Context(), "bob", role, ""))
			k.say("ann", "after")
			got := next(t, s, 1)
			if len(got) != 1 || got[0].Content.(*chat.Text).Body != "before" {
				t.Fatalf("%v", got)
			}
			ok(t, ann.SetMember(t.Context(), "bob", chat.RoleMember, ""))
			k.sayUntilHeard(s, k.in("ann", k.kitchen))
			for _, e := range waiting(t, s) {
				if x, is := e.Content.(*chat.Text); is && x.Body == "after" {
					t.Fatalf("%v: he heard what came after", role)
				}
			}
		}
	}
}

// sayUntilHeard sends until something waits in the session: another node learns
// of a membership a moment later.
func (k *kit) sayUntilHeard(s *hub.Session, r hub.Room) {
	k.t.Helper()
	for i := 0; len(s.Ready()) == 0; i++ {
		_, err := r.Send(k.t.Context(), chat.Text{Body: fmt.Sprint("now ", i)})
		ok(k.t, err)
	}
}

// waiting are the events that wait in a session.
func waiting(t *testing.T, s *hub.Session) []*chat.Event {
	t.Helper()
	buf := make([]*hub.Delivery, 1000)
	n, err := s.Next(t.Context(), buf)
	ok(t, err)
	var got []*chat.Event
	for _, d := range buf[:n] {
		got = append(got, d.Event)
	}
	return got
}

func TestANewMemberHearsOnEveryNode(t *testing.T) {
	k := newKit(t, nil)
	other := k.node(nil)
	s := k.connect(other, "cid", 0)
	private, err := k.as("ann").Create(t.Context(), storage.Room{Kind: storage.Private})
	ok(t, err)
	ok(t, private.SetMember(t.Context(), "cid", chat.RoleMember, ""))
	k.sayUntilHeard(s, private)
}

func TestASlowSessionIsCutOffAndHurtsNobody(t *testing.T) {
	k := newKit(t, nil)
	slow, fast := k.connect(k.Hub, "ann", 5), k.connect(k.Hub, "bob", 100)
	for i := range 20 {
		k.say("ann", fmt.Sprint(i))
	}
	if got := next(t, fast, 20); got[19].Seq != 22 {
		t.Errorf("the fast one ends at %d", got[19].Seq)
	}
	if got := next(t, slow, 5); got[4].Seq != 7 {
		t.Errorf("the slow one has up to %d", got[4].Seq)
	}
	_, err := slow.Next(t.Context(), make([]*hub.Delivery, 1))
	fails(t, err, chat.ErrCutOff, "queue")
	var e *chat.Error
	if !errors.As(err, &e) || e.Limit != 5 {
		t.Errorf("%v names no limit", err)
	}
}

func TestFormsAreWrittenOnce(t *testing.T) {
	k := newKit(t, nil)
	a, b := k.connect(k.Hub, "ann", 0), k.connect(k.Hub, "bob", 0)
	k.say("ann", "hello")
	var mu sync.Mutex
	written := 0
	form := &hub.Form{Append: func(dst []byte, d *hub.Delivery) []byte {
		mu.Lock()
		defer mu.Unlock()
		written++
		return append(dst, d.Event.Content.(*chat.Text).Body...)
	}}
	upper := &hub.Form{Append: func(dst []byte, d *hub.Delivery) []byte { return append(dst, "HELLO"...) }}
	var wg sync.WaitGroup
	for _, s := range []*hub.Session{a, b} {
		buf := make([]*hub.Delivery, 1)
		_, err := s.Next(t.Context(), buf)
		ok(t, err)
		for range 4 {
			wg.Go(func() {
				if got := string(buf[0].Bytes(form)) + string(buf[0].Bytes(upper)); got != "helloHELLO" {
					t.Errorf("%q", got)
				}
			})
		}
	}
	wg.Wait()
	if written != 1 {
		t.Errorf("written %d times", written)
	}
}

func TestSessionEnds(t *testing.T) {
	k := newKit(t, nil)
	s := k.connect(k.Hub, "bob", 0)
	k.say("ann", "hello")
	got := 0
	for d, err := range s.All(t.Context()) {
		if err != nil {
			fails(t, err, chat.ErrClosed, "")
			break
		}
		got++
		if d.Event != nil {
			ok(t, s.Close())
		}
	}
	ok(t, s.Close())
	if got != 1 {
		t.Errorf("%d deliveries", got)
	}
	s = k.connect(k.Hub, "bob", 0)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := s.Next(ctx, make([]*hub.Delivery, 1))
	fails(t, err, context.Canceled, "")
	_, err = s.Next(t.Context(), nil)
	fails(t, err, chat.ErrInvalid, "buf")
	for _, queue := range []int{-1, 1 << 20} {
		if _, err := k.as("bob").Connect(t.Context(), hub.Device{Queue: queue}); err == nil {
			t.Errorf("a queue of %d", queue)
		}
	}
}

func TestRecheckCutsWhatTheHostTookAway(t *testing.T) {
	room := chat.RoomID{Tenant: "acme", Key: "project"}
	var mu sync.Mutex
	access := hostAccess{user("ann"): {{Room: room, Role: chat.RoleMember}}, user("bob"): {{Room: room, Role: chat.RoleMember}}}
	k := newKitWithout(t, &hub.Options{Access: lockedAccess{&mu, access}})
	s := k.connect(k.Hub, "bob", 0)
	send := func(body string) {
		_, err := k.in("ann", room).Send(t.Context(), chat.Text{Body: body})
		ok(t, err)
	}
	send("one")
	next(t, s, 1)
	mu.Lock()
	access[user("bob")] = nil
	mu.Unlock()
	ok(t, k.Admin().Recheck(t.Context(), user("bob")))
	witness := k.connect(k.Hub, "ann", 0)
	send("two")
	next(t, witness, 1) // delivered to those who hear
	mu.Lock()
	access[user("bob")] = access[user("ann")]
	mu.Unlock()
	ok(t, k.Admin().Recheck(t.Context(), user("bob")))
	send("three")
	if e := next(t, s, 1)[0]; e.Content.(*chat.Text).Body != "three" {
		t.Errorf("heard %+v", e.Content)
	}
}

type lockedAccess struct {
	mu *sync.Mutex
	hostAccess
}

func (a lockedAccess) Access(ctx context.Context, u chat.UserID) ([]storage.Member, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.hostAccess.Access(ctx, u)
}

// over is another hub over the same stores, some of them wrapped.
func (k *kit) over(wrap func(*drivers.Set)) *hub.Hub {
	k.t.Helper()
	set := k.store.Set()
	wrap(&set)
	h, err := hub.New(k.t.Context(), set, &hub.Options{Logger: slog.New(slog.DiscardHandler)})
	ok(k.t, err)
	k.t.Cleanup(func() { h.Shutdown(context.Background()) })
	return h
}

// A node that falls behind the head fills the gap from the archive; where the
// archive is away, its sessions are cut off rather than served with a hole.
func TestGapsAreFilledFromTheArchive(t *testing.T) {
	for _, broken := range []bool{false, true} {
		k := newKit(t, nil)
		lagging := newLagging()
		h := k.over(func(s *drivers.Set) {
			lagging.Broker, s.Broker = s.Broker, lagging
			if broken {
				s.History = brokenHistory{s.History}
			}
		})
		s := k.connect(h, "bob", 0)
		const n = 1000 // more than one delivery and the head hold
		k.fallBehind(lagging, n)
		close(lagging.open)
		if broken {
			for {
				if _, err := s.Next(t.Context(), make([]*hub.Delivery, 1)); err != nil {
					fails(t, err, chat.ErrCutOff, "gap")
					break
				}
			}
			continue
		}
		for i, e := range next(t, s, n) {
			if e.Seq != chat.Seq(3+i) {
				t.Fatalf("delivery %d has seq %d", i, e.Seq)
			}
		}
	}
}

// fallBehind says so many things, until the broker has forgotten what a node should have got
// next.
func (k *kit) fallBehind(b *laggingBroker, n int) {
	k.t.Helper()
	for i := range n {
		k.say("ann", fmt.Sprint(i))
		if i == 0 {
			<-b.has // it has one in hand
		}
	}
	until(k.t, "the broker forgets", func() bool {
		head, err := k.store.Broker().Recent(k.t.Context(), k.kitchen, chat.Latest(1).All())
		ok(k.t, err)
		return head.Last-head.First < 2*chat.HeadSize
	})
}

// laggingBroker holds deliveries back until it is opened.
type laggingBroker struct {
	chat.Broker
	has, open chan struct{} // has gets a value when there is one
}

func newLagging() *laggingBroker {
	return &laggingBroker{has: make(chan struct{}, 1), open: make(chan struct{})}
}

func (b *laggingBroker) Attach(ctx context.Context, node string, s chat.Sink) (chat.Link, error) {
	return b.Broker.Attach(ctx, node, laggingSink{s, b})
}

type laggingSink struct {
	chat.Sink
	b *laggingBroker
}

func (s laggingSink) Events(e []chat.Event) {
	select {
	case s.b.has <- struct{}{}:
	default:
	}
	<-s.b.open
	s.Sink.Events(e)
}

// subscriptions counts the rooms that a hub follows at a broker.
type subscriptions struct {
	chat.Broker
	mu    sync.Mutex
	rooms map[chat.RoomID]bool
}

func (s *subscriptions) Attach(ctx context.Context, node string, sink chat.Sink) (chat.Link, error) {
	l, err := s.Broker.Attach(ctx, node, sink)
	return countingLink{l, s}, err
}

func (s *subscriptions) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.rooms)
}

type countingLink struct {
	chat.Link
	to *subscriptions
}

func (l countingLink) Subscribe(ctx context.Context, rooms ...chat.RoomID) ([]chat.Seq, error) {
	l.to.mu.Lock()
	for _, r := range rooms {
		l.to.rooms[r] = true
	}
	l.to.mu.Unlock()
	return l.Link.Subscribe(ctx, rooms...)
}

func (l countingLink) Unsubscribe(rooms ...chat.RoomID) {
	l.Link.Unsubscribe(rooms...)
	l.to.mu.Lock()
	defer l.to.mu.Unlock()
	for _, r := range rooms {
		delete(l.to.rooms, r)
	}
}

// Rooms that nobody hears on a node any more are followed there no more, the
// personal rooms too; those that somebody still hears are.
func TestRoomsAreLeftWithTheLastSession(t *testing.T) {
	k := newKit(t, nil)
	set := k.store.Set()
	counted := &subscriptions{Broker: set.Broker, rooms: map[chat.RoomID]bool{}}
	set.Broker = counted
	h, err := hub.New(t.Context(), set, nil)
	ok(t, err)
	defer h.Shutdown(t.Context())
	until := func(want int) {
		t.Helper()
		for end := time.Now().Add(5 * time.Second); counted.count() != want; time.Sleep(time.Millisecond) {
			if time.Now().After(end) {
				t.Fatalf("%d rooms are followed, want %d", counted.count(), want)
			}
		}
	}
	var all []*hub.Session
	for _, who := range []string{"ann", "ann", "bob"} {
		s, err := h.As(user(who)).Connect(t.Context(), hub.Device{})
		ok(t, err)
		all = append(all, s)
	}
	until(3) // the kitchen, and two personal ones
	ok(t, all[0].Close())
	ok(t, all[2].Close())
	until(2)
	k.say("bob", "still there?")
	next(t, all[1], 1)
	ok(t, all[1].Close())
	until(0)
}
