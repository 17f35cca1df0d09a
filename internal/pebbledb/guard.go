package pebbledb

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// guard lies between Pebble and the disk. At the first failure of something that changes
// the disk it is dead: from then on nothing reaches the disk, which stays as a crash
// would leave it. Pebble, which ends the program when its log or manifest fails, is told
// that they went well; so whoever waits for the disk must ask dead before he believes it.
//
// What fails for tables is told, and Pebble tries again: what it flushes from memory then
// goes to memory, for writers may be waiting for that; what it merges fails until it is
// closed.
//
// What lies elsewhere, a copy that is being made, isn't guarded: its failure is no failure
// of the folder.
type guard struct {
	vfs.FS
	dir    string
	dead   atomic.Bool
	died   chan struct{} // closed when it is dead
	onFail func(error)
	fresh  atomic.Bool // logs are not written over those that are done with
	memory *vfs.MemFS  // of tables, made when it is dead
}

func newGuard(fs vfs.FS, dir string, onFail func(error)) *guard {
	return &guard{FS: fs, dir: dir, died: make(chan struct{}), onFail: onFail, memory: vfs.NewMem()}
}

var errDead = errors.New("the store has failed")

// fail marks the guard dead; the first failure is told.
func (g *guard) fail(err error) {
	if g.dead.CompareAndSwap(false, true) {
		close(g.died)
		g.onFail(err)
	}
}

// table says whether Pebble can live with the failure of a file.
func table(name string) bool {
	switch filepath.Ext(name) {
	case ".sst", ".blob":
		return true
	}
	return false
}

// elsewhere says whether a file lies in another folder.
func (g *guard) elsewhere(name string) bool {
	return name != g.dir && g.PathDir(name) != g.dir
}

// do does something to a file, unless the guard is dead.
func (g *guard) do(name string, change func() error) error {
	if g.elsewhere(name) {
		return change()
	}
	if !g.dead.Load() {
		err := change()
		if err == nil || errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrExist) {
			return err
		}
		g.fail(err)
	}
	if table(name) {
		return errDead
	}
	return nil
}

// open is do for what makes a file.
func (g *guard) open(name string, change func() (vfs.File, error)) (vfs.File, error) {
	if g.elsewhere(name) {
		return change()
	}
	var f vfs.File
	err := g.do(name, func() (err error) {
		f, err = change()
		return err
	})
	if err != nil {
		return nil, err
	}
	if f == nil { // dead: it is written into nothing
		f = vfs.NewMemFile(nil)
	}
	return &guarded{File: f, g: g, name: name}, nil
}

// Create implements vfs.FS.
func (g *guard) Create(name string, c vfs.DiskWriteCategory) (vfs.File, error) {
	if g.dead.Load() && table(name) && strings.Contains(string(c), "flush") {
		if err := g.memory.MkdirAll(g.PathDir(name), 0o700); err != nil {
			return nil, err
		}
		return g.memory.Create(name, c)
	}
	return g.open(name, func() (vfs.File, error) {
		if err := g.settle(name); err != nil {
			return nil, err
		}
		return g.FS.Create(name, c)
	})
}

// settle has what was done in the folder before on the disk, where a marker is made or
// removed: Pebble makes a manifest, then the marker that names it, then removes the one
// before, and syncs the folder only then. A power cut might keep the marker without the
// manifest, or neither marker.
func (g *guard) settle(name string) error {
	if !strings.HasPrefix(g.PathBase(name), "marker.") {
		return nil
	}
	return syncDir(g.FS, g.PathDir(name))
}

// Open implements vfs.FS.
func (g *guard) Open(name string, o ...vfs.OpenOption) (vfs.File, error) {
	if g.dead.Load() {
		if f, err := g.memory.Open(name, o...); err == nil {
			return f, nil
		}
	}
	return g.FS.Open(name, o...)
}

