package hub_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/chat/hub"
	"github.com/parlor-chat/parlor/drivers"
	"github.com/parlor-chat/parlor/storage"
)

// overtaken is a directory whose first answer about bob is old when it comes.
type overtaken struct {
	storage.Directory
	came    *atomic.Bool
	between func()
}

func (d overtaken) Access(ctx context.Context, u chat.UserID) ([]storage.Member, error) {
	rows, err := d.Directory.Access(ctx, u)
	if u == user("bob") && d.came.CompareAndSwap(false, true) {
		d.between()
	}
	return rows, err
}

// silentBroker brings a node no signals.
type silentBroker struct{ chat.Broker }

func (b silentBroker) Attach(ctx context.Context, node string, s chat.Sink) (chat.Link, error) {
	return b.Broker.Attach(ctx, node, silentSink{s})
}

type silentSink struct{ chat.Sink }

func (silentSink) Signal(chat.Signal) {}

// Whoever is sent away while he connects hears nothing of what follows, though Access had
// been asked before.
func TestWhoIsSentAwayWhileHeConnectsHearsNothing(t *testing.T) {
	ban := func(k *kit) { ok(k.t, k.in("ann", k.kitchen).SetMember(k.t.Context(), "bob", chat.RoleBanned, "")) }
	for _, c := range []struct {
		name    string
		hears   bool // the node hears the room before
		between func(k *kit, h *hub.Hub, ann func() *hub.Session)
	}{
		{"the node hears of it", true, func(k *kit, _ *hub.Hub, ann func() *hub.Session) {
			ban(k)
			next(k.t, ann(), 1)
		}},
		{"the node hears the room from then on", false, func(k *kit, _ *hub.Hub, ann func() *hub.Session) {
			ban(k)
			ann()
		}},
		{"only the host knows", true, func(k *kit, h *hub.Hub, _ func() *hub.Session) {
			row, err := k.store.Directory().Member(k.t.Context(), k.kitchen, user("bob"))
			ok(k.t, err)
			row.Role, row.Seq = chat.RoleNone, row.Seq+1
			ok(k.t, k.store.Directory().PutMember(k.t.Context(), row))
			ok(k.t, h.Admin().Recheck(k.t.Context(), user("bob")))
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			k := newKit(t, nil)
			var h *hub.Hub
			var s *hub.Session
			ann := func() *hub.Session {
				if s == nil {
					s = k.connect(h, "ann", 0)
				}
				return s
			}
			h = k.over(func(s *drivers.Set) {
				s.Broker = silentBroker{s.Broker}
				s.Directory = overtaken{s.Directory, new(atomic.Bool), func() { c.between(k, h, ann) }}
			})
			if c.hears {
				ann()
			}
			bob := k.connect(h, "bob", 0)
			k.say("ann", "secret")
			next(t, ann(), 1)
			if len(bob.Ready()) > 0 {
				t.Errorf("bob heard %v", heard(t, bob, 1))
			}
		})
	}
}

// Whoever connects while the host changes its mind is found by the Recheck that tells of
// it.
func TestWhoIsRefusedWhileHeConnectsIsNotLeftIn(t *testing.T) {
	k := newKitWithout(t, nil)
	var h *hub.Hub
	var refuses atomic.Bool
	h = k.node(&hub.Options{Policy: func(_ context.Context, a hub.Action) error {
		switch {
		case a.Verb != hub.VerbConnect:
		case refuses.Load():
			return errors.New("no")
		default: // this answer is old when it comes
			refuses.Store(true)
			return h.Admin().Recheck(t.Context(), user("bob"))
		}
		return nil
	}})
	s, err := h.As(user("bob")).Connect(t.Context(), hub.Device{})
	ok(t, err)
	_, err = s.Next(t.Context(), make([]*hub.Delivery, 1))
	fails(t, err, chat.ErrForbidden, "policy")
}

// slowBroker takes its time to subscribe and to unsubscribe.
type slowBroker struct{ chat.Broker }

func (b slowBroker) Attach(ctx context.Context, node string, s chat.Sink) (chat.Link, error) {
	l, err := b.Broker.Attach(ctx, node, s)
	return slowLink{l}, err
}

type slowLink struct{ chat.Link }

func (l slowLink) Subscribe(ctx context.Context, rooms ...chat.RoomID) ([]chat.Seq, error) {
	time.Sleep(time.Millisecond)
	return l.Link.Subscribe(ctx, rooms...)
}

