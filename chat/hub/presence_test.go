package hub_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/chat/hub"
	"github.com/parlor-chat/parlor/chat/hub/hubtest"
	"github.com/parlor-chat/parlor/drivers"
	"github.com/parlor-chat/parlor/presence"
)

func plug(t *testing.T, k *hubtest.Kit, node int, user string, d hub.Device) *hub.Session {
	t.Helper()
	s, err := k.As(node, user).Connect(t.Context(), d)
	ok(t, err)
	synctest.Wait()
	return s
}

// how is somebody as another sees him: device and show, and the best behind them.
func how(s presence.State) string {
	var all []string
	for _, x := range s.Sessions {
		all = append(all, strings.TrimSpace(x.Device+" "+x.Show.String()+" "+x.Status))
	}
	if len(all) > 1 {
		all = append(all, "best "+s.Best().Device)
	}
	return strings.Join(all, ", ")
}

func sees(t *testing.T, k *hubtest.Kit, node int, user, want string) {
	t.Helper()
	synctest.Wait()
	got, err := k.As(node, "ann").Presence(t.Context(), user)
	ok(t, err)
	if len(got) != 1 || how(got[0]) != want {
		t.Fatalf("%s is %q, want %q", user, how(got[0]), want)
	}
}

// tells are all that a session has been told of somebody; the last counts.
func tells(t *testing.T, s *hub.Session, user, want string) {
	t.Helper()
	synctest.Wait()
	got := "nothing"
	for buf := make([]*hub.Delivery, 100); ; {
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		n, err := s.Next(ctx, buf)
		cancel()
		if err != nil {
			break
		}
		for _, d := range buf[:n] {
			if d.Presence != nil && d.Presence.User.Key == user {
				got = how(*d.Presence)
			}
		}
	}
	if got != want {
		t.Fatalf("told of %s: %q, want %q", user, got, want)
	}
}

func TestPresenceOfSeveralDevices(t *testing.T) {
	hubtest.Run(t, 2, func(t *testing.T, k *hubtest.Kit) {
		k.Room("r", "ann", "bob")
		ann := plug(t, k, 0, "ann", hub.Device{Name: "desk"})
		ok(t, ann.WatchPresence(t.Context(), "bob", "cyd", "bob"))
		tells(t, ann, "bob", "")
		phone := plug(t, k, 0, "bob", hub.Device{Name: "phone"})
		tells(t, ann, "bob", "phone available")
		laptop := plug(t, k, 1, "bob", hub.Device{Name: "laptop", Hidden: true})
		sees(t, k, 1, "bob", "phone available")
		ok(t, laptop.SetPresence(hub.Presence{Show: presence.DoNotDisturb, Status: "baking", Priority: 5}))
		sees(t, k, 0, "cyd", "")
		got, err := k.As(0, "ann").Presence(t.Context(), "cyd", "bob")
		ok(t, err)
		if len(got) != 2 || got[0].User.Key != "cyd" || len(got[1].Sessions) != 2 || got[1].Best().Device != "laptop" {
			t.Errorf("%+v", got)
		}
		phone.Close()
		tells(t, ann, "bob", "laptop dnd baking")
		laptop.Close()
		tells(t, ann, "bob", "")
		sees(t, k, 0, "bob", "")
		fails(t, laptop.SetPresence(hub.Presence{Show: presence.Away}), chat.ErrClosed, "")
		sees(t, k, 0, "bob", "")
		ok(t, ann.WatchPresence(t.Context())) // nobody any more
		plug(t, k, 0, "bob", hub.Device{})
		tells(t, ann, "bob", "nothing")
	})
}

func TestWhoDoesNothingIsAway(t *testing.T) {
	hubtest.RunWith(t, 1, hubtest.Options{Hub: hub.Options{AwayAfter: time.Minute}}, func(t *testing.T, k *hubtest.Kit) {
		s := plug(t, k, 0, "bob", hub.Device{Name: "phone"})
		time.Sleep(50 * time.Second)
		s.Active()
		time.Sleep(50 * time.Second)
		sees(t, k, 0, "bob", "phone available")
		time.Sleep(20 * time.Second)
		sees(t, k, 0, "bob", "phone away")
		s.Active()
		sees(t, k, 0, "bob", "phone available")
		ok(t, s.SetPresence(hub.Presence{Show: presence.DoNotDisturb}))
		time.Sleep(15 * time.Minute)
		sees(t, k, 0, "bob", "phone dnd") // he said so
	})
	hubtest.RunWith(t, 1, hubtest.Options{Hub: hub.Options{AwayAfter: -1}}, func(t *testing.T, k *hubtest.Kit) {
		plug(t, k, 0, "bob", hub.Device{Name: "phone"})
		time.Sleep(15 * time.Minute)
		sees(t, k, 0, "bob", "phone available")
	})
}

