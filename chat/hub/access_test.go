package hub_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/chat/hub"
	"github.com/parlor-chat/parlor/drivers"
	"github.com/parlor-chat/parlor/storage"
)

// everything is each method that names a room, as one user.
func everything(ctx context.Context, r hub.Room, id chat.EventID) map[string]error {
	errs := map[string]error{}
	_, errs["info"] = r.Info(ctx)
	errs["join"] = r.Join(ctx)
	errs["leave"] = r.Leave(ctx)
	errs["set member"] = r.SetMember(ctx, "ann", chat.RoleNone, "")
	_, _, errs["members"] = r.Members(ctx, "", 10)
	_, errs["page"] = r.Page(ctx, chat.Latest(10))
	_, errs["send"] = r.Send(ctx, chat.Text{Body: "x"})
	_, errs["edit"] = r.Edit(ctx, id, chat.Text{Body: "x"})
	_, errs["retract"] = r.Retract(ctx, id, "")
	_, errs["react"] = r.React(ctx, id, []string{"👍"})
	_, errs["topic"] = r.SetTopic(ctx, "x")
	return errs
}

func TestAPrivateRoomIsNothingToOthers(t *testing.T) {
	k := newKit(t, nil)
	private, err := k.as("ann").Create(t.Context(), storage.Room{Kind: storage.Private, Title: "Layoffs"})
	ok(t, err)
	direct, err := k.as("ann").Direct(t.Context(), "cid")
	ok(t, err)
	secret, err := private.Send(t.Context(), chat.Text{Body: "secret"})
	ok(t, err)
	ok(t, k.Admin().CatchUp(t.Context()))

	nowhere := chat.RoomID{Tenant: "acme", Key: "nowhere"}
	for name, room := range map[string]chat.RoomID{"private": private.ID(), "direct": direct.ID()} {
		hidden := everything(t.Context(), k.in("bob", room), secret.ID)
		missing := everything(t.Context(), k.in("bob", nowhere), secret.ID)
		for op, err := range hidden {
			if !errors.Is(err, chat.ErrNotFound) {
				t.Errorf("%s room: %s: %v", name, op, err)
			}
			if err == nil || missing[op] == nil || err.Error() != missing[op].Error() {
				t.Errorf("%s room: %s tells %q, of a missing room %q", name, op, err, missing[op])
			}
		}
	}
	list, err := k.as("bob").Rooms(t.Context(), "", 100)
	ok(t, err)
	if len(list) != 1 || list[0].ID != k.kitchen {
		t.Errorf("bob sees %+v", list)
	}
	p, err := private.Page(t.Context(), chat.Latest(10))
	ok(t, err)
	same(t, bodies(p), []string{"secret"})
}

// tally is the key of a context under which the questions that are asked of a directory
// are counted, so that what the follower asks meanwhile is not.
type tally struct{}

// countingAccess counts the questions of a context that has a tally.
type countingAccess struct{ storage.Directory }

func count(ctx context.Context, question string) {
	if asked, ok := ctx.Value(tally{}).(map[string]int); ok {
		asked[question]++
	}
}

func (c countingAccess) AccessTo(ctx context.Context, u chat.UserID, room chat.RoomID) (storage.Member, error) {
	count(ctx, "access")
	return storage.AccessTo(ctx, c.Directory, u, room)
}
func (c countingAccess) Room(ctx context.Context, id chat.RoomID) (storage.Room, error) {
	count(ctx, "room")
	return c.Directory.Room(ctx, id)
}
func (c countingAccess) Member(ctx context.Context, room chat.RoomID, u chat.UserID) (storage.Member, error) {
	count(ctx, "member")
	return c.Directory.Member(ctx, room, u)
}

