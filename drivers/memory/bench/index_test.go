// Package bench_test measures the memory index over the real chats. It is apart from the
// driver's tests, for it links SQLite.
package bench_test

import (
	"bytes"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/drivers/memory"
	"github.com/parlor-chat/parlor/search"
)

// The benchmarks have one core, and each is beside something barer in the same run.

// oneCore leaves a benchmark one core.
func oneCore(b *testing.B) {
	before := runtime.GOMAXPROCS(1)
	b.Cleanup(func() { runtime.GOMAXPROCS(before) })
}

// heap is the bytes in use after a collection.
func heap() int {
	var m runtime.MemStats
	runtime.GC()
	runtime.GC()
	runtime.ReadMemStats(&m)
	return int(m.HeapAlloc)
}

// bare is the least that finds words: the documents of each, in order of time.
type bare map[string][]int32

// sorted is all documents in order of time.
func (c *corpus) sorted() []search.Document {
	docs := slices.Clone(c.docs)
	slices.SortStableFunc(docs, func(a, b search.Document) int { return a.At.Compare(b.At) })
	return docs
}

func newBare(docs []search.Document) bare {
	x := bare{}
	for i := range docs {
		for _, t := range docs[i].Tokens {
			if l := x[t]; len(l) == 0 || l[len(l)-1] != int32(i) {
				x[t] = append(l, int32(i))
			}
		}
	}
	return x
}

// newest is the newest limit documents with all of some words, and how many there are
// in all, where that is asked for.
func (x bare) newest(words []string, limit int, count bool) (hits []int32, total int) {
	lists := make([][]int32, len(words))
	for i, w := range words {
		lists[i] = x[w]
	}
	slices.SortFunc(lists, func(a, b []int32) int { return len(a) - len(b) })
next:
	for _, i := range slices.Backward(lists[0]) {
		for _, l := range lists[1:] {
			if _, ok := slices.BinarySearch(l, i); !ok {
				continue next
			}
		}
		if total++; len(hits) < limit {
			hits = append(hits, i)
		} else if !count {
			break
		}
	}
	return hits, total
}

// BenchmarkRealIndexing makes an index of all documents, whose tokens are there;
// with-analysis-docs/s has their making in it. x-bare is beside the bare index, x-fields
// beside bytes.Fields of the texts. heap/text is the memory of the index after a
// collection, in bytes for each byte of text.
func BenchmarkRealIndexing(b *testing.B) {
	c := realChats(b)
	oneCore(b)
	split, sorted := c.split(), c.sorted()
	began := time.Now()
	newBare(sorted)
	plain := time.Since(began)
	began = time.Now()
	for _, text := range c.texts {
		search.Analyze(text)
	}
	analysis := time.Since(began)
	for b.Loop() {
		b.StopTimer()
		before := heap()
		b.StartTimer()
		ix := memory.New(nil).Index()
		c.apply(b, ix)
		b.StopTimer()
		used := heap() - before
		b.ReportMetric(float64(used)/1e6, "heap-MB")
		b.ReportMetric(float64(used)/float64(c.size()), "heap/text")
		runtime.KeepAlive(ix)
		b.StartTimer()
	}
	each := b.Elapsed() / time.Duration(b.N)
	b.ReportMetric(float64(len(c.docs))/each.Seconds(), "docs/s")
	b.ReportMetric(float64(len(c.docs))/(each+analysis).Seconds(), "with-analysis-docs/s")
	b.ReportMetric(each.Seconds()/plain.Seconds(), "x-bare")
	b.ReportMetric(each.Seconds()/split.Seconds(), "x-fields")
	b.ReportMetric(0, "ns/op")
}

// asks are the ways to ask the queries of the data.
var asks = []struct {
	name string
	ask  func(*search.Request)
}{
	{"newest", func(r *search.Request) { r.Limit = 20 }},
	{"counted", func(r *search.Request) { r.Limit, r.Count = 20, search.MaxCount }},
	{"facets", func(r *search.Request) {
		for _, f := range []string{search.FieldAuthor, search.FieldRoom, search.FieldMonth} {
			r.Facets = append(r.Facets, search.Facet{Field: f, Size: 20})
		}
	}},
	{"relevance", func(r *search.Request) { r.Limit, r.ByScore = 20, true }},
}

