package hub

import (
	"context"
	"errors"
	"time"

	"github.com/parlor-chat/parlor/chat"
)

const (
	ownerLease = 10 * time.Second
	ownerAgain = 20 * time.Millisecond
)

// anotherOwner refuses what would leave a room without an owner: [chat.ErrConflict] with field
// "owner" where nobody but u is one. Until release no other node does the same in this room, so
// that two owners who remove each other at once aren't both gone.
func (h *Hub) anotherOwner(ctx context.Context, op string, room chat.RoomID, u chat.UserID) (release func(), err error) {
	name, holder := "owner."+digestKey(room.Tenant, room.Key), chat.NewID().String()
	ctx, cancel := context.WithTimeout(ctx, ownerLease)
	defer cancel()
	for {
		_, err := h.set.Fence.Lease(ctx, name, holder, ownerLease)
		if err == nil {
			break
		}
		if !errors.Is(err, chat.ErrConflict) {
			return nil, err
		}
		if sleep(ctx, ownerAgain) != nil {
			return nil, &chat.Error{Kind: chat.ErrUnavailable, Op: op, Field: "owner", Err: err}
		}
	}
	release = func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), fenceTime)
		defer cancel()
		h.set.Fence.Release(ctx, name, holder) // or it ends by itself
	}
	for after := ""; ; {
		part, err := h.set.Directory.Members(ctx, room, after, chat.MaxBatch)
		if err != nil {
			release()
			return nil, err
		}
		for _, m := range part {
			if m.Role == chat.RoleOwner && m.User != u {
				return release, nil
			}
		}
		if len(part) < chat.MaxBatch {
			release()
			return nil, &chat.Error{Kind: chat.ErrConflict, Op: op, Field: "owner"}
		}
		after = part[len(part)-1].User.Key
	}
}
