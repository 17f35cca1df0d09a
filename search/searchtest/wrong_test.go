package searchtest_test

import (
	"context"
	"maps"
	"math"
	"slices"
	"testing"
	"time"

	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/drivers/memory"
	"github.com/parlor-chat/parlor/internal/suite"
	"github.com/parlor-chat/parlor/search"
	"github.com/parlor-chat/parlor/search/searchtest"
	"github.com/parlor-chat/parlor/storage"
)

// faulty is the memory index with some of its methods changed.
type faulty struct {
	search.Index
	apply  func(ctx context.Context, ix search.Index, docs []search.Document, upTo []chat.Position) error
	search func(ctx context.Context, ix search.Index, r search.Request) (search.Result, error)
	marks  func(seqs []chat.Seq)
}

func (f faulty) Apply(ctx context.Context, docs []search.Document, upTo ...chat.Position) error {
	if f.apply == nil {
		return f.Index.Apply(ctx, docs, upTo...)
	}
	return f.apply(ctx, f.Index, docs, upTo)
}

func (f faulty) Search(ctx context.Context, r search.Request) (search.Result, error) {
	if f.search == nil {
		return f.Index.Search(ctx, r)
	}
	return f.search(ctx, f.Index, r)
}

func (f faulty) Watermark(ctx context.Context, rooms ...chat.RoomID) ([]chat.Seq, error) {
	seqs, err := f.Index.Watermark(ctx, rooms...)
	if f.marks != nil {
		f.marks(seqs)
	}
	return seqs, err
}

// site is a right site but for the fault.
func site(f faulty) func(testing.TB) *searchtest.Site {
	return func(testing.TB) *searchtest.Site {
		first := memory.New(nil)
		return &searchtest.Site{Open: func(context.Context) (search.Index, func() error, error) {
			s := first.Reopen()
			g := f
			g.Index = s.Index()
			return g, s.Close, nil
		}}
	}
}

// onApply is a fault of what is stored; docs are its own copy.
func onApply(fault func(docs []search.Document) []search.Document) func(testing.TB) *searchtest.Site {
	return site(faulty{apply: func(ctx context.Context, ix search.Index, docs []search.Document, upTo []chat.Position) error {
		if err := search.CheckApply("apply", docs, upTo); err != nil {
			return err
		}
		return ix.Apply(ctx, fault(slices.Clone(docs)), upTo...)
	}})
}

// onMarks is a fault of the watermarks that are stored.
func onMarks(fault func(docs []search.Document, upTo []chat.Position) []chat.Position) func(testing.TB) *searchtest.Site {
	return site(faulty{apply: func(ctx context.Context, ix search.Index, docs []search.Document, upTo []chat.Position) error {
		return ix.Apply(ctx, docs, fault(docs, upTo)...)
	}})
}

// onRequest is a fault of how a request is read.
func onRequest(fault func(r *search.Request)) func(testing.TB) *searchtest.Site {
	return site(faulty{search: func(ctx context.Context, ix search.Index, r search.Request) (search.Result, error) {
		if err := r.Check("search"); err != nil {
			return search.Result{}, err
		}
		fault(&r)
		return ix.Search(ctx, r)
	}})
}

// onResult is a fault of the answer.
func onResult(fault func(r search.Request, res *search.Result)) func(testing.TB) *searchtest.Site {
	return site(faulty{search: func(ctx context.Context, ix search.Index, r search.Request) (search.Result, error) {
		res, err := ix.Search(ctx, r)
		if err == nil {
			res.Hits = slices.Clone(res.Hits)
			fault(r, &res)
		}
		return res, err
	}})
}

// elsewhere puts the counts or facets of another scope in the answer.
func elsewhere(widen func(*search.Scope), take func(res *search.Result, wide search.Result)) func(testing.TB) *searchtest.Site {
	return site(faulty{search: func(ctx context.Context, ix search.Index, r search.Request) (search.Result, error) {
		res, err := ix.Search(ctx, r)
		if err != nil {
			return res, err
		}
		r.Scope.Rooms = maps.Clone(r.Scope.Rooms)
		widen(&r.Scope)
		wide, err := ix.Search(ctx, r)
		take(&res, wide)
		return res, err
	}})
}

