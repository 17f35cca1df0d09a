package hub_test

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/chat/hub"
	"github.com/parlor-chat/parlor/chat/hub/hubtest"
	"github.com/parlor-chat/parlor/drivers"
	"github.com/parlor-chat/parlor/storage"
)

func TestInbox(t *testing.T) {
	hubtest.Run(t, 2, func(t *testing.T, k *hubtest.Kit) {
		k.Room("r", "ann", "bob")
		k.Room("secret", "ann")
		cyd := hubtest.User("cyd")
		mention := func(room string) chat.Receipt {
			r, err := k.As(0, "ann").Room(room).Send(t.Context(), chat.Text{Body: "@bob @cyd", Mentions: []chat.UserID{hubtest.User("bob"), cyd, hubtest.User("ann")}})
			ok(t, err)
			return r
		}
		mention("r")
		private, err := k.As(1, "ann").Create(t.Context(), storage.Room{Kind: storage.Private})
		ok(t, err)
		ok(t, private.SetMember(t.Context(), "bob", chat.RoleMember, ""))
		mention(private.ID().Key) // cyd may not read there, so he is told nothing
		direct, err := k.As(1, "ann").Direct(t.Context(), "bob")
		ok(t, err)
		_, err = direct.Send(t.Context(), chat.Text{Body: "hello"})
		ok(t, err)
		k.Settle()
		k.Settle() // the references are followed, too
		inbox := func(node int, user string) string {
			p, err := k.As(node, user).Inbox(t.Context(), chat.Latest(100).All())
			ok(t, err)
			var all []string
			for i, e := range p.Events {
				if e.Seq != chat.Seq(i+1) {
					t.Errorf("%s has %d at %d", user, e.Seq, i)
				}
				ref := e.Content.(*chat.Reference)
				all = append(all, ref.Why)
			}
			return strings.Join(all, " ")
		}
		for node := range 2 {
			// Rooms are followed side by side, so only each room's own order is sure.
			got := inbox(node, "bob")
			for why, n := range map[string]int{"invitation": 1, "mention": 2, "direct": 1} {
				if strings.Count(got, why) != n {
					t.Errorf("bob's inbox: %s", got)
				}
			}
			if got := inbox(node, "cyd"); got != "mention" {
				t.Errorf("cyd's inbox: %s", got)
			}
			if got := inbox(node, "ann"); strings.Contains(got, "mention") || strings.Contains(got, "direct") {
				t.Errorf("ann's inbox: %s", got)
			}
		}
		_, err = k.As(0, "bob").Inbox(t.Context(), chat.Latest(10))
		fails(t, err, chat.ErrInvalid, "range")
	})
}

