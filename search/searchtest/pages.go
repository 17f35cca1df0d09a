package searchtest

import (
	"fmt"

	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/search"
)

// many is n documents of one text in room "r", a minute apart.
func many(n int, text string) []search.Document {
	docs := make([]search.Document, n)
	for i := range docs {
		docs[i] = doc("r", chat.Seq(i+1), i, text)
	}
	return docs
}

var pageCases = []indexCase{
	{
		"newest first", "the order is one on all drivers: by time, then room key, then Seq, all falling",
		func(w *world) error {
			if err := w.apply(
				doc("b", 1, 1, "x"), doc("a", 2, 1, "x"), doc("a", 1, 1, "x"), doc("c", 1, 0, "x"),
				doc("B", 9, 1, "x"), doc("a", 10, 1, "x"), doc("a", 9, 1, "x"), doc("ab", 1, 1, "x"), doc("a", 11, 2, "x"),
			); err != nil {
				return err
			}
			r := search.Request{Where: search.Term("x"), Scope: rooms("a", "ab", "b", "B", "c")}
			want := []chat.Position{
				at("a", 11), at("b", 1), at("ab", 1), at("a", 10), at("a", 9), at("a", 2), at("a", 1), at("B", 9), at("c", 1),
			}
			for r.Limit = range len(want) + 2 {
				if err := w.finds(r, want...); err != nil {
					return err
				}
			}
			return nil
		},
	},
	{
		"pages at their edges", "a page is full or the last, and the last says so",
		func(w *world) error {
			const n = 10
			if err := w.apply(many(n, "x")...); err != nil {
				return err
			}
			for _, limit := range []int{0, 1, 3, n - 1, n, n + 1, search.MaxLimit} {
				r := search.Request{Where: search.Term("x"), Scope: rooms("r"), Limit: limit}
				if err := w.agrees(r); err != nil {
					return err
				}
				r.Where = search.Term("absent")
				if err := w.agrees(r); err != nil {
					return err
				}
				if r.ByScore = true; limit > 0 {
					if err := w.agrees(r); err != nil {
						return err
					}
				}
			}
			return nil
		},
	},
	{
		"everything is found", "a driver that loses one document in a thousand is useless",
		func(w *world) error {
			if err := w.apply(many(3*chat.MaxBatch, "x")...); err != nil {
				return err
			}
			return w.agrees(search.Request{Where: search.Term("x"), Scope: rooms("r"), Limit: search.MaxLimit, Count: 1e6})
		},
	},
	{
		"pages by score", "by relevance, too, each match comes once",
		func(w *world) error {
			docs := many(30, "x")
			for i := range docs {
				docs[i] = revised(docs[i], docs[i].Revision, []string{"x", "x y", "x x y", "y"}[i%4])
			}
			if err := w.apply(docs...); err != nil {
				return err
			}
			for _, limit := range []int{1, 7, 30} {
				r := search.Request{Where: search.Or{search.Term("x"), search.Term("y")}, Scope: rooms("r"), Limit: limit, ByScore: true, Count: 100}
				if err := w.agrees(r); err != nil {
					return err
				}
				hits, err := w.walk(r)
				if err != nil {
					return err
				}
				for i := range hits[1:] {
					if hits[i].Score < hits[i+1].Score {
						return fmt.Errorf("score %v comes before %v", hits[i].Score, hits[i+1].Score)
					}
				}
			}
			return nil
		},
	},
	{
		"cursors survive changes", "somebody reads on while messages come and go: he sees none twice and misses none",
		func(w *world) error {
			docs := many(10, "x")
			if err := w.apply(docs...); err != nil {
				return err
			}
			r := search.Request{Where: search.Term("x"), Scope: rooms("r", "s"), Limit: 4}
			page, err := w.ix.Search(w.ctx, r)
			if err != nil {
				return err
			}
			if err := w.apply(
				doc("s", 1, 60, "x"),     // newer than all
				retracted(docs[6], 100),  // what the cursor stands on
				retracted(docs[3], 101),  // what lies ahead
				doc("s", 2, 2, "x"),      // comes late, lies ahead
				revised(docs[2], 50, ""), // no longer a match
			); err != nil {
				return err
			}
			r.After = page.Next
			return w.finds(r, at("r", 6), at("r", 5), at("s", 2), at("r", 2), at("r", 1))
		},
	},
	{
		"cursors and scope", "a cursor gives no right: the scope of each page counts",
		func(w *world) error {
			if err := w.apply(doc("r", 1, 1, "x"), doc("r", 2, 3, "x"), doc("s", 1, 2, "x"), doc("s", 2, 0, "x")); err != nil {
				return err
			}
			r := search.Request{Where: search.Term("x"), Scope: rooms("r", "s"), Limit: 1}
			page, err := w.ix.Search(w.ctx, r)
			if err != nil {
				return err
			}
			r.After, r.Scope = page.Next, rooms("r")
			return w.finds(r, at("r", 1))
		},
	},
	{
		"cursors of other requests", "a cursor in the wrong place is an error, not a wrong page",
		func(w *world) error {
			if err := w.apply(many(5, "x y")...); err != nil {
				return err
			}
			r := search.Request{Where: search.Term("x"), Scope: rooms("r"), Limit: 2}
			page, err := w.ix.Search(w.ctx, r)
			if err != nil {
				return err
			}
			next := page.Next
			refused := func(what string, change func(*search.Request)) error {
				other := r
				other.After = next
				change(&other)
				_, err := w.ix.Search(w.ctx, other)
				return wantKind(what, err, chat.ErrInvalid, "after")
			}
			if err := errs(
				refused("another expression", func(r *search.Request) { r.Where = search.Term("y") }),
				refused("no expression", func(r *search.Request) { r.Where = nil }),
				refused("another order", func(r *search.Request) { r.ByScore = true }),
				refused("another tenant", func(r *search.Request) { r.Scope.Tenant = "u" }),
				refused("garbage", func(r *search.Request) { r.After = "\x00 garbage" }),
				refused("half a cursor", func(r *search.Request) { r.After = next[:len(next)/2] }),
				refused("too long a cursor", func(r *search.Request) { r.After = next + next }),
			); err != nil {
				return err
			}
			r.After, r.Limit = next, 1 // another size of page is no other request
			return w.finds(r, at("r", 3), at("r", 2), at("r", 1))
		},
	},
	{
		"cursors from elsewhere", "a cursor is a place, whether something stands there or not: after a restore, a drop or from another node",
		func(w *world) error {
			if err := w.apply(doc("a", 1, 1, "x"), doc("b", 7, 2, "x"), doc("c", 3, 3, "x"), doc("b", 8, 4, "x")); err != nil {
				return err
			}
			r := search.Request{Where: search.Term("x"), Scope: rooms("a", "b", "c"), Limit: 1, Count: 9}
			all := w.matches(r)
			for _, c := range []struct {
				room string
				seq  chat.Seq
				min  int
				left int
			}{
				{"z", 1, 5, 4}, {"b", 9, 4, 4}, {"b", 8, 4, 3}, {"b", 1, 4, 3}, {"unknown", 1, 2, 2}, {"a", 9, 2, 1}, {"a", 2, 1, 1}, {"a", 1, 1, 0}, {"c", 9, 0, 0},
			} {
				r.After = r.NextAfter(search.Hit{Position: at(c.room, c.seq), At: minute(c.min)})
				res, err := w.ix.Search(w.ctx, r)
				if err != nil {
					return err
				}
				left := all[len(all)-c.left:]
				if res.Count != len(all) || len(res.Hits) != min(1, c.left) || c.left > 0 && res.Hits[0].Position != left[0].Position || (res.Next != "") != (c.left > 1) {
					return fmt.Errorf("behind %v: %v, count %d, next %q; want the first of the last %d", c, res.Hits, res.Count, res.Next, c.left)
				}
			}
			return nil
		},
	},
	{
		"limits of a request", "what is too much is refused, and names the limit",
		func(w *world) error {
			facets := make([]search.Facet, search.MaxFacets+1)
			for i := range facets {
				facets[i] = search.Facet{Field: search.FieldRoom, Size: search.MaxBucket}
			}
			for _, c := range []struct {
				r     search.Request
				kind  error
				field string
			}{
				{search.Request{Limit: -1}, chat.ErrInvalid, "limit"},
				{search.Request{Limit: search.MaxLimit + 1}, chat.ErrTooLarge, "limit"},
				{search.Request{Count: -1}, chat.ErrInvalid, "count"},
				{search.Request{Count: search.MaxCount + 1}, chat.ErrTooLarge, "count"},
				{search.Request{Facets: facets}, chat.ErrTooLarge, "facets"},
				{search.Request{Facets: []search.Facet{{Field: search.FieldRoom}}}, chat.ErrInvalid, "facet size"},
				{search.Request{Facets: []search.Facet{{Field: search.FieldRoom, Size: search.MaxBucket + 1}}}, chat.ErrTooLarge, "facet size"},
				{search.Request{Facets: []search.Facet{{Field: search.FieldThread, Size: 1}}}, chat.ErrInvalid, "field"},
				{search.Request{Facets: []search.Facet{{Field: "colour", Size: 1}}}, chat.ErrInvalid, "field"},
			} {
				c.r.Scope = rooms("r")
				_, err := w.ix.Search(w.ctx, c.r)
				if err := wantKind(show(c.r), err, c.kind, c.field); err != nil {
					return err
				}
			}
			return w.agrees(search.Request{Scope: rooms("r"), Limit: search.MaxLimit, Count: search.MaxCount, Facets: facets[:search.MaxFacets]})
		},
	},
}
