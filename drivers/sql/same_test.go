package sql_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/chat/scram"
	"github.com/parlor-chat/parlor/drivers/memory"
	"github.com/parlor-chat/parlor/drivers/sql"
	"github.com/parlor-chat/parlor/storage"
)

// answer is what a call gave back: values, and of an error its kind and field.
type answer struct {
	Value any
	Err   string
}

func answered[T any](value T, err error) answer {
	var e *chat.Error
	if errors.As(err, &e) {
		return answer{Err: fmt.Sprint(e.Kind, " of ", e.Field, ", ", e.Limit)}
	}
	if err != nil {
		return answer{Err: err.Error()}
	}
	if v := reflect.ValueOf(value); v.Kind() == reflect.Slice && v.Len() == 0 {
		return answer{} // no slice is as good as an empty one
	}
	return answer{Value: value}
}

func done(err error) answer { return answered(0, err) }

// draw makes one call of a directory around accounts or of the ledger, and says what it
// is. There are few of everything, so that calls meet.
func draw(t *rapid.T) (name string, call func(context.Context, storage.Directory) answer) {
	pick := func(name string, of ...string) string { return rapid.SampledFrom(of).Draw(t, name) }
	number := func(name string, least, most int) int { return rapid.IntRange(least, most).Draw(t, name) }
	tenant := pick("tenant", "acme", "acme", "evil")
	u := chat.UserID{Tenant: tenant, Key: pick("user", "ann", "bob", "carol")}
	at := then.Add(time.Duration(number("time", -3, 9)) * 20 * time.Minute)
	secret, _ := storage.HashSecret(pick("secret", "a", "b", "c", "d"))
	id := pick("id", "i", "j", "k")
	after := pick("after", "", "", "b", "i", "zz")
	limit := number("limit", -1, 4)
	when := func(name string) time.Time { // or never
		if rapid.Bool().Draw(t, name) {
			return time.Time{}
		}
		return at.Add(time.Duration(number(name, 0, 5)) * 20 * time.Minute)
	}
	room := pick("room", "", "kitchen", "lobby")
	span := storage.Span{Tenant: tenant, Room: room}
	entry := storage.LedgerEntry{ID: chat.DeriveID(killed, u, fmt.Sprint(number("entry", 0, 60))), Act: storage.Act(number("act", 1, 5)),
		Of: storage.Subject{Tenant: tenant}, At: then}
	switch entry.Act {
	case storage.Gone, storage.Released:
		entry.About = int64(number("about", 1, 3))
	case storage.Pruned:
		entry.Of.Room, entry.Before = room, then
	default:
		entry.Of.Room, entry.Of.User = room, pick("whose", "", "ann", "bob")
	}
	if number("placed", 0, 5) == 0 {
		entry.Seq = int64(number("seq", 1, 12))
	}
	calls := map[string]func(context.Context, storage.Directory) answer{
		"account": func(ctx context.Context, d storage.Directory) answer { return answered(d.Account(ctx, u)) },
		"list accounts": func(ctx context.Context, d storage.Directory) answer {
			return answered(d.ListAccounts(ctx, tenant, after, limit))
		},
		"credentials":  func(ctx context.Context, d storage.Directory) answer { return answered(d.Credentials(ctx, u)) },
		"token":        func(ctx context.Context, d storage.Directory) answer { return answered(d.Token(ctx, secret, at)) },
		"tokens":       func(ctx context.Context, d storage.Directory) answer { return answered(d.Tokens(ctx, u, after, limit)) },
		"token used":   func(ctx context.Context, d storage.Directory) answer { return done(d.TokenUsed(ctx, u, id, at)) },
		"revoke token": func(ctx context.Context, d storage.Directory) answer { return done(d.RevokeToken(ctx, u, id, at)) },
		"drop tokens":  func(ctx context.Context, d storage.Directory) answer { return done(d.DropTokens(ctx, u, at)) },
		"invitation":   func(ctx context.Context, d storage.Directory) answer { return answered(d.Invitation(ctx, secret, at)) },
		"use": func(ctx context.Context, d storage.Directory) answer {
			return answered(d.UseInvitation(ctx, secret, u, at))
		},
		"invitations": func(ctx context.Context, d storage.Directory) answer {
			return answered(d.Invitations(ctx, span, after, limit))
		},
		"uses": func(ctx context.Context, d storage.Directory) answer {
			return answered(d.InvitationUses(ctx, tenant, id, after, limit))
		},
		"revoke": func(ctx context.Context, d storage.Directory) answer {
			return done(d.RevokeInvitation(ctx, tenant, id, at))
		},
		"enter": func(ctx context.Context, d storage.Directory) answer { return answered(d.Enter(ctx, entry)) },
		"since": func(ctx context.Context, d storage.Directory) answer {
			return answered(d.Since(ctx, entry.About-2, limit))
		},
		"holds": func(ctx context.Context, d storage.Directory) answer {
			return answered(d.Holds(ctx, tenant, entry.About, limit))
		},
		"owed": func(ctx context.Context, d storage.Directory) answer {
			return answered(d.Owed(ctx, entry.About, limit))
		},
	}
	login := pick("login", "", "ann", "ANN", "аnn", "bob", "carol", "a b")
	calls["account at"] = func(ctx context.Context, d storage.Directory) answer {
		return answered(d.AccountAt(ctx, tenant, login))
	}
	gone := when("deactivated")
	calls["put account"] = func(ctx context.Context, d storage.Directory) answer {
		a, _ := d.Account(ctx, u)
		a.User, a.Login, a.Created, a.Deactivated = u, login, then, gone
		if limit == 4 { // late
			a.Version--
		}
		return answered(d.PutAccount(ctx, a))
	}
	seed := byte(number("seed", 0, 9))
	calls["put credentials"] = func(ctx context.Context, d storage.Directory) answer {
		c, _ := d.Credentials(ctx, u)
		c.User = u
		c.Verifiers = nil
		if seed > 0 {
			c.Verifiers = []scram.Verifier{{Mechanism: scram.SHA1, Salt: []byte("saltsal" + string(rune('0'+seed))), Iterations: chat.MinIterations,
				StoredKey: make([]byte, 20), ServerKey: make([]byte, 20)}}
		}
		return answered(d.PutCredentials(ctx, c))
	}
	token := storage.Token{User: u, ID: id, Created: at, Expires: when("expires")}
	if seed > 0 {
		token.Scopes = []string{"send", "read"}[seed%2:]
	}
	calls["put token"] = func(ctx context.Context, d storage.Directory) answer { return done(d.PutToken(ctx, token, secret)) }
	invitation := storage.Invitation{To: span, ID: id, By: u, Created: at, Expires: when("ends"), Uses: number("uses", 0, 2)}
	calls["put invitation"] = func(ctx context.Context, d storage.Directory) answer {
		return done(d.PutInvitation(ctx, invitation, secret))
	}

	name = pick("call", "account", "list accounts", "credentials", "token", "tokens", "token used", "revoke token", "drop tokens", "invitation",
		"use", "use", "use", "invitations", "uses", "revoke", "enter", "enter", "enter", "enter", "since", "holds", "owed", "account at",
		"put account", "put account", "put credentials", "put token", "put token", "put invitation", "put invitation")
	return name, calls[name]
}

