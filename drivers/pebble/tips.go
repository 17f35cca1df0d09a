package pebble

import (
	"context"

	"github.com/parlor-chat/parlor/chat"
)

// Tips implements chat.Tipper.
func (b broker) Tips(ctx context.Context, rooms []chat.RoomID) ([]chat.Tip, error) {
	const op = "tips"
	leave, err := b.enter(ctx, op)
	if err != nil {
		return nil, err
	}
	defer leave()
	if err := batch(op, "rooms", len(rooms)); err != nil {
		return nil, err
	}
	tips := make([]chat.Tip, len(rooms))
	for i, id := range rooms {
		v, err := b.place.look(id)
		if err == nil && v.first > 0 && v.first <= v.head {
			w := walker{view: v, db: b.place.DB()}
			tips[i] = w.tip()
			w.close()
			err = w.err
		}
		if err != nil {
			return nil, b.place.Reader(op, err)
		}
	}
	return tips, nil
}

// tip is the end of the room.
func (w *walker) tip() chat.Tip {
	t := chat.Tip{Last: w.head, TextSeq: w.textSeq}
	e := w.lt(w.head + 1)
	for n := 0; e != nil && n < chat.HeadSize; n++ {
		if n == 0 {
			t.At = e.At
		}
		if e.IsText() {
			t.Said = e.At
			break
		}
		e = w.prev()
	}
	return t
}

var _ chat.Tipper = broker{}
