package search

import (
	"context"
	"time"

	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/storage"
)

// Index finds messages. It may be called by many goroutines at once. With a
// context that is done before the call each method returns the context's error
// and does nothing; after the driver was closed, [chat.ErrClosed].
type Index interface {
	// Apply stores documents and raises watermarks, in one step: a reader sees
	// both or neither, also after a crash. An engine that shows writes late may
	// return before a reader sees them, but not before they are durable.
	//
	// A document takes the place of the one at its position, unless that has the
	// same or a higher Revision: then nothing changes. So of two documents at one
	// position in one call the higher Revision counts. A document that is Gone is
	// found and counted no more, and its revision is remembered, so that an older
	// one doesn't come back. The At of a position never changes, so that an index
	// may be parted by it. A watermark never falls.
	//
	// At most [chat.MaxBatch] documents and as many positions, else ErrTooLarge. A
	// document without a room, a Seq or an At, or with a Revision below its Seq, is
	// ErrInvalid. In both cases nothing is stored; see [CheckApply].
	Apply(ctx context.Context, docs []Document, upTo ...chat.Position) error

	// Search answers a request ([Request.Check] says which are valid). What the
	// scope leaves out is neither found nor counted, in hits, counts and facets
	// alike.
	Search(ctx context.Context, r Request) (Result, error)

	// Watermark says up to where each room is indexed, in the order given; 0: not
	// at all.
	Watermark(ctx context.Context, rooms ...chat.RoomID) ([]chat.Seq, error)

	// Drop forgets the documents of a span with an At before a time; the zero time
	// drops all of them, and the span's watermarks. What was dropped may be applied
	// again, in any revision. A span without a tenant is ErrInvalid.
	Drop(ctx context.Context, span storage.Span, before time.Time) error
}

// Document is one message as it can be found: the folded text up to Revision.
type Document struct {
	Position chat.Position
	Revision chat.Seq            // [chat.Message.Revision]
	At       time.Time           // of the message; whole milliseconds
	Gone     bool                // retracted or erased: nothing below is set
	Tokens   []string            // of the text, in order: [Analyze]
	Fields   map[string][]string // exact values; see the Field constants
}

// The fields of a document. Drivers know no other ones, and get the room and the
// month from Position and At.
const (
	FieldRoom    = "room"    // the room's key; made from Position
	FieldMonth   = "month"   // "2026-11", UTC; made from At
	FieldAuthor  = "author"  // the sender's key
	FieldKind    = "kind"    // "text", "action"
	FieldHas     = "has"     // "link", "file", "code"
	FieldIs      = "is"      // "thread": it belongs to one; "edited"
	FieldMention = "mention" // keys of those mentioned
	FieldThread  = "thread"  // the id of the thread's first text
)

// Values are the document's values of a field, those made from Position and At
// included.
func (d *Document) Values(field string) []string {
	switch field {
	case FieldRoom:
		return []string{d.Position.Room.Key}
	case FieldMonth:
		return []string{chat.Month(d.At)}
	}
	return d.Fields[field]
}

// Scope is what the asker may see. Nothing outside it is found or counted.
type Scope struct {
	Tenant string
	Rooms  map[string]chat.Seq // room key: the first Seq that he may see
	All    bool                // all of the tenant, whatever Rooms says: an operator
}

// From is the first Seq of a room that is inside the scope; ok is false where the room is
// outside.
func (s Scope) From(room string) (from chat.Seq, ok bool) {
	if s.All {
		return 1, true
	}
	from, ok = s.Rooms[room]
	return from, ok
}

// Holds says whether a position is inside the scope.
func (s Scope) Holds(p chat.Position) bool {
	from, ok := s.From(p.Room.Key)
	return ok && p.Room.Tenant == s.Tenant && p.Seq >= from
}

// Request asks for one page of hits.
type Request struct {
	Where Expr // nil: every document
	Scope Scope

	// ByScore orders by relevance, which is each engine's own; else newest first:
	// (At, room key, Seq), all falling.
	ByScore bool

	After string // [Result.Next] of the page before; empty: the first page. One of another request is ErrInvalid.
	Limit int    // hits, 0 to MaxLimit: ErrInvalid below, ErrTooLarge above; 0: no page, so no Next

	// Count asks for the number of matches, exact up to Count: 0 asks for none,
	// and lets the driver stop early; above MaxCount is ErrTooLarge.
	Count int

	Facets []Facet // at most MaxFacets, else ErrTooLarge
}

// Facet asks how the matches spread over the values of a field. Field is one of
// the Field constants (but not FieldThread), else ErrInvalid. Size is from 1 to
// MaxBucket.
type Facet struct {
	Field string
	Size  int // at most so many buckets: the largest, ties by value rising
}

// Bucket is one value of a field and how many matches have it; a match with a
// value twice has it once.
type Bucket struct {
	Value string
	Count int
}

// Result is one page of hits.
type Result struct {
	Hits   []Hit
	Count  int        // of all matches, whatever the page; 0 unless asked for
	Capped bool       // there are more than Count
	Facets [][]Bucket // one for each facet asked for, over all matches; exact
	Next   string     // the cursor to go on from ([Request.NextAfter]); empty: there are no more
}

// Hit is one match. It holds no text.
type Hit struct {
	Position chat.Position
	Revision chat.Seq
	At       time.Time
	Score    float64 // with ByScore only
}
