package hub

import (
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/presence"
)

// crowd keeps the registry told of this node's sessions, and the sessions told of the
// people whom they watch. One goroutine speaks to the registry: it renews the node's
// lease, and writes what has changed, many sessions at once. Where the registry can't
// be reached, what changed stays to be told.
type crowd struct {
	h         *Hub
	node      string // in the registry
	awayAfter time.Duration
	kick      chan struct{}
	quit      context.CancelFunc
	done      chan struct{}
	telling   turn // held while watchers are told, and what they are told is read

	// Of the one goroutine.
	stopWatch func() // nil while there is no watch
	missed    bool   // changes may not have been told

	mu       sync.Mutex
	sessions map[*Session]bool // that are shown; whether it is idle, as was told
	changed  map[*Session]struct{}
	gone     []presence.Session
	watchers map[chat.UserID][]*Session
}

// startCrowd begins a life of a node. Each has a lease of its own in the registry, so that
// the sessions of the one before go with that one's.
func startCrowd(h *Hub, node string, awayAfter time.Duration) *crowd {
	node = digestKey(node, chat.NewID().String())
	ctx, quit := context.WithCancel(context.Background())
	c := &crowd{h: h, node: node, awayAfter: awayAfter, kick: make(chan struct{}, 1), quit: quit, done: make(chan struct{}), telling: newTurn(),
		sessions: map[*Session]bool{}, changed: map[*Session]struct{}{}, watchers: map[chat.UserID][]*Session{}}
	go c.run(ctx)
	return c
}

// add shows a session; away from where it is heard, too.
func (c *crowd) add(s *Session) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if s.gone {
		return
	}
	s.used = time.Now()
	c.sessions[s] = false
	c.touch(s)
}

// touch says that a session has to be told anew; under mu.
func (c *crowd) touch(s *Session) {
	if _, shown := c.sessions[s]; shown {
		c.changed[s] = struct{}{}
		c.wake()
	}
}

// moved says that a session is heard in other rooms.
func (c *crowd) moved(s *Session) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.touch(s)
}

func (c *crowd) wake() {
	select {
	case c.kick <- struct{}{}:
	default:
	}
}

func (c *crowd) set(s *Session, p Presence) error {
	if err := s.ended(); err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if s.gone { // since then
		return s.ended()
	}
	s.presence, s.used = p, time.Now()
	if _, shown := c.sessions[s]; !shown {
		c.sessions[s] = false
	}
	c.touch(s)
	return nil
}

func (c *crowd) active(s *Session) {
	c.mu.Lock()
	defer c.mu.Unlock()
	s.used = time.Now()
	if c.sessions[s] {
		c.touch(s)
	}
}

// remove shows a session no more, and tells it nothing more, for good.
func (c *crowd) remove(s *Session) {
	c.mu.Lock()
	defer c.mu.Unlock()
	s.gone = true
	c.unwatch(s)
	if _, shown := c.sessions[s]; !shown {
		return
	}
	delete(c.sessions, s)
	delete(c.changed, s)
	c.gone = append(c.gone, presence.Session{User: s.user, ID: s.id})
	c.wake()
}

func (c *crowd) run(ctx context.Context) {
	defer close(c.done)
	for beat := time.Now(); ; {
		if !time.Now().Before(beat) {
			beat = time.Now().Add(beatEvery)
			if err := c.beat(ctx); err != nil && ctx.Err() == nil {
				c.h.log.Warn("parlor: the registry can't be reached, presence is behind", "error", err)
			}
		}
		if err := c.tell(ctx); err != nil && ctx.Err() == nil {
			c.h.log.Warn("parlor: presence can't be told and is told later", "error", err)
		}
		timer := time.NewTimer(time.Until(beat))
		select {
		case <-ctx.Done():
			timer.Stop()
			return
		case <-c.kick:
			timer.Stop()
		case <-timer.C:
		}
	}
}

// beat renews the lease, begins the watch where there is none, tells what may have been
// missed, and looks who is idle.
func (c *crowd) beat(ctx context.Context) error {
	ask, cancel := context.WithTimeout(ctx, fenceTime)
	defer cancel()
	fresh, err := c.h.set.Registry.Beat(ask, c.node, nodeLease)
	if err != nil {
		c.missed = true
		return err
	}
	// An answer that was lost may have been that the lease is a new one.
	fresh = fresh || c.missed
	now := time.Now()
	c.mu.Lock()
	for s, idle := range c.sessions {
		if fresh || s.idle(now, c.awayAfter) != idle {
			c.touch(s)
		}
	}
	c.mu.Unlock()
	if c.stopWatch == nil {
		c.stopWatch, err = c.h.set.Registry.Watch(ctx, c.hear)
		if err != nil {
			c.stopWatch = nil
			return err
		}
		c.missed = true
	}
	if c.missed || fresh {
		c.missed = true
		if err := c.again(ctx); err != nil {
			return err
		}
		c.missed = false
	}
	return nil
}

