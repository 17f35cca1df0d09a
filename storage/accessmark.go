package storage

import (
	"hash/maphash"
	"sync/atomic"

	"github.com/parlor-chat/parlor/chat"
)

// AccessMarks is an optional capability of an [Access] that is told of every change, as one is
// that a single process writes: it says, without asking anybody, whether its answers may have
// changed, so that they need not be asked for again.
type AccessMarks interface {
	// AccessMark is a mark of all that is said of a user in rooms, and of how rooms are set; of
	// a [Directory], also of whether his account is deactivated.
	// What was said after a mark was read is true for as long as that mark is the same: it
	// is another one before a call returns that changed something. 0: nobody knows.
	AccessMark(u chat.UserID) uint64
}

// AccessMark is a's mark of a user; 0 where it has none.
func AccessMark(a Access, u chat.UserID) uint64 {
	if m, ok := a.(AccessMarks); ok {
		return m.AccessMark(u)
	}
	return 0
}

// AccessClock makes the marks of a driver's users. It must be told of each change before the call
// returns that makes it, also where that fails and may have done it. The zero value is ready; all
// handles on a store share one.
type AccessClock struct {
	all   atomic.Uint64
	users [accessStripes]atomic.Uint64 // users share them
}

const accessStripes = 1 << 12

var accessSeed = maphash.MakeSeed()

// Mark is that of a user now.
func (c *AccessClock) Mark(u chat.UserID) uint64 {
	return 1 + c.all.Load() + c.stripe(u).Load()
}

// Member says that somebody's standing, or his account, may have changed.
func (c *AccessClock) Member(u chat.UserID) { c.stripe(u).Add(1) }

// Room says that a room may have come, or changed: what everybody may see.
func (c *AccessClock) Room() { c.all.Add(1) }

func (c *AccessClock) stripe(u chat.UserID) *atomic.Uint64 {
	return &c.users[maphash.Comparable(accessSeed, u)%accessStripes]
}
