package sql_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/chat/scram"
	"github.com/parlor-chat/parlor/storage"
)

// then is when everything here happens.
var then = time.UnixMilli(1_700_000_000_000).UTC()

// codeOf is the code of somebody's invitation.
func codeOf(u chat.UserID) storage.SecretHash {
	h, err := storage.HashSecret("code of " + u.Key)
	if err != nil {
		panic(err)
	}
	return h
}

// invite makes somebody's invitation, for as many as may be.
func invite(ctx context.Context, d storage.Directory, u chat.UserID) error {
	err := d.PutInvitation(ctx, storage.Invitation{To: storage.Span{Tenant: u.Tenant}, ID: u.Key, Uses: chat.MaxUses}, codeOf(u))
	if errors.Is(err, chat.ErrConflict) {
		return nil
	}
	return err
}

// useOne uses somebody's invitation for the nth person.
func useOne(ctx context.Context, d storage.Directory, u chat.UserID, n int) error {
	_, err := d.UseInvitation(ctx, codeOf(u), chat.UserID{Tenant: u.Tenant, Key: fmt.Sprint("guest", n)}, then)
	return err
}

// usedBy is how often somebody's invitation was used, which the list of who did must say,
// too.
func usedBy(ctx context.Context, d storage.Directory, u chat.UserID) (int, error) {
	i, err := d.Invitation(ctx, codeOf(u), then)
	if errors.Is(err, chat.ErrNotFound) {
		return 0, nil
	}
	n := 0
	for after := ""; err == nil; {
		var uses []storage.InvitationUse
		uses, err = d.InvitationUses(ctx, u.Tenant, u.Key, after, chat.MaxBatch)
		n += len(uses)
		if len(uses) < chat.MaxBatch {
			break
		}
		after = uses[len(uses)-1].User.Key
	}
	if err == nil && n != i.Used {
		err = fmt.Errorf("%d used the invitation, %d are counted", n, i.Used)
	}
	return i.Used, err
}

// erasure is somebody's nth entry of the ledger.
func erasure(u chat.UserID, n int) storage.LedgerEntry {
	return storage.LedgerEntry{ID: chat.DeriveID(killed, u, fmt.Sprint(n)), Act: storage.Erased,
		Of: storage.Subject{Tenant: u.Tenant, User: u.Key}, At: then, By: u.Key}
}

// enteredBy is how many entries somebody made. The ledger must be dense, and of erasures
// all must be owed.
func enteredBy(ctx context.Context, d storage.Directory, u chat.UserID) (n int, err error) {
	var last, owed int64
	for {
		all, err1 := d.Since(ctx, last, chat.MaxBatch)
		open, err2 := d.Owed(ctx, owed, chat.MaxBatch)
		if err := errors.Join(err1, err2); err != nil {
			return n, err
		}
		for _, e := range all {
			if last++; e.Seq != last {
				return n, fmt.Errorf("entry %d has Seq %d", last, e.Seq)
			}
			if e.By == u.Key {
				n++
			}
		}
		for _, e := range open {
			if owed++; e.Seq != owed {
				return n, fmt.Errorf("entry %d isn't owed", owed)
			}
		}
		if len(all) < chat.MaxBatch {
			// Others may enter meanwhile: what is owed is read later.
			if owed < last {
				return n, fmt.Errorf("%d entries, of which %d are owed", last, owed)
			}
			return n, nil
		}
	}
}

const seats = 300

// useUp uses an invitation up for people of its own, and prints who got in.
func useUp(ctx context.Context, path string, shared bool) error {
	s, err := openAs(ctx, path, shared)
	if err != nil {
		return err
	}
	defer s.Close()
	for n := 0; ; n++ {
		key := fmt.Sprintf("guest%d.%v", n, shared)
		_, err := s.Directory().UseInvitation(ctx, codeOf(writer(0)), chat.UserID{Tenant: "acme", Key: key}, then)
		switch {
		case err == nil:
			fmt.Println(key)
		case errors.Is(err, chat.ErrExpired):
			return nil
		default:
			return err
		}
	}
}

