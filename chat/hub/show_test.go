package hub

import (
	"slices"
	"testing"

	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/storage"
)

// Somebody who may read from a position on is shown what was left out around it, and nothing of
// what was said before.
func TestWhatWasLeftOutIsShownAcrossWhereSomebodyBegins(t *testing.T) {
	room := chat.RoomID{Tenant: "acme", Key: "attic"}
	at := func(seq chat.Seq, c chat.Content) chat.Event {
		return chat.Event{ID: chat.NewID(), Room: room, Seq: seq, Content: c}
	}
	raw := storage.Page{Head: 11, First: 1, Events: []chat.Event{
		at(1, &chat.Text{Body: "secret"}), at(2, &chat.Void{To: 9}), at(10, &chat.Text{Body: "soup"}), at(11, &chat.Topic{Text: "food"}),
	}}
	for _, c := range []struct {
		from chat.Seq
		want []chat.Seq
	}{{1, []chat.Seq{1, 2, 10, 11}}, {2, []chat.Seq{2, 10, 11}}, {5, []chat.Seq{2, 10, 11}}, {9, []chat.Seq{2, 10, 11}}, {10, []chat.Seq{10, 11}}, {11, []chat.Seq{11}}} {
		p := show(raw, chat.After(0, 10).All(), c.from)
		var got []chat.Seq
		for _, e := range p.Events {
			got = append(got, e.Seq)
		}
		if !slices.Equal(got, c.want) || p.Older || p.First != c.from {
			t.Errorf("from %d: %d, older %v, first %d; want %d", c.from, got, p.Older, p.First, c.want)
		}
	}
}
