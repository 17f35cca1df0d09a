package storagetest_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/internal/suite"
	"github.com/parlor-chat/parlor/storage"
	"github.com/parlor-chat/parlor/storage/storagetest"
)

// usesDone are those who used the invitation of a code.
func (d *bent) usesDone(ctx context.Context, code storage.SecretHash, u chat.UserID) (string, bool) {
	for _, tenant := range []string{"acme", "evil"} {
		all, _ := d.right.Invitations(ctx, storage.Span{Tenant: tenant}, "", chat.MaxBatch)
		for _, i := range all {
			if id, err := storage.HashSecret(i.ID); err == nil && id == code {
				uses, _ := d.right.InvitationUses(ctx, tenant, i.ID, "", chat.MaxBatch)
				return i.ID, slices.ContainsFunc(uses, func(use storage.InvitationUse) bool { return use.User == u })
			}
		}
	}
	return "", false
}

var wrongInvitations = []wrongDirectory{
	{Name: "looking uses", Case: "an invitation comes back", At: bend(func(d *bent) {
		var n atomic.Int64
		d.invitation = func(ctx context.Context, code storage.SecretHash, now time.Time) (storage.Invitation, error) {
			return d.right.UseInvitation(ctx, code, chat.UserID{Tenant: "acme", Key: fmt.Sprint(n.Add(1))}, now)
		}
	})},
	{Name: "nobody invites", Case: "an invitation comes back", At: bend(func(d *bent) {
		d.invitations = func(ctx context.Context, to storage.Span, after string, limit int) ([]storage.Invitation, error) {
			all, err := d.right.Invitations(ctx, to, after, limit)
			for i := range all {
				all[i].By = chat.UserID{}
			}
			return all, err
		}
	})},
	{Name: "gives back what was there before", Case: "an invitation comes back", At: bend(func(d *bent) {
		d.useInvitation = func(ctx context.Context, code storage.SecretHash, u chat.UserID, now time.Time) (storage.Invitation, error) {
			i, err := d.right.UseInvitation(ctx, code, u, now)
			i.Used--
			return i, err
		}
	})},
	{Name: "one use too many", Case: "an invitation is used so often and no more", At: bend(func(d *bent) {
		d.putInvitation = func(ctx context.Context, i storage.Invitation, code storage.SecretHash) error {
			i.Uses = min(i.Uses+1, chat.MaxUses)
			return d.right.PutInvitation(ctx, i, code)
		}
	})},
	{Name: "shows what is used up", Case: "an invitation is used so often and no more", At: bend(func(d *bent) {
		d.invitation = func(ctx context.Context, code storage.SecretHash, now time.Time) (storage.Invitation, error) {
			i, err := d.right.Invitation(ctx, code, now)
			if fails(err, chat.ErrExpired, "uses") {
				return i, nil
			}
			return i, err
		}
	})},
	{Name: "uses of any invitation", Case: "an invitation is used so often and no more", At: bend(func(d *bent) {
		d.invitationUses = func(ctx context.Context, tenant, _, after string, limit int) ([]storage.InvitationUse, error) {
			return d.right.InvitationUses(ctx, tenant, "five", after, limit)
		}
	})},
	{Name: "each use counts", Case: "who uses an invitation again is counted once", At: bend(func(d *bent) {
		var n atomic.Int64
		d.useInvitation = func(ctx context.Context, code storage.SecretHash, u chat.UserID, now time.Time) (storage.Invitation, error) {
			if _, again := d.usesDone(ctx, code, u); again {
				u.Key += fmt.Sprint(n.Add(1))
			}
			return d.right.UseInvitation(ctx, code, u, now)
		}
	})},
	{Name: "used up is used up, also for who used it", Case: "who uses an invitation again is counted once", At: bend(func(d *bent) {
		d.useInvitation = func(ctx context.Context, code storage.SecretHash, u chat.UserID, now time.Time) (storage.Invitation, error) {
			if i, err := d.right.Invitation(ctx, code, now); err != nil {
				return i, err
			}
			return d.right.UseInvitation(ctx, code, u, now)
		}
	})},
	{Name: "who used it once may for ever", Case: "who uses an invitation again is counted once", At: bend(func(d *bent) {
		d.useInvitation = func(ctx context.Context, code storage.SecretHash, u chat.UserID, now time.Time) (storage.Invitation, error) {
			i, err := d.right.UseInvitation(ctx, code, u, now)
			if _, again := d.usesDone(ctx, code, u); again && errors.Is(err, chat.ErrExpired) {
				return i, nil
			}
			return i, err
		}
	})},
	{Name: "looks whether there is a use, then uses", Case: "one of many gets the last use", At: bend(func(d *bent) {
		d.useInvitation = func(ctx context.Context, code storage.SecretHash, u chat.UserID, now time.Time) (i storage.Invitation, err error) {
			err = lookFirst(func() error { _, err := d.right.Invitation(ctx, code, now); return err }, func() error {
				if i, err = d.right.UseInvitation(ctx, code, u, now); fails(err, chat.ErrExpired, "uses") {
					return nil
				}
				return err
			})
			return i, err
		}
	})},
	{Name: "looks who used it, then uses", Case: "one of many gets the last use", At: bend(func(d *bent) {
		var n atomic.Int64
		d.useInvitation = func(ctx context.Context, code storage.SecretHash, u chat.UserID, now time.Time) (i storage.Invitation, err error) {
			_, again := d.usesDone(ctx, code, u)
			time.Sleep(time.Millisecond)
			if !again && u.Key == "ann" {
				u.Key += fmt.Sprint(n.Add(1))
			}
			return d.right.UseInvitation(ctx, code, u, now)
		}
	})},
	{Name: "an invitation ends a moment late", Case: "an invitation ends", At: bend(func(d *bent) {
		d.useInvitation = func(ctx context.Context, code storage.SecretHash, u chat.UserID, now time.Time) (storage.Invitation, error) {
			return d.right.UseInvitation(ctx, code, u, now.Add(-time.Millisecond))
		}
	})},
	{Name: "an invitation that is seen a moment too long", Case: "an invitation ends", At: bend(func(d *bent) {
		d.invitation = func(ctx context.Context, code storage.SecretHash, now time.Time) (storage.Invitation, error) {
			return d.right.Invitation(ctx, code, now.Add(-time.Millisecond))
		}
	})},
	{Name: "a link that can't be taken back", Case: "an invitation ends", At: bend(func(d *bent) {
		d.revokeInvitation = func(context.Context, string, string, time.Time) error { return nil }
	})},
	{Name: "anybody's link", Case: "invitations are of one tenant or room", At: bend(func(d *bent) {
		d.useInvitation = func(ctx context.Context, code storage.SecretHash, u chat.UserID, now time.Time) (storage.Invitation, error) {
			i, err := d.right.Invitation(ctx, code, now)
			if err == nil {
				u.Tenant = i.To.Tenant
			}
			return d.right.UseInvitation(ctx, code, u, now)
		}
	})},
	{Name: "links to rooms among those to the tenant", Case: "invitations are of one tenant or room", At: bend(func(d *bent) {
		d.invitations = func(ctx context.Context, to storage.Span, after string, limit int) ([]storage.Invitation, error) {
			all, err := d.right.Invitations(ctx, to, after, limit)
			if to.Room == "" {
				more, _ := d.right.Invitations(ctx, storage.Span{Tenant: to.Tenant, Room: "kitchen"}, after, limit)
				all = append(slices.Clone(all), more...)
			}
			return all, err
		}
	})},
	{Name: "links to nowhere", Case: "invitations are of one tenant or room", At: bend(func(d *bent) {
		d.putInvitation = func(ctx context.Context, i storage.Invitation, code storage.SecretHash) error {
			if err := d.right.PutInvitation(ctx, i, code); !fails(err, chat.ErrNotFound, "room") {
				return err
			}
			return nil
		}
	})},
	{Name: "invitations out of order", Case: "invitations and their uses are listed by key", At: bend(func(d *bent) { d.invitations = reversed(d.right.Invitations) })},
	{Name: "a short list of uses", Case: "invitations and their uses are listed by key", At: bend(func(d *bent) {
		d.invitationUses = func(ctx context.Context, tenant, id, after string, limit int) ([]storage.InvitationUse, error) {
			all, err := d.right.InvitationUses(ctx, tenant, id, after, limit)
			if len(all) == limit && limit > 1 {
				all = all[:limit-1]
			}
			return all, err
		}
	})},
	{Name: "no uses are one", Case: "invalid invitations are refused", At: bend(func(d *bent) {
		d.putInvitation = func(ctx context.Context, i storage.Invitation, code storage.SecretHash) error {
			i.Uses = max(i.Uses, 1)
			return d.right.PutInvitation(ctx, i, code)
		}
	})},
	{Name: "too many uses are the most", Case: "invalid invitations are refused", At: bend(func(d *bent) {
		d.putInvitation = func(ctx context.Context, i storage.Invitation, code storage.SecretHash) error {
			i.Uses = min(i.Uses, chat.MaxUses)
			return d.right.PutInvitation(ctx, i, code)
		}
	})},
}

