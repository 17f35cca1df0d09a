package bleve_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/drivers/bleve"
	"github.com/parlor-chat/parlor/search"
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
		kept bool // what failed may be on the disk after all
	}{
		{"full", func(d *badDisk, err *error) { d.write.Store(err) }, false, false},
		{"full in the middle of a record", func(d *badDisk, err *error) { d.write.Store(err) }, true, false},
		{"fsync", func(d *badDisk, err *error) { d.sync.Store(err) }, false, true},
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

// A small file system that fills up: writes are refused, nothing that was acknowledged is
// lost, and with room again it goes on.
func TestAFullFileSystem(t *testing.T) {
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=6m"); err != nil {
		t.Skip("NOT RUN: a file system can't be mounted here: ", err)
	}
	defer syscall.Unmount(dir, syscall.MNT_DETACH)
	ballast := filepath.Join(dir, "ballast")
	if err := os.WriteFile(ballast, make([]byte, 3<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	index := filepath.Join(dir, "index")
	st := open(t, index, options())
	n, refused := 0, error(nil)
	apply := func() error {
		seq := chat.Seq(n + 1)
		d := search.Document{
			Position: chat.Position{Room: chat.RoomID{Tenant: "t", Key: "r"}, Seq: seq}, Revision: seq,
			At: time.UnixMilli(int64(n) * 1000), Tokens: []string{"all", fmt.Sprintf("%0100d", n)},
		}
		err := st.Index().Apply(t.Context(), []search.Document{d}, d.Position)
		if err == nil {
			n++
		}
		return err
	}
	for refused == nil && n < 100_000 {
		refused = apply()
	}
	wantUnavailable(t, refused, "disk")
	count := func() int {
		res, err := st.Index().Search(t.Context(), search.Request{Where: search.Term("all"), Scope: everything, Count: 1_000_000})
		if err != nil {
			t.Fatal(err)
		}
		return res.Count
	}
	if got := count(); got != n {
		t.Errorf("on the full disk it counts %d, want %d", got, n)
	}
	if err := os.Remove(ballast); err != nil {
		t.Fatal(err)
	}
	waitFor(t, "it goes on", func() bool { return apply() == nil })
	if err := st.Close(); err != nil {
		t.Fatal(err)
	}
	st = open(t, index, options())
	if got := count(); got != n {
		t.Errorf("afterwards it counts %d, want %d", got, n)
	}
}

// A folder that may be read only is refused, and names why.
func TestReadOnly(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("NOT RUN: root alone can start a process as somebody else")
	}
	folder, err := os.MkdirTemp("/tmp", "parlor")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(folder)
	dir := filepath.Join(folder, "index")
	st := open(t, dir, options())
	fill(t, st.Index(), life(0, 3))
	st.Close()
	if err := filepath.Walk(folder, func(path string, i os.FileInfo, err error) error {
		if i.IsDir() {
			return errors.Join(err, os.Chmod(path, 0o755))
		}
		return errors.Join(err, os.Chmod(path, 0o644))
	}); err != nil {
		t.Fatal(err)
	}
	cmd := command(t, "open", dir)
	exe := filepath.Join(folder, "child") // where the other may read it
	b, err := os.ReadFile(cmd.Path)
	if err := errors.Join(err, os.WriteFile(exe, b, 0o755)); err != nil {
		t.Fatal(err)
	}
	cmd.Path, cmd.Dir = exe, "/"
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	out, err := cmd.CombinedOutput()
	if err == nil || !strings.Contains(string(out), "open: dir: unavailable") || !strings.Contains(string(out), "permission denied") {
		t.Errorf("%q, %v", out, err)
	}
	st = open(t, dir, options())
	if calls, err := holdsWhatItSays(t.Context(), st.Index(), [][]call{life(0, 3)}); err != nil || calls[0] != 3 {
		t.Errorf("afterwards: %v, %v", calls, err)
	}
}
