package hub_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/chat/hub"
	"github.com/parlor-chat/parlor/storage"
)

func configure(t *testing.T, r hub.Room, change func(*storage.Room)) error {
	t.Helper()
	_, err := r.Configure(t.Context(), func(s *storage.Room) error {
		change(s)
		return nil
	})
	return err
}

func TestSettingsAreChanged(t *testing.T) {
	k := newKit(t, nil)
	other := k.node(nil)
	r, err := k.as("ann").Create(t.Context(), storage.Room{Kind: storage.Public, Title: "Kitchen", Address: "kitchen"})
	ok(t, err)
	bob := other.As(user("bob")).Room(r.ID().Key)
	_, err = bob.Send(t.Context(), chat.Text{Body: "open"})
	ok(t, err)

	ok(t, configure(t, r, func(s *storage.Room) { s.Title, s.Address, s.Listed, s.Moderated = "Café", "cafe", true, true }))
	_, err = bob.Send(t.Context(), chat.Text{Body: "moderated"})
	fails(t, err, chat.ErrForbidden, "role") // on the other node, too
	info, err := bob.Info(t.Context())
	ok(t, err)
	if info.Title != "Café" || !info.Listed {
		t.Errorf("%+v", info)
	}
	at, err := other.As(user("bob")).RoomAt(t.Context(), "Cafe")
	ok(t, err)
	if at.ID() != r.ID() {
		t.Errorf("at its address is %v", at.ID())
	}
	_, err = k.as("bob").RoomAt(t.Context(), "kitchen")
	fails(t, err, chat.ErrNotFound, "room")

	ok(t, configure(t, r, func(s *storage.Room) { s.MembersOnly = true }))
	fails(t, bob.Join(t.Context()), chat.ErrForbidden, "role")
}

func TestConfigureRefuses(t *testing.T) {
	k := newKit(t, nil)
	r, err := k.as("ann").Create(t.Context(), storage.Room{Kind: storage.Private, Title: "as it was"})
	ok(t, err)
	for name, c := range map[string]struct {
		change func(*storage.Room)
		kind   error
		field  string
	}{
		"another id":         {func(s *storage.Room) { s.ID.Key = "x" }, chat.ErrInvalid, "id"},
		"another kind":       {func(s *storage.Room) { s.Kind = storage.Public }, chat.ErrInvalid, "kind"},
		"another time":       {func(s *storage.Room) { s.Created = s.Created.Add(time.Second) }, chat.ErrInvalid, "created"},
		"another version":    {func(s *storage.Room) { s.Version++ }, chat.ErrInvalid, "version"},
		"a private address":  {func(s *storage.Room) { s.Address = "x" }, chat.ErrInvalid, "address"},
		"a long title":       {func(s *storage.Room) { s.Title = strings.Repeat("x", chat.MaxName+1) }, chat.ErrTooLarge, "title"},
		"what has no effect": {func(s *storage.Room) { s.Temporary = true }, errors.ErrUnsupported, "temporary"},
	} {
		t.Run(name, func(t *testing.T) {
			fails(t, configure(t, r, func(s *storage.Room) {
				s.Title = "half done"
				c.change(s)
			}), c.kind, c.field)
			info, err := r.Info(t.Context())
			ok(t, err)
			if info.Title != "as it was" || info.Version != 1 {
				t.Errorf("something was written: %+v", info.Room)
			}
		})
	}
	why := errors.New("on second thoughts")
	if _, err := r.Configure(t.Context(), func(*storage.Room) error { return why }); err != why {
		t.Errorf("%v, want %v", err, why)
	}
	fails(t, configure(t, k.in("bob", r.ID()), func(*storage.Room) {}), chat.ErrNotFound, "room")
	d, err := k.as("ann").Direct(t.Context(), "bob")
	ok(t, err)
	fails(t, configure(t, d, func(s *storage.Room) { s.Title = "ours" }), chat.ErrForbidden, "role")
}

// An admin who was behind another, on another node, doesn't undo what that one did.
func TestAdminsConfigureAtOnce(t *testing.T) {
	k := newKit(t, nil)
	other := k.node(nil)
	r, err := k.as("ann").Create(t.Context(), storage.Room{Kind: storage.Public})
	ok(t, err)
	calls := 0
	ok(t, configure(t, r, func(s *storage.Room) {
		if calls++; calls == 1 {
			ok(t, configure(t, other.As(user("ann")).Room(r.ID().Key), func(s *storage.Room) { s.Title = "Kitchen" }))
		}
		s.Listed = true
	}))
	info, err := r.Info(t.Context())
	ok(t, err)
	if calls != 2 || info.Title != "Kitchen" || !info.Listed {
		t.Errorf("%d calls, %+v", calls, info.Room)
	}
	// Who is always behind is told.
	calls = 0
	fails(t, configure(t, r, func(s *storage.Room) {
		calls++
		ok(t, configure(t, other.As(user("ann")).Room(r.ID().Key), func(s *storage.Room) { s.Title += "!" }))
	}), chat.ErrConflict, "version")
	if calls != 10 {
		t.Errorf("%d calls", calls)
	}
}
