package sql

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/parlor-chat/parlor/chat"
)

// Backup copies the database to a new file, as it is at one moment, while others go on
// reading and writing. When it returns nil the copy is on the disk, for its owner alone,
// and is a database like any other; with an error it isn't there. The folder must be
// there. What lies at that path already is ErrConflict, field "where"; a full or failing
// disk ErrUnavailable. A pool given to [With] is the host's to back up:
// [errors.ErrUnsupported].
func (s *Store) Backup(ctx context.Context, where string) error {
	const op = "back up"
	if err := s.ready(ctx, op); err != nil {
		return err
	}
	if !s.own {
		return &chat.Error{Kind: errors.ErrUnsupported, Op: op, Field: "db"}
	}
	if where == "" || strings.Contains(where, "://") {
		return &chat.Error{Kind: chat.ErrInvalid, Op: op, Field: "where"}
	}
	if _, err := os.Lstat(where); err == nil {
		return &chat.Error{Kind: chat.ErrConflict, Op: op, Field: "where"}
	}
	// Under another name until it is whole. What a crash left there is begun anew.
	part := where + ".part"
	err := s.copyTo(ctx, part)
	if err == nil {
		err = moveTo(part, where)
	}
	if rest := os.Remove(part); err == nil && rest != nil && !errors.Is(rest, fs.ErrNotExist) {
		err = rest
	}
	if err == nil {
		err = syncFolder(filepath.Dir(where))
	}
	if err == nil {
		return nil
	}
	if errors.Is(err, fs.ErrExist) {
		return &chat.Error{Kind: chat.ErrConflict, Op: op, Field: "where"}
	}
	var at *fs.PathError
	if errors.As(err, &at) {
		err = at.Err // the whole path is nobody's business
	}
	return s.asError(ctx, op, err)
}

// moveTo gives a file a new name, unless there is one of that name.
func moveTo(part, where string) error {
	err := os.Link(part, where) // unlike a rename, it never replaces a file
	if err == nil || errors.Is(err, fs.ErrExist) {
		return err
	}
	if _, err := os.Lstat(where); err == nil { // a disk without links
		return fs.ErrExist
	}
	return os.Rename(part, where)
}

// copyTo writes a copy to a file, and syncs it.
func (s *Store) copyTo(ctx context.Context, path string) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600) // SQLite takes an empty file
	if err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	if err := s.vacuumInto(ctx, path); err != nil {
		return err
	}
	return syncFile(path, os.O_RDWR)
}

// vacuumInto copies over a connection of the readers, for the writer's would keep all who
// write waiting. A reader may write nothing, not even another file: this one may, and isn't
// used again.
func (s *Store) vacuumInto(ctx context.Context, path string) error {
	c, err := s.reads.Conn(ctx)
	if err != nil {
		return err
	}
	defer c.Close()
	defer c.Raw(func(any) error { return driver.ErrBadConn }) // the pool drops it
	if _, err := c.ExecContext(ctx, "PRAGMA query_only(0)"); err != nil {
		return err
	}
	_, err = c.ExecContext(ctx, "VACUUM INTO ?", path)
	return err
}

// syncFolder has the disk keep which files are in a folder.
func syncFolder(path string) error { return syncFile(path, os.O_RDONLY) }

func syncFile(path string, mode int) error {
	f, err := os.OpenFile(path, mode, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	return f.Sync()
}

// Verify reads the whole database, and returns what is wrong with it: each thing an error
// of its own, joined, ErrIncomplete with field "database". It sees torn and foreign pages,
// indexes that don't agree with their tables, and rows that break a rule of theirs; SQLite
// has no checksums, so a letter that became another inside of a row it doesn't see. It may
// take a second for each gigabyte, and keeps nobody from working meanwhile.
func (s *Store) Verify(ctx context.Context) error {
	const op = "verify"
	if err := s.ready(ctx, op); err != nil {
		return err
	}
	found, err := read(ctx, s, op, func(r row) (what string, err error) { return what, r.Scan(&what) },
		"PRAGMA integrity_check(20)")
	if err != nil {
		return err
	}
	var wrong []error
	for _, what := range found {
		if what != "ok" {
			wrong = append(wrong, &chat.Error{Kind: chat.ErrIncomplete, Op: op, Field: "database", Err: fmt.Errorf("%s: %s", s.name, what)})
		}
	}
	return errors.Join(wrong...)
}
