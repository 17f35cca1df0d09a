package chat

import (
	"context"
	"time"
)

// Tip is the end of a room, as a list of rooms shows it.
type Tip struct {
	Last    Seq       // as that of a [Head]
	TextSeq int64     // same
	At      time.Time // of the last event; zero: there is none
	Said    time.Time // of the newest text among the newest HeadSize events; zero: none of them is one
}

// Tipper is an optional capability of a [Broker]: the ends of many rooms at once.
type Tipper interface {
	// Tips reads the ends of rooms in one round trip, in the order of rooms, repeated ones
	// too. What Recent gives no event of has a zero Tip. Where Recent fails for one of them,
	// so does the call. At most [MaxBatch] rooms, else ErrTooLarge with field "rooms".
	Tips(ctx context.Context, rooms []RoomID) ([]Tip, error)
}

// Tips asks the Tips of b, or Recent for each room where b has none: the answer is the
// same.
func Tips(ctx context.Context, b Broker, rooms []RoomID) ([]Tip, error) {
	if t, ok := b.(Tipper); ok {
		return t.Tips(ctx, rooms)
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if len(rooms) > MaxBatch {
		return nil, &Error{Kind: ErrTooLarge, Op: "tips", Field: "rooms", Limit: MaxBatch}
	}
	tips := make([]Tip, len(rooms))
	for i, room := range rooms {
		h, err := b.Recent(ctx, room, Latest(HeadSize).All())
		if err != nil {
			return nil, err
		}
		if n := len(h.Events); n > 0 {
			tips[i] = Tip{Last: h.Last, TextSeq: h.TextSeq, At: h.Events[n-1].At}
		}
		for j := len(h.Events) - 1; j >= 0; j-- {
			if h.Events[j].IsText() {
				tips[i].Said = h.Events[j].At
				break
			}
		}
	}
	return tips, nil
}