// BenchmarkRealQueries asks all queries of the data: the newest 20 matches, with an
// exact count too, facets over all matches, and the most relevant 20. p50-ms and p99-ms
// are over all answers, fts5- those of SQLite's FTS5, over the same tokens. x-bare is
// beside the bare index, for the queries that are words alone.
func BenchmarkRealQueries(b *testing.B) {
	c := realChats(b)
	oneCore(b)
	ix := memory.New(nil).Index()
	c.apply(b, ix)
	sorted := c.sorted()
	x, lite := newBare(sorted), sqlite(b, sorted)
	for _, a := range asks {
		b.Run(a.name, func(b *testing.B) {
			var ours, theirs []time.Duration
			var words, plain time.Duration
			requests := make([]search.Request, len(c.queries))
			for i, q := range c.queries {
				requests[i] = search.Request{Where: q.expr(), Scope: c.everywhere()}
				a.ask(&requests[i])
			}
			for b.Loop() {
				for i, r := range requests {
					began := time.Now()
					res, err := ix.Search(b.Context(), r)
					took := time.Since(began)
					if err != nil || r.Count > 0 && res.Count != c.queries[i].Count {
						b.Fatalf("%s: %d, %v", c.queries[i].ID, res.Count, err)
					}
					ours = append(ours, took)
					if q := c.queries[i].Query; len(q.All) > 0 && q.Author == "" && q.Room == "" && q.From.IsZero() && q.To.IsZero() {
						began = time.Now()
						x.newest(search.Analyze(strings.Join(q.All, " ")), 20, r.Count > 0)
						plain += time.Since(began)
						words += took
					}
				}
			}
			for i, r := range requests {
				count, took := lite.ask(b, r)
				if r.Count > 0 && count != c.queries[i].Count {
					b.Fatalf("%s: FTS5 finds %d", c.queries[i].ID, count)
				}
				theirs = append(theirs, took)
			}
			report(b, "", ours)
			report(b, "fts5-", theirs)
			b.ReportMetric(words.Seconds()/plain.Seconds(), "x-bare")
			b.ReportMetric(0, "ns/op")
		})
	}
}

func report(b *testing.B, name string, took []time.Duration) {
	if len(took) == 0 {
		return
	}
	slices.Sort(took)
	ms := func(d time.Duration) float64 { return float64(d.Nanoseconds()) / 1e6 }
	b.ReportMetric(ms(took[len(took)/2]), name+"p50-ms")
	b.ReportMetric(ms(took[len(took)*99/100]), name+"p99-ms")
}

// BenchmarkRealRooms asks the queries of the data over the same documents spread over
// 10,000 rooms, all of which the asker may see: x-one-room is beside all of them in one room.
func BenchmarkRealRooms(b *testing.B) {
	c := realChats(b)
	oneCore(b)
	one, oneScope := c.spread(b, 1)
	many, manyScope := c.spread(b, 10_000)
	for _, a := range asks[:3] {
		b.Run(a.name, func(b *testing.B) {
			var took, alone []time.Duration
			for b.Loop() {
				for _, q := range c.queries {
					if q.Query.Room != "" {
						continue
					}
					r := search.Request{Where: q.expr()}
					a.ask(&r)
					alone = append(alone, ask(b, one, r, oneScope))
					took = append(took, ask(b, many, r, manyScope))
				}
			}
			report(b, "", took)
			b.ReportMetric(sum(took).Seconds()/sum(alone).Seconds(), "x-one-room")
			b.ReportMetric(0, "ns/op")
		})
	}
}

// spread applies all documents to an index, in so many rooms.
func (c *corpus) spread(b *testing.B, rooms int) (search.Index, search.Scope) {
	other := &corpus{docs: slices.Clone(c.docs), last: map[string]chat.Seq{}}
	for i := range other.docs {
		key := fmt.Sprint("room-", i*7919%rooms)
		other.last[key]++
		d := &other.docs[i]
		d.Position = chat.Position{Room: chat.RoomID{Tenant: "t", Key: key}, Seq: other.last[key]}
		d.Revision = d.Position.Seq
	}
	ix := memory.New(nil).Index()
	other.apply(b, ix)
	return ix, other.everywhere()
}

// BenchmarkRealExtremes asks what is hardest: the shortest prefixes, a phrase that ends
// in one, the commonest word, everything, each counted and with facets. x-fields is
// beside bytes.Fields over all texts.
func BenchmarkRealExtremes(b *testing.B) {
	c := realChats(b)
	oneCore(b)
	split := c.split()
	ix := memory.New(nil).Index()
	c.apply(b, ix)
	for _, e := range []struct {
		name  string
		where search.Expr
	}{
		{"everything", nil},
		{"the", search.Term("the")},
		{"not the", search.Not{Expr: search.Term("the")}},
		{"a prefix", search.Prefix("a")},
		{"in the a prefix", search.Phrase{Tokens: []string{"in", "the", "a"}, LastIsPrefix: true}},
		{"any letter", letters},
	} {
		for _, a := range asks {
			b.Run(e.name+"/"+a.name, func(b *testing.B) {
				r := search.Request{Where: e.where}
				a.ask(&r)
				var took []time.Duration
				for b.Loop() {
					took = append(took, ask(b, ix, r, c.everywhere()))
				}
				report(b, "", took)
				b.ReportMetric(sum(took).Seconds()/float64(len(took))/split.Seconds(), "x-fields")
				b.ReportMetric(0, "ns/op")
			})
		}
	}
}

// letters is every prefix of one letter.
var letters = func() (any search.Or) {
	for letter := 'a'; letter <= 'z'; letter++ {
		any = append(any, search.Prefix(letter))
	}
	return any
}()

// split is how long bytes.Fields takes for all texts.
func (c *corpus) split() time.Duration {
	began := time.Now()
	for _, text := range c.texts {
		bytes.Fields([]byte(text))
	}
	return time.Since(began)
}

// ask is how long a request takes.
func ask(b *testing.B, ix search.Index, r search.Request, scope search.Scope) time.Duration {
	r.Scope = scope
	began := time.Now()
	if _, err := ix.Search(b.Context(), r); err != nil {
		b.Fatal(err)
	}
	return time.Since(began)
}

func sum(took []time.Duration) (all time.Duration) {
	for _, t := range took {
		all += t
	}
	return all
}
