package storagetest_test

import (
	"bytes"
	"context"
	"errors"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/chat/scram"
	"github.com/parlor-chat/parlor/internal/suite"
	"github.com/parlor-chat/parlor/storage"
	"github.com/parlor-chat/parlor/storage/storagetest"
)

type wrongDirectory = suite.Wrong[*storagetest.DirectorySite]

// fails says whether err is of a kind and of a field.
func fails(err, kind error, field string) bool {
	var e *chat.Error
	return errors.Is(err, kind) && errors.As(err, &e) && e.Field == field
}

// deaf has a method say that all is well where it has failed so.
func deafTo[In, Out any](was func(context.Context, In) (Out, error), kind error, field string, unless func(In) bool) func(context.Context, In) (Out, error) {
	return func(ctx context.Context, in In) (Out, error) {
		out, err := was(ctx, in)
		if fails(err, kind, field) && (unless == nil || !unless(in)) {
			return out, nil
		}
		return out, err
	}
}

// reversed and shortened make a list wrong.
func reversed[A, T any](was func(context.Context, A, string, int) ([]T, error)) func(context.Context, A, string, int) ([]T, error) {
	return func(ctx context.Context, of A, after string, limit int) ([]T, error) {
		all, err := was(ctx, of, after, limit)
		all = slices.Clone(all)
		slices.Reverse(all)
		return all, err
	}
}

func shortened[A, T any](was func(context.Context, A, string, int) ([]T, error)) func(context.Context, A, string, int) ([]T, error) {
	return func(ctx context.Context, of A, after string, limit int) ([]T, error) {
		all, err := was(ctx, of, after, limit)
		if len(all) == limit && limit > 1 {
			all = all[:limit-1]
		}
		return all, err
	}
}

