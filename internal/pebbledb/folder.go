package pebbledb

import (
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/parlor-chat/parlor/chat"
)

// Options say what is in the folder. Name, Format, Now, Log and FS are required.
type Options struct {
	Name     string // of what is kept there, for the program's log
	Mend     string // what a person does about damage, as errors say; may be empty
	Format   int64  // its version: a folder of a newer one is refused
	Now      func() time.Time
	Log      *slog.Logger
	FS       vfs.FS
	Cache    int64 // bytes of what was read that are kept in memory
	Reserve  int64 // bytes that must be free for writing; none if it is negative or 0
	ReadOnly bool  // it is opened for reading, and nothing is changed

	// Tune changes how Pebble is set up; nil: nothing.
	Tune func(*pebble.Options)
	// Start reads what its owner holds in memory of a database that was just opened, for the
	// first time or again. [Folder.DB] is it already, and nobody else can use it yet.
	Start func(db *pebble.DB, writable bool) error
	// Lost is called behind a failure, when the database is closed and before it is opened
	// again; wrote says whether it was open for writing. nil: nobody is told.
	Lost func(wrote bool)
	// Again is called when it was tried to open it again; nil: nobody is told.
	Again func()
	// Finish writes what is left to be written before the database is closed in order; nil:
	// nothing.
	Finish func() error
}

// Folder is a folder that is open.
type Folder struct {
	dir   string
	opt   Options
	lock  *pebble.Lock
	cache *pebble.Cache

	// gate is held for reading by each call while it uses what follows, and for writing
	// by who closes and opens the database.
	gate     sync.RWMutex
	closed   bool
	db       *pebble.DB // nil while it can't be opened
	guard    *guard
	writable bool
	meta     meta

	trouble atomic.Pointer[trouble] // the last
	scarce  atomic.Bool             // the disk is within the reserve
	torn    atomic.Int64            // ends of logs that were cut
	synced  atomic.Uint64           // the last batch that the disk has, as far as is known
	broken  chan struct{}
	quit    chan struct{}
	wg      sync.WaitGroup
}

// trouble is what went wrong, and when.
type trouble struct {
	err error
	at  time.Time
}

// Open opens the folder dir, or makes it. Where another process holds it, the error is
// [chat.ErrUnavailable] and names it; a folder of a newer format is [chat.ErrInvalid] with
// field "format".
func Open(dir string, o Options) (*Folder, error) {
	dir, err := canonical(o.FS, dir, !o.ReadOnly)
	if err != nil {
		return nil, &chat.Error{Kind: chat.ErrUnavailable, Op: "open", Field: "dir", Err: err}
	}
	lock, err := hold(o.FS, dir, o.ReadOnly)
	if err != nil {
		return nil, err
	}
	f := &Folder{dir: dir, opt: o, lock: lock, broken: make(chan struct{}, 1), quit: make(chan struct{}),
		cache: pebble.NewCache(o.Cache)}
	if err := f.open(); err != nil {
		f.cache.Unref()
		return nil, errors.Join(err, lock.Close())
	}
	if !o.ReadOnly {
		f.checkSpace()
		f.wg.Go(f.watch)
	}
	return f, nil
}

// Close closes the database, in order where that can be done, and lets the folder go. It is
// called once; [Folder.Enter] is [chat.ErrClosed] afterwards.
func (f *Folder) Close() error {
	close(f.quit)
	f.wg.Wait()
	f.gate.Lock()
	defer f.gate.Unlock()
	f.closed = true
	var err error
	if f.db != nil && f.Well() {
		// So that the next opening has nothing to replay, and no bit of a log can flip.
		if f.opt.Finish != nil {
			err = f.opt.Finish()
		}
		if err == nil {
			err = f.db.Flush()
		}
	}
	whole := err == nil && f.db != nil && f.Well()
	err = errors.Join(err, f.shut())
	if whole && err == nil && f.Well() {
		if serr := seal(f.opt.FS, f.dir); serr != nil { // without one it opens as after a crash
			f.opt.Log.Warn("parlor: "+f.opt.Name+" isn't sealed", "dir", f.dir, "error", serr)
			_ = f.opt.FS.Remove(f.opt.FS.PathJoin(f.dir, sealFile))
		}
	}
	err = errors.Join(err, f.lock.Close())
	f.cache.Unref()
	return err
}