// stops makes sites where other holds stop an entry than should.
func stops(rule func(e, hold storage.LedgerEntry) bool) func(testing.TB) *storagetest.DirectorySite {
	return bend(func(d *bent) {
		d.enter = func(ctx context.Context, e storage.LedgerEntry) (storage.LedgerEntry, error) {
			var holds []storage.LedgerEntry
			for _, tenant := range []string{"acme", "evil"} {
				all, _ := d.right.Holds(ctx, tenant, 0, chat.MaxBatch)
				holds = append(holds, all...)
			}
			stopped := (e.Act == storage.Erased || e.Act == storage.Pruned) && slices.ContainsFunc(holds, func(h storage.LedgerEntry) bool { return rule(e, h) })
			got, err := d.right.Enter(ctx, e)
			switch {
			case fails(err, chat.ErrForbidden, "hold") && !stopped:
				return e, nil
			case err == nil && stopped:
				return e, &chat.Error{Kind: chat.ErrForbidden, Field: "hold"}
			}
			return got, err
		}
	})
}

// entered makes sites whose Enter is another.
func entered(enter func(ctx context.Context, right func(context.Context, storage.LedgerEntry) (storage.LedgerEntry, error), e storage.LedgerEntry) (storage.LedgerEntry, error)) func(testing.TB) *storagetest.DirectorySite {
	return bend(func(d *bent) {
		d.enter = func(ctx context.Context, e storage.LedgerEntry) (storage.LedgerEntry, error) {
			return enter(ctx, d.right.Enter, e)
		}
	})
}

