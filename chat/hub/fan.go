package hub

import (
	"context"
	"maps"
	"slices"
	"sync"

	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/storage"
)

// fan carries what the broker delivers to the sessions of this node. It is the
// node's chat.Sink.
//
// Locks are taken in this order: changing, mu, an audience's mu, a session's mu.
// Only changing is held while a store or the broker is asked; deliveries take the
// others, for a moment.
type fan struct {
	h *Hub

	changing turn // held while who is heard where is worked out

	chores *chores

	mu         sync.RWMutex
	rooms      map[chat.RoomID]*audience // the rooms that this node is subscribed to
	sessions   map[chat.UserID][]*Session
	departures map[chat.UserID]uint64      // how often each of them was sent away from somewhere
	personal   map[chat.RoomID]chat.UserID // the personal rooms of all that have sessions
}

// audience are the sessions of this node that are heard in a room.
type audience struct {
	room chat.RoomID

	mu       sync.Mutex
	last     chat.Seq // everything up to here was delivered, or placed before
	sessions []*Session
}

// heard is a room that a session is heard in.
type heard struct {
	*audience
	from chat.Seq // what is placed behind it comes live
}

func newFan(h *Hub) *fan {
	f := &fan{h: h, changing: newTurn(), rooms: map[chat.RoomID]*audience{}, sessions: map[chat.UserID][]*Session{}, departures: map[chat.UserID]uint64{},
		personal: map[chat.RoomID]chat.UserID{}}
	f.chores = newChores(f)
	return f
}

// Events implements chat.Sink.
func (f *fan) Events(events []chat.Event) {
	a := f.audience(events[0].Room)
	if isPersonal(events[0].Room) {
		f.comeIn(events)
	}
	for i := range events {
		e := &events[i]
		if a != nil {
			f.deliver(a, &Delivery{Event: e})
		}
		// Live delivery is decided by the log: whoever was sent away hears that,
		// and nothing behind it.
		if m, ok := e.Content.(*chat.Member); ok && !m.Role.Belongs() && f.depart(a, m.User) {
			f.chores.recheck(m.User, false) // it may be an old event that a loss moved
		}
	}
}

// comeIn looks at a user's rooms again when his personal log says that he came into one:
// the signal of it may have been lost, and the event was for others only.
func (f *fan) comeIn(events []chat.Event) {
	f.mu.RLock()
	u, here := f.personal[events[0].Room]
	f.mu.RUnlock()
	for i := range events {
		if r, ok := events[i].Content.(*chat.Reference); ok && here && (r.Why == whyInvitation || r.Why == whyJoined) {
			f.chores.recheck(u, false)
			return
		}
	}
}

// Gap implements chat.Sink. The broker forgets only what the archive shows, so the
// gap is filled from there. Where that fails, the sessions of the room are cut off:
// they never get a stream with a hole.
func (f *fan) Gap(room chat.RoomID, from, to chat.Seq) {
	ctx, cancel := context.WithTimeout(context.Background(), choreTime)
	defer cancel()
	err := f.refill(ctx, room, from, to)
	if err == nil {
		return
	}
	f.h.log.Warn("parlor: a gap can't be filled, sessions are cut off", "room", room, "from", from, "to", to, "error", err)
	if a := f.audience(room); a != nil {
		a.mu.Lock()
		defer a.mu.Unlock()
		for _, s := range a.sessions {
			s.stop(&chat.Error{Kind: chat.ErrCutOff, Op: "session", Field: "gap", Err: err})
			s.miss(room, from)
		}
		a.sessions = nil
		a.last = to
	}
}

// refill delivers the events from to to out of the archive.
func (f *fan) refill(ctx context.Context, room chat.RoomID, from, to chat.Seq) error {
	for from <= to {
		n := int(min(to-from+1, storage.MaxPage))
		page, err := f.h.set.History.Page(ctx, room, chat.After(from-1, n).All())
		if err != nil {
			return err
		}
		if len(page.Events) == 0 || page.Events[0].Seq > from {
			return &chat.Error{Kind: chat.ErrIncomplete, Op: "refill", Field: "seq"}
		}
		if err := chat.CheckDense(page.Events, true); err != nil {
			return err
		}
		f.Events(page.Events)
		from = page.Events[len(page.Events)-1].Last() + 1
	}
	return nil
}