func TestFollowRefuses(t *testing.T) {
	k := newKit(t, nil)
	fn := func(context.Context, []chat.Event) error { return nil }
	for _, c := range []struct {
		name string
		fn   func(context.Context, []chat.Event) error
		kind error
	}{
		{"", fn, chat.ErrInvalid}, {"my follower", fn, chat.ErrInvalid}, {strings.Repeat("x", 101), fn, chat.ErrTooLarge},
		{"archive", fn, chat.ErrInvalid}, {"index", fn, chat.ErrInvalid}, {"personal", fn, chat.ErrInvalid}, {"mine", nil, chat.ErrInvalid},
	} {
		if err := k.Follow(t.Context(), c.name, c.fn); !errors.Is(err, c.kind) {
			t.Errorf("%q: %v", c.name, err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	running := make(chan struct{})
	var once sync.Once
	go func() {
		ended <- k.Follow(ctx, "mine", func(context.Context, []chat.Event) error { once.Do(func() { close(running) }); return nil })
	}()
	<-running
	fails(t, k.Follow(t.Context(), "mine", fn), chat.ErrConflict, "name")
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	go func() { ended <- k.Follow(t.Context(), "mine", fn) }() // the name is free again
	time.Sleep(10 * time.Millisecond)
	ok(t, k.Shutdown(t.Context()))
	fails(t, <-ended, chat.ErrClosed, "")
	fails(t, k.Follow(t.Context(), "mine", fn), chat.ErrClosed, "")
}

// Whatever a host's function does, others go on, and it gets all events in the end, each
// done once.
func TestFollowSurvivesItsFunction(t *testing.T) {
	hubtest.Run(t, 1, func(t *testing.T, k *hubtest.Kit) {
		k.Room("r", "ann")
		var done []chat.Seq
		calls := 0
		var running sync.WaitGroup
		ctx, stop := context.WithCancel(t.Context())
		running.Go(func() {
			k.Node(0).Follow(ctx, "mine", func(ctx context.Context, events []chat.Event) error {
				if events[0].Room.Key != "r" {
					return nil // ann's own log says that she joined
				}
				switch calls++; calls % 4 {
				case 1:
					panic("oh no")
				case 2:
					return errors.New("not now")
				case 3:
					time.Sleep(time.Minute) // far beyond the lease
					return errors.New("too late")
				}
				for _, e := range events {
					done = append(done, e.Seq)
				}
				return nil
			})
		})
		for range 3 {
			_, err := k.As(0, "ann").Room("r").Send(t.Context(), chat.Text{Body: "soup"})
			ok(t, err)
		}
		k.Settle() // the hub's own don't wait for it
		time.Sleep(5 * time.Minute)
		stop()
		running.Wait()
		synctest.Wait()
		for i, s := range done {
			if s != chat.Seq(i+1) {
				t.Fatalf("%v", done)
			}
		}
		if len(done) != 4 {
			t.Errorf("%v after %d calls", done, calls)
		}
	})
}

// sameShard names n rooms of one shard.
func sameShard(tenant string, n int) (rooms []chat.RoomID) {
	for i := 0; len(rooms) < n; i++ {
		if r := (chat.RoomID{Tenant: tenant, Key: fmt.Sprint("room", i)}); r.Shard() == 7 {
			rooms = append(rooms, r)
		}
	}
	return rooms
}

// Whatever a follower's function does in one room, for good, the others of its shard are
// followed at once.
func TestARoomThatFailsHoldsUpNoOther(t *testing.T) {
	for name, bad := range map[string]func() error{
		"fails":  func() error { return errors.New("bad") },
		"panics": func() error { panic("bad") },
	} {
		t.Run(name, func(t *testing.T) {
			hubtest.Run(t, 1, func(t *testing.T, k *hubtest.Kit) {
				rooms := sameShard(hubtest.Tenant, 2)
				for _, r := range rooms {
					k.Room(r.Key, "ann")
				}
				k.Settle()
				saw := make(chan time.Time, 1)
				tries := 0
				var running sync.WaitGroup
				ctx, stop := context.WithCancel(t.Context())
				running.Go(func() {
					k.Node(0).Follow(ctx, "mine", func(ctx context.Context, events []chat.Event) error {
						if events[0].Room == rooms[0] {
							tries++
							return bad()
						}
						for _, e := range events {
							if x, is := e.Content.(*chat.Text); is && x.Body == "well" {
								saw <- time.Now()
							}
						}
						return nil
					})
				})
				time.Sleep(5 * time.Minute)
				start := time.Now()
				_, err := k.As(0, "ann").Room(rooms[1].Key).Send(t.Context(), chat.Text{Body: "well"})
				ok(t, err)
				time.Sleep(5 * time.Minute)
				select {
				case at := <-saw:
					if d := at.Sub(start); d > time.Second {
						t.Errorf("followed after %v", d)
					}
				default:
					t.Error("never followed")
				}
				stop()
				running.Wait()
				if tries < 50 || tries > 80 { // of ten minutes, the last ten seconds apart
					t.Errorf("tried %d times", tries)
				}
			})
		})
	}
}

// outbox is a host's follower that fails in some rooms.
type outbox struct {
	mu    sync.Mutex
	fails func(chat.RoomID) bool
	tries map[chat.RoomID]int
	done  map[chat.RoomID]bool
}

func (o *outbox) run(ctx context.Context, h *hub.Hub) (stop func()) {
	o.tries, o.done = map[chat.RoomID]int{}, map[chat.RoomID]bool{}
	ctx, cancel := context.WithCancel(ctx)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		h.Follow(ctx, "outbox", func(_ context.Context, events []chat.Event) error {
			o.mu.Lock()
			defer o.mu.Unlock()
			room := events[0].Room
			if o.tries[room]++; o.fails(room) {
				return errors.New("bad")
			}
			o.done[room] = true
			return nil
		})
	}()
	return func() {
		cancel()
		<-ended
	}
}

// counts are the rooms that were done, and that were tried.
func (o *outbox) counts() (done, tried int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return len(o.done), len(o.tries)
}

func (o *outbox) heal() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.fails = func(chat.RoomID) bool { return false }
}

// lagOf is how far a follower is behind.
func lagOf(t *testing.T, h *hub.Hub, name string) hub.Lag {
	t.Helper()
	all, err := h.Admin().Lag(t.Context())
	ok(t, err)
	for _, l := range all {
		if l.Follower == name {
			return l
		}
	}
	t.Fatalf("nobody is called %s", name)
	return hub.Lag{}
}

// wordIn says something in each room, behind the hub's back.
func (k *kit) wordIn(rooms []chat.RoomID) {
	k.t.Helper()
	for len(rooms) > 0 {
		n := min(len(rooms), chat.MaxBatch)
		events := make([]chat.Event, n)
		for i := range events {
			events[i] = chat.Event{ID: chat.NewID(), Room: rooms[i], Sender: user("ann"), Content: &chat.Text{Body: "x"}}
		}
		_, err := k.store.Broker().Publish(k.t.Context(), events)
		ok(k.t, err)
		rooms = rooms[n:]
	}
}

// until waits for what comes soon.
func until(t *testing.T, what string, is func() bool) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); !is(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%s: never", what)
		}
	}
}

