package hub_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/chat/hub"
	"github.com/parlor-chat/parlor/chat/hub/hubtest"
	"github.com/parlor-chat/parlor/search"
	"github.com/parlor-chat/parlor/storage"
)

// folding runs nodes whose tenant asks for folded accents when the test says so.
func folding(t *testing.T, nodes int, fn func(t *testing.T, k *hubtest.Kit, fold *atomic.Bool)) {
	var fold atomic.Bool
	o := hub.Options{Analysis: func(string) search.Analysis { return search.Analysis{FoldAccents: fold.Load()} }}
	hubtest.RunWith(t, nodes, hubtest.Options{Hub: o}, func(t *testing.T, k *hubtest.Kit) { fn(t, k, &fold) })
}

// counts is how many messages ann finds.
func counts(t *testing.T, k *hubtest.Kit, node int, text string) int {
	t.Helper()
	f, err := k.As(node, "ann").Search(t.Context(), hub.Query{Text: text, Limit: 100, Count: 1000})
	ok(t, err)
	if len(f.Hits) != min(f.Count, 100) {
		t.Errorf("%q: %d hits, count %d", text, len(f.Hits), f.Count)
	}
	return f.Count
}

// made waits until the index is what was asked for.
func made(t *testing.T, k *hubtest.Kit, node int, answers string) {
	t.Helper()
	for range 1000 {
		x, err := k.Node(node).Admin().Index(t.Context(), hubtest.Tenant)
		ok(t, err)
		if x.Answers == answers && x.Makes == "" && !x.Filling {
			return
		}
		time.Sleep(time.Second)
	}
	t.Fatalf("%s is never made", answers)
}

func say(t *testing.T, k *hubtest.Kit, node int, room, body string) chat.Receipt {
	t.Helper()
	r, err := k.As(node, "ann").Room(room).Send(t.Context(), chat.Text{Body: body})
	ok(t, err)
	return r
}

// While another analysis is made, the old one answers, and all that is said, changed and
// taken back meanwhile is in the new one; what was left is dropped at last.
func TestAnotherAnalysisIsMadeBesideTheOld(t *testing.T) {
	folding(t, 2, func(t *testing.T, k *hubtest.Kit, fold *atomic.Bool) {
		k.Room("a", "ann")
		k.Room("b", "ann")
		var said []chat.Receipt
		for i := range 600 { // more than one part
			said = append(said, say(t, k, i%2, "a", fmt.Sprint("Café ", i)))
		}
		say(t, k, 0, "b", "cafe")
		k.Settle()
		if n := counts(t, k, 0, "cafe"); n != 1 {
			t.Fatalf("%d found", n)
		}
		made(t, k, 0, "1.0")

		fold.Store(true)
		heal := k.Fail(hubtest.Index, hubtest.Fault{Slow: 100 * time.Millisecond})
		time.Sleep(3 * time.Second) // somebody asks again, and it is begun
		if n := counts(t, k, 1, "cafe"); n != 1 {
			t.Fatalf("%d found before the new one is there", n)
		}
		for i := 0; ; i++ { // it is made by now
			x, err := k.Node(i%2).Admin().Index(t.Context(), hubtest.Tenant)
			ok(t, err)
			if x.Answers == "1f.1" {
				break
			}
			say(t, k, i%2, "b", "café, too")
			_, err = k.As(i%2, "ann").Room("a").Retract(t.Context(), said[i].ID, "")
			ok(t, err)
			_, err = k.As(i%2, "ann").Room("a").Edit(t.Context(), said[300+i].ID, chat.Text{Body: "tea"})
			ok(t, err)
			said[i].ID = chat.EventID{}
			k.Room(fmt.Sprint("New", i), "ann") // before all others
			say(t, k, i%2, fmt.Sprint("New", i), "cafe here")
			time.Sleep(150 * time.Millisecond)
		}
		heal()
		var gone int
		for _, s := range said {
			if s.ID.IsZero() {
				gone++
			}
		}
		if gone < 10 {
			t.Fatalf("only %d steps while it was made", gone)
		}
		made(t, k, 0, "1f.1")
		k.Settle()
		for node := range 2 {
			if n, want := counts(t, k, node, "cafe"), 600-2*gone+1+2*gone; n != want {
				t.Errorf("node %d: %d found, want %d", node, n, want)
			}
			if n := counts(t, k, node, "tea"); n != gone {
				t.Errorf("node %d: %d edited are found, want %d", node, n, gone)
			}
		}
		old := k.Store().Index()
		marks, err := old.Watermark(t.Context(), chat.RoomID{Tenant: hubtest.Tenant, Key: "a"})
		ok(t, err)
		if marks[0] == 0 {
			t.Error("the old one is gone while a node may still ask it")
		}
		time.Sleep(31 * time.Minute)
		counts(t, k, 0, "cafe") // somebody asks, and sees that it can go
		time.Sleep(time.Minute)
		marks, err = old.Watermark(t.Context(), chat.RoomID{Tenant: hubtest.Tenant, Key: "a"})
		ok(t, err)
		if marks[0] != 0 {
			t.Error("the old one is still there")
		}
	})
}

