package hub_test

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/chat/hub"
	"github.com/parlor-chat/parlor/chat/hub/hubtest"
	"github.com/parlor-chat/parlor/storage"
)

// newsOf is a whole list, a room a line.
func newsOf(t *testing.T, u hub.User) (lines []string) {
	t.Helper()
	list, next, err := u.News(t.Context(), "", chat.MaxBatch)
	ok(t, err)
	if next != "" {
		t.Errorf("there is more: %s", next)
	}
	for _, n := range list {
		line := fmt.Sprintf("%s %v %v, %d unread", n.Title, n.Kind, n.Role, n.Unread)
		if n.Mentions > 0 {
			line += fmt.Sprint(", ", n.Mentions, " for him")
		}
		if n.MoreMentions {
			line += " or more"
		}
		lines = append(lines, line)
	}
	return lines
}

func mention(t *testing.T, r hub.Room, people ...chat.UserID) chat.Receipt {
	t.Helper()
	sent, err := r.Send(t.Context(), chat.Text{Body: "hey", Mentions: people})
	ok(t, err)
	return sent
}

// A user's rooms, the newest first, with what is unread and what is for him.
func TestNews(t *testing.T) {
	hubtest.Run(t, 2, func(t *testing.T, k *hubtest.Kit) {
		ok(t, k.Node(0).Admin().PutUser(t.Context(), storage.User{ID: hubtest.User("cyd"), Name: "Cyd Charisse"}))
		for _, key := range []string{"quiet", "busy", "named", "others"} {
			k.Room(key, "ann", "bob")
		}
		k.Room("foreign", "ann")
		ann, bob := k.As(0, "ann"), k.As(1, "bob")
		pair, err := k.As(0, "cyd").Direct(t.Context(), "bob")
		ok(t, err)
		group, err := bob.Direct(t.Context(), "ann", "cyd")
		ok(t, err)
		said := func(r hub.Room, n int) {
			for range n {
				time.Sleep(time.Minute)
				_, err := r.Send(t.Context(), chat.Text{Body: "hello"})
				ok(t, err)
			}
		}
		said(ann.Room("busy"), 3)
		said(pair, 2)
		said(ann.Room("foreign"), 1)
		time.Sleep(time.Minute)
		mention(t, ann.Room("named"), bob.ID(), hubtest.User("cyd"))
		said(ann.Room("named"), 2)
		mention(t, ann.Room("named"), bob.ID())
		time.Sleep(time.Minute)
		mention(t, ann.Room("others"), hubtest.User("cyd"))
		said(ann.Room(group.ID().Key), 1)
		k.Settle()
		same(t, newsOf(t, bob), []string{
			"ann, Cyd Charisse direct member, 1 unread, 1 for him",
			"others public member, 1 unread",
			"named public member, 4 unread, 2 for him",
			"Cyd Charisse direct member, 2 unread, 2 for him",
			"busy public member, 3 unread",
			"quiet public member, 0 unread",
		})
		// Changes move no room.
		_, err = ann.Room("busy").SetTopic(t.Context(), "silence")
		ok(t, err)
		page, err := ann.Room("named").Page(t.Context(), chat.Latest(10))
		ok(t, err)
		last := page.Messages[len(page.Messages)-1]
		_, err = ann.Room("named").React(t.Context(), last.ID, []string{"👍"})
		ok(t, err)
		ok(t, bob.Room("named").Read(t.Context(), page.Messages[1].Seq)) // behind the first mention
		ok(t, bob.Room("busy").Read(t.Context(), 5))
		got := newsOf(t, bob)
		same(t, got[1:5], []string{"others public member, 1 unread", "named public member, 2 unread, 1 for him",
			"Cyd Charisse direct member, 2 unread, 2 for him", "busy public member, 0 unread"})
		// What one says himself he has read, and what was there.
		said(bob.Room("named"), 1)
		if got := newsOf(t, bob); got[0] != "named public member, 0 unread" {
			t.Errorf("%q", got)
		}
		// One room is as it is in the list.
		list, _, err := bob.News(t.Context(), "", 10)
		ok(t, err)
		for _, n := range list {
			if one, err := bob.Room(n.ID.Key).News(t.Context()); err != nil || !reflect.DeepEqual(one, n) {
				t.Errorf("in the list %+v, by itself %+v, %v", n, one, err)
			}
		}
		if n := list[0]; n.Last == 0 || n.Read != n.Last || n.Said.IsZero() || time.Since(n.Said) > time.Second || n.Notify != (hub.Notify{}) {
			t.Errorf("%+v", n)
		}
		// Who doesn't belong reads a public room's news by itself.
		n, err := k.As(0, "dan").Room("busy").News(t.Context())
		if ok(t, err); n.Unread != 3 || n.Role != chat.RoleNone {
			t.Errorf("%+v", n)
		}
	})
}