// One room that fails keeps nobody from the thousands that changed since.
func TestBehindARoomThatFailsAllIsFollowed(t *testing.T) {
	k := newKitWithout(t, nil)
	rooms := sameShard("acme", 3000)
	o := &outbox{fails: func(r chat.RoomID) bool { return r == rooms[0] }}
	k.wordIn(rooms[:1])
	stop := o.run(t.Context(), k.Hub)
	until(t, "the first try", func() bool { _, tried := o.counts(); return tried == 1 })
	k.wordIn(rooms[1:])
	until(t, "the others are followed", func() bool { done, _ := o.counts(); return done == len(rooms)-1 })
	until(t, "lag", func() bool { l := lagOf(t, k.Hub, "outbox"); return l.Rooms == 1 && l.Events == 1 })

	// Whoever comes next finds the one that is left, though much lies behind it.
	time.Sleep(1500 * time.Millisecond) // a cursor is saved once a second
	k.wordIn(rooms[1:2])
	stop()
	next := &outbox{fails: func(chat.RoomID) bool { return false }}
	defer next.run(t.Context(), k.Hub)()
	until(t, "the room that failed", func() bool { next.mu.Lock(); defer next.mu.Unlock(); return next.done[rooms[0]] })
}

// More rooms that fail than are remembered: no more are begun, and none is forgotten.
func TestWhenManyRoomsFailTheCursorStops(t *testing.T) {
	k := newKitWithout(t, nil)
	rooms := sameShard("acme", 5000)
	o := &outbox{fails: func(chat.RoomID) bool { return true }}
	k.wordIn(rooms)
	defer o.run(t.Context(), k.Hub)()
	until(t, "many were tried", func() bool { _, tried := o.counts(); return tried >= 1000 })
	time.Sleep(time.Second)
	if _, tried := o.counts(); tried > 2000 {
		t.Errorf("%d rooms are remembered", tried)
	}
	if l := lagOf(t, k.Hub, "outbox"); l.Rooms != len(rooms) {
		t.Errorf("behind in %d rooms", l.Rooms)
	}
	o.heal()
	until(t, "all are followed", func() bool { done, _ := o.counts(); return done == len(rooms) })
}

