package bleve_test

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/drivers/bleve"
	"github.com/parlor-chat/parlor/search"
)

// spread is texts over so many days, in their order in time or in any; each 50th is gone.
func spread(n, days int, shuffled bool) []search.Document {
	g := rand.New(rand.NewPCG(3, 4))
	docs := make([]search.Document, n)
	for i, at := range g.Perm(n) {
		if !shuffled {
			at = i
		}
		ms := int64(at) * int64(days) * 24 * time.Hour.Milliseconds() / int64(n)
		docs[i] = search.Document{
			Position: chat.Position{Room: chat.RoomID{Tenant: "t", Key: "r"}, Seq: chat.Seq(i + 1)}, Revision: chat.Seq(i + 1),
			At: dawn.Add(time.Duration(ms) * time.Millisecond), Gone: i%50 == 7,
		}
		if !docs[i].Gone {
			docs[i].Tokens = []string{"all", fmt.Sprint("tenth", i%10)}
		}
	}
	return docs
}

var dawn = time.Date(1969, 12, 1, 0, 0, 0, 0, time.UTC)

func apply(t testing.TB, ix search.Index, docs []search.Document) {
	for len(docs) > 0 {
		n := min(1000, len(docs))
		if err := ix.Apply(t.Context(), docs[:n], docs[n-1].Position); err != nil {
			t.Fatal(err)
		}
		docs = docs[n:]
	}
}

// A span of time holds what lies in it, whatever way to it is the shortest: by blocks that lie
// within it, by the clock, or by lists of days.
func TestSpans(t *testing.T) {
	for _, c := range []struct {
		days     int
		shuffled bool
	}{{5, false}, {5, true}, {400, false}, {400, true}} {
		t.Run(fmt.Sprint(c), func(t *testing.T) {
			docs := spread(4500, c.days, c.shuffled)
			o := options()
			o.Period = bleve.None
			st := open(t, t.TempDir(), o)
			apply(t, st.Index(), docs)
			g := rand.New(rand.NewPCG(1, 2))
			for n := range 100 {
				moment := func() time.Time {
					ms := g.Int64N(int64(c.days+2)*24*3600_000) - 24*3600_000
					if n%4 == 0 {
						ms -= ms % (24 * 3600_000) // midnight
					}
					return dawn.Add(time.Duration(ms) * time.Millisecond)
				}
				b := search.Between{From: moment(), To: moment()}
				where, want := search.Expr(b), 0
				tenth := ""
				if n%2 == 0 {
					tenth = fmt.Sprint("tenth", n/2%10)
					where = search.And{search.Term(tenth), search.Not{Expr: b}}
				}
				for i, d := range docs {
					within := !d.At.Before(b.From) && d.At.Before(b.To)
					if !d.Gone && (tenth == "" && within || tenth == fmt.Sprint("tenth", i%10) && !within) {
						want++
					}
				}
				res, err := st.Index().Search(t.Context(), search.Request{Where: where, Scope: everything, Count: 10_000})
				if err != nil || res.Count != want {
					t.Fatalf("%v: %d, %v; want %d", where, res.Count, err, want)
				}
			}
		})
	}
}

// BenchmarkSpan counts a half of what an index for all times has, by their time.
func BenchmarkSpan(b *testing.B) {
	for _, shuffled := range []bool{false, true} {
		for _, days := range []int{60, 6000} {
			b.Run(fmt.Sprintf("days=%d,shuffled=%v", days, shuffled), func(b *testing.B) {
				o := options()
				o.Period = bleve.None
				st := open(b, b.TempDir(), o)
				apply(b, st.Index(), spread(120_000, days, shuffled))
				half := time.Duration(days) * 12 * time.Hour
				r := search.Request{
					Where: search.Between{From: dawn.Add(half / 2), To: dawn.Add(half / 2 * 3)},
					Scope: everything, Limit: 20, Count: 1_000_000,
				}
				for b.Loop() {
					if res, err := st.Index().Search(b.Context(), r); err != nil || res.Count < 50_000 {
						b.Fatal(res.Count, err)
					}
				}
			})
		}
	}
}
