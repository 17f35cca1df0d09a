package hub

import (
	"context"
	"maps"

	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/storage"
)

// ahead is what a session that lives has to be told first in a room that its user came
// to: what was placed from when he came up to where live begins.
type ahead struct {
	s           *Session
	m           storage.Member
	after, upTo chat.Seq
}

// coming is a room of which that is being read. What comes live is held back meanwhile.
type coming struct {
	after chat.Seq
	held  []*Delivery
}

// readAhead reads it, and puts it into the queues. Sessions for which that fails are cut
// off: they go on from there when they resume.
func (f *fan) readAhead(ctx context.Context, all []ahead) {
	for _, x := range all {
		events, err := f.h.fromEntry(ctx, x.m, x.after, x.upTo, x.s.queue.most)
		if err != nil {
			f.h.log.Warn("parlor: what was said since somebody came can't be read, a session is cut off", "user", x.s.user, "room", x.m.Room, "error", err)
		}
		x.s.arrive(x.m.Room, events, err)
	}
}

// await begins to hold a room back.
func (s *Session) await(room chat.RoomID, after chat.Seq) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.coming[room] != nil { // he went and came again before it was read
		s.cut(cutOff(nil))
		return
	}
	if s.coming == nil {
		s.coming = map[chat.RoomID]*coming{}
	}
	s.coming[room] = &coming{after: after}
}

// arrive puts what came first into the queue, then what was held back.
func (s *Session) arrive(room chat.RoomID, events []chat.Event, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.coming[room]
	if c == nil {
		return // forgone
	}
	delete(s.coming, room)
	s.held -= len(c.held)
	if err != nil {
		s.cut(cutOff(err))
	}
	if s.end != nil {
		s.note(room, c.after+1)
		return
	}
	for i := range events {
		s.put(&Delivery{Event: &events[i]})
	}
	for _, d := range c.held {
		s.put(d)
	}
}

// forgo drops what is held back: he may not hear it any more.
func (s *Session) forgo(room chat.RoomID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if c := s.coming[room]; c != nil {
		s.held -= len(c.held)
		delete(s.coming, room)
	}
}

// skip has a session told nothing of a room up to a Seq.
func (s *Session) skip(room chat.RoomID, upTo chat.Seq) {
	s.mu.Lock()
	defer s.mu.Unlock()
	after := maps.Clone(s.after) // it may be being read
	if after == nil {
		after = map[chat.RoomID]chat.Seq{}
	}
	after[room] = max(after[room], upTo)
	s.after = after
}

// maxLeft is how many rooms a session remembers that the log sent its user away from. Of
// others it is told a second time what it heard, should an old event that a loss moved be
// what sent him away.
const maxLeft = 1000

// left notes up to where it heard a room that it was sent away from; under the fan's
// mu.
func (s *Session) left(room chat.RoomID, at chat.Seq) {
	if s.leftAt == nil || len(s.leftAt) >= maxLeft {
		s.leftAt = map[chat.RoomID]chat.Seq{}
	}
	s.leftAt[room] = at
}

// cameAt is where a session begins in a room that its user came to, with what follows
// the event that let him in or what it had heard; at live where nobody knows. Under the
// fan's mu.
func (s *Session) cameAt(m storage.Member, live chat.Seq) chat.Seq {
	at, known := s.leftAt[m.Room]
	delete(s.leftAt, m.Room)
	switch {
	case m.Since > 0:
		at = max(at, m.Since-1)
	case !known:
		return live // a host's Access that knows of no events
	}
	return min(at, live)
}
