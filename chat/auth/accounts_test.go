package auth_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/chat/auth"
	"github.com/parlor-chat/parlor/chat/scram"
	"github.com/parlor-chat/parlor/drivers/memory"
	"github.com/parlor-chat/parlor/storage"
)

func TestPassword(t *testing.T) {
	each(t, func(w *world) {
		w.create(ann, "Ann", pencil)
		w.create(bob, "bob", "")
		gone := chat.UserID{Tenant: "acme", Key: "3"}
		w.create(gone, "gone", pencil)
		w.deactivate(gone)
		for _, spelled := range []string{"Ann", "ann", "ANN", "Ａnn"} {
			who, err := w.Password(w.Context(), "acme", spelled, pencil)
			w.lets(ann, who, err)
			if !who.May(auth.ScopeAccount) || !who.May("acme:anything") || who.Token != "" || !who.Expires.IsZero() {
				w.Errorf("a person is %+v", who)
			}
		}
		for _, c := range []struct{ what, tenant, login, password string }{
			{"another password", "acme", "ann", pencil + "x"},
			{"no password", "acme", "ann", ""},
			{"what can't be a password", "acme", "ann", "\xff"},
			{"a password that is too long", "acme", "ann", strings.Repeat("x", chat.MaxSecret+1)},
			{"nobody", "acme", "eve", pencil},
			{"the key", "acme", "1", pencil},
			{"no log-in", "acme", "", pencil},
			{"what can't be a log-in", "acme", "a b\x00", pencil},
			{"a log-in that is too long", "acme", strings.Repeat("x", chat.MaxAddress+1), pencil},
			{"another tenant", "evil", "ann", pencil},
			{"no tenant", "", "ann", pencil},
			{"what can't be a tenant", "AC ME", "ann", pencil},
			{"an account without a password", "acme", "bob", pencil},
			{"an account without a password, and none", "acme", "bob", ""},
			{"a deactivated account", "acme", "gone", pencil},
		} {
			who, err := w.Password(w.Context(), c.tenant, c.login, c.password)
			w.refused(c.what, who, err)
		}
	})
}

// Verifiers with other iterations, or that lack a mechanism, are made anew when the password
// is there.
func TestVerifiersAreMadeAnew(t *testing.T) {
	each(t, func(w *world) {
		w.create(ann, "ann", pencil)
		more := w.over(w.dir, chat.MinIterations+1)
		who, err := more.Password(w.Context(), "acme", "ann", "wrong")
		w.refused("a wrong password", who, err)
		if got := w.credentials(ann); got.Version != 1 || got.Verifiers[0].Iterations != chat.MinIterations {
			w.Errorf("a wrong password changed them: %+v", got)
		}
		who, err = more.Password(w.Context(), "acme", "ann", pencil)
		w.lets(ann, who, err)
		got := w.credentials(ann)
		if len(got.Verifiers) != 2 || got.Verifiers[0].Iterations != chat.MinIterations+1 || got.Verifiers[1].Iterations != chat.MinIterations+1 {
			w.Errorf("they are %+v", got)
		}
		who, err = more.Password(w.Context(), "acme", "ann", pencil)
		w.lets(ann, who, err)
		if again := w.credentials(ann); again.Version != got.Version {
			w.Errorf("they were made again: %+v", again)
		}

		// As they came from elsewhere: one alone, or the other first.
		sha1, err := scram.New(scram.SHA1, pencil, chat.MinIterations)
		w.ok(err)
		sha256, err := scram.New(scram.SHA256, pencil, chat.MinIterations)
		w.ok(err)
		for _, v := range [][]scram.Verifier{{sha1}, {sha256}, {sha1, sha256}} {
			got := w.credentials(ann)
			got.Verifiers = v
			_, err = w.dir.PutCredentials(w.Context(), got)
			w.ok(err)
			who, err = w.Password(w.Context(), "acme", "ann", pencil)
			w.lets(ann, who, err)
			if got := w.credentials(ann); len(got.Verifiers) != 2 || got.Verifiers[0].Mechanism != scram.SHA256 {
				w.Errorf("they are %+v", got)
			}
		}
	})
}

// Whoever changes a password while its verifiers are made anew is right.
func TestMakingAnewUndoesNoChange(t *testing.T) {
	each(t, func(w *world) {
		w.create(ann, "ann", pencil)
		busy := &asked{Directory: w.dir}
		busy.onPut = func() {
			busy.onPut = nil
			w.ok(w.SetPassword(w.Context(), ann, "changed meanwhile"))
		}
		who, err := w.over(busy, chat.MinIterations+1).Password(w.Context(), "acme", "ann", pencil)
		w.lets(ann, who, err)
		who, err = w.Password(w.Context(), "acme", "ann", pencil)
		w.refused("the old password", who, err)
		who, err = w.Password(w.Context(), "acme", "ann", "changed meanwhile")
		w.lets(ann, who, err)
	})
}