// Signal implements chat.Sink.
func (f *fan) Signal(s chat.Signal) {
	if s.Name == accessSignal || s.Name == recheckSignal {
		// Asking a store here would hold deliveries up.
		f.chores.recheck(s.To, s.Name == recheckSignal)
		return
	}
	a := f.audience(s.Room)
	if a == nil {
		return
	}
	f.deliver(a, &Delivery{Signal: &s})
}

func (f *fan) audience(room chat.RoomID) *audience {
	f.mu.RLock()
	defer f.mu.RUnlock()
	return f.rooms[room]
}

// deliver queues d at every session of an audience. Those that ended are dropped
// from the list here, so that a dead one costs nothing from then on.
func (f *fan) deliver(a *audience, d *Delivery) {
	a.mu.Lock()
	defer a.mu.Unlock()
	var to chat.UserID
	if d.Signal != nil {
		to = d.Signal.To
	}
	if d.Event != nil {
		if d.Event.Last() <= a.last { // from before the room was left and heard again
			return
		}
		a.last = d.Event.Last()
	}
	live := a.sessions[:0]
	for i, s := range a.sessions {
		if (to.IsZero() || s.user == to) && !s.push(d) {
			continue
		}
		if len(live) != i {
			a.sessions[len(live)] = s
		}
		live = a.sessions[:len(live)+1]
	}
	clear(a.sessions[len(live):])
	a.sessions = live
}

// depart takes a user's sessions out of an audience, if there is one, and says whether he
// has any.
func (f *fan) depart(a *audience, u chat.UserID) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	sessions := f.sessions[u]
	if len(sessions) == 0 {
		return false
	}
	f.departures[u]++
	if a != nil {
		for _, s := range sessions {
			f.leave(s, a)
		}
	}
	return true
}

// leave takes one session out of one audience; under f.mu.
func (f *fan) leave(s *Session, a *audience) {
	s.rooms = slices.DeleteFunc(s.rooms, func(r heard) bool { return r.audience == a })
	f.h.crowd.moved(s)
	a.mu.Lock()
	defer a.mu.Unlock()
	a.sessions = slices.DeleteFunc(a.sessions, func(t *Session) bool { return s == t })
	if len(a.sessions) == 0 {
		f.chores.quiet(a.room)
	}
}

// connect makes a session heard in its user's rooms.
func (f *fan) connect(ctx context.Context, s *Session) error {
	if err := f.changing.take(ctx); err != nil {
		return err
	}
	defer f.changing.give()
	personal := personalRoom(s.user)
	f.mu.Lock()
	f.sessions[s.user] = append(f.sessions[s.user], s)
	f.personal[personal] = s.user
	f.mu.Unlock()
	if f.h.gate.shut() { // Shutdown may have gone through the sessions already
		return &chat.Error{Kind: chat.ErrClosed, Op: "connect"}
	}
	if _, err := f.h.link.Subscribe(ctx, personal); err != nil {
		return err
	}
	return f.settle(ctx, s.user, false)
}

// disconnect forgets a session.
func (f *fan) disconnect(s *Session) {
	f.h.crowd.remove(s)
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, r := range slices.Clone(s.rooms) {
		f.leave(s, r.audience)
	}
	all := slices.DeleteFunc(f.sessions[s.user], func(t *Session) bool { return s == t })
	if f.sessions[s.user] = all; len(all) == 0 {
		delete(f.sessions, s.user)
		delete(f.departures, s.user)
		personal := personalRoom(s.user)
		delete(f.personal, personal)
		f.chores.quiet(personal)
	}
}

// settle makes a user's sessions heard in the rooms that he belongs to now; with
// cut, in no others. Else the log itself takes him out of a room, behind the event
// that says so. Under changing.
//
// Access may be read a moment before he is sent away. So the rooms are subscribed
// to first and then asked for again: whatever changes after that is seen by Events,
// which raises his departures, and then it is all asked once more.
func (f *fan) settle(ctx context.Context, u chat.UserID, cut bool) error {
	for {
		f.mu.RLock()
		departures := f.departures[u]
		f.mu.RUnlock()
		members, err := f.h.access.Access(ctx, u)
		if err != nil {
			return err
		}
		belongs := map[chat.RoomID]bool{}
		for _, m := range members {
			if m.Role.Belongs() && m.Room.Tenant == u.Tenant {
				belongs[m.Room] = true
			}
		}
		subscribed, err := f.subscribe(ctx, belongs)
		if err != nil {
			return err
		}
		if !subscribed && f.place(u, belongs, cut, departures) {
			return nil
		}
	}
}

