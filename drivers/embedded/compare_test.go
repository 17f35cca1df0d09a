package embedded_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"path/filepath"
	"reflect"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/chat/hub"
	"github.com/parlor-chat/parlor/drivers"
	"github.com/parlor-chat/parlor/drivers/embedded"
	"github.com/parlor-chat/parlor/drivers/memory"
	"github.com/parlor-chat/parlor/search"
	"github.com/parlor-chat/parlor/storage"
)

// side is one of two hubs to which the same is done.
type side struct {
	name string
	*hub.Hub
	close func() error
}

// clock is a clock for both: it goes on when it is told to.
type clock struct{ seconds atomic.Int64 }

func (c *clock) now() time.Time { return time.Unix(c.seconds.Load(), 0).UTC() }

func (c *clock) goOn(d time.Duration) { c.seconds.Add(int64(d / time.Second)) }

func sides(t testing.TB, dir string, c *clock, store *memory.Store) (two [2]side, stop func()) {
	s, err := embedded.Open(t.Context(), dir, &embedded.Options{Log: quiet, Reserve: -1, Now: c.now})
	ok(t, err)
	ok(t, s.Ready(t.Context()))
	two = [2]side{{name: "memory", close: func() error { return nil }}, {name: "embedded", close: s.Close}}
	for i, set := range []drivers.Set{store.Set(), s.Set()} {
		two[i].Hub, err = hub.New(t.Context(), set, &hub.Options{Node: "home", Logger: quiet})
		ok(t, err)
	}
	return two, func() {
		for _, x := range two {
			ok(t, errors.Join(x.Shutdown(context.Background()), x.close()))
		}
	}
}

var (
	comparedUsers = []string{"ann", "bob", "cyd"}
	comparedRooms = []string{"hall", "den"} // public, private
	comparedWords = []string{"soup", "bread", "スープ", "The soup is ready", "https://example.com/a_b", "Straße İstanbul", "?!", "東京都へ行く"}
	comparedAsked = []string{"soup", `"soup is"`, "bre*", "soup -bread", "from:ann", "in:hall soup OR bread", "スープ", "has:link", "東京", "is:edited", "example", "straße"}
	comparedRoles = []chat.Role{chat.RoleMember, chat.RoleNone, chat.RoleBanned, chat.RoleModerator}
)

// outcome is what an action came to, as far as it must be the same.
func outcome(err error) string {
	var e *chat.Error
	if errors.As(err, &e) {
		return fmt.Sprint(e.Kind, " ", e.Field)
	}
	return fmt.Sprint(err)
}

