package query_test

import (
	"strings"
	"testing"
	"unicode"

	"pgregory.net/rapid"

	"github.com/parlor-chat/parlor/search"
	"github.com/parlor-chat/parlor/search/query"
)

// drawTree makes any tree that a text may have.
func drawTree(t *rapid.T, levels int) query.Node {
	kinds := []string{"text", "text", "field"}
	if levels > 1 {
		kinds = append(kinds, "and", "or", "not")
	}
	switch rapid.SampledFrom(kinds).Draw(t, "kind") {
	case "and":
		return query.And{Parts: drawParts(t, levels-1, drawTree)}
	case "or":
		return query.Or{Parts: drawParts(t, levels-1, drawTree)}
	case "not":
		return query.Not{Part: drawTree(t, levels-1)}
	case "field":
		name := rapid.SampledFrom([]string{"from", "in", "to", "mentions", "has", "is", "kind", "thread", "month", "before", "after", "on", "during", "at"}).Draw(t, "name")
		return query.Field{Name: name, Value: drawValue(t, name, levels)}
	}
	n := query.Text{Text: drawText(t)}
	last := []rune(" " + n.Text)
	if r := last[len(last)-1]; unicode.IsLetter(r) && rapid.Bool().Draw(t, "prefix") {
		n.Text += "ab"
		n.Prefix = true
	}
	return n
}

func drawParts(t *rapid.T, levels int, part func(*rapid.T, int) query.Node) []query.Node {
	parts := make([]query.Node, rapid.IntRange(2, 3).Draw(t, "parts"))
	for i := range parts {
		parts[i] = part(t, levels)
	}
	return parts
}

// drawText makes what is hard to write: signs everywhere.
func drawText(t *rapid.T) string {
	return rapid.OneOf(
		rapid.SampledFrom(hard),
		rapid.StringOf(rapid.RuneFrom([]rune(`ab型"“”()（）[]{}:：*＊\-+－＋?~^&| 　'/.!`+"\n\x00\u200b"))),
		rapid.String(),
	).Draw(t, "text")
}

func drawValue(t *rapid.T, name string, levels int) query.Node {
	if levels > 2 && rapid.Bool().Draw(t, "brackets") {
		value := func(t *rapid.T, levels int) query.Node { return drawValue(t, name, levels) }
		switch rapid.IntRange(0, 2).Draw(t, "list") {
		case 0:
			return query.And{Parts: drawParts(t, levels-2, value)}
		case 1:
			return query.Or{Parts: drawParts(t, levels-2, value)}
		}
		return query.Not{Part: value(t, levels-2)}
	}
	if name == "at" && rapid.Bool().Draw(t, "range") {
		return query.Range{From: drawBound(t), To: drawBound(t)}
	}
	pick := func(from ...string) query.Node {
		return query.Text{Text: rapid.SampledFrom(from).Draw(t, "value")}
	}
	switch name {
	case "has":
		return pick("link", "file", "code", "Link")
	case "is":
		return pick("thread", "edited")
	case "kind":
		return pick("text", "action")
	case "thread":
		return pick("0123456789abcdefghjkmnpqr0")
	case "month":
		return pick("2026-11")
	case "on":
		return pick("2026-11-25", "today", "Monday")
	case "during":
		return pick("2026", "2026-11")
	case "before", "after", "at":
		return pick(times...)
	}
	s := drawText(t)
	if s == "" {
		s = "x"
	}
	return query.Text{Text: s}
}

var times = []string{"2026", "2026-11", "2026-11-25", "2026-11-25T10:30", "2026-11-25 10:30", "2026-11-25T10:30:00.5+09:00", "today", "7d"}

func drawBound(t *rapid.T) query.Bound {
	return query.Bound{
		Text:    rapid.SampledFrom(append([]string{""}, times...)).Draw(t, "bound"),
		Without: rapid.Bool().Draw(t, "without"),
	}
}

// hard are texts that mean something else where they aren't written with care.
var hard = strings.Fields(`AND OR NOT && || TO -x +x － －x ＋x -- ++ from: from:x x:y a() () ( ) " “ ” \ \\ x* x＊ * ＊ *x x?y x~2 x^2 [x {x x] } http://x?y 型* ： a：b ""`)

func TestHardTexts(t *testing.T) {
	for _, s := range append(hard, "", " ", "a b", "a　b", " x", "x\n", "x\\ ", "\x00", "\u202e") {
		x := query.Node(query.Text{Text: s})
		trees := []query.Node{x, query.Not{Part: x}, query.And{Parts: []query.Node{x, x}}, query.Or{Parts: []query.Node{x, query.Not{Part: x}}}}
		if s != "" {
			trees = append(trees, query.Field{Name: "from", Value: x}, query.Field{Name: "in", Value: query.Or{Parts: []query.Node{x, x}}})
		}
		for _, n := range trees {
			q := &query.Query{Root: n}
			got, err := query.Parse(q.String())
			if err != nil || tree(got.Root) != tree(n) {
				t.Errorf("%s: written %s, read as %v, %v", tree(n), q, got, err)
			}
		}
	}
}

// What String writes is read as the tree that it was written from, strictly and
// leniently.
func TestStringIsReadBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		q := &query.Query{Root: drawTree(t, 4)}
		text := q.String()
		if len(text) > query.MaxLength {
			t.Skip("too long to be read")
		}
		got, err := query.Parse(text)
		if err != nil {
			t.Fatalf("%s: %s: %v", tree(q.Root), text, err)
		}
		if a, b := tree(q.Root), tree(got.Root); a != b {
			t.Fatalf("%s: written %s, read as %s", a, text, b)
		}
		lenient, err := query.ParseLenient(text)
		if err != nil || len(lenient.Notes) > 0 || tree(lenient.Root) != tree(got.Root) {
			t.Fatalf("%s leniently: %v, %v", text, lenient, err)
		}
	})
}

// Whatever compiles is valid, and what is written again compiles to the same.
func TestCompiledIsValid(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		q := &query.Query{Root: drawTree(t, 4)}
		e, _, err := q.Compile(t.Context(), env())
		if err != nil {
			if !strings.Contains(err.Error(), "ends before") {
				t.Fatalf("%s: %v", q, err)
			}
			return
		}
		if err := search.CheckExpr("test", e); err != nil {
			t.Fatalf("%s: %v", q, err)
		}
		if words := q.Explain(); words == "" || strings.ContainsFunc(words, unicode.IsControl) {
			t.Fatalf("%s means %q", q, words)
		}
	})
}