// What one node began to make, another finishes when that dies.
func TestADeadNodesIndexIsMadeByAnother(t *testing.T) {
	hubtest.Run(t, 2, func(t *testing.T, k *hubtest.Kit) {
		k.Room("a", "ann")
		for i := range 100 {
			say(t, k, 0, "a", fmt.Sprint("soup ", i))
		}
		k.Settle()
		ok(t, k.Node(0).Admin().Reindex(t.Context(), hubtest.Tenant))
		k.Kill(0)
		if n := counts(t, k, 1, "soup"); n != 100 {
			t.Errorf("%d found meanwhile", n)
		}
		made(t, k, 1, "1.1")
		if n := counts(t, k, 1, "soup"); n != 100 {
			t.Errorf("%d found", n)
		}
		k.Start(0)
		ok(t, k.Node(0).Admin().Reindex(t.Context(), hubtest.Tenant))
		made(t, k, 0, "1.2")
	})
}

// An index that is empty though it was full was lost: nobody is told that nothing matches,
// and nothing is missing when it is full again, though followers went on feeding it.
func TestALostIndexIsFilledAgain(t *testing.T) {
	for _, restart := range []bool{false, true} {
		hubtest.Run(t, 2, func(t *testing.T, k *hubtest.Kit) {
			k.Room("r", "ann")
			k.Room("quiet", "ann")
			say(t, k, 0, "quiet", "soup")
			for i := range 700 {
				say(t, k, i%2, "r", fmt.Sprint("soup ", i))
			}
			k.Settle()
			made(t, k, 0, "1.0") // and it is written down that it is there
			time.Sleep(3 * time.Second)
			for node := range 2 {
				if n := counts(t, k, node, "soup"); n != 701 {
					t.Fatalf("%d found", n)
				}
			}
			if restart {
				k.Kill(0)
				k.Kill(1)
			}
			ok(t, k.Store().Index().Drop(t.Context(), storage.Span{Tenant: hubtest.Tenant}, time.Time{}))
			if restart {
				k.Start(0)
				k.Start(1)
			} else {
				say(t, k, 0, "r", "soup, while nobody knows") // and the followers go on behind what they did
				time.Sleep(3 * time.Second)
			}
			refused := 0
			for ; ; time.Sleep(100 * time.Millisecond) {
				f, err := k.As(refused%2, "ann").Search(t.Context(), hub.Query{Text: "soup", Limit: 10, Count: 1000})
				if err != nil {
					fails(t, err, chat.ErrUnavailable, "index")
					if refused++; refused == 1 && !strings.Contains(err.Error(), "0 events of 0 rooms") {
						t.Errorf("how far it is isn't told: %v", err)
					}
					continue
				}
				if want := 701; f.Count < want {
					t.Errorf("restart %v: %d found", restart, f.Count)
				}
				break
			}
			if refused == 0 {
				t.Error("searches were answered by an empty index")
			}
			time.Sleep(3 * time.Second) // the other node hears of it
			k.Settle()
			want := 701
			if !restart {
				want++
			}
			for node := range 2 {
				if n := counts(t, k, node, "soup"); n != want {
					t.Errorf("restart %v: %d found, want %d", restart, n, want)
				}
			}
		})
	}
}

