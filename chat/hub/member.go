package hub

import (
	"context"
	"errors"

	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/storage"
)

// Join makes the user a member; of a moderated room one without a voice
// ([chat.RoleMuted]), until a moderator gives it to him. Joining twice is no error. A
// private room is joined by being given a role in it ([Room.SetMember]), and so is a
// public one for members only.
func (r Room) Join(ctx context.Context) error {
	const op = "join"
	leave, err := r.h.gate.enter(ctx, op)
	if err != nil {
		return err
	}
	defer leave()
	m, err := r.h.standing(ctx, op, r.user, r.id)
	switch {
	case err != nil:
		return err
	case m.Role.Belongs():
		return nil
	}
	// Only public rooms are seen by those who don't belong.
	settings, err := r.h.settings(ctx, r.id)
	if err != nil {
		return err
	}
	in := sortOf(settings)
	if !may(m.Role, toJoin, in) {
		return forbidden(op, "role")
	}
	return r.h.setMember(ctx, op, change{room: r.id, by: r.user, user: r.user, role: joinsAs(in), ask: true})
}

// Leave ends the user's membership. Leaving a room that he doesn't belong to is
// no error. Nobody leaves a direct room: it is those people's for good. The last owner
// can't leave, [chat.ErrConflict] with field "owner": he makes another one first.
func (r Room) Leave(ctx context.Context) error {
	const op = "leave"
	leave, err := r.h.gate.enter(ctx, op)
	if err != nil {
		return err
	}
	defer leave()
	m, err := r.h.standing(ctx, op, r.user, r.id)
	switch {
	case err != nil:
		return err
	case !m.Role.Belongs():
		return r.h.finish(ctx, op, r.id, r.user, r.user)
	}
	if err := r.h.changeable(ctx, op, r.id); err != nil {
		return err
	}
	return r.h.setMember(ctx, op, change{room: r.id, by: r.user, user: r.user, role: chat.RoleNone, ask: true})
}

// SetMember gives somebody of the user's tenant a role: [chat.RoleMember] lets him in,
// [chat.RoleNone] sends him away, [chat.RoleBanned] keeps him out. A moderator
// gives the roles up to member to those below him; an admin bans and appoints
// moderators, too; an owner gives every role to everybody. Nobody takes the last owner's
// role, [chat.ErrConflict] with field "owner"; an operator does ([Admin.SetMember]).
func (r Room) SetMember(ctx context.Context, userKey string, role chat.Role, reason string) error {
	const op = "set member"
	leave, err := r.h.gate.enter(ctx, op)
	if err != nil {
		return err
	}
	defer leave()
	mine, err := r.h.standing(ctx, op, r.user, r.id)
	if err != nil {
		return err
	}
	u := chat.UserID{Tenant: r.user.Tenant, Key: userKey}
	if err := u.Check(op); err != nil {
		return err
	}
	if !role.Valid() {
		return &chat.Error{Kind: chat.ErrInvalid, Op: op, Field: "role"}
	}
	if err := r.h.changeable(ctx, op, r.id); err != nil {
		return err
	}
	was, err := r.h.memberRow(ctx, r.id, u)
	if err != nil {
		return err
	}
	if !mayAppoint(mine.Role, was.Role, role) {
		return forbidden(op, "role")
	}
	if was.Role == role {
		return r.h.finish(ctx, op, r.id, r.user, u)
	}
	return r.h.setMember(ctx, op, change{room: r.id, by: r.user, user: u, role: role, reason: reason, ask: true})
}

// changeable refuses what would change who is in a direct or personal room.
func (h *Hub) changeable(ctx context.Context, op string, room chat.RoomID) error {
	s, err := h.settings(ctx, room)
	if err != nil {
		return err
	}
	if s.Kind == storage.Direct || s.Kind == storage.Personal {
		return forbidden(op, "room")
	}
	return nil
}

