package sql

import (
	"context"
	stdsql "database/sql"

	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/storage"
)

// value is what is stored under a key; nil bytes: deleted.
type value struct {
	bytes   []byte
	version int64
}

const oneValue = "SELECT value IS NOT NULL, value, version FROM {user_values} WHERE tenant = ? AND person = ? AND space = ? AND name = ?"

func scanValue(at row) (v value, err error) {
	var there bool
	err = at.Scan(&there, &v.bytes, &v.version)
	if there && v.bytes == nil {
		v.bytes = []byte{} // an empty value is there
	}
	return v, err
}

// Get implements storage.Values.
func (h directory) Get(ctx context.Context, u chat.UserID, space, key string) ([]byte, int64, error) {
	const op = "get value"
	if err := h.ready(ctx, op); err != nil {
		return nil, 0, err
	}
	v, err := readOne(ctx, h.Store, op, "key", scanValue, oneValue+" AND value IS NOT NULL", u.Tenant, u.Key, space, key)
	return v.bytes, v.version, err
}

// Put implements storage.Values.
func (h directory) Put(ctx context.Context, u chat.UserID, space, key string, b []byte, version int64) (int64, error) {
	const op = "put value"
	if err := h.ready(ctx, op); err != nil {
		return 0, err
	}
	if err := u.Check(op); err != nil {
		return 0, err
	}
	if err := chat.CheckKey(op, "space", space); err != nil {
		return 0, err
	}
	if err := chat.CheckKey(op, "key", key); err != nil {
		return 0, err
	}
	if len(b) > storage.MaxValue {
		return 0, &chat.Error{Kind: chat.ErrTooLarge, Op: op, Field: "value", Limit: storage.MaxValue}
	}
	var next int64
	err := h.write(ctx, op, func(tx *stdsql.Tx) error {
		old, _, err := findOne(ctx, h.Store, tx, scanValue, oneValue+" {locked}", u.Tenant, u.Key, space, key)
		if err != nil {
			return err
		}
		current := old.version
		if old.bytes == nil {
			current = 0
		}
		if version != current {
			return conflict(op, "version")
		}
		next = old.version + 1
		return h.put(ctx, tx, "user_values", []string{"tenant", "person", "space", "name"}, []string{"version", "value"},
			u.Tenant, u.Key, space, key, next, b)
	})
	if err != nil {
		return 0, err
	}
	return next, nil
}

// Keys implements storage.Values.
func (h directory) Keys(ctx context.Context, u chat.UserID, space, after string, limit int) ([]string, error) {
	const op = "keys"
	if err := h.list(ctx, op, limit); err != nil {
		return nil, err
	}
	return read(ctx, h.Store, op, scanText,
		"SELECT name FROM {user_values} WHERE tenant = ? AND person = ? AND space = ? AND name > ? AND value IS NOT NULL ORDER BY name LIMIT ?",
		u.Tenant, u.Key, space, after, limit)
}
