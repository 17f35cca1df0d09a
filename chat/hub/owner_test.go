package hub_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/chat/hub"
	"github.com/parlor-chat/parlor/drivers"
	"github.com/parlor-chat/parlor/storage"
)

func TestTheLastOwner(t *testing.T) {
	k := newKit(t, nil)
	r, err := k.as("ann").Create(t.Context(), storage.Room{Kind: storage.Private})
	ok(t, err)
	ok(t, r.SetMember(t.Context(), "bob", chat.RoleAdmin, ""))
	fails(t, r.Leave(t.Context()), chat.ErrConflict, "owner")
	fails(t, r.SetMember(t.Context(), "ann", chat.RoleMember, ""), chat.ErrConflict, "owner")
	info, err := r.Info(t.Context())
	ok(t, err)
	if info.Role != chat.RoleOwner {
		t.Errorf("she is %v", info.Role)
	}
	// Handed over, it is his.
	ok(t, r.SetMember(t.Context(), "bob", chat.RoleOwner, ""))
	ok(t, r.Leave(t.Context()))
	bob := k.in("bob", r.ID())
	fails(t, bob.Leave(t.Context()), chat.ErrConflict, "owner")
	// An operator is past that.
	ok(t, k.Admin().SetMember(t.Context(), r.ID(), user("bob"), chat.RoleMember, ""))
	ok(t, bob.Leave(t.Context()))
}

// meeting is a directory whose lists of members, where two are asked for at once, are both
// given before anything is done with them.
type meeting struct {
	storage.Directory
	there chan struct{}
}

func (m meeting) Members(ctx context.Context, room chat.RoomID, after string, limit int) ([]storage.Member, error) {
	list, err := m.Directory.Members(ctx, room, after, limit)
	select {
	case m.there <- struct{}{}:
	case <-m.there:
	case <-time.After(50 * time.Millisecond): // nobody else comes
	}
	return list, err
}

// Of two owners who remove each other at once, on two nodes, one stays.
func TestTwoOwnersRemoveEachOther(t *testing.T) {
	k := newKit(t, nil)
	there := make(chan struct{})
	meet := func(s *drivers.Set) { s.Directory = meeting{s.Directory, there} }
	nodes := []*hub.Hub{k.over(meet), k.over(meet)}
	r, err := k.as("ann").Create(t.Context(), storage.Room{Kind: storage.Private})
	ok(t, err)
	ok(t, r.SetMember(t.Context(), "bob", chat.RoleOwner, ""))
	var both sync.WaitGroup
	failed := make([]error, 2)
	for i, who := range []string{"ann", "bob"} {
		both.Go(func() {
			failed[i] = nodes[i].As(user(who)).Room(r.ID().Key).SetMember(t.Context(), []string{"bob", "ann"}[i], chat.RoleNone, "")
		})
	}
	both.Wait()
	for _, err := range failed {
		// Who comes second is no owner any more by then, or would remove the last one.
		if err != nil && !errors.Is(err, chat.ErrConflict) && !errors.Is(err, chat.ErrNotFound) {
			t.Fatal(err)
		}
	}
	owners := 0
	for _, who := range []string{"ann", "bob"} {
		if info, err := k.in(who, r.ID()).Info(t.Context()); err == nil && info.Role == chat.RoleOwner {
			owners++
		}
	}
	if owners != 1 {
		t.Fatalf("%d owners are left: %v", owners, failed)
	}
}
