package storagetest

import (
	"context"
	"fmt"
	"time"

	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/storage"
)

var invitationCases = []DirectoryCase{
	{Name: "an invitation comes back", Why: "whoever is invited must see to what, and by whom", Run: atDirectory(invitations)},
	{Name: "an invitation is used so often and no more", Why: "a link for five must not let in six", Run: atDirectory(invitationUses)},
	{Name: "who uses an invitation again is counted once", Why: "a retry whose answer was lost must not lock others out", Run: atDirectory(invitationAgain)},
	{Name: "one of many gets the last use", Why: "counting and using is one step", Run: atDirectory(invitationRace)},
	{Name: "an invitation ends", Why: "a link that leaked is taken back", Run: atDirectory(invitationEnds)},
	{Name: "invitations are of one tenant or room", Why: "a company's links are nobody else's", Run: atDirectory(invitationsApart)},
	{Name: "invitations and their uses are listed by key", Why: "lists are read page by page", Run: atDirectory(invitationLists)},
	{Name: "invalid invitations are refused", Why: "nothing half valid is stored", Run: atDirectory(invitationInvalid)},
}

// anInvitation is one of the tenant, for so many.
func anInvitation(id string, uses int) storage.Invitation {
	return storage.Invitation{To: storage.Span{Tenant: "acme"}, ID: id, Created: epoch, Uses: uses}
}

// putInvitation stores an invitation under the code that its id is.
func putInvitation(ctx context.Context, d storage.Directory, i storage.Invitation) error {
	return d.PutInvitation(ctx, i, hashed(i.ID))
}

// use has somebody of acme use the invitation of a code.
func use(ctx context.Context, d storage.Directory, code, key string, at time.Time) error {
	_, err := d.UseInvitation(ctx, hashed(code), chat.UserID{Tenant: "acme", Key: key}, at)
	return err
}

func invitations(ctx context.Context, d storage.Directory) error {
	i := storage.Invitation{To: storage.Span{Tenant: "acme", Room: "kitchen"}, ID: "door", By: ann,
		Created: epoch.Add(1999 * time.Microsecond), Expires: epoch.Add(24 * time.Hour), Uses: 2}
	if err := first(putRooms(ctx, d, room("kitchen")), d.PutInvitation(ctx, i, hashed("code"))); err != nil {
		return err
	}
	i.Created = epoch.Add(time.Millisecond)
	for range 3 { // looking uses nothing
		got, err := d.Invitation(ctx, hashed("code"), epoch)
		if err := first(err, same("the invitation", got, i)); err != nil {
			return err
		}
	}
	for _, code := range []string{"Code", "door", "cod"} {
		_, err := d.Invitation(ctx, hashed(code), epoch)
		if err := first(is(err, chat.ErrNotFound, "code"), is(use(ctx, d, code, "bob", epoch), chat.ErrNotFound, "code")); err != nil {
			return err
		}
	}
	i.Used = 1
	got, err := d.UseInvitation(ctx, hashed("code"), bob, epoch.Add(time.Hour+time.Microsecond))
	if err := first(err, same("the invitation that was used", got, i), d.RevokeInvitation(ctx, "acme", "door", epoch.Add(2*time.Hour))); err != nil {
		return err
	}
	i.Revoked = epoch.Add(2 * time.Hour)
	all, err := d.Invitations(ctx, i.To, "", 10)
	uses, err2 := d.InvitationUses(ctx, "acme", "door", "", 10)
	return first(err, err2, full(i), same("the list", all, []storage.Invitation{i}),
		same("who used it", uses, []storage.InvitationUse{{User: bob, At: epoch.Add(time.Hour)}}))
}

func invitationUses(ctx context.Context, d storage.Directory) error {
	if err := first(putInvitation(ctx, d, anInvitation("five", 5)), putInvitation(ctx, d, anInvitation("other", 5))); err != nil {
		return err
	}
	for n := range 5 {
		if err := use(ctx, d, "five", fmt.Sprint("u", n), epoch); err != nil {
			return err
		}
	}
	_, err := d.Invitation(ctx, hashed("five"), epoch)
	if err := first(is(use(ctx, d, "five", "u5", epoch), chat.ErrExpired, "uses"), is(err, chat.ErrExpired, "uses")); err != nil {
		return err
	}
	all, err := d.Invitations(ctx, storage.Span{Tenant: "acme"}, "", 10)
	uses, err2 := d.InvitationUses(ctx, "acme", "five", "", 10)
	others, err3 := d.InvitationUses(ctx, "acme", "other", "", 10)
	return first(err, err2, err3, want("invitations", len(all), 2), want("uses of one", all[0].Used, 5), want("of the other", all[1].Used, 0),
		want("who used it", len(uses), 5), want("who used the other", len(others), 0), use(ctx, d, "other", "u5", epoch))
}

