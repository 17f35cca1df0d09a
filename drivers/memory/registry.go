package memory

import (
	"context"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/presence"
)

// registryData is everything that a registry holds.
type registryData struct {
	now func() time.Time

	mu       sync.Mutex
	nodes    map[string]*node
	sessions map[chat.UserID]map[string]*held // by session id
	rooms    map[chat.RoomID]map[string]int   // how many sessions of each user are there
	watchers map[*watcher]struct{}
	buckets  presence.Buckets
}

type node struct {
	until    time.Time
	sessions map[*held]struct{}
}

// held is a session, and the node that serves it.
type held struct {
	presence.Session
	node *node
}

func (d *registryData) init(o Options) {
	d.now = o.Now
	d.nodes = map[string]*node{}
	d.sessions = map[chat.UserID]map[string]*held{}
	d.rooms = map[chat.RoomID]map[string]int{}
	d.watchers = map[*watcher]struct{}{}
}

// lock takes the lock, and buries the nodes whose lease has ended.
func (d *registryData) lock() (now time.Time) {
	d.mu.Lock()
	now = d.now()
	for name, n := range d.nodes {
		if now.Before(n.until) {
			continue
		}
		delete(d.nodes, name)
		for s := range n.sessions {
			d.remove(s)
		}
	}
	return now
}

// remove takes a session out, and tells the watchers.
func (d *registryData) remove(s *held) {
	delete(s.node.sessions, s)
	delete(d.sessions[s.User], s.ID)
	if len(d.sessions[s.User]) == 0 {
		delete(d.sessions, s.User)
	}
	for _, r := range s.Rooms {
		if d.rooms[r][s.User.Key]--; d.rooms[r][s.User.Key] == 0 {
			delete(d.rooms[r], s.User.Key)
		}
		if len(d.rooms[r]) == 0 {
			delete(d.rooms, r)
		}
	}
	d.changed(s.User)
}

func (d *registryData) add(s *held) {
	s.node.sessions[s] = struct{}{}
	if d.sessions[s.User] == nil {
		d.sessions[s.User] = map[string]*held{}
	}
	d.sessions[s.User][s.ID] = s
	for _, r := range s.Rooms {
		if d.rooms[r] == nil {
			d.rooms[r] = map[string]int{}
		}
		d.rooms[r][s.User.Key]++
	}
	d.changed(s.User)
}

func (d *registryData) changed(u chat.UserID) {
	for w := range d.watchers {
		w.tell(u)
	}
}

// state is somebody with those sessions that keep says, by their ids.
func (d *registryData) state(u chat.UserID, keep func(*held) bool) presence.State {
	state := presence.State{User: u}
	for _, s := range d.sessions[u] {
		if keep == nil || keep(s) {
			x := s.Session
			x.Rooms = slices.Clone(x.Rooms)
			state.Sessions = append(state.Sessions, x)
		}
	}
	slices.SortFunc(state.Sessions, func(a, b presence.Session) int { return strings.Compare(a.ID, b.ID) })
	return state
}

// registry is the registry through one handle.
type registry struct{ *Store }

// Beat implements presence.Registry.
func (h registry) Beat(ctx context.Context, name string, ttl time.Duration) (bool, error) {
	const op = "beat"
	if err := h.ready(ctx, op); err != nil {
		return false, err
	}
	if err := presence.CheckBeat(op, name, ttl); err != nil {
		return false, err
	}
	d := &h.data.registry
	now := d.lock()
	defer d.mu.Unlock()
	n, known := d.nodes[name]
	if !known {
		n = &node{sessions: map[*held]struct{}{}}
		d.nodes[name] = n
	}
	n.until = now.Add(ttl)
	return !known, nil
}

// Set implements presence.Registry.
func (h registry) Set(ctx context.Context, name string, sessions []presence.Session) error {
	const op = "set presence"
	if err := h.ready(ctx, op); err != nil {
		return err
	}
	if err := batch(op, "sessions", len(sessions)); err != nil {
		return err
	}
	for i := range sessions {
		if err := sessions[i].Check(op); err != nil {
			return err
		}
	}
	d := &h.data.registry
	now := d.lock()
	defer d.mu.Unlock()
	n := d.nodes[name]
	if n == nil {
		return &chat.Error{Kind: chat.ErrExpired, Op: op, Field: "node"}
	}
	for _, s := range sessions {
		old := d.sessions[s.User][s.ID]
		s.Since = now
		if old != nil {
			if s.Show == presence.Offline && old.node != n {
				continue // it has moved
			}
			if old.Show == s.Show && old.Status == s.Status {
				s.Since = old.Since
			}
			d.remove(old)
		}
		if s.Show != presence.Offline {
			s.Rooms = slices.Clone(s.Rooms)
			slices.SortFunc(s.Rooms, func(a, b chat.RoomID) int { return strings.Compare(a.Key, b.Key) })
			s.Rooms = slices.Compact(s.Rooms)
			d.add(&held{s, n})
		}
	}
	return nil
}

// Of implements presence.Registry.
func (h registry) Of(ctx context.Context, users []chat.UserID) ([]presence.State, error) {
	const op = "presence"
	if err := h.ready(ctx, op); err != nil {
		return nil, err
	}
	if err := batch(op, "users", len(users)); err != nil {
		return nil, err
	}
	d := &h.data.registry
	d.lock()
	defer d.mu.Unlock()
	var all []presence.State
	for _, u := range users {
		if len(d.sessions[u]) > 0 {
			all = append(all, d.state(u, nil))
		}
	}
	return all, nil
}

// In implements presence.Registry.
func (h registry) In(ctx context.Context, room chat.RoomID, after string, limit int) ([]presence.State, error) {
	if err := h.list(ctx, "occupants", limit); err != nil {
		return nil, err
	}
	d := &h.data.registry
	d.lock()
	defer d.mu.Unlock()
	var keys []string
	for key := range d.rooms[room] {
		if key > after {
			keys = append(keys, key)
		}
	}
	var all []presence.State
	for _, key := range firstBy(keys, limit, func(k string) string { return k }) {
		all = append(all, d.state(chat.UserID{Tenant: room.Tenant, Key: key}, func(s *held) bool {
			return slices.Contains(s.Rooms, room)
		}))
	}
	return all, nil
}

// Stats implements presence.Registry.
func (h registry) Stats(ctx context.Context, tenant string) (presence.Stats, error) {
	if err := h.ready(ctx, "presence stats"); err != nil {
		return presence.Stats{}, err
	}
	d := &h.data.registry
	d.lock()
	defer d.mu.Unlock()
	var s presence.Stats
	for u, sessions := range d.sessions {
		if u.Tenant == tenant {
			s.Users++
			s.Sessions += len(sessions)
		}
	}
	return s, nil
}

// Take implements presence.Limiter.
func (h registry) Take(ctx context.Context, buckets ...presence.Bucket) (presence.Taken, error) {
	const op = "take"
	if err := h.ready(ctx, op); err != nil {
		return presence.Taken{}, err
	}
	if err := presence.CheckTake(op, buckets); err != nil {
		return presence.Taken{}, err
	}
	d := &h.data.registry
	return d.buckets.Take(d.now(), buckets...), nil
}

var (
	_ presence.Registry = registry{}
	_ presence.Limiter  = registry{}
)
