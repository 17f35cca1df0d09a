package hub

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/search"
)

// maker makes generations of the index out of the archive: for a tenant who wants
// another analysis, for an operator who asks for it, for an index that was lost. One node
// at a time does so for a tenant, by a lease; meanwhile what is there answers.
type maker struct {
	h    *Hub
	node string
	kick chan struct{}
	quit context.CancelFunc
	done chan struct{}

	mu      sync.Mutex
	tenants map[string]bool // that have something to be done
}

// makeAgain is how long the maker waits after what it couldn't go on with.
const makeAgain = 2 * time.Second

func newMaker(h *Hub, node string) *maker {
	return &maker{h: h, node: node, kick: make(chan struct{}, 1), done: make(chan struct{}), tenants: map[string]bool{}}
}

func (m *maker) start() {
	ctx, quit := context.WithCancel(context.Background())
	m.quit = quit
	go m.run(ctx)
}

func (m *maker) stop() {
	m.quit()
	<-m.done
}

// need says that there is something to be done for a tenant.
func (m *maker) need(tenant string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.tenants[tenant] || len(m.tenants) >= known { // the others come when they are met again
		return
	}
	m.tenants[tenant] = true
	select {
	case m.kick <- struct{}{}:
	default:
	}
}

func (m *maker) run(ctx context.Context) {
	defer close(m.done)
	var again <-chan time.Time
	for {
		select {
		case <-ctx.Done():
			return
		case <-m.kick:
		case <-again:
		}
		again = nil
		if m.round(ctx) {
			again = time.After(makeAgain)
		}
	}
}

// round does what there is to do, and says whether something is left.
func (m *maker) round(ctx context.Context) (more bool) {
	m.mu.Lock()
	var todo []string
	for t := range m.tenants {
		todo = append(todo, t)
	}
	m.mu.Unlock()
	slices.Sort(todo)
	for _, tenant := range todo {
		err := m.make(ctx, tenant)
		switch {
		case ctx.Err() != nil:
			return false
		case errors.Is(err, errors.ErrUnsupported):
			m.h.log.Error("parlor: the index has no generations: it stays by the analysis that it is", "tenant", tenant)
		case errors.Is(err, chat.ErrConflict): // another node is at it; it may die
			more = true
			continue
		case err != nil:
			m.h.log.Warn("parlor: an index can't be made, and it is tried again", "tenant", tenant, "error", err)
			more = true
			continue
		}
		m.mu.Lock()
		delete(m.tenants, tenant)
		m.mu.Unlock()
	}
	return more
}

// deed is what there is to do for a tenant's index.
type deed int

const (
	nothing deed = iota
	fill         // what was lost
	found        // write down that there is an index
	forgo        // drop what was left long ago
	finish       // what is being made
	begin        // what is wanted
)

func (m *maker) does(tenant string, x indexed) deed {
	switch {
	case x.fills:
		return fill
	case x.was == "":
		return found
	case len(x.left) > 0 && time.Since(x.left[0].at) >= leftFor:
		return forgo
	case x.makes != nil:
		return finish
	case x.answers.analysis != m.h.generations.want(tenant):
		return begin
	}
	return nothing
}

// make does all there is to do for a tenant's index now.
func (m *maker) make(ctx context.Context, tenant string) error {
	g := m.h.generations
	w := &making{h: m.h, node: m.node, tenant: tenant}
	defer w.release(ctx)
	for {
		if err := w.lease(ctx); err != nil {
			return err
		}
		x, err := g.read(ctx, tenant)
		if err != nil {
			return err
		}
		switch m.does(tenant, x) {
		case nothing:
			return nil
		case fill:
			if err = w.fill(ctx, x.answers); err == nil {
				_, err = g.swap(ctx, tenant, x, func(x *indexed) { x.fills = false })
			}
		case found:
			// From here on, an empty index is one that was lost.
			if err = w.full(ctx, x.answers); err == nil {
				_, err = g.swap(ctx, tenant, x, func(*indexed) {})
			}
		case forgo:
			err = w.forgo(ctx, x)
		case finish:
			err = w.finish(ctx, x)
		case begin:
			if _, err = g.index(ctx, x.next(g.want(tenant))); err == nil {
				_, err = g.begin(ctx, tenant, x)
			}
		}
		if err != nil {
			return err
		}
	}
}

// begin writes down that a generation is to be made.
func (g *generations) begin(ctx context.Context, tenant string, x indexed) (indexed, error) {
	return g.swap(ctx, tenant, x, func(x *indexed) {
		next := x.next(g.want(tenant))
		x.makes = &next
	})
}

// Indexed is how a tenant's index is.
type Indexed struct {
	Answers  string          // the generation that answers
	Makes    string          // the one that is being made beside it; empty: none
	Filling  bool            // what answers was lost: searches are [chat.ErrUnavailable] until it is full again
	Analysis search.Analysis // of what answers

	// How much of the archive was gone through by whoever makes or fills it.
	Rooms, Events int64
}

// Index says how a tenant's index is.
func (a Admin) Index(ctx context.Context, tenant string) (Indexed, error) {
	leave, err := a.enter(ctx, "index", "tenant", tenant)
	if err != nil {
		return Indexed{}, err
	}
	defer leave()
	if err := checkTenant("index", tenant); err != nil {
		return Indexed{}, err
	}
	x, err := a.h.generations.read(ctx, tenant)
	if err != nil {
		return Indexed{}, err
	}
	s := Indexed{Answers: x.answers.String(), Filling: x.fills, Analysis: x.answers.analysis}
	if x.makes != nil {
		s.Makes = x.makes.String()
	}
	if x.fills || x.makes != nil {
		s.Rooms, s.Events, err = madeUpTo(ctx, a.h.set.Fence, tenant)
	}
	return s, err
}

// Reindex has a tenant's index made anew out of the archive, beside the one that
// answers, which goes on until the new one has caught up. It returns when that has begun;
// [Admin.Index] tells how far it is. While one is being made, nothing more is begun. An
// index without generations is [errors.ErrUnsupported].
func (a Admin) Reindex(ctx context.Context, tenant string) error {
	const op = "reindex"
	leave, err := a.enter(ctx, op, "tenant", tenant)
	if err != nil {
		return err
	}
	defer leave()
	if err := checkTenant(op, tenant); err != nil {
		return err
	}
	g := a.h.generations
	for {
		x, err := g.read(ctx, tenant)
		if err != nil || x.makes != nil {
			return err
		}
		if _, err := g.index(ctx, x.next(g.want(tenant))); err != nil {
			return err
		}
		switch _, err = g.begin(ctx, tenant, x); {
		case err == nil:
			a.h.maker.need(tenant)
			return nil
		case !errors.Is(err, chat.ErrConflict): // else somebody changed it at the same time
			return err
		}
	}
}

// checkTenant checks a tenant by the room that stands for its index.
func checkTenant(op, tenant string) error {
	return chat.RoomID{Tenant: tenant, Key: "~index"}.Check(op)
}
