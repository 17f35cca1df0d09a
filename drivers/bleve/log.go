package bleve

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
)

// The log is what makes an Apply durable, and one step though it touches several months:
// a record is on the disk before Bleve sees anything of it, and Bleve then writes its
// files when it likes. When the index opens, what the months lack is made again from the
// log.
//
// A record is its length, the CRC-32C of its body, and the body (record.go). Files are
// named by the number of their first record, LOG-0000000000000001, and go on where the one
// before ends, also where that one ends in a record that nobody was told of.
const (
	logPrefix = "LOG-"
	logHead   = 8
	logFile   = 8 << 20 // bytes, then the next file is begun
	logRecord = 1 << 30 // bytes of a record, at most; the longest texts make less
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// file is a file that is written to.
type file interface {
	io.Writer
	io.Closer
	Sync() error
	Truncate(size int64) error
}

// disk opens files for writing, and syncs folders; tests give another than the operating
// system's.
type disk struct {
	open func(name string, flag int) (file, error)
	sync func(dir string) error
}

var theDisk = disk{
	open: func(name string, flag int) (file, error) { return os.OpenFile(name, flag, 0o600) },
	sync: syncDir,
}

// log is the end of the log, which is written to.
type log struct {
	dir  string
	disk disk
	f    file // nil: a new one has to be begun
	name string
	size int64
	next uint64 // number of the next record
	buf  []byte
	last int64 // bytes of what was appended last
}

func logName(first uint64) string { return fmt.Sprintf("%s%016x", logPrefix, first) }

var errTooLong = errors.New("a record that is too long")

// append numbers records, writes them and waits for the disk. After an error nothing of
// them counts.
func (l *log) append(records []*record) error {
	if l.f == nil {
		if err := l.roll(); err != nil {
			return err
		}
	}
	l.buf = l.buf[:0]
	for i, r := range records {
		r.lsn = l.next + uint64(i)
		begin := len(l.buf)
		l.buf = append(l.buf, make([]byte, logHead)...)
		l.buf = appendRecord(l.buf, r)
		body := l.buf[begin+logHead:]
		if len(body) > logRecord {
			l.buf = nil
			return errTooLong
		}
		binary.LittleEndian.PutUint32(l.buf[begin:], uint32(len(body)))
		binary.LittleEndian.PutUint32(l.buf[begin+4:], crc32.Checksum(body, castagnoli))
	}
	l.last = int64(len(l.buf))
	_, err := l.f.Write(l.buf)
	if err == nil {
		err = l.f.Sync()
	}
	if cap(l.buf) > 4<<20 {
		l.buf = nil
	}
	if err != nil {
		// What is there of them may be on the disk or not. Perhaps it can be taken back; the
		// next file begins with the same number in any case.
		_ = l.f.Truncate(l.size)
		l.shut()
		return err
	}
	l.size += l.last
	l.next += uint64(len(records))
	return nil
}

// roll begins a file.
func (l *log) roll() error {
	l.shut()
	name := filepath.Join(l.dir, logName(l.next))
	f, err := l.disk.open(name, os.O_CREATE|os.O_TRUNC|os.O_WRONLY)
	if err != nil {
		return err
	}
	if err := l.disk.sync(l.dir); err != nil {
		return errors.Join(err, f.Close())
	}
	l.f, l.name, l.size = f, name, 0
	return nil
}

func (l *log) shut() {
	if l.f != nil {
		_ = l.f.Close()
		l.f = nil
	}
}

// logFiles are the numbers of the first records of all files, rising.
func logFiles(dir string) ([]uint64, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var all []uint64
	for _, e := range entries {
		if hex, ok := strings.CutPrefix(e.Name(), logPrefix); ok {
			n, err := strconv.ParseUint(hex, 16, 64)
			if err != nil || len(hex) != 16 || n == 0 {
				return nil, damaged(e.Name(), errors.New("no name of a log"))
			}
			all = append(all, n)
		}
	}
	slices.Sort(all)
	return all, nil
}

// forget removes the files whose records all lie before one.
func (l *log) forget(first uint64) error {
	files, err := logFiles(l.dir)
	if err != nil {
		return err
	}
	for i, n := range files {
		if i+1 < len(files) && files[i+1] <= first || i+1 == len(files) && l.f == nil && l.next <= first {
			err = errors.Join(err, os.Remove(filepath.Join(l.dir, logName(n))))
		}
	}
	return err
}

// readLog gives each record from one on to do, and returns the number behind the last. In
// each file, a record that isn't whole ends it: that is what a crash leaves of one that
// nobody was told of.
func readLog(dir string, from uint64, do func(*record) error) (next uint64, err error) {
	files, err := logFiles(dir)
	if err != nil {
		return 0, err
	}
	next = from
	for i, first := range files {
		if first > next {
			return 0, damaged(logName(first), fmt.Errorf("records %d to %d are missing before it", next, first-1))
		}
		end := uint64(1<<64 - 1)
		if i+1 < len(files) {
			end = files[i+1]
		}
		if end <= from {
			continue
		}
		b, err := os.ReadFile(filepath.Join(dir, logName(first)))
		if err != nil {
			return 0, err
		}
		for n := first; n < end; n++ {
			if len(b) < logHead {
				break
			}
			size := binary.LittleEndian.Uint32(b)
			if uint64(size) > uint64(len(b)-logHead) || size > logRecord {
				break
			}
			body := b[logHead : logHead+size]
			if crc32.Checksum(body, castagnoli) != binary.LittleEndian.Uint32(b[4:]) {
				break
			}
			b = b[logHead+size:]
			r, err := parseRecord(body)
			if err != nil || r.lsn != n {
				return 0, damaged(logName(first), errBadRecord)
			}
			if n < from {
				continue
			}
			if err := do(r); err != nil {
				return 0, err
			}
			next = n + 1
		}
	}
	return next, nil
}

func syncDir(dir string) error {
	if runtime.GOOS == "windows" {
		return nil // a folder can't be synced there, nor need it be
	}
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// damage is something in the folder that isn't as it was written: a reason to throw the
// index away, for it is made again from the history.
type damage struct {
	file string
	err  error
}

func (d *damage) Error() string { return d.file + " is damaged: " + d.err.Error() }
func (d *damage) Unwrap() error { return d.err }

func damaged(file string, err error) error { return &damage{file, err} }
