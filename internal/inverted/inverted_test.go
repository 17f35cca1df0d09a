package inverted_test

import (
	"cmp"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/internal/inverted"
	"github.com/parlor-chat/parlor/search"
	"github.com/parlor-chat/parlor/storage"
)

// model is an index that is asked by [search.Match], document by document.
type model map[chat.Position]search.Document

func (m model) apply(docs []search.Document) {
	for _, d := range docs {
		if old, ok := m[d.Position]; !ok || old.Revision < d.Revision {
			m[d.Position] = d
		}
	}
}

func (m model) drop(span storage.Span, before time.Time) {
	for p, d := range m {
		if span.Holds(p.Room) && (before.IsZero() || d.At.Before(before)) {
			delete(m, p)
		}
	}
}

// search is what a request finds, all pages of it, and its facets.
func (m model) search(r search.Request) (hits []search.Document, facets [][]search.Bucket) {
	for _, d := range m {
		if r.Scope.Holds(d.Position) && search.Match(r.Where, &d) {
			hits = append(hits, d)
		}
	}
	slices.SortFunc(hits, func(a, b search.Document) int {
		return cmp.Or(b.At.Compare(a.At), strings.Compare(b.Position.Room.Key, a.Position.Room.Key), cmp.Compare(b.Position.Seq, a.Position.Seq))
	})
	for _, f := range r.Facets {
		counts := map[string]int{}
		for _, d := range hits {
			values := slices.Clone(d.Values(f.Field))
			slices.Sort(values)
			for _, v := range slices.Compact(values) {
				counts[v]++
			}
		}
		var buckets []search.Bucket
		for v, n := range counts {
			buckets = append(buckets, search.Bucket{Value: v, Count: n})
		}
		slices.SortFunc(buckets, func(a, b search.Bucket) int {
			return cmp.Or(b.Count-a.Count, strings.Compare(a.Value, b.Value))
		})
		facets = append(facets, buckets[:min(len(buckets), f.Size)])
	}
	return hits, facets
}

// The generators draw from few values, so that much matches and much is replaced. Times
// lie about the beginning of a month.
var (
	rooms   = []string{"r", "R", "s s", "~t"}
	tokens  = strings.Fields("a b aa aab ab ba bb abcd abcde 型 型シ シス シ во दुन x1")
	token   = rapid.OneOf(rapid.SampledFrom(tokens), rapid.SampledFrom(tokens[:2]))
	drawDoc = rapid.Custom(func(t *rapid.T) search.Document {
		room := rapid.SampledFrom(rooms).Draw(t, "room")
		seq := chat.Seq(rapid.IntRange(1, 30).Draw(t, "seq"))
		if rapid.IntRange(0, 3).Draw(t, "jump") == 0 {
			seq += 1 << 32
		}
		d := search.Document{
			Position: chat.Position{Room: chat.RoomID{Tenant: "t", Key: room}, Seq: seq},
			Revision: seq + chat.Seq(rapid.IntRange(0, 9).Draw(t, "revision")),
			At:       when(int(seq%31)/2 - 7),
			Gone:     rapid.IntRange(0, 5).Draw(t, "gone") == 0,
		}
		if !d.Gone {
			d.Tokens = rapid.SliceOfN(token, 0, 12).Draw(t, "tokens")
			d.Fields = map[string][]string{
				search.FieldAuthor:  {rapid.SampledFrom([]string{"ann", "bob", ""}).Draw(t, "author")},
				search.FieldMention: rapid.SliceOfN(rapid.SampledFrom([]string{"ann", "bob", "cyd"}), 0, 4).Draw(t, "mention"),
				search.FieldRoom:    {"not a field of its own"},
				"unknown":           {"x"},
			}
		}
		return d
	})
	drawSpan = rapid.Custom(func(t *rapid.T) storage.Span {
		return storage.Span{Tenant: "t", Room: rapid.SampledFrom(append(rooms, "")).Draw(t, "room")}
	})
	drawTime = rapid.Custom(func(t *rapid.T) time.Time {
		if n := rapid.IntRange(-8, 10).Draw(t, "time"); n < 10 {
			return when(n).Add(time.Duration(rapid.IntRange(0, 1).Draw(t, "ns")))
		}
		return time.Time{}
	})
)

func when(n int) time.Time {
	return time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC).Add(time.Duration(n) * time.Millisecond)
}