// Whoever waits for a position while another generation takes over isn't forgotten.
func TestWhoWaitsWhileTheIndexIsSwitched(t *testing.T) {
	hubtest.Run(t, 2, func(t *testing.T, k *hubtest.Kit) {
		const rooms = 20
		for i := range rooms {
			k.Room(fmt.Sprint("r", i), "ann")
			say(t, k, 0, fmt.Sprint("r", i), "soup")
		}
		k.Settle()
		made(t, k, 0, "1.0")
		ok(t, k.Node(0).Admin().Reindex(t.Context(), hubtest.Tenant))
		for x := (hub.Indexed{}); x.Answers != "1.1"; time.Sleep(50 * time.Millisecond) {
			counts(t, k, 1, "soup") // it knows the old one
			var err error
			x, err = k.Node(0).Admin().Index(t.Context(), hubtest.Tenant)
			ok(t, err)
		}
		var waiting sync.WaitGroup
		for i := range rooms {
			room := fmt.Sprint("r", i)
			r := say(t, k, 0, room, "more soup")
			for node := range 2 {
				waiting.Go(func() {
					ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
					defer cancel()
					at := chat.Position{Room: chat.RoomID{Tenant: hubtest.Tenant, Key: room}, Seq: r.Seq}
					if _, err := k.As(node, "ann").Search(ctx, hub.Query{Text: "soup", Limit: 1, AtLeast: at}); err != nil {
						t.Errorf("node %d, %s: %v", node, room, err)
					}
				})
			}
		}
		waiting.Wait()
	})
}

// Nodes that want different analyses, as they do while one after the other is upgraded,
// don't undo each other's work all the time.
func TestNodesThatWantDifferentAnalyses(t *testing.T) {
	var calls atomic.Int64
	o := hub.Options{Analysis: func(string) search.Analysis { return search.Analysis{FoldAccents: calls.Add(1)%2 == 0} }}
	hubtest.RunWith(t, 2, hubtest.Options{Hub: o}, func(t *testing.T, k *hubtest.Kit) {
		k.Room("r", "ann")
		say(t, k, 0, "r", "soup")
		k.Settle()
		answered := map[string]bool{}
		for i := range 600 {
			x, err := k.Node(i%2).Admin().Index(t.Context(), hubtest.Tenant)
			ok(t, err)
			answered[x.Answers] = true
			time.Sleep(time.Second)
		}
		if len(answered) > 2 {
			t.Errorf("%d generations in ten minutes", len(answered))
		}
	})
}

// What was made by an analysis that this version doesn't know refuses searches, and is made
// anew; a generation that another version makes keeps nobody from searching.
func TestGenerationsOfAnotherVersion(t *testing.T) {
	hubtest.Run(t, 1, func(t *testing.T, k *hubtest.Kit) {
		k.Room("r", "ann")
		say(t, k, 0, "r", "soup")
		k.Settle()
		made(t, k, 0, "1.0")
		fence := k.Store().Fence()
		register := "index.of." + hubtest.Tenant
		ok(t, fence.Swap(t.Context(), register, "1.0", "1.0 makes 99.1"))
		time.Sleep(3 * time.Second)
		say(t, k, 0, "r", "more soup")
		k.Settle()
		if n := counts(t, k, 0, "soup"); n != 2 {
			t.Errorf("%d found", n)
		}
		ok(t, fence.Swap(t.Context(), register, "1.0 makes 99.1", "99.1"))
		other, err := search.Generation(t.Context(), k.Store().Index(), "99.1")
		ok(t, err)
		ok(t, other.Apply(t.Context(), nil, chat.Position{Room: chat.RoomID{Tenant: hubtest.Tenant, Key: "~index"}, Seq: 1}))
		time.Sleep(3 * time.Second)
		_, err = k.As(0, "ann").Search(t.Context(), hub.Query{Text: "soup", Limit: 1})
		fails(t, err, chat.ErrUnavailable, "index")
		made(t, k, 0, "1.2")
		k.Settle()
		if n := counts(t, k, 0, "soup"); n != 2 {
			t.Errorf("%d found", n)
		}
	})
}

