package hub_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/drivers"
	"github.com/parlor-chat/parlor/storage"
)

// slowHistory takes its time for each page of a room's end.
type slowHistory struct {
	storage.History
	takes        *atomic.Int64 // nanoseconds
	pages        *atomic.Int64
	asked, peaks *atomic.Int64
}

func (h slowHistory) Page(ctx context.Context, room chat.RoomID, r chat.Range) (storage.Page, error) {
	if takes := h.takes.Load(); takes > 0 && r.Limit() == storage.MaxPage && r.Anchor() != chat.AnchorAfter {
		h.pages.Add(1)
		h.peaks.Store(max(h.peaks.Load(), h.asked.Add(1)))
		defer h.asked.Add(-1)
		select {
		case <-time.After(time.Duration(takes)):
		case <-ctx.Done():
			return storage.Page{}, ctx.Err()
		}
	}
	return h.History.Page(ctx, room, r)
}

// overSlow is a kit over a slow archive.
func overSlow(t *testing.T) (*kit, slowHistory) {
	k := newKit(t, nil)
	ok(t, k.Admin().CatchUp(t.Context()))
	ok(t, k.Shutdown(t.Context()))
	slow := slowHistory{k.store.History(), new(atomic.Int64), new(atomic.Int64), new(atomic.Int64), new(atomic.Int64)}
	k.Hub = k.over(func(s *drivers.Set) { s.History = slow })
	return k, slow
}

// A busy room takes longer to be opened than anybody waits. It is opened once for all who
// ask, and whoever asks again finds it done, with the ids of a day.
func TestABusyRoomIsOpenedThoughNobodyWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k, slow := overSlow(t)
		var events []chat.Event
		for i := range 10 * storage.MaxPage {
			events = append(events, chat.Event{ID: chat.NewID(), Room: k.kitchen, Sender: user("ann"), Content: &chat.Text{Body: fmt.Sprint(i)}})
		}
		var receipts []chat.Receipt
		for i := 0; i < len(events); i += chat.MaxBatch {
			r, err := k.store.Broker().Publish(t.Context(), events[i:i+chat.MaxBatch])
			ok(t, err)
			receipts = append(receipts, r...)
		}
		ok(t, k.Admin().CatchUp(t.Context()))
		slow.takes.Store(int64(time.Second))
		k.store.Lose(-1)
		time.Sleep(15 * time.Second) // its memory is valid
		var clients sync.WaitGroup
		for range 20 {
			clients.Go(func() {
				ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
				defer cancel()
				if _, err := k.in("ann", k.kitchen).Page(ctx, chat.Latest(1)); !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("a page: %v", err)
				}
			})
		}
		clients.Wait()
		time.Sleep(20 * time.Second)
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		p, err := k.in("ann", k.kitchen).Page(ctx, chat.Latest(1))
		ok(t, err)
		same(t, bodies(p), []string{fmt.Sprint(len(events) - 1)})
		if n := slow.pages.Load(); n != 11 { // two events are those of the members
			t.Errorf("%d pages were read", n)
		}
		for _, i := range []int{0, 499, 500, len(events) - chat.HeadSize - 1, len(events) - chat.HeadSize, len(events) - 1} {
			r, err := k.store.Broker().Publish(t.Context(), events[i:i+1])
			ok(t, err)
			if want := receipts[i]; !r[0].Duplicate || r[0].Seq != want.Seq || r[0].TextSeq != want.TextSeq || !r[0].At.Equal(want.At) {
				t.Errorf("event %d was %+v and is %+v", i, want, r[0])
			}
		}
	})
}

// However many rooms are asked for, few are opened at once; and when the hub ends, nobody
// goes on.
func TestFewRoomsAreOpenedAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k, slow := overSlow(t)
		slow.takes.Store(int64(time.Hour)) // it hangs
		k.store.Lose(-1)
		time.Sleep(15 * time.Second)
		var clients sync.WaitGroup
		for i := range 200 {
			clients.Go(func() {
				ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
				defer cancel()
				for ctx.Err() == nil {
					if _, err := k.store.Broker().Recent(ctx, chat.RoomID{Tenant: "acme", Key: fmt.Sprint(i)}, chat.Latest(1).All()); err == nil {
						t.Error("it is open")
					}
				}
			})
		}
		clients.Wait()
		if n := slow.peaks.Load(); n < 2 || n > 32 {
			t.Errorf("%d rooms were opened at once", n)
		}
		start := time.Now()
		ok(t, k.Shutdown(t.Context()))
		if took := time.Since(start); took > time.Second {
			t.Errorf("the shutdown took %v", took)
		}
		_, err := k.store.Broker().Recent(t.Context(), k.kitchen, chat.Latest(1).All())
		fails(t, err, chat.ErrClosed, "")
	})
}
