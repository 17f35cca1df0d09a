package pebble

import (
	"errors"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/bloom"

	"github.com/parlor-chat/parlor/chat"
)

// place is a folder that is open: what all handles share.
type place struct {
	dir   string
	opt   Options
	lock  *pebble.Lock
	cache *pebble.Cache

	mu      sync.Mutex
	handles int

	// gate is held for reading by each call while it uses what follows, and for writing
	// by who closes and opens the database.
	gate     sync.RWMutex
	closed   bool
	db       *pebble.DB // nil while it can't be opened
	guard    *guard
	writable bool
	id       string // of the store
	shards   [chat.Shards]shard
	nodes    nodes

	trouble atomic.Pointer[trouble] // the last
	scarce  atomic.Bool             // the disk is within the reserve
	behind  atomic.Int64            // events whose ids and changes are not written yet
	indexMu sync.Mutex              // held by who writes them, or prunes
	broken  chan struct{}
	kick    chan struct{}
	quit    chan struct{}
	wg      sync.WaitGroup
}

// trouble is what went wrong, and when.
type trouble struct {
	err error
	at  time.Time
}

func openPlace(dir string, opt Options) (*place, error) {
	if err := opt.FS.MkdirAll(dir, 0o700); err != nil {
		return nil, &chat.Error{Kind: chat.ErrUnavailable, Op: "open", Field: "dir", Err: err}
	}
	lock, err := hold(opt.FS, dir)
	if err != nil {
		return nil, err
	}
	p := &place{dir: dir, opt: opt, lock: lock, handles: 1, broken: make(chan struct{}, 1),
		kick: make(chan struct{}, 1), quit: make(chan struct{}), cache: pebble.NewCache(opt.Cache)}
	p.nodes.init()
	for i := range p.shards {
		p.shards[i].init(i)
	}
	if err := p.open(); err != nil {
		p.cache.Unref()
		return nil, errors.Join(err, lock.Close())
	}
	p.checkSpace()
	p.wg.Go(p.watch)
	p.wg.Go(p.index)
	return p, nil
}

func (p *place) handle() *Store { return &Store{place: p, links: map[io.Closer]struct{}{}} }

// share counts one handle more, unless the last was closed.
func (p *place) share() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.handles == 0 {
		return false
	}
	p.handles++
	return true
}

// leave counts one handle less; the last closes everything.
func (p *place) leave() error {
	p.mu.Lock()
	p.handles--
	last := p.handles == 0
	p.mu.Unlock()
	if !last {
		return nil
	}
	close(p.quit)
	p.wg.Wait()
	p.gate.Lock()
	defer p.gate.Unlock()
	p.closed = true
	var err error
	if p.db != nil && p.writable && !p.guard.dead.Load() {
		// So that the next opening has nothing to replay, and no bit of a log can flip.
		if _, err = p.follow(); err == nil {
			err = p.db.Flush()
		}
	}
	whole := err == nil && p.db != nil && p.writable && !p.guard.dead.Load()
	err = errors.Join(err, p.shut())
	if whole && err == nil && !p.guard.dead.Load() {
		if serr := seal(p.opt.FS, p.dir); serr != nil { // without one it opens as after a crash
			p.opt.Log.Warn("parlor: pebble isn't sealed", "dir", p.dir, "error", serr)
			_ = p.opt.FS.Remove(p.opt.FS.PathJoin(p.dir, sealFile))
		}
	}
	err = errors.Join(err, p.lock.Close())
	p.cache.Unref()
	return err
}

// enter keeps the store open until leave is called.
func (p *place) enter(op string) (leave func(), err error) {
	p.gate.RLock()
	switch {
	case p.closed:
		err = &chat.Error{Kind: chat.ErrClosed, Op: op}
	case p.db == nil:
		err = p.unavailable(op)
	}
	if err != nil {
		p.gate.RUnlock()
		return nil, err
	}
	return p.gate.RUnlock, nil
}

// unavailable says why nothing can be done now.
func (p *place) unavailable(op string) error {
	e := &chat.Error{Kind: chat.ErrUnavailable, Op: op, Field: "disk", Retry: retry}
	if t := p.trouble.Load(); t != nil {
		e.Err = t.err
	}
	return e
}

// canWrite refuses what would be written to a disk that fails, or is all but full.
func (p *place) canWrite(op string) error {
	switch {
	case !p.writable || p.guard.dead.Load():
		return p.unavailable(op)
	case p.scarce.Load():
		return &chat.Error{Kind: chat.ErrUnavailable, Op: op, Field: "disk", Limit: p.opt.Reserve, Err: errScarce}
	}
	return nil
}

var errScarce = errors.New("less is free on the disk than the reserve")

// failed is told by the guard, once, or by Pebble.
func (p *place) failed(err error) {
	p.note(err)
	select {
	case p.broken <- struct{}{}:
	default:
	}
}

// note remembers what went wrong, and tells the operator.
func (p *place) note(err error) {
	p.trouble.Store(&trouble{err, p.opt.Now()})
	p.opt.Log.Error("parlor: pebble", "dir", p.dir, "error", err)
}