func invitationAgain(ctx context.Context, d storage.Directory) error {
	i := anInvitation("two", 2)
	i.Expires = epoch.Add(time.Hour)
	if err := putInvitation(ctx, d, i); err != nil {
		return err
	}
	for n := range 5 { // also when bob was the last
		if err := use(ctx, d, "two", "ann", epoch.Add(time.Duration(n)*time.Minute)); err != nil {
			return err
		}
		if n == 2 {
			if err := use(ctx, d, "two", "bob", epoch); err != nil {
				return err
			}
		}
	}
	again, err := d.UseInvitation(ctx, hashed("two"), ann, epoch)
	uses, err2 := d.InvitationUses(ctx, "acme", "two", "", 10)
	if err := first(err, err2, want("uses", again.Used, 2), same("who used it", uses, []storage.InvitationUse{{User: ann, At: epoch}, {User: bob, At: epoch}})); err != nil {
		return err
	}
	return first(is(use(ctx, d, "two", "ann", i.Expires), chat.ErrExpired, "expires"), d.RevokeInvitation(ctx, "acme", "two", epoch),
		is(use(ctx, d, "two", "ann", epoch), chat.ErrExpired, "revoked"))
}

func invitationRace(ctx context.Context, d storage.Directory) error {
	for round := range 20 {
		id := fmt.Sprint("i", round)
		if err := putInvitation(ctx, d, anInvitation(id, 3)); err != nil {
			return err
		}
		if err := first(use(ctx, d, id, "early", epoch), use(ctx, d, id, "second", epoch)); err != nil {
			return err
		}
		won, err := winners(atOnce(8, func(n int) error { return use(ctx, d, id, fmt.Sprint("u", n), epoch) }), chat.ErrExpired, "uses")
		if err := first(err, want("who got the last use", len(won), 1)); err != nil {
			return err
		}
		uses, err := d.InvitationUses(ctx, "acme", id, "second", 10)
		if err := first(err, want("uses", len(uses), 1), want("who used it", uses[0].User.Key, fmt.Sprint("u", won[0]))); err != nil {
			return err
		}
		one := fmt.Sprint("one", round) // the same person at once, on two devices
		if err := putInvitation(ctx, d, anInvitation(one, 2)); err != nil {
			return err
		}
		won, err = winners(atOnce(4, func(int) error { return use(ctx, d, one, "ann", epoch) }), nil, "")
		if err := first(err, want("answers", len(won), 4), use(ctx, d, one, "bob", epoch)); err != nil {
			return err
		}
	}
	return nil
}

func invitationEnds(ctx context.Context, d storage.Directory) error {
	i := anInvitation("short", 2)
	i.Expires = epoch.Add(time.Hour)
	if err := first(putInvitation(ctx, d, i), putInvitation(ctx, d, anInvitation("long", 2))); err != nil {
		return err
	}
	look := func(code string, at time.Time) error { _, err := d.Invitation(ctx, hashed(code), at); return err }
	before := i.Expires.Add(-time.Millisecond)
	if err := first(look("short", before), use(ctx, d, "short", "ann", before), is(look("short", i.Expires), chat.ErrExpired, "expires"),
		is(use(ctx, d, "short", "bob", i.Expires), chat.ErrExpired, "expires"), use(ctx, d, "long", "bob", epoch.AddDate(50, 0, 0))); err != nil {
		return err
	}
	if err := first(d.RevokeInvitation(ctx, "acme", "long", epoch), d.RevokeInvitation(ctx, "acme", "long", epoch.Add(time.Hour)),
		is(look("long", epoch), chat.ErrExpired, "revoked"), is(use(ctx, d, "long", "ann", epoch), chat.ErrExpired, "revoked"),
		is(d.RevokeInvitation(ctx, "acme", "none", epoch), chat.ErrNotFound, "id"), is(d.RevokeInvitation(ctx, "acme", "short", time.Time{}), chat.ErrInvalid, "at")); err != nil {
		return err
	}
	all, err := d.Invitations(ctx, i.To, "", 10)
	return first(err, want("invitations", len(all), 2), want("revoked", all[0].Revoked, epoch), want("used", all[0].Used, 1),
		want("not revoked", all[1].Revoked, time.Time{}), want("used", all[1].Used, 1))
}

