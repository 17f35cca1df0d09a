package journal_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/drivers/journal"
)

// dead is the disk of another node, whose journal was over the same broker.
type dead struct {
	*journal.Memory
	t    *testing.T
	fail error // what Drop returns, having dropped nothing
}

func (d *dead) Drop(ctx context.Context, ids []chat.EventID) error {
	if d.fail != nil {
		return d.fail
	}
	return d.Memory.Drop(ctx, ids)
}

// die lets another node do something, and die.
func (s *site) die(do func(other *site)) *dead {
	s.t.Helper()
	d := &dead{Memory: new(journal.Memory), t: s.t}
	b := s.mem.Broker()
	o := &site{t: s.t, mem: s.mem, store: d.Memory, opt: s.opt, broker: &flaky{Broker: b, Forgetful: b.(chat.Forgetful)}}
	o.open()
	do(o)
	o.j.Close()
	return d
}

// left compares what is on a dead node's disk.
func (d *dead) left(want ...string) {
	d.t.Helper()
	var got []string
	for r, err := range d.Load(d.t.Context()) {
		if err != nil {
			d.t.Fatal(err)
		}
		got = append(got, r.Event.Content.(*chat.Text).Body)
	}
	if !slices.Equal(got, want) {
		d.t.Errorf("the dead node's disk has %q, want %q", got, want)
	}
}

func (s *site) adopt(d *dead, want chat.Adopted) {
	s.t.Helper()
	got, err := s.j.Adopt(s.t.Context(), d)
	if err != nil {
		s.t.Fatal(err)
	}
	equal(s.t, "what was adopted", got, want)
}

func (s *site) reads(want ...string) {
	s.t.Helper()
	if got := s.log(); !slices.Equal(got, want) {
		s.t.Errorf("the log is %q, want %q", got, want)
	}
}

// down says something while the broker is down.
func (s *site) down(bodies ...string) {
	s.t.Helper()
	s.broker.fail(chat.ErrUnavailable, false)
	for _, b := range bodies {
		if r, err := s.say(b); err != nil || r[0].State != chat.Pending {
			s.t.Fatal(b, r, err)
		}
	}
	s.broker.fail(nil, false)
}

// What a dead node kept is placed by the one that adopts it, under the same ids, once, in its
// order; the dead node's disk is empty, and when it comes back nothing is doubled.
func TestADeadNodesJournalIsAdopted(t *testing.T) {
	run(t, func(t *testing.T, s *site) {
		d := s.die(func(o *site) {
			if r, err := o.say("a"); err != nil || r[0].Seq != 1 {
				t.Fatal(r, err)
			}
			o.broker.fail(chat.ErrUnavailable, true) // placed, and nobody learns of it
			if _, err := o.say("b"); err != nil {
				t.Fatal(err)
			}
			o.down("c", "d", "e")
		})
		d.left("a", "b", "c", "d", "e")
		if _, err := s.say("mine"); err != nil {
			t.Fatal(err)
		}
		s.adopt(d, chat.Adopted{Taken: 5})
		d.left()
		time.Sleep(10 * time.Second)
		s.reads("a", "b", "mine", "c", "d", "e")
		for i, h := range s.held("mine", "a", "b", "c", "d", "e") {
			if h.State != chat.Placed || h.Event.Seq != chat.Seq([]int{3, 1, 2, 4, 5, 6}[i]) || h.Event.ID != text(h.Event.Content.(*chat.Text).Body).ID {
				t.Errorf("it holds %+v", h)
			}
		}
		s.adopt(d, chat.Adopted{})
		for _, body := range []string{"a", "c"} { // a retry, at this node
			if r, err := s.say(body); err != nil || !r[0].Duplicate || r[0].State != chat.Placed {
				t.Errorf("%s again: %+v, %v", body, r, err)
			}
		}
		s.j.Close()
		s.open() // it survives this node, too
		s.forget("a", "b", "c", "d")
		s.held("mine", "e")
		back := &site{t: t, mem: s.mem, store: d.Memory, opt: s.opt, broker: s.broker}
		back.open()
		back.held()
		if r, err := back.say("e"); err != nil || !r[0].Duplicate || r[0].Seq != 6 { // a retry, at the node that was dead
			t.Errorf("again: %+v, %v", r, err)
		}
		back.j.Close()
		s.reads("a", "b", "mine", "c", "d", "e")
	})
}

