package searchtest

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/search"
	"github.com/parlor-chat/parlor/storage"
)

// tenant is the tenant of the cases; some have a second one.
const tenant = "t"

// start is the time of minute 0, in the last minutes of a month.
var start = time.Date(2026, 10, 31, 23, 50, 0, 0, time.UTC)

func minute(n int) time.Time { return start.Add(time.Duration(n) * time.Minute) }

func at(room string, seq chat.Seq) chat.Position {
	return chat.Position{Room: chat.RoomID{Tenant: tenant, Key: room}, Seq: seq}
}

// doc is a document of a text at a minute. fields are names and values in turn.
func doc(room string, seq chat.Seq, min int, text string, fields ...string) search.Document {
	d := search.Document{
		Position: at(room, seq), Revision: seq, At: minute(min),
		Tokens: search.Analyze(text), Fields: map[string][]string{},
	}
	for pair := range slices.Chunk(fields, 2) {
		d.Fields[pair[0]] = append(d.Fields[pair[0]], pair[1])
	}
	return d
}

// revised is d in another revision with another text.
func revised(d search.Document, revision chat.Seq, text string) search.Document {
	d.Revision, d.Tokens = revision, search.Analyze(text)
	return d
}

// retracted is d in a revision in which it is gone.
func retracted(d search.Document, revision chat.Seq) search.Document {
	return search.Document{Position: d.Position, Revision: revision, At: d.At, Gone: true}
}

// rooms is a scope of whole rooms.
func rooms(keys ...string) search.Scope {
	s := search.Scope{Tenant: tenant, Rooms: map[string]chat.Seq{}}
	for _, k := range keys {
		s.Rooms[k] = 1
	}
	return s
}

// world is an open index, and what was applied to it.
type world struct {
	ctx     context.Context
	site    *Site
	ix      search.Index
	close   func() error
	applied map[chat.Position]search.Document
}

func open(ctx context.Context, s *Site) (*world, error) {
	ix, close, err := s.Open(ctx)
	if err != nil {
		return nil, fmt.Errorf("open: %w", err)
	}
	return &world{ctx, s, ix, close, map[chat.Position]search.Document{}}, nil
}

// apply applies documents in batches, and waits until they are shown.
func (w *world) apply(docs ...search.Document) error {
	for batch := range slices.Chunk(docs, chat.MaxBatch) {
		if err := w.ix.Apply(w.ctx, batch); err != nil {
			return fmt.Errorf("apply: %w", err)
		}
	}
	for _, d := range docs {
		if old, ok := w.applied[d.Position]; !ok || old.Revision < d.Revision {
			w.applied[d.Position] = d
		}
	}
	return w.refresh()
}

// drop drops documents, and waits until that is shown.
func (w *world) drop(span storage.Span, before time.Time) error {
	if err := w.ix.Drop(w.ctx, span, before); err != nil {
		return fmt.Errorf("drop: %w", err)
	}
	maps.DeleteFunc(w.applied, func(p chat.Position, d search.Document) bool {
		return span.Holds(p.Room) && (before.IsZero() || d.At.Before(before))
	})
	return w.refresh()
}

func (w *world) refresh() error {
	if w.site.Refresh == nil {
		return nil
	}
	if err := w.site.Refresh(w.ctx); err != nil {
		return fmt.Errorf("refresh: %w", err)
	}
	return nil
}

// finds checks that a request finds just these places in this order, going from
// page to page.
func (w *world) finds(r search.Request, want ...chat.Position) error {
	if r.Limit == 0 {
		r.Limit = search.MaxLimit
	}
	hits, err := w.walk(r)
	if err != nil {
		return err
	}
	var got []chat.Position
	for _, h := range hits {
		got = append(got, h.Position)
	}
	if !slices.Equal(got, want) {
		return fmt.Errorf("%s finds %s, want %s", show(r), places(got), places(want))
	}
	return nil
}

// findsSeqs is finds in room "r", where the order doesn't matter.
func (w *world) findsSeqs(e search.Expr, want ...chat.Seq) error {
	hits, err := w.walk(search.Request{Where: e, Scope: rooms("r"), Limit: search.MaxLimit})
	if err != nil {
		return err
	}
	var got []chat.Seq
	for _, h := range hits {
		got = append(got, h.Position.Seq)
	}
	slices.Sort(got)
	if !slices.Equal(got, want) {
		return fmt.Errorf("%.500s finds %v, want %v", fmt.Sprintf("%#v", e), got, want)
	}
	return nil
}

// walk collects the hits of all pages, and checks that each page but the last is
// full, and that every page has the same counts.
func (w *world) walk(r search.Request) ([]search.Hit, error) {
	first, err := w.ix.Search(w.ctx, r)
	if err != nil {
		return nil, fmt.Errorf("search %s: %w", show(r), err)
	}
	hits := first.Hits
	for page := first; page.Next != ""; {
		if len(page.Hits) != r.Limit {
			return nil, fmt.Errorf("search %s: a page of %d hits, limit %d, says that there are more", show(r), len(page.Hits), r.Limit)
		}
		if len(hits) > len(w.applied) {
			return nil, fmt.Errorf("search %s: more hits than documents", show(r))
		}
		r.After = page.Next
		if page, err = w.ix.Search(w.ctx, r); err != nil {
			return nil, fmt.Errorf("search %s, next page: %w", show(r), err)
		}
		if len(page.Hits) == 0 {
			return nil, fmt.Errorf("search %s: the page before said that there are more, and there are none", show(r))
		}
		if page.Count != first.Count || page.Capped != first.Capped || !sameFacets(page.Facets, first.Facets) {
			return nil, fmt.Errorf("search %s: a later page counts %d %v %v, the first %d %v %v", show(r),
				page.Count, page.Capped, page.Facets, first.Count, first.Capped, first.Facets)
		}
		hits = slices.Concat(hits, page.Hits)
	}
	return hits, nil
}

