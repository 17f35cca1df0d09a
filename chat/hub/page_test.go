package hub_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/chat/hub"
	"github.com/parlor-chat/parlor/drivers"
	"github.com/parlor-chat/parlor/storage"
)

func TestPagesAtEveryEdge(t *testing.T) {
	k := newKit(t, nil) // 1 and 2 are the members who came
	var at []time.Time
	for i := range 5 {
		r := k.say("ann", fmt.Sprint("m", i)) // Seq 3 to 7
		at = append(at, r.At)
		_, err := k.in("bob", k.kitchen).React(t.Context(), r.ID, []string{"👍"})
		ok(t, err)
	} // texts at 3, 5, 7, 9, 11
	for _, archived := range []bool{false, true} {
		if archived {
			ok(t, k.Admin().CatchUp(t.Context()))
		}
		for _, c := range []struct {
			r            chat.Range
			want         []string
			older, newer bool
		}{
			{chat.Latest(2), []string{"m3", "m4"}, true, false},
			{chat.Latest(5), []string{"m0", "m1", "m2", "m3", "m4"}, false, false},
			{chat.Latest(9), []string{"m0", "m1", "m2", "m3", "m4"}, false, false},
			{chat.Before(7, 1), []string{"m1"}, true, true},
			{chat.Before(8, 2), []string{"m1", "m2"}, true, true},
			{chat.Before(3, 2), nil, false, true},
			{chat.Before(100, 1), []string{"m4"}, true, false},
			{chat.After(0, 2), []string{"m0", "m1"}, false, true},
			{chat.After(3, 2), []string{"m1", "m2"}, true, true},
			{chat.After(9, 2), []string{"m4"}, true, false},
			{chat.After(11, 2), nil, true, false},
			{chat.After(100, 2), nil, true, false},
			{chat.Around(7, 3), []string{"m1", "m2", "m3"}, true, true},
			{chat.Around(6, 2), []string{"m1", "m2"}, true, true},
			{chat.At(at[0].Add(-time.Hour), 2), []string{"m0"}, false, true},
			{chat.At(at[4].Add(time.Hour), 2), []string{"m4"}, true, false},
		} {
			p := k.page("bob", c.r)
			if got := bodies(p); fmt.Sprint(got) != fmt.Sprint(c.want) || p.Older != c.older || p.Newer != c.newer {
				t.Errorf("archived %v, %+v: %v older %v newer %v, want %v %v %v", archived, c.r, got, p.Older, p.Newer, c.want, c.older, c.newer)
			}
			for _, m := range p.Messages {
				if len(m.Reactions) != 1 {
					t.Errorf("archived %v: %s has %d reactions", archived, m.Text.Body, len(m.Reactions))
				}
			}
		}
	}
}

// Every range over a room that is partly archived gives what the whole log gives.
func TestPagesJoinHeadAndArchive(t *testing.T) {
	held := &holdingHistory{}
	k := newKitWithout(t, nil)
	set := k.store.Set()
	held.History, set.History = set.History, held
	h, err := hub.New(t.Context(), set, &hub.Options{Node: "other"})
	ok(t, err)
	defer h.Shutdown(context.Background())
	r, err := h.As(user("ann")).Create(t.Context(), storage.Room{Kind: storage.Public})
	ok(t, err)
	rng := rand.New(rand.NewPCG(1, 2))
	var ids []chat.EventID
	for i := range 400 {
		if i == 250 { // the first node archives what is there, then nobody does
			ok(t, k.Admin().CatchUp(t.Context()))
			ok(t, k.Shutdown(t.Context()))
		}
		if rng.IntN(3) > 0 || len(ids) == 0 {
			rc, err := r.Send(t.Context(), chat.Text{Body: fmt.Sprint(i)})
			ok(t, err)
			ids = append(ids, rc.ID)
		} else {
			_, err := r.React(t.Context(), ids[rng.IntN(len(ids))], []string{"👍"})
			ok(t, err)
		}
	}
	all, err := k.store.Broker().Recent(t.Context(), r.ID(), chat.Latest(chat.MaxBatch).All())
	ok(t, err)
	if all.First < 2 {
		t.Fatal("the head holds everything, so nothing is joined")
	}
	first, err := k.store.History().Page(t.Context(), r.ID(), chat.After(0, storage.MaxPage).All())
	ok(t, err)
	log := append([]chat.Event(nil), first.Events[:all.First-1]...)
	log = append(log, all.Events...)

	for range 2000 {
		n := 1 + rng.IntN(60)
		s := chat.Seq(rng.IntN(420))
		var w chat.Range
		switch rng.IntN(5) {
		case 0:
			w = chat.Latest(n)
		case 1:
			w = chat.Before(s, n)
		case 2:
			w = chat.After(s, n)
		case 3:
			w = chat.Around(s, n)
		case 4:
			w = chat.At(log[rng.IntN(len(log))].At, n)
		}
		want, older, newer := w.Cut(log)
		p, err := r.Page(t.Context(), w)
		ok(t, err)
		folded := chat.Fold(want, log)
		if fmt.Sprint(p.Messages) != fmt.Sprint(folded) || p.Older != older || p.Newer != newer {
			t.Fatalf("%+v: %d messages, older %v, newer %v; want %d, %v, %v", w, len(p.Messages), p.Older, p.Newer, len(folded), older, newer)
		}
		w = w.All()
		wantAll, older, newer := w.Cut(log)
		p, err = r.Page(t.Context(), w)
		ok(t, err)
		if len(p.Events) != len(wantAll) || len(wantAll) > 0 && p.Events[0].Seq != wantAll[0].Seq || p.Older != older || p.Newer != newer {
			t.Fatalf("%+v of all: %d events, older %v, newer %v; want %d, %v, %v", w, len(p.Events), p.Older, p.Newer, len(wantAll), older, newer)
		}
	}
}

