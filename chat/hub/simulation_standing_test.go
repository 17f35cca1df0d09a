package hub_test

import (
	"slices"

	"github.com/parlor-chat/parlor/chat"
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

// putOut tells that somebody may not read a room any more, as was acknowledged in a step.
// Who was let in within the same step may be in.
func (c *checker) putOut(step int, user string, room chat.RoomID) {
	key := standingOf{user, room}
	c.note("%d %s is out of %s", step, user, room.Key)
	if !slices.Contains(c.lets[key], step) {
		c.outs[key] = append(c.outs[key], out{from: step + 1})
	}
}

// let tells that somebody tries to let a user in.
func (c *checker) let(step int, user string, room chat.RoomID) {
	key := standingOf{user, room}
	c.note("%d %s may come into %s", step, user, room.Key)
	c.lets[key] = append(c.lets[key], step)
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