// Enter keeps the database open until leave is called.
func (f *Folder) Enter(op string) (leave func(), err error) {
	f.gate.RLock()
	switch {
	case f.closed:
		err = &chat.Error{Kind: chat.ErrClosed, Op: op}
	case f.db == nil:
		err = f.Unavailable(op)
	}
	if err != nil {
		f.gate.RUnlock()
		return nil, err
	}
	return f.gate.RUnlock, nil
}

// Inside runs something while the database is open for writing, if it is.
func (f *Folder) Inside(do func() error) error {
	f.gate.RLock()
	defer f.gate.RUnlock()
	if f.closed || f.db == nil || !f.Well() {
		return nil
	}
	return do()
}

// DB is the database; between [Folder.Enter] and leave.
func (f *Folder) DB() *pebble.DB { return f.db }

// Well says whether what was written reached the disk. Pebble says that all is well in a
// folder that has failed: it is believed only where Well is asked behind it.
func (f *Folder) Well() bool { return f.writable && !f.guard.dead.Load() }

// CanWrite refuses what would be written to a disk that fails, or is all but full.
func (f *Folder) CanWrite(op string) error {
	switch {
	case !f.Well():
		return f.Unavailable(op)
	case f.scarce.Load():
		return &chat.Error{Kind: chat.ErrUnavailable, Op: op, Field: "disk", Limit: f.opt.Reserve, Err: errScarce}
	}
	return nil
}

var errScarce = errors.New("less is free on the disk than the reserve")

// Fail says that the folder has failed.
func (f *Folder) Fail(err error) { f.guard.fail(err) }

// Unavailable says why nothing can be done now.
func (f *Folder) Unavailable(op string) error {
	e := &chat.Error{Kind: chat.ErrUnavailable, Op: op, Field: "disk", Retry: retry}
	if t := f.trouble.Load(); t != nil {
		e.Err = t.err
	}
	return e
}

// failed is told by the guard, once, or by Pebble.
func (f *Folder) failed(err error) {
	f.Note(err)
	select {
	case f.broken <- struct{}{}:
	default:
	}
}

// Note remembers what went wrong, and tells the operator.
func (f *Folder) Note(err error) {
	err = f.Explained(err)
	f.trouble.Store(&trouble{err, f.opt.Now()})
	f.opt.Log.Error("parlor: "+f.opt.Name, "dir", f.dir, "error", err)
}

// Reader is an error of reading, as callers get it.
func (f *Folder) Reader(op string, err error) error {
	var known *chat.Error
	if err == nil || errors.As(err, &known) && known.Op != "" {
		return err
	}
	err = f.Explained(err)
	f.trouble.Store(&trouble{err, f.opt.Now()})
	return &chat.Error{Kind: chat.ErrUnavailable, Op: op, Err: err}
}

// Trouble is what went wrong last since the folder was opened, and when.
func (f *Folder) Trouble() (at time.Time, err error) {
	if t := f.trouble.Load(); t != nil {
		return t.at, t.err
	}
	return time.Time{}, nil
}

// Torn is how many ends of logs were found torn, and cut, since the folder was opened.
func (f *Folder) Torn() int64 { return f.torn.Load() }

// Damaged says that something isn't as it was written.
func Damaged(what string) error { return fmt.Errorf("%s in the store %w", what, errDamaged) }

var errDamaged = errors.New("is damaged")

// explained is an error that says all that there is to say.
type explained struct{ error }

func (e explained) Unwrap() error { return e.error }

// Explained is an error that names the file, and says what to do, where it is about damage.
func (f *Folder) Explained(err error) error {
	if done := (explained{}); errors.As(err, &done) {
		return err
	}
	switch info := pebble.ExtractDataCorruptionInfo(err); {
	case info != nil:
		err = fmt.Errorf("%s %w: %w", info.Path, errDamaged, info.Details)
	case !errors.Is(err, errDamaged):
		return err
	}
	if f.opt.Mend != "" {
		err = fmt.Errorf("%w: %s", err, f.opt.Mend)
	}
	return explained{err}
}

// Get is a copy of a value, or nil where there is none.
func Get(db pebble.Reader, key []byte) ([]byte, error) {
	b, closer, err := db.Get(key)
	if errors.Is(err, pebble.ErrNotFound) {
		return nil, nil
	} else if err != nil {
		return nil, err
	}
	defer closer.Close()
	return append(make([]byte, 0, len(b)), b...), nil
}
