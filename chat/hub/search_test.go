package hub_test

import (
	"context"
	"fmt"
	"slices"
	"testing"

	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/chat/hub"
	"github.com/parlor-chat/parlor/drivers"
	"github.com/parlor-chat/parlor/search"
	"github.com/parlor-chat/parlor/storage"
)

func (k *kit) search(key string, q hub.Query) hub.Found {
	k.t.Helper()
	if q.Limit == 0 {
		q.Limit = 100
	}
	if q.Count == 0 {
		q.Count = 1000
	}
	f, err := k.as(key).Search(k.t.Context(), q)
	ok(k.t, err)
	return f
}

func hits(f hub.Found) []string {
	var all []string
	for _, m := range f.Hits {
		all = append(all, m.Text.Body)
	}
	return all
}

func TestSearchFindsWhatTheReaderMaySee(t *testing.T) {
	k := newKit(t, nil)
	k.say("ann", "public soup")
	private, err := k.as("ann").Create(t.Context(), storage.Room{Kind: storage.Private})
	ok(t, err)
	_, err = private.Send(t.Context(), chat.Text{Body: "secret soup"})
	ok(t, err)
	later, err := k.as("ann").Create(t.Context(), storage.Room{Kind: storage.Private, HistoryFrom: storage.FromJoin})
	ok(t, err)
	_, err = later.Send(t.Context(), chat.Text{Body: "old soup"})
	ok(t, err)
	ok(t, later.SetMember(t.Context(), "bob", chat.RoleMember, ""))
	_, err = later.Send(t.Context(), chat.Text{Body: "new soup"})
	ok(t, err)
	ok(t, k.Admin().CatchUp(t.Context()))

	byRoom := []search.Facet{{Field: search.FieldRoom, Size: 10}}
	soup := hub.Query{Where: search.Words("soup"), Facets: byRoom}
	if f := k.search("ann", soup); f.Count != 4 || len(f.Hits) != 4 || len(f.Facets[0]) != 3 {
		t.Errorf("ann finds %v, count %d, facets %v", hits(f), f.Count, f.Facets)
	}
	f := k.search("bob", soup)
	got := hits(f)
	slices.Sort(got) // they may have the same time
	same(t, got, []string{"new soup", "public soup"})
	if f.Count != 2 || len(f.Facets[0]) != 2 {
		t.Errorf("bob: count %d, facets %v", f.Count, f.Facets)
	}
	// Naming the room doesn't open it.
	f = k.search("bob", hub.Query{Where: search.Equal{Field: search.FieldRoom, Value: private.ID().Key}})
	if f.Count != 0 || len(f.Hits) != 0 {
		t.Errorf("bob finds %v in the private room", hits(f))
	}
	// Sent away, he loses it with the next query.
	ok(t, later.SetMember(t.Context(), "bob", chat.RoleNone, ""))
	same(t, hits(k.search("bob", soup)), []string{"public soup"})
	eve := k.As(chat.UserID{Tenant: "evil", Key: "ann"})
	found, err := eve.Search(t.Context(), hub.Query{Where: search.Words("soup"), Limit: 10, Count: 10})
	ok(t, err)
	if found.Count != 0 || len(found.Hits) != 0 {
		t.Errorf("another tenant finds %v", hits(found))
	}
}

func TestHitsAreTheMessagesAsTheyAreNow(t *testing.T) {
	k := newKit(t, nil)
	kept, edited, retracted, erased := k.say("ann", "soup one"), k.say("ann", "soup two"), k.say("ann", "soup three"), k.say("ann", "soup four")
	ok(t, k.Admin().CatchUp(t.Context()))
	// From here on the index hears nothing more.
	h := k.over(func(s *drivers.Set) { s.Index = deafIndex{s.Index} })
	ok(t, k.Shutdown(t.Context()))
	ann := h.As(user("ann")).Room(k.kitchen.Key)
	_, err := ann.Edit(t.Context(), edited.ID, chat.Text{Body: "bread two"})
	ok(t, err)
	_, err = ann.Edit(t.Context(), kept.ID, chat.Text{Body: "more soup"})
	ok(t, err)
	_, err = ann.Retract(t.Context(), retracted.ID, "")
	ok(t, err)
	_, err = h.Admin().Erase(t.Context(), k.kitchen, erased.ID, "")
	ok(t, err)
	f, err := h.As(user("bob")).Search(t.Context(), hub.Query{Where: search.Words("soup"), Limit: 10})
	ok(t, err)
	same(t, hits(f), []string{"more soup"})
}

