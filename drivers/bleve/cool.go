package bleve

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/blevesearch/bleve/v2/index/scorch"
	"github.com/blevesearch/bleve/v2/index/scorch/mergeplan"
	segment "github.com/blevesearch/scorch_segment_api/v2"
)

// A month that is open for writing has four goroutines, its root file, and as many files as
// it has segments. One that nobody writes to is closed: readers go on with what they have,
// which is its segments' files alone. Then these are merged into one: each word of a query
// is looked up in each.
const (
	coolAfter = 30 * time.Second
	tidyAfter = 2 * time.Minute
	// How many files an index opens by default.
	leastFiles = 128
	mostFiles  = 8192
)

// tidyPlan makes one segment of a month, or several of so many documents.
var tidyPlan = func() *mergeplan.MergePlanOptions {
	o := mergeplan.SingleSegmentMergePlanOptions
	o.MaxSegmentSize = 8_000_000
	return &o
}()

// tidying is a month that is being merged, behind.
type tidying struct {
	month *month
	done  chan struct{}
}

// files is how many files the months have open.
func (g *generation) files() int {
	n := 0
	for _, m := range g.order {
		if m.index != nil {
			n++
		}
		if m.shown != nil {
			n += len(m.shown.segments)
		}
	}
	return n
}

// still looks that the folder is still there: what is written to files that were removed is
// lost without an error.
func (g *generation) still() error {
	if _, err := os.Stat(filepath.Join(g.dir, stateFile)); errors.Is(err, os.ErrNotExist) {
		return damaged(stateFile, errors.New("it is missing"))
	}
	return nil
}

// cool closes months that nobody writes to, and merges what they have.
func (g *generation) cool() error {
	if t := g.tidying; t != nil {
		select {
		case <-t.done:
			g.tidying = nil
			t.month.written = time.Now()
		default:
		}
	}
	if err := g.closeMonths(func(m *month) bool { return time.Since(m.written) >= g.place.opt.coolAfter }); err != nil {
		return err
	}
	if g.tidying != nil {
		return nil
	}
	for _, m := range g.order {
		if m.shown == nil || len(m.shown.segments) < 2 || m.index != nil || m.tidied == m.applied ||
			time.Since(m.written) < g.place.opt.tidyAfter {
			continue
		}
		if err := g.heat(m); err != nil {
			return err
		}
		g.tidy(m)
		break
	}
	return nil
}

// tidy merges the segments of a month, behind.
func (g *generation) tidy(m *month) {
	m.tidied, m.written = m.applied, time.Now()
	t := &tidying{m, make(chan struct{})}
	g.tidying = t
	go func(index *scorch.Scorch) {
		defer close(t.done)
		if err := index.ForceMerge(context.Background(), tidyPlan); err != nil {
			g.told(err)
		}
		m.stirred.Store(true)
	}(m.index)
}

// closeMonths closes the months, those that were written to longest ago first, of which all is on
// the disk, and which are chosen.
func (g *generation) closeMonths(chosen func(*month) bool) error {
	open := slices.Clone(g.order)
	slices.SortFunc(open, func(a, b *month) int { return a.written.Compare(b.written) })
	changed := false
	for _, m := range open {
		if m.index == nil || g.tidying != nil && g.tidying.month == m || m.durable.Load() < m.applied || !chosen(m) {
			continue
		}
		was := m.shown
		if err := m.refresh(); err != nil {
			return err
		}
		changed = changed || m.shown != was
		if slices.ContainsFunc(m.shown.segments, func(s *segmentView) bool {
			_, written := s.segment.(segment.PersistedSegment)
			return !written
		}) {
			continue
		}
		if err := m.close(); err != nil {
			return err
		}
	}
	if changed {
		g.show(nil)
	}
	return nil
}

// makeRoom closes months before another is opened, where there are too many files.
func (g *generation) makeRoom() error {
	most := g.place.filesEach()
	for range 20 {
		if g.files() < most {
			return nil
		}
		if err := g.closeMonths(func(*month) bool { return g.files() >= most }); err != nil {
			return err
		}
		if g.files() < most || !slices.ContainsFunc(g.order, func(m *month) bool { return m.index != nil }) {
			return nil // or what is left are the segments of closed months: waiting frees none
		}
		select { // for Bleve to write
		case <-g.poke:
		case <-time.After(50 * time.Millisecond):
		case <-g.quit:
			return nil
		}
		if err := g.refresh(); err != nil {
			return err
		}
	}
	return nil // there are more months than files
}
