package bleve_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/drivers/bleve"
	"github.com/parlor-chat/parlor/drivers/memory"
	"github.com/parlor-chat/parlor/search"
)

// A month of many blocks, in whatever order it comes, with many texts at one time, has the
// pages, counts and facets that memory has: seen in all rooms, in few, and from later on.
func TestALargeMonth(t *testing.T) {
	const n, rooms = 12_000, 100
	g := rand.New(rand.NewPCG(1, 2))
	scope := search.Scope{Tenant: "t", Rooms: map[string]chat.Seq{}}
	var docs []search.Document
	for i := range n {
		key, seq := fmt.Sprint("room", i%rooms), chat.Seq(i/rooms+1)
		scope.Rooms[key] = 1
		d := search.Document{
			Position: chat.Position{Room: chat.RoomID{Tenant: "t", Key: key}, Seq: seq}, Revision: seq,
			At:     time.UnixMilli(1_790_000_000_000 + int64(i/5)*97_000),
			Tokens: []string{"all", fmt.Sprint("n", i%7), "x", fmt.Sprint("m", i%1000)},
			Fields: map[string][]string{search.FieldAuthor: {fmt.Sprint(i % 13)}, search.FieldMention: {"ann", fmt.Sprint(i % 3)}},
		}
		docs = append(docs, d)
		if i%11 == 0 {
			d.Revision += 500
			if d.Gone = i%2 == 0; !d.Gone {
				d.Tokens = []string{"all", "changed"}
			}
			docs = append(docs, d)
		}
	}
	// One part comes in whatever order; the rest in order of time, but dealt into heaps that
	// come one after the other, so that blocks of several segments end at the same times.
	late := docs[len(docs)/3:]
	docs = docs[: len(docs)/3 : len(docs)/3]
	g.Shuffle(len(docs), func(i, j int) { docs[i], docs[j] = docs[j], docs[i] })
	for heap := range 3 {
		for i := heap; i < len(late); i += 3 {
			docs = append(docs, late[i])
		}
	}
	few := search.Scope{Tenant: "t", Rooms: map[string]chat.Seq{"room7": 60, "room8": 1, "room99": 7, "unknown": 1}}
	since := search.Scope{Tenant: "t", Rooms: map[string]chat.Seq{}}
	for key := range scope.Rooms {
		since.Rooms[key] = 100
	}
	for _, p := range []bleve.Period{bleve.Month, bleve.None} {
		o := options()
		o.Period = p
		ix, want := open(t, t.TempDir(), o).Index(), memory.New(nil).Index()
		for batch := range slices.Chunk(docs, chat.MaxBatch) {
			for _, ix := range []search.Index{ix, want} {
				if err := ix.Apply(t.Context(), batch); err != nil {
					t.Fatal(err)
				}
			}
		}
		for _, s := range []search.Scope{scope, few, since, {Tenant: "t", All: true}, {Tenant: "u", All: true}} {
			for _, where := range []search.Expr{
				nil, search.Term("all"), search.Term("changed"), search.Prefix("m1"), search.Not{Expr: search.Term("x")},
				search.Phrase{Tokens: []string{"all", "n3", "x"}}, search.Phrase{Tokens: []string{"n3", "x", "m"}, LastIsPrefix: true},
				search.Phrase{Tokens: []string{"x", "all"}}, search.And{search.Term("n1"), search.Term("m15")},
				search.Between{From: docs[0].At, To: docs[0].At.Add(30 * time.Hour)},
				search.Equal{Field: search.FieldMonth, Value: chat.Month(docs[0].At)},
			} {
				for _, r := range []search.Request{
					{Limit: 3}, {Limit: 200}, {Limit: 150, Count: 5000, Facets: []search.Facet{{Field: "author", Size: 5}, {Field: "mention", Size: 3}, {Field: "month", Size: 9}, {Field: "room", Size: 7}}},
				} {
					r.Where, r.Scope = where, s
					if r.Limit == 3 { // a few pages from several places on
						for i := range 40 {
							at := docs[i*len(docs)/40]
							r.After = r.NextAfter(search.Hit{At: at.At, Position: at.Position})
							a, err := ix.Search(t.Context(), r)
							b, _ := want.Search(t.Context(), r)
							if err != nil || fmt.Sprint(a) != fmt.Sprint(b) {
								t.Fatalf("%#v: %+v, %v; want %+v", r, a, err, b)
							}
						}
						continue
					}
					if err := agree(t.Context(), ix, want, r); err != nil {
						t.Fatal(err)
					}
				}
			}
		}
	}
}
