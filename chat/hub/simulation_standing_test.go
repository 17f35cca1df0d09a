package hub_test

import (
	"slices"

	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/chat/hub"
	"github.com/parlor-chat/parlor/storage"
)

// standingOf is somebody in a room.
type standingOf struct {
	user string
	room chat.RoomID
}

// out is a time in which somebody surely might not read a room: from the step after he was
// told to be out to the step before somebody tried to let him in.
type out struct {
	from, upTo int
	over       bool // else it has no end yet
}

// opens tells that a room is there, and who belongs to it.
func (c *checker) opens(room chat.RoomID, kind storage.RoomKind, people []string) {
	c.kinds[room] = kind
	for _, user := range people {
		c.belongs[standingOf{user, room}] = kind != storage.Direct // which may be pending
		c.comes(0, user, room)
	}
}

// away tells that somebody may be sent away, or go.
func (c *checker) away(step int, user string, room chat.RoomID) {
	c.note("%d %s may be sent away from %s", step, user, room.Key)
	delete(c.belongs, standingOf{user, room})
}

// putOut tells that somebody may not read a room any more, as was acknowledged in a step.
// Who was let in within the same step may be in.
func (c *checker) putOut(step int, user string, room chat.RoomID) {
	key := standingOf{user, room}
	c.note("%d %s is out of %s", step, user, room.Key)
	if !slices.Contains(c.lets[key], step) {
		c.outs[key] = append(c.outs[key], out{from: step + 1})
	}
}

// comes tells that somebody tries to come into a room, which helps nobody who is out of it.
func (c *checker) comes(step int, user string, room chat.RoomID) {
	key := standingOf{user, room}
	c.note("%d %s may come into %s", step, user, room.Key)
	c.lets[key] = append(c.lets[key], step)
}

// let tells that an owner tries to let somebody in.
func (c *checker) let(step int, user string, room chat.RoomID) {
	key := standingOf{user, room}
	c.comes(step, user, room)
	for i, o := range c.outs[key] {
		if !o.over {
			c.outs[key][i].upTo, c.outs[key][i].over = step-1, true
		}
	}
}

// holds says whether it lasted from one step to another.
func (o out) holds(first, last int) bool { return o.from <= first && (!o.over || last <= o.upTo) }

// isOut says whether somebody surely might not read a room in a step.
func (c *checker) isOut(step int, user string, room chat.RoomID) bool {
	return slices.ContainsFunc(c.outs[standingOf{user, room}], func(o out) bool { return o.holds(step, step) })
}

// does tells that somebody could do something in a room.
func (c *checker) does(step int, user string, room chat.RoomID, what string) {
	if c.isOut(step, user, room) {
		c.breaks("No leak", "%s is out of %s in step %d and %s it", user, room.Key, step, what)
	}
}

// missing tells that a room isn't there for somebody.
func (c *checker) missing(step int, user string, room chat.RoomID) {
	c.note("%d %s doesn't find %s", step, user, room.Key)
	if c.belongs[standingOf{user, room}] {
		c.breaks("Complete", "%s belongs to %s and doesn't find it in step %d", user, room.Key, step)
	}
}

// lists tells which rooms somebody may read.
func (c *checker) lists(step int, user string, list []hub.Info) {
	c.note("%d %s lists %d rooms", step, user, len(list))
	for _, i := range list {
		c.does(step, user, i.ID, "lists")
	}
	for who, there := range c.belongs {
		if there && who.user == user && !slices.ContainsFunc(list, func(i hub.Info) bool { return i.ID == who.room }) {
			c.missing(step, user, who.room)
		}
	}
}

// counts tells how many hits a search for a word counted that is in one room alone.
func (c *checker) counts(step int, user string, room chat.RoomID, n int) {
	if n > 0 {
		c.does(step, user, room, "counts hits in")
	}
}

// heardWhileOut looks whether somebody was out from when an event was first sent to when he
// heard it. Live streams go by the log, and late, where a loss took what sent him away.
func (c *checker) heardWhileOut(step int, device string, who standingOf, id chat.EventID) {
	born := c.fact(id).born
	for _, o := range c.outs[who] {
		late := slices.ContainsFunc(c.losses, func(l loss) bool { return l.step >= o.from-1 && !c.outlives(&fact{born: o.from - 1}, l) })
		if born > 0 && o.holds(born, step) && !late {
			c.breaks("No leak", "%s is out of %s since step %d and hears in step %d what was sent in step %d", device, who.room.Key, o.from, step, born)
		}
	}
}