// Time can't be compared in a test; what takes the time can: the same questions
// are asked for a hidden room as for one that was never made.
func TestAHiddenRoomTakesTheSameWorkAsAMissingOne(t *testing.T) {
	k := newKit(t, nil)
	private, err := k.as("ann").Create(t.Context(), storage.Room{Kind: storage.Private})
	ok(t, err)
	set := k.store.Set()
	set.Directory = countingAccess{set.Directory}
	h, err := hub.New(t.Context(), set, nil)
	ok(t, err)
	defer h.Shutdown(t.Context())
	work := func(key string) string {
		asked := map[string]int{}
		everything(context.WithValue(t.Context(), tally{}, asked), h.As(user("bob")).Room(key), chat.NewID())
		return fmt.Sprint(asked)
	}
	hidden, missing := work(private.ID().Key), work("nowhere")
	if hidden != missing || hidden == "map[]" {
		t.Errorf("a hidden room asks %s, a missing one %s", hidden, missing)
	}
}

func TestTenantsAreApart(t *testing.T) {
	k := newKit(t, nil)
	k.say("ann", "hello")
	eve := k.As(chat.UserID{Tenant: "evil", Key: "ann"})
	_, err := eve.Room(k.kitchen.Key).Page(t.Context(), chat.Latest(10))
	fails(t, err, chat.ErrNotFound, "room")
	list, err := eve.Rooms(t.Context(), "", 10)
	ok(t, err)
	if len(list) != 0 {
		t.Errorf("%+v", list)
	}
}

// openAccess is a host's Access that answers every question with the same room.
type openAccess struct{ room chat.RoomID }

func (openAccess) Access(context.Context, chat.UserID) ([]storage.Member, error) { return nil, nil }
func (a openAccess) AccessTo(context.Context, chat.UserID, chat.RoomID) (storage.Member, error) {
	return storage.Member{User: user("ann"), Room: a.room, Role: chat.RoleOwner}, nil
}

func TestTenantsAreApartWhateverAHostSays(t *testing.T) {
	k := newKit(t, nil)
	said := k.say("ann", "hello")
	h := k.node(&hub.Options{Access: openAccess{k.kitchen}})
	eve := h.As(chat.UserID{Tenant: "evil", Key: "eve"}).Room(k.kitchen.Key)
	p, err := eve.Page(t.Context(), chat.Latest(10))
	ok(t, err)
	if len(p.Messages) != 0 || p.Head != 0 {
		t.Errorf("a room of another tenant: %+v", p)
	}
	_, err = eve.Send(t.Context(), chat.Text{Body: "x", ReplyTo: said.ID})
	fails(t, err, chat.ErrNotFound, "replyTo")
}

func TestRoles(t *testing.T) {
	roles := []chat.Role{chat.RoleNone, chat.RoleBanned, chat.RoleMuted, chat.RoleMember, chat.RoleModerator, chat.RoleAdmin, chat.RoleOwner}
	for _, kind := range []storage.RoomKind{storage.Public, storage.Private} {
		for _, moderated := range []bool{false, true} {
			for _, role := range roles {
				t.Run(fmt.Sprintf("%v moderated %v %v", kind, moderated, role), func(t *testing.T) {
					k := newKit(t, nil)
					r, err := k.as("ann").Create(t.Context(), storage.Room{Kind: kind, Moderated: moderated})
					ok(t, err)
					if role != chat.RoleNone {
						ok(t, r.SetMember(t.Context(), "cid", role, ""))
					}
					cid := k.in("cid", r.ID())
					sees := role.Belongs() || kind == storage.Public && role == chat.RoleNone
					_, err = cid.Page(t.Context(), chat.Latest(10))
					if got := err == nil; got != sees {
						t.Errorf("reads: %v, want %v", err, sees)
					}
					writes := role >= chat.RoleMember || sees && role == chat.RoleNone && !moderated
					_, err = cid.Send(t.Context(), chat.Text{Body: "x"})
					if got := err == nil; got != writes {
						t.Errorf("sends: %v, want %v", err, writes)
					}
					switch {
					case !sees && !errors.Is(err, chat.ErrNotFound), sees && !writes && !errors.Is(err, chat.ErrForbidden):
						t.Errorf("the wrong refusal: %v", err)
					}
				})
			}
		}
	}
}

