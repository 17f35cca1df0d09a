package sql

import (
	"context"

	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/storage"
)

// The rule of who may read a room: who belongs; and of a public one everybody who isn't
// banned. Each half goes by an index, so that a tenant's private rooms cost nothing to
// who isn't in them.
const (
	belonging = "SELECT " + memberColumns + " FROM {members} WHERE tenant = ? AND person = ? AND role >= ?"
	visiting  = `SELECT r.tenant, r.room, ?, 0, '', 0, 0, x'' FROM {rooms} r WHERE r.tenant = ? AND r.kind = ? AND NOT EXISTS (
		SELECT 1 FROM {members} m WHERE m.tenant = r.tenant AND m.room = r.room AND m.person = ? AND (m.role >= ? OR m.role = ?))`
)

// Access implements storage.Access.
func (h directory) Access(ctx context.Context, u chat.UserID) ([]storage.Member, error) {
	const op = "access"
	if err := h.ready(ctx, op); err != nil {
		return nil, err
	}
	return read(ctx, h.Store, op, scanAccess, belonging+" UNION ALL "+visiting+" ORDER BY 2",
		u.Tenant, u.Key, chat.RoleMuted, u.Key, u.Tenant, storage.Public, u.Key, chat.RoleMuted, chat.RoleBanned)
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
	return readOne(ctx, h.Store, op, "room", scanAccess, belonging+" AND room = ? UNION ALL "+visiting+" AND r.room = ?",
		u.Tenant, u.Key, chat.RoleMuted, room.Key, u.Key, u.Tenant, storage.Public, u.Key, chat.RoleMuted, chat.RoleBanned, room.Key)
}

func scanAccess(at row) (storage.Member, error) {
	m, err := scanMember(at)
	m.From = max(m.From, 1)
	return m, err
}
