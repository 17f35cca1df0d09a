package query_test

import (
	"errors"
	"reflect"
	"testing"
	"unicode/utf8"

	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/search"
	"github.com/parlor-chat/parlor/search/query"
)

// seeds are texts that a fuzzer begins with, besides those that it once found.
var seeds = []string{
	"", "a b OR c", `from:"Ann Lee" -in:general`, "at:[2026-01 TO 2026-02}", `"a phrase pre*"`, "after:7d before:today", "(a OR (b -c)) +d",
	`a\ b \* "x\"y"`, "from:(ann OR me) to:me has:(link OR file)", "foo:bar", "“a　b” （型）", "*x a?b c~2 d^3", "at:{* TO *]", "a\xff\xed\xa0\x80", "NOT NOT a AND", "thread:0123456789abcdefghjkmnpqr0",
}

// failsWell says whether an error is one of those that a text may have, and can be shown.
func failsWell(t *testing.T, text string, err error) {
	t.Helper()
	var where *query.Error
	var kind *chat.Error
	switch {
	case !errors.As(err, &where) || !errors.As(err, &kind) || kind.Field != "query":
		t.Fatalf("%q: %v", text, err)
	case errors.Is(err, chat.ErrTooLarge) != (kind.Limit > 0):
		t.Fatalf("%q: %v: limit %d", text, err, kind.Limit)
	case where.Start < 0 || where.End < where.Start || where.End > len(text) || where.What == "":
		t.Fatalf("%q: %v: at %d to %d", text, err, where.Start, where.End)
	case !utf8.ValidString(err.Error()) || !utf8.ValidString(where.Caret()):
		t.Fatalf("%q: %q, %q", text, err, where.Caret())
	}
}

// reads checks all that must hold of a query that was read from a text.
func reads(t *testing.T, text string, q *query.Query) {
	t.Helper()
	every(q.Root, func(n query.Node) {
		if p := n.Place(); p.Start < 0 || p.End < p.Start || p.End > len(text) {
			t.Fatalf("%q: %s stands at %v", text, tree(n), p)
		}
	})
	for _, n := range q.Notes {
		if n.Start < 0 || n.End < n.Start || n.End > len(text) || n.Text == "" {
			t.Fatalf("%q: a note at %v: %s", text, n.Span, n.Text)
		}
	}
	if plain := q.String(); len(plain) <= query.MaxLength {
		again, err := query.Parse(plain)
		if err != nil || tree(again.Root) != tree(q.Root) || again.String() != plain {
			t.Fatalf("%q: %s is written %q, read as %v, %v", text, tree(q.Root), plain, again, err)
		}
	}
	if q.Explain() == "" {
		t.Fatalf("%q means nothing", text)
	}
	e, _, err := q.Compile(t.Context(), env())
	if err != nil {
		failsWell(t, text, err)
	} else if err := search.CheckExpr("test", e); err != nil {
		t.Fatalf("%q: %v", text, err)
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range seeds {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		q, err := query.Parse(text)
		if err != nil {
			failsWell(t, text, err)
			return
		}
		reads(t, text, q)
		lenient, err := query.ParseLenient(text)
		if err != nil || !reflect.DeepEqual(lenient.Root, q.Root) || len(lenient.Notes) > 0 {
			t.Fatalf("%q is %v, and leniently %v, %v", text, q, lenient, err)
		}
	})
}

func FuzzLenient(f *testing.F) {
	for _, s := range seeds {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		q, err := query.ParseLenient(text)
		if err != nil {
			failsWell(t, text, err)
			if !errors.Is(err, chat.ErrTooLarge) {
				t.Fatalf("%q: %v", text, err)
			}
			return
		}
		reads(t, text, q)
		if _, err := query.Parse(text); (err == nil) != (len(q.Notes) == 0) {
			t.Fatalf("%q: %v, but %v", text, err, q.Notes)
		}
		if _, _, err := q.Compile(t.Context(), env()); err != nil && !errors.Is(err, chat.ErrTooLarge) {
			t.Fatalf("%q: %v", text, err)
		}
	})
}

func FuzzComplete(f *testing.F) {
	for i, s := range seeds {
		f.Add(s, len(s)-i%3)
	}
	c := query.Completer{Names: house{}, Now: at("2026-11-25T00:00:00Z")}
	f.Fuzz(func(t *testing.T, text string, cursor int) {
		all, err := c.Complete(t.Context(), text, cursor)
		if err != nil {
			var kind *chat.Error
			if !errors.As(err, &kind) {
				t.Fatalf("%q at %d: %v", text, cursor, err)
			}
			return
		}
		if len(all) > query.MaxCompletions {
			t.Fatalf("%q at %d: %d completions", text, cursor, len(all))
		}
		for _, one := range all {
			if one.Start < 0 || one.Start > cursor || one.End < cursor || one.End > len(text) || one.Text == "" {
				t.Fatalf("%q at %d: %v", text, cursor, one)
			}
		}
	})
}
