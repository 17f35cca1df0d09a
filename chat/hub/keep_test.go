package hub_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/chat/hub"
	"github.com/parlor-chat/parlor/drivers"
	"github.com/parlor-chat/parlor/drivers/journal"
	"github.com/parlor-chat/parlor/storage"
)

// journaled is a hub with a journal over the kit's stores, and its journal.
func (k *kit) journaled(wrap func(*drivers.Set)) *journal.Journal {
	k.t.Helper()
	var j *journal.Journal
	k.Hub = k.over(func(s *drivers.Set) {
		wrap(s)
		var err error
		j, err = journal.New(k.t.Context(), new(journal.Memory), s.Broker, &journal.Options{MaxAge: time.Hour, Logger: slog.New(slog.DiscardHandler)})
		ok(k.t, err)
		s.Broker = j
		k.t.Cleanup(func() { j.Close() })
	})
	return j
}

// halfHistory doesn't take one room's events.
type halfHistory struct {
	storage.History
	room chat.RoomID
}

func (h halfHistory) Append(ctx context.Context, events []chat.Event) error {
	if events[0].Room == h.room {
		return chat.ErrUnavailable
	}
	return h.History.Append(ctx, events)
}

// A room that can't be archived, and fills the front of the journal, doesn't keep the others
// from being forgotten.
func TestARoomThatIsNotArchivedHoldsNoOtherUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := newKit(t, nil)
		ok(t, k.Admin().CatchUp(t.Context()))
		ok(t, k.Shutdown(t.Context()))
		stuck := chat.RoomID{Tenant: "acme", Key: "stuck"}
		j := k.journaled(func(s *drivers.Set) { s.History = halfHistory{s.History, stuck} })
		var events []chat.Event
		for i := range chat.MaxBatch {
			events = append(events, chat.Event{ID: chat.NewID(), Room: stuck, Sender: user("ann"), Content: &chat.Text{Body: fmt.Sprint(i)}})
		}
		_, err := j.Publish(t.Context(), events)
		ok(t, err)
		for range 3 {
			k.say("ann", "soup")
			time.Sleep(5 * time.Second)
		}
		held, err := j.Held(t.Context(), 0, chat.MaxBatch)
		ok(t, err)
		for i := range held {
			if held[i].Event.Room != stuck {
				t.Errorf("the journal holds %v", held[i])
			}
		}
		if held, err = j.Held(t.Context(), chat.MaxBatch, 10); err != nil || len(held) > 0 {
			t.Errorf("the journal holds %v, %v", held, err)
		}
	})
}

func TestThereIsNoDoubtWhereNothingIsForgotten(t *testing.T) {
	k := newKitWithout(t, nil)
	h := k.over(func(s *drivers.Set) { s.Broker = struct{ chat.Broker }{s.Broker} })
	fails(t, h.Admin().EndDoubt(t.Context()), errors.ErrUnsupported, "memory")
	ok(t, h.Shutdown(t.Context()))
	fails(t, h.Admin().EndDoubt(t.Context()), chat.ErrClosed, "")
}

// told are the events of which a session was told that they were set aside.
func told(t *testing.T, s *hub.Session) (ids []string) {
	t.Helper()
	buf := make([]*hub.Delivery, 16)
	for {
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		n, err := s.Next(ctx, buf)
		cancel()
		if errors.Is(err, context.DeadlineExceeded) {
			slices.Sort(ids)
			return ids
		}
		ok(t, err)
		for _, d := range buf[:n] {
			if d.Signal != nil && d.Signal.Name == chat.SignalSetAside {
				ids = append(ids, string(d.Signal.Data))
			}
		}
	}
}

// fussyHistory refuses some texts for good, until it is tamed, and says nothing of what lies
// behind one.
type fussyHistory struct {
	storage.History
	tamed *atomic.Bool
}

