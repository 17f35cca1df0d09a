package chat

import (
	"context"
	"time"
)

// Broker places events and carries them to every node. It keeps the head of each
// room: the newest [HeadSize] events, and everything that the archive doesn't
// show yet. What it placed is final: no two different events ever carry the same
// position, and nobody sees a position that is taken back.
//
// A broker is used by many goroutines at once. Each method honours its context:
// with a context that is done before the call, it returns the context's error
// and does nothing. After its owner closed it, every method returns
// [ErrClosed]. Package chattest proves a broker.
type Broker interface {
	// Publish places events, in the order given within each room: each gets the
	// next Seq of its room, its TextSeq, and At, in one atomic step with the head
	// and the delivery. Events of many rooms and tenants may be mixed.
	//
	// At is the broker's clock, in whole milliseconds, but never before the room's
	// last event. An event with an Origin keeps Origin.At instead; where that is
	// before the room's last event, the event fails with ErrConflict.
	//
	// An event is placed once by its ID. Given again within at least 24 hours, on
	// any node, the first receipt is returned with Duplicate set; where its
	// [Event.Digest] differs, the event fails with ErrConflict. The same holds
	// within one batch.
	//
	// Events come valid (see [Event.Check]) and with zero Seq, TextSeq and At; a
	// zero ID or a set Seq is ErrInvalid. A batch has at most [MaxBatch] events,
	// else ErrTooLarge and nothing is placed. When single events fail, the error
	// is a [*BatchError] and the others are placed; an event that follows a failed
	// one in the same room is placed all the same. When the head is at its quota,
	// events fail with ErrUnavailable until the archive has caught up; then those
	// that follow in the same room fail, too, so that giving the failed ones again
	// keeps their order.
	//
	// A call that is cancelled may have placed its events or not, each wholly; what
	// was not placed leaves no hole.
	//
	// Receipts are in the order of events; that of a failed event is zero. Those of a
	// [Keeper] may say [Pending].
	Publish(ctx context.Context, events []Event) ([]Receipt, error)

	// Recent reads the head of a room. r is made by Latest, Before or After and
	// counts events of every kind ([Range.All]), else ErrInvalid; its limit is at
	// most [MaxBatch]. A room that the broker doesn't know has a zero Head.
	Recent(ctx context.Context, room RoomID, r Range) (Head, error)

	// Attach joins a node, which then subscribes to rooms. s gets what happens in
	// them until the link or the broker is closed. A node that is attached already
	// may attach again: the older link is closed.
	Attach(ctx context.Context, node string, s Sink) (Link, error)

	// Signal carries s to every node that has subscribed to its room, at most once,
	// and never blocks for a slow one: a signal may be lost.
	Signal(ctx context.Context, s Signal) error

	// Changed lists where events were placed in a shard since a cursor, in the
	// order in which they were. Of several positions in one room the last is
	// enough: a driver may leave the others out. The empty cursor starts with the
	// oldest that is still known: at least everything that Archived was not told
	// of. The last position of a room is known for at least 24 hours though the
	// archive shows it, for other followers may be behind the archive. A cursor that
	// the broker doesn't know, or behind which it no longer knows everything, is
	// ErrExpired with field "after": what was placed since is then listed from the
	// empty cursor, or in the archive. next is the cursor to go on from, also when
	// nothing was placed. limit is from 1 to [MaxBatch]; a shard out of range is
	// ErrInvalid.
	Changed(ctx context.Context, shard int, after string, limit int) (placed []Position, next string, err error)

	// Archived says that the archive shows each room up to the position given, so
	// that the head may forget older events beyond the newest [HeadSize]. A
	// position at or below an earlier one changes nothing; one above the room's
	// last event is ErrInvalid, for that item.
	Archived(ctx context.Context, upTo ...Position) error
}

// HeadSize is how many events the head of a room holds although the archive shows
// them.
const HeadSize = 75

// MaxBatch is the most items in one call of a contract: events published or
// appended, positions changed, documents applied, references looked up.
const MaxBatch = 1000

// Head is what Recent read.
type Head struct {
	Events      []Event // without a hole, in rising Seq
	First, Last Seq     // the oldest and newest that the head holds; zero: none
	TextSeq     int64   // of the last
	Archived    Seq     // what Archived was told last; less, where a crash took that back
}

// Link is a node's connection to a broker.
type Link interface {
	// Subscribe adds rooms. It returns the last Seq of each, in the order given:
	// everything placed after it is delivered. Subscribing again to a room
	// changes nothing, and returns up to where it was delivered.
	Subscribe(ctx context.Context, rooms ...RoomID) ([]Seq, error)
	// Unsubscribe removes rooms. What is being delivered may still arrive.
	Unsubscribe(rooms ...RoomID)
	// Close ends the link. When it returns, no method of the sink is running or
	// will run; so it must not be called from one. Closing twice is no error.
	Close() error
}

// Sink is what a node gives a broker to deliver to. Its methods are never called
// twice at once for a room, and should return soon: a slow sink delays its own
// node's deliveries, and no other's.
type Sink interface {
	// Events brings placed events of one room, in Seq order without a hole, none
	// twice.
	Events(events []Event)
	// Gap says that the events from to to of a room can't be delivered, for the
	// broker holds them no more: read them from the archive. Deliveries go on
	// after to.
	Gap(room RoomID, from, to Seq)
	// Signal brings a signal.
	Signal(s Signal)
}

// State is how far an event has come.
type State uint8

// The states of an event.
const (
	Pending  State = iota + 1 // on the disk of the node that took it; Seq to follow
	Placed                    // has its Seq
	Archived                  // the archive shows it
)

func (s State) String() string {
	switch s {
	case Pending:
		return "pending"
	case Placed:
		return "placed"
	case Archived:
		return "archived"
	}
	return "none"
}

// Receipt is what a sender gets.
type Receipt struct {
	ID        EventID
	State     State
	Seq       Seq // zero while pending
	TextSeq   int64
	At        time.Time
	Duplicate bool // it had been sent before; this is the first receipt again
}

// Signal is what doesn't last: typing, a relayed request. It has no Seq and is
// never stored.
type Signal struct {
	Room RoomID
	From UserID
	To   UserID // zero: everybody in the room
	Name string // what it is: "typing"
	Data []byte // at most MaxSignal bytes
}
