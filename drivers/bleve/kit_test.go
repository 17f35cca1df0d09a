package bleve_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/drivers/bleve"
	"github.com/parlor-chat/parlor/drivers/memory"
	"github.com/parlor-chat/parlor/search"
	"github.com/parlor-chat/parlor/storage"
)

// open opens a folder and waits until it is.
func open(t testing.TB, dir string, o *bleve.Options) *bleve.Store {
	t.Helper()
	st, err := bleve.Open(t.Context(), dir, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { st.Close() })
	if err := st.Ready(t.Context()); err != nil {
		t.Fatal(err)
	}
	return st
}

// options are those of most tests.
func options() *bleve.Options {
	o := &bleve.Options{Log: quiet}
	o.Hurrying()
	return o
}

// call is one Apply of a writer's life.
type call struct {
	docs []search.Document
	upTo chat.Position
}

// clock is the room whose watermark counts the calls of a writer.
func clock(writer int) chat.RoomID {
	return chat.RoomID{Tenant: "t", Key: fmt.Sprint("clock", writer)}
}

// life is the calls of a writer, always the same: texts of several months in rooms of its
// own, edits and retractions of older ones among them.
func life(writer, calls int) []call {
	g := rand.New(rand.NewPCG(uint64(writer), 7))
	start := time.Date(2026, 1, 30, 0, 0, 0, 0, time.UTC)
	var all []call
	var said []search.Document
	for n := range calls {
		c := call{upTo: chat.Position{Room: clock(writer), Seq: chat.Seq(n + 1)}}
		for range 1 + g.IntN(6) {
			seq := chat.Seq(len(said) + 1)
			d := search.Document{
				Position: chat.Position{Room: chat.RoomID{Tenant: "t", Key: fmt.Sprint("room", writer, "-", seq%3)}, Seq: seq},
				Revision: seq, At: start.Add(time.Duration(seq) * 5 * time.Hour), Fields: map[string][]string{search.FieldAuthor: {fmt.Sprint("a", seq%5)}},
			}
			if len(said) > 0 && g.IntN(3) == 0 {
				d = said[g.IntN(len(said))]
				d.Revision += chat.Seq(1000 + n)
			}
			if d.Gone = g.IntN(6) == 0; !d.Gone {
				d.Tokens = search.Analyze(fmt.Sprintf("writer %d call %d says x%d and y%d", writer, n, g.IntN(20), g.IntN(4)))
				said = append(said, d)
			}
			c.docs = append(c.docs, d)
		}
		all = append(all, c)
	}
	return all
}

// fill applies a life.
func fill(t testing.TB, ix search.Index, life []call) {
	t.Helper()
	for _, c := range life {
		if err := ix.Apply(t.Context(), c.docs, c.upTo); err != nil {
			t.Fatal(err)
		}
	}
}

// questions are asked to compare two indexes.
var questions = []search.Request{
	{Limit: 20, Count: 10_000},
	{Where: search.Term("x1"), Limit: 7, Count: 100, Facets: []search.Facet{{Field: "author", Size: 9}, {Field: "room", Size: 9}, {Field: "month", Size: 9}}},
	{Where: search.Prefix("y"), Limit: 50, ByScore: true},
	{Where: search.Phrase{Tokens: []string{"says", "x2", "and"}}, Limit: 5, Count: 3},
	{Where: search.Not{Expr: search.Term("y1")}, Limit: 11},
	{Where: search.Equal{Field: search.FieldMonth, Value: "2026-03"}, Limit: 500, Count: 1},
}

// same says where two indexes answer differently.
func same(ctx context.Context, ix, want search.Index) error {
	for _, r := range questions {
		r.Scope = search.Scope{Tenant: "t", All: true}
		if err := agree(ctx, ix, want, r); err != nil {
			return err
		}
	}
	return nil
}

// holdsWhatItSays checks that an index has of each writer's life what the watermark says,
// no less and no more.
func holdsWhatItSays(ctx context.Context, ix search.Index, lives [][]call) (calls []int, err error) {
	want := memory.New(nil).Index()
	for w, life := range lives {
		marks, err := ix.Watermark(ctx, clock(w))
		if err != nil {
			return nil, err
		}
		if int(marks[0]) > len(life) {
			return nil, fmt.Errorf("writer %d is indexed up to %d of %d", w, marks[0], len(life))
		}
		calls = append(calls, int(marks[0]))
		for _, c := range life[:marks[0]] {
			if err := want.Apply(ctx, c.docs, c.upTo); err != nil {
				return nil, err
			}
		}
	}
	return calls, same(ctx, ix, want)
}

// wantUnavailable checks an error and what it says.
func wantUnavailable(t testing.TB, err error, says string) {
	t.Helper()
	if !errors.Is(err, chat.ErrUnavailable) || !strings.Contains(err.Error(), says) {
		t.Errorf("%v; want unavailable, and %q", err, says)
	}
}

func storageSpan(tenant, room string) storage.Span { return storage.Span{Tenant: tenant, Room: room} }

var everything = search.Scope{Tenant: "t", All: true}
