package bleve

import (
	"sync"
	"sync/atomic"
)

// column is the values of one field for each document of a segment: what counts of many
// documents are made from. It is made from the lists of the values when somebody counts,
// and kept while there is room.
type column struct {
	values []string // without the byte before them
	of     []uint32 // of each document: the number of its first value, from 1; 0: none
	more   map[uint32][]uint32
	bytes  int64
	used   atomic.Int64 // when, by the clock of the cache
}

// columns are those of a segment, by the first byte of their terms.
type columns struct {
	mu     sync.Mutex
	byKind map[byte]*column
}

func newColumn(d *dict, kind byte, rows int) (*column, error) {
	c := &column{of: make([]uint32, rows)}
	err := each(d, []byte{kind}, []byte{kind + 1}, func(term string) (bool, error) {
		c.values = append(c.values, term[1:])
		n := uint32(len(c.values))
		c.bytes += int64(len(term)) + 16
		all, err := list(d, []byte(term))
		if err != nil {
			return false, err
		}
		all.Iterate(func(row uint32) bool {
			switch {
			case int(row) >= rows:
			case c.of[row] == 0:
				c.of[row] = n
			default:
				if c.more == nil {
					c.more = map[uint32][]uint32{}
				}
				c.more[row] = append(c.more[row], n)
				c.bytes += 40
			}
			return true
		})
		return true, nil
	})
	c.bytes += int64(4 * rows)
	return c, err
}

// cache bounds the memory of all columns.
type cache struct {
	limit int64
	clock atomic.Int64

	mu    sync.Mutex
	bytes int64
	kept  []kept
}

type kept struct {
	in     *columns
	kind   byte
	column *column
}

// column is that of a field of a segment.
func (c *cache) column(s *segmentView, d *dict, kind byte) (*column, error) {
	x, made, err := s.info.columns.get(kind, func() (*column, error) {
		return newColumn(d, kind, int(s.segment.Count()))
	})
	if err != nil {
		return nil, err
	}
	x.used.Store(c.clock.Add(1))
	if made {
		c.keep(kept{&s.info.columns, kind, x})
	}
	return x, nil
}

// get is the column of a kind, made if it isn't there.
func (c *columns) get(kind byte, by func() (*column, error)) (x *column, made bool, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if x = c.byKind[kind]; x != nil {
		return x, false, nil
	}
	if x, err = by(); err != nil {
		return nil, false, err
	}
	if c.byKind == nil {
		c.byKind = map[byte]*column{}
	}
	c.byKind[kind] = x
	return x, true, nil
}

// keep counts a column, and lets those go that weren't used for longest, where there are too
// many.
func (c *cache) keep(k kept) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.kept = append(c.kept, k)
	c.bytes += k.column.bytes
	for c.bytes > c.limit && len(c.kept) > 1 {
		oldest := 0
		for i := range c.kept {
			if c.kept[i].column.used.Load() < c.kept[oldest].column.used.Load() {
				oldest = i
			}
		}
		old := c.kept[oldest]
		c.kept[oldest] = c.kept[len(c.kept)-1]
		c.kept = c.kept[:len(c.kept)-1]
		c.bytes -= old.column.bytes
		old.in.mu.Lock()
		if old.in.byKind[old.kind] == old.column {
			delete(old.in.byKind, old.kind)
		}
		old.in.mu.Unlock()
	}
}
