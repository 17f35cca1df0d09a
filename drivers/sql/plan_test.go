package sql_test

import (
	"context"
	"errors"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/drivers/sql"
	"github.com/parlor-chat/parlor/storage"
)

// Nothing is found by reading a whole table, or all that a tenant has in it, nor sorted
// after it was found.
func TestPlans(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "directory.db"))
	d, f, u := s.Directory(), s.Fence(), writer(0)
	var err [22]error
	_, err[0] = d.PutRoom(t.Context(), storage.Room{ID: killed, Kind: storage.Public, Address: "kitchen"})
	_, err[1] = d.Room(t.Context(), killed)
	_, err[2] = d.RoomAt(t.Context(), "acme", "kitchen")
	_, err[3] = d.LookupRooms(t.Context(), []chat.RoomID{killed, killed, killed})
	_, err[4] = d.List(t.Context(), "acme", "", 9)
	err[5] = d.PutMember(t.Context(), storage.Member{Room: killed, User: u, Role: chat.RoleMember, Nickname: "nick", Seq: 1})
	_, err[6] = d.Member(t.Context(), killed, u)
	_, err[7] = d.Members(t.Context(), killed, "", 9)
	_, err[8] = d.Access(t.Context(), u)
	_, err[9] = storage.AccessTo(t.Context(), d, u, killed)
	err[10] = d.PutUser(t.Context(), storage.User{ID: u, Name: "Ann"})
	_, err[11] = d.Users(t.Context(), []chat.UserID{u, u})
	_, err[12] = d.NamedUsers(t.Context(), "acme", "", 9)
	_, err[13] = d.NamedUsers(t.Context(), "acme", "a", 9)
	err[14] = d.Mark(t.Context(), storage.Mark{User: u, Position: chat.Position{Room: killed, Seq: 1}})
	_, err[15] = d.Marks(t.Context(), u, "", 9)
	_, err[16] = d.Put(t.Context(), u, "s", "k", []byte("v"), 0)
	_, _, err[17] = d.Get(t.Context(), u, "s", "k")
	_, err[18] = d.Keys(t.Context(), u, "s", "", 9)
	err[19] = f.Swap(t.Context(), "cursor", "", "1")
	_, err[20] = d.LookupMarks(t.Context(), u, []chat.RoomID{killed, killed, killed})
	_, err[21] = d.LookupDirect(t.Context(), []chat.RoomID{killed, killed, killed})
	for i, err := range append(err[:], accountCalls(t.Context(), d, u)...) {
		if err != nil {
			t.Errorf("%d: %v", i, err)
		}
	}
	plans, failed := s.Plans(t.Context())
	if failed != nil || len(plans) < 40 {
		t.Errorf("%d plans, %v", len(plans), failed)
	}
	for text, steps := range plans {
		if strings.Contains(text, "FROM parlor_invitations WHERE tenant = ? AND room") && !strings.Contains(steps[0], "(tenant=? AND room=? AND id>?)") {
			t.Errorf("%s: all of a tenant: %s", text, strings.Join(steps, "; "))
		}
		for _, step := range steps {
			if strings.HasPrefix(step, "SCAN") && !strings.Contains(step, "CONSTANT") && !strings.Contains(step, "VALUES") || strings.Contains(step, "TEMP B-TREE") ||
				strings.Contains(step, "(tenant=?)") {
				t.Errorf("%s: %s", text, strings.Join(steps, "; "))
			}
		}
	}
}

// accountCalls does everything around accounts, and of the ledger.
func accountCalls(ctx context.Context, d storage.Directory, u chat.UserID) []error {
	now := time.Now()
	_, secret := storage.NewSecret()
	var err [22]error
	_, err[0] = d.PutAccount(ctx, storage.Account{User: u, Login: "ann"})
	_, err[1] = d.Account(ctx, u)
	_, err[2] = d.AccountAt(ctx, u.Tenant, "ann")
	_, err[3] = d.ListAccounts(ctx, u.Tenant, "", 9)
	_, err[4] = d.PutCredentials(ctx, storage.Credentials{User: u})
	_, err[5] = d.Credentials(ctx, u)
	err[6] = d.PutToken(ctx, storage.Token{User: u, ID: "t"}, secret)
	_, err[7] = d.Token(ctx, secret, now)
	_, err[8] = d.Tokens(ctx, u, "", 9)
	err[9] = d.TokenUsed(ctx, u, "t", now)
	err[10] = d.RevokeToken(ctx, u, "t", now)
	err[11] = d.DropTokens(ctx, u, now.Add(time.Hour))
	err[12] = d.PutInvitation(ctx, storage.Invitation{To: storage.Span{Tenant: u.Tenant, Room: killed.Key}, ID: "i", Uses: 2}, secret)
	_, err[13] = d.Invitation(ctx, secret, now)
	_, err[14] = d.UseInvitation(ctx, secret, u, now)
	_, err[15] = d.Invitations(ctx, storage.Span{Tenant: u.Tenant}, "", 9)
	_, err[16] = d.InvitationUses(ctx, u.Tenant, "i", "", 9)
	err[17] = d.RevokeInvitation(ctx, u.Tenant, "i", now)
	_, err[18] = d.Enter(ctx, erasure(u, 1))
	_, err[19] = d.Since(ctx, 0, 9)
	_, err[20] = d.Holds(ctx, u.Tenant, 0, 9)
	_, err[21] = d.Owed(ctx, 0, 9)
	for act, about := range map[storage.Act]int64{storage.Gone: 1, storage.Held: 0} {
		e := erasure(u, int(act))
		e.Act, e.About = act, about
		_, failed := d.Enter(ctx, e)
		err[18] = errors.Join(err[18], failed)
	}
	return err[:]
}

// What begins with a prefix lies from the prefix on, and before what is behind it: for all
// words of a few characters, of each length in UTF-8, first and last among others.
func TestBehind(t *testing.T) {
	words := func(n int) []string {
		all, last := []string{""}, []string{""}
		for range n {
			var next []string
			for _, w := range last {
				for _, r := range "a\u007f\u0080\u07ff\u0800\ud7ff\ue000\uffff\U00010000\U0010fffe\U0010ffff" {
					next = append(next, w+string(r))
				}
			}
			all, last = append(all, next...), next
		}
		return all
	}
	texts := words(3)
	for _, prefix := range words(2) {
		end := sql.Behind(prefix)
		for _, s := range texts {
			if got, want := s >= prefix && (end == "" || s < end), strings.HasPrefix(s, prefix); got != want {
				t.Fatalf("%q is found by %q (to %q): %v", s, prefix, end, got)
			}
		}
	}
}