// forgiving makes sites where an entry that fails so is taken.
func forgiving(kind error, field string) func(testing.TB) *storagetest.DirectorySite {
	return bend(func(d *bent) {
		d.enter = func(ctx context.Context, e storage.LedgerEntry) (storage.LedgerEntry, error) {
			got, err := d.right.Enter(ctx, e)
			if fails(err, kind, field) {
				return e, nil
			}
			return got, err
		}
	})
}

type rightEnter = func(context.Context, storage.LedgerEntry) (storage.LedgerEntry, error)

var wrongLedgers = []wrongDirectory{
	{Name: "the newest first", Case: "the ledger has one order", At: bend(func(d *bent) {
		d.since = func(ctx context.Context, after int64, limit int) ([]storage.LedgerEntry, error) {
			all, err := d.right.Since(ctx, after, limit)
			slices.Reverse(all)
			return all, err
		}
	})},
	{Name: "the last entry again", Case: "the ledger has one order", At: bend(func(d *bent) {
		d.since = func(ctx context.Context, after int64, limit int) ([]storage.LedgerEntry, error) {
			return d.right.Since(ctx, after-1, limit)
		}
	})},
	{Name: "by when it was", Case: "the ledger has one order", At: bend(func(d *bent) {
		d.since = func(ctx context.Context, after int64, limit int) ([]storage.LedgerEntry, error) {
			all, err := d.right.Since(ctx, after, limit)
			slices.SortStableFunc(all, func(a, b storage.LedgerEntry) int { return a.At.Compare(b.At) })
			return all, err
		}
	})},
	{Name: "one tenant's ledger", Case: "the ledger has one order", At: bend(func(d *bent) {
		d.since = func(ctx context.Context, after int64, limit int) ([]storage.LedgerEntry, error) {
			all, err := d.right.Since(ctx, after, limit)
			return slices.DeleteFunc(all, func(e storage.LedgerEntry) bool { return e.Of.Tenant == "evil" }), err
		}
	})},
	{Name: "an entry that loses who made it", Case: "the ledger has one order", At: bend(func(d *bent) {
		d.since = func(ctx context.Context, after int64, limit int) ([]storage.LedgerEntry, error) {
			all, err := d.right.Since(ctx, after, limit)
			for i := range all {
				all[i].By = strings.ToValidUTF8(all[i].By[:min(len(all[i].By), 8)], "")
			}
			return all, err
		}
	})},
	{Name: "a retry is another entry", Case: "an entry is entered once", At: bend(func(d *bent) {
		d.enter = func(ctx context.Context, e storage.LedgerEntry) (storage.LedgerEntry, error) {
			all, _ := d.right.Since(ctx, 0, chat.MaxBatch)
			if slices.ContainsFunc(all, func(old storage.LedgerEntry) bool { return old.ID == e.ID }) {
				e.ID, e.Seq = chat.NewID(), 0
			}
			return d.right.Enter(ctx, e)
		}
	})},
	{Name: "anything under an id", Case: "an entry is entered once", At: forgiving(chat.ErrConflict, "id")},
	{Name: "a retry of what is held since", Case: "an entry is entered once", At: bend(func(d *bent) {
		d.enter = func(ctx context.Context, e storage.LedgerEntry) (storage.LedgerEntry, error) {
			holds, _ := d.right.Holds(ctx, e.Of.Tenant, 0, chat.MaxBatch)
			for _, h := range holds {
				if err := e.Stopped("enter", h); err != nil {
					return storage.LedgerEntry{}, err
				}
			}
			return d.right.Enter(ctx, e)
		}
	})},
	{Name: "a hold of exactly the same", Case: "a hold stops what it overlaps", At: stops(func(e, h storage.LedgerEntry) bool { return e.Of == h.Of })},
	{Name: "a hold of what lies within", Case: "a hold stops what it overlaps", At: stops(func(e, h storage.LedgerEntry) bool {
		return e.Of.Overlaps(h.Of) && (h.Of.Room == "" || e.Of.Room != "") && (h.Of.User == "" || e.Of.User != "")
	})},
	{Name: "a hold of rooms alone", Case: "a hold stops what it overlaps", At: stops(func(e, h storage.LedgerEntry) bool {
		return e.Of.Overlaps(h.Of) && h.Of.Room != ""
	})},
	{Name: "a hold of all that somebody's room has", Case: "a hold stops what it overlaps", At: stops(func(e, h storage.LedgerEntry) bool {
		e.Of.User, h.Of.User = "", ""
		return e.Of.Overlaps(h.Of)
	})},
	{Name: "a hold of any tenant", Case: "a hold stops what it overlaps", At: stops(func(e, h storage.LedgerEntry) bool {
		e.Of.Tenant = h.Of.Tenant
		return e.Of.Overlaps(h.Of)
	})},
	{Name: "a hold that pruning doesn't heed", Case: "a hold stops what it overlaps", At: stops(func(e, h storage.LedgerEntry) bool {
		return e.Of.Overlaps(h.Of) && e.Act == storage.Erased
	})},
	{Name: "a hold of users in any case", Case: "a hold stops what it overlaps", At: stops(func(e, h storage.LedgerEntry) bool {
		e.Of.User, h.Of.User = strings.ToLower(e.Of.User), strings.ToLower(h.Of.User)
		return e.Of.Overlaps(h.Of)
	})},
	{Name: "a hold without a name", Case: "a hold stops what it overlaps", At: entered(func(ctx context.Context, right rightEnter, e storage.LedgerEntry) (storage.LedgerEntry, error) {
		got, err := right(ctx, e)
		if fails(err, chat.ErrForbidden, "hold") {
			err = &chat.Error{Kind: chat.ErrForbidden, Op: "enter", Field: "hold"}
		}
		return got, err
	})},
	{Name: "the youngest hold is named", Case: "a hold stops what it overlaps", At: bend(func(d *bent) {
		d.enter = func(ctx context.Context, e storage.LedgerEntry) (storage.LedgerEntry, error) {
			got, err := d.right.Enter(ctx, e)
			if fails(err, chat.ErrForbidden, "hold") {
				holds, _ := d.right.Holds(ctx, e.Of.Tenant, 0, chat.MaxBatch)
				for _, h := range slices.Backward(holds) {
					if err := e.Stopped("enter", h); err != nil {
						return got, err
					}
				}
			}
			return got, err
		}
	})},
	{Name: "anything is released", Case: "a hold is released", At: forgiving(chat.ErrNotFound, "about")},
	{Name: "released twice", Case: "a hold is released", At: forgiving(chat.ErrConflict, "about")},
	{Name: "shows what was released", Case: "a hold is released", At: bend(func(d *bent) {
		d.holds = func(ctx context.Context, tenant string, after int64, limit int) ([]storage.LedgerEntry, error) {
			if _, err := d.right.Holds(ctx, tenant, after, limit); err != nil {
				return nil, err
			}
			all, err := d.right.Since(ctx, after, chat.MaxBatch)
			all = slices.DeleteFunc(all, func(e storage.LedgerEntry) bool { return e.Act != storage.Held || e.Of.Tenant != tenant })
			return all[:min(limit, len(all))], err
		}
	})},
	{Name: "holds of all tenants", Case: "a hold is released", At: bend(func(d *bent) {
		d.holds = func(ctx context.Context, tenant string, after int64, limit int) ([]storage.LedgerEntry, error) {
			ours, err := d.right.Holds(ctx, "acme", after, limit)
			theirs, _ := d.right.Holds(ctx, "evil", after, limit)
			return append(ours, theirs...), err
		}
	})},
	{Name: "owed for ever", Case: "an erasure is owed until its bytes are gone", At: owes(func(storage.LedgerEntry, []storage.LedgerEntry) bool { return true })},
	{Name: "prunings aren't owed", Case: "an erasure is owed until its bytes are gone", At: owes(func(e storage.LedgerEntry, all []storage.LedgerEntry) bool {
		return e.Act == storage.Erased && !slices.ContainsFunc(all, func(g storage.LedgerEntry) bool { return g.Act == storage.Gone && g.About == e.Seq })
	})},
	{Name: "what is held is owed", Case: "an erasure is owed until its bytes are gone", At: entered(func(ctx context.Context, right rightEnter, e storage.LedgerEntry) (storage.LedgerEntry, error) {
		got, err := right(ctx, e)
		if fails(err, chat.ErrNotFound, "about") && e.About == 3 {
			return e, nil
		}
		return got, err
	})},
	{Name: "an erasure that heeds no hold", Case: "holds and erasures at once have an order", At: entered(func(ctx context.Context, right rightEnter, e storage.LedgerEntry) (storage.LedgerEntry, error) {
		got, err := right(ctx, e)
		if fails(err, chat.ErrForbidden, "hold") {
			got.Seq = 1 << 40
			return got, nil
		}
		return got, err
	})},
	{Name: "a hold that comes too late is refused", Case: "holds and erasures at once have an order", At: bend(func(d *bent) {
		d.enter = func(ctx context.Context, e storage.LedgerEntry) (storage.LedgerEntry, error) {
			if owed, _ := d.right.Owed(ctx, 0, chat.MaxBatch); e.Act == storage.Held && len(owed) > 0 {
				return e, &chat.Error{Kind: chat.ErrForbidden, Field: "hold"}
			}
			return d.right.Enter(ctx, e)
		}
	})},
	{Name: "one of many entries is lost", Case: "holds and erasures at once have an order", At: bend(func(d *bent) {
		d.since = func(ctx context.Context, after int64, limit int) ([]storage.LedgerEntry, error) {
			all, err := d.right.Since(ctx, after, limit)
			if len(all) > 10 {
				all = slices.Delete(all, 5, 6)
			}
			return all, err
		}
	})},
	{Name: "an entry goes where there is room", Case: "an entry goes to the place that it names", At: entered(func(ctx context.Context, right rightEnter, e storage.LedgerEntry) (storage.LedgerEntry, error) {
		e.Seq = 0
		return right(ctx, e)
	})},
	{Name: "a hole in the ledger", Case: "an entry goes to the place that it names", At: forgiving(chat.ErrConflict, "seq")},
	{Name: "a known entry has no place", Case: "an entry goes to the place that it names", At: entered(func(ctx context.Context, right rightEnter, e storage.LedgerEntry) (storage.LedgerEntry, error) {
		got, err := right(ctx, e)
		if err == nil && e.Seq != 0 {
			got.Seq = 0
		}
		return got, err
	})},
	{Name: "why is cut", Case: "invalid entries are refused", At: entered(func(ctx context.Context, right rightEnter, e storage.LedgerEntry) (storage.LedgerEntry, error) {
		e.Why = e.Why[:min(len(e.Why), chat.MaxReason)]
		return right(ctx, e)
	})},
	{Name: "an event of any room", Case: "invalid entries are refused", At: forgiving(chat.ErrInvalid, "of.room")},
	{Name: "an entry without an id", Case: "invalid entries are refused", At: entered(func(ctx context.Context, right rightEnter, e storage.LedgerEntry) (storage.LedgerEntry, error) {
		if e.ID.IsZero() {
			e.ID = chat.NewID()
		}
		return right(ctx, e)
	})},
}

