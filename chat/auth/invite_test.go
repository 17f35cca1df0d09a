package auth_test

import (
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/storage"
)

var acme = storage.Span{Tenant: "acme"}

// invite makes an invitation.
func (w *world) invite(i storage.Invitation) string {
	w.Helper()
	code, _, err := w.Invite(w.Context(), i)
	w.ok(err)
	return code
}

// declines checks that a registration fails, and makes nothing.
func (w *world) declines(tenant, code, login, password string, kind error, field string) {
	w.Helper()
	before, err := w.dir.ListAccounts(w.Context(), "acme", "", 100)
	w.ok(err)
	a, i, err := w.Register(w.Context(), tenant, code, login, password)
	w.fails(err, kind, field)
	if a != (storage.Account{}) || i != (storage.Invitation{}) {
		w.Errorf("%+v and %+v beside an error", a, i)
	}
	after, err := w.dir.ListAccounts(w.Context(), "acme", "", 100)
	w.ok(err)
	if len(after) != len(before) {
		w.Errorf("of %d accounts there are %d", len(before), len(after))
	}
}

// uses counts how often the invitations to the tenant were used.
func (w *world) uses() int {
	w.Helper()
	all, err := w.dir.Invitations(w.Context(), acme, "", 100)
	w.ok(err)
	n := 0
	for _, i := range all {
		n += i.Used
	}
	return n
}

func TestInvite(t *testing.T) {
	each(t, func(w *world) {
		code, made, err := w.Invite(w.Context(), storage.Invitation{To: acme, Uses: 2, By: ann, Expires: epoch.Add(time.Hour + 1)})
		w.ok(err)
		listed, err := w.dir.Invitations(w.Context(), acme, "", 10)
		w.ok(err)
		if len(listed) != 1 || listed[0] != made || made.ID == "" || !made.Created.Equal(epoch) || strings.Contains(made.ID, code) {
			w.Errorf("made %+v, listed %+v", made, listed)
		}
		named, made, err := w.Invite(w.Context(), storage.Invitation{To: acme, ID: "party", Uses: 1, Created: epoch.AddDate(-1, 0, 0)})
		w.ok(err)
		if made.ID != "party" || named == code || !made.Created.Equal(epoch.AddDate(-1, 0, 0)) {
			w.Errorf("made %+v", made)
		}
		code, made, err = w.Invite(w.Context(), storage.Invitation{To: acme})
		w.fails(err, chat.ErrInvalid, "uses")
		if code != "" || made != (storage.Invitation{}) {
			w.Errorf("%q and %+v beside an error", code, made)
		}
	})
}

func TestRegister(t *testing.T) {
	each(t, func(w *world) {
		kitchen := chat.RoomID{Tenant: "acme", Key: "kitchen"}
		_, err := w.dir.PutRoom(w.Context(), storage.Room{ID: kitchen, Kind: storage.Private, Created: epoch})
		w.ok(err)
		code := w.invite(storage.Invitation{To: storage.Span{Tenant: "acme", Room: "kitchen"}, Uses: 2})
		one, i, err := w.Register(w.Context(), "acme", code, "Eve", pencil)
		w.ok(err)
		if i.To.Room != "kitchen" || i.Used != 1 || one.Login != "Eve" || one.User.Tenant != "acme" {
			w.Errorf("%+v by %+v", one, i)
		}
		who, err := w.Password(w.Context(), "acme", "eve", pencil)
		w.lets(one.User, who, err)
		if again, i, err := w.Register(w.Context(), "acme", code, "eve", pencil); err != nil || again != one || i.Used != 1 {
			w.Errorf("again he is %+v by %+v (%v)", again, i, err)
		}
		two, i, err := w.Register(w.Context(), "acme", code, "mallory", pencil)
		w.ok(err)
		if two.User == one.User || i.Used != 2 {
			w.Errorf("%+v by %+v", two, i)
		}
		// It is used up. Who lost his answer gets it again, in any spelling.
		w.declines("acme", code, "trent", pencil, chat.ErrExpired, "uses")
		again, i, err := w.Register(w.Context(), "acme", code, "EVE", pencil)
		if err != nil || again != one || i.Used != 2 {
			w.Errorf("again he is %+v by %+v (%v)", again, i, err)
		}
		w.declines("acme", code, "eve", "another", chat.ErrConflict, "login")
	})
}

