package storage

import (
	"errors"
	"strings"
	"testing"

	"github.com/parlor-chat/parlor/chat"
)

var (
	kitchen = chat.RoomID{Tenant: "acme", Key: "kitchen"}
	ann     = chat.UserID{Tenant: "acme", Key: "ann"}
)

func TestChecks(t *testing.T) {
	room := func(change func(*Room)) error {
		r := Room{ID: kitchen, Kind: Public, Title: "Kitchen", Address: "kitchen", MaxOccupants: 5}
		change(&r)
		return r.Check("put")
	}
	member := func(change func(*Member)) error {
		m := Member{Room: kitchen, User: ann, Role: chat.RoleMember, Nickname: "Ann"}
		change(&m)
		return m.Check("put")
	}
	mark := func(change func(*Mark)) error {
		m := Mark{User: chat.UserID{Tenant: "acme", Key: "ann"}, Position: chat.Position{Room: kitchen, Seq: 1}}
		change(&m)
		return m.Check("put")
	}
	for _, c := range []struct {
		name, field string // no field: it is taken
		kind        error
		err         error
	}{
		{"a room", "", nil, room(func(*Room) {})},
		{"a room without an address", "", nil, room(func(r *Room) { r.Address = "" })},
		{"a room with the longest password", "", nil, room(func(r *Room) { r.Password = make([]byte, chat.MaxPassword) })},
		{"a longer password", "password", chat.ErrTooLarge, room(func(r *Room) { r.Password = make([]byte, chat.MaxPassword+1) })},
		{"a room without a key", "room", chat.ErrInvalid, room(func(r *Room) { r.ID.Key = "" })},
		{"a title with a newline", "title", chat.ErrInvalid, room(func(r *Room) { r.Title = "a\nb" })},
		{"the longest title", "", nil, room(func(r *Room) { r.Title = strings.Repeat("x", chat.MaxName) })},
		{"a longer title", "title", chat.ErrTooLarge, room(func(r *Room) { r.Title = strings.Repeat("x", chat.MaxName+1) })},
		{"an address with a space", "address", chat.ErrInvalid, room(func(r *Room) { r.Address = "a b" })},
		{"no kind", "kind", chat.ErrInvalid, room(func(r *Room) { r.Kind = 0 })},
		{"a kind nobody knows", "kind", chat.ErrInvalid, room(func(r *Room) { r.Kind = Personal + 1 })},
		{"fewer than no occupants", "maxOccupants", chat.ErrInvalid, room(func(r *Room) { r.MaxOccupants = -1 })},
		{"a history nobody knows", "historyFrom", chat.ErrInvalid, room(func(r *Room) { r.HistoryFrom = FromJoin + 1 })},
		{"a version below zero", "version", chat.ErrInvalid, room(func(r *Room) { r.Version = -1 })},

		{"a member", "", nil, member(func(*Member) {})},
		{"a member of another tenant", "user.tenant", chat.ErrInvalid, member(func(m *Member) { m.User.Tenant = "other" })},
		{"a member without a room", "tenant", chat.ErrInvalid, member(func(m *Member) { m.Room = chat.RoomID{} })},
		{"a role nobody has", "role", chat.ErrInvalid, member(func(m *Member) { m.Role = chat.RoleOwner + 1 })},
		{"a nickname of spaces", "nickname", chat.ErrInvalid, member(func(m *Member) { m.Nickname = "   " })},
		{"from before the first", "from", chat.ErrInvalid, member(func(m *Member) { m.From = -1 })},
		{"a Seq below zero", "seq", chat.ErrInvalid, member(func(m *Member) { m.Seq = -1 })},

		{"a person", "", nil, User{ID: ann, Name: "Ann Lee"}.Check("put")},
		{"a person without a key", "user", chat.ErrInvalid, User{ID: chat.UserID{Tenant: "acme"}}.Check("put")},
		{"a name with a control", "name", chat.ErrInvalid, User{ID: ann, Name: "a\x07"}.Check("put")},

		{"a mark", "", nil, mark(func(*Mark) {})},
		{"a mark elsewhere", "room.tenant", chat.ErrInvalid, mark(func(m *Mark) { m.Room.Tenant = "other" })},
		{"a mark at nothing", "seq", chat.ErrInvalid, mark(func(m *Mark) { m.Seq = 0 })},
		{"a count below zero", "textSeq", chat.ErrInvalid, mark(func(m *Mark) { m.TextSeq = -1 })},
	} {
		var e *chat.Error
		switch {
		case c.field == "" && c.err != nil:
			t.Errorf("%s: %v", c.name, c.err)
		case c.field != "" && (!errors.As(c.err, &e) || e.Kind != c.kind || !strings.HasSuffix(e.Field, c.field)):
			t.Errorf("%s: %v, want %v of %s", c.name, c.err, c.kind, c.field)
		}
	}
}
