package hub

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/search"
)

// generation is one generation of the index, as far as it holds a tenant.
type generation struct {
	analysis search.Analysis
	number   int // 0: the index itself
}

// key is its name in the index. The index itself is by the analysis that tenants have
// who never asked for another.
func (g generation) key() string {
	if g.number == 0 {
		return ""
	}
	return g.String()
}

func (g generation) String() string { return g.analysis.Name() + "." + strconv.Itoa(g.number) }

func parseGeneration(s string) (generation, bool) {
	name, number, _ := strings.Cut(s, ".")
	a, known := search.AnalysisNamed(name)
	n, err := strconv.Atoi(number)
	return generation{a, n}, known && err == nil
}

// indexed is what the fence holds of a tenant's index.
type indexed struct {
	answers generation
	fills   bool        // answers was lost, and is being filled again: nobody is answered
	makes   *generation // nil: none
	left    []left      // that answered before, and are not dropped yet

	was string    // the register; "" for a tenant who is new
	at  time.Time // when it was read
}

// left is a generation that answers no more.
type left struct {
	generation
	at time.Time
}

func (x indexed) String() string {
	words := []string{x.answers.String()}
	if x.fills {
		words = append(words, "fills")
	}
	if x.makes != nil {
		words = append(words, "makes", x.makes.String())
	}
	for _, l := range x.left {
		words = append(words, "left", l.String(), strconv.FormatInt(l.at.Unix(), 10))
	}
	return strings.Join(words, " ")
}

func parseIndexed(s string) (x indexed, ok bool) {
	x.was = s
	words := strings.Fields(s)
	if len(words) == 0 {
		return x, true // the index itself answers
	}
	next := func() (word string) {
		if len(words) > 0 {
			word, words = words[0], words[1:]
		}
		return word
	}
	if x.answers, ok = parseGeneration(next()); !ok {
		return x, false
	}
	for len(words) > 0 {
		switch next() {
		case "fills":
			x.fills = true
		case "makes":
			g, ok := parseGeneration(next())
			if !ok {
				return x, false
			}
			x.makes = &g
		case "left":
			g, ok := parseGeneration(next())
			sec, err := strconv.ParseInt(next(), 10, 64)
			if !ok || err != nil {
				return x, false
			}
			x.left = append(x.left, left{g, time.Unix(sec, 0)})
		default:
			return x, false
		}
	}
	return x, true
}

// next is a generation that was never before.
func (x indexed) next(a search.Analysis) generation {
	n := x.answers.number
	if x.makes != nil {
		n = max(n, x.makes.number)
	}
	for _, l := range x.left {
		n = max(n, l.number)
	}
	return generation{a, n + 1}
}

// How long a node goes by what it read of a tenant's index, and for how long its searches
// do though the fence is away. A generation that was left is dropped when nobody can be
// asking it any more.
const (
	indexedFor = 2 * time.Second
	indexedMax = 15 * time.Minute
	leftFor    = 20 * time.Minute
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
	at := time.Now()
	was, err := g.h.set.Fence.Value(ctx, indexRegister(tenant))
	if err != nil {
		return indexed{}, err
	}
	x, ok := parseIndexed(was)
	if !ok { // a newer version wrote it
		return indexed{}, &chat.Error{Kind: chat.ErrUnavailable, Op: "index", Field: "generation", Err: errors.New(was)}
	}
	x.at = at
	if was != "" && !x.fills {
		switch filled, err := g.filled(ctx, tenant, x.answers); {
		case err != nil:
			return indexed{}, err
		case !filled:
			g.h.log.Warn("parlor: an index is empty that was full; it is filled again out of the archive", "tenant", tenant)
			if x, err = g.swap(ctx, tenant, x, func(x *indexed) { x.fills = true }); err != nil {
				return indexed{}, err
			}
		}
	}
	g.keep(tenant, x)
	if g.h.maker.does(tenant, x) != nothing {
		g.h.maker.need(tenant)
	}
	return x, nil
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
	change(&x)
	to := x.String()
	if err := g.h.set.Fence.Swap(ctx, indexRegister(tenant), x.was, to); err != nil {
		return x, err
	}
	x.was, x.at = to, time.Now()
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
	if err != nil {
		known := false
		if x, known = g.last(tenant, indexedMax); !known || ctx.Err() != nil {
			return nil, search.Analysis{}, err
		}
	}
	if x.fills {
		rooms, events, err := madeUpTo(ctx, g.h.set.Fence, tenant)
		if err != nil {
			return nil, search.Analysis{}, err
		}
		return nil, search.Analysis{}, &chat.Error{Kind: chat.ErrUnavailable, Op: op, Field: "index", Retry: indexedFor,
			Err: fmt.Errorf("it is filled again: %d events of %d rooms so far", events, rooms)}
	}
	ix, err := g.index(ctx, x.answers)
	return ix, x.answers.analysis, err
}

// indexRegister holds what is true of a tenant's index.
func indexRegister(tenant string) string { return "index.of." + tenant }
