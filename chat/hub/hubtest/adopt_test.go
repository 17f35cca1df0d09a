package hubtest_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/chat/hub"
	"github.com/parlor-chat/parlor/chat/hub/hubtest"
)

// What a dead node kept is placed by the one that adopts its journal. When it comes back
// nothing is doubled, and a retry at it is known.
func TestADeadNodesJournalIsAdopted(t *testing.T) {
	hubtest.Run(t, 2, func(t *testing.T, k *hubtest.Kit) {
		k.Room("r", "ann", "bob")
		bob := connect(t, k, 1, "bob")
		k.Settle()
		heal := k.Fail(hubtest.Broker, hubtest.Down, 0)
		ann := func() chat.Receipt {
			r, err := k.As(0, "ann").Room("r").Send(t.Context(), chat.Text{Body: "1"}, hub.Once("one"))
			if err != nil {
				t.Fatal(err)
			}
			return r
		}
		first := ann()
		say(t, k, 0, "ann", "r", "2")
		if _, err := k.Adopt(1, 0); !errors.Is(err, chat.ErrUnavailable) || !strings.Contains(err.Error(), "held by node0") {
			t.Errorf("the journal of a node that lives: %v", err)
		}
		k.Kill(0)
		say(t, k, 1, "bob", "r", "0")
		if got, err := k.Adopt(1, 0); err != nil || got != (chat.Adopted{Taken: 2}) {
			t.Errorf("%+v, %v", got, err)
		}
		k.Settle()
		heal()
		k.Start(0)
		k.Settle()
		if again := ann(); again.State != chat.Placed || !again.Duplicate || again.ID != first.ID {
			t.Errorf("at the node that was dead it is %+v, it was %+v", again, first)
		}
		if got, want := k.Texts("r"), []string{"0", "1", "2"}; !slices.Equal(got, want) {
			t.Errorf("the room reads %q, want %q", got, want)
		}
		if got, want := heard(t, bob), []string{"0", "1", "2"}; !slices.Equal(got, want) {
			t.Errorf("bob heard %q, want %q", got, want)
		}
		bob.Close()
	})
}

// What a dead node had placed, and nobody archived, lies where it lay behind a loss, for the
// one that adopted its journal puts it back. Nobody knows that of the dead node, unless it
// came back with nothing: so there is doubt, and a part of the positions is left out.
func TestALossBehindAnAdoption(t *testing.T) {
	for name, back := range map[string]bool{"it stays dead": false, "it came back": true} {
		t.Run(name, func(t *testing.T) {
			hubtest.Run(t, 2, func(t *testing.T, k *hubtest.Kit) {
				k.Room("r", "ann", "bob")
				k.Settle()
				heal := k.Fail(hubtest.History, hubtest.Down)
				seen := map[chat.EventID]chat.Seq{}
				for i, body := range numbers(1, 4) { // 1 and 3 are node 0's
					r := say(t, k, i%2, "ann", "r", body)
					seen[r.ID] = r.Seq
				}
				k.Kill(0)
				if got, err := k.Adopt(1, 0); err != nil || got.Taken < 2 {
					t.Errorf("%+v, %v", got, err)
				}
				if back {
					k.Start(0)
				}
				k.Lose(-1)
				heal()
				k.Settle()
				say(t, k, 1, "bob", "r", "5")
				k.Settle()
				log := everything(t, k, 1, "bob", "r")
				want := 1
				if back {
					want = 0
				}
				if n := fillers(log); n != want {
					t.Errorf("%d events stand for what is lost, want %d", n, want)
				}
				for _, e := range log {
					if at, ok := seen[e.ID]; ok && e.Seq != at {
						t.Errorf("%v lay at %d and lies at %d", e.ID, at, e.Seq)
					}
				}
				if got, want := k.Texts("r"), numbers(1, 5); !slices.Equal(got, want) {
					t.Errorf("the room reads %q, want %q", got, want)
				}
			})
		})
	}
}
