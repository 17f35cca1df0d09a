package storagetest

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/storage"
)

var tokenCases = []DirectoryCase{
	{Name: "a token is found by its secret", Why: "a program is who its token says, with those scopes and no others", Run: atDirectory(tokens)},
	{Name: "a token ends", Why: "what was revoked or has expired opens nothing", Run: atDirectory(tokenEnds)},
	{Name: "a deactivated account has no token", Why: "who was sent away has left programs behind", Run: atDirectory(tokenDeactivated)},
	{Name: "tokens are apart", Why: "one's token is nobody else's", Run: atDirectory(tokensApart)},
	{Name: "a token's last use is kept to within an hour", Why: "a call must not cost a write, and a late one must not undo another", Run: atDirectory(tokenUsed)},
	{Name: "tokens are listed by their ids", Why: "people look which programs get in as them", Run: atDirectory(tokenList)},
	{Name: "tokens have a limit, and are dropped", Why: "every list is bounded, and ended tokens must not block new ones", Run: atDirectory(tokenLimit)},
	{Name: "invalid tokens are refused", Why: "nothing half valid is stored", Run: atDirectory(tokenInvalid)},
}

// hashed is the hash of a secret of a case.
func hashed(secret string) storage.SecretHash {
	h, err := storage.HashSecret(secret)
	if err != nil {
		panic(err)
	}
	return h
}

func aToken(u chat.UserID, id string) storage.Token {
	return storage.Token{User: u, ID: id, Created: epoch}
}

func tokens(ctx context.Context, d storage.Directory) error {
	t := storage.Token{User: ann, ID: "ci", Name: "Build / 造", Scopes: []string{"send", "read:kitchen", "a"},
		Created: epoch.Add(1999 * time.Microsecond), Expires: epoch.Add(time.Hour)}
	plain := aToken(ann, "plain")
	if err := first(putAccounts(ctx, d, account("ann")), d.PutToken(ctx, t, hashed("one")), d.PutToken(ctx, plain, hashed("two"))); err != nil {
		return err
	}
	t.Created = epoch.Add(time.Millisecond)
	got, err := d.Token(ctx, hashed("one"), epoch)
	other, err2 := d.Token(ctx, hashed("two"), epoch.AddDate(50, 0, 0))
	if err := first(err, err2, same("the token", got, t), same("a token that never expires", other, plain)); err != nil {
		return err
	}
	for _, secret := range []string{"One", "on", "one ", "three"} {
		_, err := d.Token(ctx, hashed(secret), epoch)
		if err := is(err, chat.ErrNotFound, "secret"); err != nil {
			return err
		}
	}
	used := epoch.Add(2 * time.Hour)
	if err := first(d.TokenUsed(ctx, ann, "ci", used), d.RevokeToken(ctx, ann, "ci", used.Add(time.Hour))); err != nil {
		return err
	}
	t.Used, t.Revoked = used, used.Add(time.Hour)
	all, err := d.Tokens(ctx, ann, "", 10)
	return first(err, full(t), same("the list", all, []storage.Token{t, plain}))
}

func tokenEnds(ctx context.Context, d storage.Directory) error {
	t := aToken(ann, "short")
	t.Expires = epoch.Add(time.Hour)
	if err := first(putAccounts(ctx, d, account("ann"), account("bob")), d.PutToken(ctx, t, hashed("short")), d.PutToken(ctx, aToken(ann, "long"), hashed("long")),
		d.PutToken(ctx, aToken(bob, "long"), hashed("his"))); err != nil {
		return err
	}
	ask := func(secret string, at time.Time) error { _, err := d.Token(ctx, hashed(secret), at); return err }
	if err := first(ask("short", t.Expires.Add(-time.Millisecond)), is(ask("short", t.Expires), chat.ErrExpired, "expires"),
		is(ask("short", t.Expires.Add(time.Hour)), chat.ErrExpired, "expires"), ask("long", epoch)); err != nil {
		return err
	}
	if err := first(d.RevokeToken(ctx, ann, "long", epoch.Add(time.Minute)), d.RevokeToken(ctx, ann, "long", epoch.Add(time.Hour)),
		is(ask("long", epoch), chat.ErrExpired, "revoked"), ask("his", epoch),
		is(d.RevokeToken(ctx, ann, "none", epoch), chat.ErrNotFound, "id"), is(d.RevokeToken(ctx, ann, "short", time.Time{}), chat.ErrInvalid, "at")); err != nil {
		return err
	}
	all, err := d.Tokens(ctx, ann, "", 10)
	return first(err, want("tokens", len(all), 2), want("revoked", all[0].Revoked, epoch.Add(time.Minute)), want("not revoked", all[1].Revoked, time.Time{}))
}

