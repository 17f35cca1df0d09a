package bleve

import (
	"context"
	"log/slog"
	"runtime"
	"sync"
	"time"

	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/search"
	"github.com/parlor-chat/parlor/storage"
)

// Options changes what [Open] opens. The zero value of each field, and nil Options, mean
// the default.
type Options struct {
	// Log gets what an operator should know; slog.Default by default.
	Log *slog.Logger
	// Period is how much time one of Bleve's indexes holds; a month by default. An index
	// of another period is thrown away, to be made again from the history.
	Period Period
	// Cache is how many bytes of columns are kept in memory, for counts and facets; 64 MiB
	// by default.
	Cache int64
	// Files is how many files may be open; by default a half of what the process may open,
	// and 8192 at most. Months that aren't written to are closed, and their files merged.
	Files int

	// Tests give others.
	disk                 disk
	coolAfter, tidyAfter time.Duration
	lossTime, nap        time.Duration
	cutAfter             int64  // bytes of the log
	loading              func() // called before each month is opened, until all are
}

func (o *Options) defaults() Options {
	var opt Options
	if o != nil {
		opt = *o
	}
	if opt.Log == nil {
		opt.Log = slog.Default()
	}
	if opt.Cache == 0 {
		opt.Cache = 64 << 20
	}
	if opt.Files == 0 {
		opt.Files = mayOpen()
	}
	if opt.disk.open == nil {
		opt.disk.open = theDisk.open
	}
	if opt.disk.sync == nil {
		opt.disk.sync = theDisk.sync
	}
	if opt.coolAfter == 0 {
		opt.coolAfter = coolAfter
	}
	if opt.cutAfter == 0 {
		opt.cutAfter = logFile
	}
	if opt.nap == 0 {
		opt.nap = nap
	}
	if opt.lossTime == 0 {
		opt.lossTime = lossTime
	}
	if opt.tidyAfter == 0 {
		opt.tidyAfter = tidyAfter
	}
	return opt
}

// workers prepare documents for Bleve.
func workers() int { return min(4, runtime.GOMAXPROCS(0)) }

// Store is a handle on the index in a folder. One process opens it once; [Store.Reopen]
// gives further handles, as further nodes in the process need.
type Store struct {
	place *place

	mu     sync.Mutex
	closed bool
}

// Open opens the folder dir, or makes it, and returns at once: what lies there is opened
// behind, and until then all calls return [chat.ErrUnavailable] and say how far it is
// ([Store.Ready] waits). Where another process holds the folder, the error is
// [chat.ErrUnavailable] and names it; an index of a newer format is [chat.ErrInvalid] with
// field "format".
func Open(ctx context.Context, dir string, o *Options) (*Store, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	p, err := openPlace(dir, o.defaults())
	if err != nil {
		return nil, err
	}
	return &Store{place: p}, nil
}

// Reopen gives another handle on the same store. The folder is let go with the last.
// Once that is closed, the error is [chat.ErrClosed].
func (s *Store) Reopen() (*Store, error) {
	if !s.place.share() {
		return nil, &chat.Error{Kind: chat.ErrClosed, Op: "reopen"}
	}
	return &Store{place: s.place}, nil
}

// Close closes this handle: every later call returns [chat.ErrClosed]. Closing twice is no
// error.
func (s *Store) Close() error {
	s.mu.Lock()
	closed := s.closed
	s.closed = true
	s.mu.Unlock()
	if closed {
		return nil
	}
	return s.place.leave()
}

// Ready returns when everything that lies in the folder is open; the error is the first
// that stands in the way, which may pass.
func (s *Store) Ready(ctx context.Context) error {
	const op = "ready"
	if err := s.enter(ctx, op); err != nil {
		return err
	}
	return s.place.ready(ctx, op)
}

// Index is the store as an index; it has generations ([search.Generations]).
func (s *Store) Index() search.Index { return index{handle{s, ""}} }

// enter is what every method does first.
func (s *Store) enter(ctx context.Context, op string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return &chat.Error{Kind: chat.ErrClosed, Op: op}
	}
	return nil
}

// handle is one generation of the index, by a handle on the store.
type handle struct {
	store *Store
	name  string
}

// index is the generation without a name, and knows the others.
type index struct{ handle }

func (x index) Generation(ctx context.Context, name string) (search.Index, error) {
	const op = "generation"
	if err := x.store.enter(ctx, op); err != nil {
		return nil, err
	}
	if err := chat.CheckKey(op, "name", name); err != nil {
		return nil, err
	}
	h := handle{x.store, name}
	_, err := h.generation(ctx, op)
	return h, err
}

// generation is the one that is meant. One that is new is made at once.
func (h handle) generation(ctx context.Context, op string) (*generation, error) {
	if err := h.store.enter(ctx, op); err != nil {
		return nil, err
	}
	g := h.store.place.generation(h.name)
	if !g.fresh {
		return g, nil
	}
	select {
	case <-g.opened:
		return g, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (h handle) Apply(ctx context.Context, docs []search.Document, upTo ...chat.Position) error {
	const op = "apply"
	if err := h.store.enter(ctx, op); err != nil {
		return err
	}
	if err := search.CheckApply(op, docs, upTo); err != nil {
		return err
	}
	for i := range docs {
		if !fits(docs[i].At) {
			return &chat.Error{Kind: chat.ErrInvalid, Op: op, Field: "at"}
		}
	}
	g, err := h.generation(ctx, op)
	if err != nil {
		return err
	}
	if len(docs) == 0 && len(upTo) == 0 {
		return g.ready(op)
	}
	return g.do(ctx, op, &record{docs: docs, upTo: upTo})
}

func (h handle) Search(ctx context.Context, r search.Request) (search.Result, error) {
	const op = "search"
	if err := h.store.enter(ctx, op); err != nil {
		return search.Result{}, err
	}
	if err := r.Check(op); err != nil {
		return search.Result{}, err
	}
	g, err := h.generation(ctx, op)
	if err != nil {
		return search.Result{}, err
	}
	return g.search(ctx, op, r)
}

func (h handle) Watermark(ctx context.Context, rooms ...chat.RoomID) ([]chat.Seq, error) {
	const op = "watermark"
	g, err := h.generation(ctx, op)
	if err != nil {
		return nil, err
	}
	return g.watermarks(op, rooms)
}

func (h handle) Drop(ctx context.Context, span storage.Span, before time.Time) error {
	const op = "drop"
	if err := h.store.enter(ctx, op); err != nil {
		return err
	}
	if span.Tenant == "" {
		return &chat.Error{Kind: chat.ErrInvalid, Op: op, Field: "tenant"}
	}
	g, err := h.generation(ctx, op)
	if err != nil {
		return err
	}
	return g.do(ctx, op, &record{drop: &drop{span: span, whole: before.IsZero(), before: before}})
}