// What was said before somebody came in isn't unread, whatever he may read.
func TestNewsBeginsWhereHeCameIn(t *testing.T) {
	k := newKitWithout(t, nil)
	ann, bob := k.as("ann"), k.as("bob")
	for _, from := range []storage.HistoryFrom{storage.FromStart, storage.FromJoin} {
		r, err := ann.Create(t.Context(), storage.Room{Kind: storage.Public, HistoryFrom: from})
		ok(t, err)
		room := bob.Room(r.ID().Key)
		say := func(n int) {
			for range n {
				_, err := r.Send(t.Context(), chat.Text{Body: "x", Mentions: []chat.UserID{bob.ID()}})
				ok(t, err)
			}
		}
		is := func(when string, want int64) {
			t.Helper()
			n, err := room.News(t.Context())
			if ok(t, err); n.Unread != want || int64(n.Mentions) > want {
				t.Errorf("%v, %s: %d unread, %d mentions, want %d", from, when, n.Unread, n.Mentions, want)
			}
		}
		say(3)
		ok(t, room.Join(t.Context()))
		is("when he came", 0)
		say(2)
		is("before it is archived", 2)
		say(100)
		ok(t, k.Admin().CatchUp(t.Context()))
		is("when the head has forgotten where", 102)
		is("the second time", 102)
		ok(t, room.Leave(t.Context()))
		say(4)
		ok(t, room.Join(t.Context()))
		is("when he came again", 0)
		say(1)
		is("when he came again, and heard something", 1)
	}
}

// A host says from where on somebody may read; a row may be ahead of a room that lost events.
func TestNewsBeginsWhereAHostSays(t *testing.T) {
	k := newKitWithout(t, nil)
	for from, want := range map[storage.Member]int64{{From: 1}: 5, {From: 4}: 2, {From: 5, Since: 2}: 1, {From: 1, Since: 4}: 1, {From: 1, Since: 50}: 0, {From: 50}: 0} {
		id := chat.RoomID{Tenant: "acme", Key: fmt.Sprint(from.From, ".", from.Since)}
		ok(t, k.Admin().Create(t.Context(), storage.Room{ID: id, Kind: storage.Public}))
		from.Room, from.User, from.Role = id, user("bob"), chat.RoleMember
		ok(t, k.store.Directory().PutMember(t.Context(), from))
		for range 5 {
			_, err := k.in("ann", id).Send(t.Context(), chat.Text{Body: "x"})
			ok(t, err)
		}
		n, err := k.in("bob", id).News(t.Context())
		if ok(t, err); n.Unread != want {
			t.Errorf("from %d, since %d: %d unread", from.From, from.Since, n.Unread)
		}
	}
}

// Numbers count: what is retracted or erased stays unread until he reads on.
func TestWhatIsGoneCountsUntilItIsRead(t *testing.T) {
	k := newKit(t, nil)
	one := mention(t, k.in("ann", k.kitchen), user("bob"))
	two := k.say("ann", "two")
	ok(t, k.Admin().CatchUp(t.Context()))
	_, err := k.in("ann", k.kitchen).Retract(t.Context(), one.ID, "")
	ok(t, err)
	_, err = k.Admin().Erase(t.Context(), k.kitchen, two.ID, "")
	ok(t, err)
	ok(t, k.Admin().CatchUp(t.Context()))
	same(t, newsOf(t, k.as("bob")), []string{"Kitchen public member, 2 unread, 1 for him"})
	ok(t, k.in("bob", k.kitchen).Read(t.Context(), two.Seq))
	same(t, newsOf(t, k.as("bob")), []string{"Kitchen public member, 0 unread"})
}

// A banned user's rooms are gone from his list. When he is let in again he has read what he
// had, and what came meanwhile isn't for him.
func TestNewsOfWhoIsBanned(t *testing.T) {
	k := newKit(t, nil)
	k.say("ann", "one")
	sent := k.say("ann", "two")
	ok(t, k.in("bob", k.kitchen).Read(t.Context(), sent.Seq))
	ban := func(r chat.Role) { ok(t, k.in("ann", k.kitchen).SetMember(t.Context(), "bob", r, "")) }
	ban(chat.RoleBanned)
	same(t, newsOf(t, k.as("bob")), nil)
	k.say("ann", "about bob")
	ban(chat.RoleMember)
	same(t, newsOf(t, k.as("bob")), []string{"Kitchen public member, 0 unread"})
	k.say("ann", "hello bob")
	same(t, newsOf(t, k.as("bob")), []string{"Kitchen public member, 1 unread"})
}

