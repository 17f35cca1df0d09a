package storagetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"sync"
	"time"

	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/chat/scram"
	"github.com/parlor-chat/parlor/storage"
)

var accountCases = []DirectoryCase{
	{Name: "an account comes back", Why: "who may log in must not depend on how it is asked", Run: atDirectory(accounts)},
	{Name: "a log-in is one under any look", Why: "nobody may log in, or be invited, as somebody else", Run: atDirectory(logins)},
	{Name: "a log-in is free when it is given up", Why: "people change their names", Run: atDirectory(loginFreed)},
	{Name: "an old version of an account is refused", Why: "one admin must not undo what another did, a deactivation least of all", Run: atDirectory(accountVersions)},
	{Name: "one of many gets a log-in", Why: "looking and taking is one step", Run: atDirectory(accountRace)},
	{Name: "accounts are listed by key", Why: "lists are read page by page", Run: atDirectory(accountList)},
	{Name: "who is deactivated is said of many at once", Why: "sessions of who was sent away end on every node", Run: atDirectory(deactivated)},
	{Name: "invalid accounts are refused", Why: "nothing half valid is stored", Run: atDirectory(accountInvalid)},

	{Name: "credentials come back", Why: "a bit that is lost locks somebody out", Run: atDirectory(credentials)},
	{Name: "an old version of credentials is refused", Why: "a password that was changed must not come back", Run: atDirectory(credentialVersions)},
	{Name: "one of many writers of a password wins", Why: "compare and set is one step", Run: atDirectory(credentialRace)},
	{Name: "a deactivated account fits no password", Why: "who was sent away must not get in by a front that forgets to ask", Run: atDirectory(credentialsDeactivated)},
	{Name: "invalid credentials are refused", Why: "a verifier of one iteration is as good as the password", Run: atDirectory(credentialsInvalid)},
}

// same says whether two values are the same in depth.
func same(what string, got, want any) error {
	if !reflect.DeepEqual(got, want) {
		return fmt.Errorf("%s is %+v, want %+v", what, got, want)
	}
	return nil
}

// account is an active account with a log-in that is its key.
func account(key string) storage.Account {
	return storage.Account{User: chat.UserID{Tenant: "acme", Key: key}, Login: key, Created: epoch}
}

func putAccounts(ctx context.Context, d storage.Directory, all ...storage.Account) error {
	for _, a := range all {
		if _, err := d.PutAccount(ctx, a); err != nil {
			return err
		}
	}
	return nil
}

// deactivate deactivates an account that is there.
func deactivate(ctx context.Context, d storage.Directory, u chat.UserID, at time.Time) error {
	a, err := d.Account(ctx, u)
	if err != nil {
		return err
	}
	a.Deactivated = at
	return putAccounts(ctx, d, a)
}

func accounts(ctx context.Context, d storage.Directory) error {
	a := storage.Account{User: ann, Login: "Ann.Lee@Acme.Example", Created: epoch.Add(1234567 * time.Nanosecond), Deactivated: epoch.Add(time.Hour)}
	put, err := d.PutAccount(ctx, a)
	if err := first(err, full(put)); err != nil {
		return err
	}
	a.Created = epoch.Add(time.Millisecond) // whole milliseconds
	a.Version = put.Version
	theirs := account("ann")
	theirs.User.Tenant = "evil"
	if err := putAccounts(ctx, d, theirs); err != nil {
		return err
	}
	one, err1 := d.Account(ctx, ann)
	at, err2 := d.AccountAt(ctx, "acme", "ann.lee@acme.example")
	all, err3 := d.ListAccounts(ctx, "acme", "", 10)
	if err := first(err1, err2, err3, same("what was put", put, a), same("the account", one, a), same("the account by its log-in", at, a),
		same("the list", all, []storage.Account{a})); err != nil {
		return err
	}
	_, err1 = d.Account(ctx, bob)
	_, err2 = d.AccountAt(ctx, "acme", "bob")
	_, err3 = d.AccountAt(ctx, "evil", "ann.lee@acme.example")
	_, err4 := d.AccountAt(ctx, "acme", "a b")
	return first(is(err1, chat.ErrNotFound, ""), is(err2, chat.ErrNotFound, ""), is(err3, chat.ErrNotFound, ""), is(err4, chat.ErrInvalid, "login"))
}

