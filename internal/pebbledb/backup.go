package pebbledb

import (
	"errors"
	iofs "io/fs"

	"github.com/cockroachdb/pebble/v2"

	"github.com/parlor-chat/parlor/chat"
)

// Backup copies the database to a new folder, as it is at one moment, while others go on
// reading and writing; between Enter and leave. On the same disk most of it are links. When it
// returns nil the copy is on the disk, whole and sealed; with an error it isn't there. What
// lies at that name is ErrConflict with field "dir". That the copy fails is no failure of
// the folder.
func (f *Folder) Backup(op, dir string) error {
	fs := f.opt.FS
	_, err := fs.Stat(dir)
	switch {
	case err == nil:
		return &chat.Error{Kind: chat.ErrConflict, Op: op, Field: "dir"}
	case !errors.Is(err, iofs.ErrNotExist):
		return &chat.Error{Kind: chat.ErrUnavailable, Op: op, Field: "dir", Err: err}
	case dir == f.dir || fs.PathDir(dir) == f.dir:
		return &chat.Error{Kind: chat.ErrInvalid, Op: op, Field: "dir", Err: errors.New("it is inside of what is copied")}
	}
	// Under another name until it is whole. What a crash left there is begun anew.
	part := dir + ".part"
	err = fs.RemoveAll(part)
	if err == nil {
		err = f.db.Checkpoint(part, pebble.WithFlushedWAL())
	}
	if err == nil && !f.Well() { // nobody knows whether what was written last is in it
		err = f.Unavailable(op)
	}
	if err == nil {
		err = seal(fs, part)
	}
	if err == nil {
		err = syncDir(fs, part)
	}
	if err == nil {
		err = fs.Rename(part, dir)
	}
	if err != nil {
		err = errors.Join(err, fs.RemoveAll(part))
	} else {
		err = syncDir(fs, fs.PathDir(dir))
	}
	if known := (*chat.Error)(nil); err == nil || errors.As(err, &known) {
		return err
	}
	return &chat.Error{Kind: chat.ErrUnavailable, Op: op, Field: "dir", Err: err}
}