func TestWhoAppointsWhom(t *testing.T) {
	k := newKit(t, nil)
	ann := k.in("ann", k.kitchen)
	set := func(by, who string, role chat.Role) error {
		return k.in(by, k.kitchen).SetMember(t.Context(), who, role, "")
	}
	fails(t, set("bob", "cid", chat.RoleMember), chat.ErrForbidden, "role")
	ok(t, set("ann", "bob", chat.RoleModerator))
	ok(t, set("bob", "cid", chat.RoleMember))
	ok(t, set("bob", "cid", chat.RoleMuted))
	fails(t, set("bob", "cid", chat.RoleBanned), chat.ErrForbidden, "role")
	fails(t, set("bob", "cid", chat.RoleModerator), chat.ErrForbidden, "role")
	fails(t, set("bob", "ann", chat.RoleNone), chat.ErrForbidden, "role")
	ok(t, set("ann", "bob", chat.RoleAdmin))
	ok(t, set("bob", "cid", chat.RoleBanned))
	fails(t, set("bob", "bob", chat.RoleOwner), chat.ErrForbidden, "role")
	fails(t, set("ann", "cid", chat.Role(99)), chat.ErrInvalid, "role")
	fails(t, set("ann", "a\x00b", chat.RoleMember), chat.ErrInvalid, "")

	members, next, err := ann.Members(t.Context(), "", 10)
	ok(t, err)
	var got []string
	for _, m := range members {
		got = append(got, m.User.Key+" "+m.Role.String())
	}
	same(t, got, []string{"ann owner", "bob admin", "cid banned"})
	if next != "" {
		t.Errorf("next %q", next)
	}
	// Joining again doesn't lift a ban.
	fails(t, k.in("cid", k.kitchen).Join(t.Context()), chat.ErrNotFound, "room")
}

func TestMembersOnly(t *testing.T) {
	k := newKit(t, nil)
	r, err := k.as("ann").Create(t.Context(), storage.Room{Kind: storage.Public, MembersOnly: true})
	ok(t, err)
	bob := k.in("bob", r.ID())
	fails(t, bob.Join(t.Context()), chat.ErrForbidden, "role")
	_, err = bob.Send(t.Context(), chat.Text{Body: "x"})
	fails(t, err, chat.ErrForbidden, "role")
	ok(t, r.SetMember(t.Context(), "bob", chat.RoleMember, "welcome"))
	ok(t, bob.Join(t.Context()))
	_, err = bob.Send(t.Context(), chat.Text{Body: "x"})
	ok(t, err)
}

func TestHistoryFromJoin(t *testing.T) {
	k := newKit(t, nil)
	r, err := k.as("ann").Create(t.Context(), storage.Room{Kind: storage.Private, HistoryFrom: storage.FromJoin})
	ok(t, err)
	before, err := r.Send(t.Context(), chat.Text{Body: "before"})
	ok(t, err)
	ok(t, r.SetMember(t.Context(), "bob", chat.RoleMember, ""))
	_, err = r.Send(t.Context(), chat.Text{Body: "after"})
	ok(t, err)
	for _, archived := range []bool{false, true} {
		if archived {
			ok(t, k.Admin().CatchUp(t.Context()))
		}
		bob := k.in("bob", r.ID())
		p, err := bob.Page(t.Context(), chat.Latest(10))
		ok(t, err)
		same(t, bodies(p), []string{"after"})
		if p.Older || p.First != 3 {
			t.Errorf("older %v, first %d", p.Older, p.First)
		}
		_, err = bob.React(t.Context(), before.ID, []string{"👍"})
		fails(t, err, chat.ErrNotFound, "target")
		_, err = bob.Send(t.Context(), chat.Text{Body: "x", ReplyTo: before.ID})
		fails(t, err, chat.ErrNotFound, "replyTo")
	}
}

