package memory

import (
	"context"
	"time"

	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/storage"
)

// PutToken implements storage.Tokens.
func (h directory) PutToken(ctx context.Context, t storage.Token, secret storage.SecretHash) error {
	const op = "put token"
	if err := h.ready(ctx, op); err != nil {
		return err
	}
	if err := t.Check(op); err != nil {
		return err
	}
	d := &h.data.directory
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := d.active(op, t.User); err != nil {
		return err
	}
	all := d.tokens[t.User]
	if _, taken := all[t.ID]; taken {
		return conflict(op, "id")
	}
	if _, taken := d.secrets[secret]; taken {
		return conflict(op, "secret")
	}
	if len(all) >= chat.MaxTokens {
		return &chat.Error{Kind: chat.ErrTooLarge, Op: op, Field: "tokens", Limit: chat.MaxTokens}
	}
	if all == nil {
		all = map[string]token{}
		d.tokens[t.User] = all
	}
	all[t.ID] = token{t.Kept(), secret}
	d.secrets[secret] = tokenID{t.User, t.ID}
	return nil
}

// active says whether somebody's account may be used.
func (d *accountData) active(op string, u chat.UserID) error {
	a, ok := d.accounts[u]
	switch {
	case !ok:
		return missing(op, "account")
	case !a.Deactivated.IsZero():
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
	d := &h.data.directory
	d.mu.RLock()
	defer d.mu.RUnlock()
	at, ok := d.secrets[secret]
	if !ok {
		return storage.Token{}, missing(op, "secret")
	}
	if err := d.active(op, at.user); err != nil {
		return storage.Token{}, err
	}
	t := d.tokens[at.user][at.id].Token
	if err := t.Ended(op, now); err != nil {
		return storage.Token{}, err
	}
	return t, nil
}

// Tokens implements storage.Tokens.
func (h directory) Tokens(ctx context.Context, u chat.UserID, after string, limit int) ([]storage.Token, error) {
	if err := h.list(ctx, "tokens", limit); err != nil {
		return nil, err
	}
	d := &h.data.directory
	d.mu.RLock()
	defer d.mu.RUnlock()
	var all []storage.Token
	for id, t := range d.tokens[u] {
		if id > after {
			all = append(all, t.Token)
		}
	}
	return firstBy(all, limit, func(t storage.Token) string { return t.ID }), nil
}

// TokenUsed implements storage.Tokens.
func (h directory) TokenUsed(ctx context.Context, u chat.UserID, id string, at time.Time) error {
	return h.changeToken(ctx, "token used", u, id, at, func(t *storage.Token) {
		if chat.Time(at).Sub(t.Used) >= storage.TokenGrain {
			t.Used = chat.Time(at)
		}
	})
}

// RevokeToken implements storage.Tokens.
func (h directory) RevokeToken(ctx context.Context, u chat.UserID, id string, at time.Time) error {
	return h.changeToken(ctx, "revoke token", u, id, at, func(t *storage.Token) {
		if t.Revoked.IsZero() {
			t.Revoked = chat.Time(at)
		}
	})
}

// changeToken changes one token that is there.
func (h directory) changeToken(ctx context.Context, op string, u chat.UserID, id string, at time.Time, change func(*storage.Token)) error {
	if err := h.ready(ctx, op); err != nil {
		return err
	}
	if err := storage.CheckMoment(op, at); err != nil {
		return err
	}
	d := &h.data.directory
	d.mu.Lock()
	defer d.mu.Unlock()
	t, ok := d.tokens[u][id]
	if !ok {
		return missing(op, "id")
	}
	change(&t.Token)
	d.tokens[u][id] = t
	return nil
}

// DropTokens implements storage.Tokens.
func (h directory) DropTokens(ctx context.Context, u chat.UserID, before time.Time) error {
	if err := h.ready(ctx, "drop tokens"); err != nil {
		return err
	}
	d := &h.data.directory
	d.mu.Lock()
	defer d.mu.Unlock()
	for id, t := range d.tokens[u] {
		if t.EndedBefore(before) {
			delete(d.tokens[u], id)
			delete(d.secrets, t.secret)
		}
	}
	return nil
}
