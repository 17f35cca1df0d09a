package pebbledb

import (
	"errors"
	"fmt"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/bloom"

	"github.com/parlor-chat/parlor/chat"
)

// logger hands on what Pebble says.
type logger struct {
	f *Folder
	g *guard
}

func (l logger) Infof(string, ...any) {}
func (l logger) Errorf(format string, args ...any) {
	l.f.warn(fmt.Sprintf(format, args...))
}

// Fatalf fails the folder. Pebble goes on as if all were well, for the guard lets nothing
// through any more.
func (l logger) Fatalf(format string, args ...any) {
	l.g.fail(fmt.Errorf(format, args...))
}

func (f *Folder) warn(says any) {
	f.opt.Log.Warn("parlor: "+f.opt.Name, "dir", f.dir, "says", says)
}

func (f *Folder) options(g *guard, readOnly bool) *pebble.Options {
	o := &pebble.Options{
		FS: g, Lock: f.lock, Logger: logger{f, g}, Cache: f.cache, ReadOnly: readOnly,
		FormatMajorVersion:          pebble.FormatNewest,
		MemTableSize:                64 << 20,
		MemTableStopWritesThreshold: 4,
		L0CompactionThreshold:       4,
		L0StopWritesThreshold:       40,
	}
	o.EventListener = &pebble.EventListener{
		DataCorruption: func(i pebble.DataCorruptionInfo) { f.Note(errors.New(i.String())) },
	}
	for i := range o.Levels {
		o.Levels[i].FilterPolicy = bloom.FilterPolicy(10)
	}
	if f.opt.Tune != nil {
		f.opt.Tune(o)
	}
	return o
}

// open opens the database for writing, or where that can't be done for reading; with gate
// held, or before anybody knows the folder.
func (f *Folder) open() (err error) {
	if !f.opt.ReadOnly {
		if err = f.start(newGuard(f.opt.FS, f.dir, f.failed), false); err == nil {
			return nil
		}
	}
	dead := newGuard(f.opt.FS, f.dir, func(error) {})
	dead.dead.Store(true)
	switch reading := f.start(dead, true); {
	case f.opt.ReadOnly && reading == nil:
		return nil
	case f.opt.ReadOnly:
		err = reading
	case reading == nil:
		f.Note(fmt.Errorf("open for reading only: %w", err))
		return nil
	}
	f.Note(err)
	return err
}

func (f *Folder) start(g *guard, readOnly bool) (err error) {
	defer func() { // Pebble panics where it can't go on
		if r := recover(); r != nil {
			err = fmt.Errorf("pebble: %v", r)
		}
		if err != nil {
			if shut := f.shut(); shut != nil {
				f.warn(shut)
			}
			if k := (*chat.Error)(nil); !errors.As(err, &k) {
				err = &chat.Error{Kind: chat.ErrUnavailable, Op: "open", Field: "dir", Err: f.Explained(err)}
			}
		}
	}()
	f.guard, f.writable = g, !readOnly
	if err := unseal(f.opt.FS, f.dir, !readOnly); err != nil {
		return err
	}
	if err := f.lookAtTail(); err != nil {
		if !f.opt.ReadOnly { // else whoever looks is told, and sees what lies before it
			return err
		}
		f.Note(err)
	}
	if f.db, err = pebble.Open(f.dir, f.options(g, readOnly)); err != nil {
		f.db = nil
		return err
	}
	if err := f.name(); err != nil {
		return err
	}
	if err := f.opt.Start(f.db, !readOnly); err != nil {
		return err
	}
	if g.dead.Load() && !readOnly {
		return f.Unavailable("open")
	}
	return nil
}

// shut closes the database, whatever state it is in.
func (f *Folder) shut() (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("pebble: %v", r)
		}
	}()
	db := f.db
	f.db = nil
	if db == nil {
		return nil
	}
	return db.Close()
}
