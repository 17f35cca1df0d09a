package hub_test

import (
	"testing"

	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/chat/hub"
	"github.com/parlor-chat/parlor/storage"
)

// A room that somebody comes to begins with the event that let him in, whatever came of him
// there until his session is told.
func TestARoomBeginsWithTheEventThatLetHimIn(t *testing.T) {
	for _, c := range []struct {
		name string
		let  func(k *kit, attic hub.Room)
		want []string
	}{
		{"promoted since", func(k *kit, attic hub.Room) {
			ok(k.t, attic.SetMember(k.t.Context(), "bob", chat.RoleMember, ""))
			k.speak(attic, "1")
			ok(k.t, attic.SetMember(k.t.Context(), "bob", chat.RoleModerator, ""))
		}, []string{"member", "1", "member"}},
		{"sent away between", func(k *kit, attic hub.Room) {
			ok(k.t, attic.SetMember(k.t.Context(), "bob", chat.RoleMember, ""))
			ok(k.t, attic.SetMember(k.t.Context(), "bob", chat.RoleNone, ""))
			k.speak(attic, "1")
			ok(k.t, attic.SetMember(k.t.Context(), "bob", chat.RoleMember, ""))
			k.speak(attic, "2")
		}, []string{"member", "2"}},
		{"let in by two at once", func(k *kit, attic hub.Room) {
			place := func(event chat.Event) chat.Receipt {
				r, err := k.store.Set().Broker.Publish(k.t.Context(), []chat.Event{event})
				ok(k.t, err)
				return r[0]
			}
			in := func() chat.Receipt {
				return place(chat.Event{ID: chat.NewID(), Room: attic.ID(), Sender: user("ann"), Content: &chat.Member{User: user("bob"), Role: chat.RoleMember}})
			}
			in()
			k.speak(attic, "1")
			second := in()
			// Its row is written first; that of the other then changes nothing.
			ok(k.t, k.store.Set().Directory.PutMember(k.t.Context(), storage.Member{Room: attic.ID(), User: user("bob"), Role: chat.RoleMember,
				From: 1, Since: second.Seq, Seq: second.Seq, Event: second.ID}))
		}, []string{"member", "1", "member"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			k := newKit(t, nil)
			attic, err := k.as("ann").Create(t.Context(), storage.Room{Kind: storage.Private, Title: "Attic"})
			ok(t, err)
			k.speak(attic, "0")
			s := k.connect(k.Hub, "bob", 0)
			at := s.Resume()
			s.Close()
			c.let(k, attic)
			s = k.resume(k.Hub, "bob", at)
			same(t, heard(t, s, len(c.want)), c.want)
		})
	}
}

// A loss may move the event that let somebody in. It takes nothing from him that he might read.
func TestWhoseEntryMovesReadsWhatHeRead(t *testing.T) {
	k := newKit(t, nil)
	attic, err := k.as("ann").Create(t.Context(), storage.Room{Kind: storage.Private, Title: "Attic", HistoryFrom: storage.FromJoin})
	ok(t, err)
	k.speak(attic, "0")
	ok(t, k.Admin().CatchUp(t.Context()))
	directory := k.store.Set().Directory
	entry := storage.Member{Room: attic.ID(), User: user("bob"), Role: chat.RoleMember, From: 2, Since: 2, Seq: 2, Event: chat.NewID()}
	ok(t, directory.PutMember(t.Context(), entry))
	k.speak(attic, "1")
	_, err = k.store.Set().Broker.Publish(t.Context(), []chat.Event{{ID: entry.Event, Room: attic.ID(), Sender: user("ann"), Content: &chat.Member{User: user("bob"), Role: chat.RoleMember}}})
	ok(t, err)
	k.speak(attic, "2")
	ok(t, k.Admin().CatchUp(t.Context()))
	row, err := directory.Member(t.Context(), attic.ID(), user("bob"))
	ok(t, err)
	if row.From != 2 || row.Seq != 4 || row.Since != 4 {
		t.Errorf("%+v", row)
	}
}

func (k *kit) speak(r hub.Room, body string) {
	k.t.Helper()
	_, err := r.Send(k.t.Context(), chat.Text{Body: body})
	ok(k.t, err)
}
