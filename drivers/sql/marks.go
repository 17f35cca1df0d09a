package sql

import (
	"context"
	stdsql "database/sql"

	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/storage"
)

const markColumns = "tenant, room, seq, text_seq, mentions"

func scanMark(at row) (m storage.Mark, err error) {
	err = at.Scan(&m.Room.Tenant, &m.Room.Key, &m.Seq, &m.TextSeq, &m.Mentions)
	return m, err
}

// Mark implements storage.Marks.
func (h directory) Mark(ctx context.Context, u chat.UserID, m storage.Mark) error {
	const op = "mark"
	if err := h.ready(ctx, op); err != nil {
		return err
	}
	if err := m.Check(op, u); err != nil {
		return err
	}
	return h.write(ctx, op, func(tx *stdsql.Tx) error {
		old, _, err := findOne(ctx, h.Store, tx, scanMark,
			"SELECT "+markColumns+" FROM {marks} WHERE tenant = ? AND person = ? AND room = ? {locked}", u.Tenant, u.Key, m.Room.Key)
		if err != nil || m.Seq <= old.Seq {
			return err
		}
		return h.put(ctx, tx, "marks", []string{"tenant", "person", "room"}, []string{"seq", "text_seq", "mentions"},
			u.Tenant, u.Key, m.Room.Key, m.Seq, m.TextSeq, m.Mentions)
	})
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
