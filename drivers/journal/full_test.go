package journal_test

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/drivers/journal"
	"github.com/parlor-chat/parlor/drivers/memory"
)

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