// holdingHistory archives nothing more.
type holdingHistory struct{ storage.History }

func (*holdingHistory) Append(context.Context, []chat.Event) error {
	return &chat.Error{Kind: chat.ErrUnavailable, Op: "append"}
}

// holeyHistory forgets one event of each page.
type holeyHistory struct{ storage.History }

func (h holeyHistory) Page(ctx context.Context, room chat.RoomID, r chat.Range) (storage.Page, error) {
	p, err := h.History.Page(ctx, room, r)
	if len(p.Events) > 2 {
		p.Events = append(p.Events[:1:1], p.Events[2:]...)
	}
	return p, err
}

func TestAPageWithAHoleIsAnError(t *testing.T) {
	k := newKit(t, nil)
	for i := range 200 {
		k.say("ann", fmt.Sprint(i))
	}
	ok(t, k.Admin().CatchUp(t.Context()))
	h := k.over(func(s *drivers.Set) { s.History = holeyHistory{s.History} })
	room := h.As(user("ann")).Room(k.kitchen.Key)
	for _, w := range []chat.Range{chat.After(0, 20), chat.After(0, 20).All(), chat.Before(100, 20)} {
		_, err := room.Page(t.Context(), w)
		fails(t, err, chat.ErrIncomplete, "")
	}
	_, err := room.Page(t.Context(), chat.Latest(20)) // the head alone serves this
	ok(t, err)
}

// brokenHistory is away.
type brokenHistory struct{ storage.History }

func (brokenHistory) Page(context.Context, chat.RoomID, chat.Range) (storage.Page, error) {
	return storage.Page{}, &chat.Error{Kind: chat.ErrUnavailable, Op: "page"}
}

func TestWithoutTheArchiveRecentPagesAreServed(t *testing.T) {
	k := newKit(t, nil)
	for i := range 200 {
		k.say("ann", fmt.Sprint(i))
	}
	ok(t, k.Admin().CatchUp(t.Context()))
	h := k.over(func(s *drivers.Set) { s.History = brokenHistory{s.History} })
	room := h.As(user("ann")).Room(k.kitchen.Key)
	p, err := room.Page(t.Context(), chat.Latest(3))
	ok(t, err)
	same(t, bodies(p), []string{"197", "198", "199"})
	_, err = room.Page(t.Context(), chat.After(0, 3))
	fails(t, err, chat.ErrUnavailable, "")
}

func TestPageRefuses(t *testing.T) {
	k := newKit(t, &hub.Options{Limits: hub.Limits{Page: 50}})
	for name, c := range map[string]struct {
		r    chat.Range
		kind error
	}{
		"zero range":     {chat.Range{}, chat.ErrInvalid},
		"limit 0":        {chat.Latest(0), chat.ErrInvalid},
		"negative limit": {chat.Latest(-1), chat.ErrInvalid},
		"negative seq":   {chat.Before(-1, 1), chat.ErrInvalid},
		"too many":       {chat.Latest(51), chat.ErrTooLarge},
	} {
		_, err := k.in("ann", k.kitchen).Page(t.Context(), c.r)
		if !errors.Is(err, c.kind) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if p := k.page("ann", chat.Latest(50)); len(p.Messages) != 0 || p.Older || p.Newer {
		t.Errorf("an empty room: %+v", p)
	}
}

func TestWhatIsGoneIsGoneFromPagesOfAllEvents(t *testing.T) {
	k := newKit(t, nil)
	ann := k.in("ann", k.kitchen)
	text := k.say("ann", "secret one")
	_, err := ann.Edit(t.Context(), text.ID, chat.Text{Body: "secret two"})
	ok(t, err)
	for range 100 {
		k.say("bob", "noise")
	}
	_, err = ann.Retract(t.Context(), text.ID, "")
	ok(t, err)
	for _, archived := range []bool{false, true} {
		if archived {
			ok(t, k.Admin().CatchUp(t.Context()))
		}
		for _, w := range []chat.Range{chat.Around(text.Seq, 10), chat.Around(text.Seq+1, 1), chat.After(0, 200)} {
			p := k.page("bob", w.All())
			for _, e := range p.Events {
				if e.Seq != text.Seq && e.Seq != text.Seq+1 {
					continue
				}
				if tomb, is := e.Content.(*chat.Tombstone); !is || e.Seq == text.Seq && tomb.Was != chat.KindText {
					t.Errorf("archived %v: %d shows %+v", archived, e.Seq, e.Content)
				}
			}
		}
	}
}
