package disk

import (
	"context"
	"errors"
	"io/fs"

	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/drivers/journal"
)

// Dead opens the folders of dead nodes, for [journal.Options]. It makes none: a folder that
// isn't there is [chat.ErrNotFound] with field "where", one that a process holds is as [Open]
// says.
func Dead(o *Options) func(ctx context.Context, dir string) (journal.Store, func() error, error) {
	return func(ctx context.Context, dir string) (journal.Store, func() error, error) {
		fsys := o.defaults().FS
		if all, err := fsys.List(dir); err != nil || len(all) == 0 {
			if err == nil || errors.Is(err, fs.ErrNotExist) {
				return nil, nil, &chat.Error{Kind: chat.ErrNotFound, Op: "open", Field: "where"}
			}
			return nil, nil, &chat.Error{Kind: chat.ErrUnavailable, Op: "open", Field: "where", Err: err}
		}
		s, err := Open(ctx, dir, o)
		if err != nil {
			return nil, nil, err
		}
		return s, s.Close, nil
	}
}
