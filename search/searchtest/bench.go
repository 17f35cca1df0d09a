package searchtest

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/search"
)

// BenchmarkIndex measures the driver beside something bare in the same run: the
// metric x-bare says how many times longer the driver takes.
func BenchmarkIndex(b *testing.B, at func(testing.TB) *Site) {
	b.Run("apply", func(b *testing.B) { benchApply(b, at(b)) })
	b.Run("newest", func(b *testing.B) { benchNewest(b, at(b)) })
}

// benchDocs is n documents of a few words; every third has "common".
func benchDocs(from, n int) []search.Document {
	docs := make([]search.Document, n)
	for i := range docs {
		k := from + i
		text := fmt.Sprintf("message number %d about topic%d and%d some more words", k, k%100, k%1000)
		if k%3 == 0 {
			text += " common"
		}
		docs[i] = doc("r", chat.Seq(k+1), k, text, "author", fmt.Sprint("a", k%50))
	}
	return docs
}

// benchApply applies batches of 1,000 documents, beside a map from each token to
// its places.
func benchApply(b *testing.B, s *Site) {
	w := benchOpen(b, s)
	postings := map[string][]int32{}
	var driver, bare time.Duration
	next := 0
	for b.Loop() {
		b.StopTimer()
		docs := benchDocs(next, chat.MaxBatch)
		began := time.Now()
		for i, d := range docs {
			for _, t := range d.Tokens {
				postings[t] = append(postings[t], int32(next+i))
			}
		}
		bare += time.Since(began)
		next += len(docs)
		b.StartTimer()
		began = time.Now()
		if err := w.ix.Apply(w.ctx, docs); err != nil {
			b.Fatal(err)
		}
		driver += time.Since(began)
	}
	b.ReportMetric(float64(next)/driver.Seconds(), "docs/s")
	b.ReportMetric(driver.Seconds()/bare.Seconds(), "x-bare")
}

// benchNewest finds the newest 20 with a common word and counts all, beside a
// plain scan of the tokens of 20,000 documents that counts them.
func benchNewest(b *testing.B, s *Site) {
	const n = 20_000
	w := benchOpen(b, s)
	docs := benchDocs(0, n)
	if err := w.apply(docs...); err != nil {
		b.Fatal(err)
	}
	began, matches := time.Now(), 0
	for i := range docs {
		if slices.Contains(docs[i].Tokens, "common") {
			matches++
		}
	}
	bare := time.Since(began)
	for _, count := range []int{0, n} {
		b.Run(fmt.Sprint("count=", count), func(b *testing.B) {
			r := search.Request{Where: search.Term("common"), Scope: rooms("r"), Limit: 20, Count: count}
			for b.Loop() {
				res, err := w.ix.Search(b.Context(), r)
				if err != nil || len(res.Hits) != 20 || count > 0 && res.Count != matches {
					b.Fatalf("%d hits, count %d of %d, %v", len(res.Hits), res.Count, matches, err)
				}
			}
			b.ReportMetric(b.Elapsed().Seconds()/float64(b.N)/bare.Seconds(), "x-bare")
		})
	}
}

func benchOpen(b *testing.B, s *Site) *world {
	w, err := open(b.Context(), s)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { w.close() })
	return w
}
