package storagetest

import (
	"context"
	"time"

	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/chat/scram"
	"github.com/parlor-chat/parlor/storage"
)

var directoryLifeCases = []DirectoryCase{
	{Name: "everything is there after reopening", Why: "what was acknowledged is durable", Run: directoryReopened},
	{Name: "two at once see the same", Why: "nodes share a directory", Run: directoryTwo},
	{Name: "a done context does nothing", Why: "whoever gave up gets his answer at once, and no effect", Run: atDirectory(directoryDone)},
	{Name: "a closed directory says so", Why: "a late call must fail clearly", Run: directoryClosed},
	{Name: "closing twice is no error", Why: "shutdown paths meet", Run: directoryClosedTwice},
}

// furnish stores one of everything.
func furnish(ctx context.Context, d storage.Directory) error {
	r := room("kitchen")
	r.Address = "kitchen"
	_, err := d.Put(ctx, ann, "s", "k", []byte("v"), 0)
	return first(err, putRooms(ctx, d, r), putMembers(ctx, d, member(kitchen, ann, chat.RoleOwner, 1)),
		d.PutUser(ctx, storage.User{ID: ann, Name: "Ann"}), d.Mark(ctx, mark(ann, kitchen, 3)), furnishAccounts(ctx, d))
}

// furnishAccounts stores one of everything around accounts, and of the ledger.
func furnishAccounts(ctx context.Context, d storage.Directory) error {
	_, err := d.PutAccount(ctx, account("ann"))
	_, err2 := d.PutCredentials(ctx, storage.Credentials{User: ann, Verifiers: []scram.Verifier{verifier(scram.SHA1, 1)}})
	return first(err, err2, d.PutToken(ctx, aToken(ann, "t"), hashed("token")), putInvitation(ctx, d, anInvitation("i", 2)), use(ctx, d, "i", "ann", epoch),
		enter(ctx, d, entry(1, storage.Erased, storage.Subject{Tenant: "acme", Room: "kitchen"}), entry(2, storage.Held, storage.Subject{Tenant: "acme"})))
}

// furnishedAccounts looks for what furnishAccounts stored.
func furnishedAccounts(ctx context.Context, d storage.Directory) error {
	_, err1 := d.AccountAt(ctx, "acme", "ANN")
	c, err2 := d.Credentials(ctx, ann)
	_, err3 := d.Token(ctx, hashed("token"), epoch)
	i, err4 := d.Invitation(ctx, hashed("i"), epoch)
	u, err5 := d.InvitationUses(ctx, "acme", "i", "", 10)
	l, err6 := d.Since(ctx, 0, 10)
	t, err7 := d.Tokens(ctx, ann, "", 10)
	a, err8 := d.ListAccounts(ctx, "acme", "", 10)
	return first(err1, err2, err3, err4, err5, err6, err7, err8, want("verifiers", len(c.Verifiers), 1), want("uses", i.Used, 1), want("users", len(u), 1),
		want("entries", len(l), 2), want("tokens", len(t), 1), want("used", t[0].Used, time.Time{}), want("revoked", t[0].Revoked, time.Time{}),
		want("accounts", len(a), 1), open(ctx, d, "[2]", "[1]"))
}

// furnished looks for what furnish stored.
func furnished(ctx context.Context, d storage.Directory) error {
	_, err1 := d.RoomAt(ctx, "acme", "KITCHEN")
	m, err2 := d.Member(ctx, kitchen, ann)
	u, err3 := d.Users(ctx, []chat.UserID{ann})
	k, err4 := d.Marks(ctx, ann, "", 10)
	v, _, err5 := d.Get(ctx, ann, "s", "k")
	a, err6 := d.Access(ctx, ann)
	n, err7 := who(ctx, d, "AN", 10)
	r, err8 := d.LookupRooms(ctx, []chat.RoomID{kitchen})
	return first(err1, err2, err3, err4, err5, err6, err7, err8, want("role", m.Role, chat.RoleOwner), want("people", len(u), 1),
		want("who is found by name", n, "ann"), want("rooms by id", len(r), 1),
		want("marks", len(k), 1), want("value", string(v), "v"), want("rooms", len(a), 1), furnishedAccounts(ctx, d))
}

func directoryReopened(ctx context.Context, s *DirectorySite) error {
	return first(atDirectory(furnish)(ctx, s), atDirectory(furnished)(ctx, s))
}

func directoryTwo(ctx context.Context, s *DirectorySite) error {
	return atDirectory(func(ctx context.Context, a storage.Directory) error {
		return atDirectory(func(ctx context.Context, b storage.Directory) error {
			if err := first(furnish(ctx, a), furnished(ctx, b)); err != nil {
				return err
			}
			r, err := a.Room(ctx, kitchen)
			if err != nil {
				return err
			}
			if _, err := b.PutRoom(ctx, r); err != nil {
				return err
			}
			_, err = a.PutRoom(ctx, r)
			return is(err, chat.ErrConflict, "version")
		})(ctx, s)
	})(ctx, s)
}