func (l slowLink) Unsubscribe(rooms ...chat.RoomID) {
	time.Sleep(2 * time.Millisecond)
	l.Link.Unsubscribe(rooms...)
}

// Whoever is connected hears, however many come and go in the same rooms.
func TestWhoIsConnectedHearsThoughOthersLeave(t *testing.T) {
	k := newKit(t, nil)
	const people, rounds = 2, 300
	for i := range people {
		ok(t, k.in(fmt.Sprint("u", i), k.kitchen).Join(t.Context()))
	}
	other := k.over(func(s *drivers.Set) { s.Broker = slowBroker{s.Broker} }) // nobody else hears the kitchen there
	var all sync.WaitGroup
	for i := range people {
		all.Go(func() {
			for n := range rounds {
				s, err := other.As(user(fmt.Sprint("u", i))).Connect(t.Context(), hub.Device{})
				if err != nil {
					t.Error(err)
					return
				}
				body := fmt.Sprint(i, " ", n)
				if _, err := k.in("ann", k.kitchen).Send(t.Context(), chat.Text{Body: body}); err != nil {
					t.Error(err)
				}
				ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
				for found := false; !found; {
					buf := make([]*hub.Delivery, 1)
					if _, err := s.Next(ctx, buf); err != nil {
						t.Errorf("%s is not heard: %v", body, err)
						break
					}
					x, is := buf[0].Event.Content.(*chat.Text)
					found = is && x.Body == body
				}
				cancel()
				s.Close()
				if t.Failed() {
					return
				}
				time.Sleep(time.Duration(rand.IntN(4000)) * time.Microsecond) // the room is left, or just being left
			}
		})
	}
	all.Wait()
}

// A node that is behind with a room tells who comes nothing of before he came, where he
// may not read it.
func TestNobodyHearsWhatHeMayNotRead(t *testing.T) {
	k := newKit(t, nil)
	room, err := k.as("ann").Create(t.Context(), storage.Room{Kind: storage.Private, HistoryFrom: storage.FromJoin})
	ok(t, err)
	lagging := newLagging()
	h := k.over(func(s *drivers.Set) { lagging.Broker, s.Broker = s.Broker, lagging })
	ann, bob := k.connect(h, "ann", 0), k.connect(h, "bob", 0) // both before
	say := func(body string) {
		_, err := room.Send(t.Context(), chat.Text{Body: body})
		ok(t, err)
	}
	say("before")
	ok(t, room.SetMember(t.Context(), "bob", chat.RoleMember, ""))
	ok(t, h.Admin().Recheck(t.Context(), user("bob")))
	fresh := k.connect(h, "bob", 0)
	say("behind")
	close(lagging.open)
	same(t, heard(t, ann, 3), []string{"before", "member", "behind"})
	same(t, heard(t, bob, 2), []string{"member", "behind"})
	same(t, heard(t, fresh, 2), []string{"member", "behind"})
}

// Whoever is told of a gap is told of it as it is now: what was taken back stays gone.
func TestAGapIsFilledWithWhatIsLeft(t *testing.T) {
	k := newKit(t, nil)
	lagging := newLagging()
	h := k.over(func(s *drivers.Set) { lagging.Broker, s.Broker = s.Broker, lagging })
	s := k.connect(h, "bob", 0)
	k.say("ann", "first")
	<-lagging.has
	secret := k.say("ann", "secret")
	_, err := k.in("ann", k.kitchen).Retract(t.Context(), secret.ID, "")
	ok(t, err)
	lagging.has <- struct{}{}
	k.fallBehind(lagging, 200)
	close(lagging.open)
	got := heard(t, s, 203)
	if got[1] != "tombstone" || got[2] != "retract" {
		t.Errorf("%q", got[:5])
	}
}

// cutHistory gives nothing behind a Seq, once there is one.
type cutHistory struct {
	storage.History
	behind *atomic.Int64
}

func (h cutHistory) Page(ctx context.Context, room chat.RoomID, r chat.Range) (storage.Page, error) {
	if b := h.behind.Load(); b > 0 && r.Anchor() == chat.AnchorAfter && int64(r.Seq()) >= b {
		return storage.Page{}, &chat.Error{Kind: chat.ErrUnavailable, Op: "page"}
	}
	return h.History.Page(ctx, room, r)
}