// pages checks n pages behind a place.
func (w *world) pages(r search.Request, behind search.Hit, n int, want []search.Document) error {
	r.After = r.NextAfter(behind)
	for range n {
		res, err := w.ix.Search(w.ctx, r)
		if err != nil {
			return fmt.Errorf("search %s: %w", show(r), err)
		}
		most := min(r.Limit, len(want))
		if len(res.Hits) != most {
			return fmt.Errorf("search %s: a page of %d hits, want %d", show(r), len(res.Hits), most)
		}
		for i, h := range res.Hits {
			if h.Position != want[i].Position {
				return fmt.Errorf("search %s: hit %d of a page is %v, want %v", show(r), i, h.Position, want[i].Position)
			}
		}
		if r.After, want = res.Next, want[most:]; (r.After == "") != (len(want) == 0) {
			return fmt.Errorf("search %s: the next page is %q, and %d hits are left", show(r), r.After, len(want))
		}
		if r.After == "" {
			break
		}
	}
	return nil
}

// matches is what a request must find, by [search.Match], in order.
func (w *world) matches(r search.Request) []search.Document {
	var all []search.Document
	for _, d := range w.applied {
		if r.Scope.Holds(d.Position) && search.Match(r.Where, &d) {
			all = append(all, d)
		}
	}
	slices.SortFunc(all, func(a, b search.Document) int {
		return cmp.Or(b.At.Compare(a.At), strings.Compare(b.Position.Room.Key, a.Position.Room.Key),
			cmp.Compare(b.Position.Seq, a.Position.Seq))
	})
	return all
}

// agrees checks an answer, all pages of it, against [search.Match].
func (w *world) agrees(r search.Request) error {
	want := w.matches(r)
	first, err := w.ix.Search(w.ctx, r)
	if err != nil {
		return fmt.Errorf("search %s: %w", show(r), err)
	}
	count, capped := min(len(want), r.Count), r.Count > 0 && len(want) > r.Count
	if first.Count != count || first.Capped != capped {
		return fmt.Errorf("%s counts %d, capped %v; want %d, %v", show(r), first.Count, first.Capped, count, capped)
	}
	var facets [][]search.Bucket
	for _, f := range r.Facets {
		facets = append(facets, facet(want, f))
	}
	if !sameFacets(first.Facets, facets) {
		return fmt.Errorf("%s has facets %v, want %v", show(r), first.Facets, facets)
	}
	if r.Limit == 0 {
		if len(first.Hits) > 0 || first.Next != "" {
			return fmt.Errorf("%s: limit 0 has a page: %v, next %q", show(r), first.Hits, first.Next)
		}
		return nil
	}
	hits, err := w.walk(r)
	if err != nil {
		return err
	}
	if r.ByScore { // the order is the engine's own
		slices.SortFunc(hits, func(a, b search.Hit) int {
			if a.Before(b, false) {
				return -1
			}
			return 1
		})
	}
	same := slices.EqualFunc(hits, want, func(h search.Hit, d search.Document) bool {
		return h.Position == d.Position && h.Revision == d.Revision && h.At.Equal(d.At)
	})
	if !same {
		return fmt.Errorf("%s finds\n %v, want\n %v", show(r), hits, want)
	}
	return nil
}

// facet counts how documents spread over a field.
func facet(docs []search.Document, f search.Facet) []search.Bucket {
	counts := map[string]int{}
	for _, d := range docs {
		values := slices.Clone(d.Values(f.Field))
		slices.Sort(values)
		for _, v := range slices.Compact(values) {
			counts[v]++
		}
	}
	var buckets []search.Bucket
	for v, n := range counts {
		buckets = append(buckets, search.Bucket{Value: v, Count: n})
	}
	slices.SortFunc(buckets, func(a, b search.Bucket) int {
		return cmp.Or(b.Count-a.Count, strings.Compare(a.Value, b.Value))
	})
	return buckets[:min(f.Size, len(buckets))]
}

func sameFacets(a, b [][]search.Bucket) bool {
	return slices.EqualFunc(a, b, slices.Equal[[]search.Bucket])
}

// wantKind checks that an error is of a kind, and names a field unless that is
// empty.
func wantKind(what string, err, kind error, field string) error {
	var e *chat.Error
	if !errors.Is(err, kind) {
		return fmt.Errorf("%s: %v, want %v", what, err, kind)
	}
	if field != "" && (!errors.As(err, &e) || e.Field != field) {
		return fmt.Errorf("%s: %v, want an error that names %q", what, err, field)
	}
	return nil
}

// show is a request for messages of failures.
func show(r search.Request) string {
	return fmt.Sprintf("%.500s in %.500s (limit %d, count %d, facets %v)",
		fmt.Sprintf("%#v", r.Where), fmt.Sprint(r.Scope), r.Limit, r.Count, r.Facets)
}

func places(all []chat.Position) string {
	var b strings.Builder
	for _, p := range all {
		fmt.Fprintf(&b, "%s/%d ", p.Room.Key, p.Seq)
	}
	return "[" + strings.TrimSpace(b.String()) + "]"
}

// errs is the first error of several.
func errs(all ...error) error {
	for _, err := range all {
		if err != nil {
			return err
		}
	}
	return nil
}
