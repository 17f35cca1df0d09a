package sql

import (
	"bytes"
	"context"
	stdsql "database/sql"
	"time"

	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/storage"
)

// directory is the directory in a store.
type directory struct{ *Store }

const roomColumns = `tenant, room, kind, title, address, created, created_nanos, listed, members_only, moderated, anonymous,
	temporary, password, max_occupants, history_from, version`

func scanRoom(at row) (r storage.Room, err error) {
	var seconds, nanos int64
	err = at.Scan(&r.ID.Tenant, &r.ID.Key, &r.Kind, &r.Title, &r.Address, &seconds, &nanos, &r.Listed, &r.MembersOnly, &r.Moderated,
		&r.Anonymous, &r.Temporary, &r.Password, &r.MaxOccupants, &r.HistoryFrom, &r.Version)
	r.Created = time.Unix(seconds, nanos).UTC()
	return r, err
}

// Room implements storage.Rooms.
func (h directory) Room(ctx context.Context, id chat.RoomID) (storage.Room, error) {
	const op = "room"
	if err := h.ready(ctx, op); err != nil {
		return storage.Room{}, err
	}
	return readOne(ctx, h.Store, op, "room", scanRoom,
		"SELECT "+roomColumns+" FROM {rooms} WHERE tenant = ? AND room = ?", id.Tenant, id.Key)
}

// LookupRooms implements storage.Rooms.
func (h directory) LookupRooms(ctx context.Context, ids []chat.RoomID) ([]storage.Room, error) {
	return lookup(ctx, h.Store, finder[storage.Room, chat.RoomID]{
		op: "lookup rooms", field: "ids", scan: scanRoom,
		statement: "SELECT " + roomColumns + " FROM {rooms} WHERE (tenant, room) IN ",
		id:        func(r storage.Room) chat.RoomID { return r.ID },
		keys:      func(id chat.RoomID) []any { return []any{id.Tenant, id.Key} },
	}, ids)
}

// RoomAt implements storage.Rooms.
func (h directory) RoomAt(ctx context.Context, tenant, address string) (storage.Room, error) {
	const op = "room at"
	if err := h.ready(ctx, op); err != nil {
		return storage.Room{}, err
	}
	key, err := chat.AddressKey(address)
	if err != nil {
		return storage.Room{}, err
	}
	return readOne(ctx, h.Store, op, "address", scanRoom,
		"SELECT "+roomColumns+" FROM {rooms} WHERE tenant = ? AND address_key = ?", tenant, key)
}

// List implements storage.Rooms.
func (h directory) List(ctx context.Context, tenant, after string, limit int) ([]storage.Room, error) {
	const op = "list rooms"
	if err := h.list(ctx, op, limit); err != nil {
		return nil, err
	}
	return read(ctx, h.Store, op, scanRoom,
		"SELECT "+roomColumns+" FROM {rooms} WHERE tenant = ? AND room > ? ORDER BY room LIMIT ?", tenant, after, limit)
}

// PutRoom implements storage.Rooms.
func (h directory) PutRoom(ctx context.Context, r storage.Room) (storage.Room, error) {
	const op = "put room"
	if err := h.ready(ctx, op); err != nil {
		return storage.Room{}, err
	}
	if err := r.Check(op); err != nil {
		return storage.Room{}, err
	}
	var at stdsql.NullString
	if r.Address != "" {
		key, err := chat.AddressKey(r.Address)
		if err != nil {
			return storage.Room{}, err
		}
		at = stdsql.NullString{String: key, Valid: true}
	}
	next := r
	next.Version++
	next.Password = bytes.Clone(r.Password)
	err := h.write(ctx, op, func(tx *stdsql.Tx) error {
		old, exists, err := findOne(ctx, h.Store, tx, scanRoom,
			"SELECT "+roomColumns+" FROM {rooms} WHERE tenant = ? AND room = ? {locked}", r.ID.Tenant, r.ID.Key)
		switch {
		case err != nil:
			return err
		case r.Version != old.Version:
			return conflict(op, "version")
		case exists && r.Kind != old.Kind:
			return &chat.Error{Kind: chat.ErrInvalid, Op: op, Field: "kind"}
		case exists && !r.Created.Equal(old.Created):
			return &chat.Error{Kind: chat.ErrInvalid, Op: op, Field: "created"}
		}
		_, taken, err := findOne(ctx, h.Store, tx, scanText,
			"SELECT room FROM {rooms} WHERE tenant = ? AND address_key = ? AND room <> ?", r.ID.Tenant, at, r.ID.Key)
		switch {
		case err != nil:
			return err
		case taken:
			return conflict(op, "address")
		}
		return h.put(ctx, tx, "rooms", []string{"tenant", "room"},
			[]string{"kind", "title", "address", "address_key", "created", "created_nanos", "listed", "members_only", "moderated",
				"anonymous", "temporary", "password", "max_occupants", "history_from", "version"},
			r.ID.Tenant, r.ID.Key, r.Kind, r.Title, r.Address, at, r.Created.Unix(), r.Created.Nanosecond(), r.Listed, r.MembersOnly,
			r.Moderated, r.Anonymous, r.Temporary, r.Password, r.MaxOccupants, r.HistoryFrom, next.Version)
	})
	if err != nil {
		return storage.Room{}, err
	}
	return next, nil
}

func scanText(at row) (text string, err error) {
	err = at.Scan(&text)
	return text, err
}

// list is what every list asks first.
func (s *Store) list(ctx context.Context, op string, limit int) error {
	if err := s.ready(ctx, op); err != nil {
		return err
	}
	if limit < 1 {
		return &chat.Error{Kind: chat.ErrInvalid, Op: op, Field: "limit"}
	}
	return batch(op, "limit", limit)
}

func batch(op, field string, n int) error {
	if n > chat.MaxBatch {
		return &chat.Error{Kind: chat.ErrTooLarge, Op: op, Field: field, Limit: chat.MaxBatch}
	}
	return nil
}

func conflict(op, field string) error {
	return &chat.Error{Kind: chat.ErrConflict, Op: op, Field: field}
}

var (
	_ storage.Directory  = directory{}
	_ storage.RoomAccess = directory{}
)
