package embedded

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/parlor-chat/parlor/chat"
)

// markerFile says that a store was made in a folder, and how it is laid out. A folder with
// it has a log and a directory; one without it is new, or was never finished.
const (
	markerFile = "FORMAT"
	format     = 1
)

// look says whether there is a store in a folder, and refuses one of which a part is gone.
func look(dir string, existing bool) (known bool, err error) {
	b, err := os.ReadFile(filepath.Join(dir, markerFile))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		if existing {
			return false, &chat.Error{Kind: chat.ErrNotFound, Op: "open", Field: "dir"}
		}
		return false, nil
	case err != nil:
		return false, &chat.Error{Kind: chat.ErrUnavailable, Op: "open", Field: "dir", Err: bare(err)}
	}
	var n int
	if _, err := fmt.Sscanf(string(b), "parlor embedded %d", &n); err != nil || n > format {
		return false, &chat.Error{Kind: chat.ErrInvalid, Op: "open", Field: "format", Limit: format, Err: errors.New("the file " + markerFile + " was written by a newer version, or is damaged")}
	}
	for _, name := range []string{logFolder, directoryFile} {
		if _, err := os.Stat(filepath.Join(dir, name)); errors.Is(err, fs.ErrNotExist) {
			return false, &chat.Error{Kind: chat.ErrIncomplete, Op: "open", Field: "dir", Err: errors.New(name + " is gone: put a backup back")}
		}
	}
	return true, nil
}

// writeMarker marks a folder in which everything was made.
func writeMarker(dir string) error {
	f, err := os.OpenFile(filepath.Join(dir, markerFile), os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err == nil {
		if _, err = fmt.Fprintf(f, "parlor embedded %d\n", format); err == nil {
			err = f.Sync()
		}
		err = errors.Join(err, f.Close())
	}
	if err == nil {
		err = sync(dir)
	}
	if err != nil {
		return &chat.Error{Kind: chat.ErrUnavailable, Op: "open", Field: "dir", Err: bare(err)}
	}
	return nil
}
