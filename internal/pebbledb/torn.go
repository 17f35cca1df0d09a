package pebbledb

import (
	"errors"
	"fmt"
	"io"

	"github.com/cockroachdb/pebble/v2/batchrepr"
	"github.com/cockroachdb/pebble/v2/record"
	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/wal"
)

// lookAtTail looks whether a crash tore the end of the last log, which Pebble cuts without a
// word, and tells it. Where what doesn't read was on the disk before what lies behind it was
// written ([Folder.Mark]), no crash did that, and it is an error. (Pebble looks for that too,
// but not within a block of 32 KiB, and what it goes by counts less than was synced.)
func (f *Folder) lookAtTail() error {
	t, err := lookAtTail(f.opt.FS, f.dir)
	if err != nil || t.file == "" {
		return err
	}
	if t.damaged {
		return fmt.Errorf("%w, at byte %d: what lies behind it had been kept", Damaged(t.file), t.at)
	}
	f.torn.Add(1)
	f.opt.Log.Warn("parlor: "+f.opt.Name+": the end of a log is torn, as a crash leaves what nobody was told to be kept; it is cut",
		"dir", f.dir, "file", t.file, "offset", t.at)
	return nil
}

// tail is what doesn't read at the end of a log.
type tail struct {
	file    string // "" if all does
	at      int64
	damaged bool // it was on the disk once
}

// lookAtTail looks at the last log. Behind its end there may be zeros, or what is left of one
// that lay there before, with another number.
func lookAtTail(fs vfs.FS, dir string) (t tail, err error) {
	logs, err := wal.Scan(wal.Dir{FS: fs, Dirname: dir})
	if err != nil || len(logs) == 0 {
		return t, err
	}
	last := logs[len(logs)-1]
	r := last.OpenForRead()
	defer r.Close()
	next := uint64(0) // the number of the batch behind the last that reads
	for {
		rec, offset, err := r.NextRecord()
		var head [batchrepr.HeaderLen]byte
		if err == nil {
			_, err = io.ReadFull(rec, head[:])
		}
		if err == nil {
			h, _ := batchrepr.ReadHeader(head[:])
			next = uint64(h.SeqNum) + uint64(h.Count)
			continue
		}
		if !errors.Is(err, record.ErrUnexpectedEOF) { // its end, or damage that Pebble sees
			return t, nil
		}
		f, err := fs.Open(offset.PhysicalFile)
		if err != nil {
			return t, err
		}
		defer f.Close()
		l := blocks{f: f, number: uint32(last.Num)}
		if t.at, err = l.end(offset.Physical); err != nil {
			return t, err
		}
		first, synced, err := l.behind(t.at)
		t.damaged = first > 0 && synced >= first || next > 0 && synced >= next
		if t.damaged || err == nil && l.begun(t.at) {
			t.file = fs.PathBase(offset.PhysicalFile)
		}
		return t, err
	}
}
