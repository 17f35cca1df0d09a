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
// Locks are taken in this order: mu, an audience's mu, a session's mu. None is held while
// a store or the broker is asked.
type fan struct {
	h      *Hub
	chores *chores

	mu       sync.RWMutex
	rooms    map[chat.RoomID]*audience // the rooms that this node is subscribed to, or somebody needs
	sessions map[chat.UserID][]*Session
	clock    uint64                 // counts subscriptions, and changes of standing
	changed  map[chat.UserID]uint64 // when the standing of each of them last changed, as far as this node knows
}

// audience are the sessions of this node that are heard in a room.
type audience struct {
	room chat.RoomID

	// Under the fan's mu.
	owner      chat.UserID   // whose personal room it is
	holds      int           // how many need it though no session is heard in it
	subscribed uint64        // when the node was, by the fan's clock; 0: it isn't
	busy       chan struct{} // closed when that is changed; nil: nobody does so now

	mu       sync.Mutex
	last     chat.Seq // everything up to here was delivered, or placed before
	sessions []*Session
}

// heard is a room that a session is heard in.
type heard struct {
	*audience
	from chat.Seq // what is placed behind it comes by itself
}

func newFan(h *Hub) *fan {
	f := &fan{h: h, rooms: map[chat.RoomID]*audience{}, sessions: map[chat.UserID][]*Session{}, changed: map[chat.UserID]uint64{}}
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
	for i := range events {
		if r, ok := events[i].Content.(*chat.Reference); ok && (r.Why == whyInvitation || r.Why == whyJoined) {
			f.look(events[i].Room)
			return
		}
	}
}

// look has the rooms of the user be looked at whose personal room it is, if he is here.
func (f *fan) look(personal chat.RoomID) {
	f.mu.RLock()
	defer f.mu.RUnlock()
	if a := f.rooms[personal]; a != nil && !a.owner.IsZero() {
		f.chores.recheck(a.owner, false)
	}
}

// Gap implements chat.Sink. The broker forgets only what the archive shows, so the
// gap is filled from there. Where that fails, the sessions of the room are cut off:
// they never get a stream with a hole.
func (f *fan) Gap(room chat.RoomID, from, to chat.Seq) {
	ctx, cancel := context.WithTimeout(context.Background(), choreTime)
	defer cancel()
	from, err := f.refill(ctx, room, from, to)
	if err == nil {
		return
	}
	f.h.log.Warn("parlor: a gap can't be filled, sessions are cut off", "room", room, "from", from, "to", to, "error", err)
	if isPersonal(room) {
		f.look(room) // it may say that he came into another
	}
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

// refill delivers the events from one Seq to another as they are now, and says up to where
// it couldn't.
func (f *fan) refill(ctx context.Context, room chat.RoomID, from, to chat.Seq) (chat.Seq, error) {
	for from <= to {
		w := chat.After(from-1, int(min(to-from+1, storage.MaxPage))).All()
		raw, err := f.h.read(ctx, room, w)
		if err != nil {
			return from, err
		}
		events := show(raw, w, 1).Events
		if len(events) == 0 || events[0].Seq > from {
			return from, &chat.Error{Kind: chat.ErrIncomplete, Op: "refill", Field: "seq"}
		}
		f.Events(events)
		from = events[len(events)-1].Last() + 1
	}
	return from, nil
}

// Signal implements chat.Sink.
func (f *fan) Signal(s chat.Signal) {
	if s.Name == accessSignal || s.Name == recheckSignal {
		// Asking a store here would hold deliveries up.
		f.chores.recheck(s.To, s.Name == recheckSignal)
		return
	}
	if isPersonal(s.Room) {
		f.tell(&s)
		return
	}
	a := f.audience(s.Room)
	if a == nil {
		return
	}
	f.deliver(a, &Delivery{Signal: &s})
}

// tell brings a signal that concerns one user alone to his sessions.
func (f *fan) tell(s *chat.Signal) {
	if s.Name == SignalRead {
		if m, err := ParseRead(s); err == nil {
			f.h.marks.hear(m)
		}
	}
	f.mu.RLock()
	defer f.mu.RUnlock()
	d := &Delivery{Signal: s}
	for _, own := range f.sessions[s.To] {
		own.push(d)
	}
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
