package hub_test

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"testing"

	"go.uber.org/goleak"

	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/chat/hub"
	"github.com/parlor-chat/parlor/drivers/memory"
	"github.com/parlor-chat/parlor/storage"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// kit is a hub over memory drivers, and a room "kitchen" that ann owns and bob is a
// member of.
type kit struct {
	*hub.Hub
	t       *testing.T
	store   *memory.Store
	kitchen chat.RoomID
}

func newKit(t *testing.T, o *hub.Options) *kit {
	t.Helper()
	k := newKitWithout(t, o)
	r, err := k.as("ann").Create(t.Context(), storage.Room{Kind: storage.Public, Title: "Kitchen", Listed: true})
	ok(t, err)
	k.kitchen = r.ID()
	ok(t, k.in("bob", k.kitchen).Join(t.Context()))
	return k
}

// newKitWithout has no room yet.
func newKitWithout(t *testing.T, o *hub.Options) *kit {
	t.Helper()
	k := &kit{t: t, store: memory.New(nil)}
	k.Hub = k.node(o)
	return k
}

// node is another hub over the same stores.
func (k *kit) node(o *hub.Options) *hub.Hub {
	k.t.Helper()
	if o == nil {
		o = &hub.Options{}
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	h, err := hub.New(k.t.Context(), k.store.Set(), o)
	ok(k.t, err)
	k.t.Cleanup(func() { h.Shutdown(context.Background()) })
	return h
}

func user(key string) chat.UserID { return chat.UserID{Tenant: "acme", Key: key} }

func (k *kit) as(key string) hub.User { return k.As(user(key)) }

func (k *kit) in(key string, room chat.RoomID) hub.Room { return k.as(key).Room(room.Key) }

func (k *kit) say(key, body string, o ...hub.SendOption) chat.Receipt {
	k.t.Helper()
	r, err := k.in(key, k.kitchen).Send(k.t.Context(), chat.Text{Body: body}, o...)
	ok(k.t, err)
	return r
}

// bodies are the texts of a page; "-" where one is gone.
func bodies(p hub.Page) []string {
	var all []string
	for _, m := range p.Messages {
		if m.Gone != nil {
			all = append(all, "-")
		} else {
			all = append(all, m.Text.Body)
		}
	}
	return all
}

func (k *kit) page(key string, r chat.Range) hub.Page {
	k.t.Helper()
	p, err := k.in(key, k.kitchen).Page(k.t.Context(), r)
	ok(k.t, err)
	return p
}

func ok(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// fails checks an error's kind and field.
func fails(t testing.TB, err, kind error, field string) {
	t.Helper()
	var e *chat.Error
	if !errors.Is(err, kind) {
		t.Fatalf("error %v, want %v", err, kind)
	}
	if field != "" && (!errors.As(err, &e) || e.Field != field) {
		t.Fatalf("error %v, want field %q", err, field)
	}
}

func same[T comparable](t testing.TB, got, want []T) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Fatalf("got %v, want %v", got, want)
	}
}
