package auth

import (
	"context"

	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/storage"
)

// Issue makes a token, and its secret, which is known to nobody but the caller. t has User,
// Scopes, and what else is wanted of Name and Expires; an ID and Created are made where t has
// none. Where the user has [chat.MaxTokens], those that have ended are forgotten first.
//
// ErrInvalid with field "scopes": there is none, or one that is neither in [Scopes] nor a
// host's own. Other errors are those of PutToken of [storage.Tokens]. Who asks for a token by
// a token can get scopes that it has not: that is up to the caller, see [ScopeAccount].
func (a *Accounts) Issue(ctx context.Context, t storage.Token) (secret string, made storage.Token, err error) {
	const op = "issue token"
	if err := checkScopes(op, t.Scopes); err != nil {
		return "", storage.Token{}, err
	}
	now := a.now()
	if t.ID == "" {
		t.ID = chat.NewID().String()
	}
	if t.Created.IsZero() {
		t.Created = now
	}
	secret, hash := storage.NewSecret()
	err = a.dir.PutToken(ctx, t, hash)
	if is(err, chat.ErrTooLarge, "tokens") {
		if err := a.dir.DropTokens(ctx, t.User, now); err != nil {
			return "", storage.Token{}, err
		}
		err = a.dir.PutToken(ctx, t, hash)
	}
	if err != nil {
		return "", storage.Token{}, err
	}
	return secret, t.Kept(), nil
}