// reader is an error of reading, as callers get it.
func (p *place) reader(op string, err error) error {
	var known *chat.Error
	if err == nil || errors.As(err, &known) && known.Op != "" {
		return err
	}
	p.trouble.Store(&trouble{err, p.opt.Now()})
	return &chat.Error{Kind: chat.ErrUnavailable, Op: op, Err: err}
}

// damaged says that something isn't as it was written.
func damaged(what string) error { return fmt.Errorf("%s in the store is damaged", what) }

// logger hands on what Pebble says.
type logger struct {
	p *place
	g *guard
}

func (l logger) Infof(string, ...any) {}
func (l logger) Errorf(format string, args ...any) {
	l.p.opt.Log.Warn("parlor: pebble", "dir", l.p.dir, "says", fmt.Sprintf(format, args...))
}

// Fatalf fails the store. Pebble goes on as if all were well, for the guard lets nothing
// through any more.
func (l logger) Fatalf(format string, args ...any) {
	err := fmt.Errorf(format, args...)
	l.g.fail(err)
}

func (p *place) options(g *guard, readOnly bool) *pebble.Options {
	o := &pebble.Options{
		FS: g, Lock: p.lock, Logger: logger{p, g}, Cache: p.cache, ReadOnly: readOnly,
		FormatMajorVersion:          pebble.FormatNewest,
		MemTableSize:                64 << 20,
		MemTableStopWritesThreshold: 4,
		L0CompactionThreshold:       4,
		L0StopWritesThreshold:       40,
	}
	o.EventListener = &pebble.EventListener{
		DataCorruption: func(i pebble.DataCorruptionInfo) { p.note(errors.New(i.String())) },
	}
	for i := range o.Levels {
		o.Levels[i].FilterPolicy = bloom.FilterPolicy(10)
	}
	return o
}

// open opens the database for writing, or where that can't be done for reading; with gate
// held, or before anybody knows the place.
func (p *place) open() error {
	err := p.start(newGuard(p.opt.FS, p.failed), false)
	if err == nil {
		return nil
	}
	dead := newGuard(p.opt.FS, func(error) {})
	dead.dead.Store(true)
	if p.start(dead, true) == nil {
		p.note(fmt.Errorf("open for reading only: %w", err))
		return nil
	}
	p.note(err)
	return err
}

func (p *place) start(g *guard, readOnly bool) (err error) {
	defer func() { // Pebble panics where it can't go on
		if r := recover(); r != nil {
			err = fmt.Errorf("pebble: %v", r)
		}
		if err != nil {
			if shut := p.shut(); shut != nil {
				p.opt.Log.Warn("parlor: pebble", "dir", p.dir, "says", shut)
			}
			if k := (*chat.Error)(nil); !errors.As(err, &k) {
				err = &chat.Error{Kind: chat.ErrUnavailable, Op: "open", Field: "dir", Err: err}
			}
		}
	}()
	p.guard, p.writable = g, !readOnly
	if err := unseal(p.opt.FS, p.dir, !readOnly); err != nil {
		return err
	}
	if p.db, err = pebble.Open(p.dir, p.options(g, readOnly)); err != nil {
		p.db = nil
		return err
	}
	if err := p.name(); err != nil {
		return err
	}
	for i := range p.shards {
		if err := p.shards[i].start(p.db, !readOnly); err != nil {
			return err
		}
	}
	if err := p.recover(); err != nil {
		return err
	}
	if g.dead.Load() && !readOnly {
		return p.unavailable("open")
	}
	return nil
}

// shut closes the database, whatever state it is in.
func (p *place) shut() (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("pebble: %v", r)
		}
	}()
	db := p.db
	p.db = nil
	if db == nil {
		return nil
	}
	return db.Close()
}

// name reads which store this is, or names a new one.
func (p *place) name() error {
	b, err := get(p.db, []byte{prefixMeta})
	switch {
	case err != nil:
		return err
	case b != nil:
		m, err := parseMeta(b)
		if err != nil {
			return err
		}
		if m.format > format {
			return &chat.Error{Kind: chat.ErrInvalid, Op: "open", Field: "format", Limit: format,
				Err: fmt.Errorf("the store is of format %d, written by a newer version", m.format)}
		}
		p.id = m.id
		return nil
	case !p.writable:
		return errors.New("the store was never finished")
	}
	m := meta{format: format, id: chat.NewID().String()}
	p.id = m.id
	return p.db.Set([]byte{prefixMeta}, m.append(nil), pebble.Sync)
}

// get is a copy of a value, or nil where there is none.
func get(db *pebble.DB, key []byte) ([]byte, error) {
	b, closer, err := db.Get(key)
	if errors.Is(err, pebble.ErrNotFound) {
		return nil, nil
	} else if err != nil {
		return nil, err
	}
	defer closer.Close()
	return append(make([]byte, 0, len(b)), b...), nil
}
