package journal_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"slices"
	"strings"
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

func (s *site) held(want ...string) []chat.Held {
	s.t.Helper()
	held, err := s.j.Held(s.t.Context(), 0, 1000)
	if err != nil {
		s.t.Fatal(err)
	}
	var got []string
	for i := range held {
		got = append(got, held[i].Event.Content.(*chat.Text).Body)
	}
	if !slices.Equal(got, want) {
		s.t.Errorf("the journal holds %q, want %q", got, want)
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

func TestWhatIsKeptIsPlacedWhenTheBrokerIsBack(t *testing.T) {
	run(t, func(t *testing.T, s *site) {
		s.broker.fail(chat.ErrUnavailable, false)
		for _, body := range []string{"a", "b", "c"} {
			start := time.Now()
			r, err := s.say(body)
			if err != nil || r[0].State != chat.Pending || r[0].Seq != 0 || r[0].ID != text(body).ID || r[0].Duplicate {
				t.Errorf("%s: %v, %+v", body, err, r)
			}
			equal(t, "the time that it took", time.Since(start), time.Second)
		}
		s.held("a", "b", "c")
		s.broker.fail(nil, false)
		time.Sleep(10 * time.Second)
		if got := s.log(); !slices.Equal(got, []string{"a", "b", "c"}) {
			t.Errorf("the log is %q", got)
		}
		r, err := s.say("b")
		if err != nil || r[0].Seq != 2 || !r[0].Duplicate || r[0].State != chat.Placed {
			t.Errorf("again: %v, %+v", err, r)
		}
		s.held("a", "b", "c") // the archive doesn't show them
		s.forget("a", "b")
		s.held("c")
	})
}

// A room's order is that in which its events came, whatever fails in between.
func TestOrderHoldsWhateverFails(t *testing.T) {
	run(t, func(t *testing.T, s *site) {
		var want []string
		for i := range 60 {
			switch i % 6 {
			case 1:
				s.broker.fail(chat.ErrUnavailable, false)
			case 3:
				s.broker.fail(chat.ErrUnavailable, true)
			case 5:
				s.broker.fail(nil, false)
			}
			want = append(want, fmt.Sprint(i))
			if _, err := s.say(fmt.Sprint(i)); err != nil {
				t.Fatal(err)
			}
		}
		s.broker.fail(nil, false)
		time.Sleep(10 * time.Second)
		if got := s.log(); !slices.Equal(got, want) {
			t.Errorf("the log is %q", got)
		}
	})
}

// One batch of a room is in flight at a time, so that a slow answer is not overtaken.
func TestOneBatchIsInFlight(t *testing.T) {
	run(t, func(t *testing.T, s *site) {
		s.broker.slow = 3 * time.Second
		for _, body := range []string{"a", "b", "c"} {
			if r, err := s.say(body); err != nil || r[0].State != chat.Pending {
				t.Errorf("%s: %v %v", body, r, err)
			}
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		if got := fmt.Sprint(s.broker.batches); got != "[[a] [b c]]" {
			t.Errorf("the batches were %s", got)
		}
	})
}

func TestAJournalGoesOnWhereItStopped(t *testing.T) {
	run(t, func(t *testing.T, s *site) {
		if _, err := s.say("a"); err != nil {
			t.Fatal(err)
		}
		s.broker.fail(chat.ErrUnavailable, true) // placed, and nobody learns of it
		if _, err := s.say("b"); err != nil {
			t.Fatal(err)
		}
		s.broker.fail(chat.ErrUnavailable, false)
		if _, err := s.say("c"); err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(s.j.Close(), s.j.Close()); err != nil {
			t.Error(err)
		}
		if _, err := s.say("d"); !errors.Is(err, chat.ErrClosed) {
			t.Errorf("closed: %v", err)
		}
		s.broker.fail(nil, false)
		s.open()
		time.Sleep(time.Second)
		if got := s.log(); !slices.Equal(got, []string{"a", "b", "c"}) {
			t.Errorf("the log is %q", got)
		}
		for i, h := range s.held("a", "b", "c") {
			equal(t, "the seq", h.Event.Seq, chat.Seq(i+1))
			equal(t, "the state", h.State, chat.Placed)
		}
	})
}

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

// Of two texts under one id the first gets its result, though the second is on its way.
func TestARetryBehindAnotherTextGetsItsResult(t *testing.T) {
	run(t, func(t *testing.T, s *site) {
		if _, err := s.say("x"); err != nil {
			t.Fatal(err)
		}
		s.forget("x") // only the broker knows it
		s.held()
		s.broker.slow = time.Second / 2
		var running sync.WaitGroup
		running.Go(func() {
			other := text("x")
			other.Content = &chat.Text{Body: "another"}
			if _, err := s.j.Publish(t.Context(), []chat.Event{other}); !errors.Is(err, chat.ErrConflict) {
				t.Errorf("another text: %v", err)
			}
		})
		time.Sleep(time.Second / 4)
		if r, err := s.say("x"); err != nil || r[0].Seq != 1 || !r[0].Duplicate {
			t.Errorf("the first again: %+v, %v", r, err)
		}
		running.Wait()
	})
}

func TestAFullJournalRefusesInOrder(t *testing.T) {
	run(t, func(t *testing.T, s *site) {
		s.j.Close()
		a := text("a")
		s.opt.Bytes = int64(2 * len(chat.AppendEvent(nil, &a)))
		s.open()
		s.broker.fail(chat.ErrUnavailable, false)
		_, err := s.say("a", "b", "c", "d")
		var failed *chat.BatchError
		if !errors.As(err, &failed) || len(failed.Items) != 2 || !errors.Is(failed.Items[2], chat.ErrUnavailable) || !errors.Is(failed.Items[3], chat.ErrUnavailable) {
			t.Errorf("full: %v", err)
		}
		s.held("a", "b")
		s.broker.fail(nil, false)
		time.Sleep(10 * time.Second)
		s.forget("a", "b")
		if r, err := s.say("c", "d"); err != nil || r[1].Seq != 4 {
			t.Errorf("%v, %+v", err, r)
		}
	})
}

// full is a disk that is.
type full struct{ journal.Store }

var errFull = errors.New("no space left on device")

func (full) Keep(context.Context, []journal.Record) error { return errFull }

// filling is a disk that is full from some time on.
type filling struct {
	journal.Store
	full *atomic.Bool
}

func (f filling) Keep(ctx context.Context, r []journal.Record) error {
	if f.full.Load() {
		return errFull
	}
	return f.Store.Keep(ctx, r)
}

func TestWhatCantBeKeptIsRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		mem := memory.New(nil)
		defer mem.Close()
		j, err := journal.New(t.Context(), full{new(journal.Memory)}, mem.Broker(), nil)
		if err != nil {
			t.Fatal(err)
		}
		defer j.Close()
		_, err = j.Publish(t.Context(), []chat.Event{text("a")})
		if !errors.Is(err, chat.ErrUnavailable) {
			t.Errorf("%v, want %v", err, chat.ErrUnavailable)
		}
		head, err := mem.Broker().Recent(t.Context(), room, chat.Latest(1).All())
		if err != nil || len(head.Events) != 0 {
			t.Errorf("what wasn't kept was placed: %+v, %v", head, err)
		}
		if held, err := j.Held(t.Context(), 0, 10); err != nil || len(held) != 0 {
			t.Errorf("the journal holds %v, %v", held, err)
		}
	})
}