func TestNewsRefuses(t *testing.T) {
	k := newKit(t, nil)
	same(t, newsOf(t, k.as("nobody")), nil)
	for limit, kind := range map[int]error{0: chat.ErrInvalid, -1: chat.ErrInvalid, chat.MaxBatch + 1: chat.ErrTooLarge} {
		_, _, err := k.as("ann").News(t.Context(), "", limit)
		fails(t, err, kind, "limit")
	}
	for _, after := range []string{"x", "1.2.3", "1.2.x.key", "1.2.3.a b", "1.2.3.é", "99999999999999999999.2.3.key"} {
		_, _, err := k.as("ann").News(t.Context(), after, 10)
		fails(t, err, chat.ErrInvalid, "after")
	}
	_, _, err := k.As(chat.UserID{Tenant: "acme"}).News(t.Context(), "", 10)
	fails(t, err, chat.ErrInvalid, "user")
	ok(t, k.Shutdown(t.Context()))
	_, _, err = k.as("ann").News(t.Context(), "", 10)
	fails(t, err, chat.ErrClosed, "")
	fails(t, k.in("ann", k.kitchen).Read(t.Context(), 1), chat.ErrClosed, "")
}

// Rooms that a host's policy keeps him from reading aren't told of.
func TestNewsAsksThePolicy(t *testing.T) {
	var closed atomic.Value
	closed.Store("")
	k := newKit(t, &hub.Options{Policy: func(_ context.Context, a hub.Action) error {
		if a.Verb == hub.VerbRead && a.Room.Key == closed.Load() {
			return errors.New("closed")
		}
		return nil
	}})
	k.say("ann", "one")
	same(t, newsOf(t, k.as("bob")), []string{"Kitchen public member, 1 unread"})
	closed.Store(k.kitchen.Key)
	same(t, newsOf(t, k.as("bob")), nil)
	_, err := k.in("bob", k.kitchen).News(t.Context())
	fails(t, err, chat.ErrForbidden, "policy")
}

// Groups of ten are called by all others, however many these are.
func TestNewsOfManyGroups(t *testing.T) {
	k := newKitWithout(t, nil)
	for i := range 120 {
		var others []string
		for j := range hub.MaxDirect - 1 {
			others = append(others, fmt.Sprint("u", i*100+j))
		}
		_, err := k.as("bob").Direct(t.Context(), others...)
		ok(t, err)
	}
	list, _, err := k.as("bob").News(t.Context(), "", 200)
	ok(t, err)
	titles := map[string]bool{}
	for _, n := range list {
		titles[n.Title] = true
		if strings.Count(n.Title, ", ") != hub.MaxDirect-2 {
			t.Fatalf("%q", n.Title)
		}
	}
	if len(titles) != 120 {
		t.Errorf("%d titles", len(titles))
	}
}

// Of more mentions than are looked at, it says that there may be more.
func TestNewsOfManyMentions(t *testing.T) {
	k := newKit(t, nil)
	old, err := k.as("ann").Create(t.Context(), storage.Room{Kind: storage.Public, Title: "Old"})
	ok(t, err)
	ok(t, k.in("bob", old.ID()).Join(t.Context()))
	ok(t, k.Admin().CatchUp(t.Context()))
	mention(t, old, user("bob"))
	for range 2 {
		mention(t, k.in("ann", k.kitchen), user("bob"))
	}
	ok(t, k.Admin().CatchUp(t.Context()))
	is := func(want ...string) {
		t.Helper()
		got := newsOf(t, k.as("bob"))
		slices.Sort(got)
		same(t, got, want)
	}
	is("Kitchen public member, 2 unread, 2 for him", "Old public member, 1 unread, 1 for him")
	second := mention(t, k.in("ann", k.kitchen), user("bob"))
	for range storage.MaxPage {
		mention(t, k.in("ann", k.kitchen), user("bob"))
	}
	ok(t, k.Admin().CatchUp(t.Context()))
	is("Kitchen public member, 503 unread, 500 for him or more", "Old public member, 1 unread or more")
	ok(t, k.in("bob", k.kitchen).Read(t.Context(), second.Seq))
	is("Kitchen public member, 500 unread, 500 for him", "Old public member, 1 unread or more")
	page := k.page("bob", chat.Latest(2))
	ok(t, k.in("bob", k.kitchen).Read(t.Context(), page.Messages[0].Seq))
	is("Kitchen public member, 1 unread, 1 for him", "Old public member, 1 unread or more")
	k.say("ann", "two")
	is("Kitchen public member, 2 unread, 1 for him", "Old public member, 1 unread or more")
}
