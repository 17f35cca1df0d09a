package hub_test

import (
	"context"
	"errors"
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
