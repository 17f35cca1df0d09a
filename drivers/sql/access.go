package sql

import (
	"context"
	stdsql "database/sql"
	"slices"
	"strings"

	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/storage"
)

// The rule of who may read a room: who belongs; and of a public one everybody who isn't
// banned. Each half goes by an index, so that a tenant's private rooms cost nothing to
// who isn't in them.
const (
	belonging = "SELECT room, role, nickname, from_seq, since, seq, event FROM {members} WHERE tenant = ? AND person = ? AND role >= ?"
	visiting  = `SELECT r.room, 0, '', 0, 0, 0, x'' FROM {rooms} r WHERE r.tenant = ? AND r.kind = ? AND NOT EXISTS (
		SELECT 1 FROM {members} m WHERE m.tenant = r.tenant AND m.room = r.room AND m.person = ? AND (m.role >= ? OR m.role = ?))`
)

// Access implements storage.Access.
func (h directory) Access(ctx context.Context, u chat.UserID) ([]storage.Member, error) {
	const op = "access"
	if err := h.ready(ctx, op); err != nil {
		return nil, err
	}
	all, err := read(ctx, h.Store, op, scanAccess(u), belonging+" UNION ALL "+visiting,
		u.Tenant, u.Key, chat.RoleMuted, u.Tenant, storage.Public, u.Key, chat.RoleMuted, chat.RoleBanned)
	// Two lists that are in order already: sorted faster here than there.
	slices.SortFunc(all, func(a, b storage.Member) int { return strings.Compare(a.Room.Key, b.Room.Key) })
	return all, err
}

// AccessTo implements storage.RoomAccess.
func (h directory) AccessTo(ctx context.Context, u chat.UserID, room chat.RoomID) (storage.Member, error) {
	const op = "access"
	if err := h.ready(ctx, op); err != nil {
		return storage.Member{}, err
	}
	if u.Tenant != room.Tenant {
		return storage.Member{}, &chat.Error{Kind: chat.ErrNotFound, Op: op, Field: "room"}
	}
	return readOne(ctx, h.Store, op, "room", scanAccess(u), belonging+" AND room = ? UNION ALL "+visiting+" AND r.room = ?",
		u.Tenant, u.Key, chat.RoleMuted, room.Key, u.Tenant, storage.Public, u.Key, chat.RoleMuted, chat.RoleBanned, room.Key)
}

// scanAccess reads a membership of u's.
func scanAccess(u chat.UserID) func(row) (storage.Member, error) {
	return func(at row) (storage.Member, error) {
		m := storage.Member{Room: chat.RoomID{Tenant: u.Tenant}, User: u}
		var event stdsql.RawBytes
		err := at.Scan(&m.Room.Key, &m.Role, &m.Nickname, &m.From, &m.Since, &m.Seq, &event)
		copy(m.Event[:], event)
		m.From = max(m.From, 1)
		return m, err
	}
}
