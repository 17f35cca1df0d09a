package baddisk

import (
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"
)

// Faulty is a disk on which some operations fail, from the n-th such on, until it is healed.
type Faulty struct {
	On     func(op errorfs.Op) bool // which
	Err    error                    // what they return
	Once   bool                     // the first alone fails
	Left   atomic.Int64             // how many go well yet
	Failed atomic.Int64             // how many failed
	Healed atomic.Bool
}

// FS is the disk, over another.
func (f *Faulty) FS(on vfs.FS) vfs.FS {
	return errorfs.Wrap(on, errorfs.InjectorFunc(func(op errorfs.Op) error {
		if f.Healed.Load() || !f.On(op) || f.Left.Add(-1) >= 0 {
			return nil
		}
		if f.Failed.Add(1) > 1 && f.Once {
			return nil
		}
		return f.Err
	}))
}

// Ops are operations of these kinds on files whose names begin or end so.
func Ops(file string, kinds ...errorfs.OpKind) func(errorfs.Op) bool {
	return func(op errorfs.Op) bool {
		name := filepath.Base(op.Path)
		return (strings.HasSuffix(name, file) || strings.HasPrefix(name, file)) && slices.Contains(kinds, op.Kind)
	}
}

// Faults are the operations by which a database in a folder called dir changes the disk, by
// what they are.
func Faults(dir string) map[string]func(errorfs.Op) bool {
	return map[string]func(errorfs.Op) bool{
		"writing the log":       Ops(".log", errorfs.OpFileWrite),
		"syncing the log":       Ops(".log", errorfs.OpFileSync, errorfs.OpFileSyncData, errorfs.OpFileSyncTo),
		"a new log":             Ops(".log", errorfs.OpCreate, errorfs.OpReuseForWrite, errorfs.OpRename),
		"writing the manifest":  Ops("MANIFEST", errorfs.OpFileWrite),
		"syncing the manifest":  Ops("MANIFEST", errorfs.OpFileSync, errorfs.OpFileSyncData),
		"writing a table":       Ops(".sst", errorfs.OpFileWrite),
		"a new table":           Ops(".sst", errorfs.OpCreate),
		"syncing a table":       Ops(".sst", errorfs.OpFileSync, errorfs.OpFileSyncData, errorfs.OpFileSyncTo),
		"syncing the directory": Ops(dir, errorfs.OpFileSync),
	}
}