// tell writes what has changed. What could not be written stays.
func (c *crowd) tell(ctx context.Context) error {
	for {
		batch, from, gone := c.take()
		if len(batch) == 0 {
			return nil
		}
		ask, cancel := context.WithTimeout(ctx, fenceTime)
		err := c.h.set.Registry.Set(ask, c.node, batch)
		cancel()
		if err != nil {
			c.mu.Lock()
			defer c.mu.Unlock()
			for _, s := range from {
				if _, shown := c.sessions[s]; shown {
					c.changed[s] = struct{}{} // without a kick: the next beat tries again
				}
			}
			c.gone = append(gone, c.gone...)
			return err
		}
	}
}

// take are the next sessions to be told of.
func (c *crowd) take() (batch []presence.Session, from []*Session, gone []presence.Session) {
	now := time.Now()
	c.mu.Lock()
	n := min(len(c.gone), chat.MaxBatch)
	gone, c.gone = c.gone[:n:n], c.gone[n:]
	for s := range c.changed {
		if n+len(from) == chat.MaxBatch {
			break
		}
		delete(c.changed, s)
		c.sessions[s] = s.idle(now, c.awayAfter)
		from = append(from, s)
		batch = append(batch, s.shown(now, c.awayAfter))
	}
	c.mu.Unlock()
	f := c.h.fan
	f.mu.RLock()
	defer f.mu.RUnlock()
	for i, s := range from {
		for _, r := range s.rooms[:min(len(s.rooms), presence.MaxRooms)] {
			batch[i].Rooms = append(batch[i].Rooms, r.room)
		}
	}
	return append(batch, gone...), from, gone
}

// watch has a session told of people, first as they are now.
func (c *crowd) watch(ctx context.Context, s *Session, users []chat.UserID) error {
	if err := c.telling.take(ctx); err != nil {
		return err
	}
	defer c.telling.give()
	if err := s.ended(); err != nil {
		return err
	}
	c.mu.Lock()
	if s.gone { // since then
		c.mu.Unlock()
		return s.ended()
	}
	c.unwatch(s)
	s.watched = users
	for _, u := range users {
		if !slices.Contains(c.watchers[u], s) {
			c.watchers[u] = append(c.watchers[u], s)
		}
	}
	c.mu.Unlock()
	states, err := c.h.states(ctx, users)
	if err != nil {
		return err
	}
	for i := range states {
		s.push(&Delivery{Presence: &states[i]})
	}
	return nil
}

// unwatch has a session told of nobody; under mu.
func (c *crowd) unwatch(s *Session) {
	for _, u := range s.watched {
		if left := slices.DeleteFunc(c.watchers[u], func(t *Session) bool { return t == s }); len(left) > 0 {
			c.watchers[u] = left
		} else {
			delete(c.watchers, u)
		}
	}
	s.watched = nil
}

// hear is told by the registry of people who changed.
func (c *crowd) hear(states []presence.State) {
	c.telling.take(context.Background())
	defer c.telling.give()
	c.push(states)
}

// push tells watchers of people; telling is held.
func (c *crowd) push(states []presence.State) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for i := range states {
		d := &Delivery{Presence: &states[i]}
		for _, s := range c.watchers[states[i].User] {
			s.push(d)
		}
	}
}

// again tells all watchers how everybody is: changes may have been missed.
func (c *crowd) again(ctx context.Context) error {
	c.mu.Lock()
	users := slices.Collect(maps.Keys(c.watchers))
	c.mu.Unlock()
	for part := range slices.Chunk(users, chat.MaxBatch) {
		if err := c.tellOf(ctx, part, c.push); err != nil {
			return err
		}
	}
	return nil
}

// tellOf reads how people are, and tells it before anything newer is told.
func (c *crowd) tellOf(ctx context.Context, users []chat.UserID, tell func([]presence.State)) error {
	if err := c.telling.take(ctx); err != nil {
		return err
	}
	defer c.telling.give()
	ask, cancel := context.WithTimeout(ctx, fenceTime)
	defer cancel()
	states, err := c.h.states(ask, users)
	if err == nil {
		tell(states)
	}
	return err
}

// stop tells that all sessions are gone, and ends.
func (c *crowd) stop(ctx context.Context) {
	c.quit()
	<-c.done
	if c.stopWatch != nil {
		c.stopWatch()
	}
	if err := c.tell(ctx); err != nil {
		c.h.log.Warn("parlor: the registry isn't told that this node ends, its lease will tell", "error", err)
	}
}
