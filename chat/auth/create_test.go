package auth_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/chat/auth"
	"github.com/parlor-chat/parlor/chat/scram"
	"github.com/parlor-chat/parlor/storage"
)

func TestCreate(t *testing.T) {
	each(t, func(w *world) {
		made := w.create(ann, "Ann", pencil)
		stored, err := w.dir.Account(w.Context(), ann)
		w.ok(err)
		if made != stored || stored.Login != "Ann" || !stored.Created.Equal(epoch) || !stored.Deactivated.IsZero() {
			w.Errorf("made %+v, stored %+v", made, stored)
		}
		if c := w.credentials(ann); len(c.Verifiers) != 2 || c.Verifiers[0].Mechanism != scram.SHA256 || c.Verifiers[1].Mechanism != scram.SHA1 {
			w.Errorf("credentials %+v", c)
		}
		w.now = w.now.Add(1)
		if again := w.create(ann, "ann", pencil); again != made {
			w.Errorf("made again, it is %+v", again)
		}
		try := func(u chat.UserID, login, password string, kind error, field string) {
			w.Helper()
			got, err := w.Create(w.Context(), u, login, password)
			w.fails(err, kind, field)
			if got != (storage.Account{}) {
				w.Errorf("%+v beside an error", got)
			}
		}
		try(ann, "ann", "another", chat.ErrConflict, "user")
		try(ann, "anna", pencil, chat.ErrConflict, "user")
		try(ann, "", pencil, chat.ErrConflict, "user")
		try(bob, "ANN", pencil, chat.ErrConflict, "login")
		try(bob, "a b", pencil, chat.ErrInvalid, "login")
		try(bob, strings.Repeat("x", chat.MaxAddress+1), pencil, chat.ErrTooLarge, "login")
		try(bob, "bob", "\x07", chat.ErrInvalid, "password")
		try(bob, "bob", strings.Repeat("x", chat.MaxSecret+1), chat.ErrTooLarge, "password")
		try(chat.UserID{Tenant: "A B", Key: "2"}, "bob", pencil, chat.ErrInvalid, "tenant")
		try(chat.UserID{Tenant: "acme"}, "bob", pencil, chat.ErrInvalid, "user")
		if _, err := w.dir.Account(w.Context(), bob); !errors.Is(err, chat.ErrNotFound) {
			w.Errorf("what was refused is there (%v)", err)
		}
	})
}

// Whose making failed halfway is made whole by making him again.
func TestCreateGoesOn(t *testing.T) {
	each(t, func(w *world) {
		for _, login := range []string{"", "bob"} {
			u := chat.UserID{Tenant: "acme", Key: "half" + login}
			half, err := w.dir.PutAccount(w.Context(), storage.Account{User: u, Login: login, Created: epoch})
			w.ok(err)
			w.now = w.now.AddDate(0, 0, 1)
			if made := w.create(u, login, pencil); made != half || len(w.credentials(u).Verifiers) != 2 {
				w.Errorf("%q: made %+v", login, made)
			}
		}
	})
}

// What once had a password, or is deactivated, isn't made anew.
func TestCreateTakesNothingOver(t *testing.T) {
	each(t, func(w *world) {
		w.create(ann, "ann", pencil)
		c := w.credentials(ann)
		c.Verifiers = nil
		_, err := w.dir.PutCredentials(w.Context(), c)
		w.ok(err)
		_, err = w.Create(w.Context(), ann, "ann", pencil)
		w.fails(err, chat.ErrConflict, "user")
		w.create(bob, "bob", "")
		w.deactivate(bob)
		_, err = w.Create(w.Context(), bob, "bob", pencil)
		w.fails(err, chat.ErrConflict, "user")
		if c := w.credentials(bob); c.Version != 0 {
			w.Errorf("credentials %+v", c)
		}
	})
}

func TestPasswordsAreChanged(t *testing.T) {
	each(t, func(w *world) {
		w.create(ann, "ann", pencil)
		is := func(password string) {
			w.Helper()
			for _, p := range []string{pencil, "second", "third"} {
				who, err := w.Password(w.Context(), "acme", "ann", p)
				if p == password {
					w.lets(ann, who, err)
				} else {
					w.refused(p, who, err)
				}
			}
		}
		w.ok(w.ChangePassword(w.Context(), ann, pencil, "second"))
		is("second")
		w.refused("the old one", auth.Identity{}, w.ChangePassword(w.Context(), ann, pencil, "third"))
		w.fails(w.ChangePassword(w.Context(), ann, "second", ""), chat.ErrInvalid, "password")
		is("second")
		w.ok(w.SetPassword(w.Context(), ann, "third"))
		is("third")
		w.fails(w.SetPassword(w.Context(), ann, ""), chat.ErrInvalid, "password")
		w.fails(w.SetPassword(w.Context(), ann, strings.Repeat("x", chat.MaxSecret+1)), chat.ErrTooLarge, "password")
		w.fails(w.SetPassword(w.Context(), bob, pencil), chat.ErrNotFound, "user")
		w.fails(w.ChangePassword(w.Context(), bob, pencil, "x"), chat.ErrNotFound, "user")
		is("third")

		w.create(bob, "bob", "")
		w.refused("of an account without a password", auth.Identity{}, w.ChangePassword(w.Context(), bob, "", pencil))
		w.ok(w.SetPassword(w.Context(), bob, pencil))
		who, err := w.Password(w.Context(), "acme", "bob", pencil)
		w.lets(bob, who, err)
		w.deactivate(bob)
		w.refused("of a deactivated account", auth.Identity{}, w.ChangePassword(w.Context(), bob, pencil, "x"))
	})
}

// Of two changes at the same moment, one who must know the old password changes nothing, an
// operator's is the last.
func TestPasswordsChangedAtOnce(t *testing.T) {
	each(t, func(w *world) {
		w.create(ann, "ann", pencil)
		busy := &asked{Directory: w.dir}
		between := func() {
			busy.onPut = nil
			w.ok(w.SetPassword(w.Context(), ann, "between"))
		}
		busy.onPut = between
		w.fails(w.over(busy, chat.MinIterations).ChangePassword(w.Context(), ann, pencil, "mine"), chat.ErrConflict, "version")
		who, err := w.Password(w.Context(), "acme", "ann", "between")
		w.lets(ann, who, err)
		busy.onPut = between
		w.ok(w.over(busy, chat.MinIterations).SetPassword(w.Context(), ann, "operator's"))
		who, err = w.Password(w.Context(), "acme", "ann", "operator's")
		w.lets(ann, who, err)
	})
}
