package pebbledb

import (
	"context"
)

// Scrub has the disk forget what was deleted or written over in ranges of keys, from the
// first to before the second of each: when it returns nil, those bytes are in no file of the
// folder any more. It reads and writes all that lies in the ranges; between Enter and leave.
func (f *Folder) Scrub(ctx context.Context, op string, ranges ...[2][]byte) error {
	if !f.Well() {
		return f.Unavailable(op)
	}
	ctx, cancel := context.WithCancel(ctx) // a merge that can't be done is tried for ever
	defer cancel()
	done := make(chan struct{})
	defer close(done)
	go func() {
		select {
		case <-f.guard.died:
			cancel()
		case <-done:
		}
	}()
	// A log that is done with is written over by the next one, but not at once, and not
	// to its end.
	f.guard.fresh.Store(true)
	defer f.guard.fresh.Store(false)
	for range 2 * f.options(f.guard, false).MemTableStopWritesThreshold {
		if err := f.db.Flush(); err != nil {
			return f.Reader(op, err)
		}
	}
	for _, r := range ranges {
		err := f.db.Compact(ctx, r[0], r[1], false)
		switch {
		case f.guard.dead.Load():
			return f.Unavailable(op)
		case ctx.Err() != nil:
			return ctx.Err()
		case err != nil:
			return f.Reader(op, err)
		}
	}
	return nil
}
