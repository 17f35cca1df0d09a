//go:build unix

package sql_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// A file that may be read only is refused at opening, not at the first write.
func TestReadOnly(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("root alone can start a process as somebody else")
	}
	for name, mode := range map[string][2]os.FileMode{"nothing": {0o755, 0o600}, "the folder": {0o777, 0o644}, "the file": {0o755, 0o666}} {
		folder, err := os.MkdirTemp("/tmp", "parlor")
		if err != nil {
			t.Fatal(err)
		}
		defer os.RemoveAll(folder)
		path := filepath.Join(folder, "directory.db")
		if err := errors.Join(open(t, path).Close(), os.Chmod(folder, mode[0]), os.Chmod(path, mode[1])); err != nil {
			t.Fatal(err)
		}
		var out strings.Builder
		cmd := child(t, "open", path, &out)
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
		cmd.Dir = "/"
		if err := cmd.Run(); err == nil {
			t.Errorf("%s may be written: opened", name)
		}
		if !strings.Contains(out.String(), "unavailable: directory.db: ") || !strings.Contains(out.String(), "can't be") {
			t.Errorf("%s may be written: %q", name, out.String())
		}
	}
}
