package journal_test

import (
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/drivers/journal"
	"github.com/parlor-chat/parlor/drivers/memory"
)

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
