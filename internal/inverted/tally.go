package inverted

import (
	"slices"
	"strings"

	"github.com/parlor-chat/parlor/search"
)

// tally counts the values of the fields that facets ask for.
type tally struct {
	facets  []search.Facet
	sums    []map[string]int // of each facet
	segment *segment         // the one that is gone through
	rows    int              // matches in it
	words   []int            // matches in it by word of its fields
}

func newTally(facets []search.Facet) tally {
	t := tally{facets: facets, sums: make([]map[string]int, len(facets))}
	for i := range t.sums {
		t.sums[i] = map[string]int{}
	}
	return t
}

func (t *tally) enter(s *segment) {
	if len(t.facets) == 0 {
		return
	}
	t.segment, t.rows = s, 0
	t.words = slices.Grow(t.words[:0], s.fields.count())[:s.fields.count()]
	clear(t.words)
}

// add counts a match.
func (t *tally) add(row int) {
	if len(t.facets) == 0 {
		return
	}
	t.rows++
	for _, n := range t.segment.fields.row(row) {
		t.words[n]++
	}
}

// leave adds up what was counted in the segment, which is of a month.
func (t *tally) leave(month string) {
	if len(t.facets) == 0 || t.rows == 0 {
		return
	}
	for i, f := range t.facets {
		if f.Field == search.FieldMonth {
			t.sums[i][month] += t.rows
			continue
		}
		fields := &t.segment.fields
		lo, hi := fields.prefixed(fieldWord(f.Field, ""))
		for n := lo; n < hi; n++ {
			if t.words[n] > 0 {
				t.sums[i][fields.word(n)[1:]] += t.words[n]
			}
		}
	}
}

// buckets is the largest values of each facet, ties by value rising.
func (t *tally) buckets() [][]search.Bucket {
	var all [][]search.Bucket
	for i, f := range t.facets {
		buckets := []search.Bucket{}
		for v, n := range t.sums[i] {
			buckets = insert(buckets, search.Bucket{Value: v, Count: n}, f.Size, larger)
		}
		for j := range buckets {
			buckets[j].Value = strings.Clone(buckets[j].Value) // not the segment's memory
		}
		all = append(all, buckets)
	}
	return all
}

func larger(a, b search.Bucket) bool {
	return a.Count > b.Count || a.Count == b.Count && a.Value < b.Value
}
