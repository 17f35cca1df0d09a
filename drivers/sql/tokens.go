package sql

import (
	"context"
	stdsql "database/sql"
	"strings"
	"time"

	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/storage"
)

const tokenColumns = "t.tenant, t.person, t.id, t.name, t.scopes, t.created, t.expires, t.used, t.revoked"

// token reads a token, and what comes behind its columns.
func token(at row, more ...any) (t storage.Token, err error) {
	var scopes string
	err = at.Scan(append([]any{&t.User.Tenant, &t.User.Key, &t.ID, &t.Name, &scopes,
		milli{&t.Created}, milli{&t.Expires}, milli{&t.Used}, milli{&t.Revoked}}, more...)...)
	if scopes != "" {
		t.Scopes = strings.Split(scopes, " ") // keys have no spaces
	}
	return t, err
}

func scanToken(at row) (storage.Token, error) { return token(at) }

// PutToken implements storage.Tokens.
func (h directory) PutToken(ctx context.Context, t storage.Token, secret storage.SecretHash) error {
	const op = "put token"
	if err := h.ready(ctx, op); err != nil {
		return err
	}
	if err := t.Check(op); err != nil {
		return err
	}
	t = t.Kept()
	return h.write(ctx, op, func(tx *stdsql.Tx) error {
		a, there, err := findOne(ctx, h.Store, tx, scanAccount, oneAccount+" {locked}", t.User.Tenant, t.User.Key)
		if err == nil {
			err = active(op, there, a.Deactivated)
		}
		if err != nil {
			return err
		}
		for _, taken := range []struct {
			field, where string
			args         []any
		}{
			{"id", "tenant = ? AND person = ? AND id = ?", []any{t.User.Tenant, t.User.Key, t.ID}},
			{"secret", "secret = ?", []any{secret[:]}},
		} {
			_, is, err := findOne(ctx, h.Store, tx, scanText, "SELECT id FROM {tokens} WHERE "+taken.where, taken.args...)
			switch {
			case err != nil:
				return err
			case is:
				return conflict(op, taken.field)
			}
		}
		n, _, err := findOne(ctx, h.Store, tx, scanNumber,
			"SELECT count(*) FROM {tokens} WHERE tenant = ? AND person = ?", t.User.Tenant, t.User.Key)
		switch {
		case err != nil:
			return err
		case n >= chat.MaxTokens:
			return &chat.Error{Kind: chat.ErrTooLarge, Op: op, Field: "tokens", Limit: chat.MaxTokens}
		}
		return h.put(ctx, tx, "tokens", []string{"tenant", "person", "id"}, []string{"name", "scopes", "created", "expires", "used", "revoked", "secret"},
			t.User.Tenant, t.User.Key, t.ID, t.Name, strings.Join(t.Scopes, " "), t.Created.UnixMilli(), t.Expires.UnixMilli(), never, never, secret[:])
	})
}

// active says whether somebody's account may be used.
func active(op string, there bool, deactivated time.Time) error {
	switch {
	case !there:
		return &chat.Error{Kind: chat.ErrNotFound, Op: op, Field: "account"}
	case !deactivated.IsZero():
		return &chat.Error{Kind: chat.ErrForbidden, Op: op, Field: "account"}
	}
	return nil
}

// Token implements storage.Tokens.
func (h directory) Token(ctx context.Context, secret storage.SecretHash, now time.Time) (storage.Token, error) {
	const op = "token"
	if err := h.ready(ctx, op); err != nil {
		return storage.Token{}, err
	}
	return readOne(ctx, h.Store, op, "secret", func(at row) (storage.Token, error) {
		var deactivated time.Time
		t, err := token(at, milli{&deactivated})
		if err == nil {
			err = active(op, true, deactivated)
		}
		if err == nil {
			err = t.Ended(op, now)
		}
		return t, err
	}, "SELECT "+tokenColumns+`, a.deactivated FROM {tokens} t JOIN {accounts} a ON a.tenant = t.tenant AND a.person = t.person
		WHERE t.secret = ?`, secret[:])
}

// Tokens implements storage.Tokens.
func (h directory) Tokens(ctx context.Context, u chat.UserID, after string, limit int) ([]storage.Token, error) {
	const op = "tokens"
	if err := h.list(ctx, op, limit); err != nil {
		return nil, err
	}
	return read(ctx, h.Store, op, scanToken,
		"SELECT "+tokenColumns+" FROM {tokens} t WHERE t.tenant = ? AND t.person = ? AND t.id > ? ORDER BY t.id LIMIT ?", u.Tenant, u.Key, after, limit)
}

// TokenUsed implements storage.Tokens.
func (h directory) TokenUsed(ctx context.Context, u chat.UserID, id string, at time.Time) error {
	return h.changeToken(ctx, "token used", u, id, at, "used", func(t storage.Token) bool {
		return chat.Time(at).Sub(t.Used) >= storage.TokenGrain
	})
}

// RevokeToken implements storage.Tokens.
func (h directory) RevokeToken(ctx context.Context, u chat.UserID, id string, at time.Time) error {
	return h.changeToken(ctx, "revoke token", u, id, at, "revoked", func(t storage.Token) bool { return t.Revoked.IsZero() })
}

// changeToken sets a time of a token that is there, if it is to be.
func (h directory) changeToken(ctx context.Context, op string, u chat.UserID, id string, at time.Time, column string, is func(storage.Token) bool) error {
	if err := h.ready(ctx, op); err != nil {
		return err
	}
	if err := storage.CheckMoment(op, at); err != nil {
		return err
	}
	return h.write(ctx, op, func(tx *stdsql.Tx) error {
		t, there, err := findOne(ctx, h.Store, tx, scanToken,
			"SELECT "+tokenColumns+" FROM {tokens} t WHERE t.tenant = ? AND t.person = ? AND t.id = ? {locked}", u.Tenant, u.Key, id)
		switch {
		case err != nil:
			return err
		case !there:
			return &chat.Error{Kind: chat.ErrNotFound, Op: op, Field: "id"}
		case !is(t):
			return nil
		}
		return h.exec(ctx, tx, "UPDATE {tokens} SET "+column+" = ? WHERE tenant = ? AND person = ? AND id = ?",
			chat.Time(at).UnixMilli(), u.Tenant, u.Key, id)
	})
}

// DropTokens implements storage.Tokens.
func (h directory) DropTokens(ctx context.Context, u chat.UserID, before time.Time) error {
	const op = "drop tokens"
	if err := h.ready(ctx, op); err != nil {
		return err
	}
	return h.write(ctx, op, func(tx *stdsql.Tx) error {
		rows, err := tx.QueryContext(ctx, h.text("SELECT "+tokenColumns+" FROM {tokens} t WHERE t.tenant = ? AND t.person = ? {locked}"), u.Tenant, u.Key)
		all, err := collect(rows, err, scanToken)
		if err != nil {
			return err
		}
		for _, t := range all {
			if !t.EndedBefore(before) {
				continue
			}
			if err := h.exec(ctx, tx, "DELETE FROM {tokens} WHERE tenant = ? AND person = ? AND id = ?", u.Tenant, u.Key, t.ID); err != nil {
				return err
			}
		}
		return nil
	})
}
