package storagetest

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"

	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/storage"
)

var memberCases = []DirectoryCase{
	{Name: "everything of a membership comes back", Why: "a role that is lost opens a room", Run: atDirectory(memberFields)},
	{Name: "rows only rise", Why: "late and repeated writes must be harmless, in any order", Run: atDirectory(memberRises)},
	{Name: "a membership needs its room", Why: "nobody belongs to nothing", Run: atDirectory(memberNeedsRoom)},
	{Name: "a nickname is one under any look", Why: "nobody may pose as another in his room", Run: atDirectory(nicknames)},
	{Name: "members are listed by key", Why: "lists are read page by page", Run: atDirectory(memberList)},
	{Name: "who is in direct rooms is read in one round trip", Why: "a list of rooms calls them after the others", Run: atDirectory(memberDirect)},
	{Name: "invalid memberships are refused", Why: "nothing half valid is stored", Run: atDirectory(memberInvalid)},
}

// member is a membership of a role; seq orders its writes.
func member(r chat.RoomID, u chat.UserID, role chat.Role, seq chat.Seq) storage.Member {
	return storage.Member{Room: r, User: u, Role: role, From: 1, Seq: seq, Event: chat.NewID()}
}

func putMembers(ctx context.Context, d storage.Directory, members ...storage.Member) error {
	for _, m := range members {
		if err := d.PutMember(ctx, m); err != nil {
			return err
		}
	}
	return nil
}

func memberFields(ctx context.Context, d storage.Directory) error {
	if err := putRooms(ctx, d, room("kitchen")); err != nil {
		return err
	}
	for role := chat.RoleNone; role <= chat.RoleOwner; role++ {
		m := storage.Member{Room: kitchen, User: chat.UserID{Tenant: "acme", Key: role.String()}, Role: role,
			Nickname: "nick " + role.String(), From: 3, Since: 6, Seq: 7, Event: chat.NewID()}
		if role != chat.RoleNone {
			if err := full(m); err != nil {
				return err
			}
		}
		if err := d.PutMember(ctx, m); err != nil {
			return err
		}
		got, err := d.Member(ctx, kitchen, m.User)
		if err := first(err, want("the membership", got, m)); err != nil {
			return err
		}
	}
	_, err := d.Member(ctx, kitchen, chat.UserID{Tenant: "acme", Key: "nobody"})
	_, err2 := d.Member(ctx, kitchen, chat.UserID{Tenant: "evil", Key: "owner"})
	return first(is(err, chat.ErrNotFound, ""), is(err2, chat.ErrNotFound, ""))
}

func memberRises(ctx context.Context, d storage.Directory) error {
	low, high := chat.EventID{1}, chat.EventID{2}
	writes := []storage.Member{
		{Role: chat.RoleMember, Seq: 5, Event: high}, {Role: chat.RoleBanned, Seq: 9, Event: low},
		{Role: chat.RoleMuted, Seq: 9, Event: high}, {Role: chat.RoleNone, Seq: 6, Event: high},
	}
	n := 0
	for _, order := range permutations(len(writes)) {
		r := room(fmt.Sprint("room", n))
		n++
		if err := putRooms(ctx, d, r); err != nil {
			return err
		}
		for _, i := range append(order, order[0]) { // the first comes once more
			m := writes[i]
			m.Room, m.User, m.From = r.ID, bob, 1
			if err := d.PutMember(ctx, m); err != nil {
				return err
			}
		}
		got, err := d.Member(ctx, r.ID, bob)
		if err := first(err, want("the role", got.Role, chat.RoleMuted), want("the seq", got.Seq, 9), want("the event", got.Event, high)); err != nil {
			return fmt.Errorf("in the order %v: %w", order, err)
		}
	}
	// The same (Seq, Event) replaces: a row is completed by its own event.
	m := writes[2]
	m.Room, m.User, m.From, m.Nickname = chat.RoomID{Tenant: "acme", Key: "room0"}, bob, 4, "bobby"
	if err := d.PutMember(ctx, m); err != nil {
		return err
	}
	got, err := d.Member(ctx, m.Room, bob)
	return first(err, want("the membership", got, m))
}

