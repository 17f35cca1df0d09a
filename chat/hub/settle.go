package hub

import (
	"context"
	"errors"
	"slices"

	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/storage"
)

// depart takes a user's sessions out of an audience, if there is one, for the log sent him
// away, and says whether he has any.
func (f *fan) depart(a *audience, u chat.UserID) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	sessions := f.sessions[u]
	if len(sessions) == 0 {
		return false
	}
	f.change(u)
	if a != nil {
		for _, s := range sessions {
			if at, was := f.leave(s, a); was {
				s.left(a.room, at)
			}
		}
	}
	return true
}

// change notes that a user's standing changed; under mu.
func (f *fan) change(u chat.UserID) {
	f.clock++
	f.changed[u] = f.clock
}

// leave takes one session out of one audience, and says up to where it heard if it was
// there; under mu.
func (f *fan) leave(s *Session, a *audience) (at chat.Seq, was bool) {
	n := len(s.rooms)
	s.rooms = slices.DeleteFunc(s.rooms, func(r heard) bool { return r.audience == a })
	f.h.crowd.moved(s)
	a.mu.Lock()
	defer a.mu.Unlock()
	a.sessions = slices.DeleteFunc(a.sessions, func(t *Session) bool { return s == t })
	if len(a.sessions) == 0 {
		f.chores.quiet(a.room)
	}
	return a.last, len(s.rooms) < n
}

// connect makes a session heard in its user's rooms.
func (f *fan) connect(ctx context.Context, s *Session) error {
	f.mu.Lock()
	f.sessions[s.user] = append(f.sessions[s.user], s)
	own := f.hold(personalRoom(s.user))
	own.owner = s.user
	f.mu.Unlock()
	if f.h.gate.shut() { // Shutdown may have gone through the sessions already
		return &chat.Error{Kind: chat.ErrClosed, Op: "connect"}
	}
	// Asked when he can be found: whoever has him looked at again meanwhile does.
	if err := f.h.allow(ctx, "connect", Action{User: s.user, Verb: VerbConnect}); err != nil {
		return err
	}
	if err := f.subscribe(ctx, []*audience{own}); err != nil {
		return err
	}
	return f.settle(ctx, s.user, false, s)
}

// disconnect forgets a session.
func (f *fan) disconnect(s *Session) {
	f.h.crowd.remove(s)
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, r := range slices.Clone(s.rooms) {
		f.leave(s, r.audience)
	}
	all := f.sessions[s.user]
	if !slices.Contains(all, s) {
		return
	}
	own := f.rooms[personalRoom(s.user)]
	if all = slices.DeleteFunc(all, func(t *Session) bool { return s == t }); len(all) > 0 {
		f.sessions[s.user] = all
	} else {
		delete(f.sessions, s.user)
		delete(f.changed, s.user)
		own.owner = chat.UserID{}
	}
	f.release(own)
}

// hold keeps a room's audience, which is made where there is none, until it is released;
// under mu.
func (f *fan) hold(room chat.RoomID) *audience {
	a := f.rooms[room]
	if a == nil {
		a = &audience{room: room}
		f.rooms[room] = a
	}
	a.holds++
	return a
}

// release undoes hold; under mu.
func (f *fan) release(a *audience) {
	if a.holds--; a.unused() {
		f.chores.quiet(a.room)
	}
}

// unused says that nobody needs the room's events; under the fan's mu.
func (a *audience) unused() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.holds == 0 && len(a.sessions) == 0
}

// settle makes a user's sessions heard in the rooms that he belongs to now; with
// cut, in no others. Else the log itself takes him out of a room, behind the event
// that says so. A fresh session is settled alone.
//
// Access may be read a moment before he is sent away. So it must have been asked after
// the rooms were subscribed to: whatever changes from then on is seen by Events. And it is
// asked again where his standing changed since.
func (f *fan) settle(ctx context.Context, u chat.UserID, cut bool, fresh *Session) error {
	held := map[chat.RoomID]*audience{}
	defer func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		for _, a := range held {
			f.release(a)
		}
	}()
	for {
		f.mu.RLock()
		began, changed := f.clock, f.changed[u]
		f.mu.RUnlock()
		members, err := f.h.access.Access(ctx, u)
		if err != nil {
			return err
		}
		var rooms []entry
		var audiences []*audience
		f.mu.Lock()
		for _, m := range members {
			if !m.Role.Belongs() || m.Room.Tenant != u.Tenant {
				continue
			}
			if held[m.Room] == nil {
				held[m.Room] = f.hold(m.Room)
			}
			rooms = append(rooms, entry{held[m.Room], m})
			audiences = append(audiences, held[m.Room])
		}
		f.mu.Unlock()
		if err := f.subscribe(ctx, audiences); err != nil {
			return err
		}
		if missed, ok := f.place(u, rooms, cut, fresh, began, changed); ok {
			f.readAhead(ctx, missed)
			return nil
		}
	}
}

// entry is a room, and what Access says of somebody in it.
type entry struct {
	*audience
	storage.Member
}

