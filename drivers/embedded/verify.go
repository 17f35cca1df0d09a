package embedded

import (
	"context"
	"errors"

	"github.com/parlor-chat/parlor/drivers/pebble"
)

// Verified is what [Store.Verify] read.
type Verified struct {
	Rooms, Events int64
}

// Verify reads the whole log and the whole directory, while others go on, and says what is
// wrong: each thing an error of its own ([chat.ErrIncomplete]), joined. Whether the index
// agrees with the log a hub knows: hub.Admin.VerifyIndex. seen is told, now and then, how many
// events were read; it may be nil.
func (s *Store) Verify(ctx context.Context, seen func(events int64)) (Verified, error) {
	v, err := s.log.Verify(ctx, seen)
	return Verified(v), errors.Join(err, s.directory.Verify(ctx))
}

// Stats is what there is to know of a folder at a glance.
type Stats struct {
	Log pebble.Stats
}

// Stats says how the store is. It costs the same however large it is.
func (s *Store) Stats(ctx context.Context) (Stats, error) {
	log, err := s.log.Stats(ctx)
	return Stats{log}, err
}
