package query_test

import (
	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/search/query"
)

func TestParse(t *testing.T) {
	for _, c := range []struct{ name, text, tree, plain string }{
		{"nothing", "", `nothing`, ""},
		{"spaces", " \t\n　", `nothing`, ""},
		{"a word", "peer", `"peer"`, "peer"},
		{"capitals stay", "Peer", `"Peer"`, "Peer"},
		{"a phrase", `"remote desktop"`, `"remote desktop"`, `"remote desktop"`},
		{"quotes around a word change nothing", `"peer"`, `"peer"`, "peer"},
		{"empty quotes", `""`, `""`, `""`},
		{"a beginning", "impl*", `"impl"*`, "impl*"},
		{"a beginning of a word that splits", "github.co*", `"github.co"*`, "github.co*"},
		{"a phrase whose last word begins so", `"remote des*"`, `"remote des"*`, `"remote des*"`},
		{"a beginning in a script without spaces", "型*", `"型"*`, "型*"},
		{"a star in quotes behind no word", `"a *"`, `"a *"`, `"a \*"`},
		{"a star in quotes elsewhere", `"a* b"`, `"a* b"`, `"a\* b"`},

		{"side by side", "a b  c", `(and "a" "b" "c")`, "a b c"},
		{"AND", "a AND b && c", `(and "a" "b" "c")`, "a b c"},
		{"OR", "a OR b || c", `(or "a" "b" "c")`, "a OR b OR c"},
		{"AND before OR", "a b OR c AND d", `(or (and "a" "b") (and "c" "d"))`, "(a b) OR (c d)"},
		{"NOT before AND", "NOT a b", `(and (not "a") "b")`, "-a b"},
		{"NOT before OR", "a OR NOT b", `(or "a" (not "b"))`, "a OR -b"},
		{"brackets", "a (b OR c)", `(and "a" (or "b" "c"))`, "a (b OR c)"},
		{"brackets stay a part", "(a b) c", `(and (and "a" "b") "c")`, "(a b) c"},
		{"brackets around one thing", "((a))", `"a"`, "a"},
		{"minus and plus", "+a -b", `(and "a" (not "b"))`, "a -b"},
		{"minus brackets", `-(a "b c")`, `(not (and "a" "b c"))`, `-(a "b c")`},
		{"minus quotes", `-"b c"`, `(not "b c")`, `-"b c"`},
		{"only what isn't", "-a", `(not "a")`, "-a"},
		{"twice not", "NOT -a", `(not (not "a"))`, "-(-a)"},
		{"small, they are words", "a and b or not c", `(and "a" "and" "b" "or" "not" "c")`, "a and b or not c"},
		{"quoted, they are words", `"AND" \OR`, `(and "AND" "\\OR")`, `"AND" "\\OR"`},

		{"a dash is no minus", "a - b -- --help ->", `(and "a" "-" "b" "--" "--help" (not ">"))`, `a "-" b "--" "--help" ->`},
		{"signs within words", "c++ a-b x+y e_mail ^_^ up^ ~/x", `(and "c++" "a-b" "x+y" "e_mail" "^_^" "up^" "~/x")`, `c++ a-b x+y e_mail "^_^" "up^" "~/x"`},
		{"a call", "main() f(x)", `(and "main()" "f" "x")`, `"main()" f x`},
		{"questions", "why? (who?)", `(and "why?" "who?")`, `"why?" "who?"`},
		{"backslashes", `\-a \(b\) c\ d e\"f g\\h i\*`, `(and "-a" "(b)" "c d" "e\"f" "g\\h" "i*")`, `"-a" "(b)" "c d" "e\"f" "g\\h" "i\*"`},
		{"backslashes in quotes", `"a \"b\" \\ c\*"`, `"a \"b\" \\ c*"`, `"a \"b\" \\ c\*"`},
		{"backslashes before letters", `C:\temp \\x\型 a\`, `(and "C:\\temp" "\\x\\型" "a\\")`, `"C:\\temp" "\\x\\型" "a\\"`},
		{"a quote ends a word", `a"b c"d`, `(and "a" "b c" "d")`, `a "b c" d`},

		{"a web address", "https://x.org/a?b=c*d^2 std::vector", `(and "https://x.org/a?b=c*d^2" "std::vector")`, `"https://x.org/a?b=c\*d^2" "std::vector"`},
		{"a colon that is none of an operator", "10:30 Note: :smile: x:", `(and "10:30" "Note:" ":smile:" "x:")`, `"10:30" "Note:" ":smile:" "x:"`},

		{"a sender", "from:ann", `(from: "ann")`, "from:ann"},
		{"a name with spaces", `from:"Ann Lee"`, `(from: "Ann Lee")`, `from:"Ann Lee"`},
		{"a name with a backslash", `from:Ann\ Lee`, `(from: "Ann Lee")`, `from:"Ann Lee"`},
		{"quotes in a name", `from:"Ann \"Bee\" Lee"`, `(from: "Ann \"Bee\" Lee")`, `from:"Ann \"Bee\" Lee"`},
		{"a star in a name", `from:"ann*" in:a\*`, `(and (from: "ann*") (in: "a*"))`, `from:"ann\*" in:"a\*"`},
		{"a name like an operator's", `from:AND in:in:x`, `(and (from: "AND") (in: "in:x"))`, `from:"AND" in:in:x`},
		{"a name with signs", `from:zcat[1] in:#ubuntu from:-x`, `(and (from: "zcat[1]") (in: "#ubuntu") (from: "-x"))`, `from:"zcat[1]" in:#ubuntu from:"-x"`},
		{"a name in brackets", `from:[bot]`, `(from: "[bot]")`, `from:"[bot]"`},
		{"other names of operators", "author:a Room:b MENTION:me Date:2026", `(and (from: "a") (in: "b") (mentions: "me") (at: "2026"))`, "from:a in:b mentions:me at:2026"},
		{"several values", `from:(ann OR "Ann Lee")`, `(from: (or "ann" "Ann Lee"))`, `from:(ann OR "Ann Lee")`},
		{"an operator in the brackets of another", `from:(ann in:x)`, `(from: (and "ann" (in: "x")))`, `from:(ann in:x)`},
		{"not from", `-from:ann NOT in:x`, `(and (not (from: "ann")) (not (in: "x")))`, `-from:ann -in:x`},
		{"what there is", "has:link HAS:File is:thread kind:action", `(and (has: "link") (has: "File") (is: "thread") (kind: "action"))`, "has:link has:File is:thread kind:action"},
		{"times", "after:2026 before:2026-11 on:today during:2026-10 at:2026-11-25T10:30", `(and (after: "2026") (before: "2026-11") (on: "today") (during: "2026-10") (at: "2026-11-25T10:30"))`, "after:2026 before:2026-11 on:today during:2026-10 at:2026-11-25T10:30"},
		{"a range", "at:[2026-01-01 TO 2026-02]", `(at: ["2026-01-01" "2026-02"])`, "at:[2026-01-01 TO 2026-02]"},
		{"a range without its ends", `at:{"2026-01-01" TO 2026-02-01T10:00Z}`, `(at: {"2026-01-01" "2026-02-01T10:00Z"})`, "at:{2026-01-01 TO 2026-02-01T10:00Z}"},
		{"an open range", "at:[ *  TO\t2026 }", `(at: ["" "2026"})`, "at:[* TO 2026}"},
		{"ranges in brackets", "at:([2026 TO *] OR -2025-01)", `(at: (or ["2026" ""] (not "2025-01")))`, "at:([2026 TO *] OR -2025-01)"},

		{"phones' quotes", "“remote desktop” „a b“ ”c d”", `(and "remote desktop" "a b" "c d")`, `"remote desktop" "a b" "c d"`},
		{"phones' quotes in plain ones", `"say “hello” now"`, `"say “hello” now"`, `"say “hello” now"`},
		{"full-width signs", "ｆ　（型　OR　字）　－木　from：“Ann　Lee”　モナ＊", "(and \"ｆ\" (or \"型\" \"字\") (not \"木\") (from: \"Ann\\u3000Lee\") \"モナ\"*)", `ｆ (型 OR 字) -木 from:"Ann　Lee" モナ*`},
		{"a full-width colon in prose", "注：これ Note：これ", `(and "注：これ" "Note：これ")`, `"注：これ" "Note：これ"`},
	} {
		q, err := query.Parse(c.text)
		if err != nil {
			t.Errorf("%s: %q: %v", c.name, c.text, err)
			continue
		}
		if got := tree(q.Root); got != c.tree {
			t.Errorf("%s: %q is\n%s, want\n%s", c.name, c.text, got, c.tree)
		}
		if got := q.String(); got != c.plain {
			t.Errorf("%s: %q is written %s, want %s", c.name, c.text, got, c.plain)
		}
		lenient, err := query.ParseLenient(c.text)
		if err != nil || !reflect.DeepEqual(lenient.Root, q.Root) || len(lenient.Notes) > 0 {
			t.Errorf("%s: %q leniently is %v %v %v", c.name, c.text, lenient, notes(c.text, lenient.Notes), err)
		}
	}
}

func TestPlaces(t *testing.T) {
	const text = `a  -"b c" OR from:("Ann Lee" OR bob) at:[2026 TO *] -(x OR y)`
	want := map[string]string{
		`(not "b c")`:                  `-"b c"`,
		`"b c"`:                        `"b c"`,
		`"bob"`:                        `bob`,
		`["2026" ""]`:                  `[2026 TO *]`,
		`(not (or "x" "y"))`:           `-(x OR y)`,
		`(or "x" "y")`:                 `x OR y`,
		`(from: (or "Ann Lee" "bob"))`: `from:("Ann Lee" OR bob)`,
		`(and "a" (not "b c"))`:        `a  -"b c"`,
	}
	every(parse(t, text).Root, func(n query.Node) {
		if w, ok := want[tree(n)]; ok {
			if got := text[n.Place().Start:n.Place().End]; got != w {
				t.Errorf("%s stands at %s, want %s", tree(n), got, w)
			}
			delete(want, tree(n))
		}
	})
	if len(want) > 0 {
		t.Errorf("not found: %v", want)
	}
}

func TestErrors(t *testing.T) {
	for _, c := range []struct{ name, text, place, what, expected string }{
		{"an open quote", `a "b c`, `"`, "the quote is never closed", "another"},
		{"an open bracket", "a (b c", "(", "never closed", "“)”"},
		{"a closing bracket", "a b)", ")", "closes nothing", "“(”"},
		{"empty brackets", "a ()", "()", "nothing stands between", "a word"},
		{"AND first", "AND a", "AND", "“AND” has nothing before it", "a word"},
		{"AND last", "a AND", "AND", "“AND” has nothing behind it", "a word"},
		{"AND twice", "a AND AND b", "AND", "“AND” has nothing behind it", "a word"},
		{"AND, then OR", "a AND OR b", "AND", "“AND” has nothing behind it", "a word"},
		{"OR first", "OR a", "OR", "“OR” has nothing before it", "a word"},
		{"OR last in brackets", "(a OR)", "OR", "“OR” has nothing behind it", "a word"},
		{"NOT alone", "a NOT", "NOT", "“NOT” has nothing behind it", "a word"},
		{"NOT before OR", "NOT OR a", "NOT", "“NOT” has nothing behind it", "a word"},
		{"no operator", "a foo:bar", "foo:", "there is no operator “foo:”", "from:, in:"},
		{"no value", "a from: b", "from:", "“from:” has no value", "from:name"},
		{"no value in brackets", "(from:)", "from:", "“from:” has no value", "from:name"},
		{"an empty name", `from:""`, `""`, "there is no name", "from:name"},
		{"a star in front", "*tion", "*", "“*” stands at the end", "backslash"},
		{"a star within", "a*b", "*", "“*” stands at the end", "backslash"},
		{"a star alone", "a *", "*", "“*” stands behind no word", "two letters"},
		{"a star behind signs", "c++*", "c++*", "“*” stands behind no word", "two letters"},
		{"a question mark within", "a?b", "?", "“?” stands for no letter", "backslash"},
		{"similar", "word~2", "~", "“~” finds nothing similar", "backslash"},
		{"similar phrases", `"a b"~2`, "~2", "“~” finds nothing similar", "backslash"},
		{"weight", "a^2", "^", "“^” gives no weight", "backslash"},
		{"weight of brackets", "(a b)^2.5", "^2.5", "“^” gives no weight", "backslash"},
		{"a short beginning", "a*", "a*", "too many words begin with “a”", "two letters"},
		{"a short beginning with an accent", "e\u0301*", "e\u0301*", "too many words begin with", "two letters"},
		{"a short beginning in a phrase", `"hello w*"`, `"hello w*"`, "too many words begin with “w”", "two letters"},
		{"a star in a value", "from:an*", "*", "“from:” takes whole words", "no “*”"},
		{"a value of none", "has:lonk", "lonk", "“lonk” is nothing that “has:” knows", "link, file or code"},
		{"no thread", "thread:x", "x", "“x” is no thread", "id"},
		{"no month", "month:2026-11-25", "2026-11-25", "is no month", "2026-11"},
		{"no time", "on:soon", "soon", "“soon” is no time", "2026-11-25"},
		{"a day that isn't", "on:2026-02-30", "2026-02-30", "there is no day 30 in February 2026", "01 to 28"},
		{"a month that isn't", "during:2026-13", "2026-13", "there is no month 13", "01 to 12"},
		{"a year out of reach", "after:0000", "0000", "the year 0 is out of reach", "1000 to 9998"},
		{"an hour that isn't", "after:2026-11-25T25:00", "2026-11-25T25:00", "is no time", "2026-11-25"},
		{"on a month", "on:2026-11", "2026-11", "“2026-11” is a month, which “on:” doesn't take", "a day"},
		{"during a minute", "during:2026-11-25T10:30", "2026-11-25T10:30", "is a minute", "a month"},
		{"no range", "at:[2026-01]", "[2026-01]", "this is no range", "[2026-11-01 TO"},
		{"a range without its end", "at:[2026 TO ]", "[2026", "this is no range", "[2026-11-01 TO"},
		{"a range of three", "at:[2026 TO 2027 2028]", "[2026", "this is no range", "[2026-11-01 TO"},
		{"a beginning in a range", `at:["2026*" TO *]`, "[", "this is no range", "[2026-11-01 TO"},
		{"a star behind two backslashes", `ab\\*`, "*", "“*” stands at the end", "backslash"},
		{"an open range", "at:[2026 TO 2027", "[2026 TO 2027", "the range is never closed", "“]”"},
		{"a small to", "at:[2026 to 2027]", "to", "capitals", "“TO”"},
		{"a range of names", "from:[a TO z]", "[a TO z]", "“from:” takes no range", "at:"},
		{"a range behind another operator of times", "before:[2026 TO 2027]", "[2026 TO 2027]", "“before:” takes no range", "at:"},
		{"a bad bound", "at:[2026 TO 2026-02-30]", "[2026 TO 2026-02-30]", "there is no day 30", "01 to 28"},
		{"no UTF-8", "a \xff b", "\xff", "no UTF-8", "whole characters"},
		{"half a surrogate", "a \xed\xa0\x80", "\xed\xa0\x80", "a lone surrogate", "whole characters"},
	} {
		_, err := query.Parse(c.text)
		var where *query.Error
		var kind *chat.Error
		switch {
		case !errors.As(err, &where) || !errors.As(err, &kind) || !errors.Is(err, chat.ErrInvalid) || kind.Field != "query":
			t.Errorf("%s: %q: %v", c.name, c.text, err)
		case c.text[where.Start:where.End] != c.place:
			t.Errorf("%s: %q: %v: at %q, want %q", c.name, c.text, err, c.text[where.Start:where.End], c.place)
		case !strings.Contains(where.What, c.what) || !strings.Contains(where.Expected, c.expected):
			t.Errorf("%s: %q: %v, want %q and %q", c.name, c.text, err, c.what, c.expected)
		}
	}
}
