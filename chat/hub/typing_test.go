package hub_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/chat/hub"
	"github.com/parlor-chat/parlor/chat/hub/hubtest"
	"github.com/parlor-chat/parlor/presence"
	"github.com/parlor-chat/parlor/storage"
)

// typed is what a session was told of who types: a line each.
func typed(t *testing.T, s *hub.Session) (all []string) {
	t.Helper()
	for _, d := range came(t, s) {
		if d.Signal != nil {
			all = append(all, fmt.Sprint(d.Signal.Name, " ", d.Signal.Room.Key, " ", d.Signal.From.Key, " ", string(d.Signal.Data)))
		}
	}
	return all
}

// That somebody types is told to those who are in the room, on all nodes, and to nobody else.
func TestTyping(t *testing.T) {
	hubtest.Run(t, 2, func(t *testing.T, k *hubtest.Kit) {
		k.Room("r", "ann", "bob", "eve")
		k.Room("s", "ann", "dan")
		in := []*hub.Session{plug(t, k, 0, "bob", hub.Device{}), plug(t, k, 1, "bob", hub.Device{})}
		out := []*hub.Session{plug(t, k, 1, "dan", hub.Device{}), plug(t, k, 1, "eve", hub.Device{})}
		ok(t, k.As(0, "ann").Room("r").SetMember(t.Context(), "eve", chat.RoleBanned, ""))
		for _, s := range append(in, out...) {
			came(t, s)
		}
		before := lastOf(t, k.As(0, "ann").Room("r")).Seq
		ok(t, k.As(0, "ann").Room("r").Typing(t.Context(), true))
		ok(t, k.As(0, "ann").Room("r").Typing(t.Context(), false))
		for _, s := range in {
			same(t, typed(t, s), []string{"typing r ann on", "typing r ann off"})
		}
		for _, s := range out {
			same(t, typed(t, s), nil)
		}
		if seq := lastOf(t, k.As(0, "ann").Room("r")).Seq; seq != before {
			t.Errorf("the room went from %d to %d", before, seq)
		}
		for _, s := range append(in, out...) {
			s.Close()
		}
	})
}

func TestTypingRefuses(t *testing.T) {
	k := newKit(t, nil)
	ann := k.in("ann", k.kitchen)
	for role, kind := range map[chat.Role]error{chat.RoleMuted: chat.ErrForbidden, chat.RoleBanned: chat.ErrNotFound} {
		ok(t, ann.SetMember(t.Context(), "bob", role, ""))
		fails(t, k.in("bob", k.kitchen).Typing(t.Context(), true), kind, "")
	}
	ok(t, k.in("cyd", k.kitchen).Typing(t.Context(), true)) // anybody may write there
	id := chat.RoomID{Tenant: "acme", Key: "stage"}
	ok(t, k.Admin().Create(t.Context(), storage.Room{ID: id, Kind: storage.Public, Moderated: true}))
	fails(t, k.in("cyd", id).Typing(t.Context(), true), chat.ErrForbidden, "role")
	fails(t, k.as("cyd").Room("none").Typing(t.Context(), true), chat.ErrNotFound, "room")
}

// A key each second is told once in four; who types in twenty rooms at once types in no more.
func TestTypingIsBounded(t *testing.T) {
	hubtest.Run(t, 1, func(t *testing.T, k *hubtest.Kit) {
		for i := range 25 {
			k.Room(fmt.Sprint("r", i), "ann", "bob")
		}
		bob := plug(t, k, 0, "bob", hub.Device{})
		came(t, bob)
		for range 20 {
			ok(t, k.As(0, "ann").Room("r0").Typing(t.Context(), true))
			time.Sleep(time.Second)
		}
		if told := typed(t, bob); len(told) != 5 {
			t.Errorf("%d times: %q", len(told), told)
		}
		for range 10 {
			ok(t, k.As(0, "ann").Room("r0").Typing(t.Context(), false))
		}
		if told := typed(t, bob); len(told) != 1 {
			t.Errorf("%d times: %q", len(told), told)
		}
		time.Sleep(time.Minute)
		for i := range 20 {
			ok(t, k.As(0, "ann").Room(fmt.Sprint("r", i)).Typing(t.Context(), true))
		}
		fails(t, k.As(0, "ann").Room("r20").Typing(t.Context(), true), chat.ErrRateLimited, "user")
		ok(t, k.As(0, "bob").Room("r20").Typing(t.Context(), true))
		ok(t, k.As(0, "ann").Room("r0").Typing(t.Context(), true)) // it is told already
		bob.Close()
	})
}

