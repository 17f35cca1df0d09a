package hub_test

import (
	"fmt"
	"slices"
	"strings"

	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/storage"
)

// checker knows only what clients saw: what was acknowledged to them, refused, read,
// found, and delivered. It says which promise of DESIGN, section 1, was broken.
//
// Steps count from 1; what is told of a step happened at some time within it.
type checker struct {
	broken []string
	lines  []string // the history, for people

	step   int
	steps  []condition // how the nodes were in each step
	losses []loss

	at       map[chat.Position]chat.EventID
	fillers  map[chat.RoomID][]span
	facts    map[chat.EventID]*fact
	acked    map[chat.EventID]ack
	pending  map[chat.EventID]ack    // acknowledged, to be placed later
	once     map[string]chat.EventID // by user, room and client id
	disputed map[chat.EventID]bool   // ids under which another text may be on its way
	changed  map[chat.EventID]bool   // texts that somebody may have edited or retracted
	said     []said

	streams map[stream]*streamState
	heard   []hearing
	shown   []hearing // what was read in private rooms
	outs    map[standingOf][]out
	lets    map[standingOf][]int // the steps in which somebody tried to let him in
	unsure  map[standingOf]bool  // who may have been sent away though nobody was told
	kinds   map[chat.RoomID]storage.RoomKind
	belongs map[standingOf]bool // who was there from the beginning, and nobody tried to send him away
	outbox  map[chat.RoomID]chat.Seq
}

// ack is what a sender was told.
type ack struct {
	step   int
	node   int
	user   string
	room   chat.RoomID
	verb   string
	target chat.EventID // of a change
	word   string       // a word that no other text has
	chat.Receipt
}

// stream is what one device hears of one room, over all its sessions.
type stream struct {
	device string
	room   chat.RoomID
}

type streamState struct {
	user string
	last chat.Seq
	gaps [][2]chat.Seq // what it heard nothing between
}

// said is a text that somebody sent for the first time.
type said struct {
	user string
	node int
	step int
	id   chat.EventID
}

// hearing is one event that a device got.
type hearing struct {
	device, user string
	step         int
	at           chat.Position
	id           chat.EventID
}

func newChecker() *checker {
	return &checker{at: map[chat.Position]chat.EventID{}, fillers: map[chat.RoomID][]span{}, facts: map[chat.EventID]*fact{},
		acked: map[chat.EventID]ack{}, pending: map[chat.EventID]ack{}, once: map[string]chat.EventID{},
		disputed: map[chat.EventID]bool{}, changed: map[chat.EventID]bool{}, streams: map[stream]*streamState{},
		outs: map[standingOf][]out{}, lets: map[standingOf][]int{}, unsure: map[standingOf]bool{},
		outbox: map[chat.RoomID]chat.Seq{}, kinds: map[chat.RoomID]storage.RoomKind{}, belongs: map[standingOf]bool{}}
}

func (c *checker) note(format string, args ...any) {
	c.lines = append(c.lines, fmt.Sprintf(format, args...))
}

func (c *checker) breaks(promise, format string, args ...any) {
	line := promise + ": " + fmt.Sprintf(format, args...)
	c.note("BROKEN %s", line)
	c.broken = append(c.broken, line)
}

// ack tells that a send was acknowledged.
func (c *checker) ack(clientID string, a ack) {
	c.note("%d %s %s in %s by node %d: %d %v as %q", a.step, a.user, a.verb, a.room.Key, a.node, a.Seq, a.ID, clientID)
	c.tries(a.step, a.ID)
	c.does(a.step, a.user, a.room, "writes to")
	f := c.facts[a.ID]
	if _, placed := c.acked[a.ID]; a.Seq > 0 || !placed { // else the node has it, but not where it lies
		f.held = append(f.held, held{a.node, a.step})
	}
	if a.Seq == 0 {
		c.pending[a.ID] = a
		return
	}
	if clientID != "" {
		key := a.user + " " + a.room.Key + " " + clientID
		if first, ok := c.once[key]; ok && first != a.ID {
			c.breaks("Once", "%q is %v and %v", key, first, a.ID)
		}
		c.once[key] = a.ID
	}
	first, again := c.acked[a.ID]
	moved := again && a.Seq != first.Seq
	if moved && c.firm(a.ID, f.born) || again && first.word != a.word {
		c.breaks("Once", "%v was placed at %d and at %d", a.ID, first.Seq, a.Seq)
	}
	if !again || moved && a.Seq > first.Seq {
		c.acked[a.ID] = a
		f.seq, f.since, f.safe = a.Seq, f.born, 0
		if !a.Duplicate { // else it may have been placed before
			f.since = a.step
		}
	}
	c.position(chat.Position{Room: a.room, Seq: a.Seq}, a.ID)
}