func (h fussyHistory) Append(ctx context.Context, events []chat.Event) error {
	isPoison := func(e chat.Event) bool {
		x, isText := e.Content.(*chat.Text)
		return isText && x.Body == "poison" && !h.tamed.Load()
	}
	n := slices.IndexFunc(events, isPoison)
	if n < 0 {
		return h.History.Append(ctx, events)
	}
	if err := h.History.Append(ctx, events[:n]); err != nil {
		return err
	}
	var failed *chat.BatchError
	for i := range events[n:] {
		failed = failed.Fail(n+i, &chat.Error{Kind: chat.ErrIncomplete, Op: "append", Field: "seq"})
	}
	return failed.Fail(n, &chat.Error{Kind: chat.ErrTooLarge, Op: "append", Field: "body"})
}

// What the archive refuses is lost nowhere: the journal holds it with all that it says, until
// an operator decides; its sender is told; and the room goes on.
func TestAJournalHoldsWhatTheArchiveRefuses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := newKit(t, nil)
		ok(t, k.Admin().CatchUp(t.Context()))
		ok(t, k.Shutdown(t.Context()))
		var tamed atomic.Bool
		j := k.journaled(func(s *drivers.Set) { s.History = fussyHistory{s.History, &tamed} })
		ann, bob := k.connect(k.Hub, "ann", 0), k.connect(k.Hub, "bob", 0)
		var events []chat.Event
		for _, body := range []string{"before", "poison", "poison", "poison", "behind"} {
			events = append(events, chat.Event{ID: chat.NewID(), Room: k.kitchen, Sender: user("ann"), Content: &chat.Text{Body: body}})
		}
		receipts, err := j.Publish(t.Context(), events)
		ok(t, err)
		poison := receipts[1:4]
		time.Sleep(10 * time.Second)
		look := func(want int) []chat.Held {
			t.Helper()
			held, err := k.Admin().Held(t.Context(), 0, 10)
			ok(t, err)
			if len(held) != want {
				t.Fatalf("the journal holds %v", held)
			}
			return held
		}
		for i, h := range look(3) {
			if x, isText := h.Event.Content.(*chat.Text); !isText || x.Body != "poison" || h.Aside == nil || h.Event.Seq != poison[i].Seq {
				t.Errorf("it holds %+v", h)
			}
		}
		page, err := k.store.History().Page(t.Context(), k.kitchen, chat.Latest(4).All())
		ok(t, err)
		for i, e := range page.Events {
			if x, gone := e.Content.(*chat.Tombstone); gone != (i < 3) || gone && (x.Why != chat.Refused || e.ID != poison[i].ID) {
				t.Errorf("the archive shows %+v", e)
			}
		}
		var ids []string
		for _, r := range poison {
			ids = append(ids, r.ID.String())
		}
		slices.Sort(ids)
		same(t, told(t, ann), ids)
		same(t, told(t, bob), nil)
		// One is erased, one is dropped, and one is placed when the archive takes it.
		_, err = k.Admin().Erase(t.Context(), k.kitchen, poison[0].ID, "it was a secret")
		ok(t, err)
		time.Sleep(5 * time.Second)
		look(2)
		ok(t, k.Admin().Decide(t.Context(), poison[1].ID, false))
		tamed.Store(true)
		ok(t, k.Admin().Decide(t.Context(), poison[2].ID, true))
		time.Sleep(5 * time.Second)
		look(0)
		page, err = k.store.History().Page(t.Context(), k.kitchen, chat.Latest(1).All())
		ok(t, err)
		if x, isText := page.Events[0].Content.(*chat.Text); !isText || x.Body != "poison" || page.Events[0].Sender != user("ann") {
			t.Errorf("the archive ends with %+v", page.Events[0])
		}
	})
}

// Where there is no journal, the sender is told at least.
func TestTheSenderIsToldThatTheArchiveRefuses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := newKit(t, nil)
		ok(t, k.Admin().CatchUp(t.Context()))
		ok(t, k.Shutdown(t.Context()))
		k.Hub = k.over(func(s *drivers.Set) { s.History = pickyHistory{s.History} })
		ann, bob := k.connect(k.Hub, "ann", 0), k.connect(k.Hub, "bob", 0)
		r := k.say("ann", "poison")
		time.Sleep(10 * time.Second)
		same(t, told(t, ann), []string{r.ID.String()})
		same(t, told(t, bob), nil)
	})
}

