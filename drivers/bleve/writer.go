package bleve

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"time"

	"github.com/parlor-chat/parlor/chat"
)

// writer is what the one goroutine of a generation that writes has to itself.
type writer struct {
	loading bool // nobody is shown anything yet
	made    bool // there was nothing of it
	log     log
	rooms   *rooms
	months  map[string]*month // by name
	order   []*month          // newest first

	marks    map[*room]chat.Seq // watermarks to be raised when the view is shown
	unsealed bool
	last     *month // that was asked for last
	since    int64  // bytes of the log that no STATE covers
	cut      *cut   // a STATE that waits for Bleve to write
	tidying  *tidying
	dead     []*month // dropped whole; their folders go when no STATE names them
}

// Limits of what waits.
const (
	groupDocs = 4096     // documents that are written together
	unwritten = 64 << 20 // bytes of the log that wait for Bleve to write; then callers wait, too
	waitsMost = 10 * time.Second
	tickEvery = time.Second
)

// serve writes what is given to it. It returns nil when the generation is closed, in order
// or not, and an error when it has to be opened again.
func (g *generation) serve() error {
	tick := time.NewTicker(tickEvery)
	defer tick.Stop()
	for {
		var err error
		select {
		case <-g.quit:
			g.shut()
			return nil
		case err := <-g.wrong:
			return err
		case w := <-g.writes:
			err = g.group(w)
		case <-g.poke:
			err = g.refresh()
		case <-tick.C:
			if err = g.still(); err == nil {
				err = g.refresh()
			}
			if err == nil {
				err = g.cool()
			}
		}
		if err == nil {
			err = g.checkpoint(false)
		}
		if err != nil {
			return err
		}
	}
}

// group writes a call, and all that wait behind it, together.
func (g *generation) group(first *write) error {
	var all []*write
	docs := 0
	add := func(w *write) {
		if w.taken.CompareAndSwap(false, true) {
			all, docs = append(all, w), docs+len(w.record.docs)
		}
	}
	for add(first); docs < groupDocs; {
		select {
		case w := <-g.writes:
			add(w)
			continue
		default:
		}
		break
	}
	if len(all) == 0 {
		return nil
	}
	refused, broken := g.commit(all)
	if broken != nil { // what is in the log is found there when it is opened again
		refused = &chat.Error{Kind: chat.ErrUnavailable, Field: "index", Retry: retry, Err: broken}
	}
	for _, w := range all {
		if refused == nil {
			w.done <- nil
			continue
		}
		e := *refused
		e.Op = w.op
		w.done <- &e
	}
	return broken
}

// commit writes calls to the log and then to the months, and shows them. After refused
// nothing of them counts.
func (g *generation) commit(all []*write) (refused *chat.Error, broken error) {
	if refused, broken = g.backlog(); refused != nil || broken != nil {
		return refused, broken
	}
	records := make([]*record, len(all))
	for i, w := range all {
		records[i] = w.record
	}
	err := g.breakSeal()
	if err == nil {
		err = g.log.append(records)
	}
	if err != nil {
		g.note(err)
		return &chat.Error{Kind: chat.ErrUnavailable, Field: "disk", Retry: retry, Err: err}, nil
	}
	g.since += g.log.last
	d := draft{}
	for _, r := range records {
		if err := g.take(d, r); err != nil {
			return nil, err
		}
	}
	if err := g.flush(d, g.log.next-1); err != nil {
		return nil, err
	}
	g.show(nil)
	return nil, nil
}

func (g *generation) breakSeal() error {
	if g.unsealed {
		return nil
	}
	err := g.place.disk.unseal(g.dir)
	g.unsealed = err == nil
	return err
}

// backlog waits while too much of the log waits for Bleve to write it.
func (g *generation) backlog() (refused *chat.Error, broken error) {
	if g.since <= unwritten {
		return nil, nil
	}
	timer := time.NewTimer(waitsMost)
	defer timer.Stop()
	for {
		if err := g.checkpoint(true); err != nil || g.since <= unwritten {
			return nil, err
		}
		select {
		case <-g.poke:
			if err := g.refresh(); err != nil {
				return nil, err
			}
		case <-g.quit:
			return &chat.Error{Kind: chat.ErrClosed}, nil
		case <-timer.C:
			err := errors.New("what was applied can't be written fast enough")
			if t := g.trouble.Load(); t != nil {
				err = t.err
			}
			return &chat.Error{Kind: chat.ErrUnavailable, Field: "disk", Limit: unwritten, Retry: retry, Err: err}, nil
		}
	}
}

// draft is documents that go to the months together, by their id.
type draft map[*month]map[string]*row

