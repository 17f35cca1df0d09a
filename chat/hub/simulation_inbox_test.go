package hub_test

import (
	"slices"

	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/storage"
)

// inbox tells what somebody saw of his personal log: each reference once, and where nothing
// was wrong, of each room in its order.
func (c *checker) inbox(step int, user string, events []chat.Event) map[chat.Position]bool {
	c.note("%d %s has %d in his inbox", step, user, len(events))
	refs := map[chat.Position]bool{}
	last := map[chat.RoomID]chat.Seq{}
	for i := range events {
		c.event(&events[i])
		r, ok := events[i].Content.(*chat.Reference)
		if !ok {
			continue
		}
		if refs[r.To] {
			c.breaks("Once", "%s is referred twice to %v", user, r.To)
		}
		if r.To.Seq < last[r.To.Room] && c.calm() {
			c.breaks("Ordered", "%s is referred to %v behind %d", user, r.To, last[r.To.Room])
		}
		refs[r.To], last[r.To.Room] = true, r.To.Seq
	}
	return refs
}

// calm says whether nothing was lost, and no node died or was ill.
func (c *checker) calm() bool {
	return len(c.losses) == 0 && !slices.ContainsFunc(c.steps, func(now condition) bool { return now != condition{} })
}

// wholeInbox tells somebody's whole personal log as each node shows it, and the logs of all
// rooms, when all faults are healed.
func (c *checker) wholeInbox(user string, nodes [][]chat.Event, logs map[chat.RoomID][]chat.Event) {
	for _, log := range nodes[1:] {
		if !slices.EqualFunc(log, nodes[0], func(a, b chat.Event) bool { return a.ID == b.ID && a.Seq == b.Seq }) {
			c.breaks("Same answers", "two nodes show the inbox of %s differently", user)
		}
	}
	refs := c.inbox(c.step, user, nodes[0])
	for room, log := range logs {
		for i := range log {
			if log[i].Filler() {
				continue
			}
			at := log[i].Position()
			must, may := c.concerns(user, &log[i])
			switch {
			case must && !refs[at]:
				c.breaks("Complete", "%s is not referred to %v", user, at)
			case !may && refs[at]:
				c.breaks("No leak", "%s is referred to %v", user, at)
			}
			delete(refs, at)
		}
		for at := range refs { // what was there before a loss
			if at.Room == room && slices.ContainsFunc(log, func(e chat.Event) bool { return e.Filler() && e.Seq <= at.Seq && at.Seq <= e.Last() }) {
				delete(refs, at)
			}
		}
	}
	for at := range refs {
		c.breaks("Kept", "%s is referred to %v, where nothing is", user, at)
	}
}

// concerns says whether an event must be in somebody's inbox, or may. Of what is gone, nobody
// knows whom it named.
func (c *checker) concerns(user string, e *chat.Event) (must, may bool) {
	who := standingOf{user, e.Room}
	direct := c.kinds[e.Room] == storage.Direct
	said := func(named bool) (must, may bool) {
		switch {
		case e.Sender.Key == user:
			return false, false
		case direct:
			there := len(c.lets[who]) > 0
			return there, there
		}
		never := slices.ContainsFunc(c.outs[who], func(o out) bool { return o.holds(c.fact(e.ID).born, c.step) })
		return named && c.belongs[who], !never
	}
	switch x := e.Content.(type) {
	case *chat.Text:
		if named := slices.ContainsFunc(x.Mentions, func(u chat.UserID) bool { return u.Key == user }); named || direct {
			return said(named)
		}
	case *chat.Tombstone:
		if x.Was == chat.KindText && !e.Filler() {
			return said(false)
		}
	case *chat.Member:
		must = !direct && x.Role.Belongs() && x.User.Key == user
	}
	return must, must
}