func TestADeadNodesSessionsAreGoneWithinTheLease(t *testing.T) {
	hubtest.Run(t, 2, func(t *testing.T, k *hubtest.Kit) {
		ann := plug(t, k, 0, "ann", hub.Device{})
		ok(t, ann.WatchPresence(t.Context(), "bob"))
		plug(t, k, 1, "bob", hub.Device{Name: "phone"})
		time.Sleep(time.Minute)
		tells(t, ann, "bob", "phone available")
		k.Kill(1)
		time.Sleep(5 * time.Second)
		tells(t, ann, "bob", "nothing")
		time.Sleep(9 * time.Second)
		tells(t, ann, "bob", "")
	})
}

func TestPresenceComesBackWithTheRegistry(t *testing.T) {
	hubtest.Run(t, 2, func(t *testing.T, k *hubtest.Kit) {
		ann := plug(t, k, 0, "ann", hub.Device{})
		ok(t, ann.WatchPresence(t.Context(), "bob", "cyd"))
		bob := plug(t, k, 1, "bob", hub.Device{Name: "phone"})
		tells(t, ann, "bob", "phone available")
		heal := k.Fail(hubtest.Registry, hubtest.Down)
		time.Sleep(time.Minute) // the leases end
		ok(t, bob.SetPresence(hub.Presence{Show: presence.Away}))
		plug(t, k, 1, "cyd", hub.Device{Name: "desk"})
		if _, err := k.As(0, "ann").Presence(t.Context(), "bob"); !errors.Is(err, chat.ErrUnavailable) {
			t.Error(err)
		}
		heal()
		time.Sleep(10 * time.Second)
		sees(t, k, 0, "bob", "phone away")
		sees(t, k, 0, "cyd", "desk available")
		tells(t, ann, "cyd", "desk available")
	})
}

// What changes while a node can't reach the registry is told by nobody when it can again,
// and so it looks.
func TestAnOutageOfTheRegistryHidesNoChange(t *testing.T) {
	for _, outage := range []time.Duration{time.Second, time.Minute} { // between two beats, beyond the lease
		t.Run(outage.String(), func(t *testing.T) {
			hubtest.Run(t, 2, func(t *testing.T, k *hubtest.Kit) {
				ann := plug(t, k, 0, "ann", hub.Device{})
				ok(t, ann.WatchPresence(t.Context(), "bob"))
				bob := plug(t, k, 1, "bob", hub.Device{Name: "phone"})
				tells(t, ann, "bob", "phone available")
				time.Sleep(time.Millisecond) // at no moment of a beat
				heal := k.Fail(hubtest.Registry, hubtest.Down, 0)
				bob.Close()
				time.Sleep(outage)
				heal()
				tells(t, ann, "bob", "nothing")
				time.Sleep(10 * time.Second)
				tells(t, ann, "bob", "")
			})
		})
	}
}

// staleRegistry can't be reached for a while; then something changes while it answers.
type staleRegistry struct {
	presence.Registry
	down  atomic.Bool
	while func()
}

func (r *staleRegistry) Beat(ctx context.Context, node string, ttl time.Duration) (bool, error) {
	if r.down.Load() {
		return false, &chat.Error{Kind: chat.ErrUnavailable, Op: "beat"}
	}
	return r.Registry.Beat(ctx, node, ttl)
}

func (r *staleRegistry) Of(ctx context.Context, users []chat.UserID) ([]presence.State, error) {
	states, err := r.Registry.Of(ctx, users)
	if while := r.while; while != nil {
		r.while = nil
		while()
	}
	return states, err
}

// What is read after an outage is told before what changes meanwhile.
func TestAnOldStateIsNotToldLast(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := newKit(t, nil)
		stale := &staleRegistry{}
		h := k.over(func(s *drivers.Set) { stale.Registry, s.Registry = s.Registry, stale })
		ann, bob := k.connect(h, "ann", 0), k.connect(k.Hub, "bob", 0)
		synctest.Wait()
		ok(t, ann.WatchPresence(t.Context(), "bob"))
		stale.down.Store(true)
		time.Sleep(5 * time.Second)
		stale.while = func() {
			ok(t, bob.SetPresence(hub.Presence{Show: presence.Away}))
			time.Sleep(time.Second)
		}
		stale.down.Store(false)
		time.Sleep(10 * time.Second)
		tells(t, ann, "bob", "test away")
		ok(t, k.Shutdown(t.Context()))
		ok(t, h.Shutdown(t.Context()))
		k.store.Close()
	})
}

