package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"

	"github.com/parlor-chat/parlor/chat/hub"
	"github.com/parlor-chat/parlor/drivers/embedded"
)

// inFolder runs a verb on the archive in a folder.
func (c *command) inFolder(ctx context.Context, w where, do func(*archive) error) error {
	if w.folder == "" {
		return c.wrong("name the folder with -data")
	}
	a, err := newArchive(ctx, w)
	if err != nil {
		return err
	}
	return errors.Join(do(a), a.Close(ctx))
}

// alone is parse for verbs that take a folder and no files.
func (c *command) alone() (where, error) {
	w, err := c.parse()
	if err == nil && len(w.files) > 0 {
		err = c.wrong("this takes no files")
	}
	return w, err
}

// other is parse for verbs that take a folder and another one.
func (c *command) other() (where, error) {
	w, err := c.parse()
	if err == nil && (w.folder == "" || len(w.files) != 1) {
		err = c.wrong("name the folder with -data, and one other")
	}
	return w, err
}

func runStats(ctx context.Context, c *command) error {
	w, err := c.alone()
	if err != nil {
		return err
	}
	return c.inFolder(ctx, w, func(a *archive) error {
		s, err := a.folder.Stats(ctx)
		if err != nil {
			return err
		}
		fmt.Fprintf(c.out, "rooms   %9d   with personal logs\nevents  %9d\nlog     %9.1f MiB on the disk\n", s.Log.Rooms, s.Log.Events, float64(s.Log.Bytes)/(1<<20))
		if s.Log.Last != nil {
			fmt.Fprintf(c.out, "trouble %v\n", s.Log.Last)
		}
		lag, err := a.hub.Admin().Lag(ctx)
		if err != nil {
			return err
		}
		for _, l := range lag {
			if l.Events > 0 {
				fmt.Fprintf(c.out, "behind  %s, by %d events in %d rooms\n", l.Follower, l.Events, l.Rooms)
			}
		}
		return nil
	})
}

func runVerify(ctx context.Context, c *command) error {
	w, err := c.alone()
	if err != nil {
		return err
	}
	return c.inFolder(ctx, w, func(a *archive) error {
		show, done := counter(c.err, "events")
		log, wrong := a.folder.Verify(ctx, show)
		done()
		fmt.Fprintf(c.out, "log    %9d events in %d rooms\n", log.Events, log.Rooms)
		if wrong != nil { // what isn't whole can't be compared
			return wrong
		}
		if err := a.catchUp(ctx); err != nil {
			return err
		}
		show, done = counter(c.err, "messages")
		var index hub.Verified
		differs := patient(ctx, func() (err error) { // an index that was lost is being filled
			index, err = a.hub.Admin().VerifyIndex(ctx, tenant, show)
			return err
		})
		done()
		fmt.Fprintf(c.out, "index  %9d messages in %d rooms\n", index.Messages, index.Rooms)
		if differs == nil {
			fmt.Fprintln(c.out, "verified: nothing is wrong")
		}
		return differs
	})
}

// counter shows how far something is, where a person is looking.
func counter(w io.Writer, what string) (show func(int64), done func()) {
	if !looks(w) {
		return func(int64) {}, func() {}
	}
	return func(n int64) { fmt.Fprintf(w, "\r%d %s", n, what) }, func() { fmt.Fprint(w, "\r\033[K") }
}

func runBackup(ctx context.Context, c *command) error {
	w, err := c.other()
	if err != nil {
		return err
	}
	return c.inFolder(ctx, w, func(a *archive) error {
		if err := a.folder.Backup(ctx, w.files[0]); err != nil {
			return err
		}
		fmt.Fprintf(c.out, "backed up to %s\n", w.files[0])
		return nil
	})
}

func runRestore(ctx context.Context, c *command) error {
	ledger := c.flags.String("ledger", "", "the `folder` that was in use: what was erased there since is erased again")
	w, err := c.other()
	if err != nil {
		return err
	}
	if *ledger == "" {
		if err := embedded.Restore(ctx, w.files[0], w.folder); err != nil {
			return err
		}
	} else if err := c.restoreWith(ctx, w, *ledger); err != nil {
		return err
	}
	fmt.Fprintf(c.out, "restored to %s\n", w.folder)
	return nil
}

// restoreWith restores a folder, and gives it its name only when all is erased again that
// the ledger of another one says was erased.
func (c *command) restoreWith(ctx context.Context, w where, ledger string) error {
	if _, err := os.Lstat(w.folder); err == nil {
		return fmt.Errorf("%s is there already", w.folder)
	}
	was, err := embedded.Open(ctx, ledger, &embedded.Options{Existing: true, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		return fmt.Errorf("%s: %w", ledger, err)
	}
	defer was.Close()
	half := where{folder: w.folder + ".unerased"}
	if err := os.RemoveAll(half.folder); err != nil { // of a restore that failed
		return err
	}
	if err := embedded.Restore(ctx, w.files[0], half.folder); err != nil {
		return err
	}
	if err := c.inFolder(ctx, half, func(a *archive) error {
		n, err := a.hub.Admin().EraseAgain(ctx, was.Set().Directory)
		if err == nil {
			fmt.Fprintf(c.out, "erased again: %d\n", n)
		}
		return err
	}); err != nil {
		return err
	}
	return os.Rename(half.folder, w.folder)
}
