package memory

import (
	"context"
	"strings"

	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/storage"
)

// Users implements storage.Users.
func (h directory) Users(ctx context.Context, ids []chat.UserID) ([]storage.User, error) {
	return lookup(ctx, h, "users", "ids", ids, func(d *directoryData, found []storage.User, id chat.UserID) []storage.User {
		if u, ok := d.users[id]; ok {
			found = append(found, u)
		}
		return found
	})
}

// NamedUsers implements storage.Users.
func (h directory) NamedUsers(ctx context.Context, tenant, prefix string, limit int) ([]storage.User, error) {
	const op = "named users"
	if err := h.list(ctx, op, limit); err != nil {
		return nil, err
	}
	if err := chat.CheckName(op, "prefix", prefix); err != nil {
		return nil, err
	}
	first := name{chat.FoldName(prefix), chat.UserID{Tenant: tenant}}
	d := &h.data.directory
	d.mu.RLock()
	defer d.mu.RUnlock()
	var found []storage.User
	for n := range d.names.from(first) {
		if len(found) == limit || n.user.Tenant != tenant || !strings.HasPrefix(n.folded, first.folded) {
			break
		}
		found = append(found, d.users[n.user])
	}
	return found, nil
}

// PutUser implements storage.Users.
func (h directory) PutUser(ctx context.Context, people ...storage.User) error {
	const op = "put user"
	if err := h.ready(ctx, op); err != nil {
		return err
	}
	if err := storage.CheckUsers(op, people); err != nil {
		return err
	}
	d := &h.data.directory
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, u := range people {
		if old, ok := d.users[u.ID]; ok {
			d.names.remove(name{chat.FoldName(old.Name), u.ID})
		}
		d.names.add(name{chat.FoldName(u.Name), u.ID})
		d.users[u.ID] = u
	}
	return nil
}
