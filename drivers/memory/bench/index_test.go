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
	"github.com/parlor-chat/parlor/internal/realchats"
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
func sorted(c *realchats.Corpus) []search.Document {
	docs := slices.Clone(c.Docs)
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
	c := realchats.Read(b)
	oneCore(b)
	fields, inOrder := split(c), sorted(c)
	began := time.Now()
	newBare(inOrder)
	plain := time.Since(began)
	began = time.Now()
	for _, text := range c.Texts {
		search.Analyze(text)
	}
	analysis := time.Since(began)
	for b.Loop() {
		b.StopTimer()
		before := heap()
		b.StartTimer()
		ix := memory.New(nil).Index()
		c.Apply(b, ix)
		b.StopTimer()
		used := heap() - before
		b.ReportMetric(float64(used)/1e6, "heap-MB")
		b.ReportMetric(float64(used)/float64(c.Size()), "heap/text")
		runtime.KeepAlive(ix)
		b.StartTimer()
	}
	each := b.Elapsed() / time.Duration(b.N)
	b.ReportMetric(float64(len(c.Docs))/each.Seconds(), "docs/s")
	b.ReportMetric(float64(len(c.Docs))/(each+analysis).Seconds(), "with-analysis-docs/s")
	b.ReportMetric(each.Seconds()/plain.Seconds(), "x-bare")
	b.ReportMetric(each.Seconds()/fields.Seconds(), "x-fields")
	b.ReportMetric(0, "ns/op")
}

// BenchmarkRealQueries asks all queries of the data: the newest 20 matches, with an
// exact count too, facets over all matches, and the most relevant 20. p50-ms and p99-ms
// are over the queries, each by the median of its rounds; fts5- are those of SQLite's
// FTS5 over the same tokens. x-bare is beside the bare index, for the queries that are
// words alone.
func BenchmarkRealQueries(b *testing.B) {
	c := realchats.Read(b)
	oneCore(b)
	ix := memory.New(nil).Index()
	c.Apply(b, ix)
	inOrder := sorted(c)
	x, lite := newBare(inOrder), realchats.SQLite(b, inOrder)
	for _, a := range realchats.Asks {
		b.Run(a.Name, func(b *testing.B) {
			n := len(c.Queries)
			ours, theirs, words, plain := make(realchats.Times, n), make(realchats.Times, n), make(realchats.Times, n), make(realchats.Times, n)
			for b.Loop() {
				for i, q := range c.Queries {
					r := search.Request{Where: q.Expr(), Scope: c.Everywhere()}
					a.Ask(&r)
					res, took := ask(b, ix, r)
					count, litesTook := lite.Ask(b, r)
					if r.Count > 0 && (res.Count != q.Count || count != q.Count) {
						b.Fatalf("%s: %d, by FTS5 %d; want %d", q.ID, res.Count, count, q.Count)
					}
					ours[i], theirs[i] = append(ours[i], took), append(theirs[i], litesTook)
					if q.Kind == "term" || q.Kind == "and" {
						tokens := search.Analyze(strings.Join(q.Query.All, " "))
						began := time.Now()
						x.newest(tokens, 20, r.Count > 0)
						words[i], plain[i] = append(words[i], took), append(plain[i], time.Since(began))
					}
				}
			}
			ours.Report(b, "")
			theirs.Report(b, "fts5-")
			b.ReportMetric(words.Beside(plain), "x-bare")
		})
	}
}

// BenchmarkRealRooms asks the queries of the data over the same documents spread over
// 10,000 rooms, all of which the asker may see: x-one-room is beside all of them in one
// room.
func BenchmarkRealRooms(b *testing.B) {
	c := realchats.Read(b)
	oneCore(b)
	one, oneScope := spread(b, c, 1)
	many, manyScope := spread(b, c, 10_000)
	for _, a := range realchats.Asks {
		b.Run(a.Name, func(b *testing.B) {
			took, alone := make(realchats.Times, len(c.Queries)), make(realchats.Times, len(c.Queries))
			for b.Loop() {
				for i, q := range c.Queries {
					if q.Query.Room != "" {
						continue
					}
					r := search.Request{Where: q.Expr(), Scope: oneScope}
					a.Ask(&r)
					_, t := ask(b, one, r)
					alone[i] = append(alone[i], t)
					r.Scope = manyScope
					_, t = ask(b, many, r)
					took[i] = append(took[i], t)
				}
			}
			took.Report(b, "")
			b.ReportMetric(took.Beside(alone), "x-one-room")
		})
	}
}

// spread applies all documents to an index, in so many rooms.
func spread(b *testing.B, c *realchats.Corpus, rooms int) (search.Index, search.Scope) {
	other := &realchats.Corpus{Docs: slices.Clone(c.Docs), Last: map[string]chat.Seq{}}
	for i := range other.Docs {
		key := fmt.Sprint("room-", i*7919%rooms)
		other.Last[key]++
		d := &other.Docs[i]
		d.Position = chat.Position{Room: chat.RoomID{Tenant: "t", Key: key}, Seq: other.Last[key]}
		d.Revision = d.Position.Seq
	}
	ix := memory.New(nil).Index()
	other.Apply(b, ix)
	return ix, other.Everywhere()
}

// BenchmarkRealExtremes asks what is hardest: the shortest prefixes, a phrase that ends
// in one, the commonest word, everything, each counted and with facets. x-fields is
// beside bytes.Fields over all texts.
func BenchmarkRealExtremes(b *testing.B) {
	c := realchats.Read(b)
	oneCore(b)
	fields := split(c)
	ix := memory.New(nil).Index()
	c.Apply(b, ix)
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
		for _, a := range realchats.Asks {
			b.Run(e.name+"/"+a.Name, func(b *testing.B) {
				r := search.Request{Where: e.where, Scope: c.Everywhere()}
				a.Ask(&r)
				took := make(realchats.Times, 1)
				for b.Loop() {
					_, t := ask(b, ix, r)
					took[0] = append(took[0], t)
				}
				ms := took.Total()
				b.ReportMetric(ms, "ms")
				b.ReportMetric(ms/1e3/fields.Seconds(), "x-fields")
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
func split(c *realchats.Corpus) time.Duration {
	began := time.Now()
	for _, text := range c.Texts {
		bytes.Fields([]byte(text))
	}
	return time.Since(began)
}

// ask is the answer to a request, and how long it took.
func ask(b *testing.B, ix search.Index, r search.Request) (search.Result, time.Duration) {
	began := time.Now()
	res, err := ix.Search(b.Context(), r)
	if err != nil {
		b.Fatal(err)
	}
	return res, time.Since(began)
}

// The queries of the real chats have the numbers of matches that two other programs
// counted by full scan.
func TestRealQueries(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: real queries over 355,956 real messages are left out")
	}
	c := realchats.Read(t)
	if len(c.Docs) != 355_956 || len(c.Queries) != 105 {
		t.Fatalf("%d documents, %d queries; want 355,956 and 105", len(c.Docs), len(c.Queries))
	}
	ix := memory.New(nil).Index()
	c.Apply(t, ix)
	for _, q := range c.Queries {
		r := search.Request{Where: q.Expr(), Scope: c.Everywhere(), Count: search.MaxCount, Limit: 20}
		res, err := ix.Search(t.Context(), r)
		if err != nil {
			t.Fatal(err)
		}
		if res.Count != q.Count || len(res.Hits) != min(20, q.Count) {
			t.Errorf("%s: %d matches, %d hits; want %d", q.ID, res.Count, len(res.Hits), q.Count)
		}
	}
}
