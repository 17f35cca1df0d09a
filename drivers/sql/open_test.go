package sql_test

import (
	"bytes"
	"context"
	stdsql "database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/drivers/sql"
	"github.com/parlor-chat/parlor/storage"
)

// is checks the kind and the field of an error, and what a person reads in it.
func is(t *testing.T, err, kind error, field string, says ...string) {
	t.Helper()
	var e *chat.Error
	if !errors.As(err, &e) || !errors.Is(err, kind) || e.Field != field {
		t.Errorf("error %v, want %v of field %q", err, kind, field)
		return
	}
	for _, s := range says {
		if !strings.Contains(err.Error(), s) {
			t.Errorf("error %q doesn't say %q", err, s)
		}
	}
}

// open opens a file, which must work.
func open(t testing.TB, path string) *sql.Store {
	t.Helper()
	s, err := sql.Open(t.Context(), path, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func cannotOpen(t *testing.T, path string) error {
	t.Helper()
	s, err := sql.Open(t.Context(), path, nil)
	if err == nil {
		s.Close()
	}
	return err
}

func TestWrongPlaces(t *testing.T) {
	folder := t.TempDir()
	at := func(name string) string { return filepath.Join(folder, name) }
	is(t, cannotOpen(t, ""), chat.ErrInvalid, "where")
	is(t, cannotOpen(t, "postgres://host/parlor"), chat.ErrInvalid, "where")
	is(t, cannotOpen(t, folder), chat.ErrInvalid, "where", filepath.Base(folder), "not a file")
	err := cannotOpen(t, at("no/such/folder.db"))
	is(t, err, chat.ErrUnavailable, "where", "folder.db", "no such file")
	if strings.Contains(err.Error(), folder) {
		t.Errorf("the error tells the folder: %v", err)
	}
	if err := os.WriteFile(at("letter.txt"), bytes.Repeat([]byte("Dear Sir or Madam,\n"), 1000), 0o600); err != nil {
		t.Fatal(err)
	}
	is(t, cannotOpen(t, at("letter.txt")), chat.ErrInvalid, "where", "letter.txt", "no SQLite database")
	done, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := sql.Open(done, at("never.db"), nil); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want the context's", err)
	}
	if _, err := os.Stat(at("never.db")); err == nil {
		t.Error("a cancelled Open made a file")
	}
}

func TestWrongPrefixes(t *testing.T) {
	for _, prefix := range []string{"1a", "A", "a-b", "a b", "x;", `"`, "sqlite_x", "{", strings.Repeat("a", 33), "ä"} {
		_, err := sql.Open(t.Context(), filepath.Join(t.TempDir(), "directory.db"), &sql.Options{Prefix: prefix})
		is(t, err, chat.ErrInvalid, "prefix")
	}
}

// otherEngine is a driver of another database.
type otherEngine struct{ driver.Connector }

func (e otherEngine) Driver() driver.Driver            { return e }
func (e otherEngine) Open(string) (driver.Conn, error) { return nil, errors.ErrUnsupported }

func TestWrongPools(t *testing.T) {
	_, err := sql.With(t.Context(), nil, nil)
	is(t, err, chat.ErrInvalid, "db")
	other := stdsql.OpenDB(otherEngine{})
	defer other.Close()
	_, err = sql.With(t.Context(), other, nil)
	is(t, err, chat.ErrInvalid, "db", "otherEngine")
	path := filepath.Join(t.TempDir(), "program.db")
	db, err := stdsql.Open("sqlite", "file:"+path+"?_pragma=encoding('UTF-16le')")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	_, err = sql.With(t.Context(), db, nil)
	is(t, err, chat.ErrInvalid, "db", "UTF-16le")
}

// Any path is a path: none of it is read as a setting or a pattern.
func TestOddPaths(t *testing.T) {
	for _, name := range []string{"a?b=c&mode=memory", "a#b", "a%20b", "ä 造.db", ":memory:", "a+b", "'; --"} {
		path := filepath.Join(t.TempDir(), name)
		s := open(t, path)
		if err := s.Fence().Swap(t.Context(), "here", "", name); err != nil {
			t.Error(err)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		if info, err := os.Stat(path); err != nil || info.Size() == 0 {
			t.Errorf("%q: %v, %v", name, info, err)
		}
	}
}

func TestFilesAreTheOwners(t *testing.T) {
	path := filepath.Join(t.TempDir(), "directory.db")
	s := open(t, path)
	if err := s.Fence().Swap(t.Context(), "here", "", "1"); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{path, path + "-wal", path + "-shm"} {
		info, err := os.Stat(name)
		if err != nil {
			t.Fatal(err)
		}
		if got := info.Mode().Perm(); got != 0o600 {
			t.Errorf("%s has mode %o", filepath.Base(name), got)
		}
	}
}

// A commit is on the disk before it is acknowledged, and whoever will write keeps others
// off before he reads.
func TestSettings(t *testing.T) {
	path := filepath.Join(t.TempDir(), "directory.db")
	s := open(t, path)
	for pragma, want := range map[string]string{"journal_mode": "wal", "synchronous": "2", "fullfsync": "1", "busy_timeout": "10000"} {
		var got string
		if err := s.Writes().QueryRow("PRAGMA " + pragma).Scan(&got); err != nil || got != want {
			t.Errorf("%s is %s (%v), want %s", pragma, got, err, want)
		}
	}
	tx, err := s.Writes().Begin()
	if err != nil {
		t.Fatal(err)
	}
	defer tx.Rollback()
	if _, err := pool(t, path).Exec("PRAGMA busy_timeout = 0; BEGIN IMMEDIATE"); err == nil {
		t.Error("two write at once")
	}
}

// A program's tables and Parlor's know nothing of each other.
func TestBesideForeignTables(t *testing.T) {
	db := pool(t, filepath.Join(t.TempDir(), "program.db"))
	if _, err := db.Exec(`CREATE TABLE rooms (name TEXT); CREATE TABLE users (name TEXT); CREATE TABLE goose_db_version (mine TEXT);
		INSERT INTO rooms VALUES ('theirs'); INSERT INTO users VALUES ('theirs')`); err != nil {
		t.Fatal(err)
	}
	for _, prefix := range []string{"", "other_"} {
		s, err := sql.With(t.Context(), db, &sql.Options{Prefix: prefix})
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Directory().PutUser(t.Context(), storage.User{ID: writer(0), Name: "of " + prefix}); err != nil {
			t.Error(err)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		_, err = s.Directory().Users(t.Context(), []chat.UserID{writer(0)})
		is(t, err, chat.ErrClosed, "")
	}
	names := func(table string) (name string) {
		if err := db.QueryRow("SELECT group_concat(name) FROM " + table).Scan(&name); err != nil {
			t.Errorf("%s: %v", table, err) // a pool of the program's stays open
		}
		return name
	}
	for table, want := range map[string]string{"rooms": "theirs", "users": "theirs", "parlor_users": "of ", "other_users": "of other_"} {
		if got := names(table); got != want {
			t.Errorf("%s holds %q, want %q", table, got, want)
		}
	}
	var odd int
	if err := db.QueryRow(`SELECT count(*) FROM sqlite_master WHERE name NOT IN ('rooms', 'users', 'goose_db_version', 'sqlite_sequence')
		AND tbl_name NOT LIKE 'parlor\_%' ESCAPE '\' AND tbl_name NOT LIKE 'other\_%' ESCAPE '\'`).Scan(&odd); err != nil || odd != 0 {
		t.Errorf("%d tables and indexes without a prefix (%v)", odd, err)
	}
}

// A file of the first version gets what came since, and keeps what it had.
func TestFromVersion1(t *testing.T) {
	path := filepath.Join(t.TempDir(), "directory.db")
	old, err := sql.OpenAt(t.Context(), path, "0001_directory.sql")
	if err != nil {
		t.Fatal(err)
	}
	if err := old.Directory().PutUser(t.Context(), storage.User{ID: writer(0), Name: "Ann"}); err != nil {
		t.Fatal(err)
	}
	if err := old.Fence().Swap(t.Context(), "cursor", "", "1"); err == nil {
		t.Fatal("version 1 has a fence")
	}
	if err := old.Close(); err != nil {
		t.Fatal(err)
	}
	s := open(t, path)
	got, err := s.Directory().Users(t.Context(), []chat.UserID{writer(0)})
	if err != nil || len(got) != 1 || got[0].Name != "Ann" {
		t.Errorf("%v, %v", got, err)
	}
	if err := s.Fence().Swap(t.Context(), "cursor", "", "1"); err != nil {
		t.Error(err)
	}
	if _, err := s.Directory().PutAccount(t.Context(), storage.Account{User: writer(0), Login: "ann"}); err != nil {
		t.Error(err)
	}
	e, err := s.Directory().Enter(t.Context(), erasure(writer(0), 1))
	if err != nil || e.Seq != 1 {
		t.Errorf("entry %d, %v", e.Seq, err)
	}
}

// A file of a newer program is left alone.
func TestNewerSchema(t *testing.T) {
	path := filepath.Join(t.TempDir(), "directory.db")
	s := open(t, path)
	if _, err := s.Writes().Exec("INSERT INTO parlor_versions (version_id, is_applied) VALUES (99, 1)"); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	is(t, cannotOpen(t, path), chat.ErrInvalid, "where", "directory.db", "version 99")
	db := pool(t, path)
	_, err := sql.With(t.Context(), db, nil)
	is(t, err, chat.ErrInvalid, "db", "version 99")
}

// Many open a place at once that nobody has made yet: handles of one process, pools that
// begin without a lock, and other processes.
func TestOpenAtOnce(t *testing.T) {
	for round := range 5 {
		path := filepath.Join(t.TempDir(), fmt.Sprint("directory", round, ".db"))
		var all sync.WaitGroup
		for i := range 9 {
			all.Go(func() {
				var err error
				switch i % 3 {
				case 0:
					var s *sql.Store
					if s, err = sql.Open(t.Context(), path, nil); err == nil {
						err = s.Close()
					}
				case 1:
					_, err = sql.With(t.Context(), pool(t, path), nil)
				default:
					var out strings.Builder
					if err = child(t, "open", path, &out).Run(); err != nil {
						err = fmt.Errorf("%w: %s", err, out.String())
					}
				}
				if err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		s := open(t, path)
		var versions string
		if err := s.Writes().QueryRow("SELECT group_concat(version_id) FROM parlor_versions").Scan(&versions); err != nil || versions != "0,1,2,3,4" {
			t.Errorf("versions %s, %v", versions, err)
		}
		s.Close()
	}
}