func permutations(n int) [][]int {
	if n == 0 {
		return [][]int{nil}
	}
	var all [][]int
	for _, p := range permutations(n - 1) {
		for i := range n {
			all = append(all, slices.Insert(slices.Clone(p), i, n-1))
			if i == len(p) {
				break
			}
		}
	}
	return all
}

func memberNeedsRoom(ctx context.Context, d storage.Directory) error {
	return is(d.PutMember(ctx, member(kitchen, bob, chat.RoleMember, 1)), chat.ErrNotFound, "room")
}

func nicknames(ctx context.Context, d storage.Directory) error {
	if err := putRooms(ctx, d, room("kitchen"), room("lobby")); err != nil {
		return err
	}
	a := member(kitchen, ann, chat.RoleMember, 1)
	a.Nickname = "Lobby"
	if err := d.PutMember(ctx, a); err != nil {
		return err
	}
	for _, nick := range alike {
		b := member(kitchen, bob, chat.RoleMember, 2)
		b.Nickname = nick
		if err := is(d.PutMember(ctx, b), chat.ErrConflict, "nickname"); err != nil {
			return fmt.Errorf("%q: %w", nick, err)
		}
	}
	_, err := d.Member(ctx, kitchen, bob)
	if err := is(err, chat.ErrNotFound, ""); err != nil {
		return err
	}
	b := member(lobby, bob, chat.RoleMember, 1)
	b.Nickname = "lobby" // another room
	again := a
	again.Seq, again.Nickname = 2, "LOBBY" // his own
	gone := again
	gone.Seq, gone.Role = 3, chat.RoleNone
	taken := member(kitchen, bob, chat.RoleMember, 4)
	taken.Nickname = "lobby"
	if err := putMembers(ctx, d, b, again, gone, taken); err != nil {
		return err
	}
	back := again
	back.Seq = 5
	if err := is(d.PutMember(ctx, back), chat.ErrConflict, "nickname"); err != nil {
		return fmt.Errorf("coming back under a nickname that was taken: %w", err)
	}
	return nil
}

func memberList(ctx context.Context, d storage.Directory) error {
	if err := putRooms(ctx, d, room("kitchen"), room("lobby")); err != nil {
		return err
	}
	for i := range bytewise {
		u := chat.UserID{Tenant: "acme", Key: bytewise[i*7%len(bytewise)]}
		if err := putMembers(ctx, d, member(kitchen, u, chat.Role(i%7), 1), member(lobby, ann, chat.RoleMember, 1)); err != nil {
			return err
		}
	}
	for _, limit := range []int{1, 3, 11, 12} {
		var keys []string
		err := pages(limit, func(after string) (string, int, error) {
			all, err := d.Members(ctx, kitchen, after, limit)
			for _, m := range all {
				after = m.User.Key
				keys = append(keys, after)
			}
			return after, len(all), err
		})
		if err := first(err, want("members", fmt.Sprint(keys), fmt.Sprint(bytewise))); err != nil {
			return err
		}
	}
	none, err := d.Members(ctx, chat.RoomID{Tenant: "acme", Key: "nowhere"}, "", 10)
	return first(err, want("members of no room", len(none), 0), badLimits(func(limit int) error { _, err := d.Members(ctx, kitchen, "", limit); return err }))
}

