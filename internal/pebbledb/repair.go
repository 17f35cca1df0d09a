package pebbledb

import (
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// retry is how long after a failure the store tries again, at first; slowest at most.
const (
	retry   = 2 * time.Second
	slowest = 30 * time.Second
)

// watch looks at the free space each second, and opens the folder again when it failed.
func (f *Folder) watch() {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	wait, next := retry, time.Time{}
	for {
		select {
		case <-f.quit:
			return
		case <-f.broken:
		case <-tick.C:
			f.checkSpace()
		}
		f.gate.RLock()
		well := f.db != nil && f.Well()
		f.gate.RUnlock()
		switch now := time.Now(); {
		case well:
			wait = retry
		case now.After(next):
			f.mend()
			next, wait = now.Add(wait), min(2*wait, slowest)
		}
	}
}

// mend closes the database and opens it again. Who is in a call has left before; nobody
// waits for the disk, for a dead guard answers at once.
func (f *Folder) mend() {
	f.gate.Lock()
	if err := f.shut(); err != nil {
		f.warn(err)
	}
	f.checkSpaceNow()
	if f.opt.Lost != nil {
		f.opt.Lost(f.writable)
	}
	if f.open() == nil && f.writable {
		f.opt.Log.Info("parlor: "+f.opt.Name+" is open again", "dir", f.dir)
	}
	f.gate.Unlock()
	if f.opt.Again != nil {
		f.opt.Again()
	}
}

// ballastFile is given up when the disk is full, so that the store can open.
const ballastFile = "BALLAST"

// checkSpace compares what is free on the disk with the reserve.
func (f *Folder) checkSpace() {
	f.gate.RLock()
	defer f.gate.RUnlock()
	f.checkSpaceNow()
}

// checkSpaceNow is checkSpace with gate held.
func (f *Folder) checkSpaceNow() {
	reserve := uint64(max(f.opt.Reserve, 0))
	usage, err := f.opt.FS.GetDiskUsage(f.dir)
	if err != nil || reserve == 0 { // it can't be known: writes fail when they fail
		f.scarce.Store(false)
		return
	}
	scarce := usage.AvailBytes < reserve
	if f.scarce.Swap(scarce) != scarce && scarce {
		f.Note(errScarce)
	}
	name := f.opt.FS.PathJoin(f.dir, ballastFile)
	_, missing := f.opt.FS.Stat(name)
	switch dead := f.guard == nil || f.guard.dead.Load(); {
	case dead && scarce && missing == nil:
		_ = f.opt.FS.Remove(name)
	case !dead && missing != nil && usage.AvailBytes > 2*reserve:
		_ = ballast(f.opt.FS, name, int64(reserve/4))
	}
}

// ballast makes a file that takes up n bytes.
func ballast(fs vfs.FS, name string, n int64) error {
	f, err := fs.Create(name, vfs.WriteCategoryUnspecified)
	if err != nil {
		return err
	}
	chunk := make([]byte, 1<<20)
	for ; n > 0 && err == nil; n -= int64(len(chunk)) {
		_, err = f.Write(chunk[:min(n, int64(len(chunk)))])
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		_ = fs.Remove(name)
	}
	return err
}