func logins(ctx context.Context, d storage.Directory) error {
	left := account("carol")
	left.Deactivated = epoch
	unnamed := account("nobody")
	unnamed.Login = ""
	another := account("nobody2")
	another.Login = ""
	if err := putAccounts(ctx, d, account("paypal"), left, unnamed, another); err != nil {
		return err
	}
	for _, taken := range []string{"paypal", "PayPal", "paypa1", "pаypаl", "ｐａｙｐａｌ", "carol", "CAROL"} {
		a := account("mallory")
		a.Login = taken
		_, err := d.PutAccount(ctx, a)
		at, err2 := d.AccountAt(ctx, "acme", taken)
		if err := first(is(err, chat.ErrConflict, "login"), err2); err != nil {
			return fmt.Errorf("%q: %w", taken, err)
		}
		if k := at.User.Key; k != "paypal" && k != "carol" {
			return fmt.Errorf("%q is %v", taken, at.User)
		}
	}
	_, err := d.Account(ctx, chat.UserID{Tenant: "acme", Key: "mallory"})
	if err := is(err, chat.ErrNotFound, ""); err != nil {
		return err
	}
	theirs := account("paypal")
	theirs.User.Tenant = "evil"
	own, err := d.Account(ctx, account("paypal").User)
	own.Login = "PAYPAL" // another spelling of his own
	return first(err, putAccounts(ctx, d, theirs, account("payment"), own))
}

func loginFreed(ctx context.Context, d storage.Directory) error {
	a, err := d.PutAccount(ctx, account("ann"))
	if err != nil {
		return err
	}
	a.Login = "ann.smith"
	b := account("bob")
	b.Login = "ann"
	if err := putAccounts(ctx, d, a, b); err != nil {
		return err
	}
	at, err := d.AccountAt(ctx, "acme", "Ann")
	smith, err2 := d.AccountAt(ctx, "acme", "ann.smith")
	if err := first(err, err2, want("who ann is", at.User, bob), want("who ann.smith is", smith.User, ann)); err != nil {
		return err
	}
	at.Login = "" // of the version that is stored
	_, err = d.PutAccount(ctx, at)
	_, err2 = d.AccountAt(ctx, "acme", "ann")
	return first(err, is(err2, chat.ErrNotFound, ""))
}

func accountVersions(ctx context.Context, d storage.Directory) error {
	a, err := d.PutAccount(ctx, account("ann"))
	if err != nil {
		return err
	}
	if err := deactivate(ctx, d, ann, epoch.Add(time.Hour)); err != nil {
		return err
	}
	a.Login = "ann2"
	for _, version := range []int64{0, a.Version, a.Version + 2} {
		late := a
		late.Version = version
		_, err := d.PutAccount(ctx, late)
		if err := is(err, chat.ErrConflict, "version"); err != nil {
			return fmt.Errorf("version %d: %w", version, err)
		}
	}
	now, err := d.Account(ctx, ann)
	if err := first(err, want("the log-in", now.Login, "ann"), want("deactivated", now.Deactivated, epoch.Add(time.Hour))); err != nil {
		return err
	}
	if now.Version <= a.Version {
		return fmt.Errorf("version %d follows %d", now.Version, a.Version)
	}
	other := now
	other.Created = epoch.Add(time.Second)
	_, err = d.PutAccount(ctx, other)
	if err := is(err, chat.ErrInvalid, "created"); err != nil {
		return err
	}
	now.Deactivated = time.Time{} // and back
	_, err = d.PutAccount(ctx, now)
	back, err2 := d.Account(ctx, ann)
	return first(err, err2, want("deactivated", back.Deactivated, time.Time{}))
}

// atOnce calls do n times at once, and gives the errors.
func atOnce(n int, do func(i int) error) []error {
	var all sync.WaitGroup
	errs := make([]error, n)
	for i := range errs {
		all.Go(func() { errs[i] = do(i) })
	}
	all.Wait()
	return errs
}

