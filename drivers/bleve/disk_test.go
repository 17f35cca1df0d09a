package bleve_test

import (
	"errors"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/drivers/bleve"
)

// badDisk fails in the ways it is told to.
type badDisk struct {
	write, sync atomic.Pointer[error]
	half        atomic.Bool // of what is written is on the disk, though it fails
}

type badFile struct {
	bleve.File
	disk *badDisk
}

func (d *badDisk) wrap(_ string, f bleve.File) (bleve.File, error) { return &badFile{f, d}, nil }

func (f *badFile) Write(b []byte) (int, error) {
	if err := f.disk.write.Load(); err != nil {
		if f.disk.half.Load() {
			n, _ := f.File.Write(b[:len(b)/2])
			return n, *err
		}
		return 0, *err
	}
	return f.File.Write(b)
}

func (f *badFile) Sync() error {
	if err := f.disk.sync.Load(); err != nil {
		return *err
	}
	return f.File.Sync()
}

// What can't be written to the log is refused, and not there; searches go on; once the disk
// is well again, so is the index. All of it holds after a crash, too.
func TestAFailingDisk(t *testing.T) {
	for _, c := range []struct {
		name string
		fail func(*badDisk, *error)
		half bool
	}{
		{"full", func(d *badDisk, err *error) { d.write.Store(err) }, false},
		{"full in the middle of a record", func(d *badDisk, err *error) { d.write.Store(err) }, true},
		{"fsync", func(d *badDisk, err *error) { d.sync.Store(err) }, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir, disk := t.TempDir(), &badDisk{}
			disk.half.Store(c.half)
			o := options()
			o.Opening(disk.wrap)
			st := open(t, dir, o)
			l := life(0, 30)
			fill(t, st.Index(), l[:10])
			full := error(syscall.ENOSPC)
			c.fail(disk, &full)
			for range 2 {
				err := st.Index().Apply(t.Context(), l[10].docs, l[10].upTo)
				var e *chat.Error
				if !errors.As(err, &e) || e.Kind != chat.ErrUnavailable || e.Field != "disk" || e.Op != "apply" || !errors.Is(err, syscall.ENOSPC) {
					t.Errorf("apply: %v", err)
				}
				if calls, err := holdsWhatItSays(t.Context(), st.Index(), [][]call{l}); err != nil || calls[0] != 10 {
					t.Errorf("meanwhile: %v, %v", calls, err)
				}
			}
			fill(t, open(t, crash(t, dir), options()).Index(), l[:12])
			c.fail(disk, nil)
			fill(t, st.Index(), l[10:20])
			for _, dir := range []string{dir, crash(t, dir)} {
				st.Close()
				st := open(t, dir, options())
				if calls, err := holdsWhatItSays(t.Context(), st.Index(), [][]call{l}); err != nil || calls[0] != 20 {
					t.Errorf("afterwards: %v, %v", calls, err)
				}
				st.Close()
			}
		})
	}
}
