// Package inverted is an inverted index in memory: what is behind the contract of
// [search.Index] in a driver that keeps all of it there.
//
// The documents of a tenant lie in months (of At, in UTC), and those of a month in
// segments. A segment never changes. Its documents are numbered in the order of
// results, so a search meets the first hits first and stops when its page is full.
// Each Apply makes a segment of what it brings. Segments of like size are merged, so
// that a month has few of them, and a document is copied only a few times. One that
// was replaced or retracted is marked in its segment, and left behind by the next
// merge; what was dropped is gone from memory at once.
//
// A search works on the segments that there were when it began: no search waits for
// a writer, and no writer for a search.
package inverted

import (
	"strings"
	"sync"
	"time"

	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/search"
	"github.com/parlor-chat/parlor/storage"
)

// Index holds documents and watermarks of many tenants. It may be called by many
// goroutines at once.
type Index struct {
	writing sync.Mutex   // held by the one who writes
	mu      sync.RWMutex // held while what readers see changes, for a moment
	tenants map[string]*tenant
}

// New makes an empty index.
func New() *Index { return &Index{tenants: map[string]*tenant{}} }

// tenant is what is known of one tenant.
type tenant struct {
	rooms map[string]*room // by key; for writers alone

	// What readers see. months is newest first, and is replaced, never changed.
	months []*month
	marks  map[string]chat.Seq // by room key
}

// room remembers what was applied to a room, and what is gone.
type room struct {
	key      string
	versions map[chat.Seq]version
}

// version is the newest that was applied at a position, and where it lies.
type version struct {
	revision chat.Seq
	at       int64 // Unix milliseconds
}

// Apply is Apply of [search.Index], with arguments that were checked.
func (x *Index) Apply(docs []search.Document, upTo []chat.Position) {
	x.writing.Lock()
	defer x.writing.Unlock()
	drafts := map[*tenant]draft{}
	for i := range docs {
		t := x.tenant(docs[i].Position.Room.Tenant)
		if drafts[t] == nil {
			drafts[t] = draft{}
		}
		drafts[t].add(t, &docs[i])
	}
	for _, p := range upTo {
		x.tenant(p.Room.Tenant)
	}
	months := make(map[*tenant][]*month, len(drafts))
	for t, d := range drafts {
		months[t] = d.apply(t)
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	for t, m := range months {
		t.months = m
	}
	for _, p := range upTo {
		t := x.tenants[p.Room.Tenant]
		if p.Seq > t.marks[p.Room.Key] {
			t.marks[strings.Clone(p.Room.Key)] = p.Seq
		}
	}
}

// tenant is that tenant, made if it is new.
func (x *Index) tenant(name string) *tenant {
	t := x.tenants[name]
	if t == nil {
		t = &tenant{rooms: map[string]*room{}, marks: map[string]chat.Seq{}}
		x.mu.Lock()
		x.tenants[strings.Clone(name)] = t
		x.mu.Unlock()
	}
	return t
}

// room is that room, made if it is new.
func (t *tenant) room(key string) *room {
	r := t.rooms[key]
	if r == nil {
		r = &room{key: strings.Clone(key), versions: map[chat.Seq]version{}}
		t.rooms[r.key] = r
	}
	return r
}

// Watermark is Watermark of [search.Index].
func (x *Index) Watermark(rooms []chat.RoomID) []chat.Seq {
	x.mu.RLock()
	defer x.mu.RUnlock()
	seqs := make([]chat.Seq, len(rooms))
	for i, r := range rooms {
		if t := x.tenants[r.Tenant]; t != nil {
			seqs[i] = t.marks[r.Key]
		}
	}
	return seqs
}

// months is what a search of a tenant works on.
func (x *Index) months(tenant string) []*month {
	x.mu.RLock()
	defer x.mu.RUnlock()
	if t := x.tenants[tenant]; t != nil {
		return t.months
	}
	return nil
}

// Drop is Drop of [search.Index], of a span with a tenant.
func (x *Index) Drop(span storage.Span, before time.Time) {
	x.writing.Lock()
	defer x.writing.Unlock()
	t := x.tenants[span.Tenant]
	if t == nil {
		return
	}
	whole := before.IsZero()
	end := int64(never)
	if !whole {
		end = ceil(before)
	}
	for key, r := range t.rooms {
		if span.Room == "" || span.Room == key {
			r.forget(end)
		}
		if len(r.versions) == 0 {
			delete(t.rooms, key)
		}
	}
	months := drop(t.months, span.Room, end)
	x.mu.Lock()
	defer x.mu.Unlock()
	switch t.months = months; {
	case whole && span.Room == "":
		delete(x.tenants, span.Tenant)
	case whole:
		delete(t.marks, span.Room)
	}
}

// forget forgets all versions before a time.
func (r *room) forget(end int64) {
	for seq, v := range r.versions {
		if v.at < end {
			delete(r.versions, seq)
		}
	}
}
