package chat

import (
	"context"
	"errors"
	"time"
)

// Keeper is an optional capability of a [Broker]: a journal. It keeps on this node what
// it is given to publish, until the archive shows it. Its Publish returns when events
// are placed, or after a while with receipts that say [Pending]: they are kept, and will
// be placed when that can be done, in each room in the order in which they were given.
//
// Where a pending event can't be placed, for it is 12 hours old or was refused, it is
// set aside: its id stays spent ([ErrExpired], or why it was refused), its sender is
// told by a [SignalSetAside], and an operator decides. One whose id belongs to another
// event is kept under a new id. So is what was placed, and the archive refuses for good.
//
// What was placed is marked with the memory that the broker had ([Forgetful]; "" where
// it can't be lost). A [Void] that a room is opened with through it is kept, too, until the
// archive shows the room beyond it: its positions must stay unused behind the next loss.
type Keeper interface {
	// Held lists what is kept, oldest first, from the one numbered after on. limit is
	// from 1 to [MaxBatch].
	Held(ctx context.Context, after int64, limit int) ([]Held, error)

	// Kept reads one, or ErrNotFound.
	Kept(ctx context.Context, id EventID) (Held, error)

	// Forget says what the archive shows under the ids of events, and which Voids it is
	// beyond. They are forgotten, but for those that are pending; where it is a [Tombstone] for what was [Refused],
	// the event is set aside.
	Forget(ctx context.Context, shown ...Event) error

	// Decide ends the time of an event that is set aside: it is placed after all, or
	// dropped. One in whose place a tombstone stands is placed anew, under a new id that
	// follows from the old one. Another event is ErrNotFound.
	Decide(ctx context.Context, id EventID, place bool) error

	// Return puts all back that was placed under one memory into another, which the
	// broker has now, and names the rooms in which more may have been placed.
	Return(ctx context.Context, from, to string) error

	// Begin says which memory is valid from now on; before that nothing is placed. What
	// was not placed under it, or put back into it while its room was closed, is pending
	// again.
	Begin(ctx context.Context, memory string) error
}

// Adopter is an optional capability of a [Keeper]: it goes on with what the journal of a dead
// node kept.
type Adopter interface {
	// AdoptAt takes over what lies where says, which is at least one byte: a folder, or what
	// else it was made to understand. The events keep their ids, and the time since when they
	// wait. Called again, also after any error, it goes on and doubles nothing. While the
	// other node lives it is ErrUnavailable, where nothing lies ErrNotFound, and without a way
	// to open such a place [errors.ErrUnsupported].
	AdoptAt(ctx context.Context, where string) (Adopted, error)
}

// Adopted is what was adopted.
type Adopted struct {
	Taken int // events that this node keeps from now on
	Known int // events that it kept already: their senders had sent them again, to this node
	Left  int // events that are still there: call it again
}

// Adopt has b's journal adopt what a dead node left; [errors.ErrUnsupported] where it can't.
func Adopt(ctx context.Context, b Broker, where string) (Adopted, error) {
	a, ok := b.(Adopter)
	if !ok {
		return Adopted{}, &Error{Kind: errors.ErrUnsupported, Op: "adopt", Field: "journal"}
	}
	if where == "" {
		return Adopted{}, &Error{Kind: ErrInvalid, Op: "adopt", Field: "where"}
	}
	return a.AdoptAt(ctx, where)
}

// Held is an event that a journal keeps.
type Held struct {
	Number int64 // rises with the order in which they came
	Event  Event // with its position where it is placed
	State  State // Pending or Placed
	Since  time.Time
	Aside  error // why it is set aside; nil where it isn't. If Placed, the archive refused it
}

// Refused is the Why of a [Tombstone] that stands for an event which the archive refused
// for good.
const Refused = "refused"

// SignalSetAside is the name of the signal that tells the sender of an event that it was
// set aside; its data is the id, as text.
const SignalSetAside = "parlor.set-aside"

// AsKeeper is b's journal, or [errors.ErrUnsupported].
func AsKeeper(b Broker) (Keeper, error) {
	if k, ok := b.(Keeper); ok {
		return k, nil
	}
	return nil, errors.ErrUnsupported
}

// CheckPublish is what every broker asks of events before it places any: their number,
// and that each has an id, a room and content, and no position.
func CheckPublish(op string, events []Event) error {
	if len(events) > MaxBatch {
		return &Error{Kind: ErrTooLarge, Op: op, Field: "events", Limit: MaxBatch}
	}
	for i := range events {
		e := &events[i]
		switch {
		case e.ID.IsZero():
			return &Error{Kind: ErrInvalid, Op: op, Field: "id"}
		case e.Seq != 0 || e.TextSeq != 0 || !e.At.IsZero():
			return &Error{Kind: ErrInvalid, Op: op, Field: "seq"}
		case e.Room.IsZero():
			return &Error{Kind: ErrInvalid, Op: op, Field: "room"}
		case e.Content == nil:
			return &Error{Kind: ErrInvalid, Op: op, Field: "content"}
		}
	}
	return nil
}
