package inverted

import (
	"sort"
	"strings"
)

// words is a sorted list of words, each once, in one piece of memory.
type words struct {
	text string
	ends []uint32 // where each word ends in text
}

func wordsOf(sorted []string) words {
	size := 0
	for _, w := range sorted {
		size += len(w)
	}
	var text strings.Builder
	text.Grow(size)
	w := words{ends: make([]uint32, len(sorted))}
	for i, s := range sorted {
		text.WriteString(s)
		w.ends[i] = uint32(text.Len())
	}
	w.text = text.String()
	return w
}

func (w *words) count() int { return len(w.ends) }

// word is word number i.
func (w *words) word(i int) string {
	if i == 0 {
		return w.text[:w.ends[0]]
	}
	return w.text[w.ends[i-1]:w.ends[i]]
}

// behind is the number of words before s, which is where s would stand.
func (w *words) behind(s string) int {
	lo, hi := 0, len(w.ends)
	for lo < hi {
		mid := int(uint(lo+hi) / 2)
		if w.word(mid) < s {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	return lo
}

// equal is the words that equal s, from lo to hi: one or none.
func (w *words) equal(s string) (lo, hi int) {
	lo = w.behind(s)
	if lo < w.count() && w.word(lo) == s {
		return lo, lo + 1
	}
	return lo, lo
}

// prefixed is the words that begin with s, from lo to hi.
func (w *words) prefixed(s string) (lo, hi int) {
	lo = w.behind(s)
	return lo, lo + sort.Search(w.count()-lo, func(i int) bool { return !strings.HasPrefix(w.word(lo+i), s) })
}
