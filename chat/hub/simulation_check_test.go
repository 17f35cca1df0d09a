package hub_test

import (
	"fmt"
	"slices"
	"strings"

	"github.com/parlor-chat/parlor/chat"
)

// checker knows only what clients saw: what was acknowledged to them, refused, read,
// found, and delivered. It says which promise of DESIGN, section 1, was broken.
//
// Steps count from 1; what is told of a step happened at some time within it.
type checker struct {
	broken []string
	lines  []string // the history, for people

	at      map[chat.Position]chat.EventID
	acked   map[chat.EventID]ack
	once    map[string]chat.EventID // by user, room and client id
	streams map[stream]*streamState
	bans    map[standingOf][]ban
	outbox  map[chat.RoomID]chat.Seq
	unsure  map[standingOf]bool   // who may have been sent away though nobody was told
	tried   map[chat.EventID]bool // texts that somebody may have edited or retracted

	pending map[chat.EventID]ack // acknowledged, to be placed later
	said    []said
	heard   []hearing
	lostAt  int // the last step in which the broker lost its memory
}

// ack is what a sender was told.
type ack struct {
	step   int
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
	away bool // the last that it heard sent its user away
	last chat.Seq
	gaps [][2]chat.Seq // what it heard nothing between
}

type standingOf struct {
	user string
	room chat.RoomID
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
	at           chat.Position
	id           chat.EventID
}

// ban is a time in which somebody was surely banned: from the step after it was
// acknowledged to the step before he may have been let in again.
type ban struct {
	seq        chat.Seq
	from, upTo int
	over       bool // else it has no end yet
}

func newChecker() *checker {
	return &checker{at: map[chat.Position]chat.EventID{}, acked: map[chat.EventID]ack{}, once: map[string]chat.EventID{},
		streams: map[stream]*streamState{}, bans: map[standingOf][]ban{}, outbox: map[chat.RoomID]chat.Seq{},
		tried: map[chat.EventID]bool{}, unsure: map[standingOf]bool{}, pending: map[chat.EventID]ack{}}
}

func (c *checker) note(format string, args ...any) {
	c.lines = append(c.lines, fmt.Sprintf(format, args...))
}

func (c *checker) breaks(promise, format string, args ...any) {
	line := promise + ": " + fmt.Sprintf(format, args...)
	c.note("BROKEN %s", line)
	c.broken = append(c.broken, line)
}

// position holds that no two events ever have one position.
func (c *checker) position(p chat.Position, id chat.EventID) {
	if known, ok := c.at[p]; ok && known != id {
		c.breaks("Ordered", "%v is %v and %v", p, known, id)
	}
	c.at[p] = id
}

// ack tells that a send was acknowledged.
func (c *checker) ack(clientID string, a ack) {
	c.note("%d %s %s in %s: %d %v as %q", a.step, a.user, a.verb, a.room.Key, a.Seq, a.ID, clientID)
	if a.Seq == 0 {
		c.pending[a.ID] = a
		return
	}
	c.position(chat.Position{Room: a.room, Seq: a.Seq}, a.ID)
	if clientID != "" {
		key := a.user + " " + a.room.Key + " " + clientID
		if first, ok := c.once[key]; ok && first != a.ID {
			c.breaks("Once", "%q is %v and %v", key, first, a.ID)
		}
		c.once[key] = a.ID
	}
	if first, ok := c.acked[a.ID]; ok {
		moved := a.Seq > first.Seq && !c.sure(first)
		if first.Seq != a.Seq && !moved || first.word != a.word {
			c.breaks("Once", "%v was placed at %d and at %d", a.ID, first.Seq, a.Seq)
		}
		if !moved {
			return
		}
	}
	c.acked[a.ID] = a
}

// lost tells that the broker loses its memory in a step. What only a dead node has may be
// missing until it comes back, and then lie further behind.
func (c *checker) lost(step int) { c.lostAt = step }

// sure says whether what was acknowledged must be seen at once, and stay where it is.
func (c *checker) sure(a ack) bool { return a.step > c.lostAt }

// banned tells that a ban was acknowledged, let that somebody tries to end it.
func (c *checker) banned(step int, user string, room chat.RoomID, seq chat.Seq) {
	c.note("%d %s is banned from %s at %d", step, user, room.Key, seq)
	key := standingOf{user, room}
	c.bans[key] = append(c.bans[key], ban{seq: seq, from: step + 1})
}

func (c *checker) let(step int, user string, room chat.RoomID) {
	c.note("%d %s may come into %s again", step, user, room.Key)
	for i, b := range c.bans[standingOf{user, room}] {
		if !b.over {
			b.upTo, b.over = step-1, true
			c.bans[standingOf{user, room}][i] = b
		}
	}
}

func (c *checker) surelyBanned(step int, user string, room chat.RoomID) (chat.Seq, bool) {
	for _, b := range c.bans[standingOf{user, room}] {
		if step >= b.from && (!b.over || step <= b.upTo) {
			return b.seq, true
		}
	}
	return 0, false
}