// winners are those without an error; all others must have one of a kind and a field.
func winners(errs []error, kind error, field string) (won []int, err error) {
	for i, err := range errs {
		if err == nil {
			won = append(won, i)
		} else if err := is(err, kind, field); err != nil {
			return nil, err
		}
	}
	return won, nil
}

func accountRace(ctx context.Context, d storage.Directory) error {
	for round := range 20 {
		name := fmt.Sprint("name", strings.Repeat("x", round))
		errs := atOnce(8, func(i int) error {
			a := account(fmt.Sprint(round, ".", i))
			a.Login = name
			return putAccounts(ctx, d, a)
		})
		won, err := winners(errs, chat.ErrConflict, "login")
		at, err2 := d.AccountAt(ctx, "acme", name)
		if err := first(err, err2, want("winners", len(won), 1), want("who has it", at.User.Key, fmt.Sprint(round, ".", won[0]))); err != nil {
			return err
		}
	}
	return nil
}

func accountList(ctx context.Context, d storage.Directory) error {
	theirs := account("b")
	theirs.User.Tenant = "evil"
	if err := putAccounts(ctx, d, theirs); err != nil {
		return err
	}
	for i := range bytewise {
		a := account(bytewise[i*7%len(bytewise)])
		a.Login = ""
		if err := putAccounts(ctx, d, a); err != nil {
			return err
		}
	}
	return lists(bytewise, func(after string, limit int) ([]storage.Account, error) {
		return d.ListAccounts(ctx, "acme", after, limit)
	},
		func(a storage.Account) string { return a.User.Key })
}

// lists checks a list that is read page by page: its keys, and its limits.
func lists[T any](keys []string, page func(after string, limit int) ([]T, error), key func(T) string) error {
	for _, limit := range []int{1, 3, len(keys), len(keys) + 1, chat.MaxBatch} {
		var got []string
		err := pages(limit, func(after string) (string, int, error) {
			all, err := page(after, limit)
			for _, item := range all {
				after = key(item)
				got = append(got, after)
			}
			return after, len(all), err
		})
		if err := first(err, want(fmt.Sprint("the list, ", limit, " at once,"), fmt.Sprint(got), fmt.Sprint(keys))); err != nil {
			return err
		}
	}
	return badLimits(func(limit int) error { _, err := page("", limit); return err })
}

func deactivated(ctx context.Context, d storage.Directory) error {
	ids := make([]chat.UserID, chat.MaxBatch)
	var gone []chat.UserID
	for i := range ids {
		ids[i] = chat.UserID{Tenant: "acme", Key: fmt.Sprint("u", i)}
		if i%50 > 1 { // most have no account
			continue
		}
		a := account(ids[i].Key)
		if i%50 == 1 {
			a.Deactivated = epoch
			gone = append(gone, ids[i])
		}
		if err := putAccounts(ctx, d, a); err != nil {
			return err
		}
	}
	theirs := account("u0")
	theirs.User.Tenant, theirs.Deactivated = "evil", epoch
	if err := putAccounts(ctx, d, theirs); err != nil {
		return err
	}
	got, err := d.Deactivated(ctx, ids)
	none, err2 := d.Deactivated(ctx, nil)
	twice, err3 := d.Deactivated(ctx, []chat.UserID{gone[1], gone[0], ids[0], gone[1]})
	if err := first(err, err2, err3, same("who is deactivated", got, gone), want("of nobody", len(none), 0),
		same("who is, one asked for twice,", twice, []chat.UserID{gone[1], gone[0], gone[1]})); err != nil {
		return err
	}
	back, err := d.Account(ctx, gone[0])
	back.Deactivated = time.Time{}
	if err := first(err, putAccounts(ctx, d, back)); err != nil {
		return err
	}
	got, err = d.Deactivated(ctx, gone)
	_, err2 = d.Deactivated(ctx, append(ids, ann))
	return first(err, same("who is deactivated still", got, gone[1:]), is(err2, chat.ErrTooLarge, "ids"))
}

