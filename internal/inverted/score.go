package inverted

import (
	"slices"
	"sort"

	"github.com/parlor-chat/parlor/search"
)

// The score of a hit is a sum over the words, prefixes and phrases that are asked for:
// each time that one stands in a text counts less than the time before, and all count
// less in a long text, as in Okapi BM25. It follows from the request and the document
// alone. No word counts more for being rare: it would have to be rare among what others
// may see, too, and a score would change while somebody turns pages.
const (
	saturation = 1.2  // so many times make half of what can be had
	byLength   = 0.75 // how much of that grows with the length of a text
	usual      = 16   // tokens of a text of usual length
)

// patterns adds what counts in a score: all that is asked for and not refused.
func (s *segment) patterns(all []pattern, e search.Expr) []pattern {
	switch e := e.(type) {
	case search.And:
		for _, part := range e {
			all = s.patterns(all, part)
		}
	case search.Or:
		for _, part := range e {
			all = s.patterns(all, part)
		}
	default:
		if p, ok := s.pattern(e); ok {
			all = append(all, p)
		}
	}
	return all
}

func (s *segment) score(row int, patterns []pattern) float64 {
	tokens := s.text.row(row)
	half := saturation * (1 - byLength + byLength*float64(len(tokens))/usual)
	sum := 0.0
	for _, p := range patterns {
		n := float64(p.in(tokens, len(tokens)))
		sum += n / (n + half)
	}
	return sum
}

// rank puts a match into its place among the hits, if it is behind the cursor and may
// be on the page.
func (q *query) rank(s *segment, row int) {
	q.work.stopped(len(s.text.row(row)) * len(q.patterns))
	h := q.hit(s, row)
	h.Score = s.score(row, q.patterns)
	if !q.paged || q.after.Before(h, true) {
		q.hits = insert(q.hits, h, q.Limit+1, func(a, b search.Hit) bool { return a.Before(b, true) })
	}
}

// insert puts v into its place in a sorted list, of which the first few are wanted.
func insert[T any](sorted []T, v T, most int, before func(a, b T) bool) []T {
	if len(sorted) == most {
		if !before(v, sorted[most-1]) {
			return sorted
		}
		sorted = sorted[:most-1]
	}
	i := sort.Search(len(sorted), func(i int) bool { return before(v, sorted[i]) })
	return slices.Insert(sorted, i, v)
}
