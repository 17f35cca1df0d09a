package searchtest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/search"
	"github.com/parlor-chat/parlor/storage"
)

// generations runs a case at an index that has them; one that says it hasn't has
// nothing to prove there.
func generations(run func(*world) error) func(*world) error {
	return func(w *world) error {
		if slices.Contains(w.site.Without, "Generations") {
			return nil
		}
		return run(w)
	}
}

// generation is a world at that generation of the index.
func (w *world) generation(name string) (*world, error) {
	ix, err := search.Generation(w.ctx, w.ix, name)
	if err != nil {
		return nil, fmt.Errorf("generation %q: %w", name, err)
	}
	return &world{w.ctx, w.site, ix, func() error { return nil }, map[chat.Position]search.Document{}}, nil
}

var generationCases = []indexCase{
	{
		"generations lie apart", "one is made anew while the other answers: no document, revision, watermark or drop of one is seen in another",
		generations(func(w *world) error {
			a, errA := w.generation("a")
			b, errB := w.generation("b")
			if err := errs(errA, errB); err != nil {
				return err
			}
			d := doc("r", 1, 0, "old", "author", "ann")
			all := search.Request{Scope: rooms("r"), Limit: 5, Count: 5, Facets: []search.Facet{{Field: "author", Size: 5}}}
			agree := func() error { return errs(w.agrees(all), a.agrees(all), b.agrees(all)) }
			return errs(
				w.apply(revised(d, 5, "base")), w.ix.Apply(w.ctx, nil, at("r", 5)), agree(),
				a.apply(d, doc("r", 2, 1, "more")), a.ix.Apply(w.ctx, nil, at("r", 2)), agree(),
				b.apply(retracted(d, 9)), b.apply(revised(d, 8, "late")), agree(),
				marked(w, "r", 5), marked(a, "r", 2), marked(b, "r", 0),
				a.findsSeqs(search.Term("old"), 1), w.findsSeqs(search.Term("old")),
				a.drop(storage.Span{Tenant: tenant}, minute(1)), agree(), a.findsSeqs(nil, 2),
				w.drop(storage.Span{Tenant: tenant}, time.Time{}), agree(),
				marked(w, "r", 0), marked(a, "r", 2), a.findsSeqs(nil, 2), w.apply(d), agree(),
			)
		}),
	},
	{
		"generations last", "who opens the index again, or a second time, finds the generation of that name",
		generations(func(w *world) error {
			g, err := w.generation("g")
			if err != nil {
				return err
			}
			d := doc("r", 1, 0, "x y")
			if err := errs(g.apply(d, retracted(doc("r", 2, 0, ""), 3)), g.ix.Apply(w.ctx, nil, at("r", 3)), g.refresh()); err != nil {
				return err
			}
			same := func(w *world) error {
				again, err := w.generation("g")
				if err != nil {
					return err
				}
				again.applied = g.applied
				return errs(marked(again, "r", 3), again.apply(doc("r", 2, 0, "x")), again.findsSeqs(search.Term("x"), 1), w.findsSeqs(nil))
			}
			other, err := open(w.ctx, w.site)
			if err != nil {
				return err
			}
			if err := errs(same(w), same(other), other.close(), w.close()); err != nil {
				return err
			}
			again, err := open(w.ctx, w.site)
			if err != nil {
				return err
			}
			defer again.close()
			return same(again)
		}),
	},
	{
		"names of generations", "each key is a name of its own, whatever an engine makes names of, and nothing else is one",
		generations(func(w *world) error {
			empty, err := w.generation("")
			if err != nil {
				return err
			}
			good := []string{"a", "A", "a/b", "a_b", "..", ".", "*", "~", "a,b", strings.Repeat("n", chat.MaxKey-1), strings.Repeat("n", chat.MaxKey)}
			for i, name := range good {
				g, err := w.generation(name)
				if err != nil {
					return err
				}
				if err := errs(g.findsSeqs(nil), g.apply(doc("r", chat.Seq(i+1), 0, "x"))); err != nil {
					return fmt.Errorf("generation %q: %w", name, err)
				}
			}
			for i, name := range good {
				g, err := w.generation(name)
				if err != nil {
					return err
				}
				if err := g.findsSeqs(nil, chat.Seq(i+1)); err != nil {
					return fmt.Errorf("generation %q: %w", name, err)
				}
			}
			for _, name := range []string{"a b", " ", "é", "a\n", "a\x00", "\xff"} {
				_, err := search.Generation(w.ctx, w.ix, name)
				if err := wantKind(fmt.Sprintf("a generation %q", name), err, chat.ErrInvalid, ""); err != nil {
					return err
				}
			}
			_, err = search.Generation(w.ctx, w.ix, strings.Repeat("n", chat.MaxKey+1))
			return errs(
				wantKind("a generation with too long a name", err, chat.ErrTooLarge, ""),
				empty.findsSeqs(nil), w.apply(doc("r", 1, 0, "y")), empty.findsSeqs(search.Term("y"), 1),
			)
		}),
	},
	{
		"the life of a generation", "a generation lives as long as its index, keeps to contexts and has none of its own",
		generations(func(w *world) error {
			g, err := w.generation("g")
			if err != nil {
				return err
			}
			cancelled, cancel := context.WithCancel(w.ctx)
			cancel()
			if _, err := search.Generation(cancelled, w.ix, "g"); !errors.Is(err, context.Canceled) {
				return fmt.Errorf("a generation with a cancelled context: %v", err)
			}
			if _, err := search.Generation(w.ctx, g.ix, "of-its-own"); !errors.Is(err, errors.ErrUnsupported) {
				return fmt.Errorf("a generation of a generation: %v, want %v", err, errors.ErrUnsupported)
			}
			if err := errs(g.apply(doc("r", 1, 0, "x")), w.close()); err != nil {
				return err
			}
			for name, call := range calls(g.ix) {
				if err := call(cancelled); !errors.Is(err, context.Canceled) {
					return fmt.Errorf("%s with a cancelled context: %v", name, err)
				}
				if err := call(w.ctx); !errors.Is(err, chat.ErrClosed) {
					return fmt.Errorf("%s on a generation of a closed index: %v", name, err)
				}
			}
			if _, err = search.Generation(w.ctx, w.ix, "g"); !errors.Is(err, chat.ErrClosed) {
				return fmt.Errorf("a generation of a closed index: %v", err)
			}
			return nil
		}),
	},
	{
		"without generations they are unsupported", "nothing silently differs",
		func(w *world) error {
			if !slices.Contains(w.site.Without, "Generations") {
				return nil
			}
			if _, err := search.Generation(w.ctx, w.ix, "g"); !errors.Is(err, errors.ErrUnsupported) {
				return fmt.Errorf("%v, want %v", err, errors.ErrUnsupported)
			}
			same, err := search.Generation(w.ctx, w.ix, "")
			if err != nil {
				return err
			}
			_, err = same.Watermark(w.ctx)
			return err
		},
	},
}