func TestSCRAM(t *testing.T) {
	each(t, func(w *world) {
		w.create(ann, "ann", pencil)
		for _, m := range []scram.Mechanism{scram.SHA1, scram.SHA256} {
			v, who, err := w.SCRAM(w.Context(), "acme", "ANN", m)
			w.lets(ann, who, err)
			if !who.May(auth.ScopeSend) || v.Mechanism != m {
				w.Errorf("%v for %+v", v, who)
			}
			if !fits(w.T, v, pencil) {
				w.Errorf("%s: the proof doesn't fit", m)
			}
			if fits(w.T, v, "another") {
				w.Errorf("%s: another's proof fits", m)
			}
		}
		_, _, err := w.SCRAM(w.Context(), "acme", "ann", "SCRAM-MD5")
		w.fails(err, chat.ErrInvalid, "mechanism")
	})
}

// Those who aren't let in get a verifier that looks like any other, and stays the same on all
// nodes, in all spellings.
func TestFakeVerifiers(t *testing.T) {
	each(t, func(w *world) {
		w.create(ann, "ann", pencil)
		w.create(bob, "bob", "")
		gone := chat.UserID{Tenant: "acme", Key: "3"}
		w.create(gone, "gone", pencil)
		real, _, err := w.SCRAM(w.Context(), "acme", "gone", scram.SHA256)
		w.ok(err)
		w.deactivate(gone)
		half := chat.UserID{Tenant: "acme", Key: "4"}
		w.create(half, "half", "")
		sha1, err := scram.New(scram.SHA1, pencil, chat.MinIterations)
		w.ok(err)
		_, err = w.dir.PutCredentials(w.Context(), storage.Credentials{User: half, Verifiers: []scram.Verifier{sha1}})
		w.ok(err)

		salts := map[string]string{string(real.Salt): "the real one"}
		other := w.over(w.dir, chat.MinIterations)
		for _, c := range []struct{ tenant, login, spelled string }{
			{"acme", "eve", "EVE"}, {"acme", "mallory", "Mallory"}, {"evil", "eve", "Eve"},
			{"acme", "bob", "Bob"}, {"acme", "gone", "GONE"}, {"acme", "half", "half"},
			{"acme", "", ""}, {"acme", "a b", "a b"}, {"A B", "eve", "eve"}, {"acme", strings.Repeat("x", 2000), strings.Repeat("x", 2000)},
		} {
			what := fmt.Sprintf("%s/%.10s", c.tenant, c.login)
			v, who, err := w.SCRAM(w.Context(), c.tenant, c.login, scram.SHA256)
			if err != nil || !reflect.DeepEqual(who, auth.Identity{}) {
				w.Errorf("%s: %+v with error %v", what, who, err)
			}
			again, _, err := other.SCRAM(w.Context(), c.tenant, c.spelled, scram.SHA256)
			if err != nil || !reflect.DeepEqual(again, v) {
				w.Errorf("%s: another on the other node (%v)", what, err)
			}
			if w.credentials(ann).Verifiers[0].Iterations != v.Iterations || len(v.Salt) != len(real.Salt) || v.Check("check") != nil {
				w.Errorf("%s: %v isn't like the others", what, v)
			}
			if of, ok := salts[string(v.Salt)]; ok {
				w.Errorf("%s has the salt of %s", what, of)
			}
			salts[string(v.Salt)] = what
			if fits(w.T, v, pencil) || fits(w.T, v, "") {
				w.Errorf("%s: a proof fits", what)
			}
		}
		// Of another fence, they are others: the key isn't in the program.
		each(w.T, func(elsewhere *world) {
			v, _, err := elsewhere.SCRAM(w.Context(), "acme", "eve", scram.SHA256)
			w.ok(err)
			if of, ok := salts[string(v.Salt)]; ok {
				w.Errorf("elsewhere eve has the salt of %s", of)
			}
		})
	})
}

// asked counts what a directory is asked when somebody logs in, and loses answers.
type asked struct {
	storage.Directory
	accounts, credentials, puts int
	onPut                       func()
	fail                        error

	lose string // the step whose answer is lost
	lost error
}

// answer is what is heard of a step that is done.
func (d *asked) answer(step string, err error) error {
	if err == nil && step == d.lose {
		return d.lost
	}
	return err
}

func (d *asked) PutAccount(ctx context.Context, a storage.Account) (storage.Account, error) {
	a, err := d.Directory.PutAccount(ctx, a)
	return a, d.answer("account", err)
}

func (d *asked) UseInvitation(ctx context.Context, code storage.SecretHash, u chat.UserID, now time.Time) (storage.Invitation, error) {
	i, err := d.Directory.UseInvitation(ctx, code, u, now)
	return i, d.answer("use", err)
}

func (d *asked) AccountAt(ctx context.Context, tenant, login string) (storage.Account, error) {
	if d.accounts++; d.fail != nil {
		return storage.Account{}, d.fail
	}
	return d.Directory.AccountAt(ctx, tenant, login)
}

func (d *asked) Credentials(ctx context.Context, u chat.UserID) (storage.Credentials, error) {
	d.credentials++
	return d.Directory.Credentials(ctx, u)
}