// Members lists the room's memberships by user key, behind after. limit is from 1
// to [chat.MaxBatch]. Those who left or are banned are listed for moderators only, so a
// list may be shorter than its limit; the last key of a full round is next.
func (r Room) Members(ctx context.Context, after string, limit int) (list []storage.Member, next string, err error) {
	const op = "list members"
	leave, err := r.h.gate.enter(ctx, op)
	if err != nil {
		return nil, "", err
	}
	defer leave()
	if err := checkLimit(op, limit); err != nil {
		return nil, "", err
	}
	mine, err := r.h.standing(ctx, op, r.user, r.id)
	if err != nil {
		return nil, "", err
	}
	settings, err := r.h.settings(ctx, r.id)
	if err != nil {
		return nil, "", err
	}
	sees := may(mine.Role, toSeeWhoLeft, sortOf(settings))
	all, err := r.h.set.Directory.Members(ctx, r.id, after, limit)
	if err != nil {
		return nil, "", err
	}
	if len(all) == limit {
		next = all[limit-1].User.Key
	}
	for _, m := range all {
		if m.Role.Belongs() || sees {
			list = append(list, m)
		}
	}
	return list, next, nil
}

// change is one change of a membership.
type change struct {
	id     chat.EventID // zero: a random one
	room   chat.RoomID
	by     chat.UserID
	user   chat.UserID
	role   chat.Role
	reason string
	ask    bool // the policy
}

// setMember places the event of a change and writes its row. What narrows is
// written before the event, so that nobody reads on while it travels; what widens
// after it, so that nobody reads before it is true. A crash in between is mended
// by the follower, which writes the row of each member event again.
//
// Whoever asks for the same change at once may have it placed, under the same id, in the
// name of another or knowing less of what was before ([Hub.finish]): then it is done.
func (h *Hub) setMember(ctx context.Context, op string, c change) error {
	if c.id.IsZero() {
		c.id = chat.NewID()
	}
	e := chat.Event{ID: c.id, Room: c.room, Sender: c.by,
		Content: &chat.Member{User: c.user, Role: c.role, Reason: c.reason}}
	row, err := h.memberRow(ctx, c.room, c.user)
	if err != nil {
		return err
	}
	if row.Event != c.id { // else it is the same change, asked for again
		e.Content.(*chat.Member).After = row.Event
	}
	if err := e.Check(op); err != nil {
		return err
	}
	if c.ask {
		if c.role != chat.RoleNone {
			if err := h.rates.place(ctx, op, c.by, c.room); err != nil {
				return err
			}
		}
		if err := h.allow(ctx, op, Action{User: c.by, Room: c.room, Verb: VerbMember, Event: &e}); err != nil {
			return err
		}
	}
	if c.ask && row.Role == chat.RoleOwner && c.role != chat.RoleOwner {
		release, err := h.anotherOwner(ctx, op, c.room, c.user)
		if err != nil {
			return err
		}
		defer release()
	}
	if narrows(row.Role, c.role) {
		head, err := h.set.Broker.Recent(ctx, c.room, chat.Latest(1).All())
		if err != nil {
			return err
		}
		early := row
		// The event will get this Seq or a higher one, so the row can only rise.
		early.Role, early.Seq, early.Event = c.role, max(head.Last, row.Seq)+1, c.id
		if err := h.set.Directory.PutMember(ctx, early); err != nil {
			return err
		}
	}
	receipt, err := h.publish(ctx, e)
	switch {
	case errors.Is(err, chat.ErrConflict):
		return nil
	case err != nil:
		// Where the row was narrowed already, streams follow it, as reads do.
		late, cancel := context.WithTimeout(context.WithoutCancel(ctx), choreTime)
		defer cancel()
		h.tellAccess(late, c.user, true)
		return err
	}
	e.Seq = receipt.Seq
	if receipt.State != chat.Pending { // else the followers write the row when it is placed
		if err := h.writeRow(ctx, &e); err != nil {
			return err
		}
	}
	// So that sessions follow at once; else they do when the log brings them the event, or
	// the reference to it.
	if err := h.tellAccess(ctx, c.user, receipt.State == chat.Pending && narrows(row.Role, c.role)); err != nil {
		h.log.Debug("parlor: other nodes hear of a change of standing from the log only", "user", c.user, "error", err)
	}
	return nil
}

