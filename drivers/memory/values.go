package memory

import (
	"bytes"
	"context"

	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/storage"
)

// Mark implements storage.Marks.
func (h directory) Mark(ctx context.Context, marks ...storage.Mark) error {
	const op = "mark"
	if err := h.ready(ctx, op); err != nil {
		return err
	}
	if err := storage.CheckMarks(op, marks); err != nil {
		return err
	}
	d := &h.data.directory
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, m := range marks {
		if d.marks[m.User] == nil {
			d.marks[m.User] = map[string]storage.Mark{}
		}
		if m.Seq > d.marks[m.User][m.Room.Key].Seq {
			d.marks[m.User][m.Room.Key] = m
		}
	}
	return nil
}

// LookupMarks implements storage.Marks.
func (h directory) LookupMarks(ctx context.Context, u chat.UserID, rooms []chat.RoomID) ([]storage.Mark, error) {
	return lookup(ctx, h, "lookup marks", "rooms", rooms, func(d *directoryData, found []storage.Mark, room chat.RoomID) []storage.Mark {
		if m, ok := d.marks[u][room.Key]; ok && room.Tenant == u.Tenant {
			found = append(found, m)
		}
		return found
	})
}

// Marks implements storage.Marks.
func (h directory) Marks(ctx context.Context, u chat.UserID, after string, limit int) ([]storage.Mark, error) {
	if err := h.list(ctx, "marks", limit); err != nil {
		return nil, err
	}
	d := &h.data.directory
	d.mu.RLock()
	defer d.mu.RUnlock()
	var all []storage.Mark
	for key, m := range d.marks[u] {
		if key > after {
			all = append(all, m)
		}
	}
	return firstBy(all, limit, func(m storage.Mark) string { return m.Room.Key }), nil
}

// Get implements storage.Values.
func (h directory) Get(ctx context.Context, u chat.UserID, space, key string) ([]byte, int64, error) {
	const op = "get value"
	if err := h.ready(ctx, op); err != nil {
		return nil, 0, err
	}
	d := &h.data.directory
	d.mu.RLock()
	defer d.mu.RUnlock()
	v := d.values[valueKey{u, space, key}]
	if v.bytes == nil {
		return nil, 0, missing(op, "key")
	}
	return bytes.Clone(v.bytes), v.version, nil
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
	d := &h.data.directory
	d.mu.Lock()
	defer d.mu.Unlock()
	k := valueKey{u, space, key}
	old := d.values[k]
	current := old.version
	if old.bytes == nil {
		current = 0
	}
	if version != current {
		return 0, &chat.Error{Kind: chat.ErrConflict, Op: op, Field: "version"}
	}
	// An empty value is there; only nil deletes, and Clone keeps that apart.
	d.values[k] = value{bytes.Clone(b), old.version + 1}
	return old.version + 1, nil
}

// Keys implements storage.Values.
func (h directory) Keys(ctx context.Context, u chat.UserID, space, after string, limit int) ([]string, error) {
	if err := h.list(ctx, "keys", limit); err != nil {
		return nil, err
	}
	d := &h.data.directory
	d.mu.RLock()
	defer d.mu.RUnlock()
	var all []string
	for k, v := range d.values {
		if k.user == u && k.space == space && k.key > after && v.bytes != nil {
			all = append(all, k.key)
		}
	}
	return firstBy(all, limit, func(k string) string { return k }), nil
}