// Two processes use one invitation up: as many get in as it has uses.
func TestTwoProcessesUseAnInvitation(t *testing.T) {
	path := filepath.Join(t.TempDir(), "directory.db")
	s := open(t, path)
	d := s.Directory()
	if err := d.PutInvitation(t.Context(), storage.Invitation{To: storage.Span{Tenant: "acme"}, ID: "door", Uses: seats}, codeOf(writer(0))); err != nil {
		t.Fatal(err)
	}
	if n := len(won(t, path, "use", "use shared")); n != seats {
		t.Errorf("%d got in, want %d", n, seats)
	}
	all, err := d.Invitations(t.Context(), storage.Span{Tenant: "acme"}, "", 10)
	uses, err2 := d.InvitationUses(t.Context(), "acme", "door", "", chat.MaxBatch)
	if err != nil || err2 != nil || all[0].Used != seats || len(uses) != seats {
		t.Errorf("used %d times by %d (%v, %v)", all[0].Used, len(uses), err, err2)
	}
}

// On a full disk an invitation isn't half used, nor an entry half made.
func TestDiskFullLeavesNothingHalf(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "directory.db"))
	d, u := s.Directory(), writer(0)
	if err := invite(t.Context(), d, u); err != nil {
		t.Fatal(err)
	}
	limit := func(more int) {
		t.Helper()
		var pages int
		if err := s.Writes().QueryRow("PRAGMA page_count").Scan(&pages); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Writes().Exec(fmt.Sprint("PRAGMA max_page_count = ", pages+more)); err != nil {
			t.Fatal(err)
		}
	}
	for name, c := range map[string]struct {
		write func(n int) error
		count func(context.Context, storage.Directory, chat.UserID) (int, error)
	}{
		"uses": {func(n int) error { return useOne(t.Context(), d, u, n) }, usedBy},
		"entries": {func(n int) error {
			e := erasure(u, n)
			e.Why = strings.Repeat("x", chat.MaxReason)
			_, err := d.Enter(t.Context(), e)
			return err
		}, enteredBy},
	} {
		limit(2)
		n := 0
		var err error
		for err == nil {
			if n++; n > 10_000 {
				t.Fatal("the disk is never full")
			}
			err = c.write(n)
		}
		is(t, err, chat.ErrUnavailable, "", "directory.db", "the disk is full")
		for range 3 {
			is(t, c.write(n), chat.ErrUnavailable, "", "the disk is full")
		}
		if got, err := c.count(t.Context(), d, u); err != nil || got != n-1 {
			t.Errorf("%s: %d are stored (%v), %d were acknowledged", name, got, err, n-1)
		}
		limit(1000)
		if err := c.write(n); err != nil {
			t.Errorf("%s: with room again: %v", name, err)
		}
		if got, err := c.count(t.Context(), d, u); err != nil || got != n {
			t.Errorf("%s: with room again %d are stored (%v), want %d", name, got, err, n)
		}
	}
}

// A backup's ledger is brought up to the one that was in use by entering what came since.
func TestTheLedgerOfABackupCatchesUp(t *testing.T) {
	folder := t.TempDir()
	s := open(t, filepath.Join(folder, "directory.db"))
	d := s.Directory()
	enter := func(n int, act storage.Act, u chat.UserID, about int64) {
		t.Helper()
		e := erasure(u, n)
		e.Act, e.About = act, about
		if _, err := d.Enter(t.Context(), e); err != nil {
			t.Fatal(err)
		}
	}
	enter(1, storage.Erased, writer(0), 0)
	enter(2, storage.Held, writer(1), 0)
	backup := filepath.Join(folder, "backup.db")
	if err := s.Backup(t.Context(), backup); err != nil {
		t.Fatal(err)
	}
	enter(3, storage.Gone, writer(0), 1)
	enter(4, storage.Released, writer(1), 2)
	enter(5, storage.Erased, writer(1), 0)

	restored := open(t, backup).Directory()
	known, err := restored.Since(t.Context(), 0, chat.MaxBatch)
	if err != nil || len(known) != 2 {
		t.Fatalf("%d entries, %v", len(known), err)
	}
	since, err := d.Since(t.Context(), known[len(known)-1].Seq, chat.MaxBatch)
	if err != nil || len(since) != 3 {
		t.Fatalf("%d entries since, %v", len(since), err)
	}
	_, err = restored.Enter(t.Context(), since[1])
	is(t, err, chat.ErrConflict, "seq")
	for range 2 { // interrupted, and begun again
		for _, e := range since {
			if got, err := restored.Enter(t.Context(), e); err != nil || got != e {
				t.Errorf("%+v is entered as %+v (%v)", e, got, err)
			}
		}
	}
	for name, list := range map[string]func(storage.Directory) answer{
		"since": func(d storage.Directory) answer { return answered(d.Since(t.Context(), 0, chat.MaxBatch)) },
		"owed":  func(d storage.Directory) answer { return answered(d.Owed(t.Context(), 0, chat.MaxBatch)) },
		"holds": func(d storage.Directory) answer { return answered(d.Holds(t.Context(), "acme", 0, chat.MaxBatch)) },
	} {
		if got, want := list(restored), list(d); !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %+v, want %+v", name, got, want)
		}
	}
}

