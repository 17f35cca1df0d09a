// Package presencetest proves a [presence.Registry]. A driver author runs it with one
// call from a test, as the suites of package storagetest.
package presencetest

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/internal/suite"
	"github.com/parlor-chat/parlor/presence"
)

// Site is one place where a registry lies.
type Site struct {
	// Open opens the registry. It is called twice at once, as two nodes would.
	Open func(ctx context.Context) (r presence.Registry, close func() error, err error)
}

// Case is one thing that a registry must do.
type Case = suite.Case[*Site]

// Cases are all cases of a registry.
func Cases() []Case { return slices.Concat(sessionCases, leaseCases, watchCases, rateCases, lifeCases) }

// Registry runs all cases of a registry; at makes a fresh site for each.
func Registry(t *testing.T, at func(testing.TB) *Site) {
	t.Helper()
	suite.Run(t, Cases(), at)
}

// short is a lease that a case waits for; long one that it doesn't.
const (
	short = 150 * time.Millisecond
	long  = time.Minute
)

var (
	ann     = chat.UserID{Tenant: "acme", Key: "ann"}
	bob     = chat.UserID{Tenant: "acme", Key: "bob"}
	mallory = chat.UserID{Tenant: "evil", Key: "ann"}
	kitchen = chat.RoomID{Tenant: "acme", Key: "kitchen"}
	lobby   = chat.RoomID{Tenant: "acme", Key: "lobby"}
)

// at runs a case with a registry in which the nodes a and b have long leases.
func at(run func(context.Context, presence.Registry) error) func(context.Context, *Site) error {
	return func(ctx context.Context, s *Site) error {
		r, closeIt, err := s.Open(ctx)
		if err != nil {
			return err
		}
		defer closeIt()
		if err := first(beat(ctx, r, "a", long), beat(ctx, r, "b", long)); err != nil {
			return err
		}
		return run(ctx, r)
	}
}

func beat(ctx context.Context, r presence.Registry, node string, ttl time.Duration) error {
	_, err := r.Beat(ctx, node, ttl)
	return err
}

func here(u chat.UserID, id string, show presence.Show, rooms ...chat.RoomID) presence.Session {
	return presence.Session{User: u, ID: id, Show: show, Rooms: rooms}
}

func set(ctx context.Context, r presence.Registry, node string, sessions ...presence.Session) error {
	return r.Set(ctx, node, sessions)
}

// sees compares what somebody's state is with sessions told as "id show".
func sees(ctx context.Context, r presence.Registry, u chat.UserID, want ...string) error {
	all, err := r.Of(ctx, []chat.UserID{u})
	if err != nil {
		return err
	}
	var got []string
	for _, s := range all {
		if s.User != u {
			return fmt.Errorf("asked for %v, told about %v", u, s.User)
		}
		got = append(got, told(s)...)
	}
	return same(fmt.Sprint("the sessions of ", u), got, want)
}

func told(s presence.State) (all []string) {
	for _, x := range s.Sessions {
		all = append(all, x.ID+" "+x.Show.String())
	}
	return all
}

// occupants lists a room, as user keys with their sessions.
func occupants(ctx context.Context, r presence.Registry, room chat.RoomID, after string, limit int, want ...string) error {
	all, err := r.In(ctx, room, after, limit)
	if err != nil {
		return err
	}
	var got []string
	for _, s := range all {
		if s.User.Tenant != room.Tenant {
			return fmt.Errorf("%v is in %v", s.User, room)
		}
		line := s.User.Key
		for _, x := range s.Sessions {
			line += " " + x.ID
		}
		got = append(got, line)
	}
	return same(fmt.Sprint("who is in ", room), got, want)
}

func same[T any](what string, got, want T) error {
	if !reflect.DeepEqual(got, want) {
		return fmt.Errorf("%s: %v, want %v", what, got, want)
	}
	return nil
}

func is(err, kind error, field string) error {
	var e *chat.Error
	if !errors.Is(err, kind) || field != "" && (!errors.As(err, &e) || e.Field != field) {
		return fmt.Errorf("error %v, want %v of field %q", err, kind, field)
	}
	return nil
}

func first(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

func sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// audience keeps the last that a watch told of each.
type audience struct {
	mu    sync.Mutex
	last  map[chat.UserID][]string
	calls int
}

func watch(ctx context.Context, r presence.Registry) (*audience, func(), error) {
	a := &audience{last: map[chat.UserID][]string{}}
	stop, err := r.Watch(ctx, func(states []presence.State) {
		a.mu.Lock()
		defer a.mu.Unlock()
		a.calls++
		for _, s := range states {
			a.last[s.User] = append([]string{}, told(s)...)
		}
	})
	return a, stop, err
}

// hears waits until the last that was told of somebody is want.
func (a *audience) hears(ctx context.Context, u chat.UserID, want ...string) error {
	want = append([]string{}, want...)
	for {
		a.mu.Lock()
		got, ok := a.last[u]
		a.mu.Unlock()
		if ok && slices.Equal(got, want) {
			return nil
		}
		if err := sleep(ctx, time.Millisecond); err != nil {
			return fmt.Errorf("the watch last told %v of %v, want %v", got, u, want)
		}
	}
}
