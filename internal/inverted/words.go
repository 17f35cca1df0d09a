package inverted

import (
	"encoding/binary"
	"hash/maphash"
	"sort"
	"strings"
)

// words is a sorted list of words, each once, in one piece of memory.
type words struct {
	text string
	ends []uint32 // where each word ends in text
	keys []uint32 // keyOf each word: most steps of a search need no more
	seen []uint64 // a Bloom filter (see mark): most words that aren't there need no search
}

var seed = maphash.MakeSeed()

// mark is a word's three bits in one of the numbers of seen.
func (w *words) mark(s string) (at int, bits uint64) {
	h := maphash.String(seed, s)
	return int((h >> 32) * uint64(len(w.seen)) >> 32), 1<<(h&63) | 1<<(h>>6&63) | 1<<(h>>12&63)
}

// wordsPerMark is so few that a word that isn't there seems to be in one of 50
// lists.
const wordsPerMark = 6

// keyOf is the first four bytes of a word as a number: words sort by it first.
func keyOf(s string) uint32 {
	var b [4]byte
	copy(b[:], s)
	return binary.BigEndian.Uint32(b[:])
}

func wordsOf(sorted []string) words {
	size := 0
	for _, w := range sorted {
		size += len(w)
	}
	var text strings.Builder
	text.Grow(size)
	w := words{
		ends: make([]uint32, len(sorted)), keys: make([]uint32, len(sorted)), seen: make([]uint64, len(sorted)/wordsPerMark+1),
	}
	for i, s := range sorted {
		text.WriteString(s)
		w.ends[i] = uint32(text.Len())
		w.keys[i] = keyOf(s)
		at, bits := w.mark(s)
		w.seen[at] |= bits
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
	key := keyOf(s)
	lo, hi := 0, len(w.keys)
	for lo < hi {
		if mid := int(uint(lo+hi) / 2); w.keys[mid] < key {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	hi = lo
	for step := 1; hi < len(w.keys) && w.keys[hi] == key; step *= 2 {
		hi += step
	}
	for hi = min(hi, len(w.keys)); lo < hi; {
		if mid := int(uint(lo+hi) / 2); w.word(mid) < s {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	return lo
}

// equal is the words that equal s, from lo to hi: one or none.
func (w *words) equal(s string) (lo, hi int) {
	if at, bits := w.mark(s); w.seen[at]&bits != bits {
		return 0, 0
	}
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