// Whatever fails while a journal is adopted: what isn't on this node's disk stays where it is,
// and doing it again doubles nothing, though this node died meanwhile.
func TestAnAdoptionThatFails(t *testing.T) {
	run(t, func(t *testing.T, s *site) {
		d := s.die(func(o *site) { o.down("a", "b") })
		s.full.Store(true)
		if got, err := s.j.Adopt(t.Context(), d); !errors.Is(err, chat.ErrUnavailable) || got != (chat.Adopted{}) {
			t.Errorf("to a full disk: %+v, %v", got, err)
		}
		d.left("a", "b")
		s.held()
		s.full.Store(false)
		d.fail = errFull
		for i, want := range []chat.Adopted{{Taken: 2}, {Known: 2}} {
			if got, err := s.j.Adopt(t.Context(), d); !errors.Is(err, errFull) || got != want {
				t.Errorf("from a disk that fails: %+v, %v, want %+v", got, err, want)
			}
			d.left("a", "b")
			if s.held("a", "b"); i == 0 {
				s.j.Close()
				s.open()
			}
		}
		time.Sleep(10 * time.Second)
		s.reads("a", "b")
		d.fail = nil
		s.adopt(d, chat.Adopted{Known: 2})
		d.left()
	})
}

// What was adopted, archived and forgotten, and lies on the dead node's disk all the same, is
// found out by its id.
func TestWhatIsAdoptedTwice(t *testing.T) {
	run(t, func(t *testing.T, s *site) {
		d := s.die(func(o *site) { o.down("a", "b") })
		d.fail = errFull
		if _, err := s.j.Adopt(t.Context(), d); !errors.Is(err, errFull) {
			t.Fatal(err)
		}
		time.Sleep(10 * time.Second)
		s.forget("a", "b")
		d.fail = nil
		s.adopt(d, chat.Adopted{Taken: 2})
		time.Sleep(10 * time.Second)
		s.reads("a", "b")
		for i, h := range s.held("a", "b") {
			if h.State != chat.Placed || h.Event.Seq != chat.Seq(i+1) {
				t.Errorf("it holds %+v", h)
			}
		}
	})
}

// At the quota the rest is left where it is, and adopted when there is room.
func TestAnAdoptionOverTheQuota(t *testing.T) {
	run(t, func(t *testing.T, s *site) {
		d := s.die(func(o *site) { o.down("a", "b", "c", "d") })
		s.j.Close()
		a := text("a")
		s.opt.Bytes = int64(2 * len(chat.AppendEvent(nil, &a)))
		s.open()
		got, err := s.j.Adopt(t.Context(), d)
		var e *chat.Error
		if !errors.As(err, &e) || e.Kind != chat.ErrUnavailable || e.Field != "journal" || e.Limit != s.opt.Bytes || got.Taken != 2 {
			t.Errorf("%+v, %v", got, err)
		}
		d.left("c", "d")
		s.held("a", "b")
		time.Sleep(10 * time.Second)
		s.forget("a", "b")
		s.adopt(d, chat.Adopted{Taken: 2})
		time.Sleep(10 * time.Second)
		s.reads("a", "b", "c", "d")
	})
}

