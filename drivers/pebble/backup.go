package pebble

import (
	"context"

	"github.com/parlor-chat/parlor/chat"
)

// Backup copies the store to a new folder, as it is at one moment, while others go on
// reading and writing. On the same disk most of the copy are links to the same files, so it
// takes little time and space at first; a copy that is to survive the disk belongs on another
// one. When it returns nil the copy is whole and on the disk, and [Open] opens it; with an
// error it isn't there. The copy is made of what was acknowledged by then, and maybe more.
// What was erased before it is in no page of the copy, but its bytes may be there until
// [Store.Scrub] was called before; an erasure later doesn't reach it.
//
// What lies at dir already is [chat.ErrConflict] with field "dir"; a disk that is full or
// fails [chat.ErrUnavailable]: if it is the copy's, the store is well.
func (s *Store) Backup(ctx context.Context, dir string) error {
	const op = "back up"
	leave, err := s.enter(ctx, op)
	if err != nil {
		return err
	}
	defer leave()
	if dir == "" {
		return &chat.Error{Kind: chat.ErrInvalid, Op: op, Field: "dir"}
	}
	return s.place.Backup(op, dir)
}
