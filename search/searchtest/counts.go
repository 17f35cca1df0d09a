package searchtest

import (
	"fmt"

	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/search"
)

var countCases = []indexCase{
	{
		"counts", "a count is exact up to what was asked for, and says when there are more",
		func(w *world) error {
			const n = 20
			if err := w.apply(many(n, "x")...); err != nil {
				return err
			}
			for _, c := range []struct {
				count, want int
				capped      bool
			}{{0, 0, false}, {1, 1, true}, {n - 1, n - 1, true}, {n, n, false}, {n + 1, n, false}, {search.MaxCount, n, false}} {
				for _, limit := range []int{0, 5, n, n + 1} {
					r := search.Request{Where: search.Term("x"), Scope: rooms("r"), Limit: limit, Count: c.count}
					res, err := w.ix.Search(w.ctx, r)
					if err != nil {
						return err
					}
					if res.Count != c.want || res.Capped != c.capped {
						return fmt.Errorf("%s counts %d, capped %v; want %d, %v", show(r), res.Count, res.Capped, c.want, c.capped)
					}
				}
			}
			return nil
		},
	},
	{
		"large counts", "a count is exact far beyond one page",
		func(w *world) error {
			const n = 12_000
			if err := w.apply(many(n, "x")...); err != nil {
				return err
			}
			for _, count := range []int{10_000, 2 * n} {
				r := search.Request{Where: search.Term("x"), Scope: rooms("r"), Count: count}
				if err := w.agrees(r); err != nil {
					return err
				}
			}
			return nil
		},
	},
	{
		"facets", "facets are exact over all matches, the largest first, ties by value",
		func(w *world) error {
			var docs []search.Document
			for i := range 40 {
				author := []string{"ann", "Ann", "bob", "ann"}[i%4]
				d := doc("r", chat.Seq(i+1), i, "x", "author", author, "kind", "text")
				switch i % 5 {
				case 0:
					d.Fields["has"] = []string{"link", "code", "link"} // one twice
				case 1:
					d.Fields["mention"] = []string{"bob", "ann"}
				case 2:
					d.Tokens = []string{"y"}
				}
				docs = append(docs, d)
			}
			if err := w.apply(docs...); err != nil {
				return err
			}
			want := [][]search.Bucket{
				{{Value: "ann", Count: 16}, {Value: "Ann", Count: 8}, {Value: "bob", Count: 8}},
				{{Value: "ann", Count: 16}, {Value: "Ann", Count: 8}},
				{{Value: "code", Count: 8}, {Value: "link", Count: 8}},
				{{Value: "ann", Count: 8}, {Value: "bob", Count: 8}},
				{{Value: "2026-11", Count: 24}, {Value: "2026-10", Count: 8}},
				{{Value: "r", Count: 32}},
				{{Value: "text", Count: 32}},
			}
			r := search.Request{Where: search.Term("x"), Scope: rooms("r"), Limit: 3, Facets: []search.Facet{
				{Field: "author", Size: 10}, {Field: "author", Size: 2}, {Field: "has", Size: 10}, {Field: "mention", Size: 10},
				{Field: "month", Size: 10}, {Field: "room", Size: 10}, {Field: "kind", Size: 1},
			}}
			for _, r.Limit = range []int{0, 3, 100} {
				res, err := w.ix.Search(w.ctx, r)
				if err != nil {
					return err
				}
				if !sameFacets(res.Facets, want) {
					return fmt.Errorf("limit %d: facets %v, want %v", r.Limit, res.Facets, want)
				}
				if err := w.agrees(r); err != nil { // on every page
					return err
				}
			}
			r.Where = search.Term("absent")
			return w.agrees(r)
		},
	},
	{
		"facets of many values", "the largest of many are the largest of all, not of some",
		func(w *world) error {
			var docs []search.Document
			for i := range 3000 {
				docs = append(docs, doc("r", chat.Seq(i+1), i, "x", "author", fmt.Sprintf("%04d", i*i%1700)))
			}
			if err := w.apply(docs...); err != nil {
				return err
			}
			for _, size := range []int{1, 10, search.MaxBucket} {
				r := search.Request{Scope: rooms("r"), Facets: []search.Facet{{Field: "author", Size: size}}}
				if err := w.agrees(r); err != nil {
					return fmt.Errorf("size %d: %w", size, err)
				}
			}
			return nil
		},
	},
}

