package disk

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/drivers/journal"
	"github.com/parlor-chat/parlor/internal/pebbledb"
)

// Options changes what [Open] opens. The zero value of each field, and nil Options, mean
// the default.
type Options struct {
	// Log gets what an operator should know; slog.Default by default.
	Log *slog.Logger
	// Reserve is how many bytes must be free on the disk for anything to be kept; 256 MiB by
	// default, none where it is negative.
	Reserve int64
	// ReadOnly opens a folder that is there, to look what lies in it: nothing is changed.
	ReadOnly bool
	// FS is where the files are; the operating system's by default. Tests give others.
	FS vfs.FS
}

func (o *Options) defaults() Options {
	var opt Options
	if o != nil {
		opt = *o
	}
	if opt.Log == nil {
		opt.Log = slog.Default()
	}
	if opt.Reserve == 0 {
		opt.Reserve = 256 << 20
	}
	if opt.FS == nil {
		opt.FS = vfs.Default
	}
	return opt
}

// Store is a journal's folder that is open: a [journal.Store].
type Store struct {
	folder *pebbledb.Folder
	opt    Options
	once   sync.Once // for Close
	done   error

	// Notes and drops hold mu until Pebble has them, so that none overtakes another.
	mu      sync.Mutex
	opened  bool // somebody has the store: from then on the index is the truth
	index   map[chat.EventID]kept
	damaged map[chat.EventID]int64 // their numbers
	bytes   int64                  // of what is kept
	next    int64                  // number
	form    []byte                 // is written over and over

	missing atomic.Int64 // records that a disk lost, though it said that it had them
	gaps    sync.Map     // stretches that can't be read: see gap
}

// kept is one record.
type kept struct {
	number int64
	bytes  int64
}

// Open opens the folder dir, or makes it. Where another process holds it, the error is
// [chat.ErrUnavailable] and names it; a folder of a newer format is [chat.ErrInvalid] with
// field "format". After a crash nothing that was kept is missing. On a disk that can't be
// written the store opens for reading.
func Open(ctx context.Context, dir string, o *Options) (*Store, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	s := &Store{opt: o.defaults()}
	var err error
	s.folder, err = pebbledb.Open(dir, pebbledb.Options{Name: "journal", Format: format, Now: time.Now, Log: s.opt.Log, FS: s.opt.FS,
		Cache: cacheSize, Reserve: s.opt.Reserve, ReadOnly: s.opt.ReadOnly, Start: s.start,
		Tune: func(p *pebble.Options) { p.MemTableSize = memTableSize }})
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.opened = true
	return s, nil
}

// A record lives for seconds, mostly: it is dropped before it is in a table.
const (
	memTableSize = 32 << 20
	cacheSize    = 8 << 20
)

// Close closes the files in order and lets the folder go; every later call returns
// [chat.ErrClosed]. Closing twice is no error.
func (s *Store) Close() error {
	s.once.Do(func() { s.done = s.folder.Close() })
	return s.done
}

// enter is what every method does first: it keeps the store open until leave is called.
func (s *Store) enter(ctx context.Context, op string) (leave func(), err error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	return s.folder.Enter(op)
}

// Stats is what there is to know of a store at a glance.
type Stats struct {
	Records int64 // that are kept
	Bytes   int64 // of these
	Disk    int64 // bytes of the files
	Damaged int64 // records that can't be served, and weren't dropped
	Gaps    int64 // stretches of the files that can't be read, found since the store was opened
	Missing int64 // records that the disk had and lost, found since the store was opened
	Torn    int64 // ends of logs that a crash tore, and that were cut, since the store was opened
	Write   bool  // whether anything can be kept
	Last    error // the last that went wrong since the store was opened; nil: nothing
	At      time.Time
}

// Stats says how the store is. It costs the same however much is kept.
func (s *Store) Stats(ctx context.Context) (Stats, error) {
	const op = "stats"
	leave, err := s.enter(ctx, op)
	if err != nil {
		return Stats{}, err
	}
	defer leave()
	f := s.folder
	x := Stats{Disk: int64(f.DB().Metrics().DiskSpaceUsage()), Missing: s.missing.Load(), Torn: f.Torn(),
		Write: f.CanWrite(op) == nil}
	x.At, x.Last = f.Trouble()
	s.gaps.Range(func(any, any) bool { x.Gaps++; return true })
	s.mu.Lock()
	defer s.mu.Unlock()
	x.Records, x.Bytes, x.Damaged = int64(len(s.index)), s.bytes, int64(len(s.damaged))
	return x, nil
}

// Scrub has the disk forget what was dropped before it was called: when it returns nil,
// those bytes are in no file of the folder any more. (What copies, file systems and disks
// keep besides is theirs.) It reads and writes all that is kept.
func (s *Store) Scrub(ctx context.Context) error {
	const op = "scrub"
	leave, err := s.enter(ctx, op)
	if err != nil {
		return err
	}
	defer leave()
	var all [][2][]byte
	for _, kind := range []byte{prefixDamaged, prefixKept, prefixNote} {
		all = append(all, [2][]byte{{kind}, {kind + 1}})
	}
	return s.folder.Scrub(ctx, op, all...)
}

var _ journal.Store = (*Store)(nil)
