package hubtest_test

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/chat/hub"
	"github.com/parlor-chat/parlor/chat/hub/hubtest"
	"github.com/parlor-chat/parlor/search"
)

// use does what people do, and says what failed first.
func use(t *testing.T, k *hubtest.Kit, node int, user, room string) error {
	t.Helper()
	u := k.As(node, user)
	if _, err := u.Room(room).Page(t.Context(), chat.Latest(10)); err != nil {
		return err
	}
	if _, err := u.Room(room).Send(t.Context(), chat.Text{Body: "goes on"}); err != nil {
		return err
	}
	if _, err := u.Search(t.Context(), hub.Query{Where: search.Words("goes"), Limit: 5}); err != nil {
		return err
	}
	if _, err := u.Rooms(t.Context(), "", 10); err != nil {
		return err
	}
	s, err := u.Connect(t.Context(), hub.Device{})
	if err != nil {
		return err
	}
	return s.Close()
}

// While the directory is away, a node goes on with what it said last, for a while; and lets
// nobody in of whom it said nothing.
func TestWhileTheDirectoryIsAway(t *testing.T) {
	hubtest.Run(t, 2, func(t *testing.T, k *hubtest.Kit) {
		k.Room("r", "ann", "bob")
		k.Settle()
		if err := errors.Join(use(t, k, 0, "ann", "r"), use(t, k, 1, "ann", "r")); err != nil {
			t.Fatal(err)
		}
		away := k.Fail(hubtest.Directory, hubtest.Down)
		for range 14 {
			for n := range 2 {
				if err := use(t, k, n, "ann", "r"); err != nil {
					t.Fatalf("node %d: %v", n, err)
				}
			}
			time.Sleep(time.Minute)
		}
		// Where the log can't be asked either, a list is none rather than short.
		broker := k.Fail(hubtest.Broker, hubtest.Down)
		if list, err := k.As(0, "ann").Rooms(t.Context(), "", 10); !errors.Is(err, chat.ErrUnavailable) {
			t.Errorf("without the log: %v, %v", list, err)
		}
		broker()
		if err := use(t, k, 0, "cyd", "r"); !errors.Is(err, chat.ErrUnavailable) {
			t.Errorf("somebody of whom nothing is known: %v", err)
		}
		time.Sleep(2 * time.Minute) // since it could be asked
		if err := use(t, k, 0, "ann", "r"); !errors.Is(err, chat.ErrUnavailable) {
			t.Errorf("16 minutes later: %v", err)
		}
		away()
		if err := use(t, k, 0, "ann", "r"); err != nil {
			t.Errorf("when it is back: %v", err)
		}
	})
}

// What the log tells of a change counts more than what the directory said before, be it that
// he is there himself, that others hear it in the room, or that nobody does.
func TestWhoIsBannedWhileTheDirectoryIsAwayFromANode(t *testing.T) {
	for _, there := range []string{"bob", "ann", "nobody"} {
		t.Run(there, func(t *testing.T) {
			hubtest.Run(t, 2, func(t *testing.T, k *hubtest.Kit) {
				k.Room("r", "ann", "bob")
				k.Settle()
				k.Fail(hubtest.Fence, hubtest.Down, 0) // so that it leads nothing, and hears of the ban alone
				time.Sleep(time.Minute)
				if err := errors.Join(use(t, k, 0, "bob", "r"), use(t, k, 0, "ann", "r")); err != nil {
					t.Fatal(err)
				}
				var s *hub.Session
				if there != "nobody" {
					s = connect(t, k, 0, there)
					defer s.Close()
				}
				away := k.Fail(hubtest.Directory, hubtest.Down, 0)
				if err := use(t, k, 0, "bob", "r"); err != nil {
					t.Fatal(err)
				}
				synctest.Wait() // the node hears no more where nobody is connected
				if err := k.As(1, "ann").Room("r").SetMember(t.Context(), "bob", chat.RoleBanned, ""); err != nil {
					t.Fatal(err)
				}
				synctest.Wait()
				say(t, k, 1, "ann", "r", "secret")
				synctest.Wait()
				if err := use(t, k, 0, "bob", "r"); !errors.Is(err, chat.ErrUnavailable) {
					t.Errorf("who was banned: %v", err)
				}
				if list, err := k.As(0, "bob").Rooms(t.Context(), "", 10); err == nil && len(list) > 0 {
					t.Errorf("who was banned lists %v", list)
				}
				if err := use(t, k, 0, "ann", "r"); err != nil {
					t.Errorf("the others: %v", err)
				}
				away()
				if err := use(t, k, 0, "bob", "r"); !errors.Is(err, chat.ErrNotFound) {
					t.Errorf("when it is back: %v", err)
				}
				if there == "bob" {
					for d, err := range s.All(t.Context()) {
						if err != nil { // his rooms couldn't be worked out
							break
						}
						if x, ok := d.Event.Content.(*chat.Text); ok && x.Body == "secret" {
							t.Error("he heard it")
						}
					}
				}
			})
		})
	}
}

// A host that wants the directory or nothing gets that.
func TestNothingIsRemembered(t *testing.T) {
	hubtest.RunWith(t, 1, hubtest.Options{Hub: hub.Options{Remember: -1}}, func(t *testing.T, k *hubtest.Kit) {
		k.Room("r", "ann")
		if err := use(t, k, 0, "ann", "r"); err != nil {
			t.Fatal(err)
		}
		k.Fail(hubtest.Directory, hubtest.Down)
		if err := use(t, k, 0, "ann", "r"); !errors.Is(err, chat.ErrUnavailable) {
			t.Error(err)
		}
	})
}
