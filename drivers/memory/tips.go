package memory

import (
	"context"

	"github.com/parlor-chat/parlor/chat"
)

// Tips implements chat.Tipper.
func (b broker) Tips(ctx context.Context, rooms []chat.RoomID) ([]chat.Tip, error) {
	const op = "tips"
	if err := b.ready(ctx, op); err != nil {
		return nil, err
	}
	if err := batch(op, "rooms", len(rooms)); err != nil {
		return nil, err
	}
	for _, room := range rooms {
		if err := b.open(ctx, op, room); err != nil {
			return nil, err
		}
	}
	tips := make([]chat.Tip, len(rooms))
	d := &b.data.broker
	d.mu.Lock()
	defer d.mu.Unlock()
	for i, room := range rooms {
		r := d.rooms[room]
		switch {
		case r == nil:
		case r.lost != nil:
			return nil, errClosedRoom(op)
		default:
			tips[i] = r.tip()
		}
	}
	return tips, nil
}

// tip is the end of the room.
func (r *head) tip() chat.Tip {
	n := len(r.events)
	if n == 0 {
		return chat.Tip{}
	}
	t := chat.Tip{Last: r.last, TextSeq: r.textSeq, At: r.at}
	for i := n - 1; i >= max(0, n-chat.HeadSize); i-- {
		if e := r.events[i].event; e.IsText() {
			t.Said = e.At
			break
		}
	}
	return t
}

var _ chat.Tipper = broker{}
