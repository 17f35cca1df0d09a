package auth

import (
	"context"
	"crypto/sha256"
	"encoding/hex"

	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/chat/scram"
	"github.com/parlor-chat/parlor/storage"
)

// Invite makes an invitation, and its code, which is known to nobody but the caller. i has To,
// Uses, and what else is wanted of By and Expires; an ID and Created are made where i has
// none. Errors are those of PutInvitation of [storage.Invitations].
func (a *Accounts) Invite(ctx context.Context, i storage.Invitation) (code string, made storage.Invitation, err error) {
	if i.ID == "" {
		i.ID = chat.NewID().String()
	}
	if i.Created.IsZero() {
		i.Created = a.now()
	}
	code, hash := storage.NewSecret()
	if err := a.dir.PutInvitation(ctx, i, hash); err != nil {
		return "", storage.Invitation{}, err
	}
	return code, i.Kept(), nil
}

// Register makes an account for a stranger who has the code of an invitation, and returns the
// invitation, too: if it is to a room, letting him in is up to the caller. His key is made.
// Whoever lost the answer registers again: with the same code, log-in and password he gets the
// same account, and the invitation is used once.
//
// ErrNotFound with field "code": there is no such invitation to this tenant or a room of it.
// ErrExpired: it was revoked, has expired, or is used up (fields "revoked", "expires", "uses").
// ErrInvalid and ErrTooLarge name "login" or "password". ErrConflict with field "login":
// somebody has it, or a look-alike. Only who has a code learns that, and it costs no use of
// the invitation, unless two register one log-in at the same moment.
func (a *Accounts) Register(ctx context.Context, tenant, code, login, password string) (storage.Account, storage.Invitation, error) {
	if _, err := scram.Prepare(password); err != nil {
		return storage.Account{}, storage.Invitation{}, err
	}
	u, i, err := a.redeem(ctx, tenant, code, login)
	if err != nil {
		return storage.Account{}, storage.Invitation{}, err
	}
	account, err := a.Create(ctx, u, login, password)
	if is(err, chat.ErrConflict, "user") { // by this code and log-in, with another password
		err = taken()
	}
	if err != nil {
		return storage.Account{}, storage.Invitation{}, err
	}
	return account, i, nil
}

// redeem uses an invitation for whoever registers a log-in by it. His key follows from the
// code and the log-in, so that he is the same when he registers again.
func (a *Accounts) redeem(ctx context.Context, tenant, code, login string) (u chat.UserID, i storage.Invitation, err error) {
	folded, err := chat.LoginKey(login)
	if err != nil {
		return u, i, err
	}
	hash, err := storage.HashSecret(code)
	if err != nil {
		return u, i, &chat.Error{Kind: chat.ErrNotFound, Op: "register", Field: "code"}
	}
	sum := sha256.Sum256(append(hash[:], folded...))
	u = chat.UserID{Tenant: tenant, Key: hex.EncodeToString(sum[:16])}

	now := a.now()
	i, err = a.dir.Invitation(ctx, hash, now)
	switch {
	case err == nil && i.To.Tenant == tenant: // only now he may learn whether it is taken
		other, err := a.dir.AccountAt(ctx, tenant, login)
		if err == nil && other.User != u {
			return u, i, taken()
		}
		if err != nil && !isAny(err, chat.ErrNotFound) {
			return u, i, err
		}
	case err != nil && !is(err, chat.ErrExpired, "uses"): // who has used it may use it again
		return u, i, err
	}
	i, err = a.dir.UseInvitation(ctx, hash, u, now)
	return u, i, err
}

func taken() error {
	return &chat.Error{Kind: chat.ErrConflict, Op: "register", Field: "login"}
}