// subscribe subscribes the node to rooms that are held, those that it isn't yet.
func (f *fan) subscribe(ctx context.Context, rooms []*audience) error {
	for {
		var mine []*audience
		var names []chat.RoomID
		var others chan struct{}
		done := make(chan struct{})
		f.mu.Lock()
		for _, a := range rooms {
			switch {
			case a.subscribed > 0 || a.busy == done:
			case a.busy != nil:
				others = a.busy
			default:
				a.busy = done
				mine, names = append(mine, a), append(names, a.room)
			}
		}
		f.mu.Unlock()
		switch {
		case len(mine) > 0:
			last, err := f.h.link.Subscribe(ctx, names...)
			f.mu.Lock()
			f.clock++
			for i, a := range mine {
				if a.busy = nil; err == nil {
					a.subscribed = f.clock
					a.begin(last[i])
				}
			}
			f.mu.Unlock()
			close(done)
			if err != nil {
				return err
			}
		case others != nil:
			select {
			case <-others:
			case <-ctx.Done():
				return ctx.Err()
			}
		default:
			return nil
		}
	}
}

// begin notes what was placed before the node subscribed.
func (a *audience) begin(last chat.Seq) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.last = max(a.last, last)
}

// drop unsubscribes from a room that nobody here hears any more.
func (f *fan) drop(room chat.RoomID) {
	f.mu.Lock()
	a := f.rooms[room]
	if a == nil || !a.unused() {
		f.mu.Unlock()
		return
	}
	done := make(chan struct{})
	a.subscribed, a.busy = 0, done // whoever comes now waits
	f.mu.Unlock()
	f.h.link.Unsubscribe(room)
	f.mu.Lock()
	defer f.mu.Unlock()
	a.busy = nil
	close(done)
	if a.unused() {
		delete(f.rooms, room)
	}
}

// place puts a user's sessions where he belongs, and says what they have to be told first.
// It does nothing and reports false where his standing changed since a time, or the node
// was not yet subscribed to a room by another.
func (f *fan) place(u chat.UserID, rooms []entry, cut bool, fresh *Session, began, changed uint64) (missed []ahead, ok bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.changed[u] != changed {
		return nil, false
	}
	belongs := map[*audience]bool{}
	for _, r := range rooms {
		if r.subscribed > began {
			return nil, false
		}
		belongs[r.audience] = true
	}
	for _, s := range f.sessions[u] {
		if fresh != nil && s != fresh || fresh == nil && !s.settled { // whoever connects that one settles it
			continue
		}
		if cut {
			for _, r := range slices.Clone(s.rooms) {
				if !belongs[r.audience] {
					f.leave(s, r.audience)
					s.forgo(r.room)
				}
			}
		}
		for _, r := range rooms {
			if m, ok := f.enter(s, r); ok {
				missed = append(missed, m)
			}
		}
	}
	if fresh != nil {
		fresh.settled = true
	}
	return missed, true
}

// enter adds a session to an audience, once, and says what it has to be told first: a
// fresh one nothing, another what was placed since he came; under mu.
func (f *fan) enter(s *Session, r entry) (missed ahead, ok bool) {
	if slices.ContainsFunc(s.rooms, func(h heard) bool { return h.audience == r.audience }) {
		return ahead{}, false
	}
	a := r.audience
	a.mu.Lock()
	defer a.mu.Unlock()
	from := a.last
	if s.settled {
		from = s.cameAt(r.Member, a.last)
	}
	s.rooms = append(s.rooms, heard{a, from})
	f.h.crowd.moved(s)
	a.sessions = append(a.sessions, s)
	if r.From-1 > a.last {
		s.skip(a.room, r.From-1)
	}
	if from < a.last {
		s.await(a.room, from)
	}
	return ahead{s, r.Member, from, a.last}, from < a.last
}

// recheck settles a user whose standing may have changed. Where that fails, his sessions
// are cut off rather than left with what they may no longer hear.
func (f *fan) recheck(ctx context.Context, u chat.UserID, cut bool) error {
	f.h.known.forget(u)
	f.mu.Lock()
	sessions := slices.Clone(f.sessions[u])
	if len(sessions) > 0 {
		f.change(u) // whoever asked Access before asks again
	}
	f.mu.Unlock()
	if len(sessions) == 0 {
		return nil
	}
	if cut {
		if err := f.h.allow(ctx, "session", Action{User: u, Verb: VerbConnect}); err != nil {
			for _, s := range sessions {
				s.stop(err)
			}
			return nil
		}
	}
	err := f.settle(ctx, u, cut, nil)
	if errors.Is(err, chat.ErrForbidden) { // he is deactivated
		for _, s := range sessions {
			s.stop(err)
		}
		return nil
	}
	if err != nil {
		f.h.log.Warn("parlor: access can't be checked, sessions are cut off", "user", u, "error", err)
		for _, s := range sessions {
			s.stop(cutOff(err))
		}
	}
	return err
}

// cutOff is why sessions end whose rooms can't be worked out.
func cutOff(err error) error {
	return &chat.Error{Kind: chat.ErrCutOff, Op: "session", Field: "access", Err: err}
}
