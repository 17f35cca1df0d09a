package sql_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/drivers/sql"
	"github.com/parlor-chat/parlor/storage"
)

// A copy made while others write holds all that was acknowledged before, and of each
// write made meanwhile all or nothing.
func TestBackupWhileOthersWrite(t *testing.T) {
	dir := t.TempDir()
	s := open(t, filepath.Join(dir, "directory.db"))
	put := func(ctx context.Context, i int) error {
		return s.Directory().PutUser(ctx, storage.User{ID: person(i), Name: fmt.Sprint("Person ", i)})
	}
	for i := range 100 {
		if err := put(t.Context(), i); err != nil {
			t.Fatal(err)
		}
	}
	ctx, stop := context.WithCancel(t.Context())
	var writing sync.WaitGroup
	writing.Go(func() {
		for i := 100; ctx.Err() == nil; i++ {
			put(ctx, i)
		}
	})
	for n := range 5 {
		where := filepath.Join(dir, fmt.Sprint("copy", n, ".db"))
		if err := s.Backup(t.Context(), where); err != nil {
			t.Fatal(err)
		}
		info, err := os.Stat(where)
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("the copy is %v, %v", info.Mode(), err)
		}
		c := open(t, where)
		if err := c.Verify(t.Context()); err != nil {
			t.Error(err)
		}
		ids := make([]chat.UserID, 100)
		for i := range ids {
			ids[i] = person(i)
		}
		got, err := c.Directory().Users(t.Context(), ids)
		if err != nil || len(got) != len(ids) {
			t.Errorf("copy %d has %d people, %v", n, len(got), err)
		}
	}
	stop()
	writing.Wait()
	left, err := filepath.Glob(filepath.Join(dir, "*.part*"))
	if err != nil || len(left) > 0 {
		t.Errorf("left over: %v, %v", left, err)
	}
}

func person(i int) chat.UserID { return chat.UserID{Tenant: "acme", Key: fmt.Sprint("u", i)} }

func TestBackupRefuses(t *testing.T) {
	dir := t.TempDir()
	s := open(t, filepath.Join(dir, "directory.db"))
	for where, want := range map[string]error{
		"": chat.ErrInvalid, "mysql://db/parlor": chat.ErrInvalid,
		filepath.Join(dir, "directory.db"):    chat.ErrConflict,
		filepath.Join(dir, "no", "folder.db"): chat.ErrUnavailable,
	} {
		err := s.Backup(t.Context(), where)
		if !errors.Is(err, want) {
			t.Errorf("%q: %v, want %v", where, err, want)
		}
		if err != nil && where != "" && bytes.Contains([]byte(err.Error()), []byte(dir)) {
			t.Errorf("the path is in the error: %v", err)
		}
	}
	// What a crash left of an earlier one is no obstacle.
	where := filepath.Join(dir, "copy.db")
	if err := os.WriteFile(where+".part", []byte("half of it"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := s.Backup(t.Context(), where); err != nil {
		t.Error(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.Backup(ctx, filepath.Join(dir, "late.db")); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	with, err := sql.With(t.Context(), s.Writes(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := with.Backup(t.Context(), filepath.Join(dir, "host.db")); !errors.Is(err, errors.ErrUnsupported) {
		t.Error(err)
	}
}

// What Verify passes is read as it was written, but for letters inside of rows.
func TestVerifyFindsDamage(t *testing.T) {
	path := filepath.Join(t.TempDir(), "directory.db")
	s := open(t, path)
	for i := range 500 {
		if err := s.Directory().PutUser(t.Context(), storage.User{ID: person(i), Name: fmt.Sprint("Person ", i)}); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(s.Verify(t.Context()), s.Close()); err != nil {
		t.Fatal(err)
	}
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	const page = 4096
	passed := 0
	for at := page; at < len(whole); at += page {
		damaged := bytes.Clone(whole)
		copy(damaged[at:at+page], make([]byte, page))
		path := filepath.Join(t.TempDir(), "damaged.db")
		if err := os.WriteFile(path, damaged, 0o600); err != nil {
			t.Fatal(err)
		}
		c, err := sql.Open(t.Context(), path, nil)
		if err != nil {
			continue // found before
		}
		if err = c.Verify(t.Context()); err == nil {
			passed++
		} else if !errors.Is(err, chat.ErrIncomplete) && !errors.Is(err, chat.ErrUnavailable) {
			t.Errorf("page %d: %v", at/page, err)
		}
		c.Close()
	}
	if passed > 0 {
		t.Errorf("%d pages of zeros were found right", passed)
	}
}
