package search_test

import (
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/rivo/uniseg"
	"pgregory.net/rapid"

	"github.com/parlor-chat/parlor/search"
)

// marked is a body with what is highlighted in brackets.
func marked(body string, ranges []search.Range) string {
	var b strings.Builder
	at := 0
	for _, r := range ranges {
		b.WriteString(body[at:r.Start] + "[" + body[r.Start:r.End] + "]")
		at = r.End
	}
	return b.String() + body[at:]
}

func TestHighlights(t *testing.T) {
	words, prefix := search.Words, search.PrefixOf
	phrase := func(text string) search.Expr { return search.PhraseOf(text, false) }
	fold := search.Analysis{FoldAccents: true}
	ann := search.Equal{Field: search.FieldAuthor, Value: "ann"}
	none := search.Term("absent")
	for _, c := range []struct {
		name  string
		where search.Expr
		want  string // with brackets
	}{
		{"nil", nil, "peer node"},
		{"nothing to find", words("--"), "peer -- node"},
		{"a term, as often as it stands", words("Peer"), "[peer] node, [PEER]; peers"},
		{"a prefix marks the word", prefix("pe"), "[peer] node, [Peers]; repeat"},
		{"two words", words("node peer"), "[peer] or [node]"},
		{"neighbours stay apart", words("node peer"), "[peer] [node]"},
		{"one of two words", words("node peer"), "peer"},
		{"a phrase is one range", phrase("github.com"), "see [GitHub.com]/x, com github"},
		{"a phrase alone, not its words", phrase("to be"), "be to, [to be] to"},
		{"a phrase over itself", phrase("a b a"), "[a b a b a] b"},
		{"a phrase and its end as a prefix", prefix("remote desk"), "desk [remote  desktop] remote"},
		{"a phrase that ends at the end", phrase("a b"), "a [a b] a"},
		{"or", search.Or{words("a"), words("b"), none}, "[b] c [a]"},
		{"or of a longer and a shorter", search.Or{phrase("a b"), words("b"), words("a")}, "[b] [a b] [a]"},
		{"and within or", search.Or{search.And{words("a"), none}, words("b")}, "a [b]"},
		{"or within and", search.And{search.Or{words("a"), none}, words("b")}, "[a] [b]"},
		{"or of a phrase and a word in it", search.Or{phrase("a b c"), words("b")}, "[a b c] [b]"},
		{"the last token of a phrase is whole", phrase("a b"), "b b a bc"},
		{"only the last of a phrase is a prefix", prefix("remote desk"), "remotely desktop"},
		{"not", search.And{words("a"), search.Not{Expr: none}}, "[a] b"},
		{"nothing below not", search.And{words("a"), search.Not{Expr: search.Not{Expr: words("b")}}}, "[a] b"},
		{"not that doesn't hold", search.And{words("a"), search.Not{Expr: words("b")}}, "a b"},
		{"a field may hold", search.And{words("a"), ann}, "[a] b"},
		{"a field may not hold", search.And{words("a"), search.Not{Expr: ann}}, "[a] b"},
		{"a time may hold", search.And{words("a"), search.Between{From: time.Unix(1, 0)}}, "[a] b"},
		{"nothing is a part", search.And{words("a"), nil}, "a"},
		{"no phrase", search.Or{words("a"), search.Phrase{}}, "[a]"},
		{"empty and", search.And{search.And{}, words("a")}, "[a]"},
		{"empty or", search.And{search.Or{}, words("a")}, "a"},
		{"a term and the word it begins", search.Or{search.Term("pe"), search.Prefix("pe")}, "[pe] [peer]"},
		{"prefixes of several lengths", search.Or{search.Prefix("n"), search.Prefix("pee")}, "[peer] pe [node]"},

		{"Japanese", words("システム"), "型[システム]の話、[システム]"},
		{"one character of Japanese", words("型"), "[型]システム、[型]"},
		{"one character as a prefix", prefix("型"), "[型]システム"},
		{"two runs of Japanese", phrase("情報、型"), "[情報。型]システム"},
		{"Japanese that touches", words("情報 共有"), "[情報共有]"},
		{"Japanese and Latin", words("GitHubの"), "最新の[githubの]資料"},
		{"Latin in Japanese", words("GitHub"), "最新の[GitHub]の資料"},
		{"Latin and Japanese touch", words("GitHub 資料"), "最新の[GitHub]の[資料]"},
		{"half-width kana are whole", words("ｻ"), "ｼ[ｻﾞ]ｼ"},
		{"Korean", words("하세"), "안녕[하세]요"},
		{"Thai vowels stay with their letter", words("ท"), "[ที่]นี่"},
		{"Hindi", prefix("नम"), "[नमस्ते] दुनिया"},
		{"Arabic, right to left", words("عليكم"), "السلام [عليكم]"},
		{"Turkish, one by one", words("istanbul"), "[İSTANBUL] ıstanbul [ISTANBUL]"},
		{"Kelvin is shorter lower-cased", words("k"), "x [\u212a] y"},
		{"a keycap is whole", words("1"), "press [1\ufe0f\u20e3] or [1]"},
		{"clusters that touch", words("1 b"), "[1\ufe0f\u20e3b]"},
		{"a mark that joins isn't cut off", words("ab"), "[ab\u200d] c"},
		{"emoji part words", words("ok"), "👍🏽[ok]👩\u200d💻"},
		{"bytes that are no UTF-8", words("b"), "a\xff[b]\xed\xa0\x80"},
	} {
		body := strings.NewReplacer("[", "", "]", "").Replace(c.want)
		if got := marked(body, search.Analysis{}.Highlights(body, c.where)); got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
	for _, c := range []struct{ query, want string }{
		{"cafe", "[café] [CAFE\u0301] cafes"},
		{"strasse", "[Straße], [STRASSE]"},
		{"istanbul", "[İstanbul] [ıstanbul]"},
		{"οδυσσευς", "[ΟΔΥΣΣΕΥΣ] [Ὀδυσσεύς]"},
		{"السلام", "[السَّلامُ] [الســلام]"},
		{"か", "が[か]"},
	} {
		body := strings.NewReplacer("[", "", "]", "").Replace(c.want)
		if got := marked(body, fold.Highlights(body, fold.Words(c.query))); got != c.want {
			t.Errorf("%q, folded: %q, want %q", c.query, got, c.want)
		}
	}
}

// One letter, as much of it as a text may have: every leaf that could stand
// everywhere does.
func TestHighlightsOfOneLetter(t *testing.T) {
	var all search.Or
	for n := range 30 {
		all = append(all, search.Prefix(strings.Repeat("x", 1+n)), search.Term(strings.Repeat("x", 128)),
			search.Phrase{Tokens: slices.Repeat([]string{"ああ"}, 1+n), LastIsPrefix: n%2 == 0})
	}
	for _, body := range []string{strings.Repeat("x", 64<<10), strings.Repeat("あ", 64<<10/3)} {
		got := search.Analysis{}.Highlights(body, all)
		if len(got) != 1 || got[0] != (search.Range{End: len(body)}) {
			t.Errorf("%d ranges of %d bytes, want all of it once", len(got), len(body))
		}
	}
	accents := "e" + strings.Repeat("\u0301", 32<<10)
	fold := search.Analysis{FoldAccents: true}
	if got := fold.Highlights(accents, search.Term("e")); len(got) != 1 || got[0].End != len(accents) {
		t.Errorf("a letter with 32,768 accents has %v", got)
	}
}

// drawLeaf draws a term, a prefix or a phrase that stands in the text, mostly.
func drawLeaf(t *rapid.T, a search.Analysis, text string) search.Expr {
	tokens := a.Analyze(text)
	if len(tokens) == 0 || rapid.IntRange(0, 9).Draw(t, "other") == 0 {
		tokens = append(tokens, a.Analyze(drawText(t, "query", 6)+" x")...)
	}
	from := rapid.IntRange(0, len(tokens)-1).Draw(t, "from")
	to := rapid.IntRange(from+1, min(from+4, len(tokens))).Draw(t, "to")
	p := search.Phrase{Tokens: slices.Clone(tokens[from:to]), LastIsPrefix: rapid.Bool().Draw(t, "open")}
	if last := len(p.Tokens) - 1; p.LastIsPrefix {
		chars := []rune(p.Tokens[last])
		p.Tokens[last] = string(chars[:rapid.IntRange(1, len(chars)).Draw(t, "chars")])
	}
	switch {
	case len(p.Tokens) > 1:
		return p
	case p.LastIsPrefix:
		return search.Prefix(p.Tokens[0])
	}
	return search.Term(p.Tokens[0])
}

// What a leaf matches is marked, and what is marked matches by itself.
func TestHighlightsAreWhatMatches(t *testing.T) {
	for _, a := range []search.Analysis{{}, {FoldAccents: true}} {
		t.Run(a.Name(), func(t *testing.T) {
			rapid.Check(t, func(t *rapid.T) {
				text := drawText(t, "text", 20)
				e := drawLeaf(t, a, text)
				ranges := a.Highlights(text, e)
				checkRanges(t, text, ranges)
				d := search.Document{Tokens: a.Analyze(text)}
				if match := search.Match(e, &d); match != (len(ranges) > 0) {
					t.Fatalf("%#v matches %q: %v, and marks %v", e, text, match, ranges)
				}
				for _, r := range ranges {
					part := search.Document{Tokens: a.Analyze(text[r.Start:r.End])}
					if !search.Match(e, &part) {
						t.Fatalf("%#v doesn't match %q, which it marks in %q", e, text[r.Start:r.End], text)
					}
				}
				// A part that doesn't match adds nothing, and takes nothing away.
				absent := search.Term("absent")
				if got := a.Highlights(text, search.Or{absent, e, search.Not{Expr: e}}); !slices.Equal(got, ranges) {
					t.Fatalf("%v in an Or, %v alone", got, ranges)
				}
				if got := a.Highlights(text, search.And{e, absent}); got != nil {
					t.Fatalf("an And that doesn't hold marks %v", got)
				}
			})
		})
	}
}

// checkRanges checks that ranges rise, apart from each other, within a text, and
// are made of whole clusters.
func checkRanges(t interface{ Fatalf(string, ...any) }, text string, ranges []search.Range) {
	edges := map[int]bool{0: true}
	at := 0
	for g := uniseg.NewGraphemes(text); g.Next(); {
		at += len(g.Str())
		edges[at] = true
	}
	last := -1
	for _, r := range ranges {
		if r.Start <= last || r.End <= r.Start || r.End > len(text) {
			t.Fatalf("%v of %d bytes of %q", ranges, len(text), text)
		}
		if !edges[r.Start] || !edges[r.End] {
			t.Fatalf("%v cuts a cluster of %q", r, text)
		}
		last = r.End
	}
}

func FuzzHighlights(f *testing.F) {
	f.Add("see GitHub.com/x", "github", false)
	f.Add("型システムの話 ที่ 1\ufe0f\u20e3\xff", "の話", true)
	f.Add("Straße e\u0301 ـ", "strasse", true)
	f.Fuzz(func(t *testing.T, body, query string, fold bool) {
		a := search.Analysis{FoldAccents: fold}
		d := search.Document{Tokens: a.Analyze(body)}
		for _, e := range []search.Expr{a.PhraseOf(query, false), a.PrefixOf(query), a.PhraseOf(body, false)} {
			ranges := a.Highlights(body, e)
			checkRanges(t, body, ranges)
			if search.Match(e, &d) != (len(ranges) > 0) {
				t.Fatalf("%#v marks %v of %q", e, ranges, body)
			}
		}
		if ranges := a.Highlights(body, a.Words(query)); utf8.ValidString(body) {
			checkRanges(t, body, ranges)
		}
	})
}