// What is set aside stays so; what is older than 12 hours is set aside, and its sender told.
func TestWhatIsTooOldIsAdoptedAside(t *testing.T) {
	run(t, func(t *testing.T, s *site) {
		d := s.die(func(o *site) {
			o.down("old")
			time.Sleep(12*time.Hour + 2*time.Minute)
		})
		d2 := s.die(func(o *site) {
			o.broker.fail(chat.ErrUnavailable, false)
			if _, err := o.say("aside"); err != nil {
				t.Fatal(err)
			}
			time.Sleep(12*time.Hour + 2*time.Minute)
			if h := o.held("aside")[0]; !errors.Is(h.Aside, chat.ErrExpired) {
				t.Errorf("%+v", h)
			}
		})
		s.reads("old") // it was placed before its node died
		s.adopt(d, chat.Adopted{Taken: 1})
		d3 := s.die(func(o *site) {
			o.broker.fail(chat.ErrUnavailable, false)
			if _, err := o.say("pending"); err != nil {
				t.Fatal(err)
			}
		})
		time.Sleep(13 * time.Hour)
		s.adopt(d2, chat.Adopted{Taken: 1})
		s.adopt(d3, chat.Adopted{Taken: 1})
		time.Sleep(time.Minute)
		synctest.Wait()
		for i, h := range s.held("old", "aside", "pending") {
			if errors.Is(h.Aside, chat.ErrExpired) != (i > 0) {
				t.Errorf("%+v", h)
			}
		}
		if len(s.broker.signals) != 1 || string(s.broker.signals[0].Data) != text("pending").ID.String() {
			t.Errorf("the senders were told %+v", s.broker.signals)
		}
		s.reads("old")
		if err := s.j.Decide(t.Context(), text("aside").ID, true); err != nil {
			t.Error(err)
		}
		time.Sleep(time.Second)
		s.reads("old", "aside")
	})
}

// The sender came to this node with the event that the dead one kept: it is one event. With
// another text under its id he gets what is known: while nobody knows which was first, the
// dead node's is left; then it is set aside.
func TestASenderThatCameOver(t *testing.T) {
	run(t, func(t *testing.T, s *site) {
		d := s.die(func(o *site) {
			o.broker.fail(chat.ErrUnavailable, false)
			for _, body := range []string{"same", "x"} {
				if _, err := o.say(body); err != nil {
					t.Fatal(err)
				}
			}
		})
		s.broker.fail(chat.ErrUnavailable, false)
		other := text("x")
		other.Content = &chat.Text{Body: "other"}
		for _, e := range []chat.Event{text("same"), other} {
			if r, err := s.j.Publish(t.Context(), []chat.Event{e}); err != nil || r[0].State != chat.Pending {
				t.Fatal(r, err)
			}
		}
		start := time.Now()
		s.adopt(d, chat.Adopted{Known: 1, Left: 1})
		equal(t, "the time that it took", time.Since(start), time.Second)
		d.left("x")
		s.broker.fail(nil, false)
		time.Sleep(10 * time.Second)
		s.adopt(d, chat.Adopted{Taken: 1})
		d.left()
		time.Sleep(10 * time.Second)
		s.reads("same", "other")
		h := s.held("same", "other", "x")[2]
		if !errors.Is(h.Aside, chat.ErrConflict) || h.Event.ID == other.ID || h.State != chat.Pending {
			t.Errorf("it holds %+v", h)
		}
		synctest.Wait()
		if n := len(s.broker.signals); n != 1 {
			t.Errorf("the sender was told %d times", n)
		}
		s.j.Close()
		s.open()
		if again := s.held("same", "other", "x")[2]; again.Event.ID != h.Event.ID || !errors.Is(again.Aside, chat.ErrConflict) {
			t.Errorf("in its next life it holds %+v", again)
		}
	})
}

// What the dead node had placed is put back by the one that adopted it where it lay.
func TestWhatWasAdoptedIsPutBack(t *testing.T) {
	run(t, func(t *testing.T, s *site) {
		if _, err := s.say("first"); err != nil {
			t.Fatal(err)
		}
		d := s.die(func(o *site) {
			if _, err := o.say("a", "b"); err != nil {
				t.Fatal(err)
			}
		})
		s.adopt(d, chat.Adopted{Taken: 2})
		equal(t, "doubt", s.lose(true), false)
		s.reads("first", "a", "b")
		if r, err := s.say("a", "b"); err != nil || r[0].Seq != 2 || r[1].Seq != 3 {
			t.Errorf("%+v, %v", r, err)
		}
	})
}

