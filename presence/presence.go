// Package presence holds the contract of who is here now: [Registry]. Presence lasts as
// long as somebody holds it up: each node has a lease that carries the sessions it
// serves, and a node that dies takes them with it. Nothing of it is ever stored for
// good.
//
// A [State] is somebody as others see him: his sessions, of all devices and nodes.
// [State.Best] is the one that stands for him.
package presence

import (
	"context"
	"time"

	"github.com/parlor-chat/parlor/chat"
)

// Bounds of a [Registry].
const (
	MaxLease = time.Hour // of a node
	MaxRooms = 1000      // that one session is in
)

// Registry knows the sessions of all nodes.
//
// Those of a node are there while its lease lasts: Of, In and Stats know them no more
// from the moment it ended, and watchers are told at the latest by the next Beat of
// any node. Time is the registry's.
type Registry interface {
	// Beat gives node its lease for ttl from now, or renews it. fresh says that it had
	// none: whatever it had set before is gone, and it must set all its sessions
	// again. ttl is above 0 and at most [MaxLease].
	Beat(ctx context.Context, node string, ttl time.Duration) (fresh bool, err error)
	// Set stores up to [chat.MaxBatch] sessions of a node, each whole, all or none. A
	// session is named by its user and ID: where another node had it, it has moved
	// here. One that is [Offline] is dropped, but for one that has moved elsewhere: it
	// stays. A node without a lease is ErrExpired with field "node".
	Set(ctx context.Context, node string, sessions []Session) error
	// Of reads the states of up to [chat.MaxBatch] people, in the order given. Those
	// without a session are left out.
	Of(ctx context.Context, users []chat.UserID) ([]State, error)
	// In lists the occupants of a room by user key, behind after, with those of their
	// sessions that are in it. limit is from 1 to [chat.MaxBatch].
	In(ctx context.Context, room chat.RoomID, after string, limit int) ([]State, error)
	// Watch calls fn with the states of people whose sessions changed after it
	// returned, of every tenant and node; without sessions: he is gone. Several
	// changes of one person may be told as one. The last is always told, unless the
	// registry couldn't be reached meanwhile: then the next Beat of a node through
	// this registry fails, and when one succeeds again, Of says what was missed. fn is
	// called by one goroutine at a time, and a slow one delays only itself. It ends
	// with stop, which may be called twice; when it returns, fn isn't running and will
	// not run, so fn must not call it. The end of ctx stops it, too.
	Watch(ctx context.Context, fn func([]State)) (stop func(), err error)
	// Stats counts the people and the sessions of a tenant.
	Stats(ctx context.Context, tenant string) (Stats, error)
}

// Session is one device of one user, connected to one node.
type Session struct {
	User     chat.UserID
	ID       string // names it among those of the user; a key
	Device   string // what people call it
	Show     Show
	Status   string        // in the user's words
	Priority int8          // RFC 6121, section 4.7.2.3; below 0: never the best for a message
	Rooms    []chat.RoomID // where it is; read back by key, each once

	// Since is when Show or Status last changed; set by the registry, not by Set.
	Since time.Time
}

// Show is how available a session is, as in RFC 6121, section 4.7.2.1.
type Show uint8

// The shows, from gone to eager.
const (
	Offline Show = iota
	ExtendedAway
	Away
	DoNotDisturb
	Available
	FreeForChat
)

var showNames = [...]string{"offline", "xa", "away", "dnd", "available", "chat"}

func (s Show) String() string {
	if int(s) < len(showNames) {
		return showNames[s]
	}
	return "unknown"
}

// State is somebody with his sessions, by their IDs.
type State struct {
	User     chat.UserID
	Sessions []Session
}

// Best is the session that stands for somebody: of the highest priority, then the
// most available, then the latest. Without sessions it is [Offline].
func (s State) Best() Session {
	best := Session{User: s.User, Priority: -128}
	for _, x := range s.Sessions {
		switch {
		case x.Priority != best.Priority:
			if x.Priority > best.Priority {
				best = x
			}
		case x.Show != best.Show:
			if x.Show > best.Show {
				best = x
			}
		case x.Since.After(best.Since):
			best = x
		}
	}
	return best
}

// Stats is how many are here.
type Stats struct{ Users, Sessions int }

// CheckBeat says whether a lease may be asked for.
func CheckBeat(op, node string, ttl time.Duration) error {
	if err := chat.CheckKey(op, "node", node); err != nil {
		return err
	}
	switch {
	case ttl <= 0:
		return &chat.Error{Kind: chat.ErrInvalid, Op: op, Field: "ttl"}
	case ttl > MaxLease:
		return &chat.Error{Kind: chat.ErrTooLarge, Op: op, Field: "ttl", Limit: int64(MaxLease)}
	}
	return nil
}

// Check says whether a session may be set.
func (s *Session) Check(op string) error {
	if err := s.User.Check(op); err != nil {
		return err
	}
	if err := chat.CheckKey(op, "id", s.ID); err != nil {
		return err
	}
	if err := chat.CheckName(op, "device", s.Device); err != nil {
		return err
	}
	if err := chat.CheckName(op, "status", s.Status); err != nil {
		return err
	}
	switch {
	case s.Show > FreeForChat:
		return &chat.Error{Kind: chat.ErrInvalid, Op: op, Field: "show"}
	case len(s.Rooms) > MaxRooms:
		return &chat.Error{Kind: chat.ErrTooLarge, Op: op, Field: "rooms", Limit: MaxRooms}
	}
	for _, r := range s.Rooms {
		if err := r.Check(op); err != nil {
			return err
		}
		if r.Tenant != s.User.Tenant {
			return &chat.Error{Kind: chat.ErrInvalid, Op: op, Field: "rooms"}
		}
	}
	return nil
}