func accountInvalid(ctx context.Context, d storage.Directory) error {
	for field, spoil := range map[string]func(*storage.Account){
		"tenant":      func(a *storage.Account) { a.User.Tenant = "ACME" },
		"user":        func(a *storage.Account) { a.User.Key = "a b" },
		"login":       func(a *storage.Account) { a.Login = "a b" },
		"version":     func(a *storage.Account) { a.Version = -1 },
		"created":     func(a *storage.Account) { a.Created = time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC) },
		"deactivated": func(a *storage.Account) { a.Deactivated = time.Date(-1, 1, 1, 0, 0, 0, 0, time.UTC) },
	} {
		a := account("ann")
		spoil(&a)
		if err := is(putAccounts(ctx, d, a), chat.ErrInvalid, field); err != nil {
			return err
		}
	}
	a := account("ann")
	a.Login = strings.Repeat("x", chat.MaxAddress+1)
	all, err := d.ListAccounts(ctx, "acme", "", 10)
	return first(is(putAccounts(ctx, d, a), chat.ErrTooLarge, "login"), err, want("accounts", len(all), 0))
}

// verifier is a verifier of no password, each seed's its own.
func verifier(m scram.Mechanism, seed byte) scram.Verifier {
	size := map[scram.Mechanism]int{scram.SHA1: 20, scram.SHA256: 32}[m]
	key := bytes.Repeat([]byte{seed}, size)
	key[0] = 255
	return scram.Verifier{Mechanism: m, Salt: []byte{0, 1, 2, 255, 4, 5, 6, seed}, Iterations: chat.MinIterations + int(seed), StoredKey: key, ServerKey: key}
}

func credentials(ctx context.Context, d storage.Directory) error {
	if err := putAccounts(ctx, d, account("ann"), account("bob")); err != nil {
		return err
	}
	none, err := d.Credentials(ctx, ann)
	if err := first(err, same("credentials that there never were", none, storage.Credentials{User: ann})); err != nil {
		return err
	}
	c := storage.Credentials{User: ann, Verifiers: []scram.Verifier{verifier(scram.SHA256, 1), verifier(scram.SHA1, 2)}}
	put, err := d.PutCredentials(ctx, c)
	if err := first(err, full(put)); err != nil {
		return err
	}
	got, err := d.Credentials(ctx, ann)
	if err := first(err, want("the version", got.Version, put.Version), sameVerifiers(got, c.Verifiers), sameVerifiers(put, c.Verifiers)); err != nil {
		return err
	}
	put.Verifiers = []scram.Verifier{verifier(scram.SHA1, 3)} // replaced whole
	if put, err = d.PutCredentials(ctx, put); err != nil {
		return err
	}
	got, err = d.Credentials(ctx, ann)
	if err := first(err, sameVerifiers(got, put.Verifiers)); err != nil {
		return err
	}
	put.Verifiers = nil
	_, err = d.PutCredentials(ctx, put)
	got, err2 := d.Credentials(ctx, ann)
	his, err3 := d.Credentials(ctx, bob)
	_, err4 := d.Credentials(ctx, chat.UserID{Tenant: "evil", Key: "ann"})
	_, err5 := d.PutCredentials(ctx, storage.Credentials{User: chat.UserID{Tenant: "acme", Key: "carol"}, Verifiers: c.Verifiers})
	return first(err, err2, err3, want("verifiers", len(got.Verifiers), 0), want("bob's verifiers", len(his.Verifiers), 0),
		is(err4, chat.ErrNotFound, "user"), is(err5, chat.ErrNotFound, "user"))
}

// sameVerifiers compares without telling what differs: it would be a secret.
func sameVerifiers(c storage.Credentials, verifiers []scram.Verifier) error {
	if len(c.Verifiers) != len(verifiers) {
		return fmt.Errorf("%d verifiers, want %d", len(c.Verifiers), len(verifiers))
	}
	for i, v := range verifiers {
		if c.Verifiers[i].Encode() != v.Encode() {
			return fmt.Errorf("verifier %d is another", i)
		}
	}
	return nil
}

