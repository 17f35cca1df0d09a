package storagetest

import (
	"context"
	"fmt"
	"slices"

	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/storage"
)

func memberDirect(ctx context.Context, d storage.Directory) error {
	talk := func(tenant, key string) chat.RoomID { return chat.RoomID{Tenant: tenant, Key: key} }
	in := map[chat.RoomID][]string{talk("acme", "b"): {"zoe", "Ann", "bob"}, talk("acme", "a"): {"ann", "cyd"}, talk("evil", "b"): {"eve"}, kitchen: {"ann", "bob"}, lobby: {"ann"}}
	kind := map[chat.RoomID]storage.RoomKind{kitchen: storage.Private, lobby: storage.Public}
	for id, people := range in {
		r := room(id.Key)
		if r.ID, r.Kind = id, kind[id]; r.Kind == 0 {
			r.Kind = storage.Direct
		}
		if err := putRooms(ctx, d, r); err != nil {
			return err
		}
		for i, key := range people {
			role := []chat.Role{chat.RoleMember, chat.RoleBanned, chat.RoleNone}[i]
			if err := putMembers(ctx, d, member(id, chat.UserID{Tenant: id.Tenant, Key: key}, role, chat.Seq(i+1))); err != nil {
				return err
			}
		}
	}
	for _, c := range []struct {
		rooms []chat.RoomID
		who   string
	}{
		{nil, "[]"}, {[]chat.RoomID{kitchen, lobby, talk("acme", "none")}, "[]"},
		{[]chat.RoomID{talk("acme", "b"), kitchen, talk("acme", "a"), talk("evil", "b"), talk("acme", "a")},
			"[acme/b Ann acme/b bob acme/b zoe acme/a ann acme/a cyd evil/b eve acme/a ann acme/a cyd]"},
	} {
		got, err := d.LookupDirect(ctx, c.rooms)
		who := []string{}
		for _, m := range got {
			who = append(who, m.Room.String(), m.User.Key)
			whole, err := d.Member(ctx, m.Room, m.User)
			if err := first(err, want("the membership", m, whole)); err != nil {
				return err
			}
		}
		if err := first(err, want("who is there", fmt.Sprint(who), c.who)); err != nil {
			return err
		}
	}
	full := slices.Repeat([]chat.RoomID{talk("acme", "a")}, chat.MaxBatch)
	got, err := d.LookupDirect(ctx, full)
	_, err2 := d.LookupDirect(ctx, append(full, kitchen))
	return first(err, want("members at the limit", len(got), 2*chat.MaxBatch), is(err2, chat.ErrTooLarge, "rooms"))
}
