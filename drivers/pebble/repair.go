package pebble

import (
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// retry is how long after a failure the store tries again, at first; slowest at most.
const (
	retry   = 2 * time.Second
	slowest = 30 * time.Second
)

// watch looks at the free space each second, and opens the store again when it failed.
func (p *place) watch() {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	wait, next := retry, time.Time{}
	for {
		select {
		case <-p.quit:
			return
		case <-p.broken:
		case <-tick.C:
			p.checkSpace()
		}
		p.gate.RLock()
		well := p.writable && p.db != nil && !p.guard.dead.Load()
		p.gate.RUnlock()
		switch now := time.Now(); {
		case well:
			wait = retry
		case now.After(next):
			p.mend()
			next, wait = now.Add(wait), min(2*wait, slowest)
		}
	}
}

// mend closes the database and opens it again. Who is in a call has left before; nobody
// waits for the disk, for a dead guard answers at once.
func (p *place) mend() {
	p.gate.Lock()
	if err := p.shut(); err != nil {
		p.opt.Log.Warn("parlor: pebble", "dir", p.dir, "says", err)
	}
	p.checkSpaceNow()
	for i := range p.shards {
		p.shards[i].lose()
	}
	p.behind.Store(0)
	if p.open() == nil && p.writable {
		p.opt.Log.Info("parlor: pebble is open again", "dir", p.dir)
	}
	p.gate.Unlock()
	p.nodes.wakeAll() // something may have become durable
	p.wakeIndex()
}

// ballastFile is given up when the disk is full, so that the store can open.
const ballastFile = "BALLAST"

// checkSpace compares what is free on the disk with the reserve.
func (p *place) checkSpace() {
	p.gate.RLock()
	defer p.gate.RUnlock()
	p.checkSpaceNow()
}

// checkSpaceNow is checkSpace with gate held.
func (p *place) checkSpaceNow() {
	reserve := uint64(max(p.opt.Reserve, 0))
	usage, err := p.opt.FS.GetDiskUsage(p.dir)
	if err != nil || reserve == 0 { // it can't be known: writes fail when they fail
		p.scarce.Store(false)
		return
	}
	scarce := usage.AvailBytes < reserve
	if p.scarce.Swap(scarce) != scarce && scarce {
		p.note(errScarce)
	}
	name := p.opt.FS.PathJoin(p.dir, ballastFile)
	_, missing := p.opt.FS.Stat(name)
	switch dead := p.guard == nil || p.guard.dead.Load(); {
	case dead && scarce && missing == nil:
		_ = p.opt.FS.Remove(name)
	case !dead && missing != nil && usage.AvailBytes > 2*reserve:
		_ = ballast(p.opt.FS, name, int64(reserve/4))
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