// Stat implements vfs.FS.
func (g *guard) Stat(name string) (vfs.FileInfo, error) {
	if g.dead.Load() {
		if i, err := g.memory.Stat(name); err == nil {
			return i, nil
		}
	}
	return g.FS.Stat(name)
}

// OpenReadWrite implements vfs.FS.
func (g *guard) OpenReadWrite(name string, c vfs.DiskWriteCategory, o ...vfs.OpenOption) (vfs.File, error) {
	return g.open(name, func() (vfs.File, error) { return g.FS.OpenReadWrite(name, c, o...) })
}

// OpenDir implements vfs.FS.
func (g *guard) OpenDir(name string) (vfs.File, error) {
	return g.open(name, func() (vfs.File, error) { return g.FS.OpenDir(name) })
}

// ReuseForWrite implements vfs.FS.
func (g *guard) ReuseForWrite(from, to string, c vfs.DiskWriteCategory) (vfs.File, error) {
	return g.open(to, func() (vfs.File, error) {
		if !g.fresh.Load() {
			return g.FS.ReuseForWrite(from, to, c)
		}
		if err := g.FS.Remove(from); err != nil {
			return nil, err
		}
		return g.FS.Create(to, c)
	})
}

// Link implements vfs.FS. Pebble makes links for copies only, and falls back to copying.
func (g *guard) Link(from, to string) error {
	if g.dead.Load() {
		return errDead
	}
	return g.FS.Link(from, to)
}

// Remove implements vfs.FS.
func (g *guard) Remove(name string) error {
	return g.do(name, func() error {
		if err := g.settle(name); err != nil {
			return err
		}
		return g.FS.Remove(name)
	})
}

// RemoveAll implements vfs.FS.
func (g *guard) RemoveAll(name string) error {
	return g.do(name, func() error { return g.FS.RemoveAll(name) })
}

// Rename implements vfs.FS.
func (g *guard) Rename(from, to string) error {
	return g.do(to, func() error { return g.FS.Rename(from, to) })
}

// MkdirAll implements vfs.FS.
func (g *guard) MkdirAll(dir string, perm os.FileMode) error {
	return g.do(dir, func() error { return g.FS.MkdirAll(dir, perm) })
}

// Unwrap implements vfs.FS.
func (g *guard) Unwrap() vfs.FS { return g.FS }

// guarded is a file that is written.
type guarded struct {
	vfs.File
	g    *guard
	name string
}

// Write implements vfs.File.
func (f *guarded) Write(p []byte) (int, error) {
	err := f.g.do(f.name, func() error {
		_, err := f.File.Write(p)
		return err
	})
	if err != nil {
		return 0, err
	}
	return len(p), nil
}

// WriteAt implements vfs.File.
func (f *guarded) WriteAt(p []byte, at int64) (int, error) {
	err := f.g.do(f.name, func() error {
		_, err := f.File.WriteAt(p, at)
		return err
	})
	if err != nil {
		return 0, err
	}
	return len(p), nil
}

// Preallocate implements vfs.File. Without room ahead a write may still succeed.
func (f *guarded) Preallocate(at, n int64) error {
	if !f.g.dead.Load() {
		_ = f.File.Preallocate(at, n)
	}
	return nil
}

// Sync implements vfs.File.
func (f *guarded) Sync() error { return f.g.do(f.name, f.File.Sync) }

// SyncData implements vfs.File.
func (f *guarded) SyncData() error { return f.g.do(f.name, f.File.SyncData) }

// SyncTo implements vfs.File.
func (f *guarded) SyncTo(n int64) (full bool, err error) {
	err = f.g.do(f.name, func() (err error) {
		full, err = f.File.SyncTo(n)
		return err
	})
	return full, err
}

// Close implements vfs.File. A file that is closed was synced where that matters.
func (f *guarded) Close() error {
	if err := f.File.Close(); err != nil {
		f.g.fail(err)
	}
	return nil
}
