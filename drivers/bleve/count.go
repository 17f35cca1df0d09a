package bleve

import (
	"time"

	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/search"
)

// all goes through all matches of a segment: counts them, and takes those of a page by
// score.
func (q *query) all(f *found, m *monthView) error {
	c := counter{query: q, found: f}
	if len(q.Facets) == 0 && !q.ByScore && q.counted > q.Count {
		return nil // enough is known
	}
	if err := c.prepare(m); err != nil {
		return err
	}
	if c.plain && len(q.phrases) == 0 && len(c.columns) == 0 && !q.ByScore {
		q.counted += int(f.n)
		return nil
	}
	n := 0
	for it := f.all.Iterator(); it.HasNext(); {
		if err := f.stopped(1); err != nil {
			return err
		}
		counts, err := c.row(it.Next())
		if err != nil {
			return err
		}
		if counts {
			n++
		}
		if len(q.Facets) == 0 && !q.ByScore && q.counted+n > q.Count {
			break
		}
	}
	q.counted += n
	c.add(n)
	return nil
}

// counter counts the matches of a segment.
type counter struct {
	*query
	*found
	rooms   *column  // nil: rooms are read off ids
	least   []uint64 // of each value of it, as visible.known has it
	plain   bool     // all of the segment is visible
	columns []*column
	counts  [][]int  // of each column: matches by value
	fixed   []string // of each facet: the value that all of the segment have
}

// byColumn is from how many matches on the columns of a segment are worth making.
const byColumn = 256

func (c *counter) prepare(m *monthView) error {
	cache, s := &c.g.place.cache, c.segmentView
	if c.n >= byColumn || len(c.Facets) > 0 {
		rooms, err := cache.column(s, c.values, termRoom)
		if err != nil {
			return err
		}
		c.rooms, c.least, c.plain = rooms, make([]uint64, len(rooms.values)), true
		for i, term := range rooms.values {
			c.least[i] = 1
			number, ok := roomNumber(term)
			if !ok {
				return errBadID
			}
			if r, least := c.visible.from(number); r != nil {
				c.least[i] = least + 2
			}
			c.plain = c.plain && c.least[i] >= 2 && c.least[i] <= 3
		}
	}
	c.columns, c.counts = make([]*column, len(c.Facets)), make([][]int, len(c.Facets))
	c.fixed = make([]string, len(c.Facets))
	for i, facet := range c.Facets {
		kind := termOf[facet.Field]
		if facet.Field == search.FieldMonth {
			if kind = termDay; c.g.place.opt.Period == Month {
				c.fixed[i] = chat.Month(time.UnixMilli(m.month.from))
				continue
			}
		}
		column, err := cache.column(s, c.values, kind)
		if err != nil {
			return err
		}
		c.columns[i], c.counts[i] = column, make([]int, len(column.values)+1)
	}
	return nil
}

// row counts a document, if it is a match that the asker may see.
func (c *counter) row(row uint32) (bool, error) {
	if c.rooms != nil && !c.plain {
		n := c.rooms.of[row]
		if n == 0 || c.least[n-1] == 1 {
			return false, nil
		}
	}
	var h hit
	if c.rooms == nil || c.ByScore || !c.plain && c.least[c.rooms.of[row]-1] > 3 {
		var ok bool
		var err error
		if h, ok, err = c.hit(c.eval, row); err != nil || !ok {
			return false, err
		}
	}
	if len(c.phrases) > 0 || c.ByScore {
		tokens, _, err := c.read(row)
		if err != nil || !c.hold(tokens) {
			return false, err
		}
		if c.ByScore {
			c.rank(h, tokens)
		}
	}
	for i, column := range c.columns {
		if column == nil {
			continue
		}
		c.counts[i][column.of[row]]++
		if column.more != nil {
			for _, n := range column.more[row] {
				c.counts[i][n]++
			}
		}
	}
	return true, nil
}

// rank takes a match into the page, if it belongs there by its score.
func (c *counter) rank(h hit, tokens []string) {
	if c.Limit == 0 {
		return
	}
	h.score = score(tokens, c.patterns)
	if len(c.page) > c.Limit && !h.before(&c.page[c.Limit], true) || c.paged && !c.after.before(&h, true) {
		return
	}
	c.insert(h)
}

// add adds what was counted to the facets.
func (c *counter) add(n int) {
	for i, facet := range c.Facets {
		sums := c.tally.sums[i]
		if c.columns[i] == nil {
			if n > 0 {
				sums[c.fixed[i]] += n
			}
			continue
		}
		for j, n := range c.counts[i][1:] {
			if n == 0 {
				continue
			}
			value := c.columns[i].values[j]
			switch facet.Field {
			case search.FieldRoom:
				number, _ := roomNumber(value)
				value = c.view.rooms[number].id.Key
			case search.FieldMonth:
				value = chat.Month(time.UnixMilli(dayNumber(value) * dayMillis))
			}
			sums[value] += n
		}
	}
}
