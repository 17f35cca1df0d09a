package searchtest_test

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/drivers/memory"
	"github.com/parlor-chat/parlor/internal/suite"
	"github.com/parlor-chat/parlor/search"
	"github.com/parlor-chat/parlor/search/searchtest"
	"github.com/parlor-chat/parlor/storage"
)

// wrongLarge are indexes that go wrong with what is large, late or far away.
var wrongLarge = []suite.Wrong[*searchtest.Site]{
	{Name: "a month ends a millisecond early", Case: "the ends of months", At: onApply(each(func(d *search.Document) {
		if next := d.At.Add(time.Millisecond); chat.Month(next) != chat.Month(d.At) {
			d.At = next
		}
	}))},
	{Name: "a month has its own page", Case: "the ends of months", At: onResult(func(r search.Request, res *search.Result) {
		for i, h := range res.Hits {
			if chat.Month(h.At) != chat.Month(res.Hits[0].At) {
				res.Hits, res.Next = res.Hits[:i], r.NextAfter(res.Hits[i-1])
				return
			}
		}
	})},
	{Name: "drops what is of that very time", Case: "the ends of months", At: dropping(func(span storage.Span, before time.Time) (storage.Span, time.Time) {
		if before.IsZero() {
			return span, before
		}
		return span, before.Add(time.Millisecond)
	})},
	{Name: "positions of 32 bits", Case: "positions behind a loss", At: onApply(each(func(d *search.Document) {
		d.Position.Seq = max(d.Position.Seq%chat.VoidSpan, 1)
	}))},
	{Name: "keeps each hundredth change for itself", Case: "changed many times", At: onApply(each(func(d *search.Document) {
		if d.Revision%100 == 0 {
			d.Position.Seq, d.Revision = d.Position.Seq+1000, d.Revision+1000
		}
	}))},
	{Name: "finds the first hundred tokens", Case: "long texts", At: onApply(each(func(d *search.Document) {
		d.Tokens = d.Tokens[:min(100, len(d.Tokens))]
	}))},
	{Name: "cuts a phrase at 100 tokens", Case: "long texts", At: onLeaf(func(e search.Expr) search.Expr {
		if p, ok := e.(search.Phrase); ok && len(p.Tokens) > 100 {
			return search.Phrase{Tokens: p.Tokens[:100]}
		}
		return e
	})},
	{Name: "a prefix stands for 1,024 tokens", Case: "a prefix of everything", At: onResult(func(r search.Request, res *search.Result) {
		if _, ok := r.Where.(search.Prefix); ok {
			res.Count = min(res.Count, 1024)
		}
	})},
	{Name: "a scope has 1,024 rooms", Case: "scope of many rooms", At: onRequest(func(r *search.Request) {
		keys := slices.Sorted(maps.Keys(r.Scope.Rooms))
		few := map[string]chat.Seq{}
		for _, k := range keys[:min(1024, len(keys))] {
			few[k] = r.Scope.Rooms[k]
		}
		r.Scope.Rooms = few
	})},
	{Name: "looks for the hit of a cursor", Case: "cursors from elsewhere", At: site(faulty{
		search: func(ctx context.Context, ix search.Index, r search.Request) (search.Result, error) {
			if h, ok, err := r.AfterHit("search"); ok && err == nil {
				here := search.And{search.Equal{Field: search.FieldRoom, Value: h.Position.Room.Key}, search.Between{From: h.At, To: h.At.Add(time.Millisecond)}}
				found, err := ix.Search(ctx, search.Request{Where: here, Scope: r.Scope, Limit: search.MaxLimit})
				if err != nil {
					return found, err
				}
				if !slices.ContainsFunc(found.Hits, func(f search.Hit) bool { return f.Position == h.Position }) {
					r.After = ""
				}
			}
			return ix.Search(ctx, r)
		},
	})},
	{Name: "takes a character for a word", Case: "random requests", At: onLeaf(func(e search.Expr) search.Expr {
		if t, ok := e.(search.Prefix); ok && t >= "ぁ" && len(t) == len("型") {
			return search.Term(t)
		}
		return e
	})},
	{Name: "a drop forgets no revisions", Case: "a random life", At: remembering},
	{Name: "loses the retractions of a heap", Case: "a random life", At: onApply(func(docs []search.Document) []search.Document {
		return slices.DeleteFunc(docs, func(d search.Document) bool { return d.Gone && len(docs) > 100 })
	})},
	{Name: "pages by number", Case: "random pages", At: byNumber},
	{Name: "pages of the day before", Case: "random pages", At: stale},
}