// deliver tells what a device got. fresh says that its session began without a token.
func (c *checker) deliver(step int, device, user string, e *chat.Event) {
	c.note("%d %s hears %s %d %v", step, device, e.Room.Key, e.Seq, e.Kind())
	c.event(e)
	c.heard = append(c.heard, hearing{device, user, e.Position(), e.ID})
	if seq, yes := c.surelyBanned(step, user, e.Room); yes && e.Seq > seq {
		c.breaks("No leak", "%s is banned from %s at %d and hears %d", device, e.Room.Key, seq, e.Seq)
	}
	s := c.streams[stream{device, e.Room}]
	switch {
	case s == nil:
		s = &streamState{user: user}
		c.streams[stream{device, e.Room}] = s
	case e.Seq <= s.last && !(c.lostAt > 0 && e.Filler() && e.Last() > s.last): // a void over what he heard
		c.breaks("Ordered", "%s hears %s %d behind %d", device, e.Room.Key, e.Seq, s.last)
	case e.Seq > s.last+1 && !s.away: // right if he was sent away, of which the log tells in the end
		s.gaps = append(s.gaps, [2]chat.Seq{s.last, e.Seq})
	}
	s.last = e.Last()
	m, ok := e.Content.(*chat.Member)
	s.away = ok && m.User.Key == user && !m.Role.Belongs()
}

// event is position for all but what stands for the lost.
func (c *checker) event(e *chat.Event) {
	if c.lostAt == 0 || !e.Filler() {
		c.position(e.Position(), e.ID)
	}
}

// sentAway says whether a log tells that somebody was sent away from first to last.
func sentAway(log []chat.Event, user string, first, last chat.Seq) bool {
	return slices.ContainsFunc(log, func(e chat.Event) bool {
		m, ok := e.Content.(*chat.Member)
		return ok && m.User.Key == user && !m.Role.Belongs() && e.Seq >= first && e.Seq <= last
	})
}

