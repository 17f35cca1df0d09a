package sql_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/storage"
)

// A full disk refuses writes, keeps what is there, and takes them again with room.
func TestDiskFull(t *testing.T) {
	path := filepath.Join(t.TempDir(), "directory.db")
	s := open(t, path)
	d := s.Directory()
	limit := func(pages int) {
		t.Helper()
		if _, err := s.Writes().Exec(fmt.Sprint("PRAGMA max_page_count = ", pages)); err != nil {
			t.Fatal(err)
		}
	}
	limit(100)
	big := bytes.Repeat([]byte("x"), storage.MaxValue)
	key := func(i int) string { return fmt.Sprint("k", i) }
	stored := 0
	var err error
	for ; err == nil; stored++ {
		if stored > 100 {
			t.Fatal("the disk is never full")
		}
		_, err = d.Put(t.Context(), writer(0), "s", key(stored), big, 0)
	}
	stored--
	is(t, err, chat.ErrUnavailable, "", "directory.db", "the disk is full")
	_, err = d.Put(t.Context(), writer(0), "s", key(stored), big, 0)
	is(t, err, chat.ErrUnavailable, "", "directory.db", "the disk is full")
	keys, err := d.Keys(t.Context(), writer(0), "s", "", chat.MaxBatch)
	if err != nil || len(keys) != stored || stored == 0 {
		t.Errorf("%d keys (%v), want %d", len(keys), err, stored)
	}
	for i := range stored {
		if got, _, err := d.Get(t.Context(), writer(0), "s", key(i)); err != nil || !bytes.Equal(got, big) {
			t.Errorf("%s: %d bytes, %v", key(i), len(got), err)
		}
	}
	limit(1 << 20)
	if _, err := d.Put(t.Context(), writer(0), "s", key(stored), big, 0); err != nil {
		t.Errorf("with room again: %v", err)
	}
}

// locked keeps the write lock of a file until the function is called.
func locked(t *testing.T, path string) (unlock func()) {
	t.Helper()
	db := pool(t, path)
	conn, err := db.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := conn.ExecContext(t.Context(), "BEGIN IMMEDIATE"); err != nil {
		t.Fatal(err)
	}
	return func() {
		conn.ExecContext(context.Background(), "ROLLBACK")
		conn.Close()
	}
}

// Writers wait for others: until the lock is free, the context is done, or too long.
func TestLocked(t *testing.T) {
	path := filepath.Join(t.TempDir(), "directory.db")
	s := open(t, path)
	unlock := locked(t, path)
	swap := func(ctx context.Context) error { return s.Fence().Swap(ctx, "cursor", "", "1") }

	short, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := swap(short); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("error %v, want the context's", err)
	}
	if got, err := s.Fence().Value(t.Context(), "cursor"); got != "" || err != nil {
		t.Errorf("readers must not wait: %q, %v", got, err)
	}

	if _, err := s.Writes().Exec("PRAGMA busy_timeout = 20"); err != nil {
		t.Fatal(err)
	}
	s.Patient(100 * time.Millisecond)
	is(t, swap(t.Context()), chat.ErrUnavailable, "", "directory.db", "locked")

	s.Patient(time.Minute)
	done := make(chan error)
	go func() { done <- swap(t.Context()) }()
	time.Sleep(100 * time.Millisecond)
	unlock()
	if err := <-done; err != nil {
		t.Errorf("once the lock is free: %v", err)
	}
}

// A damaged page is named, or nothing that lay in it was needed: what is read is what
// was written.
func TestDamage(t *testing.T) {
	path := filepath.Join(t.TempDir(), "directory.db")
	s := open(t, path)
	const people = 500
	ids := make([]chat.UserID, people)
	name := func(i int) string { return fmt.Sprint("Person number ", i) }
	for i := range people {
		ids[i] = chat.UserID{Tenant: "acme", Key: fmt.Sprint("u", i)}
		if err := s.Directory().PutUser(t.Context(), storage.User{ID: ids[i], Name: name(i)}); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	// read reads the people of a damaged file.
	read := func(path string) error {
		if err := cannotOpen(t, path); err != nil {
			return err
		}
		got, err := open(t, path).Directory().Users(t.Context(), ids)
		if err != nil {
			return err
		}
		for i, u := range got {
			if u.Name != name(i) {
				return fmt.Errorf("read %v as person %d", u, i)
			}
		}
		if len(got) != people {
			return fmt.Errorf("read %d people", len(got))
		}
		return nil
	}
	const page = 4096
	found := 0
	for at := 0; at < len(whole); at += page {
		damaged := bytes.Clone(whole)
		copy(damaged[at:at+page], bytes.Repeat([]byte{0xff}, page))
		path := filepath.Join(t.TempDir(), "damaged.db")
		if err := os.WriteFile(path, damaged, 0o600); err != nil {
			t.Fatal(err)
		}
		err := read(path)
		if err == nil {
			continue
		}
		found++
		if !errors.Is(err, chat.ErrUnavailable) && !errors.Is(err, chat.ErrInvalid) || !strings.Contains(err.Error(), "damaged.db: ") ||
			!strings.Contains(err.Error(), "damaged.db: damaged") && !strings.Contains(err.Error(), "no SQLite database") {
			t.Errorf("page %d: %v", at/page, err)
		}
	}
	t.Logf("%d of %d pages were found damaged", found, len(whole)/page)
	if found < 5 {
		t.Errorf("%d pages were found damaged", found)
	}
	cut := filepath.Join(t.TempDir(), "cut.db")
	if err := os.WriteFile(cut, whole[:len(whole)/2], 0o600); err != nil {
		t.Fatal(err)
	}
	if err := read(cut); err == nil || !strings.Contains(err.Error(), "cut.db: damaged") {
		t.Errorf("a file that was cut: %v", err)
	}
}
