package hub

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/search"
)

// How long a node goes by what it read of a tenant's index, and for how long its searches
// do though the fence is away. A generation that was left is dropped when nobody can be
// asking it any more, whatever the clocks of two nodes say.
const (
	indexedFor = 2 * time.Second
	indexedMax = 15 * time.Minute
	leftFor    = 30 * time.Minute
)

// generations knows which generation of the index answers a tenant, and which is being
// made.
type generations struct {
	h    *Hub
	want func(tenant string) search.Analysis

	mu    sync.Mutex
	known map[string]indexed // by tenant
}

func newGenerations(h *Hub, want func(string) search.Analysis) *generations {
	if want == nil {
		want = func(string) search.Analysis { return search.Analysis{} }
	}
	return &generations{h: h, want: want, known: map[string]indexed{}}
}

// of is what holds of a tenant's index.
func (g *generations) of(ctx context.Context, tenant string) (indexed, error) {
	if x, fresh := g.last(tenant, indexedFor); fresh {
		return x, nil
	}
	return g.read(ctx, tenant)
}

// last is what was read of a tenant's index, if that isn't too long ago.
func (g *generations) last(tenant string, age time.Duration) (indexed, bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	x, known := g.known[tenant]
	return x, known && time.Since(x.at) < age
}

// read asks the fence, and looks whether the generation that is to answer is there: one
// that was lost with its disk holds nothing, and is filled again.
func (g *generations) read(ctx context.Context, tenant string) (indexed, error) {
	for {
		at := time.Now()
		was, err := g.h.set.Fence.Value(ctx, indexRegister(tenant))
		if err != nil {
			return indexed{}, err
		}
		x, ok := parseIndexed(was)
		if !ok {
			return indexed{}, &chat.Error{Kind: chat.ErrUnavailable, Op: "index", Field: "generation", Err: fmt.Errorf("unknown: %s", was)}
		}
		x.at = at
		full := true
		if was != "" && !x.fills {
			if full, err = g.filled(ctx, tenant, x.answers); err != nil {
				return indexed{}, err
			}
		}
		if !full {
			g.h.log.Warn("parlor: an index is empty that was full; it is filled again out of the archive", "tenant", tenant)
			switch _, err := g.swap(ctx, tenant, x, func(x *indexed) { x.fills = true }); {
			case errors.Is(err, chat.ErrConflict):
			case err != nil:
				return indexed{}, err
			}
			continue
		}
		g.keep(tenant, x)
		if g.h.maker.does(tenant, x) != nothing {
			g.h.maker.need(tenant)
		}
		return x, nil
	}
}

func (g *generations) keep(tenant string, x indexed) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if len(g.known) >= known {
		clear(g.known)
	}
	g.known[tenant] = x
}

// swap changes what holds of a tenant's index.
func (g *generations) swap(ctx context.Context, tenant string, x indexed, change func(*indexed)) (indexed, error) {
	at := time.Now() // before it is asked: another may change it while the answer is on its way
	change(&x)
	to := x.String()
	if err := g.h.set.Fence.Swap(ctx, indexRegister(tenant), x.was, to); err != nil {
		return x, err
	}
	x.was, x.at = to, at
	g.keep(tenant, x)
	return x, nil
}

// filled says whether a generation has ever been full of a tenant's messages.
func (g *generations) filled(ctx context.Context, tenant string, gen generation) (bool, error) {
	ix, err := g.index(ctx, gen)
	if err != nil {
		return false, err
	}
	marks, err := ix.Watermark(ctx, fullMark(tenant).Room)
	return err == nil && marks[0] > 0, err
}

// fullMark is the watermark which says that a tenant's generation was full: it is lost
// when that is.
func fullMark(tenant string) chat.Position {
	return chat.Position{Room: chat.RoomID{Tenant: tenant, Key: "~index"}, Seq: 1}
}

func (g *generations) index(ctx context.Context, gen generation) (search.Index, error) {
	return search.Generation(ctx, g.h.set.Index, gen.key())
}

// answering is the index that answers a tenant, and its analysis.
func (g *generations) answering(ctx context.Context, op, tenant string) (search.Index, search.Analysis, error) {
	x, err := g.of(ctx, tenant)
	if errors.Is(err, chat.ErrUnavailable) && ctx.Err() == nil {
		if last, known := g.last(tenant, indexedMax); known {
			x, err = last, nil
		}
	}
	if err != nil {
		return nil, search.Analysis{}, err
	}
	away := &chat.Error{Kind: chat.ErrUnavailable, Op: op, Field: "index", Retry: indexedFor}
	analysis, known := search.AnalysisNamed(x.answers.analysis)
	switch {
	case !known:
		away.Err = fmt.Errorf("%v is by an analysis that this version doesn't know; another is made", x.answers)
		return nil, search.Analysis{}, away
	case x.fills:
		rooms, events, err := madeUpTo(ctx, g.h.set.Fence, tenant)
		if err != nil {
			return nil, search.Analysis{}, err
		}
		away.Err = fmt.Errorf("%w: %d events of %d rooms so far", errFilling, events, rooms)
		return nil, search.Analysis{}, away
	}
	ix, err := g.index(ctx, x.answers)
	return ix, analysis, err
}

// errFilling is why an index doesn't answer that was lost.
var errFilling = errors.New("it is filled again")

// whole is the index that answers a tenant, once it isn't filled again any more.
func (g *generations) whole(ctx context.Context, op, tenant string) (search.Index, search.Analysis, error) {
	for wait := waitFirst; ; {
		ix, analysis, err := g.answering(ctx, op, tenant)
		if !errors.Is(err, errFilling) {
			return ix, analysis, err
		}
		if over := pause(ctx, &wait); over != nil {
			return nil, analysis, errors.Join(over, err)
		}
	}
}

// filling are the tenants whose index is filled again, as far as this node knows.
func (g *generations) filling() (tenants []string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for tenant, x := range g.known {
		if x.fills {
			tenants = append(tenants, tenant)
		}
	}
	return tenants
}

// indexRegister holds what is true of a tenant's index.
func indexRegister(tenant string) string { return "index.of." + tenant }