func credentialVersions(ctx context.Context, d storage.Directory) error {
	if err := putAccounts(ctx, d, account("ann")); err != nil {
		return err
	}
	c := storage.Credentials{User: ann, Verifiers: []scram.Verifier{verifier(scram.SHA256, 1)}}
	one, err := d.PutCredentials(ctx, c)
	if err != nil {
		return err
	}
	two, err := d.PutCredentials(ctx, one)
	if err != nil {
		return err
	}
	if one.Version < 1 || two.Version <= one.Version {
		return fmt.Errorf("the versions are %d, %d", one.Version, two.Version)
	}
	for _, version := range []int64{0, one.Version, two.Version + 1} {
		_, err := d.PutCredentials(ctx, storage.Credentials{User: ann, Verifiers: []scram.Verifier{verifier(scram.SHA256, 9)}, Version: version})
		if err := is(err, chat.ErrConflict, "version"); err != nil {
			return fmt.Errorf("version %d: %w", version, err)
		}
	}
	got, err := d.Credentials(ctx, ann)
	return first(err, sameVerifiers(got, c.Verifiers), want("the version", got.Version, two.Version))
}

func credentialRace(ctx context.Context, d storage.Directory) error {
	if err := putAccounts(ctx, d, account("ann")); err != nil {
		return err
	}
	for range 20 {
		was, err := d.Credentials(ctx, ann)
		if err != nil {
			return err
		}
		errs := atOnce(8, func(i int) error {
			_, err := d.PutCredentials(ctx, storage.Credentials{User: ann, Verifiers: []scram.Verifier{verifier(scram.SHA1, byte(i))}, Version: was.Version})
			return err
		})
		won, err := winners(errs, chat.ErrConflict, "version")
		if err := first(err, want("winners", len(won), 1)); err != nil {
			return err
		}
		got, err := d.Credentials(ctx, ann)
		if err := first(err, sameVerifiers(got, []scram.Verifier{verifier(scram.SHA1, byte(won[0]))})); err != nil {
			return err
		}
	}
	return nil
}

func credentialsDeactivated(ctx context.Context, d storage.Directory) error {
	verifiers := []scram.Verifier{verifier(scram.SHA256, 1)}
	if err := putAccounts(ctx, d, account("ann")); err != nil {
		return err
	}
	c, err := d.PutCredentials(ctx, storage.Credentials{User: ann, Verifiers: verifiers})
	if err := first(err, deactivate(ctx, d, ann, epoch)); err != nil {
		return err
	}
	got, err := d.Credentials(ctx, ann)
	if err := first(err, sameVerifiers(got, nil), want("the version", got.Version, c.Version)); err != nil {
		return err
	}
	c.Verifiers = []scram.Verifier{verifier(scram.SHA256, 2)} // set before he comes back
	_, err = d.PutCredentials(ctx, c)
	got, err2 := d.Credentials(ctx, ann)
	if err := first(err, err2, sameVerifiers(got, nil), deactivate(ctx, d, ann, time.Time{})); err != nil {
		return err
	}
	got, err = d.Credentials(ctx, ann)
	return first(err, sameVerifiers(got, c.Verifiers))
}

func credentialsInvalid(ctx context.Context, d storage.Directory) error {
	if err := putAccounts(ctx, d, account("ann")); err != nil {
		return err
	}
	put := func(verifiers ...scram.Verifier) error {
		_, err := d.PutCredentials(ctx, storage.Credentials{User: ann, Verifiers: verifiers})
		return err
	}
	weak, strong, short, other := verifier(scram.SHA1, 1), verifier(scram.SHA1, 1), verifier(scram.SHA256, 1), verifier(scram.SHA256, 1)
	weak.Iterations, strong.Iterations, short.StoredKey, other.Mechanism = 1, chat.MaxIterations+1, short.StoredKey[1:], "PLAIN"
	got, err := d.Credentials(ctx, ann)
	return first(is(put(weak), chat.ErrInvalid, "iterations"), is(put(strong), chat.ErrTooLarge, "iterations"),
		is(put(verifier(scram.SHA256, 1), short), chat.ErrInvalid, ""), is(put(other), chat.ErrInvalid, "mechanism"),
		is(put(verifier(scram.SHA1, 1), verifier(scram.SHA1, 2)), chat.ErrInvalid, "verifiers"),
		err, want("the version", got.Version, 0), errors.Join(sameVerifiers(got, nil)))
}