// begin stores what most calls need to get anywhere.
func begin(ctx context.Context, d storage.Directory) error {
	var failed []error
	for _, key := range []string{"kitchen", "lobby"} {
		_, err := d.PutRoom(ctx, storage.Room{ID: chat.RoomID{Tenant: "acme", Key: key}, Kind: storage.Public})
		failed = append(failed, err)
	}
	ann := chat.UserID{Tenant: "acme", Key: "ann"}
	secret, err1 := storage.HashSecret("a")
	_, err2 := d.PutAccount(ctx, storage.Account{User: ann, Login: "ann", Created: then})
	err3 := d.PutToken(ctx, storage.Token{User: ann, ID: "i", Expires: then.Add(time.Hour)}, secret)
	err4 := d.PutInvitation(ctx, storage.Invitation{To: storage.Span{Tenant: "acme"}, ID: "i", Expires: then.Add(time.Hour), Uses: 1}, secret)
	_, err5 := d.Enter(ctx, erasure(ann, 1000))
	return errors.Join(append(failed, err1, err2, err3, err4, err5)...)
}

// On memory and in SQLite the same calls give the same answers; and a ledger that is
// replayed into an empty one is the same.
func TestSameAsMemory(t *testing.T) {
	folder := t.TempDir()
	made := filepath.Join(folder, "made.db") // each begins with a copy: making one takes a disk its time
	if err := open(t, made).Close(); err != nil {
		t.Fatal(err)
	}
	empty, err := os.ReadFile(made)
	if err != nil {
		t.Fatal(err)
	}
	n, well, kinds := 0, map[string]int{}, map[string]int{}
	rapid.Check(t, func(t *rapid.T) {
		ctx := context.Background()
		n++
		path := filepath.Join(folder, fmt.Sprint(n, ".db"))
		if err := os.WriteFile(path, empty, 0o600); err != nil {
			t.Fatal(err)
		}
		s, err := sql.Open(ctx, path, nil)
		if err != nil {
			t.Fatal(err)
		}
		defer func() {
			s.Close()
			os.Remove(path)
		}()
		if _, err := s.Writes().Exec("PRAGMA synchronous = off"); err != nil {
			t.Fatal(err)
		}
		m := memory.New(nil).Directory()
		d := s.Directory()
		if err := errors.Join(begin(ctx, d), begin(ctx, m)); err != nil {
			t.Fatal(err)
		}
		for range rapid.IntRange(1, 400).Draw(t, "calls") {
			name, call := draw(t)
			want, got := call(ctx, m), call(ctx, d)
			if !reflect.DeepEqual(got, want) {
				t.Fatalf("%s: %+v, in memory %+v", name, got, want)
			}
			if want.Err == "" {
				well[name]++
			} else {
				kinds[name+": "+want.Err]++
			}
		}
		replay(t, m)
	})
	for _, name := range []string{"put account", "put credentials", "put token", "put invitation", "use", "enter", "token", "holds", "owed"} {
		if well[name] == 0 {
			t.Errorf("%q never went well", name)
		}
	}
	for _, kind := range []string{"use: expired of uses, 0", "use: expired of expires, 0", "use: expired of revoked, 0", "enter: forbidden of hold, 0",
		"enter: conflict of id, 0", "enter: conflict of seq, 0", "enter: not found of about, 0", "enter: conflict of about, 0", "token: expired of revoked, 0", "token: expired of expires, 0",
		"token: forbidden of account, 0", "put account: conflict of login, 0", "put account: conflict of version, 0", "put token: conflict of secret, 0"} {
		if kinds[kind] == 0 {
			t.Errorf("%q never came", kind)
		}
	}
}

// replay enters a ledger into an empty one.
func replay(t *rapid.T, from storage.Directory) {
	ctx := context.Background()
	to := memory.New(nil).Directory()
	all, err := from.Since(ctx, 0, chat.MaxBatch)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range all {
		if got, err := to.Enter(ctx, e); err != nil || got != e {
			t.Fatalf("%+v is replayed as %+v (%v)", e, got, err)
		}
	}
	for name, list := range map[string]func(d storage.Directory) answer{
		"since": func(d storage.Directory) answer { return answered(d.Since(ctx, 0, chat.MaxBatch)) },
		"owed":  func(d storage.Directory) answer { return answered(d.Owed(ctx, 0, chat.MaxBatch)) },
		"holds": func(d storage.Directory) answer { return answered(d.Holds(ctx, "acme", 0, chat.MaxBatch)) },
	} {
		if got, want := list(to), list(from); !reflect.DeepEqual(got, want) {
			t.Fatalf("%s: %+v when replayed, was %+v", name, got, want)
		}
	}
}
