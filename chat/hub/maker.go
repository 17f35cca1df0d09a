package hub

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/parlor-chat/parlor/chat"
)

// maker makes generations of the index out of the archive: for a tenant who wants
// another analysis, for an operator who asks for it, for an index that was lost. One node
// at a time does so for a tenant, by a lease; meanwhile what is there answers.
type maker struct {
	h       *Hub
	node    string
	ctx     context.Context
	quit    context.CancelFunc
	running sync.WaitGroup
	free    chan struct{} // one for each tenant that may be worked for at once

	mu      sync.Mutex
	stopped bool
	busy    map[string]*bool // tenants that are worked for, and whether to look again
	without map[string]bool  // tenants who want what the index can't do
}

const (
	makeAgain = 2 * time.Second // after what it couldn't go on with
	makeMost  = 8               // tenants at once
)

func newMaker(h *Hub, node string) *maker {
	m := &maker{h: h, node: node, free: make(chan struct{}, makeMost), busy: map[string]*bool{}, without: map[string]bool{}}
	m.ctx, m.quit = context.WithCancel(context.Background())
	return m
}

func (m *maker) stop() {
	m.mu.Lock()
	m.stopped = true
	m.mu.Unlock()
	m.quit()
	m.running.Wait()
}

// need says that there is something to be done for a tenant.
func (m *maker) need(tenant string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	switch again := m.busy[tenant]; {
	case m.stopped || len(m.busy) >= known: // the others come when they are met again
	case again != nil:
		*again = true
	default:
		m.busy[tenant] = new(bool)
		m.running.Go(func() { m.work(tenant) })
	}
}

// work does all that there is to do for a tenant.
func (m *maker) work(tenant string) {
	for {
		var err error
		select {
		case m.free <- struct{}{}:
			err = m.make(m.ctx, tenant)
			<-m.free
		case <-m.ctx.Done():
		}
		m.mu.Lock()
		again := m.busy[tenant]
		switch {
		case m.ctx.Err() != nil:
			m.mu.Unlock()
			return
		case errors.Is(err, errors.ErrUnsupported):
			m.without[tenant], err = true, nil
			m.h.log.Error("parlor: the index has no generations: it stays by the analysis that it is", "tenant", tenant)
		}
		if err == nil && !*again {
			delete(m.busy, tenant)
			m.mu.Unlock()
			return
		}
		*again = false
		m.mu.Unlock()
		if err == nil {
			continue
		}
		if !errors.Is(err, chat.ErrConflict) { // else another node is at it; it may die
			m.h.log.Warn("parlor: an index can't be made, and it is tried again", "tenant", tenant, "error", err)
		}
		if sleep(m.ctx, makeAgain) != nil {
			return
		}
	}
}

// deed is what there is to do for a tenant's index.
type deed int

const (
	nothing deed = iota
	fill         // what was lost
	found        // what the fence knows nothing of
	forgo        // drop what was left long ago
	finish       // what is being made
	sweep        // look over what was made
	begin        // what is wanted
)

// does says what is to be done next. What a tenant wants is begun only when nothing is left
// of the time before: nodes that want different things, as they do while one after the
// other is upgraded, don't undo each other's work all the time.
func (m *maker) does(tenant string, x indexed) deed {
	switch {
	case x.fills:
		return fill
	case x.was == "":
		return found
	case len(x.left) > 0 && time.Since(x.left[0].at) >= leftFor:
		return forgo
	case x.makes != nil && *x.makes == x.answers:
		return sweep
	case x.makes != nil:
		return finish
	case len(x.left) == 0 && x.answers.analysis != m.h.generations.want(tenant).Name() && !m.cant(tenant):
		return begin
	}
	return nothing
}

func (m *maker) cant(tenant string) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.without[tenant]
}

// make does all there is to do for a tenant's index now.
func (m *maker) make(ctx context.Context, tenant string) error {
	w := &making{h: m.h, node: m.node, tenant: tenant}
	defer w.release(ctx)
	for {
		if err := w.lease(ctx); err != nil {
			return err
		}
		x, err := m.h.generations.read(ctx, tenant)
		if err != nil {
			return err
		}
		deed := m.does(tenant, x)
		if deed == nothing {
			return nil
		}
		if err := w.do(ctx, deed, x); err != nil {
			return err
		}
	}
}
