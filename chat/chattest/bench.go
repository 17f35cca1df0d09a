package chattest

import (
	"context"
	"testing"
	"time"

	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/internal/suite"
)

// BenchmarkBroker measures a broker, and prints beside each figure that of
// something bare in the same run, and the ratio.
func BenchmarkBroker(b *testing.B, at func(testing.TB) *Site) {
	b.Run("publish", func(b *testing.B) { benchmark(b, at, publishBatch) })
	b.Run("recent75", func(b *testing.B) { benchmark(b, at, recent75) })
	b.Run("deliver", func(b *testing.B) { benchmark(b, at, deliver) })
}

func benchmark(b *testing.B, at func(testing.TB) *Site, run func(*testing.B, chat.Broker)) {
	broker, closeIt, err := at(b).Open(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	defer closeIt()
	b.ReportAllocs()
	run(b, broker)
}

// publishBatch is one op per event, in batches of 500 over 100 rooms, beside the
// append of as many events to a slice.
func publishBatch(b *testing.B, broker chat.Broker) {
	const size = 500
	var spent, bare time.Duration
	for left := b.N; left > 0; left -= size {
		batch := make([]chat.Event, min(left, size))
		upTo := map[chat.RoomID]chat.Seq{}
		for i := range batch {
			batch[i] = text(chat.RoomID{Tenant: "acme", Key: string(rune('a' + i%100))}, "hello, everybody in this room")
		}
		start := time.Now()
		receipts, err := broker.Publish(b.Context(), batch)
		spent += time.Since(start)
		if err != nil {
			b.Fatal(err)
		}
		for i := range receipts {
			upTo[batch[i].Room] = receipts[i].Seq
		}
		for room, seq := range upTo { // so that the head stays small
			if err := broker.Archived(context.Background(), chat.Position{Room: room, Seq: seq}); err != nil {
				b.Fatal(err)
			}
		}
		start = time.Now()
		var events []chat.Event
		events = append(events, batch...)
		bare += time.Since(start)
		_ = events
	}
	suite.Report(b, b.N, spent, bare)
}

func recent75(b *testing.B, broker chat.Broker) {
	if err := fill(b.Context(), broker, kitchen, 500); err != nil {
		b.Fatal(err)
	}
	head, err := broker.Recent(b.Context(), kitchen, chat.Latest(chat.HeadSize).All())
	if err != nil {
		b.Fatal(err)
	}
	var spent, bare time.Duration
	for range b.N {
		start := time.Now()
		if _, err := broker.Recent(b.Context(), kitchen, chat.Latest(chat.HeadSize).All()); err != nil {
			b.Fatal(err)
		}
		spent += time.Since(start)
		start = time.Now()
		_ = append([]chat.Event(nil), head.Events...)
		bare += time.Since(start)
	}
	suite.Report(b, b.N, spent, bare)
}

// deliver is one op per event, published one by one and delivered to one node,
// beside as many sends over a channel.
func deliver(b *testing.B, broker chat.Broker) {
	n, l, err := attach(b.Context(), broker, "one", kitchen)
	if err != nil {
		b.Fatal(err)
	}
	defer l.Close()
	start := time.Now()
	for range b.N {
		r, err := broker.Publish(b.Context(), texts(kitchen, 1))
		if err != nil {
			b.Fatal(err)
		}
		if err := n.until(b.Context(), func() bool {
			got := n.got[kitchen]
			return len(got) > 0 && got[len(got)-1].Seq >= r[0].Seq
		}); err != nil {
			b.Fatal(err)
		}
	}
	spent := time.Since(start)
	to, from := make(chan int), make(chan int)
	go func() {
		for i := range to {
			from <- i
		}
	}()
	start = time.Now()
	for i := range b.N {
		to <- i
		<-from
	}
	close(to)
	suite.Report(b, b.N, spent, time.Since(start))
}
