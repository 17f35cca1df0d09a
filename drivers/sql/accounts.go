package sql

import (
	"context"
	stdsql "database/sql"
	"fmt"
	"strings"
	"time"

	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/chat/scram"
	"github.com/parlor-chat/parlor/storage"
)

// milli is a time in a column, whole milliseconds; never is the zero time's.
type milli struct{ *time.Time }

// Scan implements sql.Scanner.
func (m milli) Scan(column any) error {
	var n stdsql.NullInt64
	err := n.Scan(column)
	*m.Time = time.UnixMilli(n.Int64).UTC()
	return err
}

var never = time.Time{}.UnixMilli()

const accountColumns = "tenant, person, login, created, deactivated, version"

func scanAccount(at row) (a storage.Account, err error) {
	err = at.Scan(&a.User.Tenant, &a.User.Key, &a.Login, milli{&a.Created}, milli{&a.Deactivated}, &a.Version)
	return a, err
}

const oneAccount = "SELECT " + accountColumns + " FROM {accounts} WHERE tenant = ? AND person = ?"

// Account implements storage.Accounts.
func (h directory) Account(ctx context.Context, u chat.UserID) (storage.Account, error) {
	const op = "account"
	if err := h.ready(ctx, op); err != nil {
		return storage.Account{}, err
	}
	return readOne(ctx, h.Store, op, "user", scanAccount, oneAccount, u.Tenant, u.Key)
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
	return readOne(ctx, h.Store, op, "login", scanAccount,
		"SELECT "+accountColumns+" FROM {accounts} WHERE tenant = ? AND login_key = ?", tenant, key)
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
	var login stdsql.NullString
	if a.Login != "" {
		key, err := chat.LoginKey(a.Login)
		if err != nil {
			return storage.Account{}, err
		}
		login = stdsql.NullString{String: key, Valid: true}
	}
	next := a.Kept()
	next.Version++
	err := h.write(ctx, op, func(tx *stdsql.Tx) error {
		old, exists, err := findOne(ctx, h.Store, tx, scanAccount, oneAccount+" {locked}", a.User.Tenant, a.User.Key)
		switch {
		case err != nil:
			return err
		case a.Version != old.Version:
			return conflict(op, "version")
		case exists && next.Created != old.Created:
			return &chat.Error{Kind: chat.ErrInvalid, Op: op, Field: "created"}
		}
		_, taken, err := findOne(ctx, h.Store, tx, scanText,
			"SELECT person FROM {accounts} WHERE tenant = ? AND login_key = ? AND person <> ?", a.User.Tenant, login, a.User.Key)
		switch {
		case err != nil:
			return err
		case taken:
			return conflict(op, "login")
		}
		return h.put(ctx, tx, "accounts", []string{"tenant", "person"}, []string{"login", "login_key", "created", "deactivated", "version"},
			a.User.Tenant, a.User.Key, a.Login, login, next.Created.UnixMilli(), next.Deactivated.UnixMilli(), next.Version)
	})
	if err != nil {
		return storage.Account{}, err
	}
	return next, nil
}

// ListAccounts implements storage.Accounts.
func (h directory) ListAccounts(ctx context.Context, tenant, after string, limit int) ([]storage.Account, error) {
	const op = "list accounts"
	if err := h.list(ctx, op, limit); err != nil {
		return nil, err
	}
	return read(ctx, h.Store, op, scanAccount,
		"SELECT "+accountColumns+" FROM {accounts} WHERE tenant = ? AND person > ? ORDER BY person LIMIT ?", tenant, after, limit)
}

// Deactivated implements storage.Accounts.
func (h directory) Deactivated(ctx context.Context, ids []chat.UserID) ([]chat.UserID, error) {
	return lookup(ctx, h.Store, finder[chat.UserID, chat.UserID]{
		op: "deactivated", field: "ids",
		scan: func(at row) (u chat.UserID, err error) {
			err = at.Scan(&u.Tenant, &u.Key)
			return u, err
		},
		statement: fmt.Sprint("SELECT tenant, person FROM {accounts} WHERE deactivated <> ", never, " AND (tenant, person) IN "),
		id:        func(u chat.UserID) chat.UserID { return u },
		keys:      func(id chat.UserID) []any { return []any{id.Tenant, id.Key} },
	}, ids)
}

// Whose account is there has credentials, stored or not.
const oneCredentials = `SELECT a.tenant, a.person, a.deactivated, coalesce(c.verifiers, ''), coalesce(c.version, 0)
	FROM {accounts} a LEFT JOIN {credentials} c ON c.tenant = a.tenant AND c.person = a.person
	WHERE a.tenant = ? AND a.person = ?`

// scanCredentials reads them, of a deactivated account too.
func scanCredentials(at row) (c storage.Credentials, deactivated time.Time, err error) {
	var text string
	if err := at.Scan(&c.User.Tenant, &c.User.Key, milli{&deactivated}, &text, &c.Version); err != nil {
		return c, deactivated, err
	}
	for part := range strings.FieldsSeq(text) {
		v, err := scram.Parse(part)
		if err != nil {
			return c, deactivated, damaged{err}
		}
		c.Verifiers = append(c.Verifiers, v)
	}
	return c, deactivated, nil
}

// damaged is an error of what is stored, not of what was asked.
type damaged struct{ why error }

func (d damaged) Error() string { return "a verifier is damaged: " + d.why.Error() }

// Credentials implements storage.Accounts.
func (h directory) Credentials(ctx context.Context, u chat.UserID) (storage.Credentials, error) {
	const op = "credentials"
	if err := h.ready(ctx, op); err != nil {
		return storage.Credentials{}, err
	}
	return readOne(ctx, h.Store, op, "user", func(at row) (storage.Credentials, error) {
		c, deactivated, err := scanCredentials(at)
		if !deactivated.IsZero() {
			c.Verifiers = nil
		}
		return c, err
	}, oneCredentials, u.Tenant, u.Key)
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
	next := c
	next.Version++
	verifiers := make([]string, len(c.Verifiers))
	for i, v := range c.Verifiers {
		verifiers[i] = v.Encode()
	}
	err := h.write(ctx, op, func(tx *stdsql.Tx) error {
		// The account's row is locked: there may be none of its credentials yet.
		_, there, err := findOne(ctx, h.Store, tx, scanAccount, oneAccount+" {locked}", c.User.Tenant, c.User.Key)
		if err == nil && !there {
			err = &chat.Error{Kind: chat.ErrNotFound, Op: op, Field: "user"}
		}
		if err != nil {
			return err
		}
		version, _, err := findOne(ctx, h.Store, tx, scanNumber,
			"SELECT version FROM {credentials} WHERE tenant = ? AND person = ? {locked}", c.User.Tenant, c.User.Key)
		switch {
		case err != nil:
			return err
		case c.Version != version:
			return conflict(op, "version")
		}
		return h.put(ctx, tx, "credentials", []string{"tenant", "person"}, []string{"verifiers", "version"},
			c.User.Tenant, c.User.Key, strings.Join(verifiers, " "), next.Version)
	})
	if err != nil {
		return storage.Credentials{}, err
	}
	return next, nil
}

func scanNumber(at row) (n int64, err error) {
	err = at.Scan(&n)
	return n, err
}