// deafIndex takes in nothing.
type deafIndex struct{ search.Index }

func (deafIndex) Apply(context.Context, []search.Document, ...chat.Position) error {
	return &chat.Error{Kind: chat.ErrUnavailable, Op: "apply"}
}

func TestTheIndexFollows(t *testing.T) {
	k := newKit(t, nil)
	a, b := k.say("ann", "soup"), k.say("ann", "more soup")
	ok(t, k.Admin().CatchUp(t.Context()))
	ann := k.in("ann", k.kitchen)
	_, err := ann.Edit(t.Context(), a.ID, chat.Text{Body: "bread"})
	ok(t, err)
	last, err := ann.Retract(t.Context(), b.ID, "")
	ok(t, err)
	f := k.search("bob", hub.Query{Where: search.Words("soup"), AtLeast: chat.Position{Room: k.kitchen, Seq: last.Seq}})
	if f.Count != 0 {
		t.Errorf("soup is found: %v", hits(f))
	}
	f = k.search("bob", hub.Query{Where: search.Words("bread")})
	same(t, hits(f), []string{"bread"})
	if f.Count != 1 {
		t.Errorf("count %d", f.Count)
	}
}

func TestSearchPagesThroughEverything(t *testing.T) {
	k := newKit(t, nil)
	for i := range 25 {
		k.say("ann", fmt.Sprint("soup ", i))
	}
	ok(t, k.Admin().CatchUp(t.Context()))
	var got []string
	q := hub.Query{Where: search.Words("soup"), Limit: 10}
	for pages := 0; ; pages++ {
		f := k.search("bob", q)
		got = append(got, hits(f)...)
		if f.Next == "" {
			break
		}
		if pages == 0 { // what comes in between moves nothing
			k.say("ann", "soup late")
			ok(t, k.Admin().CatchUp(t.Context()))
		}
		q.After = f.Next
	}
	if len(got) != 25 || got[0] != "soup 24" || got[24] != "soup 0" {
		t.Errorf("%v", got)
	}
}

func TestSearchRefuses(t *testing.T) {
	k := newKit(t, nil)
	private, err := k.as("ann").Create(t.Context(), storage.Room{Kind: storage.Private})
	ok(t, err)
	for name, c := range map[string]struct {
		q    hub.Query
		kind error
	}{
		"a hidden position":  {hub.Query{Limit: 1, AtLeast: chat.Position{Room: private.ID(), Seq: 1}}, chat.ErrNotFound},
		"a missing position": {hub.Query{Limit: 1, AtLeast: chat.Position{Room: chat.RoomID{Tenant: "acme", Key: "nowhere"}, Seq: 1}}, chat.ErrNotFound},
		"negative limit":     {hub.Query{Limit: -1}, chat.ErrInvalid},
		"too many":           {hub.Query{Limit: search.MaxLimit + 1}, chat.ErrTooLarge},
		"a foreign cursor":   {hub.Query{Limit: 1, After: "x"}, chat.ErrInvalid},
	} {
		_, err := k.as("bob").Search(t.Context(), c.q)
		fails(t, err, c.kind, "")
		_ = name
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	h := k.over(func(s *drivers.Set) { s.Index = deafIndex{s.Index} })
	ok(t, k.Shutdown(t.Context()))
	r, err := h.As(user("ann")).Room(k.kitchen.Key).Send(t.Context(), chat.Text{Body: "x"})
	ok(t, err)
	go cancel()
	_, err = h.As(user("bob")).Search(ctx, hub.Query{Limit: 1, AtLeast: chat.Position{Room: k.kitchen, Seq: r.Seq}})
	fails(t, err, context.Canceled, "")
}
