package bleve

import (
	"sync"
	"sync/atomic"

	"github.com/parlor-chat/parlor/chat"
)

// view is what a reader works on: all months as they were at a moment. A writer makes
// another and never waits for readers, nor they for him.
type view struct {
	months []*monthView // newest first
	rooms  []*room      // by number; readers look at the ids alone
	refs   atomic.Int64 // readers, and the generation while it shows it
}

// Those who may hold a monthView: its month, while it is the newest there is of it, and
// views. What Bleve holds for it is let go with the last.
var viewing sync.Mutex

func (v *monthView) hold() {
	viewing.Lock()
	defer viewing.Unlock()
	v.refs++
}

// unshown lets a monthView go; nil is nothing.
func (v *monthView) unshown() {
	if v == nil {
		return
	}
	viewing.Lock()
	v.refs--
	last := v.refs == 0
	viewing.Unlock()
	if last {
		_ = v.snapshot.Close() // of files that are read: nothing to be done about an error
	}
}

func (v *view) release() {
	if v == nil || v.refs.Add(-1) > 0 {
		return
	}
	for _, m := range v.months {
		m.unshown()
	}
}

// show shows readers what there is now: documents and watermarks in one step, and what
// change changes. While the generation is being loaded, nobody is shown anything.
func (g *generation) show(change func()) {
	g.mu.Lock()
	if change != nil {
		change()
	}
	for room, seq := range g.marks {
		room.mark = max(room.mark, seq)
	}
	clear(g.marks)
	if g.loading {
		g.mu.Unlock()
		return
	}
	next := &view{rooms: g.rooms.byNum}
	next.refs.Store(1)
	for _, m := range g.order {
		if m.shown != nil {
			m.shown.hold()
			next.months = append(next.months, m.shown)
		}
	}
	was := g.view
	g.view, g.shown = next, g.rooms
	g.mu.Unlock()
	was.release()
}

// hide shows readers nothing any more.
func (g *generation) hide() {
	g.mu.Lock()
	was := g.view
	g.view, g.shown = nil, nil
	g.mu.Unlock()
	was.release()
}

// look is the view that is shown now, to be released.
func (g *generation) look(op string) (*view, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.view == nil {
		return nil, g.away(op)
	}
	g.view.refs.Add(1)
	return g.view, nil
}

// watermarks says up to where rooms are indexed.
func (g *generation) watermarks(op string, rooms []chat.RoomID) ([]chat.Seq, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.shown == nil {
		return nil, g.away(op)
	}
	seqs := make([]chat.Seq, len(rooms))
	for i, id := range rooms {
		if r := g.shown.byID[id]; r != nil {
			seqs[i] = r.mark
		}
	}
	return seqs, nil
}

// number is the number of a room, if it has one.
func (g *generation) number(id chat.RoomID) (uint32, bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.shown == nil {
		return 0, false
	}
	r := g.shown.byID[id]
	if r == nil {
		return 0, false
	}
	return r.number, true
}
