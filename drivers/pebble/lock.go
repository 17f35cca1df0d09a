package pebble

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/parlor-chat/parlor/chat"
)

// holderFile says who holds the folder: Pebble's own lock file is emptied by each who
// tries.
const holderFile = "HOLDER"

// hold locks the folder for this process, or says who holds it.
func hold(fs vfs.FS, dir string) (*pebble.Lock, error) {
	lock, err := pebble.LockDirectory(dir, fs)
	if err == nil {
		host, _ := os.Hostname()
		who := fmt.Sprintf("pid %d on host %s since %s", os.Getpid(), host, time.Now().UTC().Format(time.RFC3339))
		if err := writeFile(fs, fs.PathJoin(dir, holderFile), who); err != nil {
			return lock, nil // a full disk: the lock holds all the same
		}
		return lock, nil
	}
	who := readFile(fs, fs.PathJoin(dir, holderFile))
	if who == "" {
		return nil, &chat.Error{Kind: chat.ErrUnavailable, Op: "open", Field: "dir", Err: err}
	}
	return nil, &chat.Error{Kind: chat.ErrUnavailable, Op: "open", Field: "dir", Err: errors.New("held by " + who)}
}

func writeFile(fs vfs.FS, name, text string) error {
	f, err := fs.Create(name, vfs.WriteCategoryUnspecified)
	if err != nil {
		return err
	}
	_, err = f.Write([]byte(text))
	if err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}

// readFile is the first line of a small file, or "".
func readFile(fs vfs.FS, name string) string {
	f, err := fs.Open(name)
	if err != nil {
		return ""
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, 64<<10))
	if err != nil {
		return ""
	}
	line, _, _ := strings.Cut(string(b), "\n")
	return line
}