func tokenDeactivated(ctx context.Context, d storage.Directory) error {
	ask := func() error { _, err := d.Token(ctx, hashed("secret"), epoch); return err }
	if err := first(is(d.PutToken(ctx, aToken(ann, "t"), hashed("secret")), chat.ErrNotFound, "account"),
		putAccounts(ctx, d, account("ann")), d.PutToken(ctx, aToken(ann, "t"), hashed("secret")), ask(), deactivate(ctx, d, ann, epoch)); err != nil {
		return err
	}
	all, err := d.Tokens(ctx, ann, "", 10)
	return first(err, want("tokens listed", len(all), 1), is(ask(), chat.ErrForbidden, "account"),
		is(d.PutToken(ctx, aToken(ann, "t2"), hashed("another")), chat.ErrForbidden, "account"),
		deactivate(ctx, d, ann, time.Time{}), ask())
}

func tokensApart(ctx context.Context, d storage.Directory) error {
	evil := account("ann")
	evil.User.Tenant = "evil"
	if err := putAccounts(ctx, d, account("ann"), account("bob"), evil); err != nil {
		return err
	}
	for i, u := range []chat.UserID{ann, bob, evil.User} {
		if err := d.PutToken(ctx, aToken(u, "t"), hashed(fmt.Sprint(i))); err != nil {
			return err
		}
	}
	if err := first(is(d.PutToken(ctx, aToken(ann, "t"), hashed("new")), chat.ErrConflict, "id"),
		is(d.PutToken(ctx, aToken(ann, "t2"), hashed("1")), chat.ErrConflict, "secret"),
		is(d.PutToken(ctx, aToken(ann, "t2"), hashed("2")), chat.ErrConflict, "secret")); err != nil {
		return err
	}
	_, err := d.Token(ctx, hashed("new"), epoch)
	if err := is(err, chat.ErrNotFound, "secret"); err != nil {
		return err
	}
	if err := d.RevokeToken(ctx, bob, "t", epoch); err != nil {
		return err
	}
	for i, u := range []chat.UserID{ann, bob, evil.User} {
		t, err := d.Token(ctx, hashed(fmt.Sprint(i)), epoch)
		if u == bob {
			if err := is(err, chat.ErrExpired, "revoked"); err != nil {
				return err
			}
			continue
		}
		if err := first(err, want("whose it", t.User, u)); err != nil {
			return err
		}
	}
	return nil
}

func tokenUsed(ctx context.Context, d storage.Directory) error {
	if err := first(putAccounts(ctx, d, account("ann"), account("bob")), d.PutToken(ctx, aToken(ann, "t"), hashed("a")), d.PutToken(ctx, aToken(bob, "t"), hashed("b"))); err != nil {
		return err
	}
	at := epoch.Add(1999 * time.Microsecond)
	kept := epoch.Add(time.Millisecond)
	for _, step := range []struct{ at, want time.Time }{
		{at, kept}, {kept.Add(storage.TokenGrain - time.Millisecond), kept}, {epoch.AddDate(-1, 0, 0), kept},
		{kept.Add(storage.TokenGrain), kept.Add(storage.TokenGrain)}, {at, kept.Add(storage.TokenGrain)},
		{epoch.AddDate(0, 1, 0), epoch.AddDate(0, 1, 0)},
	} {
		if err := d.TokenUsed(ctx, ann, "t", step.at); err != nil {
			return err
		}
		t, err := d.Token(ctx, hashed("a"), epoch)
		if err := first(err, want(fmt.Sprint("last use after one at ", step.at), t.Used, step.want)); err != nil {
			return err
		}
	}
	his, err := d.Token(ctx, hashed("b"), epoch)
	return first(err, want("bob's last use", his.Used, time.Time{}), is(d.TokenUsed(ctx, ann, "none", epoch), chat.ErrNotFound, "id"),
		is(d.TokenUsed(ctx, ann, "t", time.Time{}), chat.ErrInvalid, "at"))
}