// take takes up what a record says. What a month has already is left out.
func (g *generation) take(d draft, r *record) error {
	if r.drop != nil {
		if err := g.flush(d, r.lsn-1); err != nil {
			return err
		}
		clear(d)
		g.show(nil)
		return g.dropAll(r)
	}
	for i := range r.docs {
		doc := &r.docs[i]
		room := g.room(doc.Position.Room)
		p := docPlace{at: doc.At.UnixMilli(), room: room.number, seq: uint64(doc.Position.Seq)}
		m, high := g.month(p.at, r.lsn), room.high
		room.high = max(high, doc.Position.Seq)
		if m.applied >= r.lsn {
			continue
		}
		next := newRow(p, doc)
		was := chat.Seq(0)
		if other := d[m][next.name]; other != nil {
			was = chat.Seq(other.revision)
		} else if doc.Position.Seq <= high {
			var err error
			if was, err = m.revision(p); err != nil {
				return err
			}
		}
		if doc.Revision <= was {
			continue
		}
		if d[m] == nil {
			d[m] = map[string]*row{}
		}
		d[m][next.name] = next
	}
	for _, p := range r.upTo {
		room := g.room(p.Room)
		g.marks[room] = max(g.marks[room], p.Seq)
	}
	return nil
}

// room is that room, with a number from now on.
func (g *generation) room(id chat.RoomID) *room {
	if r := g.rooms.byID[id]; r != nil {
		return r
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.rooms.get(id)
}

// month is that of a time; one that is new begins with a record.
func (g *generation) month(at int64, lsn uint64) *month {
	if m := g.last; m != nil && m.from <= at && at < m.to {
		return m
	}
	name := g.place.opt.Period.name(at)
	m := g.months[name]
	if m == nil {
		m = g.newMonth(monthState{name: name, dir: fmt.Sprintf("%s.%x", name, lsn)})
		g.add(m)
	}
	g.last = m
	return m
}

func (g *generation) newMonth(s monthState) *month {
	m := &month{name: s.name, dir: s.dir, path: filepath.Join(g.dir, s.dir), applied: s.lsn, tell: g.told, sync: g.place.disk.sync}
	m.from, m.to, _ = g.place.opt.Period.bounds(s.name)
	return m
}

func (g *generation) add(m *month) {
	g.months[m.name] = m
	g.order = append(g.order, m)
	slices.SortFunc(g.order, func(a, b *month) int { return -compare(a.from, b.from) })
}

func compare(a, b int64) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

// told is what Bleve tells from behind.
func (g *generation) told(err error) {
	if err != nil {
		g.note(err)
	} else {
		g.trouble.Store(nil)
	}
	select {
	case g.poke <- struct{}{}:
	default:
	}
}

// note notes what went wrong, and says so once.
func (g *generation) note(err error) {
	if g.trouble.Swap(&trouble{err, time.Now()}) == nil {
		g.place.opt.Log.Error("parlor: the index can't be written", "dir", g.dir, "error", err)
	}
}

// flush gives a draft to the months, which then have all up to a record.
func (g *generation) flush(d draft, upTo uint64) error {
	for m, byID := range d {
		rows := make([]*row, 0, len(byID))
		for _, r := range byID {
			rows = append(rows, r)
		}
		if err := g.write(m, rows, nil, upTo); err != nil {
			return err
		}
	}
	return nil
}

// write writes to a month, and looks at it anew.
func (g *generation) write(m *month, rows []*row, gone []string, upTo uint64) error {
	if err := g.heat(m); err != nil {
		return err
	}
	if err := m.write(rows, gone, upTo); err != nil {
		return err
	}
	return m.refresh()
}

// heat opens a month for writing.
func (g *generation) heat(m *month) error {
	if m.index != nil {
		return nil
	}
	if err := g.breakSeal(); err != nil {
		return err
	}
	if err := g.makeRoom(); err != nil {
		return err
	}
	if g.loading {
		g.opening()
	}
	return m.open(g.place, false)
}

// refresh looks anew at the months in which Bleve did something behind.
func (g *generation) refresh() error {
	changed := false
	for _, m := range g.order {
		if m.index == nil || !m.stirred.Swap(false) {
			continue
		}
		was := m.shown
		if err := m.refresh(); err != nil {
			return err
		}
		changed = changed || m.shown != was
	}
	if changed {
		g.show(nil)
	}
	return nil
}

// refresh looks at the month anew, if it changed.
func (m *month) refresh() error {
	s, err := m.snapshot()
	if err != nil {
		return err
	}
	if m.shown != nil && m.shown.same(s) {
		return s.Close()
	}
	v, err := m.look(s)
	if err != nil {
		return damaged(m.dir, err)
	}
	m.shown.unshown()
	m.shown = v
	return nil
}

// drop gives up what the generation has open. What isn't in the log is lost.
func (g *generation) drop() {
	g.hide()
	for _, m := range g.months {
		m.shown.unshown()
		if err := m.close(); err != nil {
			g.place.opt.Log.Warn("parlor: a part of the index isn't closed well", "dir", m.path, "error", err)
		}
	}
	if g.tidying != nil {
		<-g.tidying.done
	}
	g.log.shut()
	g.writer = writer{}
}
