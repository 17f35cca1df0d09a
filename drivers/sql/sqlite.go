package sql

import (
	"context"
	stdsql "database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"sync"

	"github.com/pressly/goose/v3"
	driver "modernc.org/sqlite"
	codes "modernc.org/sqlite/lib"
)

//go:embed schema
var schemas embed.FS

// sqlite is SQLite. Its transactions are serializable: where one has read what another
// then wrote, its first write is refused (SQLITE_BUSY_SNAPSHOT), and it begins anew. The
// writer of Open keeps others off from the beginning, so that it never has to.
var sqlite = engine{
	versions: `CREATE TABLE IF NOT EXISTS {versions} (id INTEGER PRIMARY KEY AUTOINCREMENT, version_id INTEGER NOT NULL UNIQUE,
			is_applied INTEGER NOT NULL, tstamp TIMESTAMP NOT NULL DEFAULT (datetime('now')));
		INSERT INTO {versions} (version_id, is_applied) VALUES (0, 1) ON CONFLICT DO NOTHING`,
	schema: sub(schemas, "schema/sqlite"),
	kept:   goose.DialectSQLite3,
	upsert: upsert,
	raise:  raise,
	fault:  sqliteFault,
	check:  sqliteCheck,
}

func sub(f fs.FS, folder string) fs.FS {
	s, err := fs.Sub(f, folder)
	if err != nil {
		panic(err) // the name is a constant above
	}
	return s
}

// openFile opens the pools of a file.
func (s *Store) openFile(ctx context.Context, path string) error {
	path, err := filepath.Abs(path)
	if err != nil {
		return refuse("where", err)
	}
	s.name = filepath.Base(path)
	if err := s.makeFile(path); err != nil {
		return err
	}
	pool := func(most int, settings ...string) (*stdsql.DB, error) {
		q := url.Values{"mode": {"rw"}, "_txlock": {"immediate"}, "_error_rc": {"1"}, "_dqs": {"0"},
			"_pragma": append(settings, "busy_timeout("+strconv.FormatInt(patience.Milliseconds(), 10)+")")}
		c, err := driver.NewConnector((&url.URL{Scheme: "file", OmitHost: true, Path: filepath.ToSlash(path), RawQuery: q.Encode()}).String())
		if err != nil {
			return nil, refuse("where", err)
		}
		db := stdsql.OpenDB(c)
		db.SetMaxOpenConns(most)
		db.SetMaxIdleConns(most)
		return db, nil
	}
	// fullfsync is for macOS, where a plain sync leaves what it wrote in the disk's cache.
	if s.writes, err = pool(1, "journal_mode(wal)", "synchronous(full)", "fullfsync(1)"); err != nil {
		return err
	}
	if s.reads, err = pool(max(4, runtime.GOMAXPROCS(0)), "query_only(1)"); err != nil {
		return errors.Join(err, s.writes.Close())
	}
	return nil
}

// making keeps Open from closing a file that another Open has come to use, which would
// take the locks off it.
var making sync.Mutex

// makeFile makes an empty file where there is none, for its owner alone. SQLite gives
// the log the same mode. A file that is there isn't opened, for the same locks.
func (s *Store) makeFile(path string) error {
	making.Lock()
	defer making.Unlock()
	if info, err := os.Stat(path); err == nil {
		if !info.Mode().IsRegular() {
			return refuse("where", fmt.Errorf("%s: not a file", s.name))
		}
		return nil
	}
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	if err != nil {
		var at *fs.PathError
		if errors.As(err, &at) {
			err = at.Err // the whole path is nobody's business
		}
		return unavailable("open", "where", fmt.Errorf("%s: %w", s.name, err))
	}
	return f.Close()
}

// sqliteCheck wants SQLite, and UTF-8: UTF-16 has another order.
func sqliteCheck(ctx context.Context, db *stdsql.DB) error {
	if _, ok := db.Driver().(*driver.Driver); !ok {
		return refuse("db", fmt.Errorf("the driver is %T, want that of modernc.org/sqlite", db.Driver()))
	}
	var encoding string
	if err := db.QueryRowContext(ctx, "PRAGMA encoding").Scan(&encoding); err != nil {
		return err
	}
	if encoding != "UTF-8" {
		return refuse("db", fmt.Errorf("the encoding is %s, want UTF-8", encoding))
	}
	return nil
}

// sqliteFault reads SQLite's result codes (https://sqlite.org/rescode.html).
func sqliteFault(err error) fault {
	var e *driver.Error
	if !errors.As(err, &e) {
		return fault{}
	}
	switch e.Code() {
	case codes.SQLITE_IOERR_DELETE_NOENT, codes.SQLITE_IOERR_RDLOCK:
		// Some who open a new file at once did away with the same journal, or changed how it is
		// locked under a reader: in a moment all is well.
		return fault{busy: true, what: "the disk fails, or others change how it is kept"}
	}
	switch e.Code() & 0xff {
	case codes.SQLITE_BUSY, codes.SQLITE_LOCKED, codes.SQLITE_PROTOCOL:
		return fault{busy: true, what: "others keep it locked"}
	case codes.SQLITE_NOTADB:
		return fault{foreign: true, what: "no SQLite database"}
	case codes.SQLITE_CORRUPT:
		return fault{what: "damaged"}
	case codes.SQLITE_FULL:
		return fault{what: "the disk is full"}
	case codes.SQLITE_IOERR:
		return fault{what: "the disk fails"}
	case codes.SQLITE_READONLY, codes.SQLITE_PERM:
		return fault{what: "can't be written"}
	case codes.SQLITE_CANTOPEN:
		return fault{what: "it, or a file beside it, can't be opened"}
	}
	return fault{}
}
