package inverted

import (
	"cmp"
	"slices"
	"sort"
)

// none is the row behind all rows.
const none = maxRows

// rows is a set of rows, to be gone through once.
type rows interface {
	// next is the first member at or behind a row; none if there is none. It is asked
	// for rows that never fall.
	next(row int) int
	// most is how many members there are at most.
	most() int
}

// span is the rows from lo to hi; hi isn't one of them.
type span struct{ lo, hi int }

func (s span) most() int { return s.hi - s.lo }

func (s span) next(row int) int {
	if row = max(row, s.lo); row < s.hi {
		return row
	}
	return none
}

// list is rows one by one, rising.
type list struct{ left []uint16 }

func (l *list) most() int { return len(l.left) }

func (l *list) next(row int) int {
	if len(l.left) == 0 || int(l.left[0]) >= row {
		return l.first()
	}
	// Most steps are short: double them until they reach far enough.
	step := 1
	for step < len(l.left) && int(l.left[step]) < row {
		step *= 2
	}
	lo, hi := step/2+1, min(step, len(l.left))
	l.left = l.left[lo+sort.Search(hi-lo, func(i int) bool { return int(l.left[lo+i]) >= row }):]
	return l.first()
}

func (l *list) first() int {
	if len(l.left) == 0 {
		return none
	}
	return int(l.left[0])
}

// set is rows in a bitset.
type set struct {
	bitset
	size int
}

func (s set) most() int { return s.size }

// and is the rows that all of several sets have.
type and []rows

// andOf is an and. The smallest set leads.
func andOf(of []rows) rows {
	if len(of) == 1 {
		return of[0]
	}
	slices.SortStableFunc(of, func(a, b rows) int { return cmp.Compare(a.most(), b.most()) })
	return and(of)
}

func (a and) most() int { return a[0].most() }

func (a and) next(row int) int {
again:
	row = a[0].next(row)
	for _, other := range a[1:] {
		if row == none {
			return none
		}
		if at := other.next(row); at > row {
			row = at
			goto again
		}
	}
	return row
}

// or is the rows that some of several sets have.
type or struct {
	of []rows
	at []int // where each is; below the row asked for: it must be asked again
}

// few is how many sets an or goes through side by side. More are collected first.
const few = 8

// orOf is an or over a segment of so many rows.
func orOf(of []rows, segment int) rows {
	if len(of) == 1 {
		return of[0]
	}
	if len(of) > few {
		b := newBitset(segment)
		for _, part := range of {
			b.addAll(part)
		}
		return set{b, b.count()}
	}
	o := &or{of, make([]int, len(of))}
	for i := range o.at {
		o.at[i] = -1
	}
	return o
}

func (o *or) most() int {
	n := 0
	for _, part := range o.of {
		n += part.most()
	}
	return n
}

func (o *or) next(row int) int {
	first := none
	for i, at := range o.at {
		if at < row {
			at = o.of[i].next(row)
			o.at[i] = at
		}
		first = min(first, at)
	}
	return first
}

// not is the rows of a segment that a set doesn't have.
type not struct {
	of      rows
	at      int // the first member of of that wasn't passed
	segment int // rows
}

func (n *not) most() int { return n.segment }

func (n *not) next(row int) int {
	for row < n.segment {
		if n.at < row {
			n.at = n.of.next(row)
		}
		if n.at != row {
			return row
		}
		row++
	}
	return none
}