func drawExpr(depth int) *rapid.Generator[search.Expr] {
	return rapid.Custom(func(t *rapid.T) search.Expr {
		least := 0
		if depth == 0 {
			least = 3
		}
		parts := func() []search.Expr { return rapid.SliceOfN(drawExpr(depth-1), 0, 4).Draw(t, "parts") }
		switch rapid.IntRange(least, 7).Draw(t, "kind") {
		case 0:
			return search.And(parts())
		case 1:
			if rapid.IntRange(0, 9).Draw(t, "many") == 0 {
				return search.Or(rapid.SliceOfN(drawExpr(0), 9, 12).Draw(t, "parts"))
			}
			return search.Or(parts())
		case 2:
			return search.Not{Expr: drawExpr(depth-1).Draw(t, "not")}
		case 3:
			return search.Term(token.Draw(t, "term"))
		case 4:
			return search.Prefix(token.Draw(t, "prefix"))
		case 5:
			return search.Phrase{Tokens: rapid.SliceOfN(token, 1, 5).Draw(t, "phrase"), LastIsPrefix: rapid.Bool().Draw(t, "last")}
		case 6:
			return search.Between{From: drawTime.Draw(t, "from"), To: drawTime.Draw(t, "to")}
		}
		field := rapid.SampledFrom([]string{"room", "author", "mention", "month", "kind"}).Draw(t, "field")
		return search.Equal{Field: field, Value: rapid.SampledFrom([]string{"r", "s s", "ann", "", "2026-10", "2026-11"}).Draw(t, "value")}
	})
}

var drawRequest = rapid.Custom(func(t *rapid.T) search.Request {
	r := search.Request{
		Scope:   search.Scope{Tenant: "t", Rooms: map[string]chat.Seq{}},
		ByScore: rapid.IntRange(0, 3).Draw(t, "by score") == 0,
		Limit:   rapid.IntRange(0, 12).Draw(t, "limit"),
		Count:   rapid.SampledFrom([]int{0, 1, 5, 1000}).Draw(t, "count"),
	}
	if rapid.IntRange(0, 9).Draw(t, "where") > 0 {
		r.Where = drawExpr(3).Draw(t, "where")
	}
	for _, room := range rapid.SliceOfN(rapid.SampledFrom(append(rooms, "unknown")), 0, 5).Draw(t, "rooms") {
		r.Scope.Rooms[room] = rapid.SampledFrom([]chat.Seq{0, 1, 7, 1<<32 + 3}).Draw(t, "from")
	}
	for _, f := range rapid.SliceOfN(rapid.SampledFrom([]string{"room", "author", "mention", "month", "kind"}), 0, 2).Draw(t, "facets") {
		r.Facets = append(r.Facets, search.Facet{Field: f, Size: rapid.IntRange(1, 4).Draw(t, "size")})
	}
	return r
})

// agree checks all pages of a request.
func agree(t *rapid.T, x *inverted.Index, m model, r search.Request) {
	want, facets := m.search(r)
	var hits []search.Hit
	for first := true; first || r.After != ""; first = false {
		res, err := x.Search(t.Context(), r)
		if err != nil {
			t.Fatalf("%#v: %v", r, err)
		}
		if count, capped := min(len(want), r.Count), r.Count > 0 && len(want) > r.Count; res.Count != count || res.Capped != capped {
			t.Fatalf("%#v: count %d, capped %v; want %d, %v", r, res.Count, res.Capped, count, capped)
		}
		if fmt.Sprint(res.Facets) != fmt.Sprint(facets) {
			t.Fatalf("%#v: facets %v, want %v", r, res.Facets, facets)
		}
		hits = append(hits, res.Hits...)
		if r.After = res.Next; r.After != "" && len(res.Hits) != r.Limit || len(hits) > len(want) {
			t.Fatalf("%#v: a page of %d, %d hits in all, want %d", r, len(res.Hits), len(hits), len(want))
		}
	}
	if r.Limit == 0 {
		want = nil
	}
	if r.ByScore {
		if !slices.IsSortedFunc(hits, func(a, b search.Hit) int {
			if a.Before(b, true) {
				return -1
			}
			return 1
		}) {
			t.Fatalf("%#v: not in order: %v", r, hits)
		}
		slices.SortFunc(hits, func(a, b search.Hit) int {
			if a.Before(b, false) {
				return -1
			}
			return 1
		})
	}
	if !slices.EqualFunc(hits, want, func(h search.Hit, d search.Document) bool {
		return h.Position == d.Position && h.Revision == d.Revision && h.At.Equal(d.At)
	}) {
		t.Fatalf("%#v finds\n%v, want\n%v", r, hits, want)
	}
}