// stuck is a disk that takes its time, and then fails.
type stuck struct{ journal.Store }

func (stuck) Keep(context.Context, []journal.Record) error {
	time.Sleep(3 * time.Second)
	return errors.New("I/O error")
}

// Nobody is told that an event is pending before it is on disk: not whoever sends it again,
// either, while the first try is being written.
func TestARetryIsPendingOnlyWhenItIsKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		mem := memory.New(nil)
		defer mem.Close()
		j, err := journal.New(t.Context(), stuck{new(journal.Memory)}, mem.Broker(), nil)
		if err != nil {
			t.Fatal(err)
		}
		defer j.Close()
		var running sync.WaitGroup
		for i := range 4 {
			running.Go(func() {
				time.Sleep(time.Duration(i) * 900 * time.Millisecond) // the last waits until the first has failed
				if r, err := j.Publish(t.Context(), []chat.Event{text("soup")}); !errors.Is(err, chat.ErrUnavailable) {
					t.Errorf("try %d: %+v, %v; want %v", i, r, err, chat.ErrUnavailable)
				}
			})
		}
		running.Wait()
		if held, err := j.Held(t.Context(), 0, 10); err != nil || len(held) != 0 {
			t.Errorf("the journal holds %v, %v", held, err)
		}
	})
}

