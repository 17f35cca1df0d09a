package hub

import (
	"context"
	"errors"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/parlor-chat/parlor/chat"
)

// Signals that tell the nodes that somebody's standing changed: by a membership,
// of which the log tells the narrowing part; or by the host, of which nothing else
// tells. They travel in the user's personal room, where each node with a session of his
// listens.
const (
	accessSignal  = "parlor.access"
	recheckSignal = "parlor.recheck"
)

// choreTime is how long one chore may take.
const choreTime = 10 * time.Second

// chores are what the fan must do outside of a delivery: look at somebody's access
// again, leave a room that nobody hears. One goroutine sees to them; what is asked for
// twice is done once.
type chores struct {
	f    *fan
	kick chan struct{}
	quit context.CancelFunc
	done chan struct{}
	look chan struct{} // closed when nobody looks any more who is deactivated

	mu    sync.Mutex
	users map[chat.UserID]bool // whether to cut, too
	rooms map[chat.RoomID]struct{}
}

func newChores(f *fan) *chores {
	ctx, quit := context.WithCancel(context.Background())
	c := &chores{f: f, kick: make(chan struct{}, 1), quit: quit, done: make(chan struct{}), look: make(chan struct{}),
		users: map[chat.UserID]bool{}, rooms: map[chat.RoomID]struct{}{}}
	go c.run(ctx)
	go c.lookAgain(ctx)
	return c
}

// recheck asks for a look at a user's access.
func (c *chores) recheck(u chat.UserID, cut bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.users[u] = c.users[u] || cut
	c.wake()
}

// quiet says that nobody may be listening in a room any more.
func (c *chores) quiet(room chat.RoomID) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.rooms[room] = struct{}{}
	c.wake()
}

// wake is called with mu held.
func (c *chores) wake() {
	select {
	case c.kick <- struct{}{}:
	default:
	}
}

// stop breaks off the chore at hand and does no more. A driver that doesn't heed its
// context is waited for a moment only.
func (c *chores) stop() {
	c.quit()
	ctx, cancel := context.WithTimeout(context.Background(), fenceTime)
	defer cancel()
	over(ctx, c.done)
	over(ctx, c.look)
}

func (c *chores) run(ctx context.Context) {
	defer close(c.done)
	for {
		select {
		case <-ctx.Done():
			return
		case <-c.kick:
		}
		c.mu.Lock()
		users, rooms := c.users, c.rooms
		c.users, c.rooms = map[chat.UserID]bool{}, map[chat.RoomID]struct{}{}
		c.mu.Unlock()
		together(slices.Collect(maps.Keys(users)), func(u chat.UserID) {
			if ctx.Err() != nil {
				return
			}
			chore, cancel := context.WithTimeout(ctx, choreTime)
			defer cancel()
			c.f.recheck(chore, u, users[u]) // told to the sessions and the log
		})
		for r := range rooms {
			c.f.drop(r)
		}
	}
}

// tellAccess makes what a user hears follow from what he may hear now: here at
// once, on other nodes when the signal arrives. With cut he also stops hearing what
// he may hear no more, though the log says nothing of it.
func (h *Hub) tellAccess(ctx context.Context, u chat.UserID, cut bool) error {
	name := accessSignal
	if cut {
		name = recheckSignal
	}
	err := h.fan.recheck(ctx, u, cut)
	return errors.Join(err, h.set.Broker.Signal(ctx, chat.Signal{Room: personalRoom(u), To: u, Name: name}))
}

// every does something again and again until ctx ends, the first time when d has passed.
func every(ctx context.Context, d time.Duration, do func()) {
	tick := time.NewTicker(d)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			do()
		}
	}
}
