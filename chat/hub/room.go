package hub

import (
	"context"
	"time"

	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/storage"
)

// Room is a room in the hands of one user. It costs nothing to make.
type Room struct {
	h    *Hub
	user chat.UserID
	id   chat.RoomID
}

// ID names the room.
func (r Room) ID() chat.RoomID { return r.id }

// Info is the room's settings and the user's standing in it.
func (r Room) Info(ctx context.Context) (Info, error) {
	const op = "room info"
	leave, err := r.h.gate.enter(ctx, op)
	if err != nil {
		return Info{}, err
	}
	defer leave()
	m, err := r.h.standing(ctx, op, r.user, r.id)
	if err != nil {
		return Info{}, err
	}
	s, err := r.h.settings(ctx, r.id)
	if err != nil {
		return Info{}, err
	}
	return info(s, m), nil
}

// putRoom makes a room. Settings whose effect the hub doesn't have are refused:
// a room must not seem safer than it is.
func (h *Hub) putRoom(ctx context.Context, op string, r storage.Room) (storage.Room, error) {
	for _, s := range []struct {
		field string
		set   bool
	}{
		{"password", r.Password != nil}, {"anonymous", r.Anonymous},
		{"temporary", r.Temporary}, {"maxOccupants", r.MaxOccupants != 0},
	} {
		if s.set {
			return storage.Room{}, unsupported(op, s.field)
		}
	}
	if r.Created.IsZero() {
		r.Created = chat.Time(time.Now())
	}
	return h.set.Directory.PutRoom(ctx, r)
}
