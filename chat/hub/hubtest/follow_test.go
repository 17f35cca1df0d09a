package hubtest_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/chat/hub"
	"github.com/parlor-chat/parlor/chat/hub/hubtest"
)

// jobs is a host's follower: it keeps the texts that it was given, unless it fails.
type jobs struct {
	mu    sync.Mutex
	tired bool
	texts []string
}

var errTired = errors.New("the mail server is down")

func (j *jobs) run(ctx context.Context, h *hub.Hub) {
	h.Follow(ctx, "jobs", func(_ context.Context, events []chat.Event) error {
		j.mu.Lock()
		defer j.mu.Unlock()
		if j.tired {
			return errTired
		}
		for _, e := range events {
			if x, is := e.Content.(*chat.Text); is {
				j.texts = append(j.texts, x.Body)
			}
		}
		return nil
	})
}

func (j *jobs) got() []string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return slices.Clone(j.texts)
}

func (j *jobs) rested() {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.tired = false
}

// finds looks for a word until the index has caught up.
func finds(t *testing.T, k *hubtest.Kit, word string) {
	t.Helper()
	if err := k.Node(0).Admin().CatchUp(t.Context()); err != nil {
		t.Error(err)
	}
	found, err := k.As(0, "bob").Search(t.Context(), hub.Query{Text: word, Limit: 10})
	if err != nil || len(found.Hits) != 1 {
		t.Errorf("bob finds %q %d times, %v", word, len(found.Hits), err)
	}
}

// What was archived, and not yet followed by all, is in no broker's list when the broker
// begins anew with nothing.
func TestFollowersThatAreBehindALossCatchUp(t *testing.T) {
	hubtest.Run(t, 2, func(t *testing.T, k *hubtest.Kit) {
		k.Room("r", "ann", "bob")
		k.Settle()
		j := &jobs{tired: true}
		ctx, stop := context.WithCancel(t.Context())
		var running sync.WaitGroup
		for i := range 2 {
			running.Go(func() { j.run(ctx, k.Node(i)) })
		}
		heal := k.Fail(hubtest.Index, hubtest.Down)
		say(t, k, 0, "ann", "r", "invoice")
		time.Sleep(10 * time.Second) // archived, and forgotten by the journal
		k.Lose(-1)
		time.Sleep(time.Minute)
		heal()
		if l := lagOf(t, k, "jobs"); l.Rooms < 1 {
			t.Errorf("%+v", l)
		}
		j.rested()
		finds(t, k, "invoice")
		time.Sleep(time.Minute)
		if got := j.got(); !slices.Equal(got, []string{"invoice"}) {
			t.Errorf("the job queue got %q", got)
		}
		if l := lagOf(t, k, "jobs"); l.Rooms != 0 {
			t.Errorf("%+v", l)
		}
		stop()
		running.Wait()
	})
}

// Nodes that come after a loss find the cursors of those before.
func TestWhoComesAfterALossLooksAtEveryRoom(t *testing.T) {
	hubtest.Run(t, 2, func(t *testing.T, k *hubtest.Kit) {
		k.Room("r", "ann", "bob")
		k.Settle()
		time.Sleep(5 * time.Second)
		heal := k.Fail(hubtest.Index, hubtest.Down)
		say(t, k, 0, "ann", "r", "invoice")
		time.Sleep(10 * time.Second)
		k.Kill(0)
		k.Kill(1)
		k.Lose(-1)
		k.Start(0)
		k.Start(1)
		heal()
		time.Sleep(time.Minute)
		finds(t, k, "invoice")
	})
}

// lagOf is how far a follower of node 0 is behind.
func lagOf(t *testing.T, k *hubtest.Kit, name string) hub.Lag {
	t.Helper()
	all, err := k.Node(0).Admin().Lag(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(all, func(l hub.Lag) bool { return l.Follower == name })
	if i < 0 {
		t.Fatalf("nobody is called %s", name)
	}
	return all[i]
}

// A follower that nobody ever saw before begins with the first event of each room, though
// the broker knows nothing of them any more.
func TestANewFollowerBeginsAtTheBeginning(t *testing.T) {
	hubtest.Run(t, 1, func(t *testing.T, k *hubtest.Kit) {
		for _, room := range []string{"a", "b", "c"} {
			k.Room(room, "ann")
			say(t, k, 0, "ann", room, room)
		}
		k.Settle()
		time.Sleep(5 * time.Second) // no journal holds it any more
		k.Kill(0)
		k.Lose(-1)
		k.Start(0)
		time.Sleep(time.Minute)
		j := &jobs{}
		ctx, stop := context.WithCancel(t.Context())
		var running sync.WaitGroup
		running.Go(func() { j.run(ctx, k.Node(0)) })
		time.Sleep(time.Minute)
		got := j.got()
		slices.Sort(got)
		if !slices.Equal(got, []string{"a", "b", "c"}) {
			t.Errorf("it got %q", got)
		}
		say(t, k, 0, "ann", "a", "more")
		time.Sleep(time.Minute)
		if got := j.got(); len(got) != 4 || got[3] != "more" {
			t.Errorf("it got %q", got)
		}
		stop()
		running.Wait()
	})
}

// A fence that is slow, or fails now and then, costs nobody a shard: leases are renewed
// side by side, and one that can't be renewed keeps no other from it.
func TestAShardIsKeptThoughTheFenceIsSlow(t *testing.T) {
	for name, fault := range map[string]hubtest.Fault{
		"slow":  {Slow: 500 * time.Millisecond},
		"fails": {Err: chat.ErrUnavailable, Every: 5},
	} {
		t.Run(name, func(t *testing.T) {
			hubtest.Run(t, 1, func(t *testing.T, k *hubtest.Kit) {
				const rooms = 24
				for i := range rooms {
					k.Room(fmt.Sprint("r", i), "ann")
				}
				k.Settle()
				k.Fail(hubtest.Fence, fault)
				ctx, stop := context.WithCancel(t.Context())
				var running sync.WaitGroup
				var mu sync.Mutex
				lost := 0
				for i := range rooms { // each holds one call for long
					running.Go(func() {
						held := false
						k.Node(0).Follow(ctx, fmt.Sprint("f", i), func(call context.Context, events []chat.Event) error {
							if events[0].Room.Key != fmt.Sprint("r", i) || held {
								return nil
							}
							held = true
							select {
							case <-time.After(3 * time.Minute):
							case <-call.Done():
								mu.Lock()
								defer mu.Unlock()
								if ctx.Err() == nil {
									lost++
								}
							}
							return nil
						})
					})
				}
				time.Sleep(10 * time.Minute)
				mu.Lock()
				if lost > 0 {
					t.Errorf("%d of %d calls lost their lease", lost, rooms)
				}
				mu.Unlock()
				stop()
				running.Wait()
			})
		})
	}
}