// Who types does no more after a while, and when he said something.
func TestTypists(t *testing.T) {
	room, other := chat.RoomID{Tenant: "acme", Key: "r"}, chat.RoomID{Tenant: "acme", Key: "s"}
	signal := func(room chat.RoomID, who, data string) *hub.Delivery {
		return &hub.Delivery{Signal: &chat.Signal{Room: room, From: user(who), Name: hub.SignalTyping, Data: []byte(data)}}
	}
	event := func(who string, c chat.Content) *hub.Delivery {
		return &hub.Delivery{Event: &chat.Event{Room: room, Sender: user(who), Content: c}}
	}
	var ty hub.Typists
	now := day
	for i, c := range []struct {
		hears   *hub.Delivery
		after   time.Duration
		changed bool
		want    string
	}{
		{signal(room, "cyd", "on"), 0, true, "[cyd]"},
		{signal(room, "ann", "on"), time.Second, true, "[ann cyd]"},
		{signal(room, "ann", "on"), time.Second, false, "[ann cyd]"},
		{signal(other, "bob", "on"), 0, true, "[ann cyd]"},
		{signal(room, "ann", "off"), time.Second, true, "[cyd]"},
		{signal(room, "ann", "off"), 0, false, "[cyd]"},
		{event("cyd", &chat.Topic{Text: "t"}), 0, false, "[cyd]"},
		{&hub.Delivery{Presence: &presence.State{User: user("cyd")}}, 0, false, "[cyd]"},
		{event("cyd", &chat.Text{Body: "x"}), 0, true, "[]"},
		{signal(room, "cyd", "on"), 0, true, "[cyd]"},
		{signal(room, "cyd", "on"), hub.TypingFor - 1, false, "[cyd]"},
		{event("bob", &chat.Text{Body: "x"}), hub.TypingFor - 1, false, "[cyd]"},
		{event("bob", &chat.Text{Body: "x"}), 1, false, "[]"},
		{&hub.Delivery{Signal: &chat.Signal{Room: room, From: user("ann"), Name: "other", Data: []byte("on")}}, 0, false, "[]"},
	} {
		now = now.Add(c.after)
		changed := ty.Hear(c.hears, now)
		keys := []string{}
		for _, u := range ty.In(room, now) {
			keys = append(keys, u.Key)
		}
		if got := fmt.Sprint(keys); got != c.want || changed != c.changed {
			t.Errorf("%d: %s, changed %v", i, got, changed)
		}
	}
	// It knows of so many at most, and forgets those who are done.
	ty = hub.Typists{}
	for i := range hub.MaxTypists + 1 {
		if ty.Hear(signal(room, fmt.Sprint(i), "on"), now) != (i < hub.MaxTypists) {
			t.Errorf("typist %d", i)
		}
	}
	now = now.Add(hub.TypingFor)
	if !ty.Hear(signal(room, "late", "on"), now) || len(ty.In(room, now)) != 1 {
		t.Error("those who are done take the place of others")
	}
}

// Signals don't push a session out that is a little slow.
func TestSignalsCutNobodyOff(t *testing.T) {
	hubtest.Run(t, 1, func(t *testing.T, k *hubtest.Kit) {
		k.Room("r", "ann", "bob")
		slow := plug(t, k, 0, "bob", hub.Device{Queue: 10})
		came(t, slow)
		for range 100 {
			ok(t, k.As(0, "ann").Room("r").Typing(t.Context(), true))
			time.Sleep(5 * time.Second)
		}
		says(t, k, 0, "ann", "r", 4)
		got := came(t, slow)
		texts := 0
		for _, d := range got {
			if d.Event != nil {
				texts++
			}
		}
		if texts != 4 || len(got) != 10 {
			t.Errorf("%d deliveries, %d texts", len(got), texts)
		}
		slow.Close()
	})
}