func TestDirectRoomsFollowFromTheirMembers(t *testing.T) {
	k := newKit(t, nil)
	a, err := k.as("ann").Direct(t.Context(), "bob", "ann")
	ok(t, err)
	b, err := k.as("bob").Direct(t.Context(), "ann")
	ok(t, err)
	if a.ID() != b.ID() {
		t.Errorf("%v and %v", a.ID(), b.ID())
	}
	_, err = b.Send(t.Context(), chat.Text{Body: "hi"})
	ok(t, err)
	p, err := a.Page(t.Context(), chat.Latest(10).All())
	ok(t, err)
	if len(p.Events) != 3 { // two members, one text
		t.Errorf("%d events", len(p.Events))
	}
	fails(t, a.Leave(t.Context()), chat.ErrForbidden, "room")
	fails(t, a.SetMember(t.Context(), "cid", chat.RoleMember, ""), chat.ErrForbidden, "room")
	_, err = k.as("ann").Direct(t.Context())
	fails(t, err, chat.ErrInvalid, "others")
	var many []string
	for i := range hub.MaxDirect {
		many = append(many, fmt.Sprint("u", i))
	}
	_, err = k.as("ann").Direct(t.Context(), many...)
	fails(t, err, chat.ErrTooLarge, "others")
}

func TestCreateRefuses(t *testing.T) {
	k := newKit(t, nil)
	for name, c := range map[string]struct {
		room  storage.Room
		kind  error
		field string
	}{
		"a key":             {storage.Room{ID: chat.RoomID{Tenant: "acme", Key: "x"}, Kind: storage.Public}, chat.ErrInvalid, "id"},
		"no kind":           {storage.Room{}, chat.ErrInvalid, "kind"},
		"direct":            {storage.Room{Kind: storage.Direct}, chat.ErrInvalid, "kind"},
		"personal":          {storage.Room{Kind: storage.Personal}, chat.ErrInvalid, "kind"},
		"private address":   {storage.Room{Kind: storage.Private, Address: "x"}, chat.ErrInvalid, "address"},
		"a password so far": {storage.Room{Kind: storage.Public, Password: []byte("v")}, errors.ErrUnsupported, "password"},
		"most occupants":    {storage.Room{Kind: storage.Public, MaxOccupants: 1}, errors.ErrUnsupported, "maxOccupants"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := k.as("ann").Create(t.Context(), c.room)
			fails(t, err, c.kind, c.field)
		})
	}
	_, err := k.as("ann").Create(t.Context(), storage.Room{Kind: storage.Public, Address: "Lobby"})
	ok(t, err)
	for _, alike := range []string{"lobby", "LOBBY", "lоbby"} { // the last has a Cyrillic o
		_, err := k.as("bob").Create(t.Context(), storage.Room{Kind: storage.Public, Address: alike})
		fails(t, err, chat.ErrConflict, "address")
	}
	list, err := k.as("bob").Rooms(t.Context(), "", 100)
	ok(t, err)
	if len(list) != 1 {
		t.Errorf("something was made: %+v", list)
	}
}

func TestPolicyNarrows(t *testing.T) {
	no := errors.New("not on Fridays")
	var seen []hub.Verb
	k := newKit(t, &hub.Options{Policy: func(_ context.Context, a hub.Action) error {
		seen = append(seen, a.Verb)
		if a.Verb == hub.VerbSend && a.Event.Content.(*chat.Text).Body == "forbidden" {
			return no
		}
		return nil
	}})
	_, err := k.in("ann", k.kitchen).Send(t.Context(), chat.Text{Body: "forbidden"})
	fails(t, err, chat.ErrForbidden, "policy")
	if !errors.Is(err, no) {
		t.Error("the host's own error is lost")
	}
	k.say("ann", "fine")
	same(t, bodies(k.page("ann", chat.Latest(10))), []string{"fine"})
	same(t, seen, []hub.Verb{hub.VerbCreate, hub.VerbMember, hub.VerbSend, hub.VerbSend, hub.VerbRead})
}

// hostAccess is a host that decides by itself: its projects are the rooms.
type hostAccess map[chat.UserID][]storage.Member

func (a hostAccess) Access(_ context.Context, u chat.UserID) ([]storage.Member, error) {
	return a[u], nil
}

