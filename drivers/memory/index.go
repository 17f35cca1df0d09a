package memory

import (
	"context"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/search"
	"github.com/parlor-chat/parlor/storage"
)

// index looks at the documents of a tenant one by one, newest first, and asks
// [search.Match] about each.
type index struct{ *Store }

// indexData is what all handles share. Searches share the lock; Apply and Drop
// have it alone, which is what makes documents and watermarks one step.
type indexData struct {
	mu      sync.RWMutex
	tenants map[string]*tenantIndex
}

func (d *indexData) init() { d.tenants = map[string]*tenantIndex{} }

// tenantIndex is the documents and watermarks of one tenant.
type tenantIndex struct {
	docs  map[chat.Position]*search.Document
	marks map[string]chat.Seq // by room key

	sorted  []*search.Document // oldest first; see older
	pending []*search.Document // in docs, but not in sorted yet

	words map[string]string // each token once, for one text shares few with another
}

func (d *indexData) tenant(name string) *tenantIndex {
	t := d.tenants[name]
	if t == nil {
		t = &tenantIndex{
			docs:  map[chat.Position]*search.Document{},
			marks: map[string]chat.Seq{},
			words: map[string]string{},
		}
		d.tenants[name] = t
	}
	return t
}

func (x index) Apply(ctx context.Context, docs []search.Document, upTo ...chat.Position) error {
	if err := x.ready(ctx, "apply"); err != nil {
		return err
	}
	if err := search.CheckApply("apply", docs, upTo); err != nil {
		return err
	}
	d := &x.data.index
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, doc := range docs {
		d.tenant(doc.Position.Room.Tenant).put(doc)
	}
	for _, p := range upTo {
		t := d.tenant(p.Room.Tenant)
		t.marks[p.Room.Key] = max(t.marks[p.Room.Key], p.Seq)
	}
	return nil
}

// put stores a document unless a newer revision is there.
func (t *tenantIndex) put(doc search.Document) {
	old := t.docs[doc.Position]
	if old != nil && old.Revision >= doc.Revision {
		return
	}
	doc.Tokens = t.intern(doc.Tokens)
	if old != nil {
		*old = doc // its place stays, for At does
		return
	}
	t.docs[doc.Position] = &doc
	t.pending = append(t.pending, &doc)
}

// intern copies tokens so that equal ones share memory, and no text is kept for
// one of its words.
func (t *tenantIndex) intern(tokens []string) []string {
	own := make([]string, len(tokens))
	for i, token := range tokens {
		word, ok := t.words[token]
		if !ok {
			word = strings.Clone(token)
			t.words[word] = word
		}
		own[i] = word
	}
	return own
}

// older orders documents by (At, room key, Seq).
func older(a, b *search.Document) int {
	if c := a.At.Compare(b.At); c != 0 {
		return c
	}
	if c := strings.Compare(a.Position.Room.Key, b.Position.Room.Key); c != 0 {
		return c
	}
	return int(a.Position.Seq - b.Position.Seq)
}

// settle sorts what is pending into its place. Most of it is newer than all else.
func (t *tenantIndex) settle() {
	if len(t.pending) == 0 {
		return
	}
	slices.SortFunc(t.pending, older)
	from, _ := slices.BinarySearchFunc(t.sorted, t.pending[0], older)
	tail := slices.Clone(t.sorted[from:])
	t.sorted = t.sorted[:from]
	for _, doc := range t.pending {
		for len(tail) > 0 && older(tail[0], doc) < 0 {
			t.sorted, tail = append(t.sorted, tail[0]), tail[1:]
		}
		t.sorted = append(t.sorted, doc)
	}
	t.sorted, t.pending = append(t.sorted, tail...), nil
}

// reading returns the tenant with all documents in their place, locked for
// reading; nil where there is none. unlock must be called in either case.
func (d *indexData) reading(name string) (t *tenantIndex, unlock func()) {
	for {
		d.mu.RLock()
		if t = d.tenants[name]; t == nil || len(t.pending) == 0 {
			return t, d.mu.RUnlock
		}
		d.mu.RUnlock()
		d.mu.Lock()
		t.settle()
		d.mu.Unlock()
	}
}

func (x index) Watermark(ctx context.Context, rooms ...chat.RoomID) ([]chat.Seq, error) {
	if err := x.ready(ctx, "watermark"); err != nil {
		return nil, err
	}
	d := &x.data.index
	d.mu.RLock()
	defer d.mu.RUnlock()
	seqs := make([]chat.Seq, len(rooms))
	for i, r := range rooms {
		if t := d.tenants[r.Tenant]; t != nil {
			seqs[i] = t.marks[r.Key]
		}
	}
	return seqs, nil
}

func (x index) Drop(ctx context.Context, span storage.Span, before time.Time) error {
	if err := x.ready(ctx, "drop"); err != nil {
		return err
	}
	if span.Tenant == "" {
		return &chat.Error{Kind: chat.ErrInvalid, Op: "drop", Field: "tenant"}
	}
	d := &x.data.index
	d.mu.Lock()
	defer d.mu.Unlock()
	t := d.tenants[span.Tenant]
	switch {
	case t == nil:
	case span.Room == "" && before.IsZero():
		delete(d.tenants, span.Tenant)
	default:
		t.drop(span, before)
	}
	return nil
}

func (t *tenantIndex) drop(span storage.Span, before time.Time) {
	t.settle()
	t.sorted = slices.DeleteFunc(t.sorted, func(doc *search.Document) bool {
		gone := span.Holds(doc.Position.Room) && (before.IsZero() || doc.At.Before(before))
		if gone {
			delete(t.docs, doc.Position)
		}
		return gone
	})
	if before.IsZero() {
		delete(t.marks, span.Room)
	}
}
