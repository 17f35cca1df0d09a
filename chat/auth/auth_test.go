package auth_test

import (
	"context"
	"errors"
	"path/filepath"
	"testing"
	"time"

	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/chat/auth"
	"github.com/parlor-chat/parlor/chat/scram"
	"github.com/parlor-chat/parlor/drivers/memory"
	"github.com/parlor-chat/parlor/drivers/sql"
	"github.com/parlor-chat/parlor/storage"
)

var (
	ann   = chat.UserID{Tenant: "acme", Key: "1"}
	bob   = chat.UserID{Tenant: "acme", Key: "2"}
	epoch = time.Date(2026, 11, 3, 9, 0, 0, 0, time.UTC)
)

const pencil = "correct pencil battery"

// world is an Accounts over one driver, with a clock of its own.
type world struct {
	*testing.T
	*auth.Accounts
	dir   storage.Directory
	fence storage.Fence
	now   time.Time
}

// each runs a test over every driver of a directory.
func each(t *testing.T, test func(w *world)) {
	t.Run("memory", func(t *testing.T) {
		set := memory.New(nil).Set()
		test(newWorld(t, set.Directory, set.Fence))
	})
	t.Run("sqlite", func(t *testing.T) {
		store, err := sql.Open(t.Context(), filepath.Join(t.TempDir(), "directory.db"), nil)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { store.Close() })
		test(newWorld(t, store.Directory(), store.Fence()))
	})
}

func newWorld(t *testing.T, dir storage.Directory, fence storage.Fence) *world {
	t.Helper()
	w := &world{T: t, dir: dir, fence: fence, now: epoch}
	w.Accounts = w.over(dir, chat.MinIterations)
	return w
}

// over is another Accounts with the same clock and fence, as on another node.
func (w *world) over(dir auth.Directory, iterations int) *auth.Accounts {
	w.Helper()
	a, err := auth.New(w.Context(), dir, w.fence, &auth.Options{Iterations: iterations, Now: func() time.Time { return w.now }})
	w.ok(err)
	return a
}

func (w *world) ok(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

// fails checks kind and field of an error.
func (w *world) fails(err, kind error, field string) {
	w.Helper()
	var e *chat.Error
	if !errors.As(err, &e) || e.Kind != kind || e.Field != field {
		w.Errorf("error %v, want %v of field %q", err, kind, field)
	}
}

// refused checks that an error is the one of whoever isn't let in, and says no more.
func (w *world) refused(what string, who auth.Identity, err error) {
	w.Helper()
	if err == nil || err.Error() != "parlor: log in: unauthenticated" || !errors.Is(err, chat.ErrUnauthenticated) {
		w.Errorf("%s: error %v", what, err)
	}
	var e *chat.Error
	if errors.As(err, &e) && (*e != chat.Error{Kind: chat.ErrUnauthenticated, Op: "log in"}) {
		w.Errorf("%s: the error says more: %#v", what, e)
	}
	if who.User != (chat.UserID{}) || who.Scopes != nil {
		w.Errorf("%s: identity %+v beside an error", what, who)
	}
}

// lets checks who is let in.
func (w *world) lets(u chat.UserID, who auth.Identity, err error) {
	w.Helper()
	if err != nil || who.User != u {
		w.Errorf("%+v with error %v, want %v", who, err, u)
	}
}

// create makes an account.
func (w *world) create(u chat.UserID, login, password string) storage.Account {
	w.Helper()
	a, err := w.Create(w.Context(), u, login, password)
	w.ok(err)
	return a
}

// deactivate sends somebody away.
func (w *world) deactivate(u chat.UserID) {
	w.Helper()
	a, err := w.dir.Account(w.Context(), u)
	w.ok(err)
	a.Deactivated = w.now
	_, err = w.dir.PutAccount(w.Context(), a)
	w.ok(err)
}

// credentials reads what is kept of somebody's password.
func (w *world) credentials(u chat.UserID) storage.Credentials {
	w.Helper()
	c, err := w.dir.Credentials(w.Context(), u)
	w.ok(err)
	return c
}

// It is what it says it is.
var _ interface {
	auth.ByPassword
	auth.BySCRAM
	auth.ByToken
} = (*auth.Accounts)(nil)

// Ways are put together by embedding, and only those are there.
func TestWaysAreEmbedded(t *testing.T) {
	each(t, func(w *world) {
		w.create(ann, "ann", "")
		secret, _, err := w.Issue(w.Context(), storage.Token{User: ann, Scopes: []string{auth.ScopeRead}})
		w.ok(err)
		host := auth.PasswordFunc(func(_ context.Context, tenant, login, password string) (auth.Identity, error) {
			if password != pencil {
				return auth.Identity{}, chat.ErrUnauthenticated
			}
			return auth.Person(chat.UserID{Tenant: tenant, Key: login}), nil
		})
		var both any = struct {
			auth.ByPassword
			auth.ByToken
		}{host, w.Accounts}
		who, err := both.(auth.ByPassword).Password(w.Context(), "acme", "eve", pencil)
		w.lets(chat.UserID{Tenant: "acme", Key: "eve"}, who, err)
		who, err = both.(auth.ByToken).Token(w.Context(), secret)
		w.lets(ann, who, err)
		if _, ok := both.(auth.BySCRAM); ok {
			w.Error("it offers SCRAM")
		}
	})
}

func TestFunctionsAreWays(t *testing.T) {
	w := &world{T: t}
	asked := 0
	anybody := auth.PasswordFunc(func(context.Context, string, string, string) (auth.Identity, error) {
		asked++
		return auth.Person(ann), nil
	})
	who, err := anybody.Password(t.Context(), "acme", "ann", "")
	w.refused("an empty password", who, err)
	if asked != 0 {
		t.Error("the host is asked about an empty password")
	}
	who, err = anybody.Password(t.Context(), "acme", "ann", "x")
	w.lets(ann, who, err)
	var by auth.BySCRAM = auth.SCRAMFunc(func(_ context.Context, tenant, login string, m scram.Mechanism) (scram.Verifier, auth.Identity, error) {
		v, err := scram.New(m, pencil, chat.MinIterations)
		return v, auth.Person(chat.UserID{Tenant: tenant, Key: login}), err
	})
	v, who, err := by.SCRAM(t.Context(), "acme", "2", scram.SHA256)
	w.lets(bob, who, err)
	if err := v.Verify(pencil); err != nil {
		t.Error(err)
	}
}
