package hub

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"github.com/parlor-chat/parlor/chat"
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
			rows += len(s.all) + len(s.room)
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
