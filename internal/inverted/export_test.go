package inverted

import (
	"fmt"
	"slices"
)

// Check says what is wrong with the form of what lies in memory.
func (x *Index) Check() error {
	for _, t := range x.tenants {
		live := 0
		for i, m := range t.months {
			if i > 0 && t.months[i-1].number <= m.number {
				return fmt.Errorf("month %s does not come before %s", m.name, t.months[i-1].name)
			}
			if err := m.check(); err != nil {
				return fmt.Errorf("month %s: %w", m.name, err)
			}
			for _, p := range m.parts {
				live += p.count() - p.dead.count()
			}
		}
		versions := 0
		for _, r := range t.rooms {
			versions += len(r.versions)
		}
		if live > versions {
			return fmt.Errorf("%d documents of %d positions", live, versions)
		}
	}
	return nil
}

func (m *month) check() error {
	if len(m.parts) == 0 {
		return fmt.Errorf("is empty")
	}
	classes := map[int]bool{}
	for i, p := range m.parts {
		if i > 0 && m.parts[i-1].at[0] < p.at[0] {
			return fmt.Errorf("part %d is newer than the one before", i)
		}
		if c := class(p.weight()); c >= 0 {
			if classes[c] {
				return fmt.Errorf("two parts of class %d", c)
			}
			classes[c] = true
		}
		if n, dead := p.count(), p.dead.count(); n > maxRows || dead > n/2 {
			return fmt.Errorf("%d rows, %d of them dead", n, dead)
		}
		used := map[uint16]bool{}
		for row := range p.count() {
			used[p.room[row]] = true
			place := place{p.at[row], p.rooms[p.room[row]], p.seq[row]}
			if found, ok := p.find(place); !ok || found != row || monthOf(p.at[row]) != m.number {
				return fmt.Errorf("row %d is found at %d", row, found)
			}
		}
		if len(used) != len(p.rooms) {
			return fmt.Errorf("%d of %d rooms are used", len(used), len(p.rooms))
		}
		for _, c := range []*column{&p.text, &p.fields} {
			if err := c.check(p); err != nil {
				return err
			}
		}
	}
	return nil
}

func (c *column) check(p part) error {
	if len(c.rowEnds) != p.count() {
		return fmt.Errorf("%d rows, want %d", len(c.rowEnds), p.count())
	}
	for n := range c.count() {
		list := c.list(n, n+1)
		if len(list) == 0 || !slices.IsSorted(list) || n > 0 && c.word(n-1) >= c.word(n) {
			return fmt.Errorf("word %d %q stands in %v", n, c.word(n), list)
		}
	}
	return nil
}

// Holds says whether a word or a room is in memory, found or not.
func (x *Index) Holds(word string) bool {
	for _, t := range x.tenants {
		for _, m := range t.months {
			for _, p := range m.parts {
				if lo, hi := p.text.equal(word); lo < hi || slices.Contains(p.rooms, word) {
					return true
				}
			}
		}
	}
	return false
}