// While what was placed is put back, nothing changes hands: this node has said already what it
// holds, and the dead one may come back and say that it holds nothing.
func TestNothingIsAdoptedWhileItIsPutBack(t *testing.T) {
	run(t, func(t *testing.T, s *site) {
		d := s.die(func(o *site) {
			if _, err := o.say("a"); err != nil {
				t.Fatal(err)
			}
		})
		s.lose(false) // put back, and not begun
		_, err := s.j.Adopt(t.Context(), d)
		var e *chat.Error
		if !errors.As(err, &e) || e.Kind != chat.ErrUnavailable || e.Field != "memory" {
			t.Errorf("adopted: %v", err)
		}
		d.left("a")
		s.begin()
		s.adopt(d, chat.Adopted{Taken: 1})
		time.Sleep(10 * time.Second)
		s.reads("a")
	})
}

// What the dead node had placed before a loss that it slept through is placed anew, once.
func TestWhatSleptThroughALossIsAdopted(t *testing.T) {
	run(t, func(t *testing.T, s *site) {
		d := s.die(func(o *site) {
			if _, err := o.say("a", "b"); err != nil {
				t.Fatal(err)
			}
		})
		if _, err := s.say("c"); err != nil {
			t.Fatal(err)
		}
		s.lose(true)
		s.adopt(d, chat.Adopted{Taken: 2})
		time.Sleep(10 * time.Second)
		if got := s.log(); len(got) != 3 || !slices.Contains(got, "a") || !slices.Contains(got, "b") || !slices.Contains(got, "c") {
			t.Errorf("the log is %q", got)
		}
		for _, h := range s.held("c", "a", "b") {
			if h.State != chat.Placed {
				t.Errorf("it holds %+v", h)
			}
		}
	})
}

// The dead node had placed what is pending here: after a loss it may lie anywhere.
func TestWhatADeadNodePlacedIsDoubt(t *testing.T) {
	for _, adopted := range []bool{false, true} {
		t.Run(fmt.Sprint("adopted ", adopted), func(t *testing.T) {
			run(t, func(t *testing.T, s *site) {
				d := s.die(func(o *site) {
					if _, err := o.say("a"); err != nil {
						t.Fatal(err)
					}
				})
				s.broker.back = nil
				s.j.Close()
				var err error
				if s.j, err = journal.New(t.Context(), s.store, s.broker, &s.opt); err != nil { // and before it begins nothing is tried
					t.Fatal(err)
				}
				if r, err := s.say("a"); err != nil || r[0].State != chat.Pending {
					t.Fatal(r, err)
				}
				if adopted {
					s.adopt(d, chat.Adopted{Known: 1})
				}
				equal(t, "doubt", s.lose(true), adopted)
				time.Sleep(10 * time.Second)
				s.reads("a")
			})
		})
	}
}

func TestAdoptionsThatAreRefused(t *testing.T) {
	run(t, func(t *testing.T, s *site) {
		if _, err := s.say("a"); err != nil {
			t.Fatal(err)
		}
		_, err := s.j.Adopt(t.Context(), s.store)
		var e *chat.Error
		if !errors.As(err, &e) || e.Kind != chat.ErrInvalid || e.Field != "store" {
			t.Errorf("its own store: %v", err)
		}
		s.held("a")
		d := s.die(func(o *site) { o.down("b") })
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := s.j.Adopt(ctx, d); !errors.Is(err, context.Canceled) {
			t.Errorf("cancelled: %v", err)
		}
		s.j.Close()
		if _, err := s.j.Adopt(t.Context(), d); !errors.Is(err, chat.ErrClosed) {
			t.Errorf("closed: %v", err)
		}
		if _, err := s.j.AdoptAt(t.Context(), "d"); !errors.Is(err, chat.ErrClosed) {
			t.Errorf("closed, by name: %v", err)
		}
		d.left("b")
	})
}
