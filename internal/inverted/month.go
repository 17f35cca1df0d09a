package inverted

import (
	"cmp"
	"math/bits"
	"slices"

	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/search"
)

// month is the documents of a month, in parts, the one with the newest first. It
// never changes, and is never empty.
type month struct {
	number         int // of months since the year 0
	name           string
	oldest, newest int64 // the times of its oldest and newest document
	parts          []part
}

// monthOf is the number of the month of a time.
func monthOf(at int64) int {
	t := clock(at)
	return t.Year()*12 + int(t.Month()) - 1
}

// draft is what is to change in the months of a tenant.
type draft map[int]*change

// change is what is to change in a month.
type change struct {
	gone []place
	docs []*search.Document
}

func (d draft) month(number int) *change {
	if d[number] == nil {
		d[number] = &change{}
	}
	return d[number]
}

// add takes a document in, unless its revision or a newer one is there. The tenant
// remembers it from now on.
func (d draft) add(t *tenant, doc *search.Document) {
	r := t.room(doc.Position.Room.Key)
	seq := doc.Position.Seq
	old, known := r.versions[seq]
	if known && old.revision >= doc.Revision {
		return
	}
	at := floor(doc.At)
	r.versions[seq] = version{doc.Revision, at}
	if known {
		m := d.month(monthOf(old.at))
		m.gone = append(m.gone, place{old.at, r.key, seq})
	}
	if !doc.Gone {
		m := d.month(monthOf(at))
		m.docs = append(m.docs, doc)
	}
}

// apply is the months of a tenant after the change.
func (d draft) apply(t *tenant) []*month {
	months := slices.Clone(t.months)
	for number, c := range d {
		c.docs = slices.DeleteFunc(c.docs, func(doc *search.Document) bool { // replaced by a later one
			return t.rooms[doc.Position.Room.Key].versions[doc.Position.Seq].revision != doc.Revision
		})
		i, ok := slices.BinarySearchFunc(months, number, func(m *month, n int) int { return cmp.Compare(n, m.number) })
		if !ok {
			months = slices.Insert(months, i, &month{number: number})
		}
		if months[i] = months[i].with(c); months[i] == nil {
			months = slices.Delete(months, i, i+1)
		}
	}
	return months
}

// with is the month after a change; nil if it is empty then.
func (m *month) with(c *change) *month {
	parts := make([]part, 0, len(m.parts)+1)
	for _, p := range m.parts {
		if p, ok := p.without(c.gone); ok {
			parts = append(parts, p)
		}
	}
	if len(c.docs) > 0 {
		parts = append(parts, part{segment: build(c.docs)})
	}
	return m.of(parts)
}

// of is the month with other parts, put in order; nil if there are none.
func (m *month) of(parts []part) *month {
	parts = settle(parts)
	if len(parts) == 0 {
		return nil
	}
	slices.SortFunc(parts, func(a, b part) int { return cmp.Compare(b.at[0], a.at[0]) })
	newest, oldest := parts[0].at[0], int64(never)
	for _, p := range parts {
		oldest = min(oldest, p.at[p.count()-1])
	}
	return &month{m.number, chat.Month(clock(newest)), oldest, newest, parts}
}

// drop is the months without the documents of a room before a time; of all rooms, if
// room is empty.
func drop(months []*month, room string, end int64) []*month {
	var left []*month
	for _, m := range months {
		parts := make([]part, 0, len(m.parts))
		for _, p := range m.parts {
			if p, ok := p.drop(room, end); ok {
				parts = append(parts, p)
			}
		}
		if m = m.of(parts); m != nil {
			left = append(left, m)
		}
	}
	return left
}

// A segment of more than half of what one can be is left alone. All others have
// classes by weight, each four times the one below. Two of one class are merged, so a
// month has one of each at most.
const full = maxRows / 2

func class(weight int) int {
	if weight > full {
		return -1
	}
	return (bits.Len(uint(weight)) - 1) / 2
}

// settle merges parts until no two are of one class.
func settle(parts []part) []part {
	lighter := func(a, b part) int { return cmp.Compare(a.weight(), b.weight()) }
	slices.SortFunc(parts, lighter)
	for i := 1; i < len(parts); {
		if c := class(parts[i].weight()); c < 0 || c != class(parts[i-1].weight()) {
			i++
			continue
		}
		merged := part{segment: merge(parts[i-1 : i+1])}
		parts = slices.Delete(parts, i-1, i+1)
		at, _ := slices.BinarySearchFunc(parts, merged, lighter)
		parts = slices.Insert(parts, at, merged)
	}
	return parts
}
