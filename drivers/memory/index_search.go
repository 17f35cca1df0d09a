package memory

import (
	"context"
	"slices"
	"sort"
	"strings"

	"github.com/parlor-chat/parlor/search"
)

func (x index) Search(ctx context.Context, r search.Request) (search.Result, error) {
	if err := x.ready(ctx, "search"); err != nil {
		return search.Result{}, err
	}
	if err := r.Check("search"); err != nil {
		return search.Result{}, err
	}
	after, paged, err := r.AfterHit("search")
	if err != nil {
		return search.Result{}, err
	}
	q := query{Request: r, after: after, paged: paged, facets: make([]map[string]int, len(r.Facets))}
	for i := range q.facets {
		q.facets[i] = map[string]int{}
	}
	t, unlock := x.data.index.reading(r.Scope.Tenant)
	defer unlock()
	if t != nil {
		if err := q.run(ctx, t.sorted); err != nil {
			return search.Result{}, err
		}
	}
	return q.result(), nil
}

// query is one search on its way.
type query struct {
	search.Request
	after search.Hit
	paged bool // there is an after

	hits   []search.Hit // behind after; by falling At, until result
	count  int
	facets []map[string]int
}

// run looks at each document, newest first, until the page is full and everything
// counted.
func (q *query) run(ctx context.Context, sorted []*search.Document) error {
	if q.paged && !q.ByScore && q.countedAll() {
		n := sort.Search(len(sorted), func(i int) bool { return !q.after.Before(hitOf(sorted[i]), false) })
		sorted = sorted[:n]
	}
	for i, doc := range slices.Backward(sorted) {
		if i%1024 == 0 {
			if err := ctx.Err(); err != nil {
				return err
			}
		}
		if !q.Scope.Holds(doc.Position) || !search.Match(q.Where, doc) {
			continue
		}
		q.take(doc)
		if !q.ByScore && len(q.hits) > q.Limit && q.countedAll() {
			break
		}
	}
	return nil
}

// take counts a match and keeps it where it may be on the page.
func (q *query) take(doc *search.Document) {
	q.count++
	for i, f := range q.Facets {
		values := doc.Values(f.Field)
		for j, v := range values {
			if !slices.Contains(values[:j], v) {
				q.facets[i][v]++
			}
		}
	}
	if !q.ByScore && len(q.hits) > q.Limit {
		return
	}
	hit := hitOf(doc)
	if q.ByScore {
		hit.Score = score(q.Where, doc)
	}
	if !q.paged || q.after.Before(hit, q.ByScore) {
		q.hits = append(q.hits, hit)
	}
}

// countedAll says that further matches would change neither count nor facets.
func (q *query) countedAll() bool {
	return len(q.Facets) == 0 && (q.Count == 0 || q.count > q.Count)
}

func (q *query) result() search.Result {
	var res search.Result
	if q.ByScore {
		slices.SortFunc(q.hits, func(a, b search.Hit) int {
			if a.Before(b, true) {
				return -1
			}
			return 1
		})
	}
	res.Hits = q.hits
	if len(q.hits) > q.Limit {
		res.Hits = q.hits[:q.Limit:q.Limit]
		if q.Limit > 0 {
			res.Next = q.NextAfter(res.Hits[q.Limit-1])
		}
	}
	if q.Count > 0 {
		res.Count, res.Capped = min(q.count, q.Count), q.count > q.Count
	}
	for i, f := range q.Facets {
		res.Facets = append(res.Facets, largest(q.facets[i], f.Size))
	}
	return res
}

// largest is the n values with most matches, ties by value rising.
func largest(counts map[string]int, n int) []search.Bucket {
	buckets := make([]search.Bucket, 0, len(counts))
	for v, c := range counts {
		buckets = append(buckets, search.Bucket{Value: v, Count: c})
	}
	slices.SortFunc(buckets, func(a, b search.Bucket) int {
		if a.Count != b.Count {
			return b.Count - a.Count
		}
		return strings.Compare(a.Value, b.Value)
	})
	return buckets[:min(n, len(buckets))]
}

func hitOf(doc *search.Document) search.Hit {
	return search.Hit{Position: doc.Position, Revision: doc.Revision, At: doc.At}
}

// score is how often the words of an expression stand in a document.
func score(e search.Expr, doc *search.Document) float64 {
	var n float64
	switch e := e.(type) {
	case search.And:
		for _, part := range e {
			n += score(part, doc)
		}
	case search.Or:
		for _, part := range e {
			n += score(part, doc)
		}
	case search.Term:
		return score(search.Phrase{Tokens: []string{string(e)}}, doc)
	case search.Prefix:
		return score(search.Phrase{Tokens: []string{string(e)}, LastIsPrefix: true}, doc)
	case search.Phrase:
		for i := range doc.Tokens {
			if e.At(doc.Tokens[i:]) {
				n++
			}
		}
	}
	return n
}
