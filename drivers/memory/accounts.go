package memory

import (
	"context"

	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/storage"
)

// accountData is what a directory holds of who may log in, and how.
type accountData struct {
	accounts    map[chat.UserID]storage.Account
	logins      map[address]chat.UserID
	credentials map[chat.UserID]storage.Credentials
	tokens      map[chat.UserID]map[string]token // by their IDs
	secrets     map[storage.SecretHash]tokenID
}

// token is a token, and the hash of its secret.
type token struct {
	storage.Token
	secret storage.SecretHash
}

type tokenID struct {
	user chat.UserID
	id   string
}

func (d *accountData) init() {
	d.accounts = map[chat.UserID]storage.Account{}
	d.logins = map[address]chat.UserID{}
	d.credentials = map[chat.UserID]storage.Credentials{}
	d.tokens = map[chat.UserID]map[string]token{}
	d.secrets = map[storage.SecretHash]tokenID{}
}

// Account implements storage.Accounts.
func (h directory) Account(ctx context.Context, u chat.UserID) (storage.Account, error) {
	const op = "account"
	if err := h.ready(ctx, op); err != nil {
		return storage.Account{}, err
	}
	d := &h.data.directory
	d.mu.RLock()
	defer d.mu.RUnlock()
	a, ok := d.accounts[u]
	if !ok {
		return storage.Account{}, missing(op, "user")
	}
	return a, nil
}

// AccountAt implements storage.Accounts.
func (h directory) AccountAt(ctx context.Context, tenant, login string) (storage.Account, error) {
	const op = "account at"
	if err := h.ready(ctx, op); err != nil {
		return storage.Account{}, err
	}
	key, err := chat.LoginKey(login)
	if err != nil {
		return storage.Account{}, err
	}
	d := &h.data.directory
	d.mu.RLock()
	defer d.mu.RUnlock()
	u, ok := d.logins[address{tenant, key}]
	if !ok {
		return storage.Account{}, missing(op, "login")
	}
	return d.accounts[u], nil
}

// PutAccount implements storage.Accounts.
func (h directory) PutAccount(ctx context.Context, a storage.Account) (storage.Account, error) {
	const op = "put account"
	if err := h.ready(ctx, op); err != nil {
		return storage.Account{}, err
	}
	if err := a.Check(op); err != nil {
		return storage.Account{}, err
	}
	a = a.Kept()
	d := &h.data.directory
	defer d.clock.Member(a.User)
	d.mu.Lock()
	defer d.mu.Unlock()
	old, exists := d.accounts[a.User]
	switch {
	case a.Version != old.Version:
		return storage.Account{}, conflict(op, "version")
	case exists && a.Created != old.Created:
		return storage.Account{}, &chat.Error{Kind: chat.ErrInvalid, Op: op, Field: "created"}
	}
	at := loginOf(a)
	if u, taken := d.logins[at]; taken && u != a.User {
		return storage.Account{}, conflict(op, "login")
	}
	delete(d.logins, loginOf(old))
	if a.Login != "" {
		d.logins[at] = a.User
	}
	a.Version++
	d.accounts[a.User] = a
	return a, nil
}

// loginOf is what a valid account is found by; without a log-in, what none is.
func loginOf(a storage.Account) address {
	key, _ := chat.LoginKey(a.Login)
	return address{a.User.Tenant, key}
}

// ListAccounts implements storage.Accounts.
func (h directory) ListAccounts(ctx context.Context, tenant, after string, limit int) ([]storage.Account, error) {
	if err := h.list(ctx, "list accounts", limit); err != nil {
		return nil, err
	}
	d := &h.data.directory
	d.mu.RLock()
	defer d.mu.RUnlock()
	var all []storage.Account
	for u, a := range d.accounts {
		if u.Tenant == tenant && u.Key > after {
			all = append(all, a)
		}
	}
	return firstBy(all, limit, func(a storage.Account) string { return a.User.Key }), nil
}

// Deactivated implements storage.Accounts.
func (h directory) Deactivated(ctx context.Context, ids []chat.UserID) ([]chat.UserID, error) {
	return lookup(ctx, h, "deactivated", "ids", ids, func(d *directoryData, found []chat.UserID, id chat.UserID) []chat.UserID {
		if a, ok := d.accounts[id]; ok && !a.Deactivated.IsZero() {
			found = append(found, id)
		}
		return found
	})
}

// Credentials implements storage.Accounts.
func (h directory) Credentials(ctx context.Context, u chat.UserID) (storage.Credentials, error) {
	const op = "credentials"
	if err := h.ready(ctx, op); err != nil {
		return storage.Credentials{}, err
	}
	d := &h.data.directory
	d.mu.RLock()
	defer d.mu.RUnlock()
	a, ok := d.accounts[u]
	if !ok {
		return storage.Credentials{}, missing(op, "user")
	}
	c := d.credentials[u]
	c.User = u
	if !a.Deactivated.IsZero() {
		c.Verifiers = nil
	}
	return c, nil
}

// PutCredentials implements storage.Accounts.
func (h directory) PutCredentials(ctx context.Context, c storage.Credentials) (storage.Credentials, error) {
	const op = "put credentials"
	if err := h.ready(ctx, op); err != nil {
		return storage.Credentials{}, err
	}
	if err := c.Check(op); err != nil {
		return storage.Credentials{}, err
	}
	d := &h.data.directory
	d.mu.Lock()
	defer d.mu.Unlock()
	if _, ok := d.accounts[c.User]; !ok {
		return storage.Credentials{}, missing(op, "user")
	}
	if c.Version != d.credentials[c.User].Version {
		return storage.Credentials{}, conflict(op, "version")
	}
	c.Version++
	d.credentials[c.User] = c
	return c, nil
}

func conflict(op, field string) error {
	return &chat.Error{Kind: chat.ErrConflict, Op: op, Field: field}
}
