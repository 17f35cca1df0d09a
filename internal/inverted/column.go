package inverted

import (
	"maps"
	"slices"
)

// column holds the words of each row, in order, and the rows of each word.
type column struct {
	words
	rowEnds  []uint32 // where the words of each row end in numbers
	numbers  []uint32 // of words
	listEnds []uint32 // where the rows of each word end in lists
	lists    []uint16 // rows, rising for each word
}

// row is the numbers of the words of a row.
func (c *column) row(i int) []uint32 {
	if i == 0 {
		return c.numbers[:c.rowEnds[0]]
	}
	return c.numbers[c.rowEnds[i-1]:c.rowEnds[i]]
}

// list is the rows of the words from lo to hi, one word's behind the other's.
func (c *column) list(lo, hi int) []uint16 {
	from := uint32(0)
	if lo > 0 {
		from = c.listEnds[lo-1]
	}
	if lo == hi {
		return nil
	}
	return c.lists[from:c.listEnds[hi-1]]
}

// invert makes the lists from the numbers.
func (c *column) invert() {
	last := make([]uint32, c.count()) // the row behind the one where each word was seen last
	fill := make([]uint32, c.count())
	total := uint32(0)
	for i := range c.rowEnds {
		for _, n := range c.row(i) {
			if last[n] != uint32(i+1) {
				last[n] = uint32(i + 1)
				fill[n]++
				total++
			}
		}
	}
	clear(last)
	c.listEnds = make([]uint32, c.count())
	c.lists = make([]uint16, total)
	end := uint32(0)
	for n, size := range fill {
		fill[n] = end
		end += size
		c.listEnds[n] = end
	}
	for i := range c.rowEnds {
		for _, n := range c.row(i) {
			if last[n] != uint32(i+1) {
				last[n] = uint32(i + 1)
				c.lists[fill[n]] = uint16(i)
				fill[n]++
			}
		}
	}
}

// columnOf makes a column; words(i) is the words of row i.
func columnOf(rows int, words func(i int) []string) column {
	c := column{rowEnds: make([]uint32, rows)}
	known := map[string]uint32{}
	for i := range rows {
		for _, w := range words(i) {
			n, ok := known[w]
			if !ok {
				n = uint32(len(known))
				known[w] = n
			}
			c.numbers = append(c.numbers, n)
		}
		c.rowEnds[i] = uint32(len(c.numbers))
	}
	sorted := slices.Sorted(maps.Keys(known))
	renumber := make([]uint32, len(sorted))
	for n, w := range sorted {
		renumber[known[w]] = uint32(n)
	}
	numbers := make([]uint32, len(c.numbers)) // no larger than it must be, for it stays
	for i, n := range c.numbers {
		numbers[i] = renumber[n]
	}
	c.numbers = numbers
	c.words = wordsOf(sorted)
	c.invert()
	return c
}