// owes makes sites where other erasures are owed than should.
func owes(rule func(e storage.LedgerEntry, all []storage.LedgerEntry) bool) func(testing.TB) *storagetest.DirectorySite {
	return bend(func(d *bent) {
		d.owed = func(ctx context.Context, after int64, limit int) ([]storage.LedgerEntry, error) {
			if _, err := d.right.Owed(ctx, after, limit); err != nil {
				return nil, err
			}
			all, err := d.right.Since(ctx, 0, chat.MaxBatch)
			owed := slices.DeleteFunc(slices.Clone(all), func(e storage.LedgerEntry) bool {
				return e.Act != storage.Erased && e.Act != storage.Pruned || e.Seq <= after || !rule(e, all)
			})
			return owed[:min(limit, len(owed))], err
		}
	})
}

// withoutContext makes a method go on though its context is done.
var deafDirectories = []wrongDirectory{
	{Name: "uses an invitation for who gave up", Case: "a done context does nothing", At: bend(func(d *bent) {
		d.useInvitation = func(ctx context.Context, code storage.SecretHash, u chat.UserID, now time.Time) (storage.Invitation, error) {
			i, err := d.right.UseInvitation(context.WithoutCancel(ctx), code, u, now)
			if err == nil {
				err = ctx.Err()
			}
			return i, err
		}
	})},
	{Name: "enters for who gave up", Case: "a done context does nothing", At: bend(func(d *bent) {
		d.enter = func(ctx context.Context, e storage.LedgerEntry) (storage.LedgerEntry, error) {
			got, err := d.right.Enter(context.WithoutCancel(ctx), e)
			if err == nil {
				err = ctx.Err()
			}
			return got, err
		}
	})},
}

func TestTheSuiteCatchesWrongAccountsAndLedgers(t *testing.T) {
	wrong := slices.Concat(wrongAccounts, wrongTokens, wrongInvitations, wrongLedgers, deafDirectories)
	suite.Catch(t, storagetest.DirectoryCases(), wrong)
	caught := map[string]int{}
	for _, w := range wrong {
		caught[w.Case]++
	}
	cases := storagetest.DirectoryCases()
	named := func(name string) int {
		return slices.IndexFunc(cases, func(c storagetest.DirectoryCase) bool { return c.Name == name })
	}
	for _, c := range cases[named("an account comes back"):named("everything is there after reopening")] {
		if caught[c.Name] < 2 {
			t.Errorf("case %q catches %d wrong directories, want two", c.Name, caught[c.Name])
		}
	}
	t.Logf("%d wrong directories", len(wrong))
}