// deliver tells what a device got.
func (c *checker) deliver(step int, device, user string, e *chat.Event) {
	c.note("%d %s hears %s %d %v", step, device, e.Room.Key, e.Seq, e.Kind())
	c.event(e)
	c.heardWhileOut(step, device, standingOf{user, e.Room}, e.ID)
	if !e.Filler() {
		for _, h := range c.heard {
			if h.device == device && h.id == e.ID && c.firm(e.ID, c.fact(e.ID).born) {
				c.breaks("Once", "%s hears %v of %s at %d and at %d", device, e.ID, e.Room.Key, h.at.Seq, e.Seq)
			}
		}
		c.heard = append(c.heard, hearing{device, user, step, e.Position(), e.ID})
	}
	s := c.streams[stream{device, e.Room}]
	switch {
	case s == nil:
		s = &streamState{user: user}
		c.streams[stream{device, e.Room}] = s
	case e.Seq <= s.last && !(e.Filler() && e.Last() > s.last): // a void over what he heard
		c.breaks("Ordered", "%s hears %s %d behind %d", device, e.Room.Key, e.Seq, s.last)
	case e.Seq > s.last+1: // right if he was sent away, of which the log tells in the end
		s.gaps = append(s.gaps, [2]chat.Seq{s.last, e.Seq})
	}
	s.last = e.Last()
}

// shows tells that a message was shown to somebody. In a private room, where nobody reads
// what was said before he came, that is as if he had heard it.
func (c *checker) shows(step int, user string, m *chat.Message) {
	if c.kinds[m.Room] == storage.Private && m.Gone == nil {
		c.shown = append(c.shown, hearing{"", user, step, m.Position(), m.ID})
	}
}

// page tells what a latest page that began in a step showed. limit is how many texts
// were asked for.
func (c *checker) page(step int, user string, room chat.RoomID, messages []chat.Message, limit int) {
	c.note("%d %s reads %d texts of %s", step, user, len(messages), room.Key)
	c.reads(step)
	c.does(step, user, room, "reads")
	shown := map[chat.EventID]*chat.Message{}
	for i := range messages {
		m := &messages[i]
		shown[m.ID] = m
		c.shows(step, user, m)
		if m.Gone == nil { // else it may stand for one that was lost
			c.position(m.Position(), m.ID)
		}
		if i > 0 && m.TextSeq != messages[i-1].TextSeq+1 {
			c.breaks("Complete", "a page of %s has text %d behind %d", room.Key, m.TextSeq, messages[i-1].TextSeq)
		}
	}
	whole := c.kinds[room] != storage.Private || c.belongs[standingOf{user, room}] // else he sees what came since he was let in
	for id, a := range c.acked {
		if a.step >= step || a.room != room || !c.firm(id, c.facts[id].since) {
			continue
		}
		subject := id
		if a.verb != "send" {
			subject = a.target
		}
		m := shown[subject]
		switch {
		case m == nil && a.verb == "send" && len(messages) < limit && whole:
			c.breaks("Read your writes", "%v of step %d is not on the page of step %d", id, a.step, step)
		case m == nil:
		case a.verb == "retract" && m.Gone == nil:
			c.breaks("No leak", "%v was retracted in step %d and is shown in step %d", subject, a.step, step)
		case a.verb == "edit" && m.Gone == nil && m.Revision < a.Seq: // of a text that is gone, it may not count
			c.breaks("Read your writes", "%v has revision %d in step %d, changed at %d in step %d", subject, m.Revision, step, a.Seq, a.step)
		}
	}
}

