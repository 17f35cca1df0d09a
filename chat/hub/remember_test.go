package hub

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/drivers"
	"github.com/parlor-chat/parlor/drivers/memory"
	"github.com/parlor-chat/parlor/storage"
)

// host is an Access of a host that answers, or doesn't, as it is told.
type host struct {
	members map[chat.UserID][]storage.Member
	err     error
	asked   func()
}

func (h *host) Access(_ context.Context, u chat.UserID) ([]storage.Member, error) {
	members, err := h.members[u], h.err
	if h.asked != nil {
		h.asked()
	}
	return members, err
}

func newHost(users, rooms int) *host {
	h := &host{members: map[chat.UserID][]storage.Member{}}
	for u := range users {
		for r := range rooms {
			id := chat.UserID{Tenant: "acme", Key: fmt.Sprint("u", u)}
			h.members[id] = append(h.members[id], storage.Member{Room: chat.RoomID{Tenant: "acme", Key: fmt.Sprint("r", r)}, User: id, Role: chat.RoleMember, From: 1})
		}
	}
	return h
}

func TestWhatIsRememberedIsBounded(t *testing.T) {
	store := memory.New(nil)
	defer store.Close()
	h := newHost(50, 4)
	r := remember(store.Directory(), h, time.Minute)
	r.heard = silence
	r.most = 20
	for u, all := range h.members {
		for range 2 { // asked for again, it is no more
			if _, err := r.Access(t.Context(), u); err != nil {
				t.Fatal(err)
			}
			if _, err := r.AccessTo(t.Context(), u, all[1].Room); err != nil {
				t.Fatal(err)
			}
		}
		rows := len(r.rooms)
		for _, s := range r.users {
			rows += 1 + len(s.all) + len(s.room)
		}
		if rows != r.rows || rows > r.most {
			t.Fatalf("%d rows, counted as %d, at most %d", rows, r.rows, r.most)
		}
	}
	for i := range 30 {
		room := storage.Room{ID: chat.RoomID{Tenant: "acme", Key: fmt.Sprint(i)}, Kind: storage.Public, Created: time.Unix(1, 0)}
		if _, err := r.PutRoom(t.Context(), room); err != nil {
			t.Fatal(err)
		}
		if _, err := r.Room(t.Context(), room.ID); err != nil {
			t.Fatal(err)
		}
		if r.rows > r.most {
			t.Fatalf("%d rows", r.rows)
		}
	}
}

