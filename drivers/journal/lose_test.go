package journal_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/drivers/journal"
)

// lose has the broker lose everything, and brings it back with what the journal holds.
func (s *site) lose(begin bool) (doubt bool) {
	s.t.Helper()
	ctx := s.t.Context()
	was := s.memory
	s.mem.Lose(-1)
	now, err := s.j.Memory(ctx)
	if err := errors.Join(err, s.j.Return(ctx, was, now)); err != nil {
		s.t.Fatal(err)
	}
	left, err := s.j.Remains(ctx, room)
	if err != nil {
		s.t.Fatal(err)
	}
	var n int64
	if left.Doubt {
		n = 1
	}
	events := chat.Rejoin(room, nil, left.Events, n, time.Now())
	if err := s.j.Reopen(ctx, now, room, chat.Restored{Version: left.Version, Events: events}); err != nil {
		s.t.Fatal(err)
	}
	s.memory = now
	if begin {
		s.begin()
	}
	return left.Doubt
}

func TestWhatWasPlacedIsPutBack(t *testing.T) {
	run(t, func(t *testing.T, s *site) {
		first, err := s.say("a", "b")
		if err != nil {
			t.Fatal(err)
		}
		for range 3 {
			equal(t, "doubt", s.lose(true), false)
			if r, err := s.say("a", "b"); err != nil || r[0].Seq != first[0].Seq || r[1].Seq != first[1].Seq || !r[1].At.Equal(first[1].At) {
				t.Errorf("after a loss: %v, %+v", err, r)
			}
		}
		if got := s.log(); !slices.Equal(got, []string{"a", "b"}) {
			t.Errorf("the log is %q", got)
		}
	})
}

