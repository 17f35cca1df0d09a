package bleve

import (
	"strings"

	"github.com/parlor-chat/parlor/search"
)

// The score of a hit is that of the memory driver: a sum over the words, prefixes and
// phrases that are asked for; each time that one stands in a text counts less than the time
// before, and all count less in a long text, as in Okapi BM25. It follows from the request
// and the document alone. No word counts more for being rare: it would have to be rare among
// what others may see, too, and a score would change while somebody turns pages.
const (
	saturation = 1.2  // so many times make half of what can be had
	byLength   = 0.75 // how much of that grows with the length of a text
	usual      = 16   // tokens of a text of usual length
)

// pattern is words that stand one behind the other.
type pattern struct {
	head   *search.Sequence[string]
	words  int // of head
	last   string
	prefix bool // the last one need only begin so
}

func newPattern(p search.Phrase) *pattern {
	n := len(p.Tokens) - 1
	return &pattern{search.NewSequence(p.Tokens[:n]), n, p.Tokens[n], p.LastIsPrefix}
}

// in counts how often the pattern stands in tokens, up to most.
func (p *pattern) in(tokens []string, most int) int {
	found, n := 0, 0
	for _, t := range tokens {
		if n == p.words && (t == p.last || p.prefix && strings.HasPrefix(t, p.last)) {
			if found++; found == most {
				break
			}
		}
		n = p.head.After(n, t)
	}
	return found
}

// patterns adds what counts in a score: all that is asked for and not refused.
func patterns(all []*pattern, x search.Expr) []*pattern {
	switch x := x.(type) {
	case search.And:
		for _, part := range x {
			all = patterns(all, part)
		}
	case search.Or:
		for _, part := range x {
			all = patterns(all, part)
		}
	case search.Term:
		all = append(all, newPattern(search.Phrase{Tokens: []string{string(x)}}))
	case search.Prefix:
		all = append(all, newPattern(search.Phrase{Tokens: []string{string(x)}, LastIsPrefix: true}))
	case search.Phrase:
		all = append(all, newPattern(x))
	}
	return all
}

func score(tokens []string, all []*pattern) float64 {
	half := saturation * (1 - byLength + byLength*float64(len(tokens))/usual)
	sum := 0.0
	for _, p := range all {
		n := float64(p.in(tokens, len(tokens)))
		sum += n / (n + half)
	}
	return sum
}
