package query_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/search/query"
)

func TestParseLenient(t *testing.T) {
	for _, c := range []struct{ name, text, tree, notes string }{
		{"an open quote", `a "b c`, `(and "a" "b c")`, `["] the quote is never closed: read as if it were closed at the end`},
		{"a phone's open quote", `“b c`, `"b c"`, `[“] the quote is never closed: read as if it were closed at the end`},
		{"an open quote in brackets", `from:("ann`, `(from: "ann")`, "[(] “(” is never closed: read as if it were closed at the end\n[\"] the quote is never closed: read as if it were closed at the end"},
		{"an open quote in no range", `from:["ann`, `(and (from: "[") "ann")`, "[\"] the quote is never closed: read as if it were closed at the end"},
		{"an open bracket", "a (b OR c", `(and "a" (or "b" "c"))`, "[(] “(” is never closed: read as if it were closed at the end"},
		{"a closing bracket", "a) b OR c", `(or (and "a" "b") "c")`, "[)] “)” closes nothing: left out"},
		{"a face", "hello :)", `(and "hello" ":")`, "[)] “)” closes nothing: left out"},
		{"empty brackets", "a ( )", `"a"`, "[( )] nothing stands between the brackets: left out"},
		{"AND at the end", "cats AND", `"cats"`, "[AND] “AND” has nothing behind it: left out"},
		{"AND at the beginning", "AND cats", `"cats"`, "[AND] “AND” has nothing before it: left out"},
		{"AND and OR", "a AND OR b", `(or "a" "b")`, "[AND] “AND” has nothing behind it: left out"},
		{"NOT at the end", "a NOT", `"a"`, "[NOT] “NOT” has nothing behind it: left out"},
		{"AND alone", "AND", `"AND"`, "[AND] “AND” has nothing before it: left out\n[AND] nothing was left: the whole is read as text"},
		{"brackets alone", " () ", `"()"`, "[()] nothing stands between the brackets: left out\n[()] nothing was left: the whole is read as text"},
		{"no operator", "Re:hello foo:\"a b\"", `(and "Re:hello" "foo:" "a b")`, "[Re:] there is no operator “Re:”: read as text\n[foo:] there is no operator “foo:”: read as text"},
		{"no value", "hello from:", `"hello"`, "[from:] “from:” has no value: left out"},
		{"a value behind a space", "from: ann b", `(and (from: "ann") "b")`, "[from:] “from:” has no value: what follows is taken for it"},
		{"no value, then an operator", "from: in:x", `(in: "x")`, "[from:] “from:” has no value: left out"},
		{"no value behind a space", "on: b", `"b"`, "[on:] “on:” has no value: left out"},
		{"a value of none", "a has:lonk", `(and "a" "has:lonk")`, "[lonk] “lonk” is nothing that “has:” knows: read as text"},
		{"a value of none in brackets", "has:(lonk OR link)", `(has: "link")`, "[lonk] “lonk” is nothing that “has:” knows: left out\n[OR] “OR” has nothing before it: left out"},
		{"a day that isn't", "on:2026-02-30", `"on:2026-02-30"`, "[2026-02-30] there is no day 30 in February 2026: read as text"},
		{"a star in a value", "from:ann*", `(from: "ann")`, "[*] “from:” takes whole words: left out"},
		{"a star within", "a*b *c*", `(and "a*b" "*c*")`, "[*] “*” stands at the end of a word alone: read as text\n[*] “*” stands at the end of a word alone: read as text"},
		{"a short beginning", "a*", `"a*"`, "[a*] too many words begin with “a”: read as a whole word"},
		{"a short beginning in quotes", `"hello w*"`, `"hello w*"`, `["hello w*"] too many words begin with “w”: read as a whole word`},
		{"Lucene's signs", `a? b?c word~2 "a b"~2 x^2 (a b)^2`, `(and "a?" "b?c" "word~2" "a b" "x^2" (and "a" "b"))`, "[?] “?” stands for no letter here: read as text\n" +
			"[~] “~” finds nothing similar here: read as text\n[~2] “~” finds nothing similar here: left out\n[^] “^” gives no weight here: read as text\n[^2] “^” gives no weight here: left out"},
		{"an open range", "at:[2026 TO 2027", `(at: ["2026" "2027"])`, "[[2026 TO 2027] the range is never closed: read as if it were closed at the end"},
		{"a small to", "at:[2026 to 2027]", `(at: ["2026" "2027"])`, "[to] “TO” is written in capitals: read so"},
		{"no range", "at:[2026] b", `(and "at:[2026]" "b")`, "[[2026]] this is no range: read as text"},
		{"a bad bound", "at:[2026 TO 2026-02-30]", `"at:[2026 TO 2026-02-30]"`, "[[2026 TO 2026-02-30]] there is no day 30 in February 2026: read as text"},
		{"a range of names", "from:[a TO z]", `"from:[a TO z]"`, "[[a TO z]] “from:” takes no range: read as text"},
		{"no UTF-8", "a\xffb \xfe", `(and "a` + "\uFFFD" + `b" "` + "\uFFFD" + `")`, "[\xff] this is no UTF-8: read as a sign in which there is nothing to find"},
		{"half a surrogate in a name", "from:a\xed\xa0\x80", `(from: "a` + "\uFFFD" + `")`, "[\xed\xa0\x80] this is half of a character: a lone surrogate: read as a sign in which there is nothing to find"},
		{"half a surrogate in no value", "has:\xed\xa0\x80", `"has:` + "\uFFFD" + `"`, "[\xed\xa0\x80] this is half of a character: a lone surrogate: read as a sign in which there is nothing to find\n" +
			"[\xed\xa0\x80] “\uFFFD” is nothing that “has:” knows: read as text"},
	} {
		q, err := query.ParseLenient(c.text)
		if err != nil {
			t.Errorf("%s: %q: %v", c.name, c.text, err)
			continue
		}
		if got := tree(q.Root); got != c.tree {
			t.Errorf("%s: %q is\n%s, want\n%s", c.name, c.text, got, c.tree)
		}
		if got := notes(c.text, q.Notes); got != c.notes {
			t.Errorf("%s: %q is noted\n%s, want\n%s", c.name, c.text, got, c.notes)
		}
		strict, err := query.Parse(q.String())
		if err != nil || tree(strict.Root) != tree(q.Root) {
			t.Errorf("%s: %q is written %s, read as %v, %v", c.name, c.text, q, strict, err)
		}
	}
}