// subscribe adds the rooms that this node doesn't follow yet, and says whether
// there were any.
func (f *fan) subscribe(ctx context.Context, rooms map[chat.RoomID]bool) (bool, error) {
	var fresh []*audience
	var names []chat.RoomID
	f.mu.Lock()
	for room := range rooms {
		if f.rooms[room] == nil {
			a := &audience{room: room}
			f.rooms[room] = a // before it is subscribed to, so that last misses nothing
			fresh, names = append(fresh, a), append(names, room)
		}
	}
	f.mu.Unlock()
	if len(fresh) == 0 {
		return false, nil
	}
	last, err := f.h.link.Subscribe(ctx, names...)
	for i, a := range fresh {
		if err != nil {
			f.drop(a.room)
			continue
		}
		a.mu.Lock()
		a.last = max(a.last, last[i])
		a.mu.Unlock()
		f.chores.quiet(a.room) // unless a session comes
	}
	return err == nil, err
}

// place puts a user's sessions where he belongs. It does nothing and reports false
// where he was sent away from somewhere since departures was read.
func (f *fan) place(u chat.UserID, belongs map[chat.RoomID]bool, cut bool, departures uint64) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.departures[u] != departures {
		return false
	}
	for _, s := range f.sessions[u] {
		if cut {
			for _, r := range slices.Clone(s.rooms) {
				if !belongs[r.room] {
					f.leave(s, r.audience)
				}
			}
		}
		for room := range belongs {
			f.enter(s, f.rooms[room])
		}
	}
	return true
}

// enter adds a session to an audience, once; under f.mu.
func (f *fan) enter(s *Session, a *audience) {
	if slices.ContainsFunc(s.rooms, func(r heard) bool { return r.audience == a }) {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	s.rooms = append(s.rooms, heard{a, a.last})
	f.h.crowd.moved(s)
	a.sessions = append(a.sessions, s)
}

// recheck settles a user whose standing changed. Where that fails, his sessions
// are cut off rather than left with what they may no longer hear.
func (f *fan) recheck(ctx context.Context, u chat.UserID, cut bool) error {
	if err := f.changing.take(ctx); err != nil {
		return err
	}
	defer f.changing.give()
	f.mu.RLock()
	sessions := slices.Clone(f.sessions[u])
	f.mu.RUnlock()
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
	err := f.settle(ctx, u, cut)
	if err != nil {
		f.h.log.Warn("parlor: access can't be checked, sessions are cut off", "user", u, "error", err)
		for _, s := range sessions {
			s.stop(&chat.Error{Kind: chat.ErrCutOff, Op: "session", Field: "access", Err: err})
		}
	}
	return err
}

// drop unsubscribes from a room that nobody here hears any more; under changing.
func (f *fan) drop(room chat.RoomID) {
	if f.forget(room) {
		f.h.link.Unsubscribe(room)
	}
}

// forget removes a room's audience if it is empty, and says whether nobody needs
// the room's events.
func (f *fan) forget(room chat.RoomID) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if a := f.rooms[room]; a != nil {
		a.mu.Lock()
		defer a.mu.Unlock()
		if len(a.sessions) > 0 {
			return false
		}
		delete(f.rooms, room)
		return true
	}
	_, needed := f.personal[room]
	return !needed
}

// close ends all sessions, and the chores.
func (f *fan) close() {
	f.mu.Lock()
	var all []*Session
	for _, s := range f.sessions {
		all = append(all, s...)
	}
	rooms := slices.Collect(maps.Values(f.rooms))
	f.mu.Unlock()
	for _, s := range all {
		s.freeze(&chat.Error{Kind: chat.ErrClosed, Op: "session"})
	}
	for _, a := range rooms {
		a.mu.Lock()
		a.sessions = nil // at once: one by one takes the square of a large room
		a.mu.Unlock()
	}
	for _, s := range all {
		s.Close()
	}
	f.chores.stop()
}

var _ chat.Sink = (*fan)(nil)
