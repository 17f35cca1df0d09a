package search

import (
	"slices"
	"strings"
	"testing"
)

// To find a phrase, each token is read once at most, and only near its rarest word.
func TestNearReadsOnce(t *testing.T) {
	a := func(n int) []string { return slices.Repeat([]string{"a"}, n) }
	for _, c := range []struct {
		name, body string
		phrase     []string
		most       int
	}{
		{"one word", strings.Repeat("a ", 1000), a(1), 1000},
		{"as long as may be", strings.Repeat("a ", 1000), a(990), 1000},
		{"longer than the body", strings.Repeat("a ", 10), a(990), 10},
		{"a rare word at the end", strings.Repeat("a ", 1000) + "b", append(a(9), "b"), 10},
		{"a rare word, twice", "b " + strings.Repeat("a ", 1000) + "b a", append([]string{"b"}, a(4)...), 7},
	} {
		p := Phrase{Tokens: c.phrase}
		f := finder{exact: map[string]*sought{}, open: map[string]*sought{}}
		f.learn(p)
		f.read(Analysis{}.scan(c.body))
		var words []*sought
		for _, t := range p.Tokens {
			words = append(words, f.exact[t])
		}
		read, last := 0, -1
		for i := range f.near(words) {
			if i <= last {
				t.Fatalf("%s: reads %d behind %d", c.name, i, last)
			}
			read, last = read+1, i
		}
		if read != c.most {
			t.Errorf("%s: reads %d tokens, want %d", c.name, read, c.most)
		}
	}
}
