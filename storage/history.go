package storage

import (
	"context"
	"errors"
	"iter"
	"time"

	"github.com/parlor-chat/parlor/chat"
)

// History is the archive: the body of each room's log. It never loses an event,
// never shows one that isn't durable, and never shows a room with a hole in it.
type History interface {
	// Append stores placed events, of any rooms and tenants. Within the batch and
	// across batches, an event must follow the last event of its room
	// (e.Seq == last.Last()+1); the first event that a room gets may have any Seq.
	//
	// An event that is already there, with the same ID, At, TextSeq and Kind (or
	// erased meanwhile), is stored once: appending again changes nothing. Another
	// event at a taken position fails with ErrConflict, one that would leave a hole
	// with ErrIncomplete, one without Seq, ID or At with ErrInvalid; the error is
	// then a [*chat.BatchError], and all other events are stored. A batch has at
	// most [chat.MaxBatch] events, else ErrTooLarge and nothing is stored.
	//
	// When it returns nil, the events are durable and every reader sees them.
	Append(ctx context.Context, events []chat.Event) error

	// Page reads a part of one room. The limit of r is at most [MaxPage]. A room
	// that the archive doesn't know is a zero Page and no error.
	Page(ctx context.Context, room chat.RoomID, r chat.Range) (Page, error)

	// Lookup reads single events of many rooms, in one round trip. Events come in
	// the order of refs; one that isn't there is left out. At most [chat.MaxBatch]
	// refs, else ErrTooLarge; a ref without a room, or with neither Seq nor ID, or
	// with both, is ErrInvalid. First, Head, Older and Newer of the page are zero.
	Lookup(ctx context.Context, refs []Ref) (Page, error)

	// Scan reads all events of a span, ordered by room key (bytewise), then Seq. It
	// starts behind the cursor; the empty cursor starts at the beginning. Each
	// entry's cursor goes on behind it, also in another process. What is appended
	// while it runs is seen if it lies ahead. After an error nothing more comes. A
	// cursor that this driver didn't write is ErrInvalid.
	Scan(ctx context.Context, span Span, after Cursor) iter.Seq2[Entry, error]

	// Rooms lists the rooms of a shard ([chat.RoomID.Shard]) of all tenants, each with
	// the last Seq that the archive shows of it ([Page].Head), in the order of tenant,
	// then key (bytewise), behind after, which need not be there; the zero RoomID is
	// before all. A room that was pruned whole is still listed. A shard out of range, or
	// a limit below 1, is ErrInvalid, a limit above [chat.MaxBatch] ErrTooLarge. A list
	// shorter than its limit is at its end. What is appended meanwhile is seen if it
	// lies ahead.
	Rooms(ctx context.Context, shard int, after chat.RoomID, limit int) ([]chat.Position, error)

	// Erase empties the events at these positions: each becomes a tombstone that
	// keeps ID, Room, Seq, TextSeq, At, Sender and Target, with Was naming its
	// kind, and nothing else. Erasing again changes nothing. A position that isn't
	// there fails with ErrNotFound in a [*chat.BatchError]; the others are erased.
	// At most [chat.MaxBatch] positions.
	Erase(ctx context.Context, at []chat.Position) error
}

// MaxPage is the largest limit of a page.
const MaxPage = 500

// Page is a part of a room. It is complete up to Head: what isn't in it wasn't
// there.
type Page struct {
	// Events are the items of the range, in rising Seq.
	Events []chat.Event

	// Changes are all events up to Head that change a text which the page is about
	// (the [chat.Event.Subject] of one of Events), in rising room key and Seq. They may repeat
	// some of Events.
	Changes []chat.Event

	First chat.Seq // the oldest Seq that was not pruned; zero for an unknown room
	Head  chat.Seq // the last Seq that the archive shows

	Older, Newer bool // whether the room has items of the range's kind before, or after, Events
}

// Ref points at one event: by its Seq or by its ID.
type Ref struct {
	Room chat.RoomID
	Seq  chat.Seq
	ID   chat.EventID
}

// Span is a tenant, or one room of it.
type Span struct {
	Tenant string
	Room   string // a key; empty: all rooms
}

// Holds says whether the span holds a room.
func (s Span) Holds(r chat.RoomID) bool {
	return s.Tenant == r.Tenant && (s.Room == "" || s.Room == r.Key)
}

// Cursor is a place in a scan. It is opaque.
type Cursor string

// Entry is one event of a scan, and the cursor behind it.
type Entry struct {
	Cursor Cursor
	Event  chat.Event
}

// Pruner is an optional capability of a History: it forgets old events.
type Pruner interface {
	// Prune forgets, in each room of the span, every event before the first one
	// with an At of before or later. First rises, Head stays, and what was pruned
	// may not be appended again (ErrConflict). Pruning is not erasure: it says
	// nothing about when bytes are gone.
	Prune(ctx context.Context, span Span, before time.Time) error
}

// Prune calls the Prune of h, or returns [errors.ErrUnsupported] where h has
// none.
func Prune(ctx context.Context, h History, span Span, before time.Time) error {
	if p, ok := h.(Pruner); ok {
		return p.Prune(ctx, span, before)
	}
	return errors.ErrUnsupported
}