func TestAHostsOwnAccess(t *testing.T) {
	project := chat.RoomID{Tenant: "acme", Key: "project-7"}
	foreign := chat.RoomID{Tenant: "evil", Key: "project-7"}
	access := hostAccess{user("ann"): {{Room: foreign, Role: chat.RoleOwner}, {Room: project, Role: chat.RoleMember}}}
	k := newKitWithout(t, &hub.Options{Access: access})
	ann := k.in("ann", project)
	_, err := ann.Send(t.Context(), chat.Text{Body: "hello"})
	ok(t, err)
	p, err := ann.Page(t.Context(), chat.Latest(10))
	ok(t, err)
	same(t, bodies(p), []string{"hello"})
	_, err = k.in("bob", project).Page(t.Context(), chat.Latest(10))
	fails(t, err, chat.ErrNotFound, "room")
	list, err := k.as("ann").Rooms(t.Context(), "", 10)
	ok(t, err)
	if len(list) != 1 || list[0].ID != project {
		t.Errorf("%+v", list)
	}
}

// outsideOfRooms is each method of a user that names no room.
func outsideOfRooms(ctx context.Context, u hub.User) map[string]error {
	errs := map[string]error{}
	_, errs["rooms"] = u.Rooms(ctx, "", 10)
	_, errs["room at"] = u.RoomAt(ctx, "kitchen")
	_, errs["create"] = u.Create(ctx, storage.Room{Kind: storage.Public})
	_, errs["direct"] = u.Direct(ctx, "bob")
	_, errs["search"] = u.Search(ctx, hub.Query{Limit: 10})
	_, errs["connect"] = u.Connect(ctx, hub.Device{Name: "phone"})
	return errs
}

// A key that can't be one, and a room of another tenant, are refused everywhere, and
// leave no trace.
func TestBadKeysAreRefusedAndLeaveNothing(t *testing.T) {
	k := newKit(t, nil)
	said := k.say("ann", "hello")
	before := k.page("ann", chat.Latest(10).All())
	for _, key := range []string{"", "a\x00b", "with space", "ä", string(make([]byte, chat.MaxKey+1))} {
		for op, err := range everything(t.Context(), k.as("ann").Room(key), said.ID) {
			if !errors.Is(err, chat.ErrInvalid) && !errors.Is(err, chat.ErrTooLarge) && !errors.Is(err, chat.ErrNotFound) {
				t.Errorf("room %.10q: %s: %v", key, op, err)
			}
		}
		for op, err := range everything(t.Context(), k.in(key, k.kitchen), said.ID) {
			if err == nil {
				t.Errorf("user %.10q: %s is allowed", key, op)
			}
		}
		for op, err := range outsideOfRooms(t.Context(), k.as(key)) {
			if !errors.Is(err, chat.ErrInvalid) && !errors.Is(err, chat.ErrTooLarge) {
				t.Errorf("user %.10q: %s: %v", key, op, err)
			}
		}
		if err := k.in("ann", k.kitchen).SetMember(t.Context(), key, chat.RoleMember, ""); err == nil {
			t.Errorf("%q is a member", key)
		}
	}
	for op, err := range everything(t.Context(), k.As(chat.UserID{Tenant: "evil", Key: "ann"}).Room(k.kitchen.Key), said.ID) {
		if !errors.Is(err, chat.ErrNotFound) {
			t.Errorf("another tenant: %s: %v", op, err)
		}
	}
	ok(t, k.Admin().CatchUp(t.Context()))
	after := k.page("ann", chat.Latest(10).All())
	if fmt.Sprint(before.Messages) != fmt.Sprint(after.Messages) || before.Head != after.Head {
		t.Errorf("before %+v\nafter %+v", before, after)
	}
}

// deafBroker places nothing for a while.
type deafBroker struct {
	chat.Broker
	deaf *atomic.Bool
}