// What the archive shows takes no more memory, whichever node brought it there.
func TestWhatIsForgottenIsFreed(t *testing.T) {
	mem := memory.New(nil)
	defer mem.Close()
	j, err := journal.New(t.Context(), new(journal.Memory), mem.Broker(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer j.Close()
	if err := begin(t.Context(), j); err != nil {
		t.Fatal(err)
	}
	heap := func() int64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return int64(m.HeapAlloc)
	}
	round := func() {
		events := make([]chat.Event, 200)
		for i := range events {
			events[i] = text("")
			events[i].ID, events[i].Content = chat.NewID(), &chat.Text{Body: strings.Repeat("x", 20_000)}
		}
		r, err := j.Publish(t.Context(), events)
		if err != nil {
			t.Fatal(err)
		}
		if err := mem.Broker().Archived(t.Context(), chat.Position{Room: room, Seq: r[len(r)-1].Seq}); err != nil {
			t.Fatal(err) // by another node
		}
		if err := j.Forget(t.Context(), events...); err != nil {
			t.Fatal(err)
		}
	}
	round()
	before := heap()
	for range 10 {
		round()
	}
	if grown := heap() - before; grown > 10<<20 { // 40 MB went through
		t.Errorf("it grew by %d MB", grown>>20)
	}
}

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

func TestRefusals(t *testing.T) {
	run(t, func(t *testing.T, s *site) {
		ctx := t.Context()
		if _, err := s.j.Held(ctx, 0, 0); !errors.Is(err, chat.ErrInvalid) {
			t.Errorf("held: %v", err)
		}
		if _, err := s.j.Held(ctx, 0, chat.MaxBatch+1); !errors.Is(err, chat.ErrTooLarge) {
			t.Errorf("held: %v", err)
		}
		if _, err := s.j.Kept(ctx, text("a").ID); !errors.Is(err, chat.ErrNotFound) {
			t.Errorf("kept: %v", err)
		}
		for field, o := range map[string]journal.Options{"wait": {Wait: -1}, "maxAge": {MaxAge: 13 * time.Hour}, "bytes": {Bytes: -1}} {
			_, err := journal.New(ctx, s.store, s.broker, &o)
			var e *chat.Error
			if !errors.As(err, &e) || e.Field != field {
				t.Errorf("%s: %v", field, err)
			}
		}
	})
}

// Of an id that is kept twice the last counts: the first was refused, though the disk had it.
func TestTheLastThatIsKeptCounts(t *testing.T) {
	m := new(journal.Memory)
	first, last := text("x"), text("x")
	last.Content = &chat.Text{Body: "another"}
	for _, e := range []chat.Event{first, text("y"), last} {
		if err := m.Keep(t.Context(), []journal.Record{{Event: e, Since: time.Now()}}); err != nil {
			t.Fatal(err)
		}
	}
	var got []string
	for r, err := range m.Load(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, r.Event.Content.(*chat.Text).Body)
	}
	if !slices.Equal(got, []string{"y", "another"}) {
		t.Errorf("the store has %q", got)
	}
}

// fullStore keeps nothing new while it is full.
type fullStore struct {
	journal.Memory
	full atomic.Bool
}

func (s *fullStore) Keep(ctx context.Context, records []journal.Record) error {
	if s.full.Load() {
		return errors.New("the disk is full")
	}
	return s.Memory.Keep(ctx, records)
}

// conflicting is a broker that is away, and then says that each id is another event's.
type conflicting struct {
	chat.Broker
	back atomic.Bool
}

func (b *conflicting) Publish(ctx context.Context, events []chat.Event) ([]chat.Receipt, error) {
	if !b.back.Load() {
		return nil, errors.New("away")
	}
	var failed *chat.BatchError
	for i := range events {
		failed = failed.Fail(i, &chat.Error{Kind: chat.ErrConflict, Field: "id"})
	}
	return make([]chat.Receipt, len(events)), failed.AsError()
}

// What was acknowledged, and is another's by its id, stays on a disk that has no room for it
// under a new one.
func TestOnAFullDiskNothingIsLostForItsId(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store, broker := &fullStore{}, &conflicting{Broker: memory.New(nil).Broker()}
		j, err := journal.New(t.Context(), store, broker, &journal.Options{Logger: slog.New(slog.DiscardHandler)})
		if err != nil {
			t.Fatal(err)
		}
		e := chat.Event{ID: chat.NewID(), Room: room, Content: &chat.Text{Body: "kept"}}
		if r, err := j.Publish(t.Context(), []chat.Event{e}); err != nil || r[0].State != chat.Pending {
			t.Fatal(r, err)
		}
		store.full.Store(true)
		broker.back.Store(true)
		time.Sleep(time.Minute)
		if held, err := j.Held(t.Context(), 0, 10); err != nil || len(held) != 1 || held[0].Aside == nil {
			t.Errorf("held %+v, %v", held, err)
		}
		j.Close()
		n := 0
		for r, err := range store.Load(t.Context()) {
			if err != nil || r.Event.Content.(*chat.Text).Body != "kept" {
				t.Errorf("on disk %+v, %v", r, err)
			}
			n++
		}
		if n != 1 {
			t.Errorf("%d events are on disk", n)
		}
	})
}
