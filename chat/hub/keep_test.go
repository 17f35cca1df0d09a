package hub_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"github.com/parlor-chat/parlor/chat"
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
		j, err = journal.New(k.t.Context(), new(journal.Memory), s.Broker, &journal.Options{Logger: slog.New(slog.DiscardHandler)})
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
