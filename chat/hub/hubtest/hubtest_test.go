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
	"github.com/parlor-chat/parlor/search"
)

func say(t *testing.T, k *hubtest.Kit, node int, user, room, body string) chat.Receipt {
	t.Helper()
	r, err := k.As(node, user).Room(room).Send(t.Context(), chat.Text{Body: body})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// The test of a host, as the package shows it.
func TestShippingIsToldThoughTheArchiveIsDown(t *testing.T) {
	ship := func(t *testing.T, h *hub.Hub) {
		if _, err := h.As(hubtest.User("ann")).Room("orders").Send(t.Context(), chat.Text{Body: "shipped"}); err != nil {
			t.Fatal(err)
		}
	}
	hubtest.Run(t, 2, func(t *testing.T, k *hubtest.Kit) {
		k.Room("orders", "ann", "bob")
		heal := k.Fail(hubtest.History, hubtest.Down)
		ship(t, k.Node(0))
		k.Kill(0)
		heal()
		k.Settle()
		if got := k.Texts("orders"); !slices.Equal(got, []string{"shipped"}) {
			t.Error(got)
		}
	})
}

// texts are those of a room as ann reads them at a node.
func texts(t *testing.T, k *hubtest.Kit, node int) (all []string) {
	t.Helper()
	page, err := k.As(node, "ann").Room("r").Page(t.Context(), chat.Latest(100))
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range page.Messages {
		all = append(all, m.Text.Body)
	}
	return all
}

func TestFaults(t *testing.T) {
	hubtest.Run(t, 2, func(t *testing.T, k *hubtest.Kit) {
		k.Room("r", "ann")
		h := k.As(0, "ann").Room("r")
		for _, c := range []struct {
			name   string
			fault  hubtest.Fault
			placed bool
			took   time.Duration
		}{
			{"down", hubtest.Down, false, time.Second},
			{"answer lost", hubtest.AnswerLost, true, time.Second},
			{"slow", hubtest.Fault{Slow: time.Second / 2}, true, time.Second / 2},
		} {
			// The broker of node 0 alone is broken, behind all that is asked before.
			publish := func(node int) (chat.Receipt, error) {
				return k.As(node, "ann").Room("r").Send(t.Context(), chat.Text{Body: c.name + fmt.Sprint(node)}, hub.Once(c.name+fmt.Sprint(node)))
			}
			start := time.Now()
			heal := k.Fail(hubtest.Broker, c.fault, 0)
			r, err := publish(0)
			if err != nil || (r.State == chat.Placed) != (c.fault.Err == nil) {
				t.Errorf("%s: %+v, %v", c.name, r, err)
			}
			if took := time.Since(start); took != c.took {
				t.Errorf("%s took %v", c.name, took)
			}
			if _, err := publish(1); err != nil {
				t.Errorf("%s reached the other node: %v", c.name, err)
			}
			if got := slices.Contains(texts(t, k, 1), c.name+"0"); got != c.placed {
				t.Errorf("%s: placed %v", c.name, got)
			}
			heal()
			heal()
			k.Settle()
			r, err = h.Send(t.Context(), chat.Text{Body: c.name + "0"}, hub.Once(c.name+"0"))
			if err != nil || !r.Duplicate || r.State != chat.Placed {
				t.Errorf("%s again: %+v, %v", c.name, r, err)
			}
		}
	})
}

func TestADeadNodeDoesNothing(t *testing.T) {
	hubtest.Run(t, 2, func(t *testing.T, k *hubtest.Kit) {
		k.Room("r", "ann")
		old := k.Node(0)
		k.Kill(0)
		k.Kill(0)
		if _, err := old.As(hubtest.User("ann")).Room("r").Send(t.Context(), chat.Text{Body: "ghost"}); !errors.Is(err, chat.ErrClosed) {
			t.Error(err)
		}
		if k.Alive(0) || !k.Alive(1) {
			t.Error("who lives?")
		}
		k.Start(0)
		k.Start(0)
		say(t, k, 0, "ann", "r", "back")
		if got := k.Texts("r"); !slices.Equal(got, []string{"back"}) {
			t.Error(got)
		}
	})
}

// Each shard is followed by one node at a time, whichever comes and goes.
func TestShardsPassBetweenNodes(t *testing.T) {
	const rooms = 20
	hubtest.Run(t, 3, func(t *testing.T, k *hubtest.Kit) {
		for i := range rooms {
			k.Room(fmt.Sprint("r", i), "ann")
		}
		var mu sync.Mutex
		got := map[chat.RoomID][]chat.Seq{}
		inside := map[chat.RoomID]int{}
		by := map[int]int{}
		follow := func(node int) {
			k.Node(node).Follow(t.Context(), "outbox", func(ctx context.Context, events []chat.Event) error {
				room := events[0].Room
				if room.Key[0] == '~' {
					return nil // ann's own log says where she joined
				}
				mu.Lock()
				by[node] += len(events)
				if inside[room]++; inside[room] > 1 {
					t.Errorf("%v is followed twice at once", room)
				}
				mu.Unlock()
				time.Sleep(time.Millisecond)
				mu.Lock()
				defer mu.Unlock()
				inside[room]--
				if ctx.Err() != nil {
					return ctx.Err()
				}
				for _, e := range events {
					got[room] = append(got[room], e.Seq)
				}
				return nil
			})
		}
		var running sync.WaitGroup
		start := func(node int) { running.Go(func() { follow(node) }) }
		defer running.Wait()
		for i := range 3 {
			start(i)
		}
		defer func() {
			for i := range 3 {
				k.Kill(i)
			}
		}()
		for round := range 6 {
			for i := range rooms {
				for n := range 3 {
					if k.Alive(n) {
						say(t, k, n, "ann", fmt.Sprint("r", i), fmt.Sprint(round))
						break
					}
				}
			}
			time.Sleep(5 * time.Second)
			switch round {
			case 1:
				mu.Lock()
				if by[0] == 0 || by[1] == 0 || by[2] == 0 {
					t.Errorf("the shards are not shared out: %v", by)
				}
				mu.Unlock()
				k.Kill(0)
			case 2:
				time.Sleep(20 * time.Second)
				k.Kill(1)
			case 4:
				k.Start(0)
				start(0)
			}
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		mu.Lock()
		defer mu.Unlock()
		for room, seqs := range got {
			for i, s := range seqs { // each once, for no call ended in between
				if s != chat.Seq(i+1) {
					t.Fatalf("%v: %v", room, seqs)
				}
			}
			if len(seqs) != 7 { // the member, and six texts
				t.Errorf("%v: %d events", room, len(seqs))
			}
		}
		if len(got) != rooms || by[0] == 0 || by[1] == 0 || by[2] == 0 {
			t.Errorf("%d rooms, by node %v", len(got), by)
		}
	})
}

// What a node has in hand ends before another node begins with it: within the lease,
// where the node is cut off; with its last word, where it gives the shard up.
func TestTwoNodesNeverFollowAtOnce(t *testing.T) {
	for _, c := range []struct {
		name  string
		nodes int // that live at first
		part  func(k *hubtest.Kit)
	}{
		{"cut off", 2, func(k *hubtest.Kit) { k.Fail(hubtest.Fence, hubtest.Down, 0) }},
		{"given up", 1, func(k *hubtest.Kit) { k.Start(1) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			hubtest.Run(t, 2, func(t *testing.T, k *hubtest.Kit) {
				if c.nodes == 1 {
					k.Kill(1)
					time.Sleep(time.Minute)
				}
				var mu sync.Mutex
				inside, began := map[chat.RoomID]int{}, [2]int{}
				fn := func(node int) func(context.Context, []chat.Event) error {
					return func(ctx context.Context, events []chat.Event) error {
						room := events[0].Room
						mu.Lock()
						began[node]++
						if inside[room]++; inside[room] > 1 {
							t.Errorf("%v is followed by two", room)
						}
						mu.Unlock()
						if node == 0 {
							<-ctx.Done() // it never gets ready
							time.Sleep(time.Second)
						}
						mu.Lock()
						defer mu.Unlock()
						inside[room]--
						return ctx.Err()
					}
				}
				const rooms = 30
				for i := range rooms {
					k.Room(fmt.Sprint("r", i), "ann")
				}
				ctx, stop := context.WithCancel(t.Context())
				var running sync.WaitGroup
				defer running.Wait()
				defer stop()
				running.Go(func() { k.Node(0).Follow(ctx, "outbox", fn(0)) })
				time.Sleep(time.Minute) // node 0 has one in hand
				c.part(k)
				if k.Alive(1) {
					running.Go(func() { k.Node(1).Follow(ctx, "outbox", fn(1)) })
				}
				time.Sleep(time.Minute)
				mu.Lock()
				defer mu.Unlock()
				if began[0] == 0 || began[1] == 0 {
					t.Errorf("calls by node: %v", began)
				}
			})
		})
	}
}

// A node that can't reach the fence stops following before another may begin.
func TestANodeThatIsCutOffFromTheFenceStops(t *testing.T) {
	hubtest.Run(t, 2, func(t *testing.T, k *hubtest.Kit) {
		for i := range 10 {
			k.Room(fmt.Sprint("r", i), "ann")
		}
		k.Settle()
		time.Sleep(time.Minute)
		heal := k.Fail(hubtest.Fence, hubtest.Down, 0)
		time.Sleep(time.Minute)
		for i := range 10 {
			say(t, k, 0, "ann", fmt.Sprint("r", i), "late")
		}
		time.Sleep(5 * time.Second)
		lag, err := k.Node(1).Admin().Lag(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, l := range lag {
			if l.Events != 0 {
				t.Errorf("%+v", l)
			}
		}
		heal()
	})
}

func TestLagIsTold(t *testing.T) {
	hubtest.Run(t, 2, func(t *testing.T, k *hubtest.Kit) {
		k.Room("r", "ann")
		k.Settle()
		heal := k.Fail(hubtest.Index, hubtest.Down)
		const every = 10*time.Second + 123*time.Millisecond // at no moment when a follower looks
		for range 3 {
			say(t, k, 0, "ann", "r", "soup")
			time.Sleep(every)
		}
		if lag, err := k.Node(1).Admin().Lag(t.Context()); !errors.Is(err, chat.ErrUnavailable) {
			t.Errorf("with the index down: %v, %v", lag, err)
		}
		heal() // the follower waits a while before it tries again
		lag, err := k.Node(1).Admin().Lag(t.Context())
		if err != nil || len(lag) != 3 {
			t.Fatalf("%v, %v", lag, err)
		}
		for _, l := range lag {
			want := hub.Lag{Follower: l.Follower}
			if l.Follower == "index" {
				want = hub.Lag{Follower: "index", Rooms: 1, Events: 3, Age: 3 * every}
			}
			if l != want {
				t.Errorf("%+v, want %+v", l, want)
			}
		}
		k.Settle()
		if lag, err = k.Node(1).Admin().Lag(t.Context()); err != nil || slices.ContainsFunc(lag, func(l hub.Lag) bool { return l.Events != 0 }) {
			t.Errorf("%v, %v", lag, err)
		}
	})
}

// A follower that failed tries again by itself, soon, though nothing new is placed.
func TestAFollowerTriesAgainByItself(t *testing.T) {
	hubtest.Run(t, 1, func(t *testing.T, k *hubtest.Kit) {
		k.Room("r", "ann")
		k.Settle()
		heal := k.Fail(hubtest.Index, hubtest.Down)
		say(t, k, 0, "ann", "r", "soup")
		time.Sleep(500 * time.Millisecond)
		heal()
		time.Sleep(1500 * time.Millisecond)
		found, err := k.As(0, "ann").Search(t.Context(), hub.Query{Where: search.Words("soup"), Limit: 1})
		if err != nil || len(found.Hits) != 1 {
			t.Errorf("%d found, %v", len(found.Hits), err)
		}
	})
}

// A shutdown doesn't wait for what a broker that is away would deliver.
func TestANodeThatIsCutOffShutsDown(t *testing.T) {
	hubtest.Run(t, 2, func(t *testing.T, k *hubtest.Kit) {
		k.Room("r", "ann")
		s := connect(t, k, 0, "ann")
		k.Settle()
		defer k.Fail(hubtest.Broker, hubtest.Down, 0)()
		say(t, k, 1, "ann", "r", "on its way")
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		began := time.Now()
		k.Node(0).Shutdown(ctx)
		if took := time.Since(began); took > 2*time.Minute {
			t.Errorf("it took %v", took)
		}
		k.Kill(0)
		s.Close()
	})
}