var scopeCases = []indexCase{
	{
		"scope of hits", "nobody finds what he may not see",
		func(w *world) error {
			if err := w.apply(doc("r", 1, 0, "x"), doc("s", 1, 1, "x"), doc("R", 1, 2, "x"), doc("r ", 1, 3, "x")); err != nil {
				return err
			}
			for _, e := range []search.Expr{nil, search.Term("x"), search.Not{Expr: search.Term("y")}, search.Or{search.Term("x"), search.And{}}} {
				r := search.Request{Where: e, Scope: rooms("r")}
				if err := w.finds(r, at("r", 1)); err != nil {
					return err
				}
				for _, r.Scope = range []search.Scope{rooms(), {Tenant: tenant}, rooms("unknown"), {Tenant: "unknown", Rooms: rooms("r").Rooms}} {
					if err := w.finds(r); err != nil {
						return err
					}
				}
			}
			return nil
		},
	},
	{
		"scope of counts", "a count outside the scope tells that there is something",
		func(w *world) error {
			if err := w.apply(doc("r", 1, 0, "x"), doc("s", 1, 1, "x"), doc("s", 2, 2, "x")); err != nil {
				return err
			}
			return errs(
				w.agrees(search.Request{Where: search.Term("x"), Scope: rooms("r"), Count: 10}),
				w.agrees(search.Request{Where: search.Term("x"), Scope: rooms("r"), Count: 1}),
				w.agrees(search.Request{Where: search.Term("x"), Scope: rooms(), Count: 10}),
			)
		},
	},
	{
		"scope of facets", "a facet outside the scope tells who said something",
		func(w *world) error {
			if err := w.apply(
				doc("r", 1, 0, "x", "author", "ann"), doc("s", 1, 1, "x", "author", "bob"), doc("s", 2, 2, "x", "author", "ann"),
			); err != nil {
				return err
			}
			facets := []search.Facet{{Field: "author", Size: 10}, {Field: "room", Size: 10}}
			return errs(
				w.agrees(search.Request{Where: search.Term("x"), Scope: rooms("r"), Facets: facets}),
				w.agrees(search.Request{Scope: rooms(), Facets: facets}),
			)
		},
	},
	{
		"scope from a Seq", "who came later sees only what came after",
		func(w *world) error {
			docs := many(6, "x")
			for i := range docs {
				docs[i].Fields["author"] = []string{fmt.Sprint("a", i)}
			}
			if err := w.apply(append(docs, doc("s", 1, 9, "x"), doc("s", 2, 9, "x"))...); err != nil {
				return err
			}
			s := rooms("s")
			s.Rooms["r"], s.Rooms["s"] = 5, 2
			r := search.Request{Where: search.Term("x"), Scope: s, Count: 10, Facets: []search.Facet{{Field: "author", Size: 10}}}
			if err := w.finds(r, at("s", 2), at("r", 6), at("r", 5)); err != nil {
				return err
			}
			return w.agrees(r)
		},
	},
	{
		"scope of many rooms", "somebody may be in very many rooms",
		func(w *world) error {
			const n = 10_000
			var docs []search.Document
			s := rooms()
			for i := range n + n/10 {
				key := fmt.Sprintf("room-%d", i)
				docs = append(docs, doc(key, 1, i, "x", "author", "ann"), doc(key, 2, i, "x", "author", "bob"))
				if i%11 > 0 { // 10,000 of them
					s.Rooms[key] = chat.Seq(1 + i%2)
				}
			}
			if err := w.apply(docs...); err != nil {
				return err
			}
			// Not all pages: three in the middle of them are enough.
			r := search.Request{
				Where: search.Term("x"), Scope: s, Limit: 100, Count: 2 * n, Facets: []search.Facet{{Field: "author", Size: 5}},
			}
			want := w.matches(r)
			from := want[len(want)/2]
			return errs(
				w.agrees(search.Request{Where: r.Where, Scope: s, Count: r.Count, Facets: r.Facets}),
				w.pages(r, search.Hit{Position: from.Position, At: from.At}, 3, want[len(want)/2+1:]),
			)
		},
	},
	{
		"scope of all rooms", "an operator sees the whole tenant, and no other",
		func(w *world) error {
			theirs := doc("t", 1, 3, "x")
			theirs.Position.Room.Tenant = "u"
			if err := w.apply(append(many(5, "x"), doc("s", 1, 9, "x", "author", "ann"), theirs)...); err != nil {
				return err
			}
			for _, s := range []search.Scope{{Tenant: tenant, All: true}, {Tenant: tenant, All: true, Rooms: map[string]chat.Seq{"r": 4}}} {
				r := search.Request{Where: search.Term("x"), Scope: s, Limit: 2, Count: 10, Facets: []search.Facet{{Field: "room", Size: 10}}}
				if err := w.agrees(r); err != nil {
					return err
				}
				if err := w.finds(r, at("s", 1), at("r", 5), at("r", 4), at("r", 3), at("r", 2), at("r", 1)); err != nil {
					return err
				}
			}
			return nil
		},
	},
	{
		"tenants", "two companies with the same keys never see each other",
		func(w *world) error {
			mine, theirs := doc("r", 1, 0, "x", "author", "ann"), doc("r", 1, 5, "x y", "author", "ann")
			theirs.Position.Room.Tenant = "u"
			later := theirs
			later.Position.Seq, later.Revision = 2, 2
			if err := w.apply(mine, theirs, later); err != nil {
				return err
			}
			if err := w.ix.Apply(w.ctx, nil, chat.Position{Room: theirs.Position.Room, Seq: 7}); err != nil {
				return err
			}
			seqs, err := w.ix.Watermark(w.ctx, mine.Position.Room)
			if err == nil && seqs[0] != 0 {
				err = fmt.Errorf("the watermark of another tenant shows: %v", seqs)
			}
			r := search.Request{Where: search.Term("x"), Scope: rooms("r"), Limit: 10, Count: 10, Facets: []search.Facet{{Field: "author", Size: 9}}}
			u := r
			u.Scope.Tenant = "u"
			return errs(err, w.agrees(r), w.agrees(u), w.findsSeqs(search.Term("y")))
		},
	},
}
