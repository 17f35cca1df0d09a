package hub_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/chat/hub"
	"github.com/parlor-chat/parlor/storage"
)

// all is what somebody tries, by name.
func all(t *testing.T, h *hub.Hub, u chat.UserID, room chat.RoomID) map[string]error {
	ctx, as := t.Context(), h.As(u)
	did := map[string]error{}
	_, did["connect"] = as.Connect(ctx, hub.Device{})
	_, did["send"] = as.Room(room.Key).Send(ctx, chat.Text{Body: "soup"})
	_, did["page"] = as.Room(room.Key).Page(ctx, chat.Latest(1))
	_, did["info"] = as.Room(room.Key).Info(ctx)
	did["join"] = as.Room(room.Key).Join(ctx)
	_, did["rooms"] = as.Rooms(ctx, "", 10)
	_, did["create"] = as.Create(ctx, storage.Room{Kind: storage.Private})
	_, did["direct"] = as.Direct(ctx, "ann")
	_, did["search"] = as.Search(ctx, hub.Query{Text: "soup", Limit: 1})
	_, did["inbox"] = as.Inbox(ctx, chat.Latest(1).All())
	_, did["users"] = as.Users(ctx, "ann")
	return did
}

// ended waits for the end of a session, and says why.
func ended(ctx context.Context, s *hub.Session) (why error) {
	for _, err := range s.All(ctx) {
		why = err
	}
	return why
}

func TestWhoIsDeactivatedIsOut(t *testing.T) {
	k := newKit(t, nil)
	there := k.node(nil)
	var sessions []*hub.Session
	for _, h := range []*hub.Hub{k.Hub, there} {
		s, err := h.As(user("bob")).Connect(t.Context(), hub.Device{})
		ok(t, err)
		defer s.Close()
		sessions = append(sessions, s)
	}
	ann, err := k.as("ann").Connect(t.Context(), hub.Device{})
	ok(t, err)
	defer ann.Close()
	ok(t, k.Admin().Deactivate(t.Context(), user("bob")))
	for _, s := range sessions {
		fails(t, ended(t.Context(), s), chat.ErrForbidden, "user")
	}
	for _, h := range []*hub.Hub{k.Hub, there} {
		for what, err := range all(t, h, user("bob"), k.kitchen) {
			var e *chat.Error
			if !errors.Is(err, chat.ErrForbidden) || !errors.As(err, &e) || e.Field != "user" {
				t.Errorf("%s: %v", what, err)
			}
		}
	}
	first, err := k.store.Directory().Account(t.Context(), user("bob"))
	ok(t, err)
	time.Sleep(2 * time.Millisecond)
	ok(t, there.Admin().Deactivate(t.Context(), user("bob")))
	again, err := k.store.Directory().Account(t.Context(), user("bob"))
	ok(t, err)
	if again != first || first.Deactivated.IsZero() || first.Login != "" {
		t.Errorf("%+v, then %+v", first, again)
	}
	// Whoever stays is told nothing else, and whoever names him holds nobody up.
	_, err = k.in("ann", k.kitchen).Send(t.Context(), chat.Text{Body: "bob?", Mentions: []chat.UserID{user("bob")}})
	ok(t, err)
	ok(t, k.Admin().CatchUp(t.Context()))
	ok(t, there.Admin().Reactivate(t.Context(), user("bob")))
	for _, h := range []*hub.Hub{k.Hub, there} {
		for what, err := range all(t, h, user("bob"), k.kitchen) {
			if err != nil {
				t.Errorf("%s, when he is back: %v", what, err)
			}
		}
	}
	p, err := k.as("bob").Inbox(t.Context(), chat.Latest(10).All())
	ok(t, err)
	for _, e := range p.Events {
		if r, is := e.Content.(*chat.Reference); is && r.Why == "mention" {
			t.Error("he was told who named him while he was away")
		}
	}
}

func TestWhoCantBeDeactivated(t *testing.T) {
	k := newKitWithout(t, nil)
	for _, u := range []chat.UserID{{}, {Tenant: "acme"}, {Tenant: "acme", Key: "a b"}, {Tenant: "acme", Key: strings.Repeat("x", 200)}} {
		for what, err := range map[string]error{"deactivate": k.Admin().Deactivate(t.Context(), u), "reactivate": k.Admin().Reactivate(t.Context(), u)} {
			var e *chat.Error
			if !errors.As(err, &e) || e.Kind != chat.ErrInvalid && e.Kind != chat.ErrTooLarge {
				t.Errorf("%s %v: %v", what, u, err)
			}
		}
	}
	ok(t, k.Admin().Reactivate(t.Context(), user("nobody"))) // he isn't deactivated
	_, err := k.store.Directory().Account(t.Context(), user("nobody"))
	fails(t, err, chat.ErrNotFound, "")
}

// A host that writes accounts by itself tells nobody. Each node looks.
func TestWhoIsDeactivatedByTheHost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := newKit(t, nil)
		defer k.Shutdown(context.Background())
		s, err := k.as("bob").Connect(t.Context(), hub.Device{})
		ok(t, err)
		defer s.Close()
		_, err = k.store.Directory().PutAccount(t.Context(), storage.Account{User: user("bob"), Login: "bob", Created: time.Now(), Deactivated: time.Now()})
		ok(t, err)
		_, err = k.in("bob", k.kitchen).Send(t.Context(), chat.Text{Body: "soup"})
		fails(t, err, chat.ErrForbidden, "user")
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		fails(t, ended(ctx, s), chat.ErrForbidden, "user")
	})
}