func tokenList(ctx context.Context, d storage.Directory) error {
	if err := putAccounts(ctx, d, account("ann"), account("bob")); err != nil {
		return err
	}
	for i := range bytewise {
		id := bytewise[i*7%len(bytewise)]
		if err := first(d.PutToken(ctx, aToken(ann, id), hashed("a"+id)), d.PutToken(ctx, aToken(bob, "b"+id), hashed("b"+id))); err != nil {
			return err
		}
	}
	return lists(bytewise, func(after string, limit int) ([]storage.Token, error) { return d.Tokens(ctx, ann, after, limit) },
		func(t storage.Token) string { return t.ID })
}

func tokenLimit(ctx context.Context, d storage.Directory) error {
	if err := putAccounts(ctx, d, account("ann"), account("bob")); err != nil {
		return err
	}
	for i := range chat.MaxTokens {
		t := aToken(ann, fmt.Sprint("t", i))
		switch i {
		case 1:
			t.Expires = epoch.Add(time.Hour)
		case 2:
			t.Expires = epoch.Add(2 * time.Hour)
		}
		if err := d.PutToken(ctx, t, hashed(t.ID)); err != nil {
			return err
		}
	}
	more := func(id string) error { return d.PutToken(ctx, aToken(ann, id), hashed(id)) }
	if err := first(is(more("more"), chat.ErrTooLarge, "tokens"), d.PutToken(ctx, aToken(bob, "t"), hashed("bob's")),
		d.RevokeToken(ctx, ann, "t0", epoch.Add(time.Hour)), d.RevokeToken(ctx, ann, "t3", epoch.Add(2*time.Hour)),
		is(more("more"), chat.ErrTooLarge, "tokens"),
		d.DropTokens(ctx, ann, epoch.Add(time.Hour)), is(more("more"), chat.ErrTooLarge, "tokens"),
		d.DropTokens(ctx, ann, epoch.Add(time.Hour+time.Millisecond)), more("t0"), more("t1"), is(more("more"), chat.ErrTooLarge, "tokens")); err != nil {
		return err
	}
	_, err := d.Token(ctx, hashed("t2"), epoch)
	_, err2 := d.Token(ctx, hashed("bob's"), epoch)
	_, err3 := d.Token(ctx, hashed("t3"), epoch)
	return first(err, err2, is(err3, chat.ErrExpired, "revoked"), d.DropTokens(ctx, chat.UserID{Tenant: "acme", Key: "nobody"}, epoch))
}

func tokenInvalid(ctx context.Context, d storage.Directory) error {
	if err := putAccounts(ctx, d, account("ann")); err != nil {
		return err
	}
	many := strings.Split(strings.Repeat("s,", chat.MaxScopes)+"s", ",")
	for _, c := range []struct {
		field string
		kind  error
		spoil func(*storage.Token)
	}{
		{"user", chat.ErrInvalid, func(t *storage.Token) { t.User.Key = "" }},
		{"id", chat.ErrInvalid, func(t *storage.Token) { t.ID = "" }},
		{"id", chat.ErrTooLarge, func(t *storage.Token) { t.ID = strings.Repeat("x", chat.MaxKey+1) }},
		{"name", chat.ErrInvalid, func(t *storage.Token) { t.Name = "a\nb" }},
		{"scopes", chat.ErrInvalid, func(t *storage.Token) { t.Scopes = []string{"read", "a b"} }},
		{"scopes", chat.ErrInvalid, func(t *storage.Token) { t.Scopes = []string{""} }},
		{"scopes", chat.ErrTooLarge, func(t *storage.Token) { t.Scopes = many }},
		{"used", chat.ErrInvalid, func(t *storage.Token) { t.Used = epoch }},
		{"revoked", chat.ErrInvalid, func(t *storage.Token) { t.Revoked = epoch }},
		{"expires", chat.ErrInvalid, func(t *storage.Token) { t.Expires = time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC) }},
	} {
		t := aToken(ann, "t")
		c.spoil(&t)
		if err := is(d.PutToken(ctx, t, hashed("s")), c.kind, c.field); err != nil {
			return err
		}
	}
	t := aToken(ann, "t")
	t.Scopes = many[1:]
	all, err := d.Tokens(ctx, ann, "", 10)
	return first(err, want("tokens", len(all), 0), d.PutToken(ctx, t, hashed("s")))
}
