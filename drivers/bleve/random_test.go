package bleve_test

import (
	"context"
	"fmt"
	"hash/crc32"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/drivers/bleve"
	"github.com/parlor-chat/parlor/drivers/memory"
	"github.com/parlor-chat/parlor/search"
	"github.com/parlor-chat/parlor/storage"
)

// What is drawn has few values, so that much matches and much is replaced. Times lie about
// the ends of months, of a year, and long ago.
var (
	tenants = []string{"t", "t", "t", "u"}
	rooms   = []string{"r", "R", "s s", "~t"}
	words   = strings.Fields("a b aa aab ab ba bb abcd abcde 型 型シ シス シ во दुन x1")
	word    = rapid.OneOf(rapid.SampledFrom(words), rapid.SampledFrom(words[:2]))
	edges   = []time.Time{
		time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC), time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC),
		time.Date(2026, 11, 4, 0, 0, 0, 0, time.UTC), time.Date(1969, 12, 31, 23, 59, 59, 0, time.UTC),
	}
	drawDoc = rapid.Custom(func(t *rapid.T) search.Document {
		room := chat.RoomID{Tenant: rapid.SampledFrom(tenants).Draw(t, "tenant"), Key: rapid.SampledFrom(rooms).Draw(t, "room")}
		seq := chat.Seq(rapid.IntRange(1, 40).Draw(t, "seq"))
		at := edges[int(seq)%len(edges)].Add(time.Duration(int(seq)-20) * time.Millisecond)
		if rapid.IntRange(0, 3).Draw(t, "jump") == 0 {
			seq += chat.VoidSpan
		}
		d := search.Document{
			Position: chat.Position{Room: room, Seq: seq}, At: at,
			Revision: seq + chat.Seq(rapid.IntRange(0, 9).Draw(t, "revision")),
			Gone:     rapid.IntRange(0, 5).Draw(t, "gone") == 0,
		}
		if !d.Gone {
			d.Tokens = rapid.SliceOfN(word, 0, 12).Draw(t, "tokens")
			d.Fields = map[string][]string{
				search.FieldAuthor:  {rapid.SampledFrom([]string{"ann", "bob", ""}).Draw(t, "author")},
				search.FieldMention: rapid.SliceOfN(rapid.SampledFrom([]string{"ann", "bob", "cyd"}), 0, 4).Draw(t, "mention"),
				search.FieldRoom:    {"not a field of its own"},
				"unknown":           {"x"},
			}
		}
		return d
	})
	drawTime = rapid.Custom(func(t *rapid.T) time.Time {
		edge := rapid.SampledFrom(append(edges, time.Time{})).Draw(t, "edge")
		if edge.IsZero() {
			return edge
		}
		return edge.Add(time.Duration(rapid.IntRange(-25, 25).Draw(t, "ms"))*time.Millisecond + time.Duration(rapid.IntRange(0, 1).Draw(t, "ns")))
	})
)

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
			return search.Or(parts())
		case 2:
			return search.Not{Expr: drawExpr(depth-1).Draw(t, "not")}
		case 3:
			return search.Term(word.Draw(t, "term"))
		case 4:
			return search.Prefix(word.Draw(t, "prefix"))
		case 5:
			return search.Phrase{Tokens: rapid.SliceOfN(word, 1, 5).Draw(t, "phrase"), LastIsPrefix: rapid.Bool().Draw(t, "last")}
		case 6:
			return search.Between{From: drawTime.Draw(t, "from"), To: drawTime.Draw(t, "to")}
		}
		field := rapid.SampledFrom([]string{"room", "author", "mention", "month", "kind"}).Draw(t, "field")
		return search.Equal{Field: field, Value: rapid.SampledFrom([]string{"r", "s s", "ann", "", "2026-10", "2026-11", "2026-12"}).Draw(t, "value")}
	})
}

var drawRequest = rapid.Custom(func(t *rapid.T) search.Request {
	r := search.Request{
		Scope:   search.Scope{Tenant: rapid.SampledFrom(tenants).Draw(t, "tenant"), Rooms: map[string]chat.Seq{}},
		ByScore: rapid.IntRange(0, 3).Draw(t, "by score") == 0,
		Limit:   rapid.IntRange(0, 12).Draw(t, "limit"),
		Count:   rapid.SampledFrom([]int{0, 1, 5, 1000}).Draw(t, "count"),
	}
	r.Scope.All = rapid.IntRange(0, 7).Draw(t, "all") == 0
	if rapid.IntRange(0, 9).Draw(t, "where") > 0 {
		r.Where = drawExpr(3).Draw(t, "where")
	}
	for _, room := range rapid.SliceOfN(rapid.SampledFrom(append(rooms, "unknown")), 0, 5).Draw(t, "rooms") {
		r.Scope.Rooms[room] = rapid.SampledFrom([]chat.Seq{0, 1, 7, chat.VoidSpan + 3}).Draw(t, "from")
	}
	if rapid.IntRange(0, 3).Draw(t, "many") == 0 { // more than are looked up one by one
		for i := range 100 {
			r.Scope.Rooms[fmt.Sprint("no", i)] = 1
		}
	}
	for _, f := range rapid.SliceOfN(rapid.SampledFrom([]string{"room", "author", "mention", "month", "kind"}), 0, 2).Draw(t, "facets") {
		r.Facets = append(r.Facets, search.Facet{Field: f, Size: rapid.IntRange(1, 4).Draw(t, "size")})
	}
	return r
})