func (b deafBroker) Publish(ctx context.Context, events []chat.Event) ([]chat.Receipt, error) {
	if b.deaf.Load() {
		return nil, &chat.Error{Kind: chat.ErrUnavailable, Op: "publish"}
	}
	return b.Broker.Publish(ctx, events)
}

// A ban whose event could not be placed takes access at once; asked for again, it is
// finished, and not said to be done already.
func TestABanThatFailedHalfwayIsFinishedByTheNext(t *testing.T) {
	for _, by := range []string{"owner", "admin", "himself"} {
		t.Run(by, func(t *testing.T) {
			k := newKit(t, nil)
			var deaf atomic.Bool
			h := k.over(func(s *drivers.Set) { s.Broker = deafBroker{s.Broker, &deaf} })
			s := k.connect(h, "bob", 0)
			away := func() error {
				switch by {
				case "owner":
					return h.As(user("ann")).Room(k.kitchen.Key).SetMember(t.Context(), "bob", chat.RoleBanned, "")
				case "admin":
					return h.Admin().SetMember(t.Context(), k.kitchen, user("bob"), chat.RoleBanned, "")
				default:
					return h.As(user("bob")).Room(k.kitchen.Key).Leave(t.Context())
				}
			}
			deaf.Store(true)
			fails(t, away(), chat.ErrUnavailable, "")
			deaf.Store(false)
			k.say("ann", "not for bob")
			ok(t, away())
			ok(t, away()) // now it is done
			p := k.page("ann", chat.Latest(10).All())
			var told int
			for _, e := range p.Events {
				if m, ok := e.Content.(*chat.Member); ok && m.User == user("bob") && !m.Role.Belongs() {
					told++
				}
			}
			if told != 1 {
				t.Errorf("the log tells %d times that bob is away", told)
			}
			ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
			defer cancel()
			if n, err := s.Next(ctx, make([]*hub.Delivery, 1)); err == nil {
				t.Errorf("bob still hears %d", n)
			}
		})
	}
}

// overtakenBroker lets somebody else act before it places a change of member.
type overtakenBroker struct {
	chat.Broker
	first func()
	once  *sync.Once
}

func (b overtakenBroker) Publish(ctx context.Context, events []chat.Event) ([]chat.Receipt, error) {
	if events[0].Kind() == chat.KindMember {
		b.once.Do(b.first)
	}
	return b.Broker.Publish(ctx, events)
}

// Two who take the same away from somebody at once have both done it, whoever's event is
// placed.
func TestABanThatAnotherFinishedIsDone(t *testing.T) {
	k := newKit(t, nil)
	ban := func(h *hub.Hub) error {
		return h.As(user("ann")).Room(k.kitchen.Key).SetMember(t.Context(), "bob", chat.RoleBanned, "")
	}
	other := func() { ok(t, ban(k.Hub)) }
	h := k.over(func(s *drivers.Set) { s.Broker = overtakenBroker{s.Broker, other, new(sync.Once)} })
	ok(t, ban(h))
	_, err := k.in("bob", k.kitchen).Page(t.Context(), chat.Latest(1))
	fails(t, err, chat.ErrNotFound, "room")
}

// Moderated would mean nothing if joining gave a voice.
func TestJoiningAModeratedRoomGivesNoVoice(t *testing.T) {
	k := newKit(t, nil)
	r, err := k.as("ann").Create(t.Context(), storage.Room{Kind: storage.Public, Moderated: true})
	ok(t, err)
	bob := k.in("bob", r.ID())
	ok(t, bob.Join(t.Context()))
	s := k.connect(k.Hub, "bob", 10)
	_, err = bob.Send(t.Context(), chat.Text{Body: "x"})
	fails(t, err, chat.ErrForbidden, "role")
	ok(t, r.SetMember(t.Context(), "bob", chat.RoleMember, "welcome"))
	said, err := bob.Send(t.Context(), chat.Text{Body: "now he may"})
	ok(t, err)
	for d, err := range s.All(t.Context()) { // he hears it, as who belongs
		ok(t, err)
		if d.Event != nil && d.Event.ID == said.ID {
			return
		}
	}
}
