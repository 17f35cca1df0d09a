package hub_test

import (
	"context"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/chat/hub"
	"github.com/parlor-chat/parlor/drivers/journal"
	"github.com/parlor-chat/parlor/drivers/memory"
	"github.com/parlor-chat/parlor/storage"
)

// BenchmarkOpening is one op per room of 100,000 events of one day that is opened after the
// broker lost its memory. x-read compares it with reading the same pages of the archive.
func BenchmarkOpening(b *testing.B) {
	const n = 100_000
	store := memory.New(nil)
	set := store.Set()
	quiet := slog.New(slog.DiscardHandler)
	j, err := journal.New(b.Context(), new(journal.Memory), set.Broker, &journal.Options{Logger: quiet})
	ok(b, err)
	defer j.Close()
	set.Broker = j
	h, err := hub.New(b.Context(), set, &hub.Options{Logger: quiet})
	ok(b, err)
	defer h.Shutdown(context.Background())
	ann := h.As(user("ann"))
	room, err := ann.Create(b.Context(), storage.Room{Kind: storage.Public, Title: "Busy"})
	ok(b, err)
	for range n / chat.MaxBatch {
		events := make([]chat.Event, chat.MaxBatch)
		for i := range events {
			events[i] = chat.Event{ID: chat.NewID(), Room: room.ID(), Sender: user("ann"), Content: &chat.Text{Body: fmt.Sprint("text number ", i)}}
		}
		_, err := store.Broker().Publish(b.Context(), events) // as if by another node
		ok(b, err)
	}
	ok(b, h.Admin().CatchUp(b.Context()))
	var opening, reading time.Duration
	for b.Loop() {
		store.Lose(-1)
		for { // until the new memory is valid
			_, err := set.Broker.Recent(b.Context(), chat.RoomID{Tenant: "acme", Key: "another"}, chat.Latest(1).All())
			if err == nil {
				break
			}
			time.Sleep(time.Millisecond)
		}
		start := time.Now()
		_, err := room.Page(b.Context(), chat.Latest(1))
		ok(b, err)
		opening += time.Since(start)
		start = time.Now()
		for r := chat.Latest(storage.MaxPage).All(); ; {
			p, err := store.History().Page(b.Context(), room.ID(), r)
			ok(b, err)
			if !p.Older {
				break
			}
			r = chat.Before(p.Events[0].Seq, storage.MaxPage).All()
		}
		reading += time.Since(start)
	}
	b.ReportMetric(float64(opening.Milliseconds())/float64(b.N), "ms/opening")
	b.ReportMetric(float64(opening)/float64(reading), "x-read")
}