// A log-in that was given up is somebody else's, who isn't taken for the first.
func TestRegisterALoginThatIsFreeAgain(t *testing.T) {
	each(t, func(w *world) {
		first, _, err := w.Register(w.Context(), "acme", w.invite(storage.Invitation{To: acme, Uses: 1}), "eve", pencil)
		w.ok(err)
		first.Login = "anna"
		first, err = w.dir.PutAccount(w.Context(), first)
		w.ok(err)
		second, _, err := w.Register(w.Context(), "acme", w.invite(storage.Invitation{To: acme, Uses: 1}), "eve", pencil)
		if err != nil || second.User == first.User {
			w.Errorf("%+v and then %+v (%v)", first, second, err)
		}
	})
}

func TestRegisterDeclines(t *testing.T) {
	each(t, func(w *world) {
		w.create(ann, "ann", pencil)
		code := w.invite(storage.Invitation{To: acme, Uses: 1, ID: "open", Expires: epoch.Add(time.Hour)})
		revoked := w.invite(storage.Invitation{To: acme, Uses: 1, ID: "revoked"})
		w.ok(w.dir.RevokeInvitation(w.Context(), "acme", "revoked", epoch))
		elsewhere := w.invite(storage.Invitation{To: storage.Span{Tenant: "evil"}, Uses: 1})

		// Without a code of this tenant nobody learns that ann is there.
		for _, login := range []string{"ann", "eve"} {
			w.declines("acme", "", login, pencil, chat.ErrNotFound, "code")
			w.declines("acme", "guessed", login, pencil, chat.ErrNotFound, "code")
			w.declines("acme", strings.Repeat("x", chat.MaxSecret+1), login, pencil, chat.ErrNotFound, "code")
			w.declines("acme", elsewhere, login, pencil, chat.ErrNotFound, "code")
			w.declines("acme", revoked, login, pencil, chat.ErrExpired, "revoked")
			w.now = epoch.Add(time.Hour)
			w.declines("acme", code, login, pencil, chat.ErrExpired, "expires")
			w.now = epoch
		}
		w.declines("A B", code, "eve", pencil, chat.ErrInvalid, "tenant")
		w.declines("acme", code, "a b", pencil, chat.ErrInvalid, "login")
		w.declines("acme", code, "", pencil, chat.ErrInvalid, "login")
		w.declines("acme", code, "eve", "", chat.ErrInvalid, "password")
		w.declines("acme", code, "eve", strings.Repeat("x", chat.MaxSecret+1), chat.ErrTooLarge, "password")
		w.declines("acme", code, "ANN", pencil, chat.ErrConflict, "login")
		down := &chat.Error{Kind: chat.ErrUnavailable}
		if _, _, err := w.over(&asked{Directory: w.dir, fail: down}, chat.MinIterations).Register(w.Context(), "acme", code, "eve", pencil); !errors.Is(err, down) {
			w.Errorf("error %v", err)
		}
		if n := w.uses(); n != 0 {
			w.Errorf("what was declined used %d", n)
		}
		_, _, err := w.Register(w.Context(), "acme", code, "eve", pencil)
		w.ok(err)
	})
}

// Whose registration broke off after any step is registered when he does it again.
func TestRegisterGoesOn(t *testing.T) {
	each(t, func(w *world) {
		code := w.invite(storage.Invitation{To: acme, Uses: 1})
		lost := errors.New("lost")
		for _, step := range []*asked{{lose: "use"}, {lose: "account"}, {lose: "password"}, {lose: ""}} {
			step.Directory, step.lost = w.dir, lost
			a := w.over(step, chat.MinIterations)
			_, i, err := a.Register(w.Context(), "acme", code, "eve", pencil)
			if step.lose != "" {
				if !errors.Is(err, lost) {
					w.Errorf("%s: error %v", step.lose, err)
				}
				continue
			}
			if err != nil || i.Used != 1 {
				w.Errorf("%+v with error %v", i, err)
			}
		}
		who, err := w.Password(w.Context(), "acme", "eve", pencil)
		w.ok(err)
		w.lets(who.User, who, err)
	})
}

// Of many who register one log-in by one code at the same moment, one gets it.
func TestOneGetsTheLogin(t *testing.T) {
	each(t, func(w *world) {
		code := w.invite(storage.Invitation{To: acme, Uses: 20})
		var got sync.Map
		var all sync.WaitGroup
		for i := range 8 {
			all.Go(func() {
				password := strings.Repeat("x", i+1)
				_, _, err := w.Register(w.Context(), "acme", code, "eve", password)
				if err == nil {
					got.Store(password, true)
					return
				}
				w.fails(err, chat.ErrConflict, "login")
			})
		}
		all.Wait()
		n := 0
		got.Range(func(password, _ any) bool {
			n++
			_, err := w.Password(w.Context(), "acme", "eve", password.(string))
			w.ok(err)
			return true
		})
		if n != 1 {
			w.Errorf("%d got it", n)
		}
	})
}