var wrongAccounts = []wrongDirectory{
	{Name: "times to the second", Case: "an account comes back", At: bend(func(d *bent) {
		d.account = func(ctx context.Context, u chat.UserID) (storage.Account, error) {
			a, err := d.right.Account(ctx, u)
			a.Created = a.Created.Truncate(time.Second)
			return a, err
		}
	})},
	{Name: "gives back what it was given", Case: "an account comes back", At: bend(func(d *bent) {
		d.putAccount = func(ctx context.Context, a storage.Account) (storage.Account, error) {
			put, err := d.right.PutAccount(ctx, a)
			put.Created = a.Created
			return put, err
		}
	})},
	{Name: "a list of active accounts", Case: "an account comes back", At: bend(func(d *bent) {
		d.listAccounts = func(ctx context.Context, tenant, after string, limit int) ([]storage.Account, error) {
			all, err := d.right.ListAccounts(ctx, tenant, after, limit)
			return slices.DeleteFunc(slices.Clone(all), func(a storage.Account) bool { return !a.Deactivated.IsZero() }), err
		}
	})},
	{Name: "log-ins in any case, nothing more", Case: "a log-in is one under any look", At: bend(func(d *bent) {
		d.putAccount = deafTo(d.right.PutAccount, chat.ErrConflict, "login", func(a storage.Account) bool {
			_, err := d.right.AccountAt(context.Background(), a.User.Tenant, a.Login)
			return err == nil && slices.Contains([]string{"paypal", "carol"}, strings.ToLower(a.Login))
		})
	})},
	{Name: "the log-in of who left is free", Case: "a log-in is one under any look", At: bend(func(d *bent) {
		d.putAccount = deafTo(d.right.PutAccount, chat.ErrConflict, "login", func(a storage.Account) bool {
			at, _ := d.right.AccountAt(context.Background(), a.User.Tenant, a.Login)
			return at.Deactivated.IsZero()
		})
	})},
	{Name: "a log-in as it was typed", Case: "a log-in is one under any look", At: bend(func(d *bent) {
		d.accountAt = func(ctx context.Context, tenant, login string) (storage.Account, error) {
			a, err := d.right.AccountAt(ctx, tenant, login)
			if err == nil && a.Login != login {
				return storage.Account{}, &chat.Error{Kind: chat.ErrNotFound, Field: "login"}
			}
			return a, err
		}
	})},
	{Name: "log-ins of all tenants are one's", Case: "a log-in is one under any look", At: bend(func(d *bent) {
		d.putAccount = func(ctx context.Context, a storage.Account) (storage.Account, error) {
			if _, err := d.right.AccountAt(ctx, "acme", a.Login); err == nil && a.User.Tenant != "acme" {
				return storage.Account{}, &chat.Error{Kind: chat.ErrConflict, Field: "login"}
			}
			return d.right.PutAccount(ctx, a)
		}
	})},
	{Name: "an old log-in finds", Case: "a log-in is free when it is given up", At: bend(func(d *bent) {
		d.accountAt = func(ctx context.Context, tenant, login string) (storage.Account, error) {
			if a, err := d.right.Account(ctx, chat.UserID{Tenant: tenant, Key: strings.ToLower(login)}); err == nil {
				return a, nil
			}
			return d.right.AccountAt(ctx, tenant, login)
		}
	})},
	{Name: "a log-in is never free", Case: "a log-in is free when it is given up", At: bend(func(d *bent) {
		ever := map[string]chat.UserID{}
		d.putAccount = func(ctx context.Context, a storage.Account) (storage.Account, error) {
			if u, ok := ever[a.Login]; ok && u != a.User {
				return storage.Account{}, &chat.Error{Kind: chat.ErrConflict, Field: "login"}
			}
			ever[a.Login] = a.User
			return d.right.PutAccount(ctx, a)
		}
	})},
	{Name: "any version of an account", Case: "an old version of an account is refused", At: bend(func(d *bent) {
		d.putAccount = func(ctx context.Context, a storage.Account) (storage.Account, error) {
			old, _ := d.right.Account(ctx, a.User)
			a.Version = old.Version
			return d.right.PutAccount(ctx, a)
		}
	})},
	{Name: "an account is made again", Case: "an old version of an account is refused", At: bend(func(d *bent) {
		d.putAccount = deafTo(d.right.PutAccount, chat.ErrInvalid, "created", nil)
	})},
	{Name: "deactivated for good", Case: "an old version of an account is refused", At: bend(func(d *bent) {
		d.putAccount = func(ctx context.Context, a storage.Account) (storage.Account, error) {
			if old, err := d.right.Account(ctx, a.User); err == nil && !old.Deactivated.IsZero() {
				a.Deactivated = old.Deactivated
			}
			return d.right.PutAccount(ctx, a)
		}
	})},
	{Name: "looks for a log-in, then takes it", Case: "one of many gets a log-in", At: bend(func(d *bent) {
		d.putAccount = func(ctx context.Context, a storage.Account) (storage.Account, error) {
			if _, err := d.right.AccountAt(ctx, a.User.Tenant, a.Login); err == nil {
				return storage.Account{}, &chat.Error{Kind: chat.ErrConflict, Field: "login"}
			}
			time.Sleep(time.Millisecond)
			return deafTo(d.right.PutAccount, chat.ErrConflict, "login", nil)(ctx, a)
		}
	})},
	{Name: "the last who asks gets a log-in", Case: "one of many gets a log-in", At: bend(func(d *bent) {
		var mu sync.Mutex
		d.putAccount = func(ctx context.Context, a storage.Account) (storage.Account, error) {
			mu.Lock()
			defer mu.Unlock()
			if had, err := d.right.AccountAt(ctx, a.User.Tenant, a.Login); err == nil {
				had.Login = ""
				d.right.PutAccount(ctx, had)
			}
			return d.right.PutAccount(ctx, a)
		}
	})},
	{Name: "who has no account is deactivated", Case: "who is deactivated is said of many at once", At: bend(func(d *bent) {
		d.deactivated = func(ctx context.Context, ids []chat.UserID) (gone []chat.UserID, err error) {
			for _, u := range ids {
				if a, err := d.right.Account(ctx, u); err != nil || !a.Deactivated.IsZero() {
					gone = append(gone, u)
				}
			}
			return gone, nil
		}
	})},
	{Name: "once deactivated, always", Case: "who is deactivated is said of many at once", At: bend(func(d *bent) {
		ever := map[chat.UserID]bool{}
		d.deactivated = func(ctx context.Context, ids []chat.UserID) (gone []chat.UserID, err error) {
			now, err := d.right.Deactivated(ctx, ids)
			for _, u := range now {
				ever[u] = true
			}
			for _, u := range ids {
				if ever[u] {
					gone = append(gone, u)
				}
			}
			return gone, err
		}
	})},
	{Name: "no limit of who is asked for", Case: "who is deactivated is said of many at once", At: bend(func(d *bent) {
		d.deactivated = func(ctx context.Context, ids []chat.UserID) (gone []chat.UserID, err error) {
			for part := range slices.Chunk(ids, chat.MaxBatch) {
				some, err := d.right.Deactivated(ctx, part)
				if err != nil {
					return nil, err
				}
				gone = append(gone, some...)
			}
			return gone, nil
		}
	})},
	{Name: "accounts out of order", Case: "accounts are listed by key", At: bend(func(d *bent) { d.listAccounts = reversed(d.right.ListAccounts) })},
	{Name: "a short list of accounts", Case: "accounts are listed by key", At: bend(func(d *bent) { d.listAccounts = shortened(d.right.ListAccounts) })},
	{Name: "accounts of all tenants", Case: "accounts are listed by key", At: bend(func(d *bent) {
		d.listAccounts = func(ctx context.Context, tenant, after string, limit int) ([]storage.Account, error) {
			ours, err := d.right.ListAccounts(ctx, tenant, after, limit)
			theirs, _ := d.right.ListAccounts(ctx, "evil", after, limit)
			all := append(slices.Clone(ours), theirs...)
			return all[:min(len(all), max(limit, 0))], err
		}
	})},
	{Name: "no log-in for an invalid one", Case: "invalid accounts are refused", At: bend(func(d *bent) {
		d.putAccount = func(ctx context.Context, a storage.Account) (storage.Account, error) {
			if _, err := chat.LoginKey(a.Login); err != nil {
				a.Login = ""
			}
			return d.right.PutAccount(ctx, a)
		}
	})},
	{Name: "any time", Case: "invalid accounts are refused", At: bend(func(d *bent) {
		d.putAccount = func(ctx context.Context, a storage.Account) (storage.Account, error) {
			if a.Created.Year() > 9999 {
				a.Created = time.Time{}
			}
			return d.right.PutAccount(ctx, a)
		}
	})},

	{Name: "loses a byte of a salt", Case: "credentials come back", At: bend(func(d *bent) {
		d.credentials = func(ctx context.Context, u chat.UserID) (storage.Credentials, error) {
			c, err := d.right.Credentials(ctx, u)
			c.Verifiers = slices.Clone(c.Verifiers)
			for i := range c.Verifiers {
				c.Verifiers[i].Salt = bytes.TrimLeft(c.Verifiers[i].Salt, "\x00") // as a number would be
			}
			return c, err
		}
	})},
	{Name: "verifiers by mechanism", Case: "credentials come back", At: bend(func(d *bent) {
		d.credentials = func(ctx context.Context, u chat.UserID) (storage.Credentials, error) {
			c, err := d.right.Credentials(ctx, u)
			c.Verifiers = slices.SortedFunc(slices.Values(c.Verifiers), func(a, b scram.Verifier) int {
				return strings.Compare(string(a.Mechanism), string(b.Mechanism))
			})
			return c, err
		}
	})},
	{Name: "an old verifier of the other mechanism stays", Case: "credentials come back", At: bend(func(d *bent) {
		d.putCredentials = func(ctx context.Context, c storage.Credentials) (storage.Credentials, error) {
			old, _ := d.right.Credentials(ctx, c.User)
			for _, v := range old.Verifiers {
				if !slices.ContainsFunc(c.Verifiers, func(n scram.Verifier) bool { return n.Mechanism == v.Mechanism }) {
					c.Verifiers = append(slices.Clone(c.Verifiers), v)
				}
			}
			return d.right.PutCredentials(ctx, c)
		}
	})},
	{Name: "any version of credentials", Case: "an old version of credentials is refused", At: bend(func(d *bent) {
		d.putCredentials = func(ctx context.Context, c storage.Credentials) (storage.Credentials, error) {
			old, _ := d.right.Credentials(ctx, c.User)
			c.Version = old.Version
			return d.right.PutCredentials(ctx, c)
		}
	})},
	{Name: "version 0 is any version", Case: "an old version of credentials is refused", At: bend(func(d *bent) {
		d.putCredentials = func(ctx context.Context, c storage.Credentials) (storage.Credentials, error) {
			if c.Version == 0 {
				old, _ := d.right.Credentials(ctx, c.User)
				c.Version = old.Version
			}
			return d.right.PutCredentials(ctx, c)
		}
	})},
	{Name: "every writer of a password wins", Case: "one of many writers of a password wins", At: bend(func(d *bent) {
		d.putCredentials = func(ctx context.Context, c storage.Credentials) (storage.Credentials, error) {
			for {
				old, err := d.right.Credentials(ctx, c.User)
				if err != nil {
					return old, err
				}
				c.Version = old.Version
				if put, err := d.right.PutCredentials(ctx, c); err == nil {
					return put, nil
				}
			}
		}
	})},
	{Name: "compares a version, then stores", Case: "one of many writers of a password wins", At: bend(func(d *bent) {
		d.putCredentials = func(ctx context.Context, c storage.Credentials) (storage.Credentials, error) {
			if old, err := d.right.Credentials(ctx, c.User); err == nil && old.Version != c.Version {
				return storage.Credentials{}, &chat.Error{Kind: chat.ErrConflict, Field: "version"}
			}
			time.Sleep(time.Millisecond)
			return deafTo(d.right.PutCredentials, chat.ErrConflict, "version", nil)(ctx, c)
		}
	})},
	{Name: "a deactivated account's password fits", Case: "a deactivated account fits no password", At: bend(func(d *bent) {
		last := map[chat.UserID]storage.Credentials{}
		d.putCredentials = func(ctx context.Context, c storage.Credentials) (storage.Credentials, error) {
			put, err := d.right.PutCredentials(ctx, c)
			if err == nil {
				last[c.User] = put
			}
			return put, err
		}
		d.credentials = func(_ context.Context, u chat.UserID) (storage.Credentials, error) { return last[u], nil }
	})},
	{Name: "a password is lost with the account", Case: "a deactivated account fits no password", At: bend(func(d *bent) {
		d.putAccount = func(ctx context.Context, a storage.Account) (storage.Account, error) {
			if c, err := d.right.Credentials(ctx, a.User); err == nil && !a.Deactivated.IsZero() {
				c.Verifiers = nil
				d.right.PutCredentials(ctx, c)
			}
			return d.right.PutAccount(ctx, a)
		}
	})},
	{Name: "no new password before he comes back", Case: "a deactivated account fits no password", At: bend(func(d *bent) {
		d.putCredentials = func(ctx context.Context, c storage.Credentials) (storage.Credentials, error) {
			if a, err := d.right.Account(ctx, c.User); err == nil && !a.Deactivated.IsZero() {
				return storage.Credentials{}, &chat.Error{Kind: chat.ErrForbidden, Field: "account"}
			}
			return d.right.PutCredentials(ctx, c)
		}
	})},
	{Name: "a verifier of any strength", Case: "invalid credentials are refused", At: bend(func(d *bent) {
		d.putCredentials = deafTo(d.right.PutCredentials, chat.ErrInvalid, "iterations", nil)
	})},
	{Name: "the last verifier of a mechanism", Case: "invalid credentials are refused", At: bend(func(d *bent) {
		d.putCredentials = deafTo(d.right.PutCredentials, chat.ErrInvalid, "verifiers", nil)
	})},
}

