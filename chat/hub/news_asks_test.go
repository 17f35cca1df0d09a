package hub_test

import (
	"context"
	"fmt"
	"log/slog"
	"sync/atomic"
	"testing"

	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/chat/hub"
	"github.com/parlor-chat/parlor/drivers/memory"
	"github.com/parlor-chat/parlor/storage"
)

// asked counts what is asked of drivers in contexts that say so.
type asked struct{ n atomic.Int64 }

type counted struct{}

func (a *asked) count(ctx context.Context) {
	if ctx.Value(counted{}) != nil {
		a.n.Add(1)
	}
}

type (
	askedDirectory struct {
		storage.Directory
		*asked
	}
	askedBroker struct {
		chat.Broker
		*asked
	}
	askedHistory struct {
		storage.History
		*asked
	}
)

func (a askedDirectory) Access(ctx context.Context, u chat.UserID) ([]storage.Member, error) {
	a.count(ctx)
	return a.Directory.Access(ctx, u)
}

func (a askedDirectory) Room(ctx context.Context, id chat.RoomID) (storage.Room, error) {
	a.count(ctx)
	return a.Directory.Room(ctx, id)
}

func (a askedDirectory) LookupRooms(ctx context.Context, ids []chat.RoomID) ([]storage.Room, error) {
	a.count(ctx)
	return a.Directory.LookupRooms(ctx, ids)
}

func (a askedDirectory) Members(ctx context.Context, room chat.RoomID, after string, limit int) ([]storage.Member, error) {
	a.count(ctx)
	return a.Directory.Members(ctx, room, after, limit)
}

func (a askedDirectory) LookupDirect(ctx context.Context, rooms []chat.RoomID) ([]storage.Member, error) {
	a.count(ctx)
	return a.Directory.LookupDirect(ctx, rooms)
}

func (a askedDirectory) Users(ctx context.Context, ids []chat.UserID) ([]storage.User, error) {
	a.count(ctx)
	return a.Directory.Users(ctx, ids)
}

func (a askedDirectory) LookupMarks(ctx context.Context, u chat.UserID, rooms []chat.RoomID) ([]storage.Mark, error) {
	a.count(ctx)
	return a.Directory.LookupMarks(ctx, u, rooms)
}

func (a askedDirectory) Get(ctx context.Context, u chat.UserID, space, key string) ([]byte, int64, error) {
	a.count(ctx)
	return a.Directory.Get(ctx, u, space, key)
}

func (a askedBroker) Recent(ctx context.Context, room chat.RoomID, r chat.Range) (chat.Head, error) {
	a.count(ctx)
	return a.Broker.Recent(ctx, room, r)
}

func (a askedBroker) Tips(ctx context.Context, rooms []chat.RoomID) ([]chat.Tip, error) {
	a.count(ctx)
	return chat.Tips(ctx, a.Broker, rooms)
}

func (a askedHistory) Page(ctx context.Context, room chat.RoomID, r chat.Range) (storage.Page, error) {
	a.count(ctx)
	return a.History.Page(ctx, room, r)
}

func (a askedHistory) Lookup(ctx context.Context, refs []storage.Ref) (storage.Page, error) {
	a.count(ctx)
	return a.History.Lookup(ctx, refs)
}

// newsHub is a hub in which bob has so many rooms with something unread, a third of them
// direct, and a personal log; and what counts what he asks.
func newsHub(t testing.TB, rooms int) (*hub.Hub, *asked) {
	t.Helper()
	set := memory.New(nil).Set()
	quiet := &hub.Options{Logger: slog.New(slog.DiscardHandler)}
	h, err := hub.New(context.Background(), set, quiet)
	ok(t, err)
	for i := range rooms {
		who := h.As(user(fmt.Sprint("u", i)))
		var r hub.Room
		if i%3 == 0 {
			r, err = who.Direct(context.Background(), "bob")
		} else {
			r, err = who.Create(context.Background(), storage.Room{Kind: storage.Private, Title: fmt.Sprint("Room ", i)})
			ok(t, err)
			ok(t, r.SetMember(context.Background(), "bob", chat.RoleMember, ""))
		}
		ok(t, err)
		for range 3 {
			_, err := r.Send(context.Background(), chat.Text{Body: "hello", Mentions: []chat.UserID{user("bob")}})
			ok(t, err)
		}
	}
	ok(t, h.Admin().CatchUp(context.Background()))
	ok(t, h.Shutdown(context.Background()))
	a := &asked{}
	set.Directory, set.Broker, set.History = askedDirectory{set.Directory, a}, askedBroker{set.Broker, a}, askedHistory{set.History, a}
	h, err = hub.New(context.Background(), set, quiet)
	ok(t, err)
	t.Cleanup(func() { h.Shutdown(context.Background()) })
	return h, a
}

// It takes as many questions for many rooms as for few: six to the directory, two to the
// broker, one to the archive; and one more the first time, where he came in.
func TestNewsAsksOnce(t *testing.T) {
	for _, rooms := range []int{3, 300} {
		h, a := newsHub(t, rooms)
		for i, most := range []int64{10, 9} {
			was := a.n.Load()
			list, _, err := h.As(user("bob")).News(context.WithValue(t.Context(), counted{}, true), "", chat.MaxBatch)
			ok(t, err)
			if n := a.n.Load() - was; n > most || len(list) != rooms {
				t.Errorf("time %d: %d questions for %d rooms", i, n, len(list))
			}
			for _, n := range list {
				if n.Unread != 3 || rooms == 3 && n.Mentions != 3 || n.MoreMentions && (rooms == 3 || n.Mentions == 3) {
					t.Errorf("time %d: %+v", i, n)
				}
			}
		}
	}
}