// page tells what a latest page that began in a step showed. limit is how many texts
// were asked for.
func (c *checker) page(step int, user string, room chat.RoomID, messages []chat.Message, limit int) {
	c.note("%d %s reads %d texts of %s", step, user, len(messages), room.Key)
	if _, yes := c.surelyBanned(step, user, room); yes {
		c.breaks("No leak", "%s is banned from %s and reads it", user, room.Key)
	}
	shown := map[chat.EventID]*chat.Message{}
	for i := range messages {
		m := &messages[i]
		shown[m.ID] = m
		if m.Gone == nil { // else it may stand for one that was lost
			c.position(m.Position(), m.ID)
		}
		if i > 0 && m.TextSeq != messages[i-1].TextSeq+1 {
			c.breaks("Complete", "a page of %s has text %d behind %d", room.Key, m.TextSeq, messages[i-1].TextSeq)
		}
	}
	for id, a := range c.acked {
		if a.step >= step || a.room != room || !c.sure(a) {
			continue
		}
		subject := id
		if a.verb != "send" {
			subject = a.target
		}
		m := shown[subject]
		switch {
		case m == nil && a.verb == "send" && len(messages) < limit:
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
		if _, yes := c.surelyBanned(step, user, m.Room); yes {
			c.breaks("No leak", "%s is banned from %s and finds %v", user, m.Room.Key, m.ID)
		}
		if !strings.Contains(m.Text.Body, word) {
			c.breaks("Same answers", "%q was found by %s", m.Text.Body, word)
		}
	}
	for _, a := range c.acked {
		if a.verb == "retract" && a.step < step && c.sure(a) && there[a.target] {
			c.breaks("No leak", "%v was retracted in step %d and is found in step %d", a.target, a.step, step)
		}
	}
	for id, a := range c.acked {
		if a.verb != "send" || a.word != word || a.room != atLeast.Room || a.Seq > atLeast.Seq || a.step >= step || c.tried[id] || !c.sure(a) {
			continue
		}
		if !there[id] {
			c.breaks("Read your writes", "%v is not found, though the index was waited for", id)
		}
	}
}

// gone tells what a search found for a text that had been retracted before it began.
func (c *checker) gone(step int, id chat.EventID, messages []chat.Message) {
	for i := range messages {
		if messages[i].ID == id {
			c.breaks("No leak", "%v was retracted in step %d and is found at once", id, step)
		}
	}
}

// tries tells that somebody asks for an edit or a retraction, which may be done though
// he is never told.
func (c *checker) tries(target chat.EventID) { c.tried[target] = true }

// conflict tells that an id was used for another body, and what came of it.
func (c *checker) conflict(step int, clientID string, refused bool) {
	c.note("%d %q is used again for another text, refused %v", step, clientID, refused)
	if !refused {
		c.breaks("Once", "%q was taken for two texts", clientID)
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

// end tells the whole log of a room as each node shows it, when all faults are healed.
// belong are the devices whose users are in the room and were connected.
func (c *checker) end(room chat.RoomID, nodes [][]chat.Event, belong []string) {
	for _, log := range nodes[1:] {
		if !slices.EqualFunc(log, nodes[0], func(a, b chat.Event) bool { return a.ID == b.ID && a.Seq == b.Seq && a.At.Equal(b.At) }) {
			c.breaks("Same answers", "two nodes show %s differently", room.Key)
		}
	}
	log := nodes[0]
	ids := map[chat.EventID]chat.Seq{}
	var last chat.Event
	for i, e := range log {
		c.event(&e)
		if _, twice := ids[e.ID]; twice {
			c.breaks("Once", "%v is in %s twice", e.ID, room.Key)
		}
		ids[e.ID] = e.Seq
		switch {
		case e.Seq != last.Last()+1 && (i > 0 || e.Seq != 1):
			c.breaks("Complete", "%s has %d behind %d", room.Key, e.Seq, last.Seq)
		case e.At.Before(last.At):
			c.breaks("Ordered", "%s %d is older than %d", room.Key, e.Seq, last.Seq)
		}
		last = e
	}
	for id, a := range c.acked {
		if seq, ok := ids[id]; a.room == room && (!ok || seq < a.Seq || seq > a.Seq && c.sure(a)) {
			c.breaks("Kept", "%v was acknowledged at %d of %s and is at %d", id, a.Seq, room.Key, seq)
		}
	}
	for id, a := range c.pending {
		if _, ok := ids[id]; a.room == room && !ok {
			c.breaks("Kept", "%v was pending in step %d and is nowhere in %s", id, a.step, room.Key)
		}
	}
	c.inOrder(ids)
	c.heardOn(room, log, ids)
	for key, s := range c.streams {
		if key.room != room {
			continue
		}
		if slices.Contains(belong, key.device) && s.last != last.Last() {
			s.gaps = append(s.gaps, [2]chat.Seq{s.last, last.Last() + 1})
		}
		for _, gap := range s.gaps {
			// His departure may be the last that he heard.
			if !sentAway(log, s.user, gap[0], gap[1]) && !c.unsure[standingOf{s.user, room}] {
				c.breaks("Complete", "%s heard nothing of %s between %d and %d", key.device, room.Key, gap[0], gap[1])
			}
		}
	}
	if c.outbox[room] != last.Last() {
		c.breaks("Complete", "the follower got %s up to %d of %d", room.Key, c.outbox[room], last.Last())
	}
}

// sends tells that a text is acknowledged to who sent it for the first time.
func (c *checker) sends(node int, a ack) { c.said = append(c.said, said{a.user, node, a.step, a.ID}) }

// sentElsewhere tells that a text was sent again, by whatever node.
func (c *checker) sentElsewhere(id chat.EventID) {
	c.said = slices.DeleteFunc(c.said, func(s said) bool { return s.id == id })
}

// inOrder looks whether what somebody sent by one node lies in the order in which he sent
// it, pending or not.
func (c *checker) inOrder(ids map[chat.EventID]chat.Seq) {
	if c.lostAt > 0 {
		return
	}
	for i, a := range c.said {
		for _, b := range c.said[i+1:] {
			if a.user == b.user && a.node == b.node && a.step < b.step && ids[a.id] > ids[b.id] && ids[b.id] > 0 {
				c.breaks("Ordered", "%v was sent in step %d and lies at %d, %v in step %d and lies at %d", a.id, a.step, ids[a.id], b.id, b.step, ids[b.id])
			}
		}
	}
}

// heardOn looks for devices that heard what came behind the event that sent their user
// away, though nothing ever let him in again, and for events that were heard and are gone.
func (c *checker) heardOn(room chat.RoomID, log []chat.Event, ids map[chat.EventID]chat.Seq) {
	away := map[string]chat.Seq{}            // who was sent away for good
	after := map[chat.EventID]chat.EventID{} // which change was decided after which
	overtaken := map[chat.EventID]bool{}     // by one that was decided after it
	for _, e := range log {
		if m, ok := e.Content.(*chat.Member); ok {
			after[e.ID] = m.After
		}
	}
	for _, e := range log {
		if m, ok := e.Content.(*chat.Member); ok {
			for id := m.After; !id.IsZero(); id = after[id] {
				overtaken[id] = true
			}
			if overtaken[e.ID] {
				continue
			}
			if m.Role.Belongs() {
				delete(away, m.User.Key)
			} else if _, already := away[m.User.Key]; !already {
				away[m.User.Key] = e.Seq
			}
		}
	}
	for _, h := range c.heard {
		if h.at.Room != room {
			continue
		}
		seq, ok := ids[h.id]
		if from, yes := away[h.user]; yes && ok && seq == h.at.Seq && seq > from {
			c.breaks("No leak", "%s heard %d of %s, was sent away at %d, and never came back", h.device, seq, room.Key, from)
		}
		if !ok && c.lostAt == 0 {
			c.breaks("Kept", "%s heard %d of %s, which is gone", h.device, h.at.Seq, room.Key)
		}
	}
}
