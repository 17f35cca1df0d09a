package hub_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/chat/hub"
	"github.com/parlor-chat/parlor/chat/hub/hubtest"
	"github.com/parlor-chat/parlor/storage"
)

// lastOf is the last event of a room.
func lastOf(t *testing.T, r hub.Room) *chat.Event {
	t.Helper()
	page, err := r.Page(t.Context(), chat.Latest(1).All())
	ok(t, err)
	return &page.Events[0]
}

// A setting says of what somebody is notified; a mute ends by itself.
func TestWhatNotifies(t *testing.T) {
	all, some, none, preset := hub.Notify{About: hub.AboutAll}, hub.Notify{About: hub.AboutMentions}, hub.Notify{About: hub.AboutNothing}, hub.Notify{}
	for _, c := range []struct {
		set           hub.Notify
		room          string
		text, mention bool // whether it notifies
	}{
		{preset, "room", false, true}, {preset, "direct", true, true},
		{all, "room", true, true}, {all, "direct", true, true},
		{some, "room", false, true}, {some, "direct", false, true},
		{none, "room", false, false}, {none, "direct", false, false},
	} {
		t.Run(fmt.Sprint(c.set.About, " ", c.room), func(t *testing.T) {
			hubtest.Run(t, 2, func(t *testing.T, k *hubtest.Kit) {
				key := k.Room("r", "ann", "bob").Key
				if c.room == "direct" {
					r, err := k.As(0, "ann").Direct(t.Context(), "bob")
					ok(t, err)
					key = r.ID().Key
				}
				ann, bob := k.As(0, "ann").Room(key), k.As(1, "bob").Room(key)
				asks := func(when string, text, named bool) {
					t.Helper()
					for _, m := range []bool{false, true} {
						var people []chat.UserID
						want := text
						if m {
							people, want = []chat.UserID{hubtest.User("bob")}, named
						}
						mention(t, ann, people...)
						if got, err := k.As(0, "bob").Notifies(t.Context(), lastOf(t, ann)); err != nil || got != want {
							t.Errorf("%s, named %v: %v, %v", when, m, got, err)
						}
					}
				}
				ok(t, bob.SetNotify(t.Context(), c.set))
				asks("set", c.text, c.mention)
				muted := c.set
				muted.Muted = time.Now().Add(10 * time.Minute)
				ok(t, bob.SetNotify(t.Context(), muted))
				asks("muted", false, false)
				n, err := bob.News(t.Context())
				if ok(t, err); n.Notify.About != c.set.About || !n.Notify.Muted.Equal(chat.Time(muted.Muted)) {
					t.Errorf("%+v", n.Notify)
				}
				time.Sleep(10*time.Minute + time.Millisecond)
				asks("later", c.text, c.mention)
				if n, err = bob.News(t.Context()); err != nil || n.Notify != c.set {
					t.Errorf("later: %+v, %v", n.Notify, err)
				}
			})
		})
	}
}

// Nobody is notified of what is no new text of another, of what he read, or may not read.
func TestWhatNotifiesNobody(t *testing.T) {
	hubtest.Run(t, 1, func(t *testing.T, k *hubtest.Kit) {
		k.Room("r", "ann", "bob")
		ann, bob := k.As(0, "ann").Room("r"), k.As(0, "bob")
		asks := func(what string, u hub.User, e *chat.Event, want bool) {
			t.Helper()
			if got, err := u.Notifies(t.Context(), e); err != nil || got != want {
				t.Errorf("%s: %v, %v", what, got, err)
			}
		}
		ok(t, bob.Room("r").SetNotify(t.Context(), hub.Notify{About: hub.AboutAll}))
		asks("that he came in", bob, lastOf(t, ann), false)
		sent := mention(t, ann, hubtest.User("bob"), hubtest.User("dan"))
		e := lastOf(t, ann)
		asks("a text", bob, e, true)
		asks("a text that names who isn't there", k.As(0, "dan"), e, true)
		asks("a text that doesn't", k.As(0, "eve"), e, false)
		ok(t, k.As(0, "eve").Room("r").SetNotify(t.Context(), hub.Notify{About: hub.AboutAll}))
		asks("a text in a room where he doesn't belong", k.As(0, "eve"), e, false)
		asks("a text of another tenant", k.Node(0).As(chat.UserID{Tenant: "other", Key: "bob"}), e, false)
		pending, imported, own := *e, *e, *e
		pending.Seq, imported.Origin, own.Sender = 0, &chat.Origin{Source: "irc", At: e.At}, bob.ID()
		asks("what isn't placed", bob, &pending, false)
		asks("what is old", bob, &imported, false)
		asks("his own", bob, &own, false)
		_, err := ann.Edit(t.Context(), sent.ID, chat.Text{Body: "new", Mentions: []chat.UserID{bob.ID()}})
		ok(t, err)
		asks("an edit", bob, lastOf(t, ann), false)
		_, err = ann.Retract(t.Context(), sent.ID, "")
		ok(t, err)
		page, err := ann.Page(t.Context(), chat.Around(sent.Seq, 1).All())
		ok(t, err)
		asks("what is gone", bob, &page.Events[0], false)
		ok(t, bob.Room("r").Read(t.Context(), e.Seq))
		asks("what he read", bob, e, false)
		time.Sleep(3 * time.Second)
		asks("what he read a while ago", bob, e, false)
		mention(t, ann, bob.ID())
		e = lastOf(t, ann)
		asks("the next", bob, e, true)
		ok(t, ann.SetMember(t.Context(), "bob", chat.RoleBanned, ""))
		asks("what he may not read", bob, e, false)
		ok(t, ann.SetMember(t.Context(), "bob", chat.RoleMember, ""))
		asks("what was before he came", bob, e, false)
	})
}

