package hub_test

import (
	"math"
	"slices"

	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/storage"
)

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
		if seq, ok := ids[id]; a.room == room && (!ok || seq < a.Seq || seq > a.Seq && c.firm(id, c.fact(id).since)) {
			c.breaks("Kept", "%v was acknowledged at %d of %s and is at %d", id, a.Seq, room.Key, seq)
		}
	}
	for id, a := range c.pending {
		if _, ok := ids[id]; a.room == room && !ok {
			c.breaks("Kept", "%v was pending in step %d and is nowhere in %s", id, a.step, room.Key)
		}
	}
	c.inOrder(ids)
	c.whatWasHeard(room, log, ids)
	c.whatWasNotHeard(room, log, last.Last(), belong)
	if c.outbox[room] != last.Last() {
		c.breaks("Complete", "the follower got %s up to %d of %d", room.Key, c.outbox[room], last.Last())
	}
}

// followedBefore tells how far the follower was in a room before somebody read it: it waits for
// nobody.
func (c *checker) followedBefore(room chat.RoomID, upTo chat.Seq, log []chat.Event) {
	for i := range log {
		if e := &log[i]; !e.Filler() && e.Seq > upTo {
			c.breaks("Complete", "nobody had read %s, and the follower had got it up to %d, not %d", room.Key, upTo, e.Seq)
			return
		}
	}
}

// inOrder looks whether what somebody sent by one node lies in the order in which he sent
// it, pending or not.
func (c *checker) inOrder(ids map[chat.EventID]chat.Seq) {
	for i, a := range c.said {
		for _, b := range c.said[i+1:] {
			if a.user == b.user && a.node == b.node && a.step < b.step && ids[a.id] > ids[b.id] && ids[b.id] > 0 &&
				c.firm(a.id, a.step) && c.firm(b.id, b.step) {
				c.breaks("Ordered", "%v was sent in step %d and lies at %d, %v in step %d and lies at %d", a.id, a.step, ids[a.id], b.id, b.step, ids[b.id])
			}
		}
	}
}

// absence is a part of a log in which somebody didn't belong to the room.
type absence struct {
	from chat.Seq // what sent him away; 0: he never was there before
	back chat.Seq // what let him in; far behind the end: nothing did
	lets int      // how often he had been let in, back included
}

// absences are those of a user, in their order. A change of his standing that lies behind
// one which was decided after it has no effect.
func absences(log []chat.Event, user string) (all []absence) {
	after := map[chat.EventID]chat.EventID{}
	overtaken := map[chat.EventID]bool{}
	lets, away := 0, true
	all = []absence{{back: math.MaxInt64}}
	for _, e := range log {
		m, ok := e.Content.(*chat.Member)
		if !ok || m.User.Key != user {
			continue
		}
		after[e.ID] = m.After
	}
	for _, e := range log {
		m, ok := e.Content.(*chat.Member)
		if !ok || m.User.Key != user {
			continue
		}
		for id := m.After; !id.IsZero(); id = after[id] {
			overtaken[id] = true
		}
		if m.Role.Belongs() {
			lets++
		}
		switch {
		case overtaken[e.ID]:
		case m.Role.Belongs() && away:
			all[len(all)-1].back, all[len(all)-1].lets = e.Seq, lets
			away = false
		case m.Role.Belongs() || away:
		default:
			all = append(all, absence{from: e.Seq, back: math.MaxInt64})
			away = true
		}
	}
	return all
}

// whatWasHeard looks for devices that heard what was said while their user was away, and
// for what was heard and is gone or elsewhere.
func (c *checker) whatWasHeard(room chat.RoomID, log []chat.Event, ids map[chat.EventID]chat.Seq) {
	away := map[string][]absence{}
	for _, h := range c.heard {
		if h.at.Room != room {
			continue
		}
		seq, ok := ids[h.id]
		switch {
		case !ok:
			c.breaks("Kept", "%s heard %d of %s, which is gone", h.device, h.at.Seq, room.Key)
			continue
		case seq != h.at.Seq && c.firm(h.id, c.fact(h.id).born):
			c.breaks("Kept", "%s heard %d of %s, which is at %d", h.device, h.at.Seq, room.Key, seq)
		}
	}
	for _, h := range slices.Concat(c.heard, c.shown) {
		if h.at.Room != room || ids[h.id] != h.at.Seq {
			continue
		}
		if away[h.user] == nil {
			away[h.user] = absences(log, h.user)
		}
		for _, a := range away[h.user] {
			if a.from < h.at.Seq && h.at.Seq < a.back && c.leaks(log, h, a) {
				c.breaks("No leak", "%s %s heard or read %d of %s, was sent away at %d and let in at %d", h.user, h.device, h.at.Seq, room.Key, a.from, a.back)
			}
		}
	}
}

