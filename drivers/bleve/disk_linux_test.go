package bleve_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/search"
)

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
