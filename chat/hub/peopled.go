package hub

import (
	"context"

	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/storage"
)

// peopled is a directory in which a host says what people are called.
type peopled struct {
	storage.Directory
	people storage.People
}

// Users implements [storage.People].
func (d peopled) Users(ctx context.Context, ids []chat.UserID) ([]storage.User, error) {
	return d.people.Users(ctx, ids)
}

// NamedUsers implements [storage.People].
func (d peopled) NamedUsers(ctx context.Context, tenant, prefix string, limit int) ([]storage.User, error) {
	return d.people.NamedUsers(ctx, tenant, prefix, limit)
}

// PutUser implements [storage.Users]. A name that is stored beside those of the host would
// never be shown.
func (d peopled) PutUser(context.Context, ...storage.User) error {
	return unsupported("put user", "users")
}
