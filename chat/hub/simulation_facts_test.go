package hub_test

import (
	"slices"

	"github.com/parlor-chat/parlor/chat"
)

// fact is what is known of one event.
type fact struct {
	born  int      // the first step in which it may have been placed
	seq   chat.Seq // where it is; 0: nobody was told yet
	since int      // the step since which it surely lay there, if no loss moved it
	held  []held   // by nodes that acknowledged it
	safe  int      // the step in which the archive had it there; 0: nobody looked
	again bool     // it was sent again, by whatever node
}

// held says that a node keeps an event since a step.
type held struct{ node, step int }

// condition is how the nodes are in a step.
type condition struct {
	dead [simNodes]bool // for a part of it at least
	ill  [simNodes]bool // they may not be able to put back what they hold
}

// loss is one of the broker's memory.
type loss struct {
	step int
	over int // the first step behind it in which somebody could read; 0: none yet
}

// span is a part of a log that nobody has.
type span struct{ from, to chat.Seq }

// begins tells that a step begins, and which nodes are dead or ill in it.
func (c *checker) begins(step int, now condition) {
	c.step = step
	for len(c.steps) <= step {
		c.steps = append(c.steps, condition{})
	}
	c.steps[step] = now
}

// lost tells that the broker loses its memory in a step.
func (c *checker) lost(step int) {
	c.losses = append(c.losses, loss{step: step})
}

// reads tells that somebody could read in a step: losses of earlier steps are over.
func (c *checker) reads(step int) {
	for i, l := range c.losses {
		if l.over == 0 && l.step < step {
			c.losses[i].over = step
		}
	}
}

// fact is what is known of an event; nothing, where it is new.
func (c *checker) fact(id chat.EventID) *fact {
	f := c.facts[id]
	if f == nil {
		f = &fact{}
		c.facts[id] = f
	}
	return f
}

// tries tells that somebody tries to send what will have an id, for the first time.
func (c *checker) tries(step int, id chat.EventID) {
	if c.facts[id] == nil {
		c.facts[id] = &fact{born: step, since: step}
	}
}

// placed are the events of which somebody knows where they are.
func (c *checker) placed() (ids []chat.EventID) {
	for id, f := range c.facts {
		if f.seq > 0 {
			ids = append(ids, id)
		}
	}
	return ids
}

// archived tells that the archive had all behind a step that was placed before.
func (c *checker) archived(step int, placed []chat.EventID) {
	c.note("%d all is archived", step)
	for _, id := range placed {
		if f := c.facts[id]; f.safe == 0 && c.firm(id, f.since) {
			f.safe = step
		}
	}
}

// firm says whether an event must be where it was since a step: no loss may have moved it.
// One may where the broker and the only node that held it lost it together; so it may
// not where the archive has it, or a node held it that lived, and was well until the loss
// was over.
func (c *checker) firm(id chat.EventID, since int) bool {
	f := c.facts[id]
	if f == nil {
		f = &fact{}
	}
	return !slices.ContainsFunc(c.losses, func(l loss) bool {
		return l.step >= since && (f.safe == 0 || l.step <= f.safe) && !c.outlives(f, l)
	})
}

// outlives says whether somebody surely put an event back after a loss. Where nobody knows
// who holds it, all must have been well.
func (c *checker) outlives(f *fact, l loss) bool {
	if len(f.held) == 0 {
		for node := range simNodes {
			if !c.well(held{node, f.born}, l) {
				return false
			}
		}
		return true
	}
	return slices.ContainsFunc(f.held, func(h held) bool { return h.step <= l.step && c.well(h, l) })
}

// well says whether a node lived since it held something, and was well from a loss on
// until it was over.
func (c *checker) well(h held, l loss) bool {
	for s := h.step; s <= c.until(l) && s < len(c.steps); s++ {
		if c.steps[s].dead[h.node] || s >= l.step && c.steps[s].ill[h.node] {
			return false
		}
	}
	return true
}

// until is the step in which a loss is over, or this one.
func (c *checker) until(l loss) int {
	if l.over == 0 {
		return c.step
	}
	return l.over
}

// stays says whether an event must be at a position at which somebody saw it.
func (c *checker) stays(p chat.Position, id chat.EventID) bool {
	f := c.fact(id)
	if f.seq == p.Seq {
		return c.firm(id, f.since)
	}
	return c.firm(id, f.born)
}

// event tells that somebody saw an event.
func (c *checker) event(e *chat.Event) {
	if e.Filler() {
		c.filler(e.Room, span{e.Seq, e.Last()})
		return
	}
	c.position(e.Position(), e.ID)
}

// position tells that somebody saw an event at a position. No two events ever have one, and
// what nobody has is never used again.
func (c *checker) position(p chat.Position, id chat.EventID) {
	if known, ok := c.at[p]; ok && known != id {
		c.breaks("Ordered", "%v is %v and %v", p, known, id)
	}
	c.at[p] = id
	if f := c.fact(id); f.seq == 0 {
		f.seq, f.since = p.Seq, f.born
	}
	for _, s := range c.fillers[p.Room] {
		if s.from <= p.Seq && p.Seq <= s.to && c.stays(p, id) {
			c.breaks("Ordered", "%v is at %v, where nothing is from %d to %d", id, p, s.from, s.to)
		}
	}
}

// filler tells that somebody saw that nobody has what lay in a span.
func (c *checker) filler(room chat.RoomID, s span) {
	if slices.Contains(c.fillers[room], s) {
		return
	}
	c.fillers[room] = append(c.fillers[room], s)
	for p, id := range c.at {
		if p.Room == room && s.from <= p.Seq && p.Seq <= s.to && c.stays(p, id) {
			c.breaks("Ordered", "nothing is from %d to %d of %s, and %v lay at %d", s.from, s.to, room.Key, id, p.Seq)
		}
	}
}
