package search_test

import (
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/parlor-chat/parlor/search"
)

// What was read ends in as many items of a sequence as After says, and in no more.
func TestSequence(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		items := rapid.StringOfN(rapid.RuneFrom([]rune("ab")), 0, 10, -1).Draw(t, "items")
		text := rapid.StringOfN(rapid.RuneFrom([]rune("ab")), 0, 40, -1).Draw(t, "text")
		s, n := search.NewSequence([]byte(items)), 0
		for i := range len(text) {
			n = s.After(n, text[i])
			want := len(items)
			for !strings.HasSuffix(text[:i+1], items[:want]) {
				want--
			}
			if n != want {
				t.Fatalf("%q ends in %d of %q, want %d", text[:i+1], n, items, want)
			}
		}
	})
}

// drawPhrase draws a phrase that overlaps itself, mostly.
func drawPhrase(t *rapid.T, label string) search.Phrase {
	return search.Phrase{
		Tokens:       rapid.SliceOfN(rapid.SampledFrom([]string{"a", "b"}), 1, 7).Draw(t, label),
		LastIsPrefix: rapid.Bool().Draw(t, label+" open"),
	}
}

// A phrase matches if Phrase.At says that it stands somewhere, and is marked wherever it
// says so, whatever repeats in both.
func TestPhraseStandsWhereAtSays(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		word := rapid.SampledFrom([]string{"a", "b", "a", "b", "ab", "x"})
		tokens := rapid.SliceOfN(word, 0, 40).Draw(t, "tokens")
		phrases := []search.Phrase{drawPhrase(t, "one"), drawPhrase(t, "two")}
		body := strings.Join(tokens, " ")
		starts := []int{0} // of tokens, in the body
		for i, word := range tokens {
			starts = append(starts, starts[i]+len(word+" "))
		}
		match := make([]bool, len(phrases))
		var want []search.Range
		for i := range tokens {
			for k, p := range phrases {
				if !p.At(tokens[i:]) {
					continue
				}
				match[k] = true
				r := search.Range{Start: starts[i], End: starts[i+len(p.Tokens)] - len(" ")}
				if n := len(want); n > 0 && r.Start < want[n-1].End {
					want[n-1].End = max(want[n-1].End, r.End)
				} else {
					want = append(want, r)
				}
			}
		}
		for k, p := range phrases {
			if got := search.Match(p, &search.Document{Tokens: tokens}); got != match[k] {
				t.Errorf("%v in %q: %v, want %v", p, body, got, match[k])
			}
		}
		if got := (search.Analysis{}).Highlights(body, search.Or{phrases[0], phrases[1]}); !slices.Equal(got, want) {
			t.Errorf("%v: %s, want %s", phrases, marked(body, got), marked(body, want))
		}
	})
}

// What repeats is not compared again at each token: at 2³⁸ comparisons and more, this
// would not come to its end.
func TestLongPhrase(t *testing.T) {
	const n = 1 << 19
	tokens := slices.Repeat([]string{"a"}, 2*n)
	for _, open := range []bool{false, true} {
		p := search.Phrase{Tokens: append(slices.Repeat([]string{"a"}, n-1), "b"), LastIsPrefix: open}
		if d := (search.Document{Tokens: tokens}); search.Match(p, &d) {
			t.Errorf("a b stands in nothing but a")
		}
		if d := (search.Document{Tokens: append(tokens, "b")}); !search.Match(p, &d) {
			t.Errorf("a phrase doesn't stand at the end")
		}
	}
	body := strings.Repeat("a ", 2*n)
	ranges := search.Analysis{}.Highlights(body, search.Phrase{Tokens: tokens[:n]})
	if want := []search.Range{{Start: 0, End: len(body) - len(" ")}}; !slices.Equal(ranges, want) {
		t.Errorf("%d ranges, want all of it once", len(ranges))
	}
}
