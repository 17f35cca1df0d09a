package memory_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/chat/chattest"
	"github.com/parlor-chat/parlor/drivers/memory"
)

// brokerSite is one memory; each opening is another handle on it.
func brokerSite(testing.TB) *chattest.Site {
	var skew atomic.Int64
	place := memory.New(&memory.Options{Now: func() time.Time { return time.Now().Add(time.Duration(skew.Load())) }})
	return &chattest.Site{
		Open: func(context.Context) (chat.Broker, func() error, error) {
			s := place.Reopen()
			return s.Broker(), s.Close, nil
		},
		Skew: func(d time.Duration) { skew.Add(int64(d)) },
		Lose: place.Lose,
	}
}

func TestBroker(t *testing.T) { chattest.Broker(t, brokerSite) }

func BenchmarkBroker(b *testing.B) { chattest.BenchmarkBroker(b, brokerSite) }

// A full head refuses, says so, keeps order, and goes on when the archive has
// caught up.
func TestAFullHeadRefuses(t *testing.T) {
	s := memory.New(&memory.Options{HeadBytes: 4 << 10})
	defer s.Close()
	b := s.Broker()
	room := chat.RoomID{Tenant: "acme", Key: "kitchen"}
	var batch []chat.Event
	for range 100 {
		batch = append(batch, chat.Event{ID: chat.NewID(), Room: room, Sender: chat.UserID{Tenant: "acme", Key: "ann"},
			Content: &chat.Text{Body: "hello, everybody"}})
	}
	r, err := b.Publish(t.Context(), batch)
	var failed *chat.BatchError
	if !errors.As(err, &failed) {
		t.Fatal(err)
	}
	placed := 100 - len(failed.Items)
	for i := range batch {
		if full := errors.Is(failed.Items[i], chat.ErrUnavailable); full != (i >= placed) || full == (r[i].Seq > 0) {
			t.Errorf("item %d: %v, receipt %+v", i, failed.Items[i], r[i])
		}
	}
	if want := 4 << 10 / len(chat.AppendEvent(nil, &batch[0])); placed != want {
		t.Errorf("%d events were placed within 4 KiB, want %d", placed, want)
	}
	if err := b.Archived(t.Context(), chat.Position{Room: room, Seq: chat.Seq(placed)}); err != nil {
		t.Fatal(err)
	}
	if r, err = b.Publish(t.Context(), batch[placed:placed+10]); err != nil || r[0].Seq != chat.Seq(placed+1) {
		t.Errorf("after the archive caught up: %v, %+v", err, r[0])
	}
}
