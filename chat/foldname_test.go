package chat

import (
	"fmt"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/rivo/uniseg"
	"golang.org/x/text/unicode/norm"
	"pgregory.net/rapid"
)

func TestFoldName(t *testing.T) {
	marks := strings.Repeat("\u05b0", 20) + strings.Repeat("\u05bc", 20) // in order
	for _, c := range []struct{ name, folded string }{
		{"", ""}, {"   ", ""}, {"Ann Lee", "ann lee"}, {"  Ann \t\u00a0\u3000 Lee ", "ann lee"},
		{"José", "jose"}, {"Jose\u0301", "jose"}, {"ŁØĐ", "łøđ"}, {"Ёлкин", "елкин"},
		{"Straße", "strasse"}, {"STRAẞE", "strasse"}, {"Ὀδυσσεύς", "οδυσσευσ"}, {"ᾳ", "α"},
		{"ﬃ", "ffi"}, {"Ａｎｎ", "ann"}, {"①", "1"}, {"İı", "iı"}, {"Ǆ", "dz"},
		{"がか", "か\u3099か"}, {"ｶﾞ", "カ\u3099"}, {"한", "\u1112\u1161\u11ab"}, {"ㅎ", "\u1112"},
		{"नि", "नि"}, {"นิ", "นิ"}, {"أحمد", "ا\u0654حمد"}, {"O´Brien", "o brien"},
		{"ü" + marks, "u" + marks},
		{"a\u0301\u1ab0\u1dc0\u20d0\ufe20b", "ab"}, {"a\xffb", "a\ufffdb"}, {"\xf0¨", "\ufffd"}, {"❤", "❤"}, {"Ꮳꮳᏸ", "ᏣᏣᏰ"},
	} {
		if got := FoldName(c.name); got != c.folded {
			t.Errorf("%q is %q, want %q", c.name, got, c.folded)
		}
		for _, form := range []norm.Form{norm.NFC, norm.NFD, norm.NFKC, norm.NFKD} {
			if got := FoldName(form.String(c.name)); got != c.folded {
				t.Errorf("%q in form %d is %q, want %q", c.name, form, got, c.folded)
			}
		}
	}
}

// Half a Hangul syllable finds the whole; kana without their voiced mark are another
// letter, which comes first.
func TestBeginningsThatAreTyped(t *testing.T) {
	for _, c := range []struct {
		prefix, name string
		is           bool
	}{
		{"ㅎ", "한", true}, {"하", "한", true}, {"한", "하나", false}, {"하", "하나", true},
		{"が", "か", false}, {"が", "がく", true}, {"straß", "STRASSE", true}, {"ΟΔΥΣ", "Οδυσσεύς", true},
		{"οδυσσεύς", "Οδυσσεύσω", true}, {"jose ", "José María", true},
	} {
		if is := strings.HasPrefix(FoldName(c.name), FoldName(c.prefix)); is != c.is {
			t.Errorf("%q begins with %q: %v", c.name, c.prefix, is)
		}
	}
}

func TestAFoldedNameIsBounded(t *testing.T) {
	for _, c := range []struct {
		name string
		cut  bool
	}{
		{strings.Repeat("x", MaxName), false}, {strings.Repeat("각", MaxName/3), false}, {strings.Repeat("が", MaxName/3), false},
		{strings.Repeat("ΐ", MaxName/2), false}, {strings.Repeat("㍿", MaxName/3), false},
		{strings.Repeat("ﷺ", MaxName/3), true}, {strings.Repeat("x", 10*MaxFolded), true},
	} {
		got := FoldName(c.name)
		if len(got) > MaxFolded || !utf8.ValidString(got) || c.cut != (len(got) > MaxFolded-utf8.UTFMax) {
			t.Errorf("%.20q: %d bytes", c.name, len(got))
		}
	}
	// Cut at a space: there is none at the end.
	if got := FoldName(strings.Repeat("x", MaxFolded-1) + " y"); len(got) != MaxFolded-1 {
		t.Errorf("%d bytes, ending in %q", len(got), got[len(got)-2:])
	}
}

// Every character folds once and for all, and as its other cases do, but for the one
// mark that has a letter as its capital.
func TestEveryCharacterFoldsOnce(t *testing.T) {
	for r := range rune(unicode.MaxRune + 1) {
		if !unicode.IsGraphic(r) && !unicode.IsControl(r) {
			continue
		}
		if err := misfolded("a" + string(r) + "b"); err != nil {
			t.Errorf("%U: %v", r, err)
		}
		if other := unicode.SimpleFold(r); r != 0x345 && other != 0x345 && FoldName(string(r)) != FoldName(string(other)) {
			t.Errorf("%U is %q, but %U is %q", r, FoldName(string(r)), other, FoldName(string(other)))
		}
	}
}

func TestPrefixesFoldToPrefixes(t *testing.T) {
	letters := rapid.RuneFrom(nil, unicode.L, unicode.M, unicode.N, unicode.S, unicode.Z, unicode.Cc, unicode.Cf)
	awkward := rapid.SampledFrom([]rune("σςΣßẞﬁﷺ각ᄀㄱㅏᅡᆨ가かｶがﾞ゛\u3099\u309a\u0301\u0345\u0323\u05b0\u064b ´\t\u3000İIıा\ufe70\U0001f1e6\u200d"))
	names := rapid.StringOfN(rapid.OneOf(letters, awkward, awkward), 0, 60, -1)
	rapid.Check(t, func(t *rapid.T) {
		if err := misfolded(names.Draw(t, "name")); err != nil {
			t.Fatal(err)
		}
	})
}

func FuzzFoldName(f *testing.F) {
	for _, s := range []string{"Ann Lee", "Ὀδυσσεύς", "한ㄱㅏ", "ｶﾞ゛", "O´Brien ", "a\xff\xe3\x81", "\xf0Ѐ", strings.Repeat("ﷺ ", 70), "ü" + strings.Repeat("\u05b0\u05bc", 40)} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if len(s) > 2*MaxFolded {
			t.Skip("every prefix is folded: that takes the square of the time")
		}
		if err := misfolded(s); err != nil {
			t.Fatal(err)
		}
	})
}

// misfolded says what is wrong with how a name folds.
func misfolded(name string) error {
	folded := FoldName(name)
	switch {
	case FoldName(folded) != folded:
		return fmt.Errorf("%q is %q, then %q", name, folded, FoldName(folded))
	case len(folded) > MaxFolded || !utf8.ValidString(folded) || strings.TrimSpace(folded) != folded || strings.Contains(folded, "  "):
		return fmt.Errorf("%q is %q", name, folded)
	}
	end := 0
	for g := uniseg.NewGraphemes(name); g.Next(); {
		end += len(g.Str())
		if prefix := FoldName(name[:end]); !strings.HasPrefix(folded, prefix) {
			return fmt.Errorf("%q is %q, but %q before it is %q", name, folded, name[:end], prefix)
		}
	}
	return nil
}
