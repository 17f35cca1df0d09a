package search_test

import (
	"reflect"
	"slices"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/rivo/uniseg"
	"golang.org/x/text/unicode/norm"
	"pgregory.net/rapid"

	"github.com/parlor-chat/parlor/search"
)

var folding = search.Analysis{FoldAccents: true}

func TestFolded(t *testing.T) {
	long := strings.Repeat("e", search.MaxToken)
	for _, c := range []struct{ name, text, want string }{
		{"accents", "Café naïve ÅNGSTRÖM", "cafe naive angstrom"},
		{"decomposed", "Cafe\u0301 a\u030angstro\u0308m", "cafe angstrom"},
		{"Vietnamese", "Tiếng Việt, Đà Nẵng", "tieng viet da nang"},
		{"Polish", "Zażółć gęślą jaźń", "zazolc gesla jazn"},
		{"Czech", "Příliš žluťoučký kůň", "prilis zlutoucky kun"},
		{"Romanian, comma or cedilla", "Țară ţară", "tara tara"},
		{"German ß", "Straße STRASSE STRAẞE", "strasse strasse strasse"},
		{"Danish and French ligatures", "Ærø ǽ œuvre ǿ", "aero ae oeuvre o"},
		{"Icelandic", "Þórður", "thordur"},
		{"Turkish", "İstanbul ISTANBUL ıstanbul i\u0307stanbul", "istanbul istanbul istanbul istanbul"},
		{"ligatures of print", "eﬃcient ﬂow", "efficient flow"},
		{"Greek, final sigma", "Ὀδυσσεύς ΟΔΥΣΣΕΥΣ οδυσσευσ", "οδυσσευσ οδυσσευσ οδυσσευσ"},
		{"Greek iota below", "ᾳ ῷ", "α ω"},
		{"Cyrillic", "Ёлка чай їжак", "елка чаи іжак"},
		{"Hebrew points", "שָׁלוֹם שלום", "שלום שלום"},
		{"Arabic vowels", "السَّلامُ", "السلام"},
		{"Arabic hamza", "أحمد آمن إلى مؤمن", "احمد امن الى مومن"},
		{"Arabic tatweel", "سـلام ـ سلام", "سلام سلام"},
		{"Syriac points", "ܫܠܳܡܳܐ", "ܫܠܡܐ"},
		{"Hindi vowel signs stay", "हिन्दी की", "हिन्दी की"},
		{"Hindi nukta stays", "क़ क\u093c क", "क\u093c क\u093c क"},
		{"Tamil", "கொ க\u0bc6\u0bbe", "கெ\u0bbe கெ\u0bbe"},
		{"voiced kana stay", "がか カﾞ", "がか か カﾞ ﾞ"},
		{"marks of pairs stay", "字\u0301", "字\u0301 \u0301"},
		{"Thai stays", "ที่", "ที ี่ ่"},
		{"Hangul stays", "한글", "한글 글"},
		{"a mark on a digit parts, as ever", "1\u0301b", "1 b"},
		{"a variation selector", "ℹ\ufe0f ℹ", "ℹ ℹ"},
		{"128 characters, 256 before", strings.Repeat("e\u0301", 128), long},
		{"129 characters", long + "\u0301é", long + " e"},
		{"two letters of one", strings.Repeat("ß", 65), strings.Repeat("s", 128) + " ss"},
		{"two letters of one, and one left", "a" + strings.Repeat("ß", 64), "a" + strings.Repeat("s", 126) + " ss"},
	} {
		if got := strings.Join(folding.Analyze(c.text), " "); got != c.want {
			t.Errorf("%s: %q folds to %q, want %q", c.name, c.text, got, c.want)
		}
	}
}

// TestEveryCharacterFolded compares what folding makes of each character of Unicode,
// behind a letter, with the plain words of the definition.
func TestEveryCharacterFolded(t *testing.T) {
	accents := []*unicode.RangeTable{unicode.Cyrillic, unicode.Hebrew, unicode.Arabic, unicode.Syriac}
	shared := []rune("\u0300\u036f\u0485\u0486\u064b\u0655\u0670\u0670\u1ab0\u1aff\u1dc0\u1dff\u20d0\u20f0\ufe00\ufe0f\ufe20\ufe2d")
	dropped := func(r rune) bool {
		if r == 'ـ' || unicode.IsMark(r) && unicode.In(r, accents...) {
			return true
		}
		for pair := shared; len(pair) > 0; pair = pair[2:] {
			if unicode.IsMark(r) && pair[0] <= r && r <= pair[1] {
				return true
			}
		}
		return false
	}
	letters := strings.NewReplacer("đ", "d", "ð", "d", "ħ", "h", "ı", "i", "ł", "l", "ø", "o", "ŧ", "t", "æ", "ae",
		"œ", "oe", "ß", "ss", "ĳ", "ij", "þ", "th", "ſ", "s", "ς", "σ", "ﬀ", "ff", "ﬁ", "fi", "ﬂ", "fl", "ﬃ", "ffi",
		"ﬄ", "ffl", "ﬅ", "st", "ﬆ", "st")
	for r := range unicode.MaxRune + 1 {
		if !utf8.ValidRune(r) {
			continue
		}
		plain := search.Analyze("A" + string(r))
		if len(plain) == 1 && len(plain[0]) > 1 {
			low := norm.NFD.String(string(unicode.ToLower(r)))
			plain[0] = "a" + letters.Replace(strings.Map(func(r rune) rune {
				if dropped(r) {
					return -1
				}
				return r
			}, low))
		}
		got := folding.Analyze("A" + string(r))
		if !slices.Equal(got, plain) {
			t.Errorf("%U: %q folds to %q, want %q", r, "A"+string(r), got, plain)
		}
		if again := folding.Analyze(strings.Join(got, " ")); !slices.Equal(again, got) {
			t.Errorf("%U: %q folds to %q the second time", r, got, again)
		}
	}
}