// The answers are those of search.Match, whatever was applied and dropped before, and
// what lies in memory keeps its form.
func TestItAnswersAsMatchDoes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		x, m := inverted.New(), model{}
		t.Repeat(map[string]func(*rapid.T){
			"apply": func(t *rapid.T) {
				docs := rapid.SliceOfN(drawDoc, 1, 20).Draw(t, "docs")
				x.Apply(docs, nil)
				m.apply(docs)
			},
			"drop": func(t *rapid.T) {
				if rapid.IntRange(0, 4).Draw(t, "really") > 0 {
					return
				}
				span, before := drawSpan.Draw(t, "span"), drawTime.Draw(t, "before")
				x.Drop(span, before)
				m.drop(span, before)
			},
			"search": func(t *rapid.T) { agree(t, x, m, drawRequest.Draw(t, "request")) },
			"": func(t *rapid.T) {
				if err := x.Check(); err != nil {
					t.Fatal(err)
				}
			},
		})
	})
}

// Whoever turns pages while documents come, change and go sees no hit twice, and each
// that was there all the time, in both orders.
func TestPagesWhileItChanges(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		x, m := inverted.New(), model{}
		apply := func(least, most int) {
			docs := rapid.SliceOfN(drawDoc, least, most).Draw(t, "docs")
			x.Apply(docs, nil)
			m.apply(docs)
		}
		apply(50, 150)
		r := drawRequest.Draw(t, "request")
		r.Limit = max(r.Limit, 1)
		missing, seen := map[chat.Position]chat.Seq{}, map[chat.Position]bool{}
		check := func(h search.Hit) { // a score follows from the request and the document
			alone := inverted.New()
			alone.Apply([]search.Document{m[h.Position]}, nil)
			one := r
			one.After = ""
			if res, err := alone.Search(t.Context(), one); err != nil || len(res.Hits) != 1 || res.Hits[0] != h {
				t.Fatalf("%#v: finds %v, and alone %v, %v", r, h, res.Hits, err)
			}
		}
		there, _ := m.search(r)
		for _, d := range there {
			missing[d.Position] = d.Revision
		}
		for first := true; first || r.After != ""; first = false {
			res, err := x.Search(t.Context(), r)
			if err != nil {
				t.Fatal(err)
			}
			for _, h := range res.Hits {
				if d := m[h.Position]; seen[h.Position] && !r.ByScore || d.Revision != h.Revision || !search.Match(r.Where, &d) {
					t.Fatalf("%#v: finds %v (before: %v), which is %v", r, h, seen[h.Position], d)
				}
				check(h)
				seen[h.Position] = true
				delete(missing, h.Position)
			}
			apply(0, 5)
			maps.DeleteFunc(missing, func(p chat.Position, revision chat.Seq) bool { return m[p].Revision != revision })
			if r.After = res.Next; len(seen) > len(m) {
				t.Fatalf("%#v: has no end", r)
			}
		}
		if len(missing) > 0 {
			t.Fatalf("%#v: never finds %v", r, missing)
		}
	})
}

// What was dropped is not in memory, also what was retracted or changed before.
func TestDroppedLeavesNothing(t *testing.T) {
	x := inverted.New()
	doc := func(room, word string, seq, revision chat.Seq) search.Document {
		return search.Document{
			Position: chat.Position{Room: chat.RoomID{Tenant: "t", Key: room}, Seq: seq},
			Revision: revision, At: when(int(seq)), Tokens: []string{word},
		}
	}
	gone := doc("r", "", 3, 4)
	lost := doc("q", "", 7, 8)
	gone.Gone, lost.Gone = true, true
	x.Apply([]search.Document{
		doc("r", "one", 1, 1), doc("r", "two", 2, 2), doc("r", "three", 3, 3), doc("s", "other", 4, 4), doc("s", "more", 5, 5), doc("s", "late", 6, 6),
		doc("q", "secret", 7, 7),
	}, nil)
	x.Apply([]search.Document{doc("r", "new", 2, 9), gone, lost}, nil)
	for _, words := range [][]string{{"q", "secret"}, {"r", "one", "two", "three", "new"}} {
		x.Drop(storage.Span{Tenant: "t", Room: words[0]}, time.Time{})
		for _, word := range words {
			if x.Holds(word) {
				t.Errorf("%q is still there", word)
			}
		}
	}
	if !x.Holds("s") || !x.Holds("other") || !x.Holds("late") {
		t.Error("something else is gone")
	}
}

