package search

import (
	"testing"
	"unicode"

	"github.com/rivo/uniseg"
)

// TestApart checks the characters that are taken to be clusters without a look into
// the tables.
func TestApart(t *testing.T) {
	n := 0
	for r := range unicode.MaxRune + 1 {
		if !apart(r) {
			continue
		}
		n++
		for _, text := range []string{"a" + string(r), string(r) + "a", string(r) + string(r), string(r) + "\n"} {
			if uniseg.GraphemeClusterCount(text) != 2 {
				t.Errorf("%U is no cluster by itself in %q", r, text)
			}
		}
	}
	if n < 20_000 {
		t.Errorf("only %d characters are known", n)
	}
}

func TestClusterAt(t *testing.T) {
	for _, text := range []string{
		"", "a", "ae\u0301", "e\u0301", "\r\n", "a\r\nb", "の\u3099", "か゛", "👍🏽a", "👩\u200d💻", "🇩🇪🇫🇷", "ที่", "\xff\u0301a",
		"한\u11a8", "1\ufe0f\u20e3",
	} {
		at := 0
		for g := uniseg.NewGraphemes(text); g.Next(); {
			end := at + len(g.Str())
			if got := clusterAt(text, at); got != end {
				t.Errorf("the cluster at %d of %q ends at %d, want %d", at, text, got, end)
			}
			at = end
		}
	}
}