// Two devices that set at once, on two nodes, lose nothing; the others are told.
func TestNotifySettingsOfDevicesAtOnce(t *testing.T) {
	hubtest.Run(t, 2, func(t *testing.T, k *hubtest.Kit) {
		for i := range 8 {
			k.Room(fmt.Sprint("r", i), "ann", "bob")
		}
		desk := plug(t, k, 1, "bob", hub.Device{})
		came(t, desk)
		var wg sync.WaitGroup
		heal := k.Fail(hubtest.Directory, hubtest.Fault{Slow: time.Millisecond}) // all read before one writes
		for i := range 4 {
			for node := range 2 {
				wg.Go(func() {
					if err := k.As(node, "bob").Room(fmt.Sprint("r", 2*i+node)).SetNotify(t.Context(), hub.Notify{About: hub.AboutAll}); err != nil {
						t.Error(err)
					}
				})
			}
		}
		wg.Wait()
		heal()
		told := map[string]bool{}
		for _, d := range came(t, desk) {
			if d.Signal != nil && d.Signal.Name == hub.SignalNotify {
				told[string(d.Signal.Data)] = true
			}
		}
		list, _, err := k.As(1, "bob").News(t.Context(), "", 100)
		ok(t, err)
		for _, n := range list {
			if n.Notify.About != hub.AboutAll || !told[n.ID.Key] {
				t.Errorf("%s: %q, told %v", n.ID.Key, n.Notify.About, told[n.ID.Key])
			}
		}
		desk.Close()
	})
}

func TestSetNotifyRefuses(t *testing.T) {
	k := newKit(t, nil)
	bob := k.in("bob", k.kitchen)
	fails(t, bob.SetNotify(t.Context(), hub.Notify{About: "some"}), chat.ErrInvalid, "about")
	fails(t, bob.SetNotify(t.Context(), hub.Notify{Muted: time.Date(10_000, 1, 1, 0, 0, 0, 0, time.UTC)}), chat.ErrInvalid, "muted")
	fails(t, k.as("bob").Room("none").SetNotify(t.Context(), hub.Notify{}), chat.ErrNotFound, "room")
	// At the most rooms that fit, no more can be set, until one is as it was.
	d := k.store.Directory()
	var entries []string
	for n := 0; n < storage.MaxValue-68-2; n += 67 {
		entries = append(entries, fmt.Sprintf(`"%s%04d":{"about":"all"}`, strings.Repeat("x", 44), n/67))
	}
	full := "{" + strings.Join(entries, ",") + "}"
	if n := storage.MaxValue - len(full); n < 0 || n > 40 {
		t.Fatalf("%d bytes are left", n)
	}
	_, err := d.Put(t.Context(), user("bob"), "parlor.notify", "rooms", []byte(full), 0)
	ok(t, err)
	fails(t, bob.SetNotify(t.Context(), hub.Notify{About: hub.AboutAll}), chat.ErrTooLarge, "notify")
	ok(t, bob.SetNotify(t.Context(), hub.Notify{}))
	// What can't be read is as by default, and is replaced.
	_, version, err := d.Get(t.Context(), user("bob"), "parlor.notify", "rooms")
	ok(t, err)
	for _, bad := range []string{"", "null", "{", `[1]`} {
		version, err = d.Put(t.Context(), user("bob"), "parlor.notify", "rooms", []byte(bad), version)
		ok(t, err)
		n, err := bob.News(t.Context())
		if ok(t, err); n.Notify != (hub.Notify{}) {
			t.Errorf("%q: %+v", bad, n.Notify)
		}
	}
	ok(t, bob.SetNotify(t.Context(), hub.Notify{About: hub.AboutNothing}))
	n, err := bob.News(t.Context())
	if ok(t, err); n.Notify.About != hub.AboutNothing {
		t.Errorf("%+v", n.Notify)
	}
}

// What is over, or the default, takes no place.
func TestNotifySettingsAreDropped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := newKit(t, nil)
		other, err := k.as("bob").Create(t.Context(), storage.Room{Kind: storage.Public})
		ok(t, err)
		ok(t, k.in("bob", k.kitchen).SetNotify(t.Context(), hub.Notify{Muted: time.Now().Add(time.Minute)}))
		time.Sleep(2 * time.Minute)
		ok(t, other.SetNotify(t.Context(), hub.Notify{About: hub.AboutMentions, Muted: time.Now().Add(-time.Hour)}))
		value, _, err := k.store.Directory().Get(t.Context(), user("bob"), "parlor.notify", "rooms")
		ok(t, err)
		if want := fmt.Sprintf(`{"%s":{"about":"mentions"}}`, other.ID().Key); string(value) != want {
			t.Errorf("%s", value)
		}
		k.Shutdown(t.Context())
	})
}
