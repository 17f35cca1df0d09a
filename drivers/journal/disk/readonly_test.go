//go:build unix

package disk_test

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/drivers/journal/disk"
)

const nobody = 65534

// A folder in which this process may not write isn't opened for writing, and the error says
// why, not who held it once; opened for reading it shows what lies there.
func TestAFolderThatMayNotBeWritten(t *testing.T) {
	if dir := os.Getenv("PARLOR_JOURNAL_READ"); dir != "" {
		_, err := disk.Open(t.Context(), dir, &disk.Options{Log: quiet})
		fmt.Println("writing:", errors.Is(err, chat.ErrUnavailable), errors.Is(err, os.ErrPermission), strings.Contains(err.Error(), "held"))
		s, err := disk.Open(t.Context(), dir, &disk.Options{Log: quiet, ReadOnly: true})
		if err != nil {
			t.Fatal(err)
		}
		fmt.Println("reading:", len(load(t, s)), "records")
		closed(t, s)
		return
	}
	dir := t.TempDir()
	s := open(t, dir, vfs.Default)
	keep(t, s, fresh("a"), fresh("b"))
	closed(t, s)
	files, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if err := os.Chmod(f, 0o444); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Chmod(dir, 0o555); err != nil {
		t.Fatal(err)
	}
	defer os.Chmod(dir, 0o755)
	program := os.Args[0]
	cmd := exec.Command(program, "-test.run=^TestAFolderThatMayNotBeWritten$", "-test.v")
	if os.Geteuid() == 0 { // who may do anything: somebody else looks
		program = filepath.Join(t.TempDir(), "disk.test")
		b, err := os.ReadFile(os.Args[0])
		if err == nil {
			err = os.WriteFile(program, b, 0o755)
		}
		if err != nil {
			t.Fatal(err)
		}
		// Both lie in folders that t made, in one that it made for them.
		for _, d := range []string{filepath.Dir(program), filepath.Dir(dir)} {
			if err := os.Chmod(d, 0o755); err != nil {
				t.Fatal(err)
			}
		}
		cmd = exec.Command(program, "-test.run=^TestAFolderThatMayNotBeWritten$", "-test.v")
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
		cmd.Dir = "/"
	}
	cmd.Env = append(os.Environ(), "PARLOR_JOURNAL_READ="+dir)
	out, err := cmd.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "writing: true true false\n") || !strings.Contains(string(out), "reading: 2 records\n") {
		t.Errorf("%v\n%s", err, out)
	}
}
