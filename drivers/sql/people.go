package sql

import (
	"context"
	stdsql "database/sql"
	"unicode/utf8"

	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/storage"
)

const userColumns = "tenant, person, name, bot"

func scanUser(at row) (u storage.User, err error) {
	err = at.Scan(&u.ID.Tenant, &u.ID.Key, &u.Name, &u.Bot)
	return u, err
}

// Users implements storage.Users.
func (h directory) Users(ctx context.Context, ids []chat.UserID) ([]storage.User, error) {
	return lookup(ctx, h.Store, finder[storage.User, chat.UserID]{
		op: "users", field: "ids", scan: scanUser,
		statement: "SELECT " + userColumns + " FROM {users} WHERE (tenant, person) IN ",
		id:        func(u storage.User) chat.UserID { return u.ID },
		keys:      func(id chat.UserID) []any { return []any{id.Tenant, id.Key} },
	}, ids)
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
	statement := "SELECT " + userColumns + " FROM {users} WHERE tenant = ? AND name_key >= ?"
	folded := chat.FoldName(prefix)
	args := []any{tenant, folded}
	if end := behind(folded); end != "" {
		statement += " AND name_key < ?"
		args = append(args, end)
	}
	return read(ctx, h.Store, op, scanUser, statement+" ORDER BY name_key, person LIMIT ?", append(args, limit)...)
}

// behind is the least text above all that begin with prefix, byte by byte; empty where
// there is none. It is UTF-8, as the columns are.
func behind(prefix string) string {
	for prefix != "" {
		last, size := utf8.DecodeLastRuneInString(prefix)
		prefix = prefix[:len(prefix)-size]
		switch last {
		case utf8.MaxRune: // the one before it must rise
		case 0xd7ff: // surrogates are no characters
			return prefix + "\ue000"
		default:
			return prefix + string(last+1)
		}
	}
	return ""
}

// PutUser implements storage.Users.
func (h directory) PutUser(ctx context.Context, people ...storage.User) error {
	const op = "put user"
	if err := h.ready(ctx, op); err != nil {
		return err
	}
	if err := storage.CheckUsers(op, people); err != nil || len(people) == 0 {
		return err
	}
	return h.write(ctx, op, func(tx *stdsql.Tx) error {
		for i := range people {
			u := &people[i]
			if err := h.put(ctx, tx, "users", []string{"tenant", "person"}, []string{"name", "name_key", "bot"},
				u.ID.Tenant, u.ID.Key, u.Name, chat.FoldName(u.Name), u.Bot); err != nil {
				return err
			}
		}
		return nil
	})
}
