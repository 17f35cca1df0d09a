package hub

import (
	"context"
	"errors"
	"log/slog"

	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/storage"
)

// Admin is a hub in the hands of an operator. What it does is past permission and
// policy, and always logged.
type Admin struct {
	h  *Hub
	by string // who it is, for the ledger
}

// enter lets an operator's call in, and logs it.
func (a Admin) enter(ctx context.Context, op string, attrs ...any) (leave func(), err error) {
	leave, err = a.h.gate.enter(ctx, op)
	if a.by != "" {
		attrs = append(attrs, "by", a.by)
	}
	if err == nil {
		a.h.log.Log(ctx, slog.LevelInfo, "parlor: admin: "+op, attrs...)
	}
	return leave, err
}

// Create makes a room of any kind but direct and personal, under a key of the
// host's choice, with an address if it has one. It has no members yet. A room
// that is there already is [chat.ErrConflict].
func (a Admin) Create(ctx context.Context, r storage.Room) error {
	const op = "create room"
	leave, err := a.enter(ctx, op, "room", r.ID)
	if err != nil {
		return err
	}
	defer leave()
	if r.Kind != storage.Public && r.Kind != storage.Private {
		return &chat.Error{Kind: chat.ErrInvalid, Op: op, Field: "kind"}
	}
	if r.ID.Key != "" && r.ID.Key[0] == '~' { // the server's own
		return &chat.Error{Kind: chat.ErrInvalid, Op: op, Field: "id.key"}
	}
	_, err = a.h.putRoom(ctx, op, r)
	return err
}

// SetMember gives somebody a role in a room. The event has no sender.
func (a Admin) SetMember(ctx context.Context, room chat.RoomID, u chat.UserID, role chat.Role, reason string) error {
	const op = "set member"
	leave, err := a.enter(ctx, op, "room", room, "user", u, "role", role)
	if err != nil {
		return err
	}
	defer leave()
	row, err := a.h.memberRow(ctx, room, u)
	switch {
	case err != nil:
		return err
	case row.Role == role:
		return a.h.finish(ctx, op, room, u, u)
	}
	return a.h.setMember(ctx, op, change{room: room, by: u, user: u, role: role, reason: reason})
}

// PutUser stores what people are called: all of them, at most [chat.MaxBatch], or with an
// error none.
func (a Admin) PutUser(ctx context.Context, people ...storage.User) error {
	leave, err := a.enter(ctx, "put user", "users", len(people))
	if err != nil {
		return err
	}
	defer leave()
	return a.h.set.Directory.PutUser(ctx, people...)
}

// Erase empties a text and all its edits, everywhere: at once for readers, in the
// archive and the index when the follower has come by. Erasing again changes
// nothing. id may be that of a text that was retracted.
//
// It is entered into the directory's ledger before it is done, so that a backup that is
// put back is erased again. What is held there isn't erased: ErrForbidden with field
// "hold", which names the hold. A hold that comes later doesn't stop it.
func (a Admin) Erase(ctx context.Context, room chat.RoomID, id chat.EventID, why string) (chat.Receipt, error) {
	const op = "erase"
	leave, err := a.enter(ctx, op, "room", room, "event", id)
	if err != nil {
		return chat.Receipt{}, err
	}
	defer leave()
	erase, of, err := a.h.erasure(ctx, op, room, id, why)
	if err != nil {
		return chat.Receipt{}, err
	}
	_, err = a.enters(ctx, storage.LedgerEntry{ID: erase.ID, Act: storage.Erased, Of: of, Why: why})
	var known *chat.Error
	if errors.As(err, &known) && known.Kind == chat.ErrConflict && known.Field == "id" {
		err = nil // entered before, at another time
	}
	if err != nil {
		return chat.Receipt{}, err
	}
	return a.h.publish(ctx, erase)
}

// erasure is the event that erases a text, of which id names it or a change of it, and what
// the ledger calls it.
func (h *Hub) erasure(ctx context.Context, op string, room chat.RoomID, id chat.EventID, why string) (chat.Event, storage.Subject, error) {
	e, _, err := h.find(ctx, room, id)
	if err == nil && e.Changes() {
		e, _, err = h.find(ctx, room, e.Target)
	}
	if errors.Is(err, chat.ErrNotFound) || err == nil && !e.IsText() {
		return chat.Event{}, storage.Subject{}, &chat.Error{Kind: chat.ErrNotFound, Op: op, Field: "id"}
	}
	if err != nil {
		return chat.Event{}, storage.Subject{}, err
	}
	erase := erasing(&e, why)
	return erase, storage.Subject{Tenant: room.Tenant, Room: room.Key, User: e.Sender.Key, Event: e.ID}, erase.Check(op)
}

// erase empties in the archive what an Erase event names: a text and its edits.
func (h *Hub) erase(ctx context.Context, e *chat.Event) error {
	page, err := h.set.History.Lookup(ctx, []storage.Ref{{Room: e.Room, ID: e.Target}})
	if err != nil || len(page.Events) == 0 { // pruned: nothing is left to erase
		return err
	}
	at := []chat.Position{page.Events[0].Position()}
	for i := range page.Changes {
		if page.Changes[i].Kind() == chat.KindEdit {
			at = append(at, page.Changes[i].Position())
		}
	}
	for len(at) > 0 {
		n := min(len(at), chat.MaxBatch)
		if err := h.set.History.Erase(ctx, at[:n]); err != nil {
			return err
		}
		at = at[n:]
	}
	return nil
}

// CatchUp waits until everything that was placed before is archived, found by
// searches, and in personal logs, whichever node sees to it. An index that is being filled
// again, because it was lost, is waited for, too, once this node knows of it.
func (a Admin) CatchUp(ctx context.Context) error {
	leave, err := a.h.gate.enter(ctx, "catch up")
	if err != nil {
		return err
	}
	defer leave()
	return a.h.follow.catchUp(ctx)
}

// Lag says how far each follower is behind what was placed: those of the hub, and
// those of [Hub.Follow] that run on this node.
func (a Admin) Lag(ctx context.Context) ([]Lag, error) {
	leave, err := a.h.gate.enter(ctx, "lag")
	if err != nil {
		return nil, err
	}
	defer leave()
	return a.h.follow.lag(ctx)
}

// Recheck makes live streams follow from what Access says now, on every node. A
// host with its own Access calls it after it changed who may see what.
func (a Admin) Recheck(ctx context.Context, users ...chat.UserID) error {
	leave, err := a.enter(ctx, "recheck", "users", len(users))
	if err != nil {
		return err
	}
	defer leave()
	var failed []error
	for _, u := range users {
		failed = append(failed, a.h.tellAccess(ctx, u, true))
	}
	return errors.Join(failed...)
}
