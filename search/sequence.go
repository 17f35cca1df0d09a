package search

// Sequence is a list of things that is looked for in a longer one, as Knuth, Morris and
// Pratt do: n things are gone through in at most 2n comparisons, whatever repeats in
// both. [Match] and [Analysis.Highlights] find phrases so, and drivers that keep tokens
// in their order may.
type Sequence[T comparable] struct {
	items []T
	back  []int // of each item: how many before and with it are how the sequence begins, but not all
}

// NewSequence makes the sequence of items, in at most twice as many comparisons. It
// keeps them.
func NewSequence[T comparable](items []T) *Sequence[T] {
	s := &Sequence[T]{items, make([]int, len(items))}
	for i := 1; i < len(items); i++ {
		s.back[i] = s.After(s.back[i-1], items[i])
	}
	return s
}

// After reads one thing more, and returns in how many of the first items of the sequence
// all that was read ends now, the most that may be: the whole sequence where it is all of
// them. n is what After returned for the thing before, and 0 for the first one.
func (s *Sequence[T]) After(n int, read T) int {
	for n == len(s.items) || s.items[n] != read {
		if n == 0 {
			return 0
		}
		n = s.back[n-1]
	}
	return n + 1
}
