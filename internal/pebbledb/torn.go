package pebbledb

import (
	"encoding/binary"
	"errors"
	"io"

	"github.com/cockroachdb/pebble/v2/record"
	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/wal"
)

// lookForTorn tells whether a crash tore the end of the last log. Pebble cuts it without a
// word.
func (f *Folder) lookForTorn() {
	switch name, at, err := torn(f.opt.FS, f.dir); {
	case err != nil: // Pebble will find it out
		f.warn(err)
	case name != "":
		f.torn.Add(1)
		f.opt.Log.Warn("parlor: "+f.opt.Name+": the end of a log is torn, as a crash leaves what nobody was told to be kept; it is cut",
			"dir", f.dir, "file", name, "offset", at)
	}
}

// torn is the last log, where the record at its end is not whole, and its place; "" where it
// is. Behind the end of a log there may be zeros, or what is left of one that lay there
// before; a record that is torn has the log's own number.
func torn(fs vfs.FS, dir string) (name string, at int64, err error) {
	logs, err := wal.Scan(wal.Dir{FS: fs, Dirname: dir})
	if err != nil || len(logs) == 0 {
		return "", 0, err
	}
	last := logs[len(logs)-1]
	r := last.OpenForRead()
	defer r.Close()
	for {
		rec, offset, err := r.NextRecord()
		if err == nil {
			_, err = io.Copy(io.Discard, rec)
		}
		switch {
		case err == nil:
			continue
		case !errors.Is(err, record.ErrUnexpectedEOF): // its end, or damage, which Pebble names
			return "", 0, nil
		}
		mine, err := own(fs, offset.PhysicalFile, offset.Physical, uint32(last.Num))
		if err != nil || !mine {
			return "", 0, err
		}
		return fs.PathBase(offset.PhysicalFile), offset.Physical, nil
	}
}

// own says whether what lies at a place of a log begins as a record of this log does: a
// checksum, a length, a kind, and the log's number.
func own(fs vfs.FS, name string, at int64, number uint32) (bool, error) {
	f, err := fs.Open(name)
	if err != nil {
		return false, err
	}
	defer f.Close()
	var head [11]byte
	n, err := f.ReadAt(head[:], at)
	if err != nil && !errors.Is(err, io.EOF) {
		return false, err
	}
	if n < len(head) { // cut off within its head
		for _, b := range head[:n] {
			if b != 0 {
				return true, nil
			}
		}
		return false, nil
	}
	return head[6] != 0 && binary.LittleEndian.Uint32(head[7:]) == number, nil
}
