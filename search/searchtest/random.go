package searchtest

import (
	"fmt"
	"math/rand/v2"
	"strings"

	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/search"
)

var randomCases = []indexCase{{
	"random requests", "what nobody thought of: random documents and expressions have the answers of search.Match",
	func(w *world) error {
		g := gen{rand.New(rand.NewPCG(2026, 11))}
		for round := range 4 {
			var docs []search.Document
			for range 150 {
				docs = append(docs, g.doc())
			}
			if err := w.apply(docs...); err != nil {
				return err
			}
			for i := range 60 {
				if err := w.agrees(g.request()); err != nil {
					return fmt.Errorf("round %d, request %d: %w", round, i, err)
				}
			}
		}
		return nil
	},
}}

// gen makes random documents and requests out of few words, so that much
// matches.
type gen struct{ *rand.Rand }

var vocabulary = strings.Fields("a aa ab b ba 型 型シ シス は в во مر دुन x1 x")

func (g gen) pick(from ...string) string { return from[g.IntN(len(from))] }

func (g gen) word() string { return g.pick(vocabulary...) }

func (g gen) words(most int) []string {
	all := make([]string, g.IntN(most+1))
	for i := range all {
		all[i] = g.word()
	}
	return all
}

func (g gen) room() string   { return g.pick("r", "R", "s s") }
func (g gen) author() string { return g.pick("ann", "Ann", "bob", "") }

// doc is a document at one of few places, so that many are revised. The At of a
// place is always the same.
func (g gen) doc() search.Document {
	room, seq := g.room(), chat.Seq(1+g.IntN(100))
	d := doc(room, seq, int(seq)/7, "")
	d.Revision += chat.Seq(g.IntN(20))
	if d.Gone = g.IntN(8) == 0; d.Gone {
		return search.Document{Position: d.Position, Revision: d.Revision, At: d.At, Gone: true}
	}
	d.Tokens = g.words(8)
	if a := g.author(); a != "" {
		d.Fields["author"] = []string{a}
	}
	for _, has := range []string{"link", "file", "code"} {
		if g.IntN(3) == 0 {
			d.Fields["has"] = append(d.Fields["has"], has)
		}
	}
	return d
}

func (g gen) request() search.Request {
	r := search.Request{
		Where: g.expr(4), Scope: rooms(), ByScore: g.IntN(4) == 0,
		Limit: g.IntN(40), Count: g.IntN(3) * g.IntN(300),
	}
	for range 1 + g.IntN(3) {
		r.Scope.Rooms[g.room()] = chat.Seq(g.IntN(100))
	}
	for range g.IntN(3) {
		r.Facets = append(r.Facets, search.Facet{Field: g.pick("room", "month", "author", "has", "kind"), Size: 1 + g.IntN(4)})
	}
	r.Scope.All = r.Limit%8 == 7
	return r
}

func (g gen) expr(depth int) search.Expr {
	kind := g.IntN(8)
	if depth == 0 {
		kind = 3 + g.IntN(5)
	}
	switch kind {
	case 0:
		return search.And(g.parts(depth - 1))
	case 1:
		return search.Or(g.parts(depth - 1))
	case 2:
		return search.Not{Expr: g.expr(depth - 1)}
	case 3:
		return search.Term(g.word())
	case 4:
		return search.Prefix(g.word())
	case 5:
		return search.Phrase{Tokens: append(g.words(2), g.word()), LastIsPrefix: g.IntN(2) == 0}
	case 6:
		return search.Between{From: minute(g.IntN(15)), To: minute(g.IntN(15))}
	}
	return search.Equal{Field: g.pick("room", "author", "has", "month"), Value: g.pick("r", "s s", "ann", "bob", "link", "2026-11")}
}

func (g gen) parts(depth int) []search.Expr {
	parts := make([]search.Expr, g.IntN(4))
	for i := range parts {
		parts[i] = g.expr(depth)
	}
	return parts
}