func TestNotesAreFew(t *testing.T) {
	q, err := query.ParseLenient(strings.Repeat("OR ", 1000))
	if err != nil || len(q.Notes) != query.MaxNotes {
		t.Errorf("%d notes, %v", len(q.Notes), err)
	}
}

func TestLenientRangeTurnedRound(t *testing.T) {
	const text = "at:[2026-05 TO 2026-03}"
	q, err := query.ParseLenient(text)
	if err != nil {
		t.Fatal(err)
	}
	e, noted, err := q.Compile(t.Context(), env())
	if want := between("2026-03-31T15:00:00Z", "2026-05-31T15:00:00Z"); e != want || err != nil {
		t.Errorf("%v, %v, want %v", e, err, want)
	}
	if got := notes(text, noted); got != "[[2026-05 TO 2026-03}] the range ends before it begins: read the other way round" {
		t.Error(got)
	}
}

func TestLimits(t *testing.T) {
	many := func(n int, s string) string { return strings.TrimSpace(strings.Repeat(s+" ", n)) }
	nested := func(n int) string { return strings.Repeat("(", n) + "a" + strings.Repeat(")", n) }
	ladder := func(n int) string { // n levels, of ANDs and ORs in turn
		s := "a"
		for i := range n - 1 {
			s = []string{"b (" + s + ")", "b OR (" + s + ")"}[i%2]
		}
		return s
	}
	for _, c := range []struct {
		name, text string
		limit      int64 // 0: it is none too many
		start      int
	}{
		{"as long as may be", `"` + strings.Repeat("a", query.MaxLength-2) + `"`, 0, 0},
		{"a byte longer", `"` + strings.Repeat("a", query.MaxLength-1) + `"`, query.MaxLength, query.MaxLength},
		{"a megabyte", strings.Repeat("a ", 1<<19), query.MaxLength, query.MaxLength},
		{"a megabyte of no UTF-8", strings.Repeat("\xff", 1<<20), query.MaxLength, query.MaxLength},
		{"brackets as deep as may be", nested(query.MaxDepth), 0, 0},
		{"brackets too deep", nested(query.MaxDepth + 1), query.MaxDepth, query.MaxDepth},
		{"4,000 brackets", strings.Repeat("(", 4000), query.MaxDepth, query.MaxDepth},
		{"10,000 brackets", strings.Repeat("(", 10_000), query.MaxLength, query.MaxLength},
		{"brackets of operators", strings.Repeat("from:(", 500), query.MaxDepth, query.MaxDepth*6 + 5},
		{"levels as deep as may be", ladder(query.MaxDepth), 0, 0},
		{"a level too deep", ladder(query.MaxDepth + 1), query.MaxDepth, -1},
		{"1,000 times not", many(1000, "NOT") + " a", query.MaxDepth, query.MaxDepth * 4},
		{"as many words as may be", many(query.MaxTerms, "ab"), 0, 0},
		{"a word more", many(query.MaxTerms+1, "ab"), query.MaxTerms, query.MaxTerms * 3},
		{"values more", "from:(" + many(query.MaxTerms+1, "ab") + ")", query.MaxTerms, 6 + query.MaxTerms*3},
		{"as many beginnings as may be", many(query.MaxPrefixes, "ab*"), 0, 0},
		{"a beginning more", many(query.MaxPrefixes+1, "ab*"), query.MaxPrefixes, query.MaxPrefixes * 4},
	} {
		for mode, parse := range map[string]func(string) (*query.Query, error){"strictly": query.Parse, "leniently": query.ParseLenient} {
			q, err := parse(c.text)
			if c.limit == 0 {
				if err != nil {
					t.Errorf("%s, %s: %v", c.name, mode, err)
				} else if _, _, err := q.Compile(t.Context(), env()); err != nil {
					t.Errorf("%s, %s: %v", c.name, mode, err)
				}
				continue
			}
			var where *query.Error
			var kind *chat.Error
			if !errors.Is(err, chat.ErrTooLarge) || !errors.As(err, &kind) || kind.Limit != c.limit || !errors.As(err, &where) {
				t.Errorf("%s, %s: %v, want limit %d", c.name, mode, err, c.limit)
			} else if where.Start != c.start && c.start >= 0 {
				t.Errorf("%s, %s: %v: at %d, want %d", c.name, mode, err, where.Start, c.start)
			}
			if len(err.Error()) > 300 {
				t.Errorf("%s, %s: an error of %d bytes", c.name, mode, len(err.Error()))
			}
		}
	}
}
