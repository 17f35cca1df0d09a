package main

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/parlor-chat/parlor/search"
)

func TestClean(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"soup", "soup"},
		{"a\tb\nc\r\nd", "a b c  d"},
		{"\x1b[2J\a\x7f\x00", "\uFFFD[2J\uFFFD\uFFFD\uFFFD"},
		{"\u009b2J\u009d0;x\u009c", "\uFFFD2J\uFFFD0;x\uFFFD"},
		{"\u202eevil\u2066", "\uFFFDevil\uFFFD"},
		{"broken \xff", "broken \uFFFD"},
		{"型\u3000字 é e\u0301 👩‍🍳", "型\u3000字 é e\u0301 👩‍🍳"},
	} {
		if got := clean(c.text); got != c.want {
			t.Errorf("%q is shown as %q, not %q", c.text, got, c.want)
		}
	}
}

func TestFit(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"", "      "},
		{"soup", "soup  "},
		{"soups!", "soups!"},
		{"pumpkin", "pumpk…"},
		{"かぼ", "かぼ  "},
		{"かぼちゃ", "かぼ… "},
		{"e\u0301e\u0301", "e\u0301e\u0301    "},
	} {
		if got := fit(c.text, 6); got != c.want {
			t.Errorf("%q becomes %q, not %q", c.text, got, c.want)
		}
	}
}

func TestBar(t *testing.T) {
	for _, c := range []struct {
		n, most, long int
		want          string
	}{
		{8, 8, 2, "██"}, {4, 8, 2, "█"}, {3, 8, 2, "▊"}, {5, 8, 2, "█▎"}, {1, 1000, 2, "▏"}, {1 << 29, 1 << 30, 20, "██████████"},
	} {
		if got := bar(c.n, c.most, c.long); got != c.want {
			t.Errorf("%d of %d on %d columns: %s, not %s", c.n, c.most, c.long, got, c.want)
		}
	}
}

func FuzzScreen(f *testing.F) {
	for _, s := range []string{"", "soup", "\x1b[2J", "かぼちゃのスープ", "👩‍🍳\u200d", "a\r\nb\u009b", "\xff\xfe", "e\u0301\u0301"} {
		f.Add(s, 7)
	}
	f.Fuzz(func(t *testing.T, text string, n int) {
		shown := clean(text)
		for _, r := range shown {
			if !visible(r) {
				t.Fatalf("%q is shown as %q", text, shown)
			}
		}
		if n = max(1, n%100); width(fit(shown, n)) != n {
			t.Errorf("%q has %d columns, not %d", fit(shown, n), width(fit(shown, n)), n)
		}
		b, err := json.Marshal(text)
		if err != nil {
			t.Fatal(err)
		}
		var again string
		if err := json.Unmarshal([]byte(escaped(b)), &again); err != nil || again != strings.ToValidUTF8(text, "\uFFFD") && utf8.ValidString(text) {
			t.Errorf("%q is %q in JSON, %v", text, escaped(b), err)
		}
		where := search.Words("soup e")
		marks := search.Analysis{}.Highlights(text, where)
		if got := (screen{}).marked(text, marks, func(s string) string { return s }); strings.NewReplacer("«", "", "»", "").Replace(got) != strings.NewReplacer("«", "", "»", "").Replace(text) {
			t.Errorf("%q is marked as %q", text, got)
		}
	})
}
