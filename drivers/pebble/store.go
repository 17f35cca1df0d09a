package pebble

import (
	"context"
	"io"
	"log/slog"
	"sync"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/storage"
)

// Options changes what [Open] opens. The zero value of each field, and nil Options, mean
// the default.
type Options struct {
	// Now is the clock that settles At; time.Now by default.
	Now func() time.Time
	// Log gets what an operator should know; slog.Default by default.
	Log *slog.Logger
	// Cache is how many bytes of what was read are kept in memory; 64 MiB by default.
	Cache int64
	// Reserve is how many bytes must be free on the disk for anything to be placed; 256
	// MiB by default, none where it is negative.
	Reserve int64
	// FS is where the files are; the operating system's by default. Tests give others.
	FS vfs.FS
}

func (o *Options) defaults() Options {
	var opt Options
	if o != nil {
		opt = *o
	}
	if opt.Now == nil {
		opt.Now = time.Now
	}
	if opt.Log == nil {
		opt.Log = slog.Default()
	}
	if opt.Cache == 0 {
		opt.Cache = 64 << 20
	}
	if opt.Reserve == 0 {
		opt.Reserve = 256 << 20
	}
	if opt.FS == nil {
		opt.FS = vfs.Default
	}
	return opt
}

// Store is a handle on the rooms in a folder. One process opens it once; [Store.Reopen]
// gives further handles, as further nodes in the process need.
type Store struct {
	place *place

	mu     sync.Mutex
	closed bool
	links  map[io.Closer]struct{} // closed with the handle
}

// Open opens the folder dir, or makes it. Where another process holds it, the error is
// [chat.ErrUnavailable] and names it; a store of a newer format is [chat.ErrInvalid] with
// field "format". After a crash nothing that was acknowledged is missing. On a disk that
// can't be written the store opens for reading.
func Open(ctx context.Context, dir string, o *Options) (*Store, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	p, err := openPlace(dir, o.defaults())
	if err != nil {
		return nil, err
	}
	return p.handle(), nil
}

// Reopen gives another handle on the same store. The folder is let go with the last.
// Once that is closed, the error is [chat.ErrClosed].
func (s *Store) Reopen() (*Store, error) {
	if !s.place.share() {
		return nil, &chat.Error{Kind: chat.ErrClosed, Op: "reopen"}
	}
	return &Store{place: s.place, links: map[io.Closer]struct{}{}}, nil
}

// Close closes this handle: its links end, and every later call returns [chat.ErrClosed].
// Closing twice is no error.
func (s *Store) Close() error {
	s.mu.Lock()
	links, closed := s.links, s.closed
	s.closed, s.links = true, nil
	s.mu.Unlock()
	if closed {
		return nil
	}
	for l := range links {
		l.Close()
	}
	return s.place.leave()
}

// Broker is the store as a broker.
func (s *Store) Broker() chat.Broker { return broker{s} }

// History is the store as an archive. It can prune ([storage.Pruner]).
func (s *Store) History() storage.History { return history{s} }

// hold has l closed with the handle, if that isn't closed yet.
func (s *Store) hold(op string, l io.Closer) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return &chat.Error{Kind: chat.ErrClosed, Op: op}
	}
	s.links[l] = struct{}{}
	return nil
}

// release undoes hold.
func (s *Store) release(l io.Closer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.links, l)
}

// enter is what every method does first: it keeps the store open until leave is called.
func (s *Store) enter(ctx context.Context, op string) (leave func(), err error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	s.mu.Lock()
	closed := s.closed
	s.mu.Unlock()
	if closed {
		return nil, &chat.Error{Kind: chat.ErrClosed, Op: op}
	}
	return s.place.Enter(op)
}

// batch refuses what is over the limit of one call.
func batch(op, field string, n int) error {
	if n > chat.MaxBatch {
		return &chat.Error{Kind: chat.ErrTooLarge, Op: op, Field: field, Limit: chat.MaxBatch}
	}
	return nil
}