func invitationsApart(ctx context.Context, d storage.Directory) error {
	evil := room("kitchen")
	evil.ID.Tenant = "evil"
	if err := putRooms(ctx, d, room("kitchen"), room("lobby"), evil); err != nil {
		return err
	}
	spans := []storage.Span{{Tenant: "acme"}, {Tenant: "acme", Room: "kitchen"}, {Tenant: "acme", Room: "lobby"}, {Tenant: "evil"}, {Tenant: "evil", Room: "kitchen"}}
	for n, to := range spans {
		i := anInvitation(fmt.Sprint(n), 1)
		i.To = to
		if err := putInvitation(ctx, d, i); err != nil {
			return err
		}
	}
	for n, to := range spans {
		all, err := d.Invitations(ctx, to, "", 10)
		if err := first(err, want(fmt.Sprint("invitations to ", to), len(all), 1), want("the invitation", all[0].ID, fmt.Sprint(n)), want("to what", all[0].To, to)); err != nil {
			return err
		}
	}
	nowhere, theirs, twice := anInvitation("nowhere", 1), anInvitation("theirs", 1), anInvitation("0", 1)
	nowhere.To.Room = "attic"
	theirs.To = storage.Span{Tenant: "evil", Room: "lobby"}
	twice.To.Room = "kitchen"
	same := anInvitation("0", 1)
	same.To.Tenant = "evil" // another tenant's id
	return first(is(putInvitation(ctx, d, nowhere), chat.ErrNotFound, "room"), is(putInvitation(ctx, d, theirs), chat.ErrNotFound, "room"),
		is(d.PutInvitation(ctx, twice, hashed("new")), chat.ErrConflict, "id"), is(d.PutInvitation(ctx, anInvitation("new", 1), hashed("3")), chat.ErrConflict, "code"),
		d.PutInvitation(ctx, same, hashed("new")), is(use(ctx, d, "new", "ann", epoch), chat.ErrNotFound, "code"), // who is of acme
		is(use(ctx, d, "4", "ann", epoch), chat.ErrNotFound, "code"), d.RevokeInvitation(ctx, "evil", "0", epoch), use(ctx, d, "0", "ann", epoch))
}

func invitationLists(ctx context.Context, d storage.Directory) error {
	for n := range bytewise {
		key := bytewise[n*7%len(bytewise)]
		if err := putInvitation(ctx, d, anInvitation(key, 100)); err != nil {
			return err
		}
	}
	for n := range bytewise {
		if err := first(use(ctx, d, "a", bytewise[n*7%len(bytewise)], epoch), use(ctx, d, "b", fmt.Sprint("u", n), epoch)); err != nil {
			return err
		}
	}
	none, err := d.InvitationUses(ctx, "evil", "a", "", 10)
	return first(lists(bytewise, func(after string, limit int) ([]storage.Invitation, error) {
		return d.Invitations(ctx, storage.Span{Tenant: "acme"}, after, limit)
	}, func(i storage.Invitation) string { return i.ID }), lists(bytewise, func(after string, limit int) ([]storage.InvitationUse, error) {
		return d.InvitationUses(ctx, "acme", "a", after, limit)
	}, func(u storage.InvitationUse) string { return u.User.Key }), err, want("uses of another tenant's", len(none), 0))
}

func invitationInvalid(ctx context.Context, d storage.Directory) error {
	for _, c := range []struct {
		field string
		kind  error
		spoil func(*storage.Invitation)
	}{
		{"tenant", chat.ErrInvalid, func(i *storage.Invitation) { i.To.Tenant = "" }},
		{"to.room", chat.ErrInvalid, func(i *storage.Invitation) { i.To.Room = "a b" }},
		{"id", chat.ErrInvalid, func(i *storage.Invitation) { i.ID = "" }},
		{"user", chat.ErrInvalid, func(i *storage.Invitation) { i.By.Tenant = "acme" }},
		{"by.tenant", chat.ErrInvalid, func(i *storage.Invitation) { i.By = chat.UserID{Tenant: "evil", Key: "ann"} }},
		{"uses", chat.ErrInvalid, func(i *storage.Invitation) { i.Uses = 0 }},
		{"uses", chat.ErrTooLarge, func(i *storage.Invitation) { i.Uses = chat.MaxUses + 1 }},
		{"used", chat.ErrInvalid, func(i *storage.Invitation) { i.Used = 1 }},
		{"revoked", chat.ErrInvalid, func(i *storage.Invitation) { i.Revoked = epoch }},
		{"created", chat.ErrInvalid, func(i *storage.Invitation) { i.Created = time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC) }},
	} {
		i := anInvitation("i", 1)
		c.spoil(&i)
		if err := is(d.PutInvitation(ctx, i, hashed("most")), c.kind, c.field); err != nil {
			return err
		}
	}
	if err := putInvitation(ctx, d, anInvitation("most", chat.MaxUses)); err != nil {
		return err
	}
	all, err := d.Invitations(ctx, storage.Span{Tenant: "acme"}, "", 10)
	return first(err, want("invitations", len(all), 1), is(use(ctx, d, "most", "", epoch), chat.ErrInvalid, "user"),
		is(use(ctx, d, "most", "ann", time.Time{}), chat.ErrInvalid, "at"), want("used", all[0].Used, 0))
}