func TestFoldedWords(t *testing.T) {
	for text, want := range map[string]search.Expr{
		"Straße":   search.Term("strasse"),
		"Été café": search.And{search.Term("ete"), search.Term("cafe")},
		"l'été":    search.Phrase{Tokens: []string{"l", "ete"}},
		"ـ":        search.Or{},
		"型 ـ":      search.Prefix("型"),
		"がに":       search.Term("がに"),
	} {
		if got := folding.Words(text); !reflect.DeepEqual(got, want) {
			t.Errorf("Words(%q) = %#v, want %#v", text, got, want)
		}
	}
	if got := folding.PhraseOf("型 ـ", false); got != search.Prefix("型") {
		t.Errorf("a run of which nothing is left made it %#v", got)
	}
}

// Canonically equal texts have the same folded tokens.
func TestFoldedFormsAreEqual(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := strings.Map(func(r rune) rune {
			if unicode.IsLetter(r) && !unicode.In(r, unicode.Latin, unicode.Greek, unicode.Cyrillic, unicode.Hebrew,
				unicode.Arabic, unicode.Devanagari, unicode.Bengali, unicode.Tamil) {
				return -1 // scripts without spaces don't fold
			}
			return r
		}, drawText(t, "text", 20))
		one, two := folding.Analyze(norm.NFC.String(text)), folding.Analyze(norm.NFD.String(text))
		if !slices.Equal(one, two) {
			t.Fatalf("%q composed is %q, decomposed %q", text, one, two)
		}
	})
}

// The beginning of a word finds the word, whatever is folded.
func TestPrefixFindsTheWord(t *testing.T) {
	for _, a := range []search.Analysis{{}, folding} {
		t.Run(a.Name(), func(t *testing.T) {
			rapid.Check(t, func(t *rapid.T) {
				text := drawText(t, "text", 12)
				d := search.Document{Tokens: a.Analyze(text)}
				for tok := range a.Tokens(text) {
					word := text[tok.Start:tok.End]
					if first, _ := utf8.DecodeRuneInString(word); unicode.IsMark(first) {
						continue // a pair of a script without spaces: its mark alone is no word
					}
					for end, g := 0, uniseg.NewGraphemes(word); g.Next(); {
						end += len(g.Str())
						e := a.PrefixOf(word[:end])
						if len(a.Analyze(word[:end])) > 0 && !search.Match(e, &d) {
							t.Fatalf("%#v, made of %q, doesn't find %q", e, word[:end], d.Tokens)
						}
					}
				}
			})
		})
	}
}

// Expressions that a host brings are folded as Parlor's own are.
func TestExprFolds(t *testing.T) {
	at := search.Between{}
	for _, c := range []struct{ e, want search.Expr }{
		{nil, nil},
		{search.Term("é"), search.Term("e")},
		{search.Prefix("stra\u00df"), search.Prefix("strass")},
		{
			search.Phrase{Tokens: []string{"café", "の", "é"}, LastIsPrefix: true},
			search.Phrase{Tokens: []string{"cafe", "の", "e"}, LastIsPrefix: true},
		},
		{
			search.And{search.Or{search.Term("é"), at}, search.Not{Expr: search.Term("é")}},
			search.And{search.Or{search.Term("e"), at}, search.Not{Expr: search.Term("e")}},
		},
		{search.Equal{Field: "author", Value: "é"}, search.Equal{Field: "author", Value: "é"}},
		{search.Term("字\u0301"), search.Term("字\u0301")},
		{search.Prefix("が"), search.Prefix("が")},
		{search.Term("ี่"), search.Term("ี่")},
		{search.Term("\u0301\u0301"), search.Term("\u0301\u0301")},
		{search.Term("\u0301\u3099"), search.Term("\u0301\u3099")},
		{search.Term("ـ"), search.Term("ـ")},
		{search.Term("é\xff"), search.Term("é\xff")},
		{search.Term(""), search.Term("")},
	} {
		if got := folding.Expr(c.e); !reflect.DeepEqual(got, c.want) {
			t.Errorf("%#v folds to %#v, want %#v", c.e, got, c.want)
		}
		if got := (search.Analysis{}).Expr(c.e); !reflect.DeepEqual(got, c.e) {
			t.Errorf("%#v became %#v without folding", c.e, got)
		}
	}
	kept := search.And{search.Term("é")}
	if folding.Expr(kept); kept[0] != search.Term("é") {
		t.Errorf("the expression itself became %#v", kept)
	}
	rapid.Check(t, func(t *rapid.T) {
		text := strings.ReplaceAll(drawText(t, "text", 20), "ـ", "")
		for _, made := range []func(search.Analysis, string) search.Expr{
			search.Analysis.Words, search.Analysis.PrefixOf,
		} {
			own, brought := made(folding, text), folding.Expr(made(search.Analysis{}, text))
			if !reflect.DeepEqual(own, brought) {
				t.Fatalf("%q is %#v, and folded afterwards %#v", text, own, brought)
			}
		}
	})
}