// dropping is a fault of what is dropped.
func dropping(fault func(storage.Span, time.Time) (storage.Span, time.Time)) func(testing.TB) *searchtest.Site {
	return around(func(ix search.Index) search.Index { return wrongDrop{ix, fault} })
}

// wrongDrop is an index that drops something else.
type wrongDrop struct {
	search.Index
	fault func(storage.Span, time.Time) (storage.Span, time.Time)
}

func (d wrongDrop) Drop(ctx context.Context, span storage.Span, before time.Time) error {
	span, before = d.fault(span, before)
	return d.Index.Drop(ctx, span, before)
}

// around is a right site with something around its index.
func around(wrap func(search.Index) search.Index) func(testing.TB) *searchtest.Site {
	return func(testing.TB) *searchtest.Site {
		first := memory.New(nil)
		return &searchtest.Site{Open: func(context.Context) (search.Index, func() error, error) {
			s := first.Reopen()
			return wrap(s.Index()), s.Close, nil
		}}
	}
}

// remembering refuses what comes again after a drop.
func remembering(t testing.TB) *searchtest.Site {
	newest := map[chat.Position]chat.Seq{}
	return onApply(func(docs []search.Document) []search.Document {
		docs = slices.DeleteFunc(docs, func(d search.Document) bool { return d.Revision < newest[d.Position] })
		for _, d := range docs {
			newest[d.Position] = d.Revision
		}
		return docs
	})(t)
}

// byNumber goes on behind so many hits, not behind a place.
func byNumber(t testing.TB) *searchtest.Site {
	skip := map[string]int{}
	return site(faulty{search: func(ctx context.Context, ix search.Index, r search.Request) (search.Result, error) {
		n, limit := skip[r.After], r.Limit
		if r.Limit == 0 || n+limit > search.MaxLimit {
			return ix.Search(ctx, r)
		}
		r.After, r.Limit = "", n+limit
		res, err := ix.Search(ctx, r)
		res.Hits = res.Hits[min(n, len(res.Hits)):]
		if res.Next != "" {
			skip[res.Next] = n + limit
		}
		return res, err
	}})(t)
}

// stale gives the same page to the same request, whatever came in between.
func stale(t testing.TB) *searchtest.Site {
	type page struct {
		res search.Result
		err error
	}
	pages := map[string]page{}
	return site(faulty{search: func(ctx context.Context, ix search.Index, r search.Request) (search.Result, error) {
		if r.After == "" {
			res, err := ix.Search(ctx, r)
			ahead := r
			if ahead.After = res.Next; ahead.After != "" {
				next, err := ix.Search(ctx, ahead)
				pages[res.Next] = page{next, err}
			}
			return res, err
		}
		if p, ok := pages[r.After]; ok {
			return p.res, p.err
		}
		return ix.Search(ctx, r)
	}})(t)
}