// heldUp is a broker and a fence that do nothing for personal logs while they are held up.
type heldUp struct {
	chat.Broker
	storage.Fence
	now *atomic.Bool
}

func (h heldUp) Publish(ctx context.Context, events []chat.Event) ([]chat.Receipt, error) {
	if h.now.Load() && events[0].Kind() == chat.KindReference {
		return nil, chat.ErrUnavailable
	}
	return h.Broker.Publish(ctx, events)
}

func (h heldUp) Swap(ctx context.Context, name, from, to string) error {
	if h.now.Load() && strings.HasPrefix(name, "at.") {
		return chat.ErrUnavailable
	}
	return h.Fence.Swap(ctx, name, from, to)
}

// A reference that is set aside before its follower could write down that it is done is an
// operator's, and holds the follower up no longer.
func TestAReferenceThatIsSetAsideHoldsNobodyUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := newKit(t, nil)
		ok(t, k.Admin().CatchUp(t.Context()))
		ok(t, k.Shutdown(t.Context()))
		var now atomic.Bool
		k.journaled(func(s *drivers.Set) {
			h := heldUp{s.Broker, s.Fence, &now}
			s.Broker, s.Fence = h, h
		})
		mention := func() {
			t.Helper()
			_, err := k.in("ann", k.kitchen).Send(t.Context(), chat.Text{Body: "bob!", Mentions: []chat.UserID{user("bob")}})
			ok(t, err)
		}
		inbox := func() int {
			p, err := k.as("bob").Inbox(t.Context(), chat.Latest(10).All())
			ok(t, err)
			return len(p.Events)
		}
		was := inbox()
		now.Store(true)
		mention()
		time.Sleep(time.Hour + 2*time.Minute)
		now.Store(false)
		mention()
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		ok(t, k.Admin().CatchUp(ctx))
		time.Sleep(5 * time.Second)
		if n := inbox() - was; n != 1 {
			t.Errorf("bob's log has %d new references", n)
		}
		held, err := k.Admin().Held(t.Context(), 0, 10)
		ok(t, err)
		if len(held) != 1 || held[0].Event.Kind() != chat.KindReference || !errors.Is(held[0].Aside, chat.ErrExpired) {
			t.Errorf("the journal holds %v", held)
		}
	})
}

// lateAnswer places at once, and says so later.
type lateAnswer struct{ chat.Broker }

func (b lateAnswer) Publish(ctx context.Context, events []chat.Event) ([]chat.Receipt, error) {
	receipts, err := b.Broker.Publish(ctx, events)
	time.Sleep(time.Second)
	return receipts, err
}

// What somebody has heard he can answer, though the node that placed it doesn't know yet that
// it is placed.
func TestWhatIsHeardCanBeAnswered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := newKit(t, nil)
		ok(t, k.Admin().CatchUp(t.Context()))
		ok(t, k.Shutdown(t.Context()))
		k.journaled(func(s *drivers.Set) { s.Broker = lateAnswer{s.Broker} })
		s, err := k.as("bob").Connect(t.Context(), hub.Device{})
		ok(t, err)
		defer s.Close()
		sent := make(chan error)
		go func() {
			_, err := k.in("ann", k.kitchen).Send(t.Context(), chat.Text{Body: "soup?"})
			sent <- err
		}()
		synctest.Wait()
		heard := make([]*hub.Delivery, 10)
		n, err := s.Next(t.Context(), heard)
		ok(t, err)
		id := heard[n-1].Event.ID
		_, err = k.in("bob", k.kitchen).React(t.Context(), id, []string{"🍜"})
		ok(t, err)
		_, err = k.in("bob", k.kitchen).Send(t.Context(), chat.Text{Body: "yes", ReplyTo: id})
		ok(t, err)
		ok(t, <-sent)
	})
}
