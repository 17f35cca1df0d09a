package embedded

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/parlor-chat/parlor/chat"
)

// Backup copies the folder to a new one, while others go on reading and writing. On the
// same disk most of the copy are links to the same files: a copy that is to survive the
// disk belongs on another one. The directory is copied first, so nothing in it tells of
// what the log doesn't have. The index is left out, for it is made again of the log. When
// Backup returns nil the copy is whole and on the disk; with an error it isn't there.
//
// A copy is opened as it is, or made a folder of its own by [Restore]. What lies at dir
// already is [chat.ErrConflict] with field "dir"; a place in the folder itself
// [chat.ErrInvalid]; a full or failing disk [chat.ErrUnavailable].
func (s *Store) Backup(ctx context.Context, dir string) error {
	const op = "back up"
	if within(dir, s.dir) {
		return &chat.Error{Kind: chat.ErrInvalid, Op: op, Field: "dir", Err: errors.New("it lies in the folder that is copied")}
	}
	return whole(op, dir, func(part string) error {
		if err := writeMarker(part); err != nil {
			return err
		}
		if err := s.directory.Backup(ctx, filepath.Join(part, directoryFile)); err != nil {
			return err
		}
		return s.log.Backup(ctx, filepath.Join(part, logFolder))
	})
}

// within says whether a folder, which need not be there, is another one or lies in it.
func within(dir, other string) bool {
	o, err := os.Stat(other)
	if err != nil {
		return false
	}
	at, err := filepath.Abs(dir)
	if err != nil {
		return false
	}
	if folder, err := filepath.EvalSymlinks(filepath.Dir(at)); err == nil {
		at = filepath.Join(folder, filepath.Base(at))
	}
	for ; ; at = filepath.Dir(at) {
		if here, err := os.Stat(at); err == nil && os.SameFile(here, o) {
			return true
		}
		if at == filepath.Dir(at) {
			return false
		}
	}
}

// Restore makes a new folder at to of a copy at from, which stays as it is. What lies at to
// already is [chat.ErrConflict] with field "dir": a folder that is to be replaced is moved
// away before. What is no copy, or a folder that somebody has open, is [chat.ErrInvalid]
// with field "from".
//
// What came behind the copy isn't there any more, and its positions are given to what
// comes now: clients that were ahead are told that their place has expired. What was erased
// since must be erased again, out of the ledger that was in use: hub.Admin.EraseAgain.
func Restore(ctx context.Context, from, to string) error {
	const op = "restore"
	for _, name := range []string{logFolder, directoryFile} {
		if _, err := os.Stat(filepath.Join(from, name)); err != nil {
			return &chat.Error{Kind: chat.ErrInvalid, Op: op, Field: "from", Err: errors.New("there is no " + name + " in it")}
		}
	}
	if _, err := os.Stat(filepath.Join(from, logFolder, "SEAL")); err != nil { // a copy of what moves is torn
		return &chat.Error{Kind: chat.ErrInvalid, Op: op, Field: "from", Err: errors.New("it is in use, or was not closed in order")}
	}
	return whole(op, to, func(part string) error { return copyTree(ctx, from, part) })
}

// whole makes a folder that is there whole or not at all: under another name until fill
// returns.
func whole(op, dir string, fill func(part string) error) error {
	if dir == "" {
		return &chat.Error{Kind: chat.ErrInvalid, Op: op, Field: "dir"}
	}
	if _, err := os.Lstat(dir); err == nil {
		return &chat.Error{Kind: chat.ErrConflict, Op: op, Field: "dir"}
	}
	part := filepath.Clean(dir) + ".part"
	err := os.RemoveAll(part) // of a crash
	if err == nil {
		err = os.MkdirAll(part, 0o700)
	}
	if err == nil {
		err = fill(part)
	}
	if err == nil {
		err = sync(part)
	}
	if err == nil {
		err = os.Rename(part, dir)
	}
	if err == nil {
		return sync(filepath.Dir(filepath.Clean(dir)))
	}
	err = errors.Join(err, bare(os.RemoveAll(part)))
	if known := (*chat.Error)(nil); errors.As(err, &known) {
		return err
	}
	return &chat.Error{Kind: chat.ErrUnavailable, Op: op, Field: "dir", Err: bare(err)}
}

// copyTree copies the files of a folder, and the folders in it, onto the disk.
func copyTree(ctx context.Context, from, to string) error {
	var folders []string
	err := filepath.WalkDir(from, func(path string, d fs.DirEntry, err error) error {
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			return err
		}
		name, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		switch at := filepath.Join(to, name); {
		case d.IsDir() && name == indexFolder: // it is made again
			return fs.SkipDir
		case d.IsDir():
			folders = append(folders, at)
			return os.MkdirAll(at, 0o700)
		default:
			return copyFile(path, at)
		}
	})
	for i := len(folders) - 1; i >= 0 && err == nil; i-- { // what is in them is there now
		err = sync(folders[i])
	}
	return err
}

func copyFile(from, to string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	if _, err = io.Copy(out, in); err == nil {
		err = out.Sync()
	}
	return errors.Join(err, out.Close())
}

// sync has the disk keep which files are in a folder.
func sync(folder string) error {
	f, err := os.Open(folder)
	if err != nil {
		return err
	}
	defer f.Close()
	return f.Sync()
}
