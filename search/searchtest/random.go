package searchtest

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/search"
	"github.com/parlor-chat/parlor/storage"
)

var randomCases = []indexCase{
	{
		"random requests", "what nobody thought of: random documents and expressions have the answers of search.Match",
		func(w *world) error {
			g := newGen(1)
			for round := range 4 {
				if err := w.apply(g.docs(150)...); err != nil {
					return err
				}
				for i := range 60 {
					if err := w.agrees(g.request(40)); err != nil {
						return fmt.Errorf("round %d, request %d: %w", round, i, err)
					}
				}
			}
			return nil
		},
	},
	{
		"a random life", "texts come one by one and in heaps, from several months, are changed, retracted, dropped and come again",
		func(w *world) error {
			g := newGen(2)
			for step := range 60 {
				if err := g.live(w); err != nil {
					return fmt.Errorf("step %d: %w", step, err)
				}
				for range 3 {
					if err := w.agrees(g.request(search.MaxLimit)); err != nil {
						return fmt.Errorf("step %d: %w", step, err)
					}
				}
			}
			return nil
		},
	},
	{
		"random pages", "somebody turns pages while all of that goes on: no hit comes twice, and none that was there all the time is missing",
		func(w *world) error {
			g := newGen(3)
			if err := w.apply(g.docs(600)...); err != nil {
				return err
			}
			for walk := range 15 {
				r := g.request(30)
				r.Limit, r.ByScore = r.Limit+5, false
				if err := g.turn(w, r); err != nil {
					return fmt.Errorf("walk %d: %w", walk, err)
				}
			}
			return nil
		},
	},
}

// gen makes random documents and requests. It has few words and places, so that much
// matches and is changed.
type gen struct{ *rand.Rand }

func newGen(seed uint64) gen { return gen{rand.New(rand.NewPCG(2026, seed))} }

// scripts are pieces of texts as people write them.
var scripts = [][]string{
	strings.Fields("a aa ab b ba the peer peers GitHub github.com don't x1 x"),
	strings.Fields("型 型システム シス GitHubの 情報 共有する は、 です。 ー"),
	strings.Fields("नमस्ते दुनिया में है दुन दु १२"),
	strings.Fields("во вода مر مرحبا สวัสดี ครับ 안녕 café cafe Ünder 🎉 …"),
}

func (g gen) pick(from ...string) string { return from[g.IntN(len(from))] }

func (g gen) room() string   { return g.pick("r", "R", "s s", "~t") }
func (g gen) author() string { return g.pick("ann", "Ann", "bob", "") }

// text is up to so many pieces, of one script or of all.
func (g gen) text(most int) string {
	from := scripts[g.IntN(len(scripts))]
	if g.IntN(3) == 0 {
		from = slices.Concat(scripts...)
	}
	var text strings.Builder
	for range g.IntN(most + 1) {
		text.WriteString(g.pick(from...))
		text.WriteString(g.pick(" ", " ", "", "-"))
	}
	return text.String()
}

// token is one token of a text.
func (g gen) token() string {
	for {
		if tokens := search.Analyze(g.text(3)); len(tokens) > 0 {
			return g.pick(tokens...)
		}
	}
}

// beginning is how a token may begin.
func (g gen) beginning() string {
	token := []rune(g.token())
	return string(token[:1+g.IntN(len(token))])
}

// edges are the ends of months about which all documents lie.
var edges = []time.Time{
	time.Date(2026, 9, 1, 0, 0, 0, 0, time.UTC), time.Date(2026, 10, 1, 0, 0, 0, 0, time.UTC),
	time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC), time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC),
}

// time is a time at one of the edges, or no more than three milliseconds away.
func (g gen) time() time.Time {
	return edges[g.IntN(len(edges))].Add(time.Duration(g.IntN(7)-3) * time.Millisecond)
}

// place is one of few positions, and its At, which is always the same. The same Seq
// has the same At in all rooms, and some lie far behind a loss.
func (g gen) place() (chat.Position, time.Time) {
	n := g.IntN(100)
	when := edges[n*len(edges)/100].Add(time.Duration(n%7-3) * time.Millisecond)
	return at(g.room(), chat.Seq(n+1)+chat.Seq(n/30)*chat.VoidSpan), when
}

// doc is a document at one of few places, so that many are revised.
func (g gen) doc() search.Document {
	p, when := g.place()
	d := search.Document{Position: p, Revision: p.Seq + chat.Seq(g.IntN(20)), At: when}
	if g.IntN(8) == 0 {
		d.Gone = true
		return d
	}
	d.Tokens, d.Fields = search.Analyze(g.text(8)), map[string][]string{"kind": {g.pick("text", "action")}}
	if a := g.author(); a != "" {
		d.Fields["author"] = []string{a}
	}
	for _, v := range []string{"link", "file", "code"} {
		if g.IntN(3) == 0 {
			d.Fields["has"] = append(d.Fields["has"], v)
		}
	}
	for range g.IntN(3) {
		d.Fields["mention"] = append(d.Fields["mention"], g.pick("ann", "bob"))
	}
	return d
}

