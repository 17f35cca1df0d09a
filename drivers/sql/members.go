package sql

import (
	"bytes"
	"context"
	stdsql "database/sql"
	"slices"
	"strings"

	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/storage"
)

const memberColumns = "tenant, room, person, role, nickname, from_seq, since, seq, event"

func scanMember(at row) (m storage.Member, err error) {
	var event stdsql.RawBytes
	err = at.Scan(&m.Room.Tenant, &m.Room.Key, &m.User.Key, &m.Role, &m.Nickname, &m.From, &m.Since, &m.Seq, &event)
	m.User.Tenant = m.Room.Tenant
	copy(m.Event[:], event)
	return m, err
}

// Member implements storage.Members.
func (h directory) Member(ctx context.Context, room chat.RoomID, u chat.UserID) (storage.Member, error) {
	const op = "member"
	if err := h.ready(ctx, op); err != nil {
		return storage.Member{}, err
	}
	if u.Tenant != room.Tenant {
		return storage.Member{}, &chat.Error{Kind: chat.ErrNotFound, Op: op, Field: "member"}
	}
	return readOne(ctx, h.Store, op, "member", scanMember,
		"SELECT "+memberColumns+" FROM {members} WHERE tenant = ? AND room = ? AND person = ?", room.Tenant, room.Key, u.Key)
}

// Members implements storage.Members.
func (h directory) Members(ctx context.Context, room chat.RoomID, after string, limit int) ([]storage.Member, error) {
	const op = "list members"
	if err := h.list(ctx, op, limit); err != nil {
		return nil, err
	}
	return read(ctx, h.Store, op, scanMember,
		"SELECT "+memberColumns+" FROM {members} WHERE tenant = ? AND room = ? AND person > ? ORDER BY person LIMIT ?",
		room.Tenant, room.Key, after, limit)
}

// LookupDirect implements storage.Members.
func (h directory) LookupDirect(ctx context.Context, rooms []chat.RoomID) ([]storage.Member, error) {
	all, err := lookupAny(ctx, h.Store, finder[storage.Member, chat.RoomID]{
		op: "lookup direct", field: "rooms", scan: scanMember,
		statement: "SELECT " + memberColumns + ` FROM {members} WHERE EXISTS (SELECT 1 FROM {rooms} r
			WHERE r.tenant = {members}.tenant AND r.room = {members}.room AND r.kind = ?) AND (tenant, room) IN `,
		args: []any{storage.Direct},
		keys: func(id chat.RoomID) []any { return []any{id.Tenant, id.Key} },
	}, rooms)
	slices.SortFunc(all, func(a, b storage.Member) int { return strings.Compare(a.User.Key, b.User.Key) })
	in := map[chat.RoomID][]storage.Member{}
	for _, m := range all {
		in[m.Room] = append(in[m.Room], m)
	}
	var found []storage.Member
	for _, id := range rooms {
		found = append(found, in[id]...)
	}
	return found, err
}

// PutMember implements storage.Members.
func (h directory) PutMember(ctx context.Context, m storage.Member) error {
	const op = "put member"
	if err := h.ready(ctx, op); err != nil {
		return err
	}
	if err := m.Check(op); err != nil {
		return err
	}
	var nickname stdsql.NullString
	if m.Nickname != "" && m.Role.Belongs() {
		key, err := chat.NicknameKey(m.Nickname)
		if err != nil {
			return err
		}
		nickname = stdsql.NullString{String: key, Valid: true}
	}
	return h.write(ctx, op, func(tx *stdsql.Tx) error {
		// The room's row is locked, so that nobody comes between the checks.
		_, exists, err := findOne(ctx, h.Store, tx, scanText,
			"SELECT room FROM {rooms} WHERE tenant = ? AND room = ? {locked}", m.Room.Tenant, m.Room.Key)
		switch {
		case err != nil:
			return err
		case !exists:
			return &chat.Error{Kind: chat.ErrNotFound, Op: op, Field: "room"}
		}
		old, has, err := findOne(ctx, h.Store, tx, scanMember,
			"SELECT "+memberColumns+" FROM {members} WHERE tenant = ? AND room = ? AND person = ?", m.Room.Tenant, m.Room.Key, m.User.Key)
		switch {
		case err != nil:
			return err
		case has && (m.Seq < old.Seq || m.Seq == old.Seq && bytes.Compare(m.Event[:], old.Event[:]) < 0):
			return nil
		}
		_, taken, err := findOne(ctx, h.Store, tx, scanText,
			"SELECT person FROM {members} WHERE tenant = ? AND room = ? AND nickname_key = ? AND person <> ?",
			m.Room.Tenant, m.Room.Key, nickname, m.User.Key)
		switch {
		case err != nil:
			return err
		case taken:
			return conflict(op, "nickname")
		}
		return h.put(ctx, tx, "members", []string{"tenant", "room", "person"},
			[]string{"role", "nickname", "nickname_key", "from_seq", "since", "seq", "event"},
			m.Room.Tenant, m.Room.Key, m.User.Key, m.Role, m.Nickname, nickname, m.From, m.Since, m.Seq, m.Event[:])
	})
}