// rewrite changes each leaf of an expression.
func rewrite(e search.Expr, leaf func(search.Expr) search.Expr) search.Expr {
	switch e := e.(type) {
	case search.And:
		return search.And(rewriteAll(e, leaf))
	case search.Or:
		return search.Or(rewriteAll(e, leaf))
	case search.Not:
		return search.Not{Expr: rewrite(e.Expr, leaf)}
	case nil:
		return nil
	}
	return leaf(e)
}

func rewriteAll(parts []search.Expr, leaf func(search.Expr) search.Expr) []search.Expr {
	all := make([]search.Expr, len(parts))
	for i, part := range parts {
		all[i] = rewrite(part, leaf)
	}
	return all
}

// onLeaf is a fault of how an expression is translated.
func onLeaf(leaf func(search.Expr) search.Expr) func(testing.TB) *searchtest.Site {
	return onRequest(func(r *search.Request) { r.Where = rewrite(r.Where, leaf) })
}

func roomS(s *search.Scope) {
	if s.Rooms["r"] > 0 {
		s.Rooms["s"] = 1
	}
}

// each applies a change to each document.
func each(change func(*search.Document)) func([]search.Document) []search.Document {
	return func(docs []search.Document) []search.Document {
		for i := range docs {
			change(&docs[i])
		}
		return docs
	}
}

