package hubtest_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/chat/hub"
	"github.com/parlor-chat/parlor/chat/hub/hubtest"
	"github.com/parlor-chat/parlor/drivers/journal"
)

// everything is a room's log as a node shows it.
func everything(t *testing.T, k *hubtest.Kit, node int, user, room string) []chat.Event {
	t.Helper()
	page, err := k.As(node, user).Room(room).Page(t.Context(), chat.Latest(100).All())
	if err != nil {
		t.Fatal(err)
	}
	return page.Events
}

func fillers(log []chat.Event) (n int) {
	for i := range log {
		if log[i].Filler() {
			n++
		}
	}
	return n
}

func connect(t *testing.T, k *hubtest.Kit, node int, user string) *hub.Session {
	t.Helper()
	s, err := k.As(node, user).Connect(t.Context(), hub.Device{})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// heard takes what a session has got so far.
func heard(t *testing.T, s *hub.Session) (texts []string) {
	t.Helper()
	var last chat.Event
	for {
		buf := make([]*hub.Delivery, 10)
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		n, err := s.Next(ctx, buf)
		cancel()
		if errors.Is(err, context.DeadlineExceeded) {
			return texts
		}
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range buf[:n] {
			if d.Event == nil {
				continue
			}
			if last.Seq > 0 && d.Event.Seq != last.Last()+1 && d.Event.Last() <= last.Last() {
				t.Errorf("%d came behind %d", d.Event.Seq, last.Seq)
			}
			last = *d.Event
			if x, ok := d.Event.Content.(*chat.Text); ok {
				texts = append(texts, x.Body)
			}
		}
	}
}

func numbers(from, to int) (all []string) {
	for i := from; i <= to; i++ {
		all = append(all, fmt.Sprint(i))
	}
	return all
}

func TestWhileTheBrokerIsDownSendsArePending(t *testing.T) {
	hubtest.Run(t, 2, func(t *testing.T, k *hubtest.Kit) {
		k.Room("r", "ann", "bob")
		bob := connect(t, k, 1, "bob")
		heal := k.Fail(hubtest.Broker, hubtest.Down)
		ann := k.As(0, "ann").Room("r")
		var ids []chat.EventID
		for _, body := range numbers(1, 3) {
			r := say(t, k, 0, "ann", "r", body)
			if r.State != chat.Pending || r.Seq != 0 {
				t.Errorf("%+v", r)
			}
			ids = append(ids, r.ID)
		}
		// Who sent it may change it, as if it were there; nobody else knows of it.
		if r, err := ann.Edit(t.Context(), ids[1], chat.Text{Body: "two"}); err != nil || r.State != chat.Pending {
			t.Errorf("an edit: %+v, %v", r, err)
		}
		for _, id := range []chat.EventID{ids[0], chat.NewID()} {
			if _, err := k.As(0, "bob").Room("r").React(t.Context(), id, []string{"👍"}); !errors.Is(err, chat.ErrUnavailable) {
				t.Errorf("another's reaction to %v: %v", id, err)
			}
		}
		k.Kill(0)
		heal()
		k.Settle()
		if got := k.Texts("r"); len(got) != 0 {
			t.Errorf("the dead node placed %q", got)
		}
		say(t, k, 1, "bob", "r", "0")
		k.Start(0)
		k.Settle()
		if got, want := k.Texts("r"), []string{"0", "1", "two", "3"}; !slices.Equal(got, want) {
			t.Errorf("the room reads %q, want %q", got, want)
		}
		if got, want := heard(t, bob), numbers(0, 3); !slices.Equal(got, want) {
			t.Errorf("bob heard %q, want %q", got, want)
		}
		bob.Close()
	})
}

// When all nodes live, a loss is a pause: no position changes, nobody hears a thing
// twice or misses one, whatever the archive had.
func TestALossIsAPause(t *testing.T) {
	for _, c := range []struct {
		name    string
		lost    int
		archive hubtest.Fault // while it was being sent
	}{
		{"all, archived", -1, hubtest.Fault{}},
		{"all, the archive was down", -1, hubtest.Down},
		{"the last two, archived", 2, hubtest.Fault{}},
		{"the last two, the archive was down", 2, hubtest.Down},
	} {
		t.Run(c.name, func(t *testing.T) {
			hubtest.Run(t, 3, func(t *testing.T, k *hubtest.Kit) {
				k.Room("r", "ann", "bob")
				sessions := []*hub.Session{connect(t, k, 0, "ann"), connect(t, k, 1, "bob"), connect(t, k, 2, "ann")}
				k.Settle()
				heal := k.Fail(hubtest.History, c.archive)
				for i, body := range numbers(1, 9) {
					say(t, k, i%3, "ann", "r", body)
				}
				if c.archive.Err == nil {
					k.Settle()
				}
				before := everything(t, k, 0, "ann", "r")
				k.Lose(c.lost)
				heal()
				start := time.Now()
				r, err := k.As(1, "bob").Room("r").Send(t.Context(), chat.Text{Body: "10"}, hub.Once("ten"))
				if err != nil {
					t.Fatal(err)
				}
				for r.State == chat.Pending {
					time.Sleep(10 * time.Millisecond)
					if r, err = k.As(2, "bob").Room("r").Send(t.Context(), chat.Text{Body: "10"}, hub.Once("ten")); err != nil {
						t.Fatal(err)
					}
				}
				if took := time.Since(start); took > 5*time.Second {
					t.Errorf("the pause took %v", took)
				}
				k.Settle()
				after := everything(t, k, 1, "bob", "r")
				if len(after) != len(before)+1 || !slices.EqualFunc(before, after[:len(before)], func(a, b chat.Event) bool { return a.ID == b.ID && a.Seq == b.Seq && a.At.Equal(b.At) }) {
					t.Errorf("there were %d events, there are %d", len(before), len(after))
				}
				for i, s := range sessions {
					if got := heard(t, s); !slices.Equal(got, numbers(1, 10)) {
						t.Errorf("session %d heard %q", i, got)
					}
					s.Close()
				}
			})
		})
	}
}

// A retry across a loss gets the first result, though only the archive knew it.
func TestARetryAcrossALossIsKnown(t *testing.T) {
	hubtest.Run(t, 2, func(t *testing.T, k *hubtest.Kit) {
		k.Room("r", "ann")
		send := func(node int, body string) (chat.Receipt, error) {
			return k.As(node, "ann").Room("r").Send(t.Context(), chat.Text{Body: body}, hub.Once("one"))
		}
		first, err := send(0, "a")
		if err != nil {
			t.Fatal(err)
		}
		for range 700 { // more than one page of the archive
			say(t, k, 0, "ann", "r", "x")
		}
		k.Settle()
		time.Sleep(5 * time.Second)
		if held, err := k.Node(0).Admin().Held(t.Context(), 0, 10); err != nil || len(held) > 0 {
			t.Errorf("the journal holds %d events that are archived, %v", len(held), err)
		}
		k.Lose(-1)
		time.Sleep(5 * time.Second) // nobody asks for anything meanwhile
		again, err := send(1, "a")
		if err != nil || !again.Duplicate || again.Seq != first.Seq {
			t.Errorf("again: %+v, %v; first %+v", again, err, first)
		}
		if _, err := send(0, "b"); !errors.Is(err, chat.ErrConflict) {
			t.Errorf("another text: %v", err)
		}
	})
}

// Positions that only a dead node knows are left out, and what it holds is placed anew.
func TestALossWithADeadNode(t *testing.T) {
	for _, cutOff := range []bool{false, true} {
		t.Run(fmt.Sprint("cut off ", cutOff), func(t *testing.T) {
			hubtest.Run(t, 2, func(t *testing.T, k *hubtest.Kit) {
				k.Room("r", "ann", "bob")
				bob := connect(t, k, 1, "bob")
				k.Settle()
				archive := k.Fail(hubtest.History, hubtest.Down)
				seen := map[chat.Seq]chat.EventID{}
				for i, body := range numbers(1, 4) { // 2 and 4 are node 1's
					r := say(t, k, i%2, "ann", "r", body)
					seen[r.Seq] = r.ID
				}
				synctest.Wait()
				heal := func() {}
				if cutOff {
					heal = k.Fail(hubtest.Broker, hubtest.Down, 0)
				} else {
					k.Kill(0)
				}
				k.Lose(-1)
				archive()
				for r := say(t, k, 1, "bob", "r", "5"); r.State == chat.Pending; {
					time.Sleep(time.Second)
					var err error
					if r, err = k.As(1, "bob").Room("r").Send(t.Context(), chat.Text{Body: "6"}, hub.Once("six")); err != nil {
						t.Fatal(err)
					}
				}
				k.Settle()
				log := everything(t, k, 1, "bob", "r")
				if n := fillers(log); n != 3 { // for 1 and 3 a tombstone each; behind 4 a void
					t.Errorf("%d events stand for what is lost", n)
				}
				heal()
				k.Start(0)
				k.Settle()
				if got, want := k.Texts("r"), []string{"2", "4", "5", "6", "1", "3"}; !slices.Equal(got, want) {
					t.Errorf("the room reads %q, want %q", got, want)
				}
				for _, e := range everything(t, k, 0, "bob", "r") {
					if id, ok := seen[e.Seq]; ok && e.ID != id && !e.Filler() {
						t.Errorf("at %d was %v and is %v", e.Seq, id, e.ID)
					}
				}
				if got := heard(t, bob); len(got) != 8 || !slices.Equal(got[4:], []string{"5", "6", "1", "3"}) {
					t.Errorf("bob heard %q", got)
				}
				bob.Close()
			})
		})
	}
}

// Positions that readers crossed are not given away behind the next loss, though the archive
// knows nothing of them yet, and an operator has ended the doubt.
func TestWhatWasLeftOutStaysLeftOut(t *testing.T) {
	hubtest.Run(t, 2, func(t *testing.T, k *hubtest.Kit) {
		k.Room("r", "ann", "bob")
		bob := connect(t, k, 1, "bob")
		k.Settle()
		archive := k.Fail(hubtest.History, hubtest.Down)
		say(t, k, 0, "ann", "r", "1")
		k.Kill(0)
		k.Lose(-1)
		archive()
		archive = k.Fail(hubtest.History, hubtest.Fault{Slow: 2 * time.Second})
		var opening sync.WaitGroup
		opening.Go(func() {
			for {
				if _, err := k.As(1, "bob").Room("r").Page(t.Context(), chat.Latest(9)); err == nil {
					return
				}
				time.Sleep(time.Second)
			}
		})
		for d, err := range bob.All(t.Context()) {
			if err != nil {
				t.Fatal(err)
			}
			if d.Event != nil && d.Event.Kind() == chat.KindVoid {
				break
			}
		}
		if err := k.Node(1).Admin().EndDoubt(t.Context()); err != nil {
			t.Fatal(err)
		}
		k.Lose(-1)
		r := say(t, k, 1, "ann", "r", "2")
		for r.State == chat.Pending {
			time.Sleep(time.Second)
			var err error
			if r, err = k.As(1, "ann").Room("r").Send(t.Context(), chat.Text{Body: "3"}, hub.Once("three")); err != nil {
				t.Fatal(err)
			}
		}
		if r.Seq < chat.VoidSpan {
			t.Errorf("a position was left out, and given away: %d", r.Seq)
		}
		archive()
		opening.Wait()
		k.Start(0)
		k.Settle()
		if got := heard(t, bob); !slices.Contains(got, "2") {
			t.Errorf("bob heard %q", got)
		}
		time.Sleep(3 * time.Second)
		for n := range 2 {
			if held, err := k.Node(n).Admin().Held(t.Context(), 0, 9); len(held) > 0 || err != nil {
				t.Errorf("node %d holds %v, %v", n, held, err)
			}
		}
		bob.Close()
	})
}

// A node that sees a loss, and then the broker no more until the others have gone on without
// it, loses nothing of what it holds.
func TestANodeThatCantPutBackLosesNothing(t *testing.T) {
	hubtest.Run(t, 2, func(t *testing.T, k *hubtest.Kit) {
		k.Room("r", "ann", "bob")
		k.Settle()
		k.Fail(hubtest.History, hubtest.Down)
		if r := say(t, k, 1, "ann", "r", "kept"); r.State != chat.Placed { // node 1's journal and the broker have it
			t.Fatal(r)
		}
		seen := k.Fail(hubtest.Fence, hubtest.Fault{Slow: time.Second}, 1)
		k.Lose(-1)
		ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
		defer cancel()
		k.As(1, "ann").Room("r").Page(ctx, chat.Latest(1)) // so that node 1 finds out
		<-ctx.Done()
		k.Fail(hubtest.Broker, hubtest.Down, 1)
		seen()
		time.Sleep(20 * time.Second)
		k.Heal()
		k.As(0, "ann").Room("r").Page(t.Context(), chat.Latest(1))
		k.Settle()
		if got := k.Texts("r"); !slices.Equal(got, []string{"kept"}) {
			t.Errorf("the room reads %q", got)
		}
	})
}

// When everybody who was missing is back, an operator ends the doubt: from then on rooms are
// opened as they were, and new ones begin at 1.
func TestAnOperatorEndsTheDoubt(t *testing.T) {
	for _, ended := range []bool{false, true} {
		t.Run(fmt.Sprint(ended), func(t *testing.T) {
			hubtest.Run(t, 2, func(t *testing.T, k *hubtest.Kit) {
				if err := k.Node(0).Admin().EndDoubt(t.Context()); err != nil {
					t.Errorf("without a doubt: %v", err)
				}
				k.Room("r", "ann")
				say(t, k, 1, "ann", "r", "one")
				k.Settle()
				k.Kill(1)
				k.Lose(-1)
				time.Sleep(15 * time.Second)
				say(t, k, 0, "ann", "r", "two")
				k.Start(1)
				k.Settle()
				if n := fillers(everything(t, k, 0, "ann", "r")); n != 1 {
					t.Errorf("a node was missing: %d parts are left out", n)
				}
				if ended {
					if err := k.Node(1).Admin().EndDoubt(t.Context()); err != nil {
						t.Fatal(err)
					}
					time.Sleep(5 * time.Second) // the other node hears of it
					k.Room("new", "ann")
					if n := fillers(everything(t, k, 0, "ann", "new")); n != 0 {
						t.Error("a new room begins with a void")
					}
				}
				k.Lose(-1)
				time.Sleep(5 * time.Second)
				say(t, k, 0, "ann", "r", "three")
				want := 1
				if !ended {
					want = 2
				}
				if n := fillers(everything(t, k, 0, "ann", "r")); n != want {
					t.Errorf("behind a loss in which nobody was missing %d parts are left out, want %d", n, want)
				}
				if got := k.Texts("r"); !slices.Equal(got, []string{"one", "two", "three"}) {
					t.Errorf("the room reads %q", got)
				}
			})
		})
	}
}

// A node that can't reach the fence follows its shards until their leases end, later than its
// own. What it has in hand for the archive when the broker loses its memory is waited for.
func TestALossWaitsForTheAppendOfANodeThatIsCutOff(t *testing.T) {
	for cut := 7 * time.Second; cut < 12*time.Second; cut += time.Second {
		t.Run(fmt.Sprint(cut), func(t *testing.T) {
			hubtest.Run(t, 2, func(t *testing.T, k *hubtest.Kit) {
				rooms := numbers(1, 8) // node 1 leads some
				for _, r := range rooms {
					k.Room(r, "ann")
				}
				k.Settle()
				time.Sleep(5 * time.Second)
				k.Fail(hubtest.Fence, hubtest.Down, 1)
				time.Sleep(cut)
				k.Fail(hubtest.History, hubtest.Fault{Slow: 1500 * time.Millisecond}, 1)
				for _, r := range rooms {
					say(t, k, 1, "ann", r, "kept")
				}
				k.Lose(-1)
				for range 10 { // node 0 opens them as soon as it can
					for _, r := range rooms {
						ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
						k.As(0, "ann").Room(r).Page(ctx, chat.Latest(1))
						cancel()
					}
				}
				time.Sleep(time.Minute)
				k.Heal()
				k.Settle()
				for _, r := range rooms {
					if got := k.Texts(r); !slices.Equal(got, []string{"kept"}) {
						t.Errorf("room %s reads %q", r, got)
					}
				}
			})
		})
	}
}

// A node that ends says that it holds nothing when nothing is on its way any more: else a
// loss behind that gives the position of a last event away again.
func TestAShutdownWaitsForWhatIsOnItsWay(t *testing.T) {
	asked := make(chan struct{})
	slow := func(_ context.Context, a hub.Action) error {
		if a.Event != nil && a.Event.Kind() == chat.KindText && a.Event.Content.(*chat.Text).Body == "late" {
			close(asked)
			time.Sleep(time.Second)
		}
		return nil
	}
	hubtest.RunWith(t, 2, hubtest.Options{Hub: hub.Options{Policy: slow}}, func(t *testing.T, k *hubtest.Kit) {
		k.Room("r", "ann", "bob")
		k.Settle()
		var late chat.Receipt
		var running sync.WaitGroup
		running.Go(func() { late = say(t, k, 1, "ann", "r", "late") })
		<-asked
		k.Fail(hubtest.History, hubtest.Down)
		k.Node(1).Shutdown(t.Context()) // the error says that the archive is down
		running.Wait()
		if late.State != chat.Placed {
			t.Fatalf("%+v", late)
		}
		k.Kill(1)
		k.Lose(-1)
		time.Sleep(30 * time.Second)
		k.Heal()
		if r := say(t, k, 0, "bob", "r", "another"); r.State != chat.Placed || r.Seq == late.Seq {
			t.Errorf("%v and %v were both acknowledged, at %d and %d", late.ID, r.ID, late.Seq, r.Seq)
		}
	})
}

// Lost again and again, also while it is being mended.
func TestLossAfterLoss(t *testing.T) {
	hubtest.Run(t, 3, func(t *testing.T, k *hubtest.Kit) {
		k.Room("r", "ann")
		heal := k.Fail(hubtest.History, hubtest.Down)
		for i := range 12 {
			say(t, k, i%3, "ann", "r", fmt.Sprint(i))
			k.Lose(-1)
			if i%2 == 0 {
				k.Lose(1)
				time.Sleep(time.Duration(i) * 100 * time.Millisecond)
			}
		}
		heal()
		k.Settle()
		got := k.Texts("r")
		slices.Sort(got)
		want := numbers(0, 11)
		slices.Sort(want)
		if !slices.Equal(got, want) {
			t.Errorf("the room reads %q", got)
		}
	})
}

// A node that put back waits for the others no longer than the memory lasts into which it
// did: they wait for it in the next.
func TestALossWhileNodesPutBack(t *testing.T) {
	hubtest.Run(t, 3, func(t *testing.T, k *hubtest.Kit) {
		k.Room("r", "ann")
		k.Settle()
		var want []string
		for i := range 30 {
			for node := range 3 {
				body := fmt.Sprint(i, " ", node)
				say(t, k, node, "ann", "r", body)
				want = append(want, body)
			}
			k.Lose(-1)
			time.Sleep(time.Duration(i) * 100 * time.Millisecond)
			k.Lose(-1)
			time.Sleep(5 * time.Second)
		}
		k.Settle()
		if got := k.Texts("r"); !slices.Equal(got, want) {
			t.Errorf("the room reads %q", got)
		}
		if n := fillers(everything(t, k, 0, "ann", "r")); n > 0 {
			t.Errorf("%d voids, though everybody was there", n)
		}
	})
}

// A change of standing that was pending is told to sessions when it is placed.
func TestMembershipsAreDoneThoughTheBrokerIsDown(t *testing.T) {
	hubtest.Run(t, 2, func(t *testing.T, k *hubtest.Kit) {
		k.Room("r", "ann", "bob")
		cyd := connect(t, k, 1, "cyd")
		bob := connect(t, k, 1, "bob")
		k.Settle()
		room := k.As(0, "ann").Room("r")
		heal := k.Fail(hubtest.Broker, hubtest.Fault{Err: chat.ErrUnavailable, Every: 2}, 0) // heads are read, events not placed
		set := func(user string, role chat.Role) {
			for range 100 { // reading the head may fail, too
				if room.SetMember(t.Context(), user, role, "") == nil {
					return
				}
			}
			t.Fatalf("%s is never %v", user, role)
		}
		set("cyd", chat.RoleMember)
		set("bob", chat.RoleBanned)
		heal()
		k.Settle()
		say(t, k, 0, "ann", "r", "for cyd")
		k.Settle()
		if got := heard(t, cyd); !slices.Equal(got, []string{"for cyd"}) {
			t.Errorf("cyd heard %q", got)
		}
		if got := heard(t, bob); len(got) != 0 {
			t.Errorf("bob is banned and heard %q", got)
		}
		cyd.Close()
		bob.Close()
	})
}

// A pending ban takes effect at once: for pages, and for who listens.
func TestAPendingBan(t *testing.T) {
	hubtest.Run(t, 2, func(t *testing.T, k *hubtest.Kit) {
		k.Room("r", "ann", "bob")
		bob := connect(t, k, 1, "bob")
		k.Settle()
		k.Fail(hubtest.Broker, hubtest.Fault{Slow: 1500 * time.Millisecond}, 0)
		if err := k.As(0, "ann").Room("r").SetMember(t.Context(), "bob", chat.RoleBanned, ""); err != nil {
			t.Fatal(err)
		}
		if _, err := k.As(1, "bob").Room("r").Page(t.Context(), chat.Latest(1)); !errors.Is(err, chat.ErrNotFound) {
			t.Errorf("bob reads: %v", err)
		}
		k.Heal()
		k.Settle()
		say(t, k, 1, "ann", "r", "alone")
		k.Settle()
		if got := heard(t, bob); len(got) != 0 {
			t.Errorf("bob heard %q", got)
		}
		bob.Close()
	})
}

// shortPatience sets aside what is pending for longer than this; with the usual 12 hours
// the nodes' beats of all that time take a minute under the race detector.
var shortPatience = hubtest.Options{Journal: journal.Options{MaxAge: 20 * time.Minute}}

func TestWhatIsSetAsideIsShownAndDecided(t *testing.T) {
	hubtest.RunWith(t, 2, shortPatience, func(t *testing.T, k *hubtest.Kit) {
		k.Room("r", "ann")
		ann := connect(t, k, 0, "ann")
		k.Settle() // so that of all who write just ann has something pending
		heal := k.Fail(hubtest.Broker, hubtest.Down, 0)
		r := say(t, k, 0, "ann", "r", "late")
		time.Sleep(shortPatience.Journal.MaxAge + 2*time.Minute)
		heal()
		k.Settle()
		admin := k.Node(0).Admin()
		held, err := admin.Held(t.Context(), 0, 10)
		if err != nil || len(held) != 1 || held[0].Event.ID != r.ID || !errors.Is(held[0].Aside, chat.ErrExpired) {
			t.Fatalf("the journal holds %+v, %v", held, err)
		}
		if err := admin.Decide(t.Context(), r.ID, true); err != nil {
			t.Error(err)
		}
		if err := admin.Decide(t.Context(), r.ID, true); !errors.Is(err, chat.ErrNotFound) {
			t.Errorf("again: %v", err)
		}
		if _, err := admin.Held(t.Context(), 0, 0); !errors.Is(err, chat.ErrInvalid) {
			t.Errorf("held: %v", err)
		}
		k.Settle()
		if got := heard(t, ann); !slices.Equal(got, []string{"late"}) {
			t.Errorf("ann heard %q", got)
		}
		ann.Close()
	})
}

// A sender who is connected is told that his text was set aside.
func TestTheSenderIsTold(t *testing.T) {
	hubtest.RunWith(t, 1, shortPatience, func(t *testing.T, k *hubtest.Kit) {
		k.Room("r", "ann", "bob")
		ann, bob := connect(t, k, 0, "ann"), connect(t, k, 0, "bob")
		hold := k.Fail(hubtest.Fence, hubtest.Down) // so that the loss can't be mended
		k.Lose(-1)
		r := say(t, k, 0, "ann", "r", "late")
		time.Sleep(shortPatience.Journal.MaxAge + 2*time.Minute)
		synctest.Wait()
		hold()
		told := func(s *hub.Session) (ids []string) {
			buf := make([]*hub.Delivery, 10)
			ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
			defer cancel()
			n, _ := s.Next(ctx, buf)
			for _, d := range buf[:n] {
				if d.Signal != nil && d.Signal.Name == chat.SignalSetAside {
					ids = append(ids, string(d.Signal.Data))
				}
			}
			return ids
		}
		if got := told(ann); !slices.Equal(got, []string{r.ID.String()}) {
			t.Errorf("ann was told %q", got)
		}
		if got := told(bob); len(got) > 0 {
			t.Errorf("bob was told %q", got)
		}
		ann.Close()
		bob.Close()
	})
}

// A full disk refuses, and nothing is kept.
func TestAFullDiskRefuses(t *testing.T) {
	hubtest.Run(t, 1, func(t *testing.T, k *hubtest.Kit) {
		k.Room("r", "ann")
		heal := k.Fail(hubtest.Disk, hubtest.Down)
		if _, err := k.As(0, "ann").Room("r").Send(t.Context(), chat.Text{Body: "x"}); !errors.Is(err, chat.ErrUnavailable) {
			t.Errorf("%v, want %v", err, chat.ErrUnavailable)
		}
		heal()
		k.Settle()
		if got := k.Texts("r"); len(got) != 0 {
			t.Errorf("the room reads %q", got)
		}
	})
}

// What an event demands outside of the log is done though the broker loses the event, and
// all that could list it, as soon as the archive has it.
func TestARoleOutlivesALossThoughTheDirectoryWasAway(t *testing.T) {
	hubtest.Run(t, 1, func(t *testing.T, k *hubtest.Kit) {
		k.Room("r", "ann", "bob")
		set := func(role chat.Role) {
			if err := k.As(0, "ann").Room("r").SetMember(t.Context(), "bob", role, ""); err != nil {
				t.Fatal(err)
			}
		}
		set(chat.RoleBanned)
		k.Settle()
		slow := k.Fail(hubtest.Broker, hubtest.Fault{Slow: 1500 * time.Millisecond}) // so that the change is pending
		set(chat.RoleNone)
		away := k.Fail(hubtest.Directory, hubtest.Down)
		slow()
		time.Sleep(time.Minute)
		k.Lose(-1)
		away()
		k.Settle()
		if info, err := k.As(0, "bob").Room("r").Info(t.Context()); err != nil || info.Role != chat.RoleNone {
			t.Errorf("bob is %v, %v", info.Role, err)
		}
	})
}

// Whoever acknowledges a retry keeps it, also where another node placed it, and what it
// changes is gone by then: so it stays where it lay when the other is lost with the broker.
func TestARetryIsKeptByWhoAcknowledgesIt(t *testing.T) {
	hubtest.Run(t, 2, func(t *testing.T, k *hubtest.Kit) {
		k.Room("r", "ann")
		k.Settle()
		away := k.Fail(hubtest.History, hubtest.Down)
		said := say(t, k, 0, "ann", "r", "soup")
		var got [2]chat.Receipt
		for i, node := range []int{1, 0} {
			var err error
			if got[i], err = k.As(node, "ann").Room("r").Retract(t.Context(), said.ID, "", hub.Once("c")); err != nil {
				t.Fatal(err)
			}
		}
		if !got[1].Duplicate || got[1].Seq != got[0].Seq {
			t.Errorf("%+v, and again %+v", got[0], got[1])
		}
		k.Kill(1)
		k.Lose(-1)
		away()
		k.Settle()
		if !slices.ContainsFunc(everything(t, k, 0, "ann", "r"), func(e chat.Event) bool { return e.ID == got[0].ID && e.Seq == got[0].Seq }) {
			t.Errorf("what was acknowledged at %d isn't there", got[0].Seq)
		}
	})
}
