package hubtest

import (
	"context"

	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/storage"
)

type directoryWire struct {
	n  *node
	to storage.Directory
}

func (w directoryWire) Access(ctx context.Context, u chat.UserID) ([]storage.Member, error) {
	return ask(ctx, w.n, Directory, func() ([]storage.Member, error) { return w.to.Access(ctx, u) })
}

func (w directoryWire) AccessTo(ctx context.Context, u chat.UserID, room chat.RoomID) (storage.Member, error) {
	return ask(ctx, w.n, Directory, func() (storage.Member, error) { return storage.AccessTo(ctx, w.to, u, room) })
}

func (w directoryWire) AccessMark(u chat.UserID) uint64 {
	if w.n.killed() || w.n.fault(Directory, false) != nil {
		return 0
	}
	return storage.AccessMark(w.to, u)
}

func (w directoryWire) Room(ctx context.Context, id chat.RoomID) (storage.Room, error) {
	return ask(ctx, w.n, Directory, func() (storage.Room, error) { return w.to.Room(ctx, id) })
}

func (w directoryWire) LookupRooms(ctx context.Context, ids []chat.RoomID) ([]storage.Room, error) {
	return ask(ctx, w.n, Directory, func() ([]storage.Room, error) { return w.to.LookupRooms(ctx, ids) })
}

func (w directoryWire) RoomAt(ctx context.Context, tenant, address string) (storage.Room, error) {
	return ask(ctx, w.n, Directory, func() (storage.Room, error) { return w.to.RoomAt(ctx, tenant, address) })
}

func (w directoryWire) PutRoom(ctx context.Context, r storage.Room) (storage.Room, error) {
	return ask(ctx, w.n, Directory, func() (storage.Room, error) { return w.to.PutRoom(ctx, r) })
}

func (w directoryWire) List(ctx context.Context, tenant, after string, limit int) ([]storage.Room, error) {
	return ask(ctx, w.n, Directory, func() ([]storage.Room, error) { return w.to.List(ctx, tenant, after, limit) })
}

func (w directoryWire) Member(ctx context.Context, room chat.RoomID, u chat.UserID) (storage.Member, error) {
	return ask(ctx, w.n, Directory, func() (storage.Member, error) { return w.to.Member(ctx, room, u) })
}

func (w directoryWire) Members(ctx context.Context, room chat.RoomID, after string, limit int) ([]storage.Member, error) {
	return ask(ctx, w.n, Directory, func() ([]storage.Member, error) { return w.to.Members(ctx, room, after, limit) })
}

func (w directoryWire) LookupDirect(ctx context.Context, rooms []chat.RoomID) ([]storage.Member, error) {
	return ask(ctx, w.n, Directory, func() ([]storage.Member, error) { return w.to.LookupDirect(ctx, rooms) })
}

func (w directoryWire) PutMember(ctx context.Context, m storage.Member) error {
	return w.n.call(ctx, Directory, func() error { return w.to.PutMember(ctx, m) })
}

func (w directoryWire) Users(ctx context.Context, ids []chat.UserID) ([]storage.User, error) {
	return ask(ctx, w.n, Directory, func() ([]storage.User, error) { return w.to.Users(ctx, ids) })
}

func (w directoryWire) NamedUsers(ctx context.Context, tenant, prefix string, limit int) ([]storage.User, error) {
	return ask(ctx, w.n, Directory, func() ([]storage.User, error) { return w.to.NamedUsers(ctx, tenant, prefix, limit) })
}

func (w directoryWire) PutUser(ctx context.Context, people ...storage.User) error {
	return w.n.call(ctx, Directory, func() error { return w.to.PutUser(ctx, people...) })
}

func (w directoryWire) Mark(ctx context.Context, marks ...storage.Mark) error {
	return w.n.call(ctx, Directory, func() error { return w.to.Mark(ctx, marks...) })
}

func (w directoryWire) LookupMarks(ctx context.Context, u chat.UserID, rooms []chat.RoomID) ([]storage.Mark, error) {
	return ask(ctx, w.n, Directory, func() ([]storage.Mark, error) { return w.to.LookupMarks(ctx, u, rooms) })
}

func (w directoryWire) Marks(ctx context.Context, u chat.UserID, after string, limit int) ([]storage.Mark, error) {
	return ask(ctx, w.n, Directory, func() ([]storage.Mark, error) { return w.to.Marks(ctx, u, after, limit) })
}

func (w directoryWire) Get(ctx context.Context, u chat.UserID, space, key string) (value []byte, version int64, err error) {
	err = w.n.call(ctx, Directory, func() (err error) {
		value, version, err = w.to.Get(ctx, u, space, key)
		return err
	})
	return value, version, err
}

func (w directoryWire) Put(ctx context.Context, u chat.UserID, space, key string, value []byte, version int64) (int64, error) {
	return ask(ctx, w.n, Directory, func() (int64, error) { return w.to.Put(ctx, u, space, key, value, version) })
}

func (w directoryWire) Keys(ctx context.Context, u chat.UserID, space, after string, limit int) ([]string, error) {
	return ask(ctx, w.n, Directory, func() ([]string, error) { return w.to.Keys(ctx, u, space, after, limit) })
}