var wrongIndexes = []suite.Wrong[*searchtest.Site]{
	{Name: "loses one in a thousand", Case: "everything is found", At: onApply(func(docs []search.Document) []search.Document {
		return slices.DeleteFunc(docs, func(d search.Document) bool { return d.Position.Seq%1000 == 777 })
	})},
	{Name: "repeats over pages", Case: "pages at their edges", At: onResult(func(r search.Request, res *search.Result) {
		if res.Next != "" && len(res.Hits) > 1 {
			res.Next = r.NextAfter(res.Hits[len(res.Hits)-2])
		}
	})},
	{Name: "skips over pages", Case: "pages at their edges", At: onResult(func(_ search.Request, res *search.Result) {
		if res.Next != "" && len(res.Hits) > 1 {
			res.Hits = res.Hits[1:]
		}
	})},
	{Name: "short page", Case: "pages at their edges", At: onResult(func(r search.Request, res *search.Result) {
		if n := len(res.Hits); n > 2 {
			res.Hits = res.Hits[:n-1]
			res.Next = r.NextAfter(res.Hits[n-2])
		}
	})},
	{Name: "says more when there are none", Case: "pages at their edges", At: onResult(func(r search.Request, res *search.Result) {
		if n := len(res.Hits); n > 0 && n == r.Limit {
			res.Next = r.NextAfter(res.Hits[n-1])
		}
	})},
	{Name: "reorders ties", Case: "newest first", At: onResult(func(_ search.Request, res *search.Result) {
		slices.SortStableFunc(res.Hits, func(a, b search.Hit) int {
			if !a.At.Equal(b.At) || a.Position.Room != b.Position.Room {
				return 0
			}
			return int(a.Position.Seq - b.Position.Seq)
		})
	})},
	{Name: "takes any cursor", Case: "cursors of other requests", At: onRequest(func(r *search.Request) {
		if _, _, err := r.AfterHit("search"); err != nil {
			r.After = ""
		}
	})},
	{Name: "leaks a tenant", Case: "tenants", At: onApply(each(func(d *search.Document) {
		if d.Position.Room.Tenant == "u" {
			d.Position.Room.Tenant = "t"
		}
	}))},
	{Name: "finds outside the scope", Case: "scope of hits", At: onRequest(func(r *search.Request) {
		if r.Scope.Rooms["r"] > 0 {
			r.Scope = search.Scope{Tenant: r.Scope.Tenant, Rooms: map[string]chat.Seq{"r": 1, "r ": 1}}
		}
	})},
	{Name: "takes an empty scope for all", Case: "scope of hits", At: onRequest(func(r *search.Request) {
		if len(r.Scope.Rooms) == 0 {
			r.Scope.Rooms = map[string]chat.Seq{"r": 1, "s": 1}
		}
	})},
	{Name: "counts outside the scope", Case: "scope of counts", At: elsewhere(roomS, func(res *search.Result, wide search.Result) {
		res.Count, res.Capped = wide.Count, wide.Capped
	})},
	{Name: "facets outside the scope", Case: "scope of facets", At: elsewhere(roomS, func(res *search.Result, wide search.Result) {
		res.Facets = wide.Facets
	})},
	{Name: "takes all for the rooms named", Case: "scope of all rooms", At: onRequest(func(r *search.Request) {
		r.Scope.All = r.Scope.All && len(r.Scope.Rooms) == 0
	})},
	{Name: "takes all for all tenants", Case: "scope of all rooms", At: onApply(each(func(d *search.Document) {
		if d.Position.Room.Tenant == "u" && d.Position.Room.Key == "t" {
			d.Position.Room.Tenant = "t"
		}
	}))},
	{Name: "ignores From", Case: "scope from a Seq", At: onRequest(func(r *search.Request) {
		r.Scope.Rooms = maps.Clone(r.Scope.Rooms)
		for k := range r.Scope.Rooms {
			r.Scope.Rooms[k] = 1
		}
	})},
	{Name: "counts before From", Case: "scope from a Seq", At: elsewhere(
		func(s *search.Scope) {
			for k := range s.Rooms {
				s.Rooms[k] = 1
			}
		},
		func(res *search.Result, wide search.Result) { res.Count = wide.Count },
	)},
	{Name: "ignores the context", Case: "a context that is done", At: site(faulty{
		search: func(_ context.Context, ix search.Index, r search.Request) (search.Result, error) {
			return ix.Search(context.Background(), r)
		},
	})},
	{Name: "stores for a context that is done", Case: "a context that is done", At: site(faulty{
		apply: func(ctx context.Context, ix search.Index, docs []search.Document, upTo []chat.Position) error {
			if err := ix.Apply(context.WithoutCancel(ctx), docs, upTo...); err != nil {
				return err
			}
			return ctx.Err()
		},
	})},
	{Name: "answers when closed", Case: "closed", At: func(testing.TB) *searchtest.Site {
		s := memory.New(nil)
		return &searchtest.Site{Open: func(context.Context) (search.Index, func() error, error) {
			return s.Index(), func() error { return nil }, nil
		}}
	}},
	{Name: "lost at reopen", Case: "opened again", At: func(testing.TB) *searchtest.Site {
		return &searchtest.Site{Open: func(context.Context) (search.Index, func() error, error) {
			s := memory.New(nil)
			return s.Index(), s.Close, nil
		}}
	}},
	{Name: "one close closes all", Case: "two at once", At: func(testing.TB) *searchtest.Site {
		s := memory.New(nil)
		return &searchtest.Site{Open: func(context.Context) (search.Index, func() error, error) {
			return s.Index(), s.Close, nil
		}}
	}},
	{Name: "the last writer wins", Case: "revisions", At: newestWins()},
	{Name: "retracted text comes back", Case: "retracted is gone", At: forgetsGone()},
	{Name: "keeps what is gone", Case: "retracted is gone", At: onApply(func(docs []search.Document) []search.Document {
		return slices.DeleteFunc(docs, func(d search.Document) bool { return d.Gone })
	})},
	{Name: "watermark falls", Case: "watermarks", At: func(t testing.TB) *searchtest.Site {
		last := map[chat.RoomID]chat.Seq{}
		right := site(faulty{})(t)
		return &searchtest.Site{Open: func(ctx context.Context) (search.Index, func() error, error) {
			ix, close, err := right.Open(ctx)
			return lastMark{ix, last}, close, err
		}}
	}},
	{Name: "watermark of the documents", Case: "watermarks", At: onMarks(func(docs []search.Document, upTo []chat.Position) []chat.Position {
		for _, d := range docs {
			upTo = append(slices.Clip(upTo), d.Position)
		}
		return upTo
	})},
	{Name: "watermark too early", Case: "one step", At: site(faulty{
		apply: func(ctx context.Context, ix search.Index, docs []search.Document, upTo []chat.Position) error {
			early := slices.Clone(upTo)
			for i := range early {
				early[i].Seq++
			}
			return ix.Apply(ctx, docs, early...)
		},
	})},
	{Name: "documents, then their watermark", Case: "one step", At: site(faulty{apply: twoSteps(true)})},
	{Name: "a watermark, then its documents", Case: "one step", At: site(faulty{apply: twoSteps(false)})},
	{Name: "watermark of an unknown room", Case: "watermarks", At: site(faulty{marks: func(seqs []chat.Seq) {
		for i, s := range seqs {
			if s == 0 {
				seqs[i] = 1
			}
		}
	}})},
	{Name: "cuts a batch", Case: "limits of a batch", At: site(faulty{
		apply: func(ctx context.Context, ix search.Index, docs []search.Document, upTo []chat.Position) error {
			return ix.Apply(ctx, docs[:min(len(docs), chat.MaxBatch)], upTo[:min(len(upTo), chat.MaxBatch)]...)
		},
	})},
	{Name: "stores the good ones of a bad batch", Case: "invalid documents", At: site(faulty{
		apply: func(ctx context.Context, ix search.Index, docs []search.Document, upTo []chat.Position) error {
			err := search.CheckApply("apply", docs, upTo)
			for i := range docs {
				if one := docs[i : i+1]; search.CheckApply("apply", one, nil) == nil {
					ix.Apply(ctx, one)
				}
			}
			if err != nil {
				return err
			}
			return ix.Apply(ctx, nil, upTo...)
		},
	})},
	{Name: "phrase as And", Case: "phrases", At: onLeaf(func(e search.Expr) search.Expr {
		p, ok := e.(search.Phrase)
		if !ok || p.LastIsPrefix {
			return e
		}
		var all search.And
		for _, t := range p.Tokens {
			all = append(all, search.Term(t))
		}
		return all
	})},
	{Name: "phrase forgets its prefix", Case: "phrases", At: onLeaf(func(e search.Expr) search.Expr {
		if p, ok := e.(search.Phrase); ok {
			p.LastIsPrefix = false
			return p
		}
		return e
	})},
	{Name: "prefix as term", Case: "prefixes", At: onLeaf(func(e search.Expr) search.Expr {
		if p, ok := e.(search.Prefix); ok {
			return search.Term(p)
		}
		return e
	})},
	{Name: "term as prefix", Case: "terms", At: onLeaf(func(e search.Expr) search.Expr {
		if t, ok := e.(search.Term); ok {
			return search.Prefix(t)
		}
		return e
	})},
	{Name: "between closed at its end", Case: "between", At: onLeaf(func(e search.Expr) search.Expr {
		if b, ok := e.(search.Between); ok && !b.To.IsZero() {
			b.To = b.To.Add(time.Nanosecond)
			return b
		}
		return e
	})},
	{Name: "between open at its beginning", Case: "between", At: onLeaf(func(e search.Expr) search.Expr {
		if b, ok := e.(search.Between); ok && !b.From.IsZero() {
			b.From = b.From.Add(time.Nanosecond)
			return b
		}
		return e
	})},
	{Name: "an empty And is false", Case: "and or not", At: onRequest(func(r *search.Request) {
		if a, ok := r.Where.(search.And); ok && len(a) == 0 {
			r.Where = search.Or{}
		}
	})},
	{Name: "capped is not told", Case: "counts", At: onResult(func(_ search.Request, res *search.Result) { res.Capped = false })},
	{Name: "counts more than asked for", Case: "counts", At: site(faulty{
		search: func(ctx context.Context, ix search.Index, r search.Request) (search.Result, error) {
			if err := r.Check("search"); err != nil || r.Count == 0 {
				return ix.Search(ctx, r)
			}
			r.Count = search.MaxCount
			return ix.Search(ctx, r)
		},
	})},
	{Name: "counts to 10,000 only", Case: "large counts", At: onRequest(func(r *search.Request) { r.Count = min(r.Count, 10_000) })},
	{Name: "facets over the page", Case: "facets", At: onResult(func(r search.Request, res *search.Result) {
		for i, f := range r.Facets {
			if f.Field == search.FieldRoom && len(res.Facets[i]) > 0 {
				res.Facets[i][0].Count = min(res.Facets[i][0].Count, len(res.Hits))
			}
		}
	})},
	{Name: "facets of one value a document", Case: "facets", At: onApply(each(func(d *search.Document) {
		if len(d.Fields["mention"]) > 1 {
			d.Fields = maps.Clone(d.Fields)
			d.Fields["mention"] = d.Fields["mention"][:1]
		}
	}))},
	{Name: "scores without order", Case: "pages by score", At: onResult(func(r search.Request, res *search.Result) {
		if r.ByScore {
			for i := range res.Hits {
				res.Hits[i].Score = math.Mod(float64(i), 3)
			}
		}
	})},
	{Name: "drops one room too many", Case: "drop before a time", At: func(t testing.TB) *searchtest.Site {
		right := site(faulty{})(t)
		return &searchtest.Site{Open: func(ctx context.Context) (search.Index, func() error, error) {
			ix, close, err := right.Open(ctx)
			return wideDrop{ix}, close, err
		}}
	}},
	{Name: "folds accents", Case: "all scripts", At: onApply(each(func(d *search.Document) {
		d.Tokens = slices.Clone(d.Tokens)
		for i, t := range d.Tokens {
			if t == "café" {
				d.Tokens[i] = "cafe"
			}
		}
	}))},
	{Name: "names without case", Case: "equal", At: onLeaf(func(e search.Expr) search.Expr {
		if q, ok := e.(search.Equal); ok && q.Value == "ann" {
			return search.Or{q, search.Equal{Field: q.Field, Value: "Ann"}}
		}
		return e
	})},
	{Name: "a field that asks for a word too", Case: "random requests", At: onLeaf(func(e search.Expr) search.Expr {
		if q, ok := e.(search.Equal); ok && q.Field == "has" {
			return search.And{q, search.Term("a")}
		}
		return e
	})},
}

