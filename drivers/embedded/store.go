package embedded

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/drivers"
	"github.com/parlor-chat/parlor/drivers/bleve"
	"github.com/parlor-chat/parlor/drivers/memory"
	"github.com/parlor-chat/parlor/drivers/pebble"
	"github.com/parlor-chat/parlor/drivers/sql"
	"github.com/parlor-chat/parlor/storage"
)

// Options changes what [Open] opens. The zero value of each field, and nil Options, mean
// the default.
type Options struct {
	// Log gets what an operator should know; slog.Default by default.
	Log *slog.Logger
	// Now is the clock that settles At and the ends of leases; time.Now by default.
	Now func() time.Time
	// Reserve is how many bytes must be free on the disk for anything to be placed; 256 MiB
	// by default, none where it is negative.
	Reserve int64
	// Existing has Open refuse a folder in which there is no store: [chat.ErrNotFound].
	Existing bool
}

// Names in the folder.
const (
	logFolder     = "log"
	directoryFile = "directory.db"
	indexFolder   = "index"
)

// Store is a handle on a folder. One process opens it once; [Store.Reopen] gives further
// handles, as further nodes in the process need.
type Store struct {
	dir string
	opt Options

	log       *pebble.Store
	directory *sql.Store
	clock     *storage.AccessClock
	index     *bleve.Store
	presence  *memory.Store
}

// Open opens the folder dir, or makes it. Where another process holds it, the error is
// [chat.ErrUnavailable] and names it; what a newer version has written is [chat.ErrInvalid].
// Where the log or the directory is gone, and the other is there, the error is
// [chat.ErrIncomplete]: nothing is made anew that isn't empty.
// It doesn't wait for the index ([Store.Ready]).
func Open(ctx context.Context, dir string, o *Options) (*Store, error) {
	s := &Store{dir: dir, clock: new(storage.AccessClock)}
	if o != nil {
		s.opt = *o
	}
	if dir == "" {
		return nil, &chat.Error{Kind: chat.ErrInvalid, Op: "open", Field: "dir"}
	}
	known, err := look(dir, s.opt.Existing)
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, &chat.Error{Kind: chat.ErrUnavailable, Op: "open", Field: "dir", Err: bare(err)}
	}
	// The log first: it says who holds the folder.
	s.log, err = pebble.Open(ctx, filepath.Join(dir, logFolder), &pebble.Options{Log: s.opt.Log, Now: s.opt.Now, Reserve: s.opt.Reserve})
	if err == nil {
		s.directory, err = s.openDirectory(ctx)
	}
	if err == nil && !known {
		err = writeMarker(dir)
	}
	if err == nil {
		s.index, err = bleve.Open(ctx, filepath.Join(dir, indexFolder), &bleve.Options{Log: s.opt.Log})
	}
	if err != nil {
		return nil, errors.Join(err, s.Close())
	}
	s.presence = memory.New(&memory.Options{Now: s.opt.Now})
	return s, nil
}

func (s *Store) openDirectory(ctx context.Context) (*sql.Store, error) {
	return sql.Open(ctx, filepath.Join(s.dir, directoryFile), &sql.Options{Now: s.opt.Now})
}

// bare is an error without the path in it, which is nobody's business.
func bare(err error) error {
	var at *os.PathError
	if errors.As(err, &at) {
		return at.Err
	}
	return err
}

// Set is one driver of each contract that a hub needs.
func (s *Store) Set() drivers.Set {
	return drivers.Set{Broker: s.log.Broker(), History: s.log.History(), Directory: marked{s.directory.Directory(), s.clock},
		Index: s.index.Index(), Fence: s.directory.Fence(), Registry: s.presence.Registry()}
}

// Ready returns when the index is open, or ctx ends. What stands in the way may pass by
// itself.
func (s *Store) Ready(ctx context.Context) error { return s.index.Ready(ctx) }

// Reopen gives another handle on the same folder, which is let go with the last. Once that
// is closed, the error is [chat.ErrClosed].
func (s *Store) Reopen(ctx context.Context) (*Store, error) {
	again := &Store{dir: s.dir, opt: s.opt, clock: s.clock}
	var err error
	again.log, err = s.log.Reopen()
	if err == nil {
		again.index, err = s.index.Reopen()
	}
	if err == nil {
		again.directory, err = again.openDirectory(ctx)
	}
	if err != nil {
		return nil, errors.Join(err, again.Close())
	}
	again.presence = s.presence.Reopen()
	return again, nil
}

// Close closes this handle: its links end, and every later call returns [chat.ErrClosed].
// Shut the hubs down before. Closing twice is no error.
func (s *Store) Close() error {
	var errs []error
	if s.presence != nil {
		errs = append(errs, s.presence.Close())
	}
	if s.index != nil {
		errs = append(errs, s.index.Close())
	}
	if s.directory != nil {
		errs = append(errs, s.directory.Close())
	}
	if s.log != nil { // last: it holds the folder
		errs = append(errs, s.log.Close())
	}
	return errors.Join(errs...)
}