// finish places the event of a change that the row tells already, where that failed
// before: somebody asks for it again, and must not be told that it is done while the
// log, and those who hear it live, know nothing of it.
func (h *Hub) finish(ctx context.Context, op string, room chat.RoomID, by, user chat.UserID) error {
	row, err := h.set.Directory.Member(ctx, room, user)
	switch {
	case errors.Is(err, chat.ErrNotFound):
		return nil // he never belonged
	case err != nil:
		return err
	case row.Event.IsZero():
		return nil // a row that the host wrote
	}
	if _, _, err := h.find(ctx, room, row.Event); !errors.Is(err, chat.ErrNotFound) {
		return err
	}
	return h.setMember(ctx, op, change{id: row.Event, room: room, by: by, user: user, role: row.Role})
}

// memberRow is somebody's row in a room; a new one where there is none.
func (h *Hub) memberRow(ctx context.Context, room chat.RoomID, u chat.UserID) (storage.Member, error) {
	row, err := h.set.Directory.Member(ctx, room, u)
	if errors.Is(err, chat.ErrNotFound) {
		return storage.Member{Room: room, User: u, From: 1}, nil
	}
	return row, err
}

// writeRow brings the directory to what a placed member event says. Doing it
// again, or late, changes nothing. Of an event that was pending for long, or that a loss
// moved behind others, nothing comes where the row's change was decided after it; and it
// gives nobody back what he lost since it was decided.
func (h *Hub) writeRow(ctx context.Context, e *chat.Event) error {
	c := e.Content.(*chat.Member)
	row, err := h.memberRow(ctx, e.Room, c.User)
	if err != nil {
		return err
	}
	if !row.Event.IsZero() && row.Event != e.ID && row.Event != c.After {
		if e.Seq <= row.Seq || row.Role < chat.RoleMember && row.Role < c.Role {
			return nil
		}
		if later, err := h.decidedAfter(ctx, e.Room, row.Event, e.ID); later || err != nil {
			return err
		}
	}
	if row.Event == e.ID && row.Since == row.Seq { // a loss may have moved it
		row.Since = e.Seq
	}
	if !row.Role.Belongs() && c.Role.Belongs() { // he comes in
		s, err := h.settings(ctx, e.Room)
		if err != nil {
			return err
		}
		row.From, row.Since = 1, e.Seq
		if s.HistoryFrom == storage.FromJoin {
			row.From = e.Seq
		}
	}
	row.Role, row.Seq, row.Event = c.Role, e.Seq, e.ID
	err = h.set.Directory.PutMember(ctx, row)
	if errors.Is(err, chat.ErrNotFound) { // a room that only the host's Access knows
		return nil
	}
	return err
}

// decidedAfter says whether one change of somebody's standing was decided after another,
// by whoever knew of it.
func (h *Hub) decidedAfter(ctx context.Context, room chat.RoomID, one, other chat.EventID) (bool, error) {
	for range 8 { // changes back; more are not on their way at once
		e, _, err := h.find(ctx, room, one)
		m, ok := e.Content.(*chat.Member)
		switch {
		case errors.Is(err, chat.ErrNotFound) || err == nil && (!ok || m.After.IsZero()):
			return false, nil
		case err != nil:
			return false, err
		case m.After == other:
			return true, nil
		}
		one = m.After
	}
	return false, nil
}

// narrows says whether a change of role takes something away.
func narrows(from, to chat.Role) bool {
	if to == chat.RoleBanned {
		return from != chat.RoleBanned
	}
	return from.Belongs() && to < from
}
