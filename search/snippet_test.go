package search_test

import (
	"slices"
	"strings"
	"testing"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/rivo/uniseg"
	"pgregory.net/rapid"

	"github.com/parlor-chat/parlor/search"
)

func TestSnip(t *testing.T) {
	for _, c := range []struct {
		name, text string // with brackets around marks
		width      int
		want       string // and … for what was left out
	}{
		{"nothing", "", 10, ""},
		{"white space alone", " \n\t ", 10, ""},
		{"all of it", "the [peer] node", 40, "the [peer] node"},
		{"just all of it", "the [peer] node", 13, "the [peer] node"},
		{"one too many", "the [peer] node", 12, "the [peer] nod…"},
		{"white space is one space", "\n the \r\n\r\n[peer]\u3000\tnode ", 40, "the [peer] node"},
		{"white space within a mark", "a [b\n  c] d", 40, "a [b c] d"},
		{"no mark: the beginning", "one two three four five", 9, "one two t…"},
		{"no space at the end", "one two three", 8, "one two…"},
		{"around the mark, from a word on", "one two three four [five] six seven eight nine", 21, "…four [five] six seven e…"},
		{"the mark at the end", "one two three four [five]", 12, "…four [five]"},
		{"the most marks", "a [b] c d e f g h i j [k] [l] m n o p q r", 9, "…j [k] [l] m n…"},
		{"white space doesn't count", "[ab] z z z [c d] z", 3, "[ab]…"},
		{"the first of as many", "[a] b c d e f g h i j [k] l", 5, "[a] b c…"},
		{"a mark that is too long", "one [two three four] five", 5, "…[two t]…"},
		{"and begins with a space", "one[ two  three four] five", 5, "…[two t]…"},
		{"one character", "one [two] three", 1, "…[t]…"},
		{"none is one", "one [two] three", 0, "…[t]…"},
		{"from a word just before the middle", "one two three four [five] six seven eight nine", 27, "…three four [five] six seven e…"},
		{"a mark that begins with a space", "one two[ three] four five six", 7, "…[three] f…"},
		{"a mark that is a space", "one[ ]two [three]", 1, "…[t]…"},
		{"no word begins near", "あいうえおかきくけこ[さし]すせそたちつてと", 6, "…けこ[さし]すせ…"},
		{"a long word isn't left out", strings.Repeat("x", 50) + " b [c]", 40, "…" + strings.Repeat("x", 36) + " b [c]"},
		{"clusters are whole", "👩\u200d💻👍🏽e\u0301 [n\u0303o\u0308] 🇩🇪🇫🇷", 5, "…[n\u0303o\u0308] 🇩🇪🇫🇷"},
		{"Hindi", "क्या आप [नमस्ते] दुनिया", 6, "…[नमस्ते] दु…"},
		{"Arabic", "السَّلام [عليكم] يا صديقي", 9, "…[عليكم] يا…"},
		{"bytes that are no UTF-8", "a\xffb [c\xed\xa0\x80]", 40, "a\xffb [c\xed\xa0\x80]"},
		{"the first is left out", "a[b]", 1, "…[b]"},
		{"a mark that ends with a space", "a [b \n] c", 40, "a [b ]c"},
		{"an accent below a line break is marked", "a\n[\u0301]b", 40, "a[ \u0301]b"},
		{"a mark below a line break", "a\n\u0301[b]", 40, "a \u0301[b]"},
	} {
		text, marks := unmark(c.text)
		s := search.Snip(text, marks, c.width)
		got := marked(s.Text, s.Marks)
		if s.Before {
			got = "…" + got
		}
		if s.After {
			got += "…"
		}
		if got != c.want {
			t.Errorf("%s: %q in %d is %q, want %q", c.name, c.text, c.width, got, c.want)
		}
	}
	long := strings.Repeat("x ", 5000)
	if s := search.Snip(long, nil, 1<<40); uniseg.GraphemeClusterCount(s.Text) > search.MaxSnippet || !s.After {
		t.Errorf("the widest snippet has %d bytes", len(s.Text))
	}
}

// unmark takes brackets off a text.
func unmark(text string) (string, []search.Range) {
	var b strings.Builder
	var marks []search.Range
	for _, r := range strings.SplitAfter(text, "") {
		switch r {
		case "[":
			marks = append(marks, search.Range{Start: b.Len()})
		case "]":
			marks[len(marks)-1].End = b.Len()
		default:
			b.WriteString(r)
		}
	}
	return b.String(), marks
}

// oneLine is a text with single spaces between what isn't white space. A space with an
// accent isn't.
func oneLine(text string) string {
	var b strings.Builder
	space := ""
	for g := uniseg.NewGraphemes(text); g.Next(); {
		if strings.TrimSpace(g.Str()) != "" {
			b.WriteString(space + g.Str())
			space = ""
		} else if b.Len() > 0 {
			space = " "
		}
	}
	return b.String()
}

