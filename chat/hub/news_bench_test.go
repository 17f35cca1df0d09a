package hub_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/internal/suite"
	"github.com/parlor-chat/parlor/storage"
)

// BenchmarkNews is one op per list of 500 rooms, a third of them direct, beside a copy of as
// many entries.
func BenchmarkNews(b *testing.B) {
	h, _ := newsHub(b, 500)
	bob := h.As(user("bob"))
	list, _, err := bob.News(b.Context(), "", chat.MaxBatch) // where he came in is known then
	ok(b, err)
	var spent, bare time.Duration
	b.ReportAllocs()
	b.ResetTimer()
	began := cpu()
	for range b.N {
		start := time.Now()
		got, _, err := bob.News(b.Context(), "", chat.MaxBatch)
		spent += time.Since(start)
		if err != nil || len(got) != 500 {
			b.Fatal(err, len(got))
		}
		start = time.Now()
		_ = append(list[:0:0], list...)
		bare += time.Since(start)
	}
	b.ReportMetric(float64((cpu()-began-bare).Microseconds())/1000/float64(b.N), "cpu-ms/op")
	suite.Report(b, b.N, spent, bare)
}

// BenchmarkReaders is one op per mark of a reader of one message, of 5,000 in turns, beside a
// set of as many.
func BenchmarkReaders(b *testing.B) {
	h, room := benchHub(b)
	sent, err := h.As(user("ann")).Room(room.Key).Send(b.Context(), chat.Text{Body: "all hands"})
	ok(b, err)
	marks := map[storage.Mark]bool{}
	var spent, bare time.Duration
	b.ReportAllocs()
	for i := range b.N {
		u := user(fmt.Sprint("u", i%5000))
		start := time.Now()
		if err := h.As(u).Room(room.Key).Read(b.Context(), sent.Seq); err != nil {
			b.Fatal(err)
		}
		spent += time.Since(start)
		start = time.Now()
		marks[storage.Mark{User: u, Position: chat.Position{Room: room, Seq: sent.Seq}}] = true
		bare += time.Since(start)
	}
	suite.Report(b, b.N, spent, bare)
}