// A host's own error says that it can't be asked, and one of Parlor's kinds what it says.
func TestWhoCantBeAsked(t *testing.T) {
	store := memory.New(nil)
	defer store.Close()
	own := errors.New("dial tcp: connection refused")
	for _, c := range []struct {
		err  error
		goes bool
	}{
		{own, true},
		{&chat.Error{Kind: chat.ErrUnavailable, Err: own}, true},
		{&chat.Error{Kind: chat.ErrForbidden}, false},
		{&chat.Error{Kind: chat.ErrNotFound}, false},
	} {
		h := newHost(1, 1)
		r := remember(store.Directory(), h, time.Minute)
		r.heard = silence
		u := chat.UserID{Tenant: "acme", Key: "u0"}
		room := h.members[u][0].Room
		if _, err := r.Access(t.Context(), u); err != nil {
			t.Fatal(err)
		}
		h.err = c.err
		_, all := r.Access(t.Context(), u)
		_, one := r.AccessTo(t.Context(), u, room)
		_, other := r.AccessTo(t.Context(), u, chat.RoomID{Tenant: "acme", Key: "elsewhere"})
		if (all == nil) != c.goes || (one == nil) != c.goes || other == nil {
			t.Errorf("%v: %v, %v, %v", c.err, all, one, other)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := r.Access(ctx, u); err == nil {
			t.Error("who gave up was answered")
		}
	}
}

// An answer that is older than a change is not remembered.
func TestAnAnswerThatIsOvertakenIsForgotten(t *testing.T) {
	store := memory.New(nil)
	defer store.Close()
	h := newHost(1, 1)
	r := remember(store.Directory(), h, time.Minute)
	r.heard = silence
	u := chat.UserID{Tenant: "acme", Key: "u0"}
	room := h.members[u][0].Room
	h.asked = func() { r.forget(u) }
	if _, err := r.Access(t.Context(), u); err != nil {
		t.Fatal(err)
	}
	if _, err := r.AccessTo(t.Context(), u, room); err != nil {
		t.Fatal(err)
	}
	h.asked, h.err = nil, errors.New("away")
	if _, err := r.AccessTo(t.Context(), u, room); err == nil {
		t.Error("it was remembered")
	}
}

// Each answer counts for as long as it was said to, and no longer.
func TestHowLongItIsRemembered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := memory.New(nil)
		defer store.Close()
		u := chat.UserID{Tenant: "acme", Key: "u0"}
		for _, age := range []time.Duration{time.Minute, 0} {
			h := newHost(1, 1)
			d := &awayRooms{Directory: store.Directory()}
			r := remember(d, h, age)
			r.heard = silence
			room := h.members[u][0].Room
			store.Directory().PutRoom(t.Context(), storage.Room{ID: room, Kind: storage.Public, Created: time.Unix(1, 0)})
			ask := func() (failed [4]bool) {
				_, all := r.Access(t.Context(), u)
				_, one := r.AccessTo(t.Context(), u, room)
				_, set := r.Room(t.Context(), room)
				_, list := r.LookupRooms(t.Context(), []chat.RoomID{room})
				return [4]bool{all != nil, one != nil, set != nil, list != nil}
			}
			none, every := [4]bool{}, [4]bool{true, true, true, true}
			if got := ask(); got != none {
				t.Errorf("%v: failed %v", age, got)
			}
			if age == 0 && r.rows > 0 {
				t.Errorf("%d rows for nothing", r.rows)
			}
			h.err = errors.New("away")
			d.err = h.err
			time.Sleep(age - time.Millisecond)
			if got := ask(); age > 0 && got != none || age == 0 && got != every {
				t.Errorf("%v: failed %v", age, got)
			}
			time.Sleep(time.Millisecond)
			if got := ask(); got != every {
				t.Errorf("%v, later: failed %v", age, got)
			}
		}
	})
}

// awayRooms is a directory whose rooms can't be read.
type awayRooms struct {
	storage.Directory
	err error
}

func (a *awayRooms) Room(ctx context.Context, id chat.RoomID) (storage.Room, error) {
	if a.err != nil {
		return storage.Room{}, a.err
	}
	return a.Directory.Room(ctx, id)
}

func (a *awayRooms) LookupRooms(ctx context.Context, ids []chat.RoomID) ([]storage.Room, error) {
	if a.err != nil {
		return nil, a.err
	}
	return a.Directory.LookupRooms(ctx, ids)
}