// directoryCalls are all methods of a directory.
func directoryCalls(ctx context.Context, d storage.Directory) map[string]error {
	errs := map[string]error{}
	_, errs["access"] = d.Access(ctx, bob)
	_, errs["access to"] = storage.AccessTo(ctx, d, ann, kitchen)
	_, errs["room"] = d.Room(ctx, kitchen)
	_, errs["lookup rooms"] = d.LookupRooms(ctx, []chat.RoomID{kitchen})
	_, errs["room at"] = d.RoomAt(ctx, "acme", "kitchen")
	_, errs["put room"] = d.PutRoom(ctx, room("lobby"))
	_, errs["list"] = d.List(ctx, "acme", "", 10)
	_, errs["member"] = d.Member(ctx, kitchen, ann)
	_, errs["members"] = d.Members(ctx, kitchen, "", 10)
	_, errs["lookup direct"] = d.LookupDirect(ctx, []chat.RoomID{kitchen})
	errs["put member"] = d.PutMember(ctx, member(kitchen, bob, chat.RoleMember, 1))
	_, errs["users"] = d.Users(ctx, []chat.UserID{ann})
	_, errs["named users"] = d.NamedUsers(ctx, "acme", "a", 10)
	errs["put user"] = d.PutUser(ctx, storage.User{ID: bob})
	errs["mark"] = d.Mark(ctx, mark(bob, kitchen, 1))
	_, errs["lookup marks"] = d.LookupMarks(ctx, ann, []chat.RoomID{kitchen})
	_, errs["marks"] = d.Marks(ctx, ann, "", 10)
	_, _, errs["get"] = d.Get(ctx, ann, "s", "k")
	_, errs["put"] = d.Put(ctx, bob, "s", "k", []byte("v"), 0)
	_, errs["keys"] = d.Keys(ctx, ann, "s", "", 10)
	accountCalls(ctx, d, errs)
	return errs
}

// accountCalls are those around accounts, and of the ledger.
func accountCalls(ctx context.Context, d storage.Directory, errs map[string]error) {
	_, errs["account"] = d.Account(ctx, ann)
	_, errs["account at"] = d.AccountAt(ctx, "acme", "ann")
	_, errs["put account"] = d.PutAccount(ctx, account("bob"))
	_, errs["list accounts"] = d.ListAccounts(ctx, "acme", "", 10)
	_, errs["deactivated"] = d.Deactivated(ctx, []chat.UserID{ann})
	_, errs["credentials"] = d.Credentials(ctx, ann)
	_, errs["put credentials"] = d.PutCredentials(ctx, storage.Credentials{User: ann, Version: 1})
	errs["put token"] = d.PutToken(ctx, aToken(ann, "t2"), hashed("two"))
	_, errs["token"] = d.Token(ctx, hashed("token"), epoch)
	_, errs["tokens"] = d.Tokens(ctx, ann, "", 10)
	errs["token used"] = d.TokenUsed(ctx, ann, "t", epoch)
	errs["revoke token"] = d.RevokeToken(ctx, ann, "t", epoch)
	errs["drop tokens"] = d.DropTokens(ctx, ann, epoch)
	errs["put invitation"] = putInvitation(ctx, d, anInvitation("i2", 1))
	_, errs["invitation"] = d.Invitation(ctx, hashed("i"), epoch)
	errs["use invitation"] = use(ctx, d, "i", "bob", epoch)
	_, errs["invitations"] = d.Invitations(ctx, storage.Span{Tenant: "acme"}, "", 10)
	_, errs["invitation uses"] = d.InvitationUses(ctx, "acme", "i", "", 10)
	errs["revoke invitation"] = d.RevokeInvitation(ctx, "acme", "i", epoch)
	_, errs["enter"] = d.Enter(ctx, entry(3, storage.Held, storage.Subject{Tenant: "acme"}))
	_, errs["since"] = d.Since(ctx, 0, 10)
	_, errs["holds"] = d.Holds(ctx, "acme", 0, 10)
	_, errs["owed"] = d.Owed(ctx, 0, 10)
}

func directoryDone(ctx context.Context, d storage.Directory) error {
	if err := furnish(ctx, d); err != nil {
		return err
	}
	done, cancel := context.WithCancel(ctx)
	cancel()
	if err := first(allAre(directoryCalls(done, d), context.Canceled), furnished(ctx, d)); err != nil {
		return err
	}
	_, err1 := d.Room(ctx, lobby)
	_, err2 := d.Member(ctx, kitchen, bob)
	_, _, err3 := d.Get(ctx, bob, "s", "k")
	return first(is(err1, chat.ErrNotFound, ""), is(err2, chat.ErrNotFound, ""), is(err3, chat.ErrNotFound, ""))
}

func directoryClosed(ctx context.Context, s *DirectorySite) error {
	d, closeIt, err := s.Open(ctx)
	if err := first(err, furnish(ctx, d), closeIt()); err != nil {
		return err
	}
	return allAre(directoryCalls(ctx, d), chat.ErrClosed)
}

func directoryClosedTwice(ctx context.Context, s *DirectorySite) error {
	_, closeIt, err := s.Open(ctx)
	return first(err, closeIt(), closeIt())
}