var wrongTokens = []wrongDirectory{
	{Name: "any secret will do", Case: "a token is found by its secret", At: bend(func(d *bent) {
		d.token = func(ctx context.Context, secret storage.SecretHash, now time.Time) (storage.Token, error) {
			t, err := d.right.Token(ctx, secret, now)
			if all, err2 := d.right.Tokens(ctx, chat.UserID{Tenant: "acme", Key: "ann"}, "", 1); err != nil && err2 == nil && len(all) > 0 {
				return all[0], nil
			}
			return t, err
		}
	})},
	{Name: "scopes in order", Case: "a token is found by its secret", At: bend(func(d *bent) {
		d.token = func(ctx context.Context, secret storage.SecretHash, now time.Time) (storage.Token, error) {
			t, err := d.right.Token(ctx, secret, now)
			t.Scopes = slices.Sorted(slices.Values(t.Scopes))
			return t, err
		}
	})},
	{Name: "a list without scopes", Case: "a token is found by its secret", At: bend(func(d *bent) {
		d.tokens = func(ctx context.Context, u chat.UserID, after string, limit int) ([]storage.Token, error) {
			all, err := d.right.Tokens(ctx, u, after, limit)
			for i := range all {
				all[i].Scopes = nil
			}
			return all, err
		}
	})},
	{Name: "a token ends a moment late", Case: "a token ends", At: bend(func(d *bent) {
		d.token = func(ctx context.Context, secret storage.SecretHash, now time.Time) (storage.Token, error) {
			return d.right.Token(ctx, secret, now.Add(-time.Millisecond))
		}
	})},
	{Name: "a token is revoked again", Case: "a token ends", At: bend(func(d *bent) {
		last := map[string]time.Time{}
		d.revokeToken = func(ctx context.Context, u chat.UserID, id string, at time.Time) error {
			last[id] = at
			return d.right.RevokeToken(ctx, u, id, at)
		}
		d.tokens = func(ctx context.Context, u chat.UserID, after string, limit int) ([]storage.Token, error) {
			all, err := d.right.Tokens(ctx, u, after, limit)
			for i := range all {
				if at, ok := last[all[i].ID]; ok && !all[i].Revoked.IsZero() {
					all[i].Revoked = at
				}
			}
			return all, err
		}
	})},
	{Name: "a token outlives its end", Case: "a token ends", At: bend(func(d *bent) {
		d.revokeToken = func(context.Context, chat.UserID, string, time.Time) error { return nil }
	})},
	{Name: "a deactivated account's token opens", Case: "a deactivated account has no token", At: bend(func(d *bent) {
		d.token = func(ctx context.Context, secret storage.SecretHash, now time.Time) (storage.Token, error) {
			t, err := d.right.Token(ctx, secret, now)
			if fails(err, chat.ErrForbidden, "account") {
				return storage.Token{ID: "t"}, nil
			}
			return t, err
		}
	})},
	{Name: "a token for whoever has no account", Case: "a deactivated account has no token", At: bend(func(d *bent) {
		d.putToken = func(ctx context.Context, t storage.Token, secret storage.SecretHash) error {
			if err := d.right.PutToken(ctx, t, secret); !fails(err, chat.ErrNotFound, "account") {
				return err
			}
			return nil
		}
	})},
	{Name: "a new token for who left", Case: "a deactivated account has no token", At: bend(func(d *bent) {
		d.putToken = func(ctx context.Context, t storage.Token, secret storage.SecretHash) error {
			if err := d.right.PutToken(ctx, t, secret); !fails(err, chat.ErrForbidden, "account") {
				return err
			}
			return nil
		}
	})},
	{Name: "a token in another's place", Case: "tokens are apart", At: bend(func(d *bent) {
		d.putToken = func(ctx context.Context, t storage.Token, secret storage.SecretHash) error {
			if err := d.right.PutToken(ctx, t, secret); !fails(err, chat.ErrConflict, "id") {
				return err
			}
			return nil
		}
	})},
	{Name: "two tokens of one secret", Case: "tokens are apart", At: bend(func(d *bent) {
		d.putToken = func(ctx context.Context, t storage.Token, secret storage.SecretHash) error {
			if err := d.right.PutToken(ctx, t, secret); !fails(err, chat.ErrConflict, "secret") {
				return err
			}
			return nil
		}
	})},
	{Name: "one id, one token", Case: "tokens are apart", At: bend(func(d *bent) {
		d.revokeToken = func(ctx context.Context, u chat.UserID, id string, at time.Time) error {
			d.right.RevokeToken(ctx, chat.UserID{Tenant: "evil", Key: "ann"}, id, at)
			return d.right.RevokeToken(ctx, u, id, at)
		}
	})},
	{Name: "each use of a token is noted", Case: "a token's last use is kept to within an hour", At: lastUse(func(_, at time.Time) time.Time { return at })},
	{Name: "the first use of a token is noted", Case: "a token's last use is kept to within an hour", At: lastUse(func(was, at time.Time) time.Time {
		if was.IsZero() {
			return at
		}
		return was
	})},
	{Name: "the last use of a token falls", Case: "a token's last use is kept to within an hour", At: lastUse(func(was, at time.Time) time.Time {
		if at.Sub(was).Abs() < storage.TokenGrain {
			return was
		}
		return at
	})},
	{Name: "tokens out of order", Case: "tokens are listed by their ids", At: bend(func(d *bent) { d.tokens = reversed(d.right.Tokens) })},
	{Name: "a short list of tokens", Case: "tokens are listed by their ids", At: bend(func(d *bent) { d.tokens = shortened(d.right.Tokens) })},
	{Name: "any number of tokens", Case: "tokens have a limit, and are dropped", At: bend(func(d *bent) {
		d.putToken = func(ctx context.Context, t storage.Token, secret storage.SecretHash) error {
			if err := d.right.PutToken(ctx, t, secret); !errors.Is(err, chat.ErrTooLarge) {
				return err
			}
			return nil
		}
	})},
	{Name: "drops nothing", Case: "tokens have a limit, and are dropped", At: bend(func(d *bent) {
		d.dropTokens = func(context.Context, chat.UserID, time.Time) error { return nil }
	})},
	{Name: "drops all that end", Case: "tokens have a limit, and are dropped", At: bend(func(d *bent) {
		d.dropTokens = func(ctx context.Context, u chat.UserID, _ time.Time) error {
			return d.right.DropTokens(ctx, u, time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC))
		}
	})},
	{Name: "scopes with spaces are two", Case: "invalid tokens are refused", At: bend(func(d *bent) {
		d.putToken = func(ctx context.Context, t storage.Token, secret storage.SecretHash) error {
			t.Scopes = strings.Fields(strings.Join(t.Scopes, " "))
			return d.right.PutToken(ctx, t, secret)
		}
	})},
	{Name: "scopes are cut", Case: "invalid tokens are refused", At: bend(func(d *bent) {
		d.putToken = func(ctx context.Context, t storage.Token, secret storage.SecretHash) error {
			t.Scopes = t.Scopes[:min(len(t.Scopes), chat.MaxScopes)]
			return d.right.PutToken(ctx, t, secret)
		}
	})},
}

// lastUse makes sites that settle the last use of a token wrongly.
func lastUse(settle func(was, at time.Time) time.Time) func(testing.TB) *storagetest.DirectorySite {
	return bend(func(d *bent) {
		used := map[chat.UserID]time.Time{}
		d.tokenUsed = func(ctx context.Context, u chat.UserID, id string, at time.Time) error {
			err := d.right.TokenUsed(ctx, u, id, at)
			if err == nil {
				used[u] = settle(used[u], chat.Time(at))
			}
			return err
		}
		d.token = func(ctx context.Context, secret storage.SecretHash, now time.Time) (storage.Token, error) {
			t, err := d.right.Token(ctx, secret, now)
			t.Used = used[t.User]
			return t, err
		}
	})
}

// lookFirst has a call looked for before it is done, as two steps.
func lookFirst(look func() error, do func() error) error {
	if err := look(); err != nil {
		return err
	}
	runtime.Gosched()
	time.Sleep(time.Millisecond)
	return do()
}
