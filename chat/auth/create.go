package auth

import (
	"context"

	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/chat/scram"
	"github.com/parlor-chat/parlor/storage"
)

// Create makes an account with a password. An empty log-in and an empty password mean none:
// such an account lets in by tokens alone. Whoever lost the answer creates again: with the
// same log-in and password it is no error.
//
// ErrInvalid and ErrTooLarge name "tenant", "user", "login" or "password"; nothing is made
// then. ErrConflict with field "login": another account of the tenant has it, or a look-alike;
// with field "user": the account is there already, and differs.
func (a *Accounts) Create(ctx context.Context, u chat.UserID, login, password string) (storage.Account, error) {
	var verifiers []scram.Verifier
	if password != "" { // first, for it may be wrong
		var err error
		if verifiers, err = a.verifiers(password); err != nil {
			return storage.Account{}, err
		}
	}
	made, err := a.dir.PutAccount(ctx, storage.Account{User: u, Login: login, Created: a.now()})
	if is(err, chat.ErrConflict, "version") { // it is there already
		made, err = a.dir.Account(ctx, u)
		if err == nil && (!sameLogin(made.Login, login) || !made.Deactivated.IsZero()) {
			err = differs()
		}
	}
	if err == nil && password != "" {
		err = a.firstPassword(ctx, u, password, verifiers)
	}
	if err != nil {
		return storage.Account{}, err
	}
	return made, nil
}

// firstPassword gives an account that never had one a password, or says whether it has this.
func (a *Accounts) firstPassword(ctx context.Context, u chat.UserID, password string, verifiers []scram.Verifier) error {
	_, err := a.dir.PutCredentials(ctx, storage.Credentials{User: u, Verifiers: verifiers})
	if !is(err, chat.ErrConflict, "version") {
		return err
	}
	c, err := a.dir.Credentials(ctx, u)
	if err != nil {
		return err
	}
	if err = verify(c, password); isAny(err, chat.ErrUnauthenticated) {
		return differs()
	}
	return err
}

func differs() error {
	return &chat.Error{Kind: chat.ErrConflict, Op: "create account", Field: "user"}
}

// sameLogin says whether two log-ins are one, or there are none.
func sameLogin(a, b string) bool {
	one, _ := chat.LoginKey(a)
	other, _ := chat.LoginKey(b)
	return one == other
}

// SetPassword gives an account another password, whatever it was. Tokens stay, and so does
// who is logged in. Errors are those of a password ("password": ErrInvalid, ErrTooLarge), and
// ErrNotFound where there is no account.
func (a *Accounts) SetPassword(ctx context.Context, u chat.UserID, password string) error {
	verifiers, err := a.verifiers(password)
	if err != nil {
		return err
	}
	for {
		c, err := a.dir.Credentials(ctx, u)
		if err != nil {
			return err
		}
		c.Verifiers = verifiers
		if _, err = a.dir.PutCredentials(ctx, c); !is(err, chat.ErrConflict, "version") {
			return err
		}
	}
}

// ChangePassword is [Accounts.SetPassword] for somebody who must know the old one, else
// ErrUnauthenticated. ErrConflict with field "version": it was changed at the same moment.
func (a *Accounts) ChangePassword(ctx context.Context, u chat.UserID, old, password string) error {
	c, err := a.dir.Credentials(ctx, u)
	if err != nil {
		return err
	}
	if err := verify(c, old); err != nil {
		return err
	}
	if c.Verifiers, err = a.verifiers(password); err != nil {
		return err
	}
	_, err = a.dir.PutCredentials(ctx, c)
	return err
}
