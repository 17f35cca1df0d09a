package hub

import (
	"context"
	"errors"

	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/storage"
)

// standing is what a user may do in a room. It is the one gate of every method
// that names a room: one question to Access, whatever the answer, so that a room
// which isn't there and one that is hidden are told apart by nothing.
func (h *Hub) standing(ctx context.Context, op string, u chat.UserID, room chat.RoomID) (storage.Member, error) {
	if err := u.Check(op); err != nil {
		return storage.Member{}, err
	}
	m, err := storage.AccessTo(ctx, h.access, u, room)
	if err != nil {
		return storage.Member{}, notFound(op, err)
	}
	m.Room, m.User = room, u // whatever a host's Access says
	m.From = max(m.From, 1)
	return m, nil
}

// reader is the standing of a user who reads the room, which the host's policy may forbid.
func (r Room) reader(ctx context.Context, op string) (storage.Member, error) {
	m, err := r.h.standing(ctx, op, r.user, r.id)
	if err == nil {
		err = r.h.allow(ctx, op, Action{User: r.user, Room: r.id, Verb: VerbRead})
	}
	return m, err
}

// notFound gives every "not found" of a room the same words, and leaves other
// errors alone.
func notFound(op string, err error) error {
	if errors.Is(err, chat.ErrNotFound) {
		return &chat.Error{Kind: chat.ErrNotFound, Op: op, Field: "room"}
	}
	return err
}

func forbidden(op, field string) error {
	return &chat.Error{Kind: chat.ErrForbidden, Op: op, Field: field}
}

// settings are those of a room. A room that only the host's Access knows has the
// settings of a private room.
func (h *Hub) settings(ctx context.Context, room chat.RoomID) (storage.Room, error) {
	r, err := h.set.Directory.Room(ctx, room)
	if errors.Is(err, chat.ErrNotFound) {
		return hostRoom(room), nil
	}
	return r, err
}

// hostRoom is a room that only the host's Access knows.
func hostRoom(id chat.RoomID) storage.Room { return storage.Room{ID: id, Kind: storage.Private} }

// may says whether m may do something in his room. Where every sort of room lets him, the
// room isn't asked for: most who send are members.
func (h *Hub) may(ctx context.Context, op string, m storage.Member, what deedIn) error {
	if mayEverywhere(m.Role, what) {
		return nil
	}
	r, err := h.settings(ctx, m.Room)
	if err != nil {
		return err
	}
	if !may(m.Role, what, sortOf(r)) {
		return forbidden(op, "role")
	}
	return nil
}

// allow asks the host's policy.
func (h *Hub) allow(ctx context.Context, op string, a Action) error {
	if h.policy == nil {
		return nil
	}
	if err := h.policy(ctx, a); err != nil {
		return &chat.Error{Kind: chat.ErrForbidden, Op: op, Field: "policy", Err: err}
	}
	return nil
}

// unsupported refuses a setting that this version has no effect for.
func unsupported(op, field string) error {
	return &chat.Error{Kind: errors.ErrUnsupported, Op: op, Field: field}
}

// single is the error of a batch of one.
func single(err error) error {
	var b *chat.BatchError
	if errors.As(err, &b) && b.Items[0] != nil {
		return b.Items[0]
	}
	return err
}