func memberInvalid(ctx context.Context, d storage.Directory) error {
	if err := putRooms(ctx, d, room("kitchen")); err != nil {
		return err
	}
	for field, spoil := range map[string]func(*storage.Member){
		"user.tenant": func(m *storage.Member) { m.User.Tenant = "evil" },
		"user":        func(m *storage.Member) { m.User.Key = "" },
		"role":        func(m *storage.Member) { m.Role = 99 },
		"from":        func(m *storage.Member) { m.From = -1 },
		"since":       func(m *storage.Member) { m.Since = -1 },
		"seq":         func(m *storage.Member) { m.Seq = -1 },
		"nickname":    func(m *storage.Member) { m.Nickname = "a\nb" },
	} {
		m := member(kitchen, bob, chat.RoleMember, 1)
		spoil(&m)
		if err := is(d.PutMember(ctx, m), chat.ErrInvalid, field); err != nil {
			return err
		}
	}
	all, err := d.Members(ctx, kitchen, "", 10)
	return first(err, want("members stored", len(all), 0))
}

var accessCases = []DirectoryCase{
	{Name: "who may read which room", Why: "permission, search and live streams follow from it", Run: atDirectory(accessTable)},
	{Name: "access is lost at once", Why: "a revoked reader loses access with the next query", Run: atDirectory(accessLost)},
	{Name: "a mark changes with what it marks", Why: "who was sent away would be let in by what was said before", Run: accessMarks},
	{Name: "access is in order and of the tenant", Why: "scopes are joined by key, and never cross companies", Run: atDirectory(accessOrder)},
}

func accessTable(ctx context.Context, d storage.Directory) error {
	expected := map[chat.RoomID]storage.Member{}
	for kind := storage.Public; kind <= storage.Personal; kind++ {
		for role := chat.RoleNone; role <= chat.RoleOwner; role++ {
			r := room(fmt.Sprintf("%v-%v", kind, role))
			r.Kind = kind
			m := member(r.ID, bob, role, 1)
			m.From = 5
			if err := first(putRooms(ctx, d, r), d.PutMember(ctx, m)); err != nil {
				return err
			}
			switch {
			case role.Belongs():
				expected[r.ID] = storage.Member{Room: r.ID, User: bob, Role: role, From: 5}
			case kind == storage.Public && role == chat.RoleNone:
				expected[r.ID] = storage.Member{Room: r.ID, User: bob, From: 1}
			}
		}
		r := room(kind.String()) // no row at all
		r.Kind = kind
		if err := putRooms(ctx, d, r); err != nil {
			return err
		}
		if kind == storage.Public {
			expected[r.ID] = storage.Member{Room: r.ID, User: bob, From: 1}
		}
	}
	got, err := d.Access(ctx, bob)
	if err := first(err, want("the number of rooms", len(got), len(expected))); err != nil {
		return err
	}
	for _, m := range got {
		m.Seq, m.Event = 0, chat.EventID{}
		if err := want("access to "+m.Room.Key, m, expected[m.Room]); err != nil {
			return err
		}
	}
	return accessTo(ctx, d, bob)
}

// fallback is a directory without the capability.
type fallback struct{ d storage.Directory }

func (f fallback) Access(ctx context.Context, u chat.UserID) ([]storage.Member, error) {
	return f.d.Access(ctx, u)
}

// accessTo checks that the answer for one room is the element of the list, with
// the capability and without.
func accessTo(ctx context.Context, d storage.Directory, u chat.UserID) error {
	list, err := d.Access(ctx, u)
	if err != nil {
		return err
	}
	rooms, err := d.List(ctx, u.Tenant, "", chat.MaxBatch)
	if err != nil {
		return err
	}
	for _, r := range append(rooms, room("nowhere")) {
		i := slices.IndexFunc(list, func(m storage.Member) bool { return m.Room == r.ID })
		for name, a := range map[string]storage.Access{"the driver": d, "the list": fallback{d}} {
			got, err := storage.AccessTo(ctx, a, u, r.ID)
			if i < 0 {
				if err := is(err, chat.ErrNotFound, ""); err != nil {
					return fmt.Errorf("%s, %s: %w", name, r.ID.Key, err)
				}
				continue
			}
			if err != nil || !reflect.DeepEqual(got, list[i]) {
				return fmt.Errorf("%s, %s: %+v (%v), want %+v", name, r.ID.Key, got, err, list[i])
			}
		}
	}
	return nil
}