// Whoever is cut off in the middle of a gap goes on from there.
func TestAGapThatIsFilledInPartIsToldOnce(t *testing.T) {
	k := newKit(t, nil)
	lagging := newLagging()
	var behind atomic.Int64
	h := k.over(func(s *drivers.Set) {
		lagging.Broker, s.Broker = s.Broker, lagging
		s.History = cutHistory{s.History, &behind}
	})
	s := k.connect(h, "bob", 0)
	const n = 1000
	k.fallBehind(lagging, n)
	behind.Store(400)
	close(lagging.open)
	var got []*chat.Event
	for buf := make([]*hub.Delivery, 1); ; got = append(got, buf[0].Event) {
		if _, err := s.Next(t.Context(), buf); err != nil {
			fails(t, err, chat.ErrCutOff, "gap")
			break
		}
	}
	if len(got) < 400 || len(got) == n {
		t.Fatalf("%d came before", len(got))
	}
	got = append(got, next(t, k.resume(k.Hub, "bob", s.Resume()), n-len(got))...)
	for i, e := range got {
		if e.Seq != chat.Seq(3+i) {
			t.Fatalf("delivery %d has seq %d", i, e.Seq)
		}
	}
}

// A loss may move an old event that sent somebody away behind the one that let him in
// again. His sessions hear it, hear on, and hear nothing twice.
func TestAnOldBanTellsNobodyAnythingTwice(t *testing.T) {
	k := newKit(t, nil)
	s := k.connect(k.Hub, "bob", 0)
	member := func(id chat.EventID, role chat.Role, after chat.EventID) chat.Receipt {
		r, err := k.store.Broker().Publish(t.Context(), []chat.Event{{ID: id, Room: k.kitchen, Sender: user("ann"),
			Content: &chat.Member{User: user("bob"), Role: role, After: after}}})
		ok(t, err)
		return r[0]
	}
	ban := chat.NewID()
	k.say("ann", "1")
	r := member(chat.NewID(), chat.RoleMember, ban)
	row, err := k.store.Directory().Member(t.Context(), k.kitchen, user("bob"))
	ok(t, err)
	row.Seq, row.Event = r.Seq, r.ID
	ok(t, k.store.Directory().PutMember(t.Context(), row))
	k.say("ann", "2")
	member(ban, chat.RoleNone, chat.EventID{})
	k.say("ann", "3")
	same(t, heard(t, s, 5), []string{"1", "member", "2", "member", "3"})
	k.say("ann", "4")
	same(t, heard(t, s, 1), []string{"4"})
}

// sinkBroker hands out the sink that a hub attaches, and brings it nothing of personal
// rooms.
type sinkBroker struct {
	chat.Broker
	sink     chat.Sink
	personal chan chat.RoomID // that the hub subscribes to
}

func (b *sinkBroker) Attach(ctx context.Context, node string, s chat.Sink) (chat.Link, error) {
	b.sink = s
	l, err := b.Broker.Attach(ctx, node, impersonalSink{s})
	return watchedLink{l, b.personal}, err
}

type impersonalSink struct{ chat.Sink }

func (s impersonalSink) Signal(chat.Signal) {}
func (s impersonalSink) Events(e []chat.Event) {
	if !strings.HasPrefix(e[0].Room.Key, "~p.") {
		s.Sink.Events(e)
	}
}

type watchedLink struct {
	chat.Link
	personal chan chat.RoomID
}

func (l watchedLink) Subscribe(ctx context.Context, rooms ...chat.RoomID) ([]chat.Seq, error) {
	for _, r := range rooms {
		if strings.HasPrefix(r.Key, "~p.") {
			l.personal <- r
		}
	}
	return l.Link.Subscribe(ctx, rooms...)
}

// A gap in somebody's personal log that can't be filled may hide that he came into a room.
func TestAGapInAPersonalLogIsNoGapInRooms(t *testing.T) {
	k := newKit(t, nil)
	b := &sinkBroker{personal: make(chan chat.RoomID, 10)}
	h := k.over(func(s *drivers.Set) {
		b.Broker, s.Broker = s.Broker, b
		s.History = brokenHistory{s.History}
	})
	s := k.connect(h, "bob", 0)
	room, err := k.as("ann").Create(t.Context(), storage.Room{Kind: storage.Private})
	ok(t, err)
	ok(t, room.SetMember(t.Context(), "bob", chat.RoleMember, ""))
	if len(s.Ready()) > 0 {
		t.Fatal("he was told by somebody else")
	}
	b.sink.Gap(<-b.personal, 1, 5)
	same(t, heard(t, s, 1), []string{"member"})
}