// lastMark is an index whose watermarks are those given last.
type lastMark struct {
	search.Index
	last map[chat.RoomID]chat.Seq
}

func (l lastMark) Apply(ctx context.Context, docs []search.Document, upTo ...chat.Position) error {
	for _, p := range upTo {
		l.last[p.Room] = p.Seq
	}
	return l.Index.Apply(ctx, docs, upTo...)
}

func (l lastMark) Watermark(_ context.Context, rooms ...chat.RoomID) ([]chat.Seq, error) {
	seqs := make([]chat.Seq, len(rooms))
	for i, r := range rooms {
		seqs[i] = l.last[r]
	}
	return seqs, nil
}

// wideDrop is an index that drops from all rooms of a tenant.
type wideDrop struct{ search.Index }

func (d wideDrop) Drop(ctx context.Context, span storage.Span, before time.Time) error {
	return d.Index.Drop(ctx, storage.Span{Tenant: span.Tenant}, before)
}

// newestWins gives each document a revision by when it came.
func newestWins() func(testing.TB) *searchtest.Site {
	clock := chat.Seq(1000)
	return onApply(each(func(d *search.Document) {
		clock++
		d.Revision = clock
	}))
}

// forgetsGone takes what comes after a retraction for new.
func forgetsGone() func(testing.TB) *searchtest.Site {
	gone := map[chat.Position]bool{}
	return onApply(each(func(d *search.Document) {
		if gone[d.Position] {
			d.Revision += 100
		}
		gone[d.Position] = gone[d.Position] || d.Gone
	}))
}

func TestWrongIndexesAreCaught(t *testing.T) {
	suite.Catch(t, searchtest.IndexCases(), slices.Concat(wrongIndexes, wrongGenerations, wrongLarge))
}
