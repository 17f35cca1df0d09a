package bleve

import (
	"errors"
	"os"
	"path/filepath"
	"time"
)

// cut is a STATE that is to be written once Bleve has written all that it covers. Then the
// log up to there is needed no more.
type cut struct {
	upTo   uint64
	state  []byte
	months []*month
	lsns   []uint64 // of months
	dead   []*month // whose folders nobody names then
	since  int64    // bytes of the log that it covers
}

// checkpoint cuts the log where that is due, and writes the STATE of a cut that was made
// before. What can't be written is tried again.
func (g *generation) checkpoint(due bool) error {
	if g.cut == nil && (due || g.log.size >= g.place.opt.cutAfter || len(g.dead) > 0) && (g.since > 0 || len(g.dead) > 0) {
		g.begin()
	}
	c := g.cut
	if c == nil {
		return nil
	}
	for i, m := range c.months {
		if m.durable.Load() < c.lsns[i] {
			return nil
		}
	}
	if err := g.finish(c); err != nil {
		g.note(err)
		return nil
	}
	g.cut = nil
	g.since -= c.since
	return nil
}

// begin cuts the log here.
func (g *generation) begin() {
	g.log.shut()
	g.log.size = 0
	s := state{mapping: mapping, period: g.place.opt.Period, upTo: g.log.next - 1, rooms: g.rooms.byNum}
	c := &cut{upTo: s.upTo, dead: g.dead, since: g.since}
	for _, m := range g.order {
		if m.applied == 0 {
			continue // it was named, and has nothing
		}
		s.months = append(s.months, monthState{m.name, m.dir, m.applied})
		c.months, c.lsns = append(c.months, m), append(c.lsns, m.applied)
	}
	c.state = s.append(nil)
	g.cut, g.dead = c, nil
}

// finish writes the STATE of a cut, and removes what isn't needed any more.
func (g *generation) finish(c *cut) error {
	for i, m := range c.months {
		if m.settled >= c.lsns[i] {
			continue
		}
		if err := m.sync(m.path); err != nil { // Bleve doesn't
			return err
		}
		m.settled = c.lsns[i]
	}
	if err := g.place.disk.sync(g.dir); err != nil { // in which Bleve made the months' folders
		return err
	}
	if err := g.place.disk.replace(filepath.Join(g.dir, stateFile), c.state); err != nil {
		return err
	}
	var err error
	for _, m := range c.dead {
		err = errors.Join(err, os.RemoveAll(m.path))
	}
	if err = errors.Join(err, g.log.forget(c.upTo+1)); err != nil {
		g.place.opt.Log.Warn("parlor: files of the index that aren't needed can't be removed", "dir", g.dir, "error", err)
	}
	return nil
}

// shut closes the generation in order, so that opening it has nothing to do again. Where
// Bleve can't write, the log has what it lacks.
func (g *generation) shut() {
	deadline := time.Now().Add(waitsMost)
	for g.cut != nil || g.since > 0 {
		if err := g.checkpoint(true); err != nil || time.Now().After(deadline) || g.trouble.Load() != nil {
			break
		}
		if g.cut == nil {
			continue
		}
		select {
		case <-g.poke:
		case <-time.After(10 * time.Millisecond):
		}
	}
	whole := g.cut == nil && g.since == 0
	var months []string
	for _, m := range g.order {
		if m.applied > 0 {
			months = append(months, m.dir)
		}
	}
	g.phase.Store(&phase{closed: true})
	g.drop()
	name := filepath.Join(g.dir, sealFile)
	if _, err := os.Stat(name); err == nil || !whole {
		return
	}
	if err := g.place.disk.seal(g.dir, months); err != nil { // it opens as after a crash
		g.place.opt.Log.Warn("parlor: the index isn't sealed", "dir", g.dir, "error", err)
		_ = os.Remove(name)
	}
}
