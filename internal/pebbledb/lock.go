package pebbledb

import (
	"errors"
	"fmt"
	"io"
	iofs "io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/parlor-chat/parlor/chat"
)

// holderFile says who holds the folder: Pebble's own lock file is emptied by each who
// tries.
const holderFile = "HOLDER"

// hold locks the folder for this process, or says who holds it. Who only reads on a disk
// that can't be written needs no lock: nobody can write there.
func hold(fs vfs.FS, dir string, readOnly bool) (*pebble.Lock, error) {
	lock, err := pebble.LockDirectory(dir, fs)
	if err == nil {
		host, _ := os.Hostname()
		who := fmt.Sprintf("pid %d on host %s since %s", os.Getpid(), host, time.Now().UTC().Format(time.RFC3339))
		if err := writeFile(fs, fs.PathJoin(dir, holderFile), who); err != nil {
			return lock, nil // a full disk: the lock holds all the same
		}
		return lock, nil
	}
	var path *iofs.PathError // the file can't be made: whoever wrote his name there may be long gone
	switch {
	case errors.As(err, &path) && readOnly && (errors.Is(err, syscall.EROFS) || errors.Is(err, syscall.EACCES)):
		return pebble.LockDirectory(dir, unlocked{fs})
	case errors.As(err, &path):
	default:
		if who := readFile(fs, fs.PathJoin(dir, holderFile)); who != "" {
			err = errors.New("held by " + who)
		}
	}
	return nil, &chat.Error{Kind: chat.ErrUnavailable, Op: "open", Field: "dir", Err: err}
}

// unlocked is a file system where everybody has every lock.
type unlocked struct{ vfs.FS }

func (unlocked) Lock(string) (io.Closer, error) { return io.NopCloser(nil), nil }

// canonical is the one name of a folder, which is made where it is missing. A process has a
// lock as often as it asks for it: by another name of the folder it could open it twice.
func canonical(fs vfs.FS, dir string, mkdir bool) (string, error) {
	if mkdir {
		if err := fs.MkdirAll(dir, 0o700); err != nil {
			return "", err
		}
	}
	if _, err := fs.Stat(dir); err != nil {
		return "", err
	}
	if vfs.Root(fs) != vfs.Default {
		return dir, nil
	}
	dir, err := filepath.Abs(dir)
	if err != nil {
		return "", err
	}
	return filepath.EvalSymlinks(dir)
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