// found tells the hits of a search for one word, that began in a step. atLeast is a
// position that was waited for.
func (c *checker) found(step int, user, word string, atLeast chat.Position, messages []chat.Message) {
	c.note("%d %s finds %d for %s", step, user, len(messages), word)
	there := map[chat.EventID]bool{}
	for i := range messages {
		m := &messages[i]
		there[m.ID] = true
		c.position(m.Position(), m.ID)
		c.does(step, user, m.Room, "finds something in")
		c.shows(step, user, m)
		if !strings.Contains(m.Text.Body, word) {
			c.breaks("Same answers", "%q was found by %s", m.Text.Body, word)
		}
	}
	for id, a := range c.acked {
		if a.verb == "retract" && a.step < step && c.firm(id, c.facts[id].since) && there[a.target] {
			c.breaks("No leak", "%v was retracted in step %d and is found in step %d", a.target, a.step, step)
		}
	}
	for id, a := range c.acked {
		if a.verb != "send" || a.word != word || a.room != atLeast.Room || a.Seq > atLeast.Seq || a.step >= step || c.changed[id] || !c.firm(id, c.facts[id].since) {
			continue
		}
		if !there[id] {
			c.breaks("Read your writes", "%v is not found, though the index was waited for", id)
		}
	}
}

// gone tells what a search found for a text that had been retracted before it began.
func (c *checker) gone(step int, retract, text chat.EventID, messages []chat.Message) {
	if slices.ContainsFunc(messages, func(m chat.Message) bool { return m.ID == text }) && c.firm(retract, c.fact(retract).since) {
		c.breaks("No leak", "%v was retracted in step %d and is found at once", text, step)
	}
}

// changes tells that somebody asks for an edit or a retraction, which may be done though
// he is never told.
func (c *checker) changes(target chat.EventID) { c.changed[target] = true }

// dispute tells that the id of a text that is there was used for another one, and what came
// of that: refused, or not known, or taken. It may be first only where a loss took the
// other one.
func (c *checker) dispute(step int, id chat.EventID, refused, taken bool) {
	c.note("%d %v is used again for another text, refused %v, taken %v", step, id, refused, taken)
	c.disputed[id] = c.disputed[id] || !refused
	if taken && c.firm(id, c.fact(id).since) {
		c.breaks("Once", "%v was taken for two texts", id)
	}
}

// yields tells that a text was refused, for its id belongs to another.
func (c *checker) yields(step int, id chat.EventID) {
	c.note("%d %v belongs to another text", step, id)
	if !c.disputed[id] || c.firm(id, c.fact(id).born) {
		c.breaks("Once", "%v belongs to another text", id)
	}
}

// refuses tells that a call failed in a way that no fault explains.
func (c *checker) refuses(step int, what string, err error) {
	c.breaks("Bounded", "%d %s: %v", step, what, err)
}

// follow tells that a follower was given events.
func (c *checker) follow(events []chat.Event) {
	room := events[0].Room
	if first := events[0].Seq; first > c.outbox[room]+1 {
		c.breaks("Complete", "a follower got %s %d behind %d", room.Key, first, c.outbox[room])
	}
	for i := range events {
		c.event(&events[i])
		if i > 0 && events[i].Seq != events[i-1].Last()+1 {
			c.breaks("Complete", "a follower got %s %d behind %d", room.Key, events[i].Seq, events[i-1].Seq)
		}
	}
	c.outbox[room] = max(c.outbox[room], events[len(events)-1].Last())
}

// sends tells that a text is acknowledged to who sent it for the first time.
// Another node may have placed it by then, to which it was sent again.
func (c *checker) sends(a ack) {
	if !c.fact(a.ID).again {
		c.said = append(c.said, said{a.user, a.node, a.step, a.ID})
	}
}

// sentElsewhere tells that a text was sent again, by whatever node.
func (c *checker) sentElsewhere(id chat.EventID) {
	c.fact(id).again = true
	c.said = slices.DeleteFunc(c.said, func(s said) bool { return s.id == id })
}
