//go:build unix

package bleve_test

import (
	"fmt"
	"path/filepath"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/drivers/bleve"
	"github.com/parlor-chat/parlor/search"
)

// cpu is the time that all cores have spent on this process.
func cpu(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkFeed applies 20,000 documents of 14 words in batches of 1,000, beside the same
// documents, mapping, batches and settings given to Bleve without all else, until all is on
// the disk: x-bare says how many times longer the driver takes, cpu-x-bare how many times more
// of the cores. bare- is Bleve alone.
func BenchmarkFeed(b *testing.B) {
	const n = 20_000
	docs := make([]search.Document, n)
	for i := range docs {
		seq := chat.Seq(i + 1)
		docs[i] = search.Document{
			Position: chat.Position{Room: chat.RoomID{Tenant: "t", Key: fmt.Sprint("room", i%100)}, Seq: seq}, Revision: seq,
			At:     time.UnixMilli(1_700_000_000_000 + int64(i)*1000),
			Tokens: search.Analyze(fmt.Sprintf("message %d about topic%d and word%d with some more common words as people write x%d y%d", i, i%100, i%9973, i*7919%50021, i%31)),
			Fields: map[string][]string{search.FieldAuthor: {fmt.Sprint("a", i%500)}, search.FieldKind: {"text"}},
		}
	}
	var ours, bare, oursCPU, bareCPU time.Duration
	for b.Loop() {
		began, spent := time.Now(), cpu(b)
		st := open(b, b.TempDir(), &bleve.Options{Log: quiet})
		for batch := range slices.Chunk(docs, chat.MaxBatch) {
			if err := st.Index().Apply(b.Context(), batch); err != nil {
				b.Fatal(err)
			}
		}
		if err := st.Close(); err != nil {
			b.Fatal(err)
		}
		ours, oursCPU = ours+time.Since(began), oursCPU+cpu(b)-spent
		began, spent = time.Now(), cpu(b)
		if err := bleve.FeedBare(filepath.Join(b.TempDir(), "bare"), slices.Collect(slices.Chunk(docs, chat.MaxBatch))); err != nil {
			b.Fatal(err)
		}
		bare, bareCPU = bare+time.Since(began), bareCPU+cpu(b)-spent
	}
	b.ReportMetric(float64(n*b.N)/ours.Seconds(), "docs/s")
	b.ReportMetric(float64(n*b.N)/bare.Seconds(), "bare-docs/s")
	b.ReportMetric(ours.Seconds()/bare.Seconds(), "x-bare")
	b.ReportMetric(oursCPU.Seconds()*1e6/float64(n*b.N), "cpu-us/doc")
	b.ReportMetric(bareCPU.Seconds()*1e6/float64(n*b.N), "bare-cpu-us/doc")
	b.ReportMetric(oursCPU.Seconds()/bareCPU.Seconds(), "cpu-x-bare")
	b.ReportMetric(0, "ns/op")
}

// BenchmarkApplyOne applies one document after the other, each durable before the next.
func BenchmarkApplyOne(b *testing.B) {
	st := open(b, b.TempDir(), &bleve.Options{Log: quiet})
	seq := chat.Seq(0)
	for b.Loop() {
		seq++
		d := search.Document{
			Position: chat.Position{Room: chat.RoomID{Tenant: "t", Key: "r"}, Seq: seq}, Revision: seq, At: time.UnixMilli(int64(seq) * 1000),
			Tokens: []string{"one", "message", "after", "the", "other", fmt.Sprint(seq)},
		}
		if err := st.Index().Apply(b.Context(), []search.Document{d}, d.Position); err != nil {
			b.Fatal(err)
		}
	}
}