// agree checks that two indexes give the same answers, all pages of them.
func agree(ctx context.Context, a, b search.Index, r search.Request) error {
	for page := 0; ; page++ {
		x, err := a.Search(ctx, r)
		if err != nil {
			return fmt.Errorf("%#v: %w", r, err)
		}
		y, err := b.Search(ctx, r)
		if err != nil {
			return fmt.Errorf("%#v: %w", r, err)
		}
		if len(x.Hits) == 0 && len(y.Hits) == 0 {
			x.Hits, y.Hits = nil, nil
		}
		if len(r.Facets) > 0 && fmt.Sprint(x.Facets) == fmt.Sprint(y.Facets) {
			x.Facets, y.Facets = nil, nil
		}
		if !reflect.DeepEqual(x, y) {
			for i := range min(len(x.Hits), len(y.Hits)) {
				if x.Hits[i] != y.Hits[i] {
					return fmt.Errorf("%#v, page %d: hit %d of %d is %+v, want %+v of %d", r, page, i, len(x.Hits), x.Hits[i], y.Hits[i], len(y.Hits))
				}
			}
			return fmt.Errorf("%#v, page %d:\n%+v, want\n%+v", r, page, x, y)
		}
		if r.After = x.Next; r.After == "" {
			return nil
		}
	}
}

// crash copies a folder as kill -9 would leave it now: until nothing was written to it
// meanwhile.
func crash(t *testing.T, from string) string {
	for {
		dir, err := os.MkdirTemp(t.TempDir(), "")
		if err != nil {
			t.Fatal(err)
		}
		a, err := copyDir(from, dir)
		if err == nil {
			b, err := copyDir(from, "")
			if err == nil && maps.Equal(a, b) {
				return dir
			}
		}
		os.RemoveAll(dir)
	}
}

// copyDir copies a folder, if somewhere, and says what it is.
func copyDir(from, to string) (map[string]uint32, error) {
	all := map[string]uint32{}
	return all, filepath.WalkDir(from, func(path string, e os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		if e.IsDir() {
			all[rel] = 0
			if to == "" {
				return nil
			}
			return os.MkdirAll(filepath.Join(to, rel), 0o700)
		}
		b, err := os.ReadFile(path)
		all[rel] = crc32.ChecksumIEEE(b)
		if err != nil || to == "" {
			return err
		}
		return os.WriteFile(filepath.Join(to, rel), b, 0o600)
	})
}

// Whatever is applied and dropped, the answers are those of the memory driver, also behind
// a close and a crash, in all periods.
func TestItAnswersAsMemoryDoes(tt *testing.T) {
	rapid.Check(tt, func(rt *rapid.T) {
		ctx := tt.Context()
		dir, err := os.MkdirTemp(tt.TempDir(), "")
		if err != nil {
			rt.Fatal(err)
		}
		opt := &bleve.Options{Log: quiet, Period: rapid.SampledFrom([]bleve.Period{bleve.Month, bleve.Year, bleve.None}).Draw(rt, "period")}
		opt.Cooling(time.Millisecond, 2*time.Millisecond)
		if rapid.IntRange(0, 3).Draw(rt, "nap") > 0 {
			opt.Hurrying()
		}
		if rapid.Bool().Draw(rt, "short log") {
			opt.Cutting(1000)
		}
		if rapid.Bool().Draw(rt, "little memory") {
			opt.Cache = 1
		}
		var st *bleve.Store
		open := func(dir string) {
			if st, err = bleve.Open(ctx, dir, opt); err != nil {
				rt.Fatal(err)
			}
			if err := st.Ready(ctx); err != nil {
				rt.Fatal(err)
			}
		}
		open(dir)
		defer func() { st.Close() }()
		want := memory.New(nil).Index()
		rt.Repeat(map[string]func(*rapid.T){
			"apply": func(t *rapid.T) {
				docs := rapid.SliceOfN(drawDoc, 1, 20).Draw(t, "docs")
				var upTo []chat.Position
				for _, d := range docs[:len(docs)/4] {
					upTo = append(upTo, chat.Position{Room: d.Position.Room, Seq: d.Revision})
				}
				for _, ix := range []search.Index{st.Index(), want} {
					if err := ix.Apply(ctx, docs, upTo...); err != nil {
						t.Fatal(err)
					}
				}
			},
			"drop": func(t *rapid.T) {
				if rapid.IntRange(0, 2).Draw(t, "really") > 0 {
					return
				}
				span := storage.Span{Tenant: rapid.SampledFrom(tenants).Draw(t, "tenant"), Room: rapid.SampledFrom(append(rooms, "")).Draw(t, "room")}
				before := drawTime.Draw(t, "before")
				for _, ix := range []search.Index{st.Index(), want} {
					if err := ix.Drop(ctx, span, before); err != nil {
						t.Fatal(err)
					}
				}
			},
			"reopen": func(t *rapid.T) {
				switch rapid.IntRange(0, 9).Draw(t, "how") {
				case 0:
					if err := st.Close(); err != nil {
						t.Fatal(err)
					}
					open(dir)
				case 1: // a crash
					next := crash(tt, dir)
					if err := st.Close(); err != nil {
						t.Fatal(err)
					}
					dir = next
					open(dir)
				}
			},
			"search": func(t *rapid.T) {
				for range 5 {
					if err := agree(ctx, st.Index(), want, drawRequest.Draw(t, "request")); err != nil {
						t.Fatal(err)
					}
				}
			},
			"": func(t *rapid.T) {
				for _, key := range rooms {
					room := chat.RoomID{Tenant: "t", Key: key}
					a, err := st.Index().Watermark(ctx, room)
					b, _ := want.Watermark(ctx, room)
					if err != nil || a[0] != b[0] {
						t.Fatalf("%v is indexed up to %v, %v; want %v", room, a, err, b)
					}
				}
			},
		})
	})
}