// Of several memories that are lost one after the other, whichever was valid: what was put
// back into it is put back into the next.
func TestWhatWasPutBackTwiceIsPutBackAgain(t *testing.T) {
	run(t, func(t *testing.T, s *site) {
		if _, err := s.say("a", "b"); err != nil {
			t.Fatal(err)
		}
		memory := func() string {
			m, err := s.j.Memory(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			return m
		}
		lose := func(from string) (to string) {
			s.mem.Lose(-1)
			to = memory()
			if err := s.j.Return(t.Context(), from, to); err != nil {
				t.Fatal(err)
			}
			return to
		}
		first := memory()
		second := lose(first)
		lose(second) // a node made the second the valid one; this one didn't hear of it in time
		lose(second)
		left, err := chat.ReadRemains(t.Context(), s.j, room)
		if err != nil || left.Doubt || len(left.Events) != 2 {
			t.Errorf("%d events, doubt %v, %v", len(left.Events), left.Doubt, err)
		}
	})
}

// Whoever slept through a loss finds his events placed anew, under their ids.
func TestWhoMissedALossPlacesAnew(t *testing.T) {
	run(t, func(t *testing.T, s *site) {
		if _, err := s.say("a", "b"); err != nil {
			t.Fatal(err)
		}
		s.mem.Lose(-1) // and it is opened again without this node
		ctx := t.Context()
		now, _ := s.j.Memory(ctx)
		events := chat.Rejoin(room, nil, nil, 1, time.Now())
		if err := s.j.Reopen(ctx, now, room, chat.Restored{Events: events}); err != nil {
			t.Fatal(err)
		}
		if err := s.j.Begin(ctx, now); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		r, err := s.say("a", "b")
		if err != nil || r[0].Seq != chat.VoidSpan || r[1].Seq != chat.VoidSpan+1 {
			t.Errorf("%v, %+v", err, r)
		}
		if got := s.log(); !slices.Equal(got, []string{"a", "b"}) {
			t.Errorf("the log is %q", got)
		}
	})
}

// Whoever puts back too late, or can't, finds his events placed anew: he must not take
// them for put back.
func TestWhatWasNotPutBackIsPlacedAnew(t *testing.T) {
	for _, late := range []bool{false, true} {
		t.Run(fmt.Sprint("late ", late), func(t *testing.T) {
			run(t, func(t *testing.T, s *site) {
				if _, err := s.say("a", "b"); err != nil {
					t.Fatal(err)
				}
				ctx := t.Context()
				was, _ := s.j.Memory(ctx)
				s.mem.Lose(-1)
				now, _ := s.j.Memory(ctx)
				open := func() {
					if err := s.j.Reopen(ctx, now, room, chat.Restored{Events: chat.Rejoin(room, nil, nil, 1, time.Now())}); err != nil {
						t.Fatal(err)
					}
				}
				if late {
					open()
				} else {
					s.broker.back = chat.ErrUnavailable
				}
				if err := s.j.Return(ctx, was, now); !errors.Is(err, s.broker.back) {
					t.Errorf("return: %v, want %v", err, s.broker.back)
				}
				open()
				if err := s.j.Begin(ctx, now); err != nil {
					t.Fatal(err)
				}
				time.Sleep(time.Second)
				r, err := s.say("a", "b")
				if err != nil || r[0].Seq != chat.VoidSpan || r[1].Seq != chat.VoidSpan+1 {
					t.Errorf("%v, %+v", err, r)
				}
				if got := s.log(); !slices.Equal(got, []string{"a", "b"}) {
					t.Errorf("the log is %q", got)
				}
			})
		})
	}
}

// What was put back lies where it lay, though the next loss comes before this node is told
// that the first is over.
func TestWhatWasPutBackIsPutBackAgain(t *testing.T) {
	run(t, func(t *testing.T, s *site) {
		first, err := s.say("a", "b")
		if err != nil {
			t.Fatal(err)
		}
		equal(t, "doubt", s.lose(false), false)
		equal(t, "doubt", s.lose(true), false)
		if r, err := s.say("a", "b"); err != nil || r[0].Seq != first[0].Seq || r[1].Seq != first[1].Seq {
			t.Errorf("after two losses: %v, %+v", err, r)
		}
	})
}

// What was put back need not be asked for again when the node starts anew: it may be older
// than the age at which it would be set aside.
func TestWhatWasPutBackIsKnownToTheNextLife(t *testing.T) {
	run(t, func(t *testing.T, s *site) {
		if _, err := s.say("a"); err != nil {
			t.Fatal(err)
		}
		equal(t, "doubt", s.lose(true), false)
		time.Sleep(13 * time.Hour) // the archive is down
		s.j.Close()
		s.open()
		time.Sleep(time.Minute)
		if h := s.held("a")[0]; h.State != chat.Placed || h.Aside != nil {
			t.Errorf("%+v", h)
		}
	})
}

// A node that begins again after a loss gives a broker nothing before it is known there.
// What was left out of a room that was opened is left out again behind the next loss, until the
// archive shows the room beyond it; and it is never placed as an event is.
func TestWhatIsLeftOutIsKept(t *testing.T) {
	run(t, func(t *testing.T, s *site) {
		s.broker.fail(chat.ErrUnavailable, true)
		if _, err := s.say("a"); err != nil {
			t.Fatal(err)
		}
		equal(t, "doubt", s.lose(true), true)
		s.broker.fail(nil, false)
		time.Sleep(time.Minute)
		s.held("a")
		s.forget("a")
		for range 2 { // also in another life
			s.j.Close()
			s.open()
			equal(t, "doubt, though nothing waits", s.lose(true), true)
		}
		time.Sleep(time.Minute)
		var left []chat.Event
		for _, h := range s.all() {
			equal(t, "state", h.State, chat.Placed)
			left = append(left, h.Event)
		}
		if err := s.j.Forget(t.Context(), left...); err != nil {
			t.Fatal(err)
		}
		equal(t, "doubt, though the archive is beyond", s.lose(true), false)
		equal(t, "held", len(s.all()), 0)
	})
}

// Where it can't be kept, the room stays closed.
func TestARoomStaysClosedWhenWhatIsLeftOutCantBeKept(t *testing.T) {
	run(t, func(t *testing.T, s *site) {
		void := chat.Event{ID: chat.NewID(), Room: room, Seq: 1, At: time.Unix(1, 0), Content: &chat.Void{To: chat.VoidSpan - 1}}
		s.mem.Lose(-1)
		now, err := s.j.Memory(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		j, err := journal.New(t.Context(), full{s.store}, s.broker, nil)
		if err != nil {
			t.Fatal(err)
		}
		defer j.Close()
		err = j.Reopen(t.Context(), now, room, chat.Restored{Events: []chat.Event{void}})
		if !errors.Is(err, chat.ErrUnavailable) || !errors.Is(err, errFull) {
			t.Errorf("reopen: %v", err)
		}
		if left, err := s.j.Remains(t.Context(), room); err != nil || left.Open {
			t.Errorf("%+v, %v", left, err)
		}
		// One that another node opened meanwhile is given up.
		err = s.j.Reopen(t.Context(), "another memory", room, chat.Restored{Events: []chat.Event{void}})
		if !errors.Is(err, chat.ErrConflict) {
			t.Errorf("reopen: %v", err)
		}
		equal(t, "held", len(s.all()), 0)
	})
}

func TestNothingIsPlacedBeforeItBegins(t *testing.T) {
	run(t, func(t *testing.T, s *site) {
		s.broker.fail(chat.ErrUnavailable, false)
		if _, err := s.say("a"); err != nil {
			t.Fatal(err)
		}
		s.j.Close()
		s.broker.fail(nil, false)
		var err error
		if s.j, err = journal.New(t.Context(), s.store, s.broker, &s.opt); err != nil {
			t.Fatal(err)
		}
		if r, err := s.say("b"); err != nil || r[0].State != chat.Pending {
			t.Errorf("%v, %+v", err, r)
		}
		if got := s.log(); len(got) > 0 {
			t.Errorf("the log is %q", got)
		}
		s.begin()
		time.Sleep(time.Second)
		if got := s.log(); !slices.Equal(got, []string{"a", "b"}) {
			t.Errorf("the log is %q", got)
		}
	})
}

// An event whose answer was lost may lie anywhere: its room is in doubt, and it is
// placed once all the same.
func TestAnAnswerThatWasLostIsDoubt(t *testing.T) {
	run(t, func(t *testing.T, s *site) {
		s.broker.fail(chat.ErrUnavailable, true)
		if _, err := s.say("a"); err != nil {
			t.Fatal(err)
		}
		s.j.Close() // what was tried in an earlier life is doubt, too
		s.open()
		equal(t, "doubt", s.lose(true), true)
		s.broker.fail(nil, false)
		time.Sleep(10 * time.Second)
		if r, err := s.say("a"); err != nil || r[0].Seq != chat.VoidSpan {
			t.Errorf("%v, %+v", err, r)
		}
		if got := s.log(); !slices.Equal(got, []string{"a"}) {
			t.Errorf("the log is %q", got)
		}
	})
}

// An answer that comes from before a loss is not believed.
func TestALateAnswerIsNotBelieved(t *testing.T) {
	run(t, func(t *testing.T, s *site) {
		s.broker.late = 2 * time.Second
		if r, err := s.say("a"); err != nil || r[0].State != chat.Pending {
			t.Fatal(r, err)
		}
		if got := s.log(); len(got) != 1 {
			t.Errorf("it wasn't placed before the loss: %q", got)
		}
		equal(t, "doubt", s.lose(true), true)
		time.Sleep(10 * time.Second)
		r, err := s.say("a")
		if err != nil || r[0].Seq < chat.VoidSpan {
			t.Errorf("%v, %+v", err, r)
		}
	})
}
