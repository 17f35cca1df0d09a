package chat

import (
	"context"
	"errors"
)

// Forgetful is an optional capability of a [Broker] whose memory may be lost while what
// it placed lives on elsewhere: in journals and in the archive. A server that is
// replaced by a copy that is behind, or that starts empty, has another memory.
//
// From then on its rooms are closed, those too that it never heard of: every call that
// is about a closed room fails with ErrUnavailable and the field "memory", and nothing
// is placed or delivered in it, until it is opened again with what is known of it. So no
// position is ever given away twice, and none that was seen is taken back. Cursors of
// Changed are of one memory: in the next they are ErrExpired. In its first memory all rooms
// are open.
type Forgetful interface {
	// Memory names the memory that the broker has. The name never comes again.
	Memory(ctx context.Context) (string, error)

	// PutBack gives the broker events that it placed in an earlier memory, with their
	// positions, and names rooms in which more may have been placed than anybody
	// knows. Changed lists each room up to the last that was put back, whatever came last, so
	// that it is opened and followed though nobody asks for it. Events of many rooms may be mixed; at most [MaxBatch] of both. A room that
	// is open already stays as it is, and each of its events fails with ErrConflict and
	// the field "room" in a [*BatchError]; the others are put back. Another memory than the broker has is ErrConflict
	// with the field "memory".
	PutBack(ctx context.Context, memory string, events []Event, doubtful ...RoomID) error

	// Remains reads what there is of a room.
	Remains(ctx context.Context, room RoomID) (Remains, error)

	// Reopen opens a room with what there is of it, which replaces all that the broker
	// has. All ids are remembered from now on. What was not delivered yet is delivered,
	// and Changed lists the room. Where more was put back since the Remains that r was
	// made of, it is ErrConflict with the field "version". A room that is open stays as it
	// is. Another memory than the broker has is ErrConflict with the field "memory".
	Reopen(ctx context.Context, memory string, room RoomID, r Restored) error

	// Opener sets who opens rooms for this node. A call that meets a closed room calls
	// it, and goes on if it returns nil; else the call fails with its error.
	Opener(open func(ctx context.Context, room RoomID) error)
}

// Remains is what a broker has of a room.
type Remains struct {
	Open    bool
	Events  []Event // that it still knows, and that were put back; in no order, may repeat
	Doubt   bool    // more may have been placed than anybody knows
	Version int64
}

// Restored is what a room is opened with.
type Restored struct {
	Version  int64   // of the Remains that it was made of
	Archived Seq     // the last that the archive shows
	Events   []Event // the head, in rising Seq without a hole
	Known    []Known // what the broker must know of older events; in no order
}

// Known is what a broker knows of an event that it placed, to tell a retry from a conflict.
type Known struct {
	Receipt Receipt
	Digest  [16]byte // zero: nobody knows, for the event was emptied
}

// Know is what there is to know of a placed event.
func Know(e *Event) Known {
	k := Known{Receipt: Receipt{ID: e.ID, State: Placed, Seq: e.Seq, TextSeq: e.TextSeq, At: e.At}}
	if e.Kind() != KindTombstone {
		k.Digest = e.Digest()
	}
	return k
}

// Memory calls that of b, or returns [errors.ErrUnsupported] where b's memory can't be
// lost. So do the other functions of [Forgetful].
func Memory(ctx context.Context, b Broker) (string, error) {
	if f, ok := b.(Forgetful); ok {
		return f.Memory(ctx)
	}
	return "", errors.ErrUnsupported
}

// PutBack is [Forgetful].PutBack.
func PutBack(ctx context.Context, b Broker, memory string, events []Event, doubtful ...RoomID) error {
	if f, ok := b.(Forgetful); ok {
		return f.PutBack(ctx, memory, events, doubtful...)
	}
	return errors.ErrUnsupported
}

// ReadRemains is [Forgetful].Remains.
func ReadRemains(ctx context.Context, b Broker, room RoomID) (Remains, error) {
	if f, ok := b.(Forgetful); ok {
		return f.Remains(ctx, room)
	}
	return Remains{}, errors.ErrUnsupported
}

// Reopen is [Forgetful].Reopen.
func Reopen(ctx context.Context, b Broker, memory string, room RoomID, r Restored) error {
	if f, ok := b.(Forgetful); ok {
		return f.Reopen(ctx, memory, room, r)
	}
	return errors.ErrUnsupported
}

// SetOpener is [Forgetful].Opener; of a broker that forgets nothing it does nothing.
func SetOpener(b Broker, open func(ctx context.Context, room RoomID) error) {
	if f, ok := b.(Forgetful); ok {
		f.Opener(open)
	}
}
