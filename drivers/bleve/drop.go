package bleve

import (
	"math"
	"slices"
	"time"
)

// dropChunk is how many documents are taken out at once.
const dropChunk = 20_000

// dropAll does what a Drop asks for.
func (g *generation) dropAll(r *record) error {
	d := r.drop
	end := int64(math.MaxInt64)
	if !d.whole {
		end = ceil(d.before)
	}
	numbers := map[uint32]bool{}
	for id, room := range g.rooms.byID {
		if d.span.Holds(id) {
			numbers[room.number] = true
		}
	}
	for _, m := range slices.Clone(g.order) {
		if m.from >= end || m.applied >= r.lsn || m.shown == nil || len(numbers) == 0 {
			continue
		}
		ids, whole, err := m.shown.within(numbers, end)
		if err != nil {
			return damaged(m.dir, err)
		}
		if whole {
			g.bury(m)
			continue
		}
		for chunk := range slices.Chunk(ids, dropChunk) {
			upTo := m.applied
			if len(ids) <= dropChunk || &chunk[len(chunk)-1] == &ids[len(ids)-1] {
				upTo = r.lsn
			}
			if err := g.write(m, nil, chunk, upTo); err != nil {
				return err
			}
		}
	}
	g.show(func() {
		if d.whole {
			g.rooms.forget(d.span)
		}
	})
	return nil
}

// ceil is the first whole millisecond that isn't before a time.
func ceil(t time.Time) int64 {
	ms := t.UnixMilli()
	if t.After(time.UnixMilli(ms)) {
		ms++
	}
	return ms
}

// within is the ids of the documents of some rooms before a time, gone ones too; whole: there
// are no others.
func (v *monthView) within(rooms map[uint32]bool, end int64) (ids []string, whole bool, err error) {
	whole = true
	for _, s := range v.segments {
		for row := range uint32(s.segment.Count()) {
			if s.deleted != nil && s.deleted.Contains(row) {
				continue
			}
			id, err := s.id(row)
			if err != nil {
				return nil, false, err
			}
			p, err := parseID(id)
			if err != nil {
				return nil, false, err
			}
			if p.at < end && rooms[p.room] {
				ids = append(ids, string(id))
			} else {
				whole = false
			}
		}
	}
	return ids, whole, nil
}

// bury takes a month out as a whole. Its folder goes when no STATE names it any more.
func (g *generation) bury(m *month) {
	delete(g.months, m.name)
	g.order = slices.DeleteFunc(g.order, func(other *month) bool { return other == m })
	if g.last == m {
		g.last = nil
	}
	m.shown.unshown()
	m.shown = nil
	if err := m.close(); err != nil {
		g.place.opt.Log.Warn("parlor: a part of the index isn't closed well", "dir", m.path, "error", err)
	}
	g.dead = append(g.dead, m)
	if g.cut != nil { // it names the month, which won't be written any more
		g.dead = append(g.dead, g.cut.dead...)
		g.cut = nil
	}
}