// wrongGenerations are indexes whose generations are none.
var wrongGenerations = []suite.Wrong[*searchtest.Site]{
	{Name: "all generations are one", Case: "generations lie apart", At: generating(func(ix search.Index, _ *memory.Store, name string) (search.Index, error) {
		return ix, chat.CheckKey("generation", "name", name)
	})},
	{Name: "a generation drops from all", Case: "generations lie apart", At: generating(func(ix search.Index, s *memory.Store, name string) (search.Index, error) {
		g, err := search.Generation(context.Background(), s.Index(), name)
		return dropsBoth{g, ix}, err
	})},
	{Name: "the watermarks of all generations are one", Case: "generations lie apart", At: generating(func(ix search.Index, s *memory.Store, name string) (search.Index, error) {
		g, err := search.Generation(context.Background(), s.Index(), name)
		return marksOf{g, ix}, err
	})},
	{Name: "generations are lost with a handle", Case: "generations last", At: func(t testing.TB) *searchtest.Site {
		first := memory.New(nil)
		return &searchtest.Site{Open: func(context.Context) (search.Index, func() error, error) {
			s, own := first.Reopen(), memory.New(nil)
			return generator{s.Index(), func(name string) (search.Index, error) {
				return search.Generation(context.Background(), own.Index(), name)
			}}, s.Close, nil
		}}
	}},
	{Name: "names of generations without case", Case: "names of generations", At: generating(func(_ search.Index, s *memory.Store, name string) (search.Index, error) {
		return search.Generation(context.Background(), s.Index(), strings.ToLower(name))
	})},
	{Name: "long names of generations are cut", Case: "names of generations", At: generating(func(_ search.Index, s *memory.Store, name string) (search.Index, error) {
		if err := chat.CheckKey("generation", "name", name); err != nil {
			return nil, err
		}
		return search.Generation(context.Background(), s.Index(), name[:min(len(name), 64)])
	})},
	{Name: "any name of a generation will do", Case: "names of generations", At: generating(func(_ search.Index, s *memory.Store, name string) (search.Index, error) {
		if errors.Is(chat.CheckKey("generation", "name", name), chat.ErrInvalid) {
			name = "any"
		}
		return search.Generation(context.Background(), s.Index(), name)
	})},
	{Name: "generations outlive their index", Case: "the life of a generation", At: func(testing.TB) *searchtest.Site {
		first := memory.New(nil)
		return &searchtest.Site{Open: func(context.Context) (search.Index, func() error, error) {
			s := first.Reopen()
			return generator{s.Index(), func(name string) (search.Index, error) {
				return search.Generation(context.Background(), first.Index(), name)
			}}, s.Close, nil
		}}
	}},
	{Name: "generations of generations", Case: "the life of a generation", At: generating(func(_ search.Index, s *memory.Store, name string) (search.Index, error) {
		g, err := search.Generation(context.Background(), s.Index(), name)
		return generator{g, func(name string) (search.Index, error) {
			return search.Generation(context.Background(), s.Index(), name)
		}}, err
	})},
	{Name: "says it has no generations, and has", Case: "without generations they are unsupported", At: func(t testing.TB) *searchtest.Site {
		s := site(faulty{})(t)
		open := memory.New(nil)
		s.Without = []string{"Generations"}
		s.Open = func(context.Context) (search.Index, func() error, error) { return open.Index(), open.Close, nil }
		return s
	}},
}

// generator is an index with generations of another kind.
type generator struct {
	search.Index
	generation func(name string) (search.Index, error)
}

func (g generator) Generation(ctx context.Context, name string) (search.Index, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	return g.generation(name)
}

// generating is a right site but for its generations.
func generating(generation func(ix search.Index, s *memory.Store, name string) (search.Index, error)) func(testing.TB) *searchtest.Site {
	return func(testing.TB) *searchtest.Site {
		first := memory.New(nil)
		return &searchtest.Site{Open: func(context.Context) (search.Index, func() error, error) {
			s := first.Reopen()
			return generator{s.Index(), func(name string) (search.Index, error) { return generation(s.Index(), s, name) }}, s.Close, nil
		}}
	}
}

// dropsBoth is a generation that drops from another index, too.
type dropsBoth struct {
	search.Index
	other search.Index
}

func (d dropsBoth) Drop(ctx context.Context, span storage.Span, before time.Time) error {
	if err := d.other.Drop(ctx, span, before); err != nil {
		return err
	}
	return d.Index.Drop(ctx, span, before)
}

// marksOf is a generation with the watermarks of another index.
type marksOf struct {
	search.Index
	other search.Index
}

func (m marksOf) Apply(ctx context.Context, docs []search.Document, upTo ...chat.Position) error {
	if err := m.other.Apply(ctx, nil, upTo...); err != nil {
		return err
	}
	return m.Index.Apply(ctx, docs)
}

func (m marksOf) Watermark(ctx context.Context, rooms ...chat.RoomID) ([]chat.Seq, error) {
	return m.other.Watermark(ctx, rooms...)
}

// plain is an index without generations, which is right, too.
type plain struct{ search.Index }

func TestAnIndexWithoutGenerationsPasses(t *testing.T) {
	searchtest.Index(t, func(t testing.TB) *searchtest.Site {
		s := around(func(ix search.Index) search.Index { return plain{ix} })(t)
		s.Without = []string{"Generations"}
		return s
	})
}
