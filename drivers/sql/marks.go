package sql

import (
	"cmp"
	"context"
	stdsql "database/sql"
	"slices"

	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/storage"
)

const markColumns = "tenant, person, room, seq, text_seq"

func scanMark(at row) (m storage.Mark, err error) {
	err = at.Scan(&m.Room.Tenant, &m.User.Key, &m.Room.Key, &m.Seq, &m.TextSeq)
	m.User.Tenant = m.Room.Tenant
	return m, err
}

// Mark implements storage.Marks.
func (h directory) Mark(ctx context.Context, marks ...storage.Mark) error {
	const op = "mark"
	if err := h.ready(ctx, op); err != nil {
		return err
	}
	if err := storage.CheckMarks(op, marks); err != nil || len(marks) == 0 {
		return err
	}
	// In one order, so that two who store the same rows wait for each other, and don't lock
	// each other out.
	marks = slices.Clone(marks)
	slices.SortFunc(marks, func(a, b storage.Mark) int {
		return cmp.Or(cmp.Compare(a.User.Tenant, b.User.Tenant), cmp.Compare(a.User.Key, b.User.Key), cmp.Compare(a.Room.Key, b.Room.Key))
	})
	return h.write(ctx, op, func(tx *stdsql.Tx) error {
		put, err := tx.PrepareContext(ctx, h.text(h.engine.raise("marks", []string{"tenant", "person", "room"}, []string{"seq", "text_seq"})))
		if err != nil {
			return err
		}
		defer put.Close()
		for _, m := range marks {
			if _, err := put.ExecContext(ctx, m.User.Tenant, m.User.Key, m.Room.Key, m.Seq, m.TextSeq); err != nil {
				return err
			}
		}
		return nil
	})
}

// LookupMarks implements storage.Marks.
func (h directory) LookupMarks(ctx context.Context, u chat.UserID, rooms []chat.RoomID) ([]storage.Mark, error) {
	return lookup(ctx, h.Store, finder[storage.Mark, chat.RoomID]{
		op: "lookup marks", field: "rooms", scan: scanMark,
		statement: "SELECT " + markColumns + " FROM {marks} WHERE (tenant, person, room) IN ",
		id:        func(m storage.Mark) chat.RoomID { return m.Room },
		keys:      func(room chat.RoomID) []any { return []any{room.Tenant, u.Key, room.Key} },
	}, slices.DeleteFunc(slices.Clone(rooms), func(room chat.RoomID) bool { return room.Tenant != u.Tenant }))
}

// Marks implements storage.Marks.
func (h directory) Marks(ctx context.Context, u chat.UserID, after string, limit int) ([]storage.Mark, error) {
	const op = "marks"
	if err := h.list(ctx, op, limit); err != nil {
		return nil, err
	}
	return read(ctx, h.Store, op, scanMark,
		"SELECT "+markColumns+" FROM {marks} WHERE tenant = ? AND person = ? AND room > ? ORDER BY room LIMIT ?", u.Tenant, u.Key, after, limit)
}