func (g gen) docs(n int) []search.Document {
	docs := make([]search.Document, n)
	for i := range docs {
		docs[i] = g.doc()
	}
	return docs
}

// live does one of the things that happen to an index.
func (g gen) live(w *world) error {
	switch g.IntN(8) {
	case 0:
		return w.apply(g.docs(200)...)
	case 1:
		return w.drop(storage.Span{Tenant: tenant, Room: g.room()}, g.time())
	case 2:
		return w.drop(storage.Span{Tenant: tenant}, edges[g.IntN(2)])
	}
	return w.apply(g.docs(1 + g.IntN(5))...)
}

// turn turns the pages of a request while other things happen.
func (g gen) turn(w *world, r search.Request) error {
	missing := map[chat.Position]chat.Seq{} // what was there all the time and wasn't seen yet, by revision
	for _, d := range w.matches(r) {
		missing[d.Position] = d.Revision
	}
	seen := map[chat.Position]bool{}
	for first := true; first || r.After != ""; first = false {
		res, err := w.ix.Search(w.ctx, r)
		if err != nil {
			return fmt.Errorf("search %s: %w", show(r), err)
		}
		now := map[chat.Position]chat.Seq{}
		for _, d := range w.matches(r) {
			now[d.Position] = d.Revision
		}
		if want := min(len(now), r.Count); res.Count != want {
			return fmt.Errorf("%s counts %d, want %d", show(r), res.Count, want)
		}
		for _, h := range res.Hits {
			if now[h.Position] != h.Revision {
				return fmt.Errorf("%s finds %v in revision %d, want %d", show(r), h.Position, h.Revision, now[h.Position])
			}
			if seen[h.Position] {
				return fmt.Errorf("%s finds %v twice", show(r), h.Position)
			}
			seen[h.Position] = true
			delete(missing, h.Position)
		}
		if err := g.live(w); err != nil {
			return err
		}
		maps.DeleteFunc(missing, func(p chat.Position, revision chat.Seq) bool { return w.applied[p].Revision != revision })
		r.After = res.Next
	}
	for p := range missing {
		return fmt.Errorf("%s never finds %v", show(r), p)
	}
	return nil
}

// request is a random one, for pages of up to so many hits.
func (g gen) request(most int) search.Request {
	r := search.Request{
		Where: g.expr(4), Scope: rooms(), ByScore: g.IntN(4) == 0,
		Limit: g.IntN(most), Count: g.IntN(3) * g.IntN(300),
	}
	for range 1 + g.IntN(4) {
		r.Scope.Rooms[g.room()] = chat.Seq(g.IntN(60)) + chat.Seq(g.IntN(8)/7)*chat.VoidSpan
	}
	for range g.IntN(3) {
		r.Facets = append(r.Facets, search.Facet{
			Field: g.pick("room", "month", "author", "has", "kind", "mention"), Size: 1 + g.IntN(4),
		})
	}
	r.Scope.All = r.Limit%8 == 7
	return r
}

// expr is a random expression of all eight kinds. depth is how far they are nested.
func (g gen) expr(depth int) search.Expr {
	kind := g.IntN(9)
	if depth == 0 {
		kind = 3 + g.IntN(6)
	}
	switch kind {
	case 0:
		return search.And(g.parts(depth - 1))
	case 1:
		return search.Or(g.parts(depth - 1))
	case 2:
		return search.Not{Expr: g.expr(depth - 1)}
	case 3:
		return search.Term(g.token())
	case 4:
		return search.Prefix(g.beginning())
	case 5:
		tokens := search.Analyze(g.text(3)) // as some document has them
		if g.IntN(2) == 0 {
			return search.Phrase{Tokens: append(tokens, g.beginning()), LastIsPrefix: true}
		}
		return search.Phrase{Tokens: append(tokens, g.token())}
	case 6:
		return search.Between{From: g.time(), To: g.time()}
	case 7:
		return search.PhraseOf(g.text(2), g.IntN(2) == 0) // as somebody types it
	}
	return equals[g.IntN(len(equals))]
}

// equals are values that fields have, and two that they don't.
var equals = []search.Equal{
	{Field: "room", Value: "r"}, {Field: "room", Value: "s s"}, {Field: "author", Value: "ann"}, {Field: "author", Value: "bob"},
	{Field: "has", Value: "link"}, {Field: "has", Value: "code"}, {Field: "mention", Value: "bob"}, {Field: "kind", Value: "text"},
	{Field: "month", Value: "2026-11"}, {Field: "month", Value: "2026-08"}, {Field: "month", Value: "2026"}, {Field: "room", Value: "ann"},
}

func (g gen) parts(depth int) []search.Expr {
	parts := make([]search.Expr, g.IntN(4))
	for i := range parts {
		parts[i] = g.expr(depth)
	}
	return parts
}
