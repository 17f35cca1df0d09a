package inverted

import (
	"cmp"
	"math"
	"slices"

	"github.com/parlor-chat/parlor/chat"
)

// part is a segment, and which of its rows are found no more. dead is replaced,
// never changed; nil: none.
type part struct {
	*segment
	dead bitset
}

// without is the part without what stands at some places. It is copied once most of it
// is dead; ok is false if nothing is left.
func (p part) without(places []place) (left part, ok bool) {
	var dead bitset
	for _, gone := range places {
		row, ok := p.find(gone)
		if !ok {
			continue
		}
		if dead == nil {
			dead = p.mortal()
		}
		dead.add(row)
	}
	if dead == nil {
		return p, true
	}
	p.dead = dead
	if dead.count() > p.count()/2 {
		return p.compact()
	}
	return p, true
}

// drop is the part without the rows of a room, or of all rooms if room is empty,
// before a time, which stay nowhere, dead or not. ok is false if nothing is left.
func (p part) drop(room string, end int64) (left part, ok bool) {
	dead, drops := p.mortal(), false
	lo, hi := p.within(math.MinInt64, end)
	for row := lo; row < hi; row++ {
		if room == "" || p.rooms[p.room[row]] == room {
			dead.add(row)
			drops = true
		}
	}
	if !drops {
		return p, true
	}
	return part{p.segment, dead}.compact()
}

// mortal is a copy of dead that can be added to.
func (p part) mortal() bitset {
	dead := newBitset(p.count())
	copy(dead, p.dead)
	return dead
}

// compact is the part without its dead rows. ok is false if nothing is left.
func (p part) compact() (left part, ok bool) {
	if p.dead.count() == p.count() {
		return part{}, false
	}
	return part{segment: merge([]part{p})}, true
}

// source is a row of one of several parts.
type source struct{ part, row int }

// merge makes one segment of the rows of parts that aren't dead, which must be from
// 1 to maxRows.
func merge(parts []part) *segment {
	rooms, renumber := mergeRooms(parts)
	order := mergeRows(parts, renumber)
	s := newSegment(len(order))
	s.rooms = rooms
	for _, o := range order {
		p := parts[o.part]
		s.add(p.at[o.row], int(renumber[o.part][p.room[o.row]]), p.seq[o.row], p.revision[o.row])
	}
	s.text = mergeColumns(parts, order, func(p part) *column { return &p.text })
	s.fields = mergeColumns(parts, order, func(p part) *column { return &p.fields })
	return s
}

// mergeRooms is the rooms of all rows that aren't dead, and for each part what becomes
// of their numbers.
func mergeRooms(parts []part) (all []string, renumber [][]uint16) {
	for _, p := range parts {
		used := make([]bool, len(p.rooms))
		for row, room := range p.room {
			used[room] = used[room] || !p.dead.has(row)
		}
		for room, key := range p.rooms {
			if used[room] {
				all = append(all, key)
			}
		}
	}
	slices.Sort(all)
	all = slices.Clone(slices.Compact(all))
	for _, p := range parts {
		numbers := make([]uint16, len(p.rooms))
		for i, key := range p.rooms {
			n, _ := slices.BinarySearch(all, key)
			numbers[i] = uint16(n)
		}
		renumber = append(renumber, numbers)
	}
	return all, renumber
}

// mergeRows is all rows that aren't dead, in the order of results.
func mergeRows(parts []part, rooms [][]uint16) []source {
	type head struct {
		row  int
		at   int64
		room uint16
		seq  chat.Seq
	}
	heads := make([]head, len(parts))
	total := 0
	next := func(k, row int) {
		p := parts[k]
		for row < p.count() && p.dead.has(row) {
			row++
		}
		if heads[k].row = row; row < p.count() {
			heads[k] = head{row, p.at[row], rooms[k][p.room[row]], p.seq[row]}
		}
	}
	for k, p := range parts {
		total += p.count() - p.dead.count()
		next(k, 0)
	}
	order := make([]source, 0, total)
	for range total {
		first := -1
		for k, h := range heads {
			if h.row == parts[k].count() {
				continue
			}
			if first < 0 || cmp.Or(cmp.Compare(h.at, heads[first].at), cmp.Compare(h.room, heads[first].room),
				cmp.Compare(h.seq, heads[first].seq)) > 0 {
				first = k
			}
		}
		order = append(order, source{first, heads[first].row})
		next(first, heads[first].row+1)
	}
	return order
}

// mergeColumns makes one column of one of each part.
func mergeColumns(parts []part, order []source, of func(part) *column) column {
	columns := make([]*column, len(parts))
	for k, p := range parts {
		columns[k] = of(p)
	}
	sorted, renumber := mergeWords(parts, columns)
	total := 0
	for _, o := range order {
		total += len(columns[o.part].row(o.row))
	}
	c := column{words: wordsOf(sorted), rowEnds: make([]uint32, 0, len(order)), numbers: make([]uint32, 0, total)}
	for _, o := range order {
		for _, n := range columns[o.part].row(o.row) {
			c.numbers = append(c.numbers, renumber[o.part][n])
		}
		c.rowEnds = append(c.rowEnds, uint32(len(c.numbers)))
	}
	c.invert()
	return c
}

// mergeWords is the words of all rows that aren't dead, and for each column what
// becomes of their numbers.
func mergeWords(parts []part, columns []*column) (sorted []string, renumber [][]uint32) {
	renumber = make([][]uint32, len(parts))
	heads := make([]string, len(parts))
	at := make([]int, len(parts))
	next := func(k, n int) {
		c := columns[k]
		for n < c.count() && !parts[k].alive(c.list(n, n+1)) {
			n++
		}
		if at[k] = n; n < c.count() {
			heads[k] = c.word(n)
		}
	}
	for k, c := range columns {
		renumber[k] = make([]uint32, c.count())
		next(k, 0)
	}
	for {
		first := -1
		for k, c := range columns {
			if at[k] < c.count() && (first < 0 || heads[k] < heads[first]) {
				first = k
			}
		}
		if first < 0 {
			return sorted, renumber
		}
		word := heads[first]
		for k, c := range columns {
			if at[k] < c.count() && heads[k] == word {
				renumber[k][at[k]] = uint32(len(sorted))
				next(k, at[k]+1)
			}
		}
		sorted = append(sorted, word)
	}
}

// alive says whether some row of a list isn't dead.
func (p part) alive(list []uint16) bool {
	if p.dead == nil {
		return true
	}
	return slices.ContainsFunc(list, func(row uint16) bool { return !p.dead.has(int(row)) })
}
