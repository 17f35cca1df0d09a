package presence

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/parlor-chat/parlor/chat"
)

func TestBest(t *testing.T) {
	at := func(s int64) time.Time { return time.Unix(s, 0) }
	for _, c := range []struct {
		name string
		all  []Session
		want string
	}{
		{"nobody", nil, ""},
		{"one", []Session{{ID: "a", Show: Away}}, "a"},
		{"one of the lowest priority", []Session{{ID: "a", Show: Away, Priority: -128}}, "a"},
		{"priority before show", []Session{{ID: "a", Show: FreeForChat}, {ID: "b", Show: Away, Priority: 1}}, "b"},
		{"show", []Session{{ID: "a", Show: Away}, {ID: "b", Show: Available}, {ID: "c", Show: DoNotDisturb}}, "b"},
		{"the latest", []Session{{ID: "a", Show: Away, Since: at(2)}, {ID: "b", Show: Away, Since: at(1)}}, "a"},
	} {
		for range 2 {
			if got := (State{Sessions: c.all}).Best(); got.ID != c.want {
				t.Errorf("%s: %q, want %q", c.name, got.ID, c.want)
			}
			for i, j := 0, len(c.all)-1; i < j; i, j = i+1, j-1 {
				c.all[i], c.all[j] = c.all[j], c.all[i]
			}
		}
	}
	if (State{}).Best().Show != Offline || Available.String() != "available" || Show(99).String() != "unknown" {
		t.Error("words")
	}
}

func TestChecks(t *testing.T) {
	session := func(change func(*Session)) error {
		s := Session{User: chat.UserID{Tenant: "acme", Key: "ann"}, ID: "1", Device: "phone", Show: Available, Status: "lunch"}
		change(&s)
		return s.Check("set")
	}
	rooms := func(n int, tenant string) []chat.RoomID {
		all := make([]chat.RoomID, n)
		for i := range all {
			all[i] = chat.RoomID{Tenant: tenant, Key: "r"}
		}
		return all
	}
	for _, c := range []struct {
		name, field string
		kind        error
		err         error
	}{
		{"a session", "", nil, session(func(*Session) {})},
		{"no user", "user", chat.ErrInvalid, session(func(s *Session) { s.User.Key = "" })},
		{"no id", "id", chat.ErrInvalid, session(func(s *Session) { s.ID = "" })},
		{"a device with a control", "device", chat.ErrInvalid, session(func(s *Session) { s.Device = "a\x00" })},
		{"a status of the limit", "", nil, session(func(s *Session) { s.Status = strings.Repeat("x", chat.MaxName) })},
		{"a longer status", "status", chat.ErrTooLarge, session(func(s *Session) { s.Status = strings.Repeat("x", chat.MaxName+1) })},
		{"a show nobody knows", "show", chat.ErrInvalid, session(func(s *Session) { s.Show = FreeForChat + 1 })},
		{"the most rooms", "", nil, session(func(s *Session) { s.Rooms = rooms(MaxRooms, "acme") })},
		{"one more", "rooms", chat.ErrTooLarge, session(func(s *Session) { s.Rooms = rooms(MaxRooms+1, "acme") })},
		{"a room of another tenant", "rooms", chat.ErrInvalid, session(func(s *Session) { s.Rooms = rooms(1, "other") })},
		{"a room without a key", "room", chat.ErrInvalid, session(func(s *Session) { s.Rooms = []chat.RoomID{{Tenant: "acme"}} })},
		{"a beat", "", nil, CheckBeat("beat", "n", MaxLease)},
		{"a beat of nobody", "node", chat.ErrInvalid, CheckBeat("beat", "", time.Second)},
		{"a beat for nothing", "ttl", chat.ErrInvalid, CheckBeat("beat", "n", 0)},
		{"a beat for too long", "ttl", chat.ErrTooLarge, CheckBeat("beat", "n", MaxLease+1)},
	} {
		var e *chat.Error
		switch {
		case c.field == "" && c.err != nil:
			t.Errorf("%s: %v", c.name, c.err)
		case c.field != "" && (!errors.As(c.err, &e) || e.Kind != c.kind || e.Field != c.field):
			t.Errorf("%s: %v, want %v of %s", c.name, c.err, c.kind, c.field)
		}
	}
}
