package sql

import (
	"context"
	stdsql "database/sql"
	"errors"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/storage"
)

// Options changes what [Open] and [With] do. The zero value of each field, and nil
// Options, mean the default.
type Options struct {
	// Prefix goes before the name of each table and index; "parlor_" by default. It is
	// at most 32 characters of a to z, 0 to 9 and _, begins with no digit, and not with
	// "sqlite_".
	Prefix string
	// Now is the clock by which leases end; time.Now by default. All who share a
	// database must have about the same.
	Now func() time.Time
}

// Store is a database that holds Parlor's tables. Its methods may be called by many at
// once.
type Store struct {
	engine engine
	name   string // of the database, in errors
	prefix string
	now    func() time.Time

	patience time.Duration

	reads, writes *stdsql.DB
	own           bool // the pools are this store's to close
	closed        atomic.Bool
	texts         sync.Map // of statements, as the engine wants them
	prepared      sync.Map // statements of the readers
}

// Open opens the SQLite file at the path where, or makes it; the folder must be there.
// Field "where" is what can't be opened: ErrInvalid if it is something else than a
// database of Parlor's, or has a newer schema; ErrUnavailable if it can't be read and
// written.
//
// A where with "://" in it is ErrInvalid: such will name servers.
func Open(ctx context.Context, where string, o *Options) (*Store, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if where == "" || strings.Contains(where, "://") {
		return nil, refuse("where", errors.New("not a path"))
	}
	s, err := newStore(sqlite, o)
	if err != nil {
		return nil, err
	}
	s.own = true
	if err := s.openFile(ctx, where); err != nil {
		return nil, err
	}
	if err := s.migrate(ctx); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// With uses a pool that the program has opened, and leaves it open at Close. It must
// be one of SQLite in UTF-8, opened by modernc.org/sqlite, else ErrInvalid with field
// "db". Whether a write survives a power cut, and who waits for whom, is as the pool was
// opened: [Open] takes journal_mode(wal), synchronous(full), busy_timeout(10000) and
// _txlock=immediate.
func With(ctx context.Context, db *stdsql.DB, o *Options) (*Store, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if db == nil {
		return nil, refuse("db", nil)
	}
	s, err := newStore(sqlite, o)
	if err != nil {
		return nil, err
	}
	s.name, s.reads, s.writes = "the database", db, db
	if err := s.again(ctx, "open", func() error { return s.engine.check(ctx, db) }); err != nil {
		return nil, err
	}
	if err := s.migrate(ctx); err != nil {
		return nil, err
	}
	return s, nil
}

var validPrefix = regexp.MustCompile(`^[a-z_][a-z0-9_]{0,31}$`)

func newStore(e engine, o *Options) (*Store, error) {
	var opt Options
	if o != nil {
		opt = *o
	}
	if opt.Prefix == "" {
		opt.Prefix = "parlor_"
	}
	if !validPrefix.MatchString(opt.Prefix) || strings.HasPrefix(opt.Prefix, "sqlite_") {
		return nil, refuse("prefix", nil)
	}
	if opt.Now == nil {
		opt.Now = time.Now
	}
	return &Store{engine: e, prefix: opt.Prefix, now: opt.Now, patience: patience}, nil
}

// Directory is the directory in this database.
func (s *Store) Directory() storage.Directory { return directory{s} }

// Fence is the fence in this database. Its leases end by [Options].Now.
func (s *Store) Fence() storage.Fence { return fence{s} }

// Close ends this handle: every later call returns [chat.ErrClosed]. A pool that was
// given to [With] stays open. Closing twice is no error.
func (s *Store) Close() error {
	if s.closed.Swap(true) {
		return nil
	}
	var errs []error
	s.prepared.Range(func(_, p any) bool {
		errs = append(errs, p.(*stdsql.Stmt).Close())
		return true
	})
	if s.own { // the writer goes last: it empties the log into the file
		errs = append(errs, s.reads.Close(), s.writes.Close())
	}
	return errors.Join(errs...)
}

// ready is what every method asks first.
func (s *Store) ready(ctx context.Context, op string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if s.closed.Load() {
		return &chat.Error{Kind: chat.ErrClosed, Op: op}
	}
	return nil
}

// refuse is the error of what can't be opened, ever.
func refuse(field string, why error) error {
	return &chat.Error{Kind: chat.ErrInvalid, Op: "open", Field: field, Err: why}
}