// Nobody tells a new follower of rooms that only the archive knows. It goes through all,
// and what is placed meanwhile doesn't wait until it is done.
func TestAWalkThroughTheArchiveHoldsNothingUp(t *testing.T) {
	k := newKit(t, nil)
	ok(t, k.Admin().CatchUp(t.Context()))
	const old = 2000
	for i := range old {
		room := chat.RoomID{Tenant: "acme", Key: fmt.Sprint("old", i)}
		ok(t, k.store.History().Append(t.Context(), []chat.Event{{ID: chat.NewID(), Room: room, Seq: 1, TextSeq: 1, At: time.UnixMilli(1), Sender: user("ann"), Content: &chat.Text{Body: "old"}}}))
	}
	var mu sync.Mutex
	walked := map[chat.RoomID]bool{}
	began, end := make(chan struct{}), make(chan int, 1)
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	go k.Follow(ctx, "mine", func(_ context.Context, events []chat.Event) error {
		mu.Lock()
		defer mu.Unlock()
		if x, is := events[len(events)-1].Content.(*chat.Text); is && x.Body == "new" {
			end <- len(walked)
		}
		if strings.HasPrefix(events[0].Room.Key, "old") {
			if walked[events[0].Room] = true; len(walked) == 500 {
				close(began)
			}
			time.Sleep(100 * time.Microsecond) // so that it takes a while
		}
		return nil
	})
	<-began
	if l := lagOf(t, k.Hub, "mine"); l.Rooms < 1000 {
		t.Errorf("%+v", l)
	}
	mu.Lock()
	before := len(walked)
	k.say("ann", "new")
	mu.Unlock()
	if n := <-end - before; n > 300 {
		t.Errorf("%d rooms came first", n)
	}
	until(t, "all rooms are gone through", func() bool { mu.Lock(); defer mu.Unlock(); return len(walked) == old })
	until(t, "lag", func() bool { return lagOf(t, k.Hub, "mine").Rooms == 0 })
}

// pickyHistory refuses some texts for good.
type pickyHistory struct{ storage.History }

func (h pickyHistory) Append(ctx context.Context, events []chat.Event) error {
	var failed *chat.BatchError
	var good []chat.Event
	for i, e := range events {
		if x, ok := e.Content.(*chat.Text); ok && x.Body == "poison" {
			failed = failed.Fail(i, &chat.Error{Kind: chat.ErrTooLarge, Op: "append", Field: "body"})
			continue
		}
		if failed == nil {
			good = append(good, e)
		} else {
			failed = failed.Fail(i, &chat.Error{Kind: chat.ErrIncomplete, Op: "append", Field: "seq"})
		}
	}
	if err := h.History.Append(ctx, good); err != nil {
		return err
	}
	return failed.AsError()
}

func TestWhatTheArchiveRefusesIsSetAside(t *testing.T) {
	k := newKit(t, nil)
	ctx, cancel := context.WithTimeout(t.Context(), 0)
	defer cancel()
	k.Shutdown(ctx)
	k.Hub = k.over(func(s *drivers.Set) { s.History = pickyHistory{s.History} })
	for _, body := range []string{"before", "poison", "behind"} {
		k.say("ann", body)
	}
	ok(t, k.Admin().CatchUp(t.Context()))
	p, err := k.store.History().Page(t.Context(), k.kitchen, chat.Latest(3).All())
	ok(t, err)
	if len(p.Events) != 3 || p.Head != 5 {
		t.Fatalf("%d events up to %d", len(p.Events), p.Head)
	}
	if x, ok := p.Events[1].Content.(*chat.Tombstone); !ok || x.Was != chat.KindText || x.Why == "" {
		t.Errorf("%+v", p.Events[1].Content)
	}
	if got := k.search("bob", hub.Query{}); len(got.Hits) != 2 {
		t.Errorf("found %v", got.Hits)
	}
}

// A node that slept through its lease has an old cursor in hand.
func TestAnOldTermCantSetACursorBack(t *testing.T) {
	k := newKit(t, nil)
	ok(t, k.Admin().CatchUp(t.Context()))
	ok(t, k.Shutdown(t.Context()))
	fence := k.store.Fence()
	shard := k.kitchen.Shard()
	register := "archive." + strconv.Itoa(shard)
	was, err := fence.Value(t.Context(), register)
	ok(t, err)
	second := k.node(nil)
	ok(t, second.Admin().CatchUp(t.Context()))
	now, err := fence.Value(t.Context(), register)
	ok(t, err)
	if now == was {
		t.Fatalf("the register is %q under both terms", now)
	}
	fails(t, fence.Swap(t.Context(), register, was, was+"0"), chat.ErrConflict, "from")
}
