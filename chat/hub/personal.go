package hub

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/storage"
)

// Why a personal log refers to an event.
const (
	whyDirect     = "direct"     // said in a direct room
	whyMention    = "mention"    // names the user
	whyInvitation = "invitation" // lets him into a room
	whyJoined     = "joined"     // he came into a room by himself
)

// Inbox reads the user's personal log: references to what was said to him in direct
// rooms, to texts that mention him, to invitations, and to where he joined, in one order. w must count all
// events ([chat.Range.All]). It is behind the rooms by as much as [Admin.Lag] says. A
// reference stays when the user may no longer read what it points at.
func (u User) Inbox(ctx context.Context, w chat.Range) (Page, error) {
	const op = "inbox"
	leave, err := u.enter(ctx, op)
	if err != nil {
		return Page{}, err
	}
	defer leave()
	if err := w.Check(op, u.h.limits.Page); err != nil {
		return Page{}, err
	}
	room := personalRoom(u.id)
	if !w.CountsAll() {
		return Page{}, &chat.Error{Kind: chat.ErrInvalid, Op: op, Field: "range"}
	}
	if err := u.h.allow(ctx, op, Action{User: u.id, Room: room, Verb: VerbRead}); err != nil {
		return Page{}, err
	}
	raw, err := u.h.read(ctx, room, w)
	if err != nil {
		return Page{}, err
	}
	return show(raw, w, 1), nil
}

// isPersonal says whether a room is somebody's personal log.
func isPersonal(room chat.RoomID) bool { return strings.HasPrefix(room.Key, "~p.") }

// refer writes references to events of one room into the logs of those whom they
// concern. Ids are derived, so doing it again places nothing twice; an event that a loss
// moved is referred to again. What was imported is old and concerns nobody now.
func (h *Hub) refer(ctx context.Context, events []chat.Event) error {
	room := events[0].Room
	if isPersonal(room) {
		return nil
	}
	var refs []chat.Event
	for i := range events {
		e := &events[i]
		if e.Origin != nil {
			continue
		}
		users, why, err := h.concerned(ctx, e)
		if err != nil {
			return err
		}
		for _, u := range users {
			if u != e.Sender || why == whyJoined {
				refs = append(refs, reference(e, u, why))
			}
		}
	}
	for len(refs) > 0 {
		n := min(len(refs), chat.MaxBatch)
		if _, err := h.set.Broker.Publish(ctx, refs[:n]); err != nil && !allAside(err) {
			return err
		}
		refs = refs[n:]
	}
	return nil
}

func reference(e *chat.Event, u chat.UserID, why string) chat.Event {
	room := personalRoom(u)
	return chat.Event{ID: chat.DeriveID(room, chat.UserID{}, fmt.Sprint("refer ", e.ID, " ", e.Seq)), Room: room, Sender: e.Sender,
		Content: &chat.Reference{To: e.Position(), Why: why}}
}

// concerned are those whom an event concerns beyond its room.
func (h *Hub) concerned(ctx context.Context, e *chat.Event) (users []chat.UserID, why string, err error) {
	switch c := e.Content.(type) {
	case *chat.Text:
		if isDirect(e.Room) {
			members, err := h.set.Directory.Members(ctx, e.Room, "", MaxDirect)
			for _, m := range members {
				users = append(users, m.User)
			}
			return users, whyDirect, err
		}
		for _, u := range c.Mentions {
			// Nobody learns of a room that he may not read.
			_, err := storage.AccessTo(ctx, h.access, u, e.Room)
			switch {
			case err == nil:
				users = append(users, u)
			case !errors.Is(err, chat.ErrNotFound) && !errors.Is(err, chat.ErrForbidden): // he is deactivated
				return nil, "", err
			}
		}
		return users, whyMention, nil
	case *chat.Member:
		if !c.Role.Belongs() {
			break
		}
		// His sessions look at his rooms when the reference comes, and texts that follow in a
		// direct room are for those who have rows: it must be true then, also where the
		// archive is away.
		if err := h.writeRow(ctx, e); err != nil {
			return nil, "", err
		}
		switch {
		case isDirect(e.Room):
		case c.User == e.Sender:
			return []chat.UserID{c.User}, whyJoined, nil
		default:
			return []chat.UserID{c.User}, whyInvitation, nil
		}
	}
	return nil, "", nil
}

// isDirect says whether a room is a direct one.
func isDirect(room chat.RoomID) bool { return strings.HasPrefix(room.Key, "~d.") }
