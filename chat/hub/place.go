package hub

import (
	"strconv"
	"time"

	"github.com/parlor-chat/parlor/chat"
)

// place is where a follower is in a shard.
type place struct {
	tenure *tenure // it is of; of another one it has to be read anew
	at     mark    // up to where the broker's list was read
	walk   *walk   // nil: that list tells all
	todo   map[chat.RoomID]*todo

	saved   string // the register, as this follower wrote it
	savedAt time.Time

	patience // with what fails for all rooms
}

// mark is a cursor of the broker's list. Marks of one place are told apart by number.
type mark struct {
	n      int
	cursor string
}

// todo is a room that was listed and isn't done.
type todo struct {
	upTo  chat.Seq
	since mark // before it was listed for the first time
	patience
}

// maxTodo is how many rooms of a shard may wait for one follower. At it no more are
// begun: the cursor stops until some are done.
const maxTodo = 1000

// anew begins with the oldest that the broker knows: there is no cursor, or none that it
// knows. With walk, all rooms that the archive has are gone through as well.
func (p *place) anew(walks bool) {
	if walks {
		p.walk = &walk{since: p.done()}
	}
	clear(p.todo) // it is listed again, where it still is
	p.at = mark{n: p.at.n + 1}
}

// note adds rooms that were listed behind a mark.
func (p *place) note(listed []chat.Position, since mark) {
	for _, l := range listed {
		x := p.todo[l.Room]
		if x == nil {
			x = &todo{since: since}
			p.todo[l.Room] = x
		}
		x.upTo = max(x.upTo, l.Seq)
	}
}

// done is the mark before which everything is done.
func (p *place) done() mark {
	done := p.at
	if p.walk != nil {
		done = p.walk.since
	}
	for _, x := range p.todo {
		if x.since.n < done.n {
			done = x.since
		}
	}
	return done
}

// register is what the fence holds of a place.
func (p *place) register() string {
	return strconv.FormatInt(p.tenure.term, 10) + " " + p.done().cursor
}

// patience is how long something that failed rests before it is tried again: longer each
// time. The zero value doesn't rest.
type patience struct {
	rest  time.Duration
	until time.Time
}

// fail begins a rest, and says how long it is.
func (p *patience) fail() time.Duration {
	p.rest = min(max(2*p.rest, retryFirst), retryMost)
	p.until = time.Now().Add(p.rest)
	return p.rest
}
