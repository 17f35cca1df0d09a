package hub

import (
	"context"
	"errors"

	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/storage"
)

// configureTries is how often a change of settings is made again that others were ahead of.
const configureTries = 10

// Configure changes the room's settings, which an admin may: change is given them as they
// are, and says what they are from now on; an error that it returns is that of Configure, and
// nothing changes. Where somebody else changed them meanwhile, it is called again with what
// they are then. Id, kind, when the room was made and the version stay ([chat.ErrInvalid]
// with the field); [User.Create] says what is refused besides. A room that only the host's
// Access knows has no settings: [errors.ErrUnsupported].
func (r Room) Configure(ctx context.Context, change func(*storage.Room) error) (Info, error) {
	const op = "configure room"
	leave, err := r.h.gate.enter(ctx, op)
	if err != nil {
		return Info{}, err
	}
	defer leave()
	m, err := r.h.standing(ctx, op, r.user, r.id)
	if err != nil {
		return Info{}, err
	}
	if err := r.h.may(ctx, op, m, toConfigure); err != nil {
		return Info{}, err
	}
	if err := r.h.rates.place(ctx, op, r.user, r.id); err != nil {
		return Info{}, err
	}
	if err := r.h.allow(ctx, op, Action{User: r.user, Room: r.id, Verb: VerbConfigure}); err != nil {
		return Info{}, err
	}
	for try := 1; ; try++ {
		is, err := r.h.known.Directory.Room(ctx, r.id) // as it is now, not as it was remembered
		if errors.Is(err, chat.ErrNotFound) {
			return Info{}, unsupported(op, "room")
		}
		if err != nil {
			return Info{}, err
		}
		if is.Password != nil { // which nobody could set here
			return Info{}, unsupported(op, "password")
		}
		next := is
		if err := change(&next); err != nil {
			return Info{}, err
		}
		if err := sameRoom(op, is, next); err != nil {
			return Info{}, err
		}
		is, err = r.h.putRoom(ctx, op, next)
		if err == nil {
			return info(is, m), nil
		}
		var known *chat.Error
		if !errors.As(err, &known) || known.Field != "version" || try == configureTries {
			return Info{}, err
		}
	}
}

// sameRoom refuses what would make another room of it; the directory refuses the rest.
func sameRoom(op string, is, next storage.Room) error {
	for _, f := range []struct {
		name string
		same bool
	}{
		{"id", next.ID == is.ID},
		{"version", next.Version == is.Version},
		// For who asks by address would learn that it exists.
		{"address", next.Kind == storage.Public || next.Address == is.Address},
	} {
		if !f.same {
			return &chat.Error{Kind: chat.ErrInvalid, Op: op, Field: f.name}
		}
	}
	return nil
}