// An index without generations stays by the analysis that it is, and answers.
func TestAnIndexWithoutGenerations(t *testing.T) {
	k := newKit(t, nil)
	k.say("ann", "café")
	ok(t, k.Admin().CatchUp(t.Context()))
	ok(t, k.Shutdown(t.Context()))
	set := k.store.Set()
	set.Index = struct{ search.Index }{set.Index}
	h, err := hub.New(t.Context(), set, &hub.Options{Analysis: func(string) search.Analysis { return search.Analysis{FoldAccents: true} }})
	ok(t, err)
	defer h.Shutdown(context.Background())
	if err := h.Admin().Reindex(t.Context(), "acme"); !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("%v", err)
	}
	f, err := h.As(user("bob")).Search(t.Context(), hub.Query{Text: "café", Limit: 1})
	ok(t, err)
	if len(f.Hits) != 1 {
		t.Errorf("%d found", len(f.Hits))
	}
	err = h.Admin().Reindex(t.Context(), "")
	fails(t, err, chat.ErrInvalid, "tenant")
	_, err = h.Admin().Index(t.Context(), "A b")
	fails(t, err, chat.ErrInvalid, "tenant")
}

// A node that hears late that another index is made feeds the old one alone for a while:
// what it fed is in the new one.
func TestANodeThatHearsLateOfAnotherIndex(t *testing.T) {
	hubtest.Run(t, 2, func(t *testing.T, k *hubtest.Kit) {
		const rooms = 20 // of which each node leads some
		for i := range rooms {
			k.Room(fmt.Sprint("r", i), "ann")
			say(t, k, 0, fmt.Sprint("r", i), "soup")
		}
		k.Settle()
		made(t, k, 0, "1.0")
		for node := range 2 {
			if n := counts(t, k, node, "soup"); n != rooms {
				t.Fatalf("%d found", n)
			}
		}
		ok(t, k.Node(0).Admin().Reindex(t.Context(), hubtest.Tenant))
		time.Sleep(time.Second) // node 0 could have made it by now
		for i := range rooms {
			say(t, k, 0, fmt.Sprint("r", i), "more soup")
		}
		made(t, k, 0, "1.1")
		k.Settle()
		for node := range 2 {
			if n := counts(t, k, node, "soup"); n != 2*rooms {
				t.Errorf("node %d: %d found", node, n)
			}
		}
	})
}

// While the fence is away, searches go by what was known, and no follower does.
func TestSearchesGoOnWithoutTheFence(t *testing.T) {
	hubtest.Run(t, 1, func(t *testing.T, k *hubtest.Kit) {
		k.Room("r", "ann")
		say(t, k, 0, "r", "soup")
		k.Settle()
		counts(t, k, 0, "soup")
		heal := k.Fail(hubtest.Fence, hubtest.Down)
		time.Sleep(10 * time.Minute)
		if n := counts(t, k, 0, "soup"); n != 1 {
			t.Errorf("%d found", n)
		}
		time.Sleep(10 * time.Minute)
		_, err := k.As(0, "ann").Search(t.Context(), hub.Query{Text: "soup", Limit: 1})
		fails(t, err, chat.ErrUnavailable, "")
		heal()
		if n := counts(t, k, 0, "soup"); n != 1 {
			t.Errorf("%d found", n)
		}
	})
}