// checkSnippet checks what holds for every snippet.
func checkSnippet(t interface{ Fatalf(string, ...any) }, text string, marks []search.Range, width int) {
	s := search.Snip(text, marks, width)
	width = min(max(width, 1), search.MaxSnippet)
	if n := uniseg.GraphemeClusterCount(s.Text); n > width {
		t.Fatalf("%q has %d clusters, want %d", s.Text, n, width)
	}
	checkRanges(t, s.Text, s.Marks)
	if s.Text != oneLine(s.Text) {
		t.Fatalf("white space in %q", s.Text)
	}
	all := oneLine(text)
	if !strings.Contains(all, s.Text) {
		t.Fatalf("%q is no part of %q", s.Text, text)
	}
	if !s.Before && !strings.HasPrefix(all, s.Text) || !s.After && !strings.HasSuffix(all, s.Text) {
		t.Fatalf("more of %q was left out than %+v says", text, s)
	}
	if !s.Before && !s.After && s.Text != all {
		t.Fatalf("%q is not all of %q", s.Text, text)
	}
	visible := slices.ContainsFunc(marks, func(r search.Range) bool {
		return strings.TrimFunc(text[r.Start:r.End], unicode.IsSpace) != ""
	})
	if visible && len(s.Marks) == 0 {
		t.Fatalf("%v of %q is not in %q", marks, text, s.Text)
	}
}

func TestSnippetsOfHighlights(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := drawText(t, "text", 60)
		a := search.Analysis{FoldAccents: rapid.Bool().Draw(t, "fold")}
		marks := a.Highlights(text, search.Or{drawLeaf(t, a, text), drawLeaf(t, a, text)})
		checkSnippet(t, text, marks, rapid.IntRange(-1, 70).Draw(t, "width"))
	})
}

func FuzzSnip(f *testing.F) {
	f.Add("see GitHub.com/x", 4, 6, 8, 9, 5)
	f.Add("型システムの話 ที่ 1\ufe0f\u20e3\xff\r\n\u0301 x", 3, 6, 20, 30, 3)
	f.Fuzz(func(t *testing.T, text string, a, b, c, d, width int) {
		cuts := []int{a, b, c, d}
		for i := range cuts {
			cuts[i] = min(max(cuts[i], 0), len(text))
			for cuts[i] > 0 && cuts[i] < len(text) && !utf8.RuneStart(text[cuts[i]]) {
				cuts[i]--
			}
		}
		slices.Sort(cuts)
		var marks []search.Range
		for ; len(cuts) > 0; cuts = cuts[2:] {
			if cuts[0] < cuts[1] {
				marks = append(marks, search.Range{Start: cuts[0], End: cuts[1]})
			}
		}
		checkSnippet(t, text, marks, width)
	})
}

func TestUTF16(t *testing.T) {
	for _, c := range []struct {
		text string
		in   []search.Range
		want []search.Range
	}{
		{"", nil, nil},
		{"abc", []search.Range{{1, 2}}, []search.Range{{1, 2}}},
		{"é型x", []search.Range{{0, 2}, {5, 6}}, []search.Range{{0, 1}, {2, 3}}},
		{"👍🏽x", []search.Range{{0, 8}, {8, 9}}, []search.Range{{0, 4}, {4, 5}}},
		{"\xffa\xed\xa0\x80b", []search.Range{{1, 2}, {5, 6}}, []search.Range{{1, 2}, {5, 6}}},
		{"型\ufffd", []search.Range{{3, 6}}, []search.Range{{1, 2}}},
		{"型x", []search.Range{{3, 4}, {0, 3}}, []search.Range{{1, 2}, {0, 1}}},
		{"型x", []search.Range{{-1, 99}}, []search.Range{{0, 2}}},
	} {
		if got := search.UTF16(c.text, c.in); !slices.Equal(got, c.want) {
			t.Errorf("%v of %q is %v, want %v", c.in, c.text, got, c.want)
		}
	}
}

func FuzzUTF16(f *testing.F) {
	f.Add("see 👍🏽 型\xff", "型")
	f.Fuzz(func(t *testing.T, text, query string) {
		ranges := search.Analysis{}.Highlights(text, search.Words(query))
		// What a JavaScript program gets that is sent the text as JSON.
		units := utf16.Encode([]rune(text))
		for i, r := range search.UTF16(text, ranges) {
			want := string([]rune(text[ranges[i].Start:ranges[i].End]))
			if got := string(utf16.Decode(units[r.Start:r.End])); got != want {
				t.Fatalf("%v of %q is %q, want %q", r, text, got, want)
			}
		}
	})
}