// leaks says whether somebody heard or read something of his absence before that was over;
// behind it, he may, but in a private room. Where a loss left a hole before it, he may have
// been let in there.
func (c *checker) leaks(log []chat.Event, h hearing, a absence) bool {
	holed := slices.ContainsFunc(log, func(e chat.Event) bool { return e.Filler() && a.from < e.Seq && e.Seq < h.at.Seq })
	never := c.kinds[h.at.Room] == storage.Private
	return !holed && (never || h.step < c.letIn(log, standingOf{h.user, h.at.Room}, a))
}

// letIn is the first step in which an absence may have ended: of all tries to let somebody in
// so many were needed, and what lies before it was sent before.
func (c *checker) letIn(log []chat.Event, who standingOf, a absence) (step int) {
	if a.back == math.MaxInt64 || len(c.lets[who]) < a.lets {
		return math.MaxInt
	}
	if a.lets > 0 {
		step = slices.Sorted(slices.Values(c.lets[who]))[a.lets-1]
	}
	for _, e := range log {
		if a.from < e.Seq && e.Seq < a.back {
			step = max(step, c.fact(e.ID).born)
		}
	}
	return step
}

// whatWasNotHeard looks for what a device didn't hear though its user was there.
func (c *checker) whatWasNotHeard(room chat.RoomID, log []chat.Event, last chat.Seq, belong []string) {
	for key, s := range c.streams {
		if key.room != room {
			continue
		}
		if slices.Contains(belong, key.device) && s.last != last {
			s.gaps = append(s.gaps, [2]chat.Seq{s.last, last + 1})
		}
		for _, gap := range s.gaps {
			// His departure may be the last that he heard.
			if !sentAway(log, s.user, gap[0], gap[1]) && !c.heardOut(log, key, s.user, gap[0]) && !c.unsure[standingOf{s.user, room}] {
				c.breaks("Complete", "%s heard nothing of %s between %d and %d", key.device, room.Key, gap[0], gap[1])
			}
			if back := cameBack(log, s.user, gap[0], gap[1]); back > 0 {
				c.breaks("Complete", "%s was let into %s at %d and heard nothing before %d", key.device, room.Key, back, gap[1])
			}
		}
	}
}

// heardOut says whether what a device heard at a position sent its user away: it may lie
// elsewhere since a loss.
func (c *checker) heardOut(log []chat.Event, key stream, user string, seq chat.Seq) bool {
	return slices.ContainsFunc(c.heard, func(h hearing) bool {
		if h.device != key.device || h.at != (chat.Position{Room: key.room, Seq: seq}) {
			return false
		}
		i := slices.IndexFunc(log, func(e chat.Event) bool { return e.ID == h.id })
		return i >= 0 && sentAway(log[i:i+1], user, log[i].Seq, log[i].Seq)
	})
}

// sentAway says whether a log tells that somebody was sent away from first to last.
func sentAway(log []chat.Event, user string, first, last chat.Seq) bool {
	return slices.ContainsFunc(log, func(e chat.Event) bool {
		m, ok := e.Content.(*chat.Member)
		return ok && m.User.Key == user && !m.Role.Belongs() && e.Seq >= first && e.Seq <= last
	})
}

// cameBack is where somebody was let in between two positions, for good; 0: he wasn't.
func cameBack(log []chat.Event, user string, first, last chat.Seq) chat.Seq {
	for _, a := range absences(log, user) {
		if first < a.back && a.back < last && !sentAway(log, user, a.back, last) {
			return a.back
		}
	}
	return 0
}
