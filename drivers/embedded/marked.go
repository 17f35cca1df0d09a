package embedded

import (
	"context"

	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/storage"
)

// marked is the directory as the one process sees it that writes it: told of every change, so
// that a hub need not ask for each message who may send it ([storage.AccessMarks]).
type marked struct {
	storage.Directory
	clock *storage.AccessClock // of all handles on the folder
}

// AccessTo implements storage.RoomAccess.
func (m marked) AccessTo(ctx context.Context, u chat.UserID, room chat.RoomID) (storage.Member, error) {
	return storage.AccessTo(ctx, m.Directory, u, room)
}

// AccessMark implements storage.AccessMarks.
func (m marked) AccessMark(u chat.UserID) uint64 { return m.clock.Mark(u) }

// PutRoom implements storage.Rooms.
func (m marked) PutRoom(ctx context.Context, r storage.Room) (storage.Room, error) {
	defer m.clock.Room()
	return m.Directory.PutRoom(ctx, r)
}

// PutMember implements storage.Members.
func (m marked) PutMember(ctx context.Context, x storage.Member) error {
	defer m.clock.Member(x.User)
	return m.Directory.PutMember(ctx, x)
}

// PutAccount implements storage.Accounts.
func (m marked) PutAccount(ctx context.Context, a storage.Account) (storage.Account, error) {
	defer m.clock.Member(a.User)
	return m.Directory.PutAccount(ctx, a)
}

var (
	_ storage.RoomAccess  = marked{}
	_ storage.AccessMarks = marked{}
)