// No file of a store holds a password, a secret or a code.
func TestNoSecretsInFiles(t *testing.T) {
	folder := t.TempDir()
	s := open(t, filepath.Join(folder, "directory.db"))
	d, u := s.Directory(), writer(0)
	password := "correct horse battery staple"
	secret, hash := storage.NewSecret()
	code, codeHash := storage.NewSecret()
	var verifiers []scram.Verifier
	for _, m := range []scram.Mechanism{scram.SHA1, scram.SHA256} {
		v, err := scram.New(m, password, chat.MinIterations)
		if err != nil {
			t.Fatal(err)
		}
		verifiers = append(verifiers, v)
	}
	_, err1 := d.PutAccount(t.Context(), storage.Account{User: u, Login: "ann"})
	_, err2 := d.PutCredentials(t.Context(), storage.Credentials{User: u, Verifiers: verifiers})
	err3 := d.PutToken(t.Context(), storage.Token{User: u, ID: "t"}, hash)
	err4 := d.PutInvitation(t.Context(), storage.Invitation{To: storage.Span{Tenant: u.Tenant}, ID: "i", Uses: 1}, codeHash)
	if err := errors.Join(err1, err2, err3, err4); err != nil {
		t.Fatal(err)
	}
	c, err := d.Credentials(t.Context(), u)
	if err != nil || len(c.Verifiers) != 2 || c.Verifiers[0].Verify(password) != nil || c.Verifiers[1].Verify(password) != nil {
		t.Errorf("the password doesn't fit what was kept of it (%v)", err)
	}
	files, err := os.ReadDir(folder)
	if err != nil || len(files) < 2 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	found := false
	for _, f := range files {
		b, err := os.ReadFile(filepath.Join(folder, f.Name()))
		if err != nil {
			t.Fatal(err)
		}
		found = found || bytes.Contains(b, hash[:])
		for what, text := range map[string]string{"the password": password, "the secret": secret, "the code": code} {
			for form, s := range map[string]string{"": text, " in hex": fmt.Sprintf("%x", text), " in upper case": strings.ToUpper(text)} {
				if bytes.Contains(b, []byte(s)) {
					t.Errorf("%s holds %s%s", f.Name(), what, form)
				}
			}
		}
	}
	if !found {
		t.Error("the files that were looked at don't hold the token")
	}
}

// A verifier that is damaged is named as that, and not told.
func TestADamagedVerifier(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "directory.db"))
	d, u := s.Directory(), writer(0)
	v, err := scram.New(scram.SHA1, "pencil", chat.MinIterations)
	if err != nil {
		t.Fatal(err)
	}
	_, err = d.PutAccount(t.Context(), storage.Account{User: u})
	_, err2 := d.PutCredentials(t.Context(), storage.Credentials{User: u, Verifiers: []scram.Verifier{v}})
	if err := errors.Join(err, err2); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Writes().Exec("UPDATE parlor_credentials SET verifiers = substr(verifiers, 1, 60)"); err != nil {
		t.Fatal(err)
	}
	_, err = d.Credentials(t.Context(), u)
	is(t, err, chat.ErrUnavailable, "", "directory.db", "a verifier is damaged")
	if err != nil && strings.Contains(err.Error(), v.Encode()[20:40]) {
		t.Errorf("the error tells the verifier: %v", err)
	}
	if _, err := d.PutCredentials(t.Context(), storage.Credentials{User: u, Verifiers: []scram.Verifier{v}, Version: 1}); err != nil {
		t.Errorf("a new password: %v", err)
	}
	if c, err := d.Credentials(t.Context(), u); err != nil || len(c.Verifiers) != 1 {
		t.Errorf("%d verifiers, %v", len(c.Verifiers), err)
	}
}
