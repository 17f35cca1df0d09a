package hubtest_test

import (
	"slices"
	"testing"
	"testing/synctest"

	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/chat/hub/hubtest"
)

// A crash takes back where events were placed and that they were dropped, if it comes
// before the disk was synced, and never what was kept. Whatever comes back is found to be
// there already.
func TestADiskLosesItsLastWrites(t *testing.T) {
	for _, c := range []struct {
		name   string
		synced bool
		held   int
	}{
		{"before it is synced", false, 3},
		{"behind that", true, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			hubtest.Run(t, 2, func(t *testing.T, k *hubtest.Kit) {
				k.Room("r", "ann", "bob")
				k.Settle()
				bob := connect(t, k, 1, "bob")
				held := func() int {
					t.Helper()
					held, err := k.Node(0).Admin().Held(t.Context(), 0, chat.MaxBatch)
					if err != nil {
						t.Fatal(err)
					}
					return len(held)
				}
				heal := k.Fail(hubtest.Disk, hubtest.LastWritesLost, 0)
				for _, body := range numbers(1, 3) {
					say(t, k, 0, "ann", "r", body)
				}
				k.Settle()
				if n := held(); n != 0 {
					t.Errorf("the journal holds %d that are archived", n)
				}
				if c.synced {
					heal()
				}
				k.Kill(0)
				stays := k.Fail(hubtest.History, hubtest.Down, 0) // so that nothing is found to be archived
				k.Start(0)
				synctest.Wait()
				if n := held(); n != c.held {
					t.Errorf("%d came back, want %d", n, c.held)
				}
				stays()
				heal()
				say(t, k, 0, "ann", "r", "4")
				k.Settle()
				if n := held(); n != 0 {
					t.Errorf("the journal holds %d that are archived", n)
				}
				if got, want := k.Texts("r"), numbers(1, 4); !slices.Equal(got, want) {
					t.Errorf("the room reads %q, want %q", got, want)
				}
				if got, want := heard(t, bob), numbers(1, 4); !slices.Equal(got, want) {
					t.Errorf("bob heard %q, want %q", got, want)
				}
				bob.Close()
			})
		})
	}
}

// What is kept is on the disk at once, whatever isn't synced; and a disk that is unsynced
// may be slow or full besides.
func TestWhatIsKeptSurvivesADiskThatIsNotSynced(t *testing.T) {
	hubtest.Run(t, 2, func(t *testing.T, k *hubtest.Kit) {
		k.Room("r", "ann")
		k.Fail(hubtest.Disk, hubtest.LastWritesLost, 0)
		k.Fail(hubtest.Broker, hubtest.Down, 0)
		if r := say(t, k, 0, "ann", "r", "1"); r.State != chat.Pending {
			t.Errorf("%+v", r)
		}
		full := k.Fail(hubtest.Disk, hubtest.Down)
		if _, err := k.As(0, "ann").Room("r").Send(t.Context(), chat.Text{Body: "2"}); err == nil {
			t.Error("a full disk kept something")
		}
		full()
		k.Kill(0)
		k.Heal()
		k.Start(0)
		k.Settle()
		if got, want := k.Texts("r"), numbers(1, 1); !slices.Equal(got, want) {
			t.Errorf("the room reads %q, want %q", got, want)
		}
	})
}