// The At of a position never changes. If it does, the document is moved: what was
// retracted is gone in any case.
func TestAnotherTime(t *testing.T) {
	x, m := inverted.New(), model{}
	d := search.Document{
		Position: chat.Position{Room: chat.RoomID{Tenant: "t", Key: "r"}, Seq: 1},
		Revision: 1, At: when(-1), Tokens: []string{"x"},
	}
	for _, change := range []func(){
		func() {},
		func() { d.At = when(1) },
		func() { d.At = when(2) },
		func() { d.At, d.Gone = when(-1), true },
	} {
		change()
		d.Revision++
		x.Apply([]search.Document{d}, nil)
		m.apply([]search.Document{d})
		r := search.Request{Where: search.Term("x"), Scope: search.Scope{Tenant: "t", Rooms: map[string]chat.Seq{"r": 1}}, Limit: 5}
		want, _ := m.search(r)
		if res, err := x.Search(t.Context(), r); err != nil || len(res.Hits) != len(want) {
			t.Errorf("revision %d: %v, %v; want %d", d.Revision, res.Hits, err, len(want))
		}
	}
}

// A month with more than segments can be merged into is right, too, in whatever order
// it comes.
func TestALargeMonth(t *testing.T) {
	const n, changed = 100_000, 30_000
	random := rand.New(rand.NewPCG(1, 2))
	var docs []search.Document
	for i := range n {
		seq := chat.Seq(i/100 + 1)
		docs = append(docs, search.Document{
			Position: chat.Position{Room: chat.RoomID{Tenant: "t", Key: fmt.Sprint("room", i%100)}, Seq: seq},
			Revision: seq, At: when(i / 3),
			Tokens: []string{"all", fmt.Sprint("n", i%7), "x", fmt.Sprint("m", i%5000)},
			Fields: map[string][]string{search.FieldAuthor: {fmt.Sprint(i % 13)}},
		})
	}
	for i := range changed {
		d := docs[random.IntN(n)]
		d.Revision += chat.Seq(i + 1)
		if d.Gone = i%3 == 0; !d.Gone {
			d.Tokens = []string{"all", "changed"}
		}
		docs = append(docs, d)
	}
	random.Shuffle(len(docs), func(i, j int) { docs[i], docs[j] = docs[j], docs[i] })
	x, m := inverted.New(), model{}
	for batch := range slices.Chunk(docs, chat.MaxBatch) {
		x.Apply(batch, nil)
	}
	m.apply(docs)
	if err := x.Check(); err != nil {
		t.Fatal(err)
	}
	all := search.Scope{Tenant: "t", Rooms: map[string]chat.Seq{}}
	for i := range 100 {
		all.Rooms[fmt.Sprint("room", i)] = chat.Seq(i)
	}
	few := search.Scope{Tenant: "t", Rooms: map[string]chat.Seq{"room7": 100, "room8": 1, "room99": 7, "unknown": 1}}
	none := search.Scope{Tenant: "t", Rooms: map[string]chat.Seq{"unknown": 1}}
	for _, scope := range []search.Scope{all, few, none} {
		for _, where := range []search.Expr{
			nil, search.Term("all"), search.Term("changed"), search.Prefix("m1"), search.Not{Expr: search.Term("x")},
			search.Phrase{Tokens: []string{"all", "n3", "x"}}, search.And{search.Term("n1"), search.Term("m15")},
			search.Between{From: when(5000), To: when(5600)},
		} {
			r := search.Request{Where: where, Scope: scope, Count: 50_000, Limit: 500, Facets: []search.Facet{{Field: "author", Size: 5}}}
			want, facets := m.search(r)
			res, err := x.Search(t.Context(), r)
			if err != nil || res.Count != min(len(want), r.Count) || fmt.Sprint(res.Facets) != fmt.Sprint(facets) {
				t.Fatalf("%#v in %d rooms: %d %v, %v; want %d %v", where, len(scope.Rooms), res.Count, res.Facets, err, len(want), facets)
			}
			for i, h := range res.Hits {
				if h.Position != want[i].Position {
					t.Fatalf("%#v in %d rooms: hit %d is %v, want %v", where, len(scope.Rooms), i, h.Position, want[i].Position)
				}
			}
		}
	}
}