// A session that ends while it says how its user is leaves nobody behind.
func TestNobodyIsHereWhoseSessionHasEnded(t *testing.T) {
	k := newKit(t, nil)
	ann := k.connect(k.Hub, "ann", 0)
	const people = 1000
	var names []string
	for i := range people {
		names = append(names, fmt.Sprint("u", i))
	}
	for round := range 5 {
		var all sync.WaitGroup
		for _, who := range names {
			s := k.connect(k.Hub, who, 0)
			for range 3 {
				all.Go(func() {
					for s.SetPresence(hub.Presence{Show: presence.Away}) == nil {
					}
				})
			}
			all.Go(func() { s.Close() })
		}
		all.Wait()
		until(t, fmt.Sprint("all are gone, round ", round), func() bool {
			all, err := ann.User().Presence(t.Context(), names...)
			ok(t, err)
			return !slices.ContainsFunc(all, func(s presence.State) bool { return len(s.Sessions) > 0 })
		})
	}
}

func TestOccupants(t *testing.T) {
	hubtest.Run(t, 2, func(t *testing.T, k *hubtest.Kit) {
		k.Room("r", "ann", "bob", "cyd")
		k.Room("other", "dan")
		plug(t, k, 0, "ann", hub.Device{})
		plug(t, k, 1, "bob", hub.Device{Name: "phone"})
		plug(t, k, 0, "bob", hub.Device{Name: "desk"})
		plug(t, k, 0, "dan", hub.Device{})
		in := func(want string) {
			t.Helper()
			time.Sleep(time.Second)
			var got []string
			for after := ""; ; {
				list, err := k.As(1, "ann").Room("r").Occupants(t.Context(), after, 1)
				ok(t, err)
				if len(list) == 0 {
					break
				}
				got = append(got, fmt.Sprint(list[0].User.Key, len(list[0].Sessions)))
				after = list[0].User.Key
			}
			if s := strings.Join(got, " "); s != want {
				t.Fatalf("occupants %q, want %q", s, want)
			}
		}
		in("ann1 bob2")
		ok(t, k.As(0, "dan").Room("r").Join(t.Context()))
		in("ann1 bob2 dan1")
		ok(t, k.As(0, "ann").Room("r").SetMember(t.Context(), "bob", chat.RoleBanned, ""))
		in("ann1 dan1")
		_, err := k.As(0, "bob").Room("r").Occupants(t.Context(), "", 10)
		fails(t, err, chat.ErrNotFound, "room")
		for _, limit := range []int{0, -1, chat.MaxBatch + 1} {
			if _, err := k.As(0, "ann").Room("r").Occupants(t.Context(), "", limit); err == nil {
				t.Errorf("a limit of %d", limit)
			}
		}
	})
}

func TestPresenceRefuses(t *testing.T) {
	hubtest.RunWith(t, 1, hubtest.Options{Hub: hub.Options{Policy: func(_ context.Context, a hub.Action) error {
		if a.Verb == hub.VerbPresence && a.User.Key == "mallory" {
			return errors.New("no")
		}
		return nil
	}}}, func(t *testing.T, k *hubtest.Kit) {
		s := plug(t, k, 0, "ann", hub.Device{})
		fails(t, s.SetPresence(hub.Presence{}), chat.ErrInvalid, "show")
		fails(t, s.SetPresence(hub.Presence{Show: 99}), chat.ErrInvalid, "show")
		fails(t, s.SetPresence(hub.Presence{Show: presence.Away, Status: strings.Repeat("x", 100_000)}), chat.ErrTooLarge, "status")
		many := make([]string, hub.MaxWatched+1)
		for i := range many {
			many[i] = fmt.Sprint("u", i)
		}
		fails(t, s.WatchPresence(t.Context(), many...), chat.ErrTooLarge, "users")
		fails(t, s.WatchPresence(t.Context(), "a user"), chat.ErrInvalid, "")
		_, err := k.As(0, "mallory").Presence(t.Context(), "ann")
		fails(t, err, chat.ErrForbidden, "policy")
		if _, err := k.As(0, "ann").Presence(t.Context(), ""); err == nil {
			t.Error("nobody")
		}
	})
}

// One that is told of many people and reads nothing is cut off, and harms nobody.
func TestAWatcherThatDoesNotReadIsCutOff(t *testing.T) {
	hubtest.Run(t, 1, func(t *testing.T, k *hubtest.Kit) {
		deaf := plug(t, k, 0, "ann", hub.Device{Queue: 5})
		good := plug(t, k, 0, "ann", hub.Device{})
		ok(t, deaf.WatchPresence(t.Context(), "bob"))
		ok(t, good.WatchPresence(t.Context(), "bob"))
		bob := plug(t, k, 0, "bob", hub.Device{})
		for i := range 20 {
			ok(t, bob.SetPresence(hub.Presence{Show: presence.Away, Status: fmt.Sprint(i)}))
			synctest.Wait()
		}
		tells(t, good, "bob", "away 19")
		buf := make([]*hub.Delivery, 10)
		_, err := deaf.Next(t.Context(), buf)
		ok(t, err)
		_, err = deaf.Next(t.Context(), buf)
		fails(t, err, chat.ErrCutOff, "queue")
	})
}
