package pebbledb

import (
	"bytes"
	"errors"
	"fmt"
	iofs "io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"
	"go.uber.org/goleak"

	"github.com/parlor-chat/parlor/chat"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func options(fs vfs.FS, log *slog.Logger) Options {
	return Options{Name: "test", Format: 1, Now: time.Now, Log: log, FS: fs, Cache: 1 << 20, Start: func(*pebble.DB, bool) error { return nil }}
}

var quiet = slog.New(slog.DiscardHandler)

func open(t *testing.T, fs vfs.FS, dir string) *Folder {
	t.Helper()
	f, err := Open(dir, options(fs, quiet))
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func set(t *testing.T, f *Folder, key string) {
	t.Helper()
	if err := f.DB().Set([]byte(key), bytes.Repeat([]byte(key), 100), pebble.Sync); err != nil || !f.Well() {
		t.Fatal(err)
	}
}

// killed is what a process leaves that is killed now.
func killed(t *testing.T, dir string) string {
	t.Helper()
	left := t.TempDir()
	if err := os.CopyFS(left, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	return left
}

// newestLog is the log that was written last.
func newestLog(t *testing.T, dir string) string {
	t.Helper()
	logs, _ := filepath.Glob(filepath.Join(dir, "*.log"))
	slices.Sort(logs)
	if len(logs) == 0 {
		t.Fatal("there is no log")
	}
	return logs[len(logs)-1]
}

// The end of a log that a crash tore is cut, told and counted; an end that is whole isn't
// taken for torn, whatever lies behind it.
func TestATornEnd(t *testing.T) {
	dir := t.TempDir()
	f := open(t, vfs.Default, dir)
	defer f.Close()
	for i := range 10 { // logs that are done with are written over
		set(t, f, fmt.Sprint("a long time ago ", i))
		if err := f.DB().Flush(); err != nil {
			t.Fatal(err)
		}
	}
	set(t, f, "kept")
	whole := killed(t, dir)
	set(t, f, "torn")
	torn := killed(t, dir)
	name := newestLog(t, torn)
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	at := bytes.LastIndex(b, []byte("torntorn"))
	if at < 0 {
		t.Fatal("the record isn't in the log")
	}
	for what, left := range map[string][]byte{
		"cut off": b[:at-20], "zeros": append(slices.Clone(b[:at-20]), make([]byte, len(b)-at+20)...), "cut off in its head": b[:bytes.Index(b, []byte("torntorn"))-34],
	} {
		if err := os.WriteFile(name, left, 0o600); err != nil {
			t.Fatal(err)
		}
		var said bytes.Buffer
		g, err := Open(killed(t, torn), options(vfs.Default, slog.New(slog.NewTextHandler(&said, nil))))
		if err != nil {
			t.Fatal(what, err)
		}
		if n := g.Torn(); n != 1 || !strings.Contains(said.String(), "file="+filepath.Base(name)) {
			t.Errorf("%s: %d torn ends, and the log says %q", what, n, said.String())
		}
		if b, err := Get(g.DB(), []byte("kept")); err != nil || b == nil {
			t.Errorf("%s: what was kept: %q, %v", what, b, err)
		}
		if err := g.Close(); err != nil {
			t.Error(err)
		}
	}
	g := open(t, vfs.Default, whole)
	if n := g.Torn(); n != 0 {
		t.Errorf("%d torn ends, though all are whole", n)
	}
	if err := g.Close(); err != nil {
		t.Error(err)
	}
}

// A folder is open once in a process, whatever it is called.
func TestOneFolderUnderTwoNames(t *testing.T) {
	dir := t.TempDir()
	f := open(t, vfs.Default, filepath.Join(dir, "store"))
	if err := os.Symlink("store", filepath.Join(dir, "link")); err != nil {
		t.Fatal(err)
	}
	t.Chdir(dir)
	for _, name := range []string{"store", "link", "./store/../store", filepath.Join(dir, "link")} {
		if g, err := Open(name, options(vfs.Default, quiet)); !errors.Is(err, chat.ErrUnavailable) || !strings.Contains(err.Error(), fmt.Sprint("held by pid ", os.Getpid())) {
			t.Errorf("%s: %v, want %v", name, err, chat.ErrUnavailable)
			if err == nil {
				g.Close()
			}
		}
	}
	if err := f.Close(); err != nil {
		t.Error(err)
	}
	g := open(t, vfs.Default, filepath.Join(dir, "link"))
	if err := g.Close(); err != nil {
		t.Error(err)
	}
}

// mounted is a file system that is mounted for reading.
type mounted struct {
	vfs.FS
	tries []string
}

func readOnly(on vfs.FS) *mounted {
	m := new(mounted)
	m.FS = errorfs.Wrap(on, errorfs.InjectorFunc(func(op errorfs.Op) error {
		if op.Kind.ReadOrWrite() == errorfs.OpIsWrite && op.Kind != errorfs.OpMkdirAll { // which finds that the folder is there
			m.tries = append(m.tries, op.Path)
			return &iofs.PathError{Op: "open", Path: op.Path, Err: syscall.EROFS}
		}
		return nil
	}))
	return m
}

// On a disk that is mounted for reading the error says so, though somebody's name was left
// there; opened for reading all is read, also what lies in the log, and nothing is tried to
// be written.
func TestADiskForReading(t *testing.T) {
	disk := vfs.NewCrashableMem()
	f := open(t, disk, "store")
	set(t, f, "kept")
	left := disk.CrashClone(vfs.CrashCloneCfg{})
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	if err := writeFile(left, left.PathJoin("store", holderFile), "pid 1 on host dead"); err != nil {
		t.Fatal(err)
	}
	_, err := Open("store", options(readOnly(left), quiet))
	if !errors.Is(err, chat.ErrUnavailable) || !errors.Is(err, syscall.EROFS) || strings.Contains(err.Error(), "held") {
		t.Errorf("for writing: %v", err)
	}
	o, m := options(left, quiet), readOnly(left)
	o.FS, o.ReadOnly = m, true
	g, err := Open("store", o)
	if err != nil {
		t.Fatal(err)
	}
	if b, err := Get(g.DB(), []byte("kept")); err != nil || b == nil {
		t.Errorf("what was kept: %q, %v", b, err)
	}
	if err := g.CanWrite("send"); !errors.Is(err, chat.ErrUnavailable) {
		t.Errorf("writing: %v", err)
	}
	if err := g.Close(); err != nil {
		t.Error(err)
	}
	m.tries = slices.DeleteFunc(m.tries, func(name string) bool { return filepath.Base(name) == "LOCK" })
	if len(m.tries) > 0 {
		t.Errorf("it tried to write %q", m.tries)
	}
	if _, err := Open("nowhere", o); !errors.Is(err, iofs.ErrNotExist) {
		t.Errorf("a folder that isn't there: %v", err)
	}
}
