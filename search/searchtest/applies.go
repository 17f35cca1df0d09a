package searchtest

import (
	"fmt"
	"slices"
	"time"

	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/search"
	"github.com/parlor-chat/parlor/storage"
)

var applyCases = []indexCase{
	{
		"revisions", "a higher revision replaces, the same or a lower one changes nothing, in whatever order they come",
		func(w *world) error {
			d := doc("r", 1, 0, "first")
			steps := []struct {
				d    search.Document
				want string
			}{
				{revised(d, 3, "third"), "third"},
				{d, "third"},
				{revised(d, 2, "second"), "third"},
				{revised(d, 3, "another"), "third"},
				{revised(d, 4, "fourth"), "fourth"},
			}
			for _, s := range steps {
				if err := w.apply(s.d); err != nil {
					return err
				}
				for _, word := range []string{"first", "second", "third", "another", "fourth"} {
					var want []chat.Seq
					if word == s.want {
						want = []chat.Seq{1}
					}
					if err := w.findsSeqs(search.Term(word), want...); err != nil {
						return fmt.Errorf("after revision %d: %w", s.d.Revision, err)
					}
				}
			}
			return w.agrees(search.Request{Scope: rooms("r"), Limit: 5, Count: 5})
		},
	},
	{
		"revisions in one call", "a follower that catches up gives several revisions at once",
		func(w *world) error {
			a, b := doc("r", 1, 0, "a1"), doc("r", 2, 0, "b2")
			if err := w.apply(a, b, revised(a, 4, "a4"), revised(a, 3, "a3"), retracted(b, 5), revised(b, 3, "b3")); err != nil {
				return err
			}
			return errs(
				w.findsSeqs(nil, 1), w.findsSeqs(search.Term("a4"), 1), w.findsSeqs(search.Prefix("b")),
				w.findsSeqs(search.Or{search.Term("a1"), search.Term("a3")}),
			)
		},
	},
	{
		"a new revision has new fields", "fields that an edit took away find nothing any more",
		func(w *world) error {
			d := doc("r", 1, 0, "x", "has", "link", "mention", "bob", "author", "ann")
			e := doc("r", 1, 0, "x", "author", "ann", "mention", "cyd")
			e.Revision = 2
			if err := w.apply(d); err != nil {
				return err
			}
			if err := w.apply(e); err != nil {
				return err
			}
			return errs(
				w.findsSeqs(search.Equal{Field: "has", Value: "link"}), w.findsSeqs(search.Equal{Field: "mention", Value: "bob"}),
				w.findsSeqs(search.Equal{Field: "mention", Value: "cyd"}, 1),
				w.agrees(search.Request{Scope: rooms("r"), Facets: []search.Facet{{Field: "has", Size: 5}, {Field: "mention", Size: 5}}}),
			)
		},
	},
	{
		"retracted is gone", "what was taken back is neither found nor counted, and no late writer brings it back",
		func(w *world) error {
			secret, other := doc("r", 1, 0, "secret", "author", "ann"), doc("r", 2, 0, "other", "author", "ann")
			gone := func() error {
				for _, e := range []search.Expr{nil, search.Term("secret"), search.Not{Expr: search.Term("other")}, search.Equal{Field: "author", Value: "ann"}} {
					r := search.Request{Where: e, Scope: rooms("r"), Limit: 5, Count: 5, Facets: []search.Facet{{Field: "author", Size: 5}, {Field: "room", Size: 5}}}
					if err := w.agrees(r); err != nil {
						return err
					}
				}
				return w.findsSeqs(search.Term("secret"))
			}
			for _, d := range []search.Document{secret, other, retracted(secret, 5), secret, revised(secret, 4, "secret"), revised(secret, 5, "secret")} {
				if err := w.apply(d); err != nil {
					return err
				}
			}
			return errs(gone(), w.findsSeqs(nil, 2))
		},
	},
	{
		"gone before it came", "a retraction may be indexed before an older revision is",
		func(w *world) error {
			d := doc("r", 1, 0, "secret")
			if err := w.apply(retracted(d, 3)); err != nil {
				return err
			}
			if err := w.apply(d, doc("r", 2, 0, "x")); err != nil {
				return err
			}
			return errs(w.findsSeqs(search.Term("secret")), w.findsSeqs(nil, 2))
		},
	},
	{
		"watermarks", "a watermark says what was indexed: it never falls, and is there with its documents",
		func(w *world) error {
			r, s := at("r", 0).Room, at("s", 0).Room
			marks := func(want ...chat.Seq) error {
				got, err := w.ix.Watermark(w.ctx, r, s, at("unknown", 0).Room)
				if err == nil && !slices.Equal(got, append(want, 0)) {
					err = fmt.Errorf("watermarks %v, want %v and 0 for an unknown room", got, want)
				}
				return err
			}
			step := func(docs []search.Document, upTo ...chat.Position) error {
				return errs(w.ix.Apply(w.ctx, docs, upTo...), w.refresh())
			}
			return errs(
				marks(0, 0),
				step([]search.Document{doc("r", 7, 0, "x")}), marks(0, 0),
				step(nil, at("r", 5), at("s", 2)), marks(5, 2),
				step(nil, at("r", 4), at("s", 2)), marks(5, 2),
				step(nil, at("r", 0)), marks(5, 2),
				step(nil, at("r", 9), at("r", 6)), marks(9, 2),
				step([]search.Document{doc("s", 3, 0, "y")}, at("s", 3)), marks(9, 3),
				w.finds(search.Request{Where: search.Term("y"), Scope: rooms("s")}, at("s", 3)),
				none(w),
			)
		},
	},
	{
		"limits of a batch", "a full batch is taken, one above is refused whole",
		func(w *world) error {
			docs := many(chat.MaxBatch+1, "x")
			err := w.ix.Apply(w.ctx, docs, at("r", 1))
			if err := wantKind("one document too many", err, chat.ErrTooLarge, "documents"); err != nil {
				return err
			}
			var marks []chat.Position
			for i := range chat.MaxBatch + 1 {
				marks = append(marks, at(fmt.Sprint("room", i), 1))
			}
			err = w.ix.Apply(w.ctx, docs[:1], marks...)
			if err := wantKind("one position too many", err, chat.ErrTooLarge, "positions"); err != nil {
				return err
			}
			return errs(
				w.refresh(), w.findsSeqs(nil), marked(w, "r", 0),
				w.apply(docs[:chat.MaxBatch]...), w.ix.Apply(w.ctx, nil, marks[:chat.MaxBatch]...), w.ix.Apply(w.ctx, nil), w.refresh(),
				w.agrees(search.Request{Where: search.Term("x"), Scope: rooms("r"), Limit: 100, Count: 1e4}),
			)
		},
	},
	{
		"invalid documents", "one bad document spoils its batch, and says why; nothing of it is stored",
		func(w *world) error {
			good := doc("r", 1, 0, "x")
			for field, spoil := range map[string]func(*search.Document){
				"room":     func(d *search.Document) { d.Position.Room.Key = "" },
				"seq":      func(d *search.Document) { d.Position.Seq = 0 },
				"revision": func(d *search.Document) { d.Revision = 1 },
				"at":       func(d *search.Document) { d.At = time.Time{} },
			} {
				bad := doc("r", 2, 0, "x")
				spoil(&bad)
				err := w.ix.Apply(w.ctx, []search.Document{good, bad}, at("r", 1))
				if err := wantKind("a document with a bad "+field, err, chat.ErrInvalid, field); err != nil {
					return err
				}
			}
			return errs(w.refresh(), w.findsSeqs(nil), marked(w, "r", 0))
		},
	},
	{
		"drop before a time", "what is too old goes, and nothing else",
		func(w *world) error {
			docs := append(many(6, "x"), doc("s", 1, 0, "x"))
			theirs := doc("r", 1, 0, "x")
			theirs.Position.Room.Tenant = "u"
			u := search.Request{Where: search.Term("x"), Scope: rooms("r"), Limit: 1, Count: 5}
			u.Scope.Tenant = "u"
			s := search.Request{Where: search.Term("x"), Scope: rooms("s"), Limit: 1, Count: 5}
			return errs(
				w.apply(append(docs, theirs)...), w.ix.Apply(w.ctx, nil, at("r", 6)),
				w.ix.Drop(w.ctx, storage.Span{Tenant: tenant, Room: "r"}, minute(2)), w.refresh(),
				w.findsSeqs(search.Term("x"), 3, 4, 5, 6), w.agrees(s), w.agrees(u), marked(w, "r", 6),
				w.ix.Drop(w.ctx, storage.Span{Tenant: tenant}, minute(4)), w.refresh(),
				w.findsSeqs(search.Term("x"), 5, 6), w.finds(s), w.agrees(u), marked(w, "r", 6),
				// What was dropped may come again.
				w.apply(docs[1]), w.findsSeqs(search.Term("x"), 2, 5, 6),
			)
		},
	},
	{
		"drop all", "a tenant that leaves leaves nothing, and the next one with its name starts afresh",
		func(w *world) error {
			theirs := doc("r", 1, 0, "x")
			theirs.Position.Room.Tenant = "u"
			u := search.Request{Where: search.Term("x"), Scope: rooms("r"), Limit: 1, Count: 5}
			u.Scope.Tenant = "u"
			d := doc("r", 1, 0, "x")
			return errs(
				w.apply(d, retracted(doc("r", 2, 0, ""), 3), doc("s", 1, 0, "x"), theirs),
				w.ix.Apply(w.ctx, nil, at("r", 6), at("s", 1)),
				w.ix.Drop(w.ctx, storage.Span{Tenant: tenant, Room: "s"}, time.Time{}), w.refresh(),
				w.finds(search.Request{Scope: rooms("r", "s")}, at("r", 1)), marked(w, "r", 6), marked(w, "s", 0),
				w.ix.Drop(w.ctx, storage.Span{Tenant: tenant}, time.Time{}), w.refresh(),
				w.finds(search.Request{Scope: rooms("r", "s")}), marked(w, "r", 0), w.agrees(u),
				w.apply(doc("r", 1, 0, "x"), doc("r", 2, 0, "x")), w.findsSeqs(search.Term("x"), 1, 2),
				w.ix.Drop(w.ctx, storage.Span{Tenant: "nobody"}, time.Time{}),
				wantKind("a drop without a tenant", w.ix.Drop(w.ctx, storage.Span{}, time.Time{}), chat.ErrInvalid, "tenant"),
				w.refresh(), w.findsSeqs(search.Term("x"), 1, 2),
			)
		},
	},
}

// marked checks the watermark of a room.
func marked(w *world, room string, want chat.Seq) error {
	got, err := w.ix.Watermark(w.ctx, at(room, 0).Room)
	if err == nil && (len(got) != 1 || got[0] != want) {
		err = fmt.Errorf("watermark %v of %s, want %d", got, room, want)
	}
	return err
}

// none checks that no rooms have no watermarks.
func none(w *world) error {
	got, err := w.ix.Watermark(w.ctx)
	if err == nil && len(got) != 0 {
		err = fmt.Errorf("watermarks of no rooms: %v", got)
	}
	return err
}
