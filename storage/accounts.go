package storage

import (
	"context"
	"time"

	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/chat/scram"
)

// Accounts holds who may log in, where Parlor itself knows it. What people are called is
// kept by [Users]. A host that has a log-in of its own leaves it empty.
//
// Times of accounts, tokens, invitations and the ledger are kept as [chat.Time] has them;
// the zero time means never. One before the year 1 or after 9999 is ErrInvalid.
type Accounts interface {
	// Account reads somebody's account, or ErrNotFound.
	Account(ctx context.Context, u chat.UserID) (Account, error)
	// AccountAt finds an account by its log-in, in any spelling that [chat.LoginKey]
	// holds for the same, or ErrNotFound. It finds deactivated ones, too.
	AccountAt(ctx context.Context, tenant, login string) (Account, error)
	// PutAccount stores an account and returns it with its new Version. a.Version is
	// that of the stored account, 0 to make a new one; else ErrConflict with field
	// "version". ErrConflict with field "login" where another account of the tenant, a
	// deactivated one too, has the same log-in or a look-alike. Created of a stored
	// account never changes: ErrInvalid.
	PutAccount(ctx context.Context, a Account) (Account, error)
	// ListAccounts lists a tenant's accounts by key.
	ListAccounts(ctx context.Context, tenant, after string, limit int) ([]Account, error)
	// Deactivated says whose account is deactivated, of many people in one round trip: their
	// ids in the order given, repeated ones too. Who has no account isn't. At most
	// [chat.MaxBatch] ids, else ErrTooLarge with field "ids".
	Deactivated(ctx context.Context, ids []chat.UserID) ([]chat.UserID, error)

	// Credentials reads what somebody's password is checked against, or ErrNotFound
	// where he has no account. An account without a password has no Verifiers, and a
	// deactivated one shows none: no password fits.
	Credentials(ctx context.Context, u chat.UserID) (Credentials, error)
	// PutCredentials stores them, in the place of all that were there, and returns them
	// with their new Version, which is higher than any before; of a deactivated account,
	// too. c.Version is that of the stored ones, else ErrConflict with field "version":
	// who stores a password anew under more iterations must not undo a change of it.
	// ErrNotFound where there is no account.
	PutCredentials(ctx context.Context, c Credentials) (Credentials, error)
}

// Account is somebody who may log in. Accounts are deactivated, not deleted, so that
// neither the key nor the log-in of who has left is ever somebody else's by accident.
type Account struct {
	User  chat.UserID
	Login string // as its owner types it; unique in the tenant ([chat.LoginKey]); empty: none

	Created     time.Time
	Deactivated time.Time // since when nobody gets in by it; zero: it is active

	Version int64 // set by the directory
}

// Credentials is what somebody's password is checked against.
type Credentials struct {
	User      chat.UserID
	Verifiers []scram.Verifier // at most one of each mechanism, in the order given
	Version   int64            // set by the directory; 0: there never were any
}

// Check says whether an account may be stored.
func (a Account) Check(op string) error {
	if err := a.User.Check(op); err != nil {
		return err
	}
	if a.Login != "" {
		if _, err := chat.LoginKey(a.Login); err != nil {
			return err
		}
	}
	if a.Version < 0 {
		return invalid(op, "version")
	}
	return checkTimes(op, moment{"created", a.Created}, moment{"deactivated", a.Deactivated})
}

// Kept is the account as it is kept: its times are those of [chat.Time].
func (a Account) Kept() Account {
	a.Created, a.Deactivated = chat.Time(a.Created), chat.Time(a.Deactivated)
	return a
}

// Check says whether credentials may be stored.
func (c Credentials) Check(op string) error {
	if err := c.User.Check(op); err != nil {
		return err
	}
	if c.Version < 0 {
		return invalid(op, "version")
	}
	for i, v := range c.Verifiers {
		if err := v.Check(op); err != nil {
			return err
		}
		for _, other := range c.Verifiers[:i] {
			if other.Mechanism == v.Mechanism {
				return invalid(op, "verifiers")
			}
		}
	}
	return nil
}

// moment is a time and the field that it is.
type moment struct {
	field string
	at    time.Time
}

// checkTimes refuses what no engine can keep.
func checkTimes(op string, all ...moment) error {
	for _, m := range all {
		if y := m.at.UTC().Year(); y < 1 || y > 9999 {
			return invalid(op, m.field)
		}
	}
	return nil
}
