// Package baddisk has the disks that drivers on Pebble are tested with: slow ones, and ones that
// fail at what they are told to. What forgets what wasn't synced is Pebble's own
// (vfs.NewCrashableMem).
package baddisk

import (
	"math/rand/v2"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// Slow is a disk whose syncs take a while, up to Most, so that much is under way when the
// power is cut.
type Slow struct {
	vfs.FS
	Most time.Duration
}

// Create implements vfs.FS.
func (s Slow) Create(name string, c vfs.DiskWriteCategory) (vfs.File, error) {
	f, err := s.FS.Create(name, c)
	return slowFile{f, s.Most}, err
}

// ReuseForWrite implements vfs.FS.
func (s Slow) ReuseForWrite(from, to string, c vfs.DiskWriteCategory) (vfs.File, error) {
	f, err := s.FS.ReuseForWrite(from, to, c)
	return slowFile{f, s.Most}, err
}

type slowFile struct {
	vfs.File
	most time.Duration
}

func (f slowFile) wait()           { time.Sleep(rand.N(f.most)) }
func (f slowFile) Sync() error     { f.wait(); return f.File.Sync() }
func (f slowFile) SyncData() error { f.wait(); return f.File.SyncData() }
func (f slowFile) SyncTo(n int64) (bool, error) {
	f.wait()
	return f.File.SyncTo(n)
}