// Random people do random things; whatever is asked, both say the same.
func TestItIsAsInMemory(t *testing.T) {
	if checks := flag.Lookup("rapid.checks"); checks.Value.String() == checks.DefValue { // each opens folders, which takes a second
		ok(t, checks.Value.Set("12"))
		defer checks.Value.Set(checks.DefValue)
	}
	rapid.Check(t, func(r *rapid.T) {
		dir := filepath.Join(t.TempDir(), "data")
		c := &clock{}
		c.seconds.Store(time.Date(2026, 10, 30, 12, 0, 0, 0, time.UTC).Unix())
		store := memory.New(&memory.Options{Now: c.now, Remember: 1000 * time.Hour}) // a folder knows ids as long as its archive does
		two, stop := sides(t, dir, c, store)
		defer func() { stop() }()
		var texts []chat.EventID
		both := func(what string, do func(side) (any, error)) {
			r.Helper()
			var got [2]any
			var said [2]string
			for i, x := range two {
				v, err := do(x)
				got[i], said[i] = v, outcome(err)
			}
			if said[0] != said[1] || !reflect.DeepEqual(got[0], got[1]) {
				r.Fatalf("%s:\n%s %s %+v\n%s %s %+v", what, two[0].name, said[0], got[0], two[1].name, said[1], got[1])
			}
		}
		for _, key := range comparedRooms {
			kind := storage.Public
			if key == "den" {
				kind = storage.Private
			}
			both("create", func(x side) (any, error) {
				id := chat.RoomID{Tenant: "acme", Key: key}
				err := x.Admin().Create(t.Context(), storage.Room{ID: id, Kind: kind, Title: key, Listed: true, Created: c.now(), HistoryFrom: storage.FromJoin})
				return nil, errors.Join(err, x.Admin().SetMember(t.Context(), id, chat.UserID{Tenant: "acme", Key: "ann"}, chat.RoleOwner, ""))
			})
		}
		for n := range rapid.IntRange(5, 40).Draw(r, "steps") {
			c.goOn(time.Duration(rapid.IntRange(0, 10).Draw(r, "hours")) * time.Hour)
			user := rapid.SampledFrom(comparedUsers).Draw(r, "user")
			key := rapid.SampledFrom(comparedRooms).Draw(r, "room")
			body := rapid.SampledFrom(comparedWords).Draw(r, "body")
			once := hub.Once(fmt.Sprint("c", rapid.IntRange(max(0, n-1), n).Draw(r, "client id")))
			about := chat.EventID{}
			if len(texts) > 0 {
				about = rapid.SampledFrom(texts).Draw(r, "about")
			}
			receipt := func(e chat.Receipt, err error) (any, error) {
				if err == nil && !slices.Contains(texts, e.ID) {
					texts = append(texts, e.ID)
				}
				return e, err
			}
			verb := rapid.SampledFrom([]string{"send", "send", "send", "edit", "retract", "react", "member", "join", "leave", "erase", "restart"}).Draw(r, "verb")
			if verb == "restart" {
				for _, x := range two {
					ok(t, x.Admin().CatchUp(t.Context()))
				}
				stop()
				two, stop = sides(t, dir, c, store)
				continue
			}
			both(verb, func(x side) (any, error) {
				room := x.As(chat.UserID{Tenant: "acme", Key: user}).Room(key)
				switch verb {
				case "send":
					return receipt(room.Send(t.Context(), chat.Text{Body: body}, once))
				case "edit":
					return receipt(room.Edit(t.Context(), about, chat.Text{Body: body}, once))
				case "retract":
					return receipt(room.Retract(t.Context(), about, "", once))
				case "react":
					return receipt(room.React(t.Context(), about, []string{"🍜"}, once))
				case "member":
					other := comparedUsers[n%len(comparedUsers)]
					return nil, room.SetMember(t.Context(), other, comparedRoles[n%len(comparedRoles)], "")
				case "join":
					return nil, room.Join(t.Context())
				case "leave":
					return nil, room.Leave(t.Context())
				}
				e, err := x.Admin().Erase(t.Context(), room.ID(), about, "")
				return e, err
			})
		}
		for _, x := range two {
			ok(t, x.Admin().CatchUp(t.Context()))
		}
		for _, user := range comparedUsers {
			as := func(x side) hub.User { return x.As(chat.UserID{Tenant: "acme", Key: user}) }
			both("rooms", func(x side) (any, error) { return as(x).Rooms(t.Context(), "", 10) })
			for _, key := range comparedRooms {
				for _, w := range []chat.Range{chat.Latest(100), chat.After(3, 4), chat.Before(9, 5), chat.Around(6, 5), chat.At(c.now().Add(-48*time.Hour), 5)} {
					both("page", func(x side) (any, error) {
						p, err := as(x).Room(key).Page(t.Context(), w)
						return p, err
					})
				}
			}
			for _, text := range comparedAsked {
				q := hub.Query{Text: text, Limit: 50, Count: 1000, Facets: []search.Facet{{Field: search.FieldRoom, Size: 5}, {Field: search.FieldAuthor, Size: 5}, {Field: search.FieldMonth, Size: 5}}}
				both("search "+text, func(x side) (any, error) {
					f, err := as(x).Search(t.Context(), q)
					f.Next = "" // each driver's own
					return f, err
				})
			}
		}
	})
}
