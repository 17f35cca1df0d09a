package memory

import (
	"context"
	"strings"
	"sync"
	"time"

	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/internal/inverted"
	"github.com/parlor-chat/parlor/search"
	"github.com/parlor-chat/parlor/storage"
)

// generation is one generation of the index, by a handle.
type generation struct {
	*Store
	index *inverted.Index
}

// index is the generation without a name, and knows the others.
type index struct{ generation }

// indexData is what all handles share.
type indexData struct {
	mu          sync.Mutex
	generations map[string]*inverted.Index
}

func (d *indexData) init() { d.generations = map[string]*inverted.Index{} }

// generation is the one of that name, made if it is new.
func (d *indexData) generation(name string) *inverted.Index {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.generations[name] == nil {
		d.generations[strings.Clone(name)] = inverted.New()
	}
	return d.generations[name]
}

func (x index) Generation(ctx context.Context, name string) (search.Index, error) {
	const op = "generation"
	if err := x.ready(ctx, op); err != nil {
		return nil, err
	}
	if err := chat.CheckKey(op, "name", name); err != nil {
		return nil, err
	}
	return generation{x.Store, x.data.index.generation(name)}, nil
}

func (g generation) Apply(ctx context.Context, docs []search.Document, upTo ...chat.Position) error {
	const op = "apply"
	if err := g.ready(ctx, op); err != nil {
		return err
	}
	if err := search.CheckApply(op, docs, upTo); err != nil {
		return err
	}
	g.index.Apply(docs, upTo)
	return nil
}

func (g generation) Search(ctx context.Context, r search.Request) (search.Result, error) {
	const op = "search"
	if err := g.ready(ctx, op); err != nil {
		return search.Result{}, err
	}
	if err := r.Check(op); err != nil {
		return search.Result{}, err
	}
	return g.index.Search(ctx, r)
}

func (g generation) Watermark(ctx context.Context, rooms ...chat.RoomID) ([]chat.Seq, error) {
	if err := g.ready(ctx, "watermark"); err != nil {
		return nil, err
	}
	return g.index.Watermark(rooms), nil
}

func (g generation) Drop(ctx context.Context, span storage.Span, before time.Time) error {
	const op = "drop"
	if err := g.ready(ctx, op); err != nil {
		return err
	}
	if span.Tenant == "" {
		return &chat.Error{Kind: chat.ErrInvalid, Op: op, Field: "tenant"}
	}
	g.index.Drop(span, before)
	return nil
}
