package query_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/parlor-chat/parlor/search/query"
)

// tree writes a tree without places, so that two can be compared.
func tree(n query.Node) string {
	list := func(kind string, parts ...query.Node) string {
		s := "(" + kind
		for _, part := range parts {
			s += " " + tree(part)
		}
		return s + ")"
	}
	switch n := n.(type) {
	case nil:
		return "nothing"
	case query.Text:
		if n.Prefix {
			return fmt.Sprintf("%q*", n.Text)
		}
		return fmt.Sprintf("%q", n.Text)
	case query.And:
		return list("and", n.Parts...)
	case query.Or:
		return list("or", n.Parts...)
	case query.Not:
		return list("not", n.Part)
	case query.Field:
		return list(n.Name+":", n.Value)
	case query.Range:
		open, closed := "[", "]"
		if n.From.Without {
			open = "{"
		}
		if n.To.Without {
			closed = "}"
		}
		return fmt.Sprintf("%s%q %q%s", open, n.From.Text, n.To.Text, closed)
	}
	return fmt.Sprintf("%T", n)
}

// every calls fn for each node of a tree.
func every(n query.Node, fn func(query.Node)) {
	if n == nil {
		return
	}
	fn(n)
	switch n := n.(type) {
	case query.And:
		for _, part := range n.Parts {
			every(part, fn)
		}
	case query.Or:
		for _, part := range n.Parts {
			every(part, fn)
		}
	case query.Not:
		every(n.Part, fn)
	case query.Field:
		every(n.Value, fn)
	}
}

func parse(t testing.TB, text string) *query.Query {
	t.Helper()
	q, err := query.Parse(text)
	if err != nil {
		t.Fatalf("%q: %v", text, err)
	}
	return q
}

// notes are the texts of notes, with the part of the query that each is about.
func notes(text string, all []query.Note) string {
	var b strings.Builder
	for _, n := range all {
		fmt.Fprintf(&b, "[%s] %s\n", text[n.Start:n.End], n.Text)
	}
	return strings.TrimSuffix(b.String(), "\n")
}