func accessLost(ctx context.Context, d storage.Directory) error {
	private := room("kitchen")
	private.Kind = storage.Private
	if err := first(putRooms(ctx, d, private, room("lobby")), putMembers(ctx, d, member(kitchen, bob, chat.RoleMember, 1), member(lobby, bob, chat.RoleMember, 1))); err != nil {
		return err
	}
	before, err := d.Access(ctx, bob)
	if err := first(err, want("rooms before", len(before), 2)); err != nil {
		return err
	}
	if err := putMembers(ctx, d, member(kitchen, bob, chat.RoleNone, 2), member(lobby, bob, chat.RoleBanned, 2)); err != nil {
		return err
	}
	after, err := d.Access(ctx, bob)
	return first(err, want("rooms after", len(after), 0), accessTo(ctx, d, bob))
}

// accessMarks is of directories that are [storage.AccessMarks]; another says so.
func accessMarks(ctx context.Context, s *DirectorySite) error {
	a, closeA, err := s.Open(ctx)
	if err != nil {
		return err
	}
	defer closeA()
	b, closeB, err := s.Open(ctx)
	if err != nil {
		return err
	}
	defer closeB()
	if storage.AccessMark(a, bob) == 0 {
		return nil
	}
	changes := func(what string, do func() error) error {
		was := [2]uint64{storage.AccessMark(a, bob), storage.AccessMark(b, bob)}
		if err := do(); err != nil {
			return fmt.Errorf("%s: %w", what, err)
		}
		if is := [2]uint64{storage.AccessMark(a, bob), storage.AccessMark(b, bob)}; is[0] == was[0] || is[1] == was[1] {
			return fmt.Errorf("%s: the marks were %d and are %d", what, was, is)
		}
		return nil
	}
	r := room("kitchen")
	if err := first(
		changes("a new room", func() (err error) { r, err = a.PutRoom(ctx, r); return err }),
		changes("a setting", func() error { r.Moderated = true; _, err := b.PutRoom(ctx, r); return err }),
		changes("a membership", func() error { return a.PutMember(ctx, member(kitchen, bob, chat.RoleMember, 1)) }),
		changes("an account", func() error { return putAccounts(ctx, a, account("bob")) }),
		changes("a deactivation", func() error { return deactivate(ctx, b, bob, epoch) }),
		changes("a ban", func() error { return b.PutMember(ctx, member(kitchen, bob, chat.RoleBanned, 2)) }),
	); err != nil {
		return err
	}
	was := storage.AccessMark(a, bob)
	_, err1 := a.Access(ctx, bob)
	_, err2 := a.Members(ctx, kitchen, "", 10)
	return first(err1, err2, want("the mark, of which nothing changed", storage.AccessMark(a, bob), was))
}

func accessOrder(ctx context.Context, d storage.Directory) error {
	for i := range bytewise {
		if err := putRooms(ctx, d, room(bytewise[i*7%len(bytewise)])); err != nil {
			return err
		}
	}
	theirs := room("theirs")
	theirs.ID.Tenant = "evil"
	if err := putRooms(ctx, d, theirs); err != nil {
		return err
	}
	all, err := d.Access(ctx, chat.UserID{Tenant: "acme", Key: "never seen"})
	var keys []string
	for _, m := range all {
		keys = append(keys, m.Room.Key)
		if m.Room.Tenant != "acme" {
			return errors.New("a room of another tenant")
		}
	}
	if err := first(err, want("rooms", fmt.Sprint(keys), fmt.Sprint(bytewise))); err != nil {
		return err
	}
	_, err = storage.AccessTo(ctx, d, ann, theirs.ID)
	return is(err, chat.ErrNotFound, "")
}
