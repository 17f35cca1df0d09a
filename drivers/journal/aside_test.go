package journal_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/drivers/journal"
)

func TestWhatCantBePlacedFor12HoursIsSetAside(t *testing.T) {
	run(t, func(t *testing.T, s *site) {
		s.broker.fail(chat.ErrUnavailable, false)
		for _, body := range []string{"a", "b"} {
			if _, err := s.say(body); err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(12*time.Hour - time.Minute)
		if r, err := s.say("a"); err != nil || r[0].State != chat.Pending || !r[0].Duplicate {
			t.Errorf("before: %+v, %v", r, err)
		}
		time.Sleep(3 * time.Minute)
		if _, err := s.say("a"); !errors.Is(err, chat.ErrExpired) {
			t.Errorf("after 12 hours: %v, want %v", err, chat.ErrExpired)
		}
		synctest.Wait()
		if len(s.broker.signals) != 2 || s.broker.signals[0].Name != chat.SignalSetAside || s.broker.signals[0].To.Key != "ann" {
			t.Errorf("the sender was told %+v", s.broker.signals)
		}
		for _, h := range s.held("a", "b") {
			if !errors.Is(h.Aside, chat.ErrExpired) {
				t.Errorf("aside: %v", h.Aside)
			}
		}
		s.broker.fail(nil, false)
		if r, err := s.say("c"); err != nil || r[0].Seq != 1 {
			t.Errorf("the next: %+v, %v", r, err)
		}
		// An operator has one placed, drops the other, and neither twice.
		ctx, a, b := t.Context(), text("a").ID, text("b").ID
		if err := errors.Join(s.j.Decide(ctx, a, true), s.j.Decide(ctx, b, false)); err != nil {
			t.Error(err)
		}
		time.Sleep(time.Second)
		for _, id := range []chat.EventID{a, b, text("c").ID} {
			if err := s.j.Decide(ctx, id, true); !errors.Is(err, chat.ErrNotFound) {
				t.Errorf("decided again: %v", err)
			}
		}
		if got := s.log(); !slices.Equal(got, []string{"c", "a"}) {
			t.Errorf("the log is %q", got)
		}
		s.held("a", "c")
	})
}

// What the broker has in hand is not set aside: it may be placed in this very moment.
func TestWhatIsOnItsWayIsNotSetAside(t *testing.T) {
	run(t, func(t *testing.T, s *site) {
		s.broker.fail(chat.ErrUnavailable, false)
		if _, err := s.say("a"); err != nil {
			t.Fatal(err)
		}
		time.Sleep(12*time.Hour - 8*time.Second)
		s.broker.mu.Lock()
		s.broker.err, s.broker.late = nil, 7500*time.Millisecond // the answer comes behind the end of the 12 hours
		s.broker.mu.Unlock()
		time.Sleep(3 * time.Minute)
		if h := s.held("a")[0]; h.State != chat.Placed || h.Aside != nil || len(s.broker.signals) > 0 {
			t.Errorf("%+v, and the sender was told %+v", h, s.broker.signals)
		}
	})
}

// What was set aside may have been placed by a try whose answer was lost.
func TestWhatIsSetAsideIsDoubt(t *testing.T) {
	run(t, func(t *testing.T, s *site) {
		s.broker.fail(chat.ErrUnavailable, true)
		if _, err := s.say("a"); err != nil {
			t.Fatal(err)
		}
		time.Sleep(12*time.Hour + 2*time.Minute)
		if h := s.held("a")[0]; !errors.Is(h.Aside, chat.ErrExpired) {
			t.Errorf("aside: %v", h.Aside)
		}
		equal(t, "doubt", s.lose(true), true)
		time.Sleep(time.Minute)
		s.held("a") // an operator decides
		if got := s.log(); len(got) > 0 {
			t.Errorf("the log is %q", got)
		}
	})
}

// A sender that waits is told that his event is refused; one that was told it is
// pending finds it set aside.
func TestWhatIsRefused(t *testing.T) {
	run(t, func(t *testing.T, s *site) {
		other := text("x")
		other.Content = &chat.Text{Body: "taken"}
		if _, err := s.mem.Broker().Publish(t.Context(), []chat.Event{other}); err != nil {
			t.Fatal(err)
		}
		if _, err := s.say("x"); !errors.Is(err, chat.ErrConflict) {
			t.Errorf("a waiting sender: %v", err)
		}
		s.held()
		s.broker.fail(chat.ErrUnavailable, false)
		if r, err := s.say("x"); err != nil || r[0].State != chat.Pending {
			t.Errorf("%+v, %v", r, err)
		}
		if _, err := s.j.Publish(t.Context(), []chat.Event{other}); !errors.Is(err, chat.ErrUnavailable) {
			t.Errorf("another text under a pending id, which may be first: %v", err)
		}
		s.broker.fail(nil, false)
		time.Sleep(10 * time.Second)
		held := s.held("x")
		if !errors.Is(held[0].Aside, chat.ErrConflict) {
			t.Errorf("aside: %v", held[0].Aside)
		}
		if _, err := s.say("x"); !errors.Is(err, chat.ErrConflict) {
			t.Errorf("again: %v", err)
		}
		// The id is the other's, whose retry is known; so this one is placed under another.
		if r, err := s.j.Publish(t.Context(), []chat.Event{other}); err != nil || !r[0].Duplicate || r[0].Seq != 1 {
			t.Errorf("the other again: %+v, %v", r, err)
		}
		s.forget("x")
		s.j.Close()
		s.open()
		time.Sleep(time.Second)
		again := s.held("x")[0]
		if id := again.Event.ID; id == other.ID || id != held[0].Event.ID {
			t.Errorf("it has the id %v", id)
		}
		if !errors.Is(again.Aside, chat.ErrConflict) || again.State != chat.Pending {
			t.Errorf("in its next life it is %v, aside %v", again.State, again.Aside)
		}
		equal(t, "doubt", s.lose(true), false) // nobody has placed it
	})
}

// What was refused lies nowhere, whatever came of earlier tries.
func TestWhatIsRefusedIsNoDoubt(t *testing.T) {
	run(t, func(t *testing.T, s *site) {
		s.broker.fail(chat.ErrUnavailable, false)
		if _, err := s.say("x"); err != nil {
			t.Fatal(err)
		}
		s.broker.fail(&chat.BatchError{Items: map[int]error{0: chat.ErrTooLarge}}, false)
		time.Sleep(10 * time.Second)
		if h := s.held("x")[0]; !errors.Is(h.Aside, chat.ErrTooLarge) {
			t.Errorf("aside: %v", h.Aside)
		}
		equal(t, "doubt", s.lose(true), false)
	})
}

// refused is what the archive shows of a text that it refused.
func refused(body string) chat.Event {
	e := text(body)
	e.Content = &chat.Tombstone{Was: chat.KindText, Why: chat.Refused}
	return e
}

// What the archive refuses is set aside with all that it says: the tombstone in its place is
// not what was sent.
func TestWhatTheArchiveRefusesIsSetAside(t *testing.T) {
	run(t, func(t *testing.T, s *site) {
		if _, err := s.say("a", "b", "c"); err != nil {
			t.Fatal(err)
		}
		look := func(when string) {
			t.Helper()
			for i, h := range s.held("a", "b") {
				if h.State != chat.Placed || h.Event.Seq != chat.Seq(i+1) || !errors.Is(h.Aside, chat.ErrInvalid) {
					t.Errorf("%s: %+v", when, h)
				}
			}
			if _, err := s.say("a"); !errors.Is(err, chat.ErrInvalid) {
				t.Errorf("%s, a retry: %v", when, err)
			}
		}
		for range 3 { // whoever looks in the archive again finds the same
			if err := s.j.Forget(t.Context(), refused("a"), refused("b"), text("c")); err != nil {
				t.Fatal(err)
			}
			look("set aside")
		}
		synctest.Wait()
		for _, body := range []string{"a", "b"} {
			if !slices.ContainsFunc(s.broker.signals, func(x chat.Signal) bool {
				return x.Name == chat.SignalSetAside && x.To.Key == "ann" && string(x.Data) == text(body).ID.String()
			}) || len(s.broker.signals) != 2 {
				t.Errorf("the sender was told %+v", s.broker.signals)
			}
		}
		s.j.Close()
		s.open()
		time.Sleep(time.Minute)
		look("in the next life")
		equal(t, "doubt", s.lose(true), false)
		time.Sleep(time.Minute)
		look("after a loss")
		if got := s.log(); len(got) != 0 { // but for the archive, which is not asked here
			t.Errorf("the log is %q", got)
		}
		// Placed after all, it is a new event: the id is the tombstone's.
		ctx, a, b := t.Context(), text("a").ID, text("b").ID
		if err := errors.Join(s.j.Decide(ctx, a, true), s.j.Decide(ctx, b, false)); err != nil {
			t.Error(err)
		}
		time.Sleep(time.Second)
		s.j.Close()
		s.open()
		if h := s.held("a")[0]; h.State != chat.Placed || h.Aside != nil || h.Event.ID == a {
			t.Errorf("decided: %+v", h)
		}
		if got := s.log(); !slices.Equal(got, []string{"a"}) {
			t.Errorf("the log is %q", got)
		}
	})
}

// An operator's word that can't be kept changes nothing.
func TestADecisionThatCantBeKept(t *testing.T) {
	run(t, func(t *testing.T, s *site) {
		if _, err := s.say("a"); err != nil {
			t.Fatal(err)
		}
		if err := s.j.Forget(t.Context(), refused("a")); err != nil {
			t.Fatal(err)
		}
		s.full.Store(true)
		if err := s.j.Decide(t.Context(), text("a").ID, true); !errors.Is(err, chat.ErrUnavailable) {
			t.Errorf("decided: %v, want %v", err, chat.ErrUnavailable)
		}
		if h := s.held("a")[0]; h.Aside == nil || h.Event.ID != text("a").ID {
			t.Errorf("%+v", h)
		}
	})
}

// undropped is a disk of a node that dies before it drops anything.
type undropped struct{ journal.Store }

func (undropped) Drop(context.Context, []chat.EventID) error { return nil }

// A node that dies after it kept what is placed anew, and before it dropped what was refused,
// has both. The operator decides again, and it is placed once: while it is held, and when the
// archive has it.
func TestADecisionIsInterrupted(t *testing.T) {
	for _, archived := range []bool{false, true} {
		run(t, func(t *testing.T, s *site) {
			s.j.Close()
			whole := s.store
			s.store = undropped{whole}
			s.open()
			if _, err := s.say("a"); err != nil {
				t.Fatal(err)
			}
			if err := s.j.Forget(t.Context(), refused("a")); err != nil {
				t.Fatal(err)
			}
			if err := s.j.Decide(t.Context(), text("a").ID, true); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Second)
			s.j.Close()
			s.store = whole
			s.open()
			time.Sleep(time.Second)
			both := s.held("a", "a")
			if archived {
				if err := s.j.Forget(t.Context(), both[1].Event); err != nil {
					t.Fatal(err)
				}
				s.held("a")
			}
			if err := s.j.Decide(t.Context(), text("a").ID, true); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Second)
			if h := s.held("a")[0]; h.State != chat.Placed || h.Aside != nil || h.Event.ID == text("a").ID {
				t.Errorf("archived %v: %+v", archived, h)
			}
			if got := s.log(); !slices.Equal(got, []string{"a", "a"}) { // one is a tombstone in the archive
				t.Errorf("archived %v: the log is %q", archived, got)
			}
		})
	}
}

// What is set aside stays so in the next life, and the sender is told once.
func TestWhatIsSetAsideStaysSo(t *testing.T) {
	run(t, func(t *testing.T, s *site) {
		s.broker.fail(chat.ErrUnavailable, false)
		if _, err := s.say("a", "b"); err != nil {
			t.Fatal(err)
		}
		time.Sleep(12*time.Hour + 2*time.Minute)
		s.j.Close()
		s.broker.fail(nil, false)
		s.open()
		time.Sleep(2 * time.Minute)
		for _, h := range s.held("a", "b") {
			if !errors.Is(h.Aside, chat.ErrExpired) {
				t.Errorf("%+v", h)
			}
		}
		if n := len(s.broker.signals); n != 2 {
			t.Errorf("the sender was told %d times", n)
		}
		if err := s.j.Decide(t.Context(), text("a").ID, true); err != nil {
			t.Fatal(err)
		}
		s.j.Close()
		s.open()
		time.Sleep(2 * time.Minute)
		if h := s.held("a", "b")[0]; h.State != chat.Placed || h.Aside != nil {
			t.Errorf("decided: %+v", h)
		}
	})
}
