package hubtest_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/chat/hub"
	"github.com/parlor-chat/parlor/chat/hub/hubtest"
)

// However slow a driver is, and however much there is to be done, Shutdown returns soon
// after its context has ended.
func TestShutdownHonoursItsContext(t *testing.T) {
	for _, c := range []hubtest.Contract{hubtest.Directory, hubtest.Fence, hubtest.History, hubtest.Registry} {
		t.Run(string(c), func(t *testing.T) {
			hubtest.Run(t, 2, func(t *testing.T, k *hubtest.Kit) {
				var users []string
				for i := range 20 {
					users = append(users, fmt.Sprint("u", i))
				}
				k.Room("r", users...)
				for _, u := range users {
					connect(t, k, 1, u)
				}
				k.Settle()
				time.Sleep(time.Minute) // node 1 has its shards
				k.Fail(c, hubtest.Fault{Slow: time.Hour}, 1)
				for _, u := range users {
					if err := k.Node(0).Admin().Recheck(t.Context(), hubtest.User(u)); err != nil {
						t.Error(err)
					}
				}
				say(t, k, 0, "u0", "r", "bye")
				synctest.Wait()
				ctx, cancel := context.WithTimeout(t.Context(), time.Second)
				defer cancel()
				start := time.Now()
				err := k.Node(1).Shutdown(ctx)
				if took := time.Since(start); took > 4*time.Second {
					t.Errorf("took %v: %v", took, err)
				}
				if err != nil && !errors.Is(err, context.DeadlineExceeded) {
					t.Error(err)
				}
				k.Kill(1) // what is left of it
			})
		})
	}
}

// What is said right behind a join reaches the sessions of who joined, on other nodes too,
// though they learn of it late; once, and in order.
func TestWhatIsSaidBehindAJoinIsHeard(t *testing.T) {
	for _, invited := range []bool{false, true} {
		hubtest.Run(t, 2, func(t *testing.T, k *hubtest.Kit) {
			k.Room("r", "ann")
			join := func() error { return k.As(0, "bob").Room("r").Join(t.Context()) }
			if invited {
				join = func() error { return k.As(0, "ann").Room("r").SetMember(t.Context(), "bob", chat.RoleMember, "") }
			}
			near, far := connect(t, k, 0, "bob"), connect(t, k, 1, "bob")
			say(t, k, 0, "ann", "r", "before")
			k.Settle()
			k.Fail(hubtest.Directory, hubtest.Fault{Slow: 300 * time.Millisecond}, 1)
			k.Fail(hubtest.Broker, hubtest.Fault{Slow: 300 * time.Millisecond}, 1)
			if err := join(); err != nil {
				t.Fatal(err)
			}
			var want []string
			var tokens []hub.Resume // of a session that takes nothing
			for i := range 20 {     // and on, while it is worked out
				want = append(want, fmt.Sprint(i))
				say(t, k, 0, "ann", "r", fmt.Sprint(i))
				time.Sleep(100 * time.Millisecond)
				tokens = append(tokens, far.Resume())
			}
			k.Heal()
			k.Settle()
			for name, s := range map[string]*hub.Session{"near": near, "far": far} {
				if got := heard(t, s); !slices.Equal(got, want) {
					t.Errorf("%s: bob heard %q, want %q", name, got, want)
				}
				resumed(t, k, s.Resume(), nil)
				s.Close()
			}
			for _, token := range tokens {
				resumed(t, k, token, want)
			}
		})
	}
}

// resumed is what bob hears who comes back.
func resumed(t *testing.T, k *hubtest.Kit, token hub.Resume, want []string) {
	t.Helper()
	s, err := k.As(1, "bob").Connect(t.Context(), hub.Device{Resume: token})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if got := heard(t, s); !slices.Equal(got, want) {
		t.Errorf("resumed, bob heard %q, want %q", got, want)
	}
}

// Where what was said behind a join can't be read, the session is cut off, and what it
// missed comes when it resumes.
func TestWhoCantBeToldWhatHeMissedIsCutOff(t *testing.T) {
	hubtest.Run(t, 2, func(t *testing.T, k *hubtest.Kit) {
		k.Room("r", "ann", "cyd")
		cyd := connect(t, k, 1, "cyd") // the node hears the room
		bob := connect(t, k, 1, "bob")
		k.Settle()
		heal := k.Fail(hubtest.Directory, hubtest.Fault{Slow: time.Second}, 1)
		if err := k.As(0, "bob").Room("r").Join(t.Context()); err != nil {
			t.Fatal(err)
		}
		for i := range 1200 { // more than the head brings at once
			say(t, k, 0, "ann", "r", fmt.Sprint(i))
		}
		time.Sleep(time.Minute)
		heal()
		k.Settle()
		var err error
		for err == nil {
			_, err = bob.Next(t.Context(), make([]*hub.Delivery, 100))
		}
		if !errors.Is(err, chat.ErrCutOff) {
			t.Fatal(err)
		}
		token := bob.Resume()
		bob.Close()
		if bob, err = k.As(0, "bob").Connect(t.Context(), hub.Device{Resume: token}); err != nil {
			t.Fatal(err)
		}
		if got := heard(t, bob); len(got) != 1200 || got[0] != "0" || got[1199] != "1199" {
			t.Errorf("bob heard %d", len(got))
		}
		bob.Close()
		cyd.Close()
	})
}

// Sessions that connect don't wait for one another's questions to the directory.
func TestConnectionsDontWaitForOneAnother(t *testing.T) {
	hubtest.Run(t, 1, func(t *testing.T, k *hubtest.Kit) {
		k.Room("r", "ann", "bob")
		k.Settle()
		heal := k.Fail(hubtest.Directory, hubtest.Fault{Slow: time.Second})
		start := time.Now()
		var all sync.WaitGroup
		for _, u := range []string{"ann", "bob", "cyd", "ann", "bob", "cyd"} {
			all.Go(func() {
				s, err := k.As(0, u).Connect(t.Context(), hub.Device{})
				if err != nil {
					t.Error(err)
					return
				}
				s.Close()
			})
		}
		all.Wait()
		if took := time.Since(start); took > 3*time.Second { // Access is asked twice where a room is new to the node
			t.Errorf("took %v", took)
		}
		heal()
	})
}