// What a host says of a change with Recheck counts, though he can't be asked behind it.
func TestARecheckForgets(t *testing.T) {
	store := memory.New(nil)
	defer store.Close()
	access := newHost(1, 1)
	h, err := New(t.Context(), store.Set(), &Options{Access: access, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	defer h.Shutdown(context.Background())
	u := chat.UserID{Tenant: "acme", Key: "u0"}
	room := h.As(u).Room("r0")
	read := func() error {
		_, err := room.Page(t.Context(), chat.Latest(1))
		return err
	}
	if err := read(); err != nil {
		t.Fatal(err)
	}
	access.err = errors.New("away")
	if err := read(); err != nil {
		t.Errorf("before: %v", err)
	}
	h.Admin().Recheck(t.Context(), u)
	if err := read(); err == nil {
		t.Error("he reads on")
	}
}

// counting counts how often a directory is asked who may see a room, and how it is set.
type counting struct {
	storage.Directory
	asked atomic.Int64
}

func (c *counting) AccessMark(u chat.UserID) uint64 { return storage.AccessMark(c.Directory, u) }

func (c *counting) AccessTo(ctx context.Context, u chat.UserID, room chat.RoomID) (storage.Member, error) {
	c.asked.Add(1)
	return storage.AccessTo(ctx, c.Directory, u, room)
}

func (c *counting) Deactivated(ctx context.Context, ids []chat.UserID) ([]chat.UserID, error) {
	c.asked.Add(1)
	return c.Directory.Deactivated(ctx, ids)
}

func (c *counting) Room(ctx context.Context, id chat.RoomID) (storage.Room, error) {
	c.asked.Add(1)
	return c.Directory.Room(ctx, id)
}

// Where it is sure that nothing has changed, nobody is asked twice; and what changed, here or at
// another node, counts with the next question.
func TestNobodyIsAskedTwice(t *testing.T) {
	store := memory.New(nil)
	defer store.Close()
	set := store.Set()
	c := &counting{Directory: set.Directory}
	set.Directory = c
	node := func(set drivers.Set) *Hub {
		h, err := New(t.Context(), set, &Options{Logger: slog.New(slog.DiscardHandler)})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { h.Shutdown(context.Background()) })
		return h
	}
	here, there := node(set), node(store.Set())
	ann := func(h *Hub) User { return h.As(chat.UserID{Tenant: "acme", Key: "ann"}) }
	bob := here.As(chat.UserID{Tenant: "acme", Key: "bob"})
	kitchen, err := ann(there).Create(t.Context(), storage.Room{Kind: storage.Public, Title: "Kitchen"})
	if err != nil {
		t.Fatal(err)
	}
	say := func() error {
		_, err := bob.Room(kitchen.ID().Key).Send(t.Context(), chat.Text{Body: "soup"})
		return err
	}
	for range 100 {
		if err := say(); err != nil {
			t.Fatal(err)
		}
	}
	if n := c.asked.Load(); n > 3 { // whether he is deactivated, who may, and whether visitors may
		t.Errorf("asked %d times", n)
	}
	for i, change := range []struct {
		role chat.Role
		kind error
	}{
		{chat.RoleMuted, chat.ErrForbidden}, {chat.RoleMember, nil}, {chat.RoleBanned, chat.ErrNotFound}, {chat.RoleMember, nil},
	} {
		h := []*Hub{here, there}[i%2]
		if err := ann(h).Room(kitchen.ID().Key).SetMember(t.Context(), "bob", change.role, ""); err != nil {
			t.Fatal(err)
		}
		if err := say(); !errors.Is(err, change.kind) {
			t.Errorf("%v: %v", change.role, err)
		}
	}
	carl := here.As(chat.UserID{Tenant: "acme", Key: "carl"}).Room(kitchen.ID().Key)
	if _, err := carl.Send(t.Context(), chat.Text{Body: "soup"}); err != nil {
		t.Error(err)
	}
	room, err := store.Directory().Room(t.Context(), kitchen.ID())
	if err == nil {
		room.Moderated = true
		_, err = store.Directory().PutRoom(t.Context(), room)
	}
	if err != nil {
		t.Fatal(err)
	}
	if _, err := carl.Send(t.Context(), chat.Text{Body: "soup"}); !errors.Is(err, chat.ErrForbidden) {
		t.Errorf("in a room that is moderated now: %v", err)
	}
}

// BenchmarkPermission is one op per question whether somebody may do something in a room.
func BenchmarkPermission(b *testing.B) {
	store := memory.New(nil)
	defer store.Close()
	h, err := New(b.Context(), store.Set(), &Options{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		b.Fatal(err)
	}
	defer h.Shutdown(context.Background())
	ann := chat.UserID{Tenant: "acme", Key: "ann"}
	room, err := h.As(ann).Create(b.Context(), storage.Room{Kind: storage.Private, Title: "Attic"})
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := h.standing(b.Context(), "bench", ann, room.ID()); err != nil {
			b.Fatal(err)
		}
	}
}

// silence is a log that tells nothing.
func silence(_ context.Context, _ storage.Member, after chat.Seq, _ time.Time) (chat.Seq, bool) {
	return after, true
}