func (d *asked) PutCredentials(ctx context.Context, c storage.Credentials) (storage.Credentials, error) {
	if d.puts++; d.onPut != nil {
		d.onPut()
	}
	c, err := d.Directory.PutCredentials(ctx, c)
	return c, d.answer("password", err)
}

// A log-in that isn't there takes the questions and the one derivation of one that is. That is
// told by what it allocates: a clock would be wrong on a busy machine.
func TestNobodyTakesTheSameWork(t *testing.T) {
	each(t, func(w *world) {
		w.create(ann, "ann", pencil)
		w.create(bob, "bob", "")
		gone := chat.UserID{Tenant: "acme", Key: "3"}
		w.create(gone, "gone", pencil)
		w.deactivate(gone)
		d := &asked{Directory: w.dir}
		a := w.over(d, chat.MinIterations)
		work := func(what string, log func()) float64 {
			*d = asked{Directory: w.dir}
			log()
			if d.accounts != 1 || d.credentials != 1 || d.puts != 0 {
				w.Errorf("%s: the directory is asked %d, %d and %d times", what, d.accounts, d.credentials, d.puts)
			}
			return testing.AllocsPerRun(20, log)
		}
		verifier, err := scram.New(scram.SHA256, pencil, chat.MinIterations)
		w.ok(err)
		derivation := testing.AllocsPerRun(20, func() { verifier.Verify("wrong") })
		for _, login := range []string{"ann", "eve", "bob", "gone"} { // ann is known
			// SCRAM asks the same of the directory, and derives nothing.
			did := work("password of "+login, func() { a.Password(w.Context(), "acme", login, "wrong") }) -
				work("SCRAM of "+login, func() { a.SCRAM(w.Context(), "acme", login, scram.SHA256) })
			if did < derivation/2 || did > 3*derivation/2 { // pools come and go
				w.Errorf("%s: a password check allocates %v times, one derivation %v", login, did, derivation)
			}
		}
	})
}

// A directory that can't be asked is no wrong password.
func TestUnavailableIsNotRefused(t *testing.T) {
	each(t, func(w *world) {
		down := &chat.Error{Kind: chat.ErrUnavailable, Op: "account at"}
		a := w.over(&asked{Directory: w.dir, fail: down}, chat.MinIterations)
		if _, err := a.Password(w.Context(), "acme", "ann", pencil); !errors.Is(err, down) {
			w.Errorf("error %v", err)
		}
		if _, _, err := a.SCRAM(w.Context(), "acme", "ann", scram.SHA256); !errors.Is(err, down) {
			w.Errorf("error %v", err)
		}
		ctx, stop := context.WithCancel(w.Context())
		stop()
		if _, err := w.Password(ctx, "acme", "ann", pencil); !errors.Is(err, context.Canceled) {
			w.Errorf("error %v", err)
		}
		if _, err := w.Token(ctx, "secret"); !errors.Is(err, context.Canceled) {
			w.Errorf("error %v", err)
		}
	})
}

func TestNewRefuses(t *testing.T) {
	each(t, func(w *world) {
		_, err := auth.New(w.Context(), w.dir, w.fence, &auth.Options{Iterations: chat.MinIterations - 1})
		w.fails(err, chat.ErrInvalid, "iterations")
		_, err = auth.New(w.Context(), w.dir, w.fence, &auth.Options{Iterations: chat.MaxIterations + 1})
		w.fails(err, chat.ErrTooLarge, "iterations")
		ctx, stop := context.WithCancel(w.Context())
		stop()
		if _, err := auth.New(ctx, w.dir, w.fence, nil); !errors.Is(err, context.Canceled) {
			w.Errorf("error %v", err)
		}
		a, err := auth.New(w.Context(), w.dir, w.fence, nil)
		w.ok(err)
		v, _, err := a.SCRAM(w.Context(), "acme", "eve", scram.SHA1)
		if err != nil || v.Iterations != scram.DefaultIterations {
			w.Errorf("%v by default (%v)", v, err)
		}
	})
}

// Whatever a stranger sends as a log-in, he gets the one error, and a whole verifier.
func FuzzStrangers(f *testing.F) {
	for _, s := range []string{"", "eve", "a b", "\xff", "ann\x00", strings.Repeat("ö", 600), "\u202eann", "1l", "ＡＮＮ", "*"} {
		f.Add("acme", s, s)
		f.Add(s, "eve", pencil)
	}
	set := memory.New(nil).Set()
	a, err := auth.New(context.Background(), set.Directory, set.Fence, &auth.Options{Iterations: chat.MinIterations})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, tenant, login, password string) {
		w := &world{T: t, Accounts: a}
		who, err := w.Password(t.Context(), tenant, login, password)
		w.refused("by password", who, err)
		who, err = w.Token(t.Context(), password)
		w.refused("by token", who, err)
		v, who, err := w.SCRAM(t.Context(), tenant, login, scram.SHA1)
		again, _, _ := w.SCRAM(t.Context(), tenant, login, scram.SHA1)
		if err != nil || who.User != (chat.UserID{}) || v.Check("check") != nil || !bytes.Equal(v.Salt, again.Salt) {
			t.Errorf("%v for %+v with error %v", v, who, err)
		}
	})
}
