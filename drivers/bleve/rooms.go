package bleve

import (
	"slices"
	"strings"

	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/storage"
)

// room is what is known of one room: ids and terms name it by its number.
type room struct {
	id     chat.RoomID
	number uint32
	mark   chat.Seq // up to where it is indexed
	high   chat.Seq // the highest Seq that ever had a document: what is above is new
}

// rooms are all rooms that have a number. The numbers are given in the order in which the
// log first names the rooms, and never again; so the log read again gives the same.
type rooms struct {
	byID  map[chat.RoomID]*room
	byNum []*room // by number; nil: forgotten. Replaced where one is forgotten, else appended to
}

func newRooms() *rooms { return &rooms{byID: map[chat.RoomID]*room{}} }

// get is that room, with a number from now on.
func (t *rooms) get(id chat.RoomID) *room {
	r := t.byID[id]
	if r == nil {
		id = chat.RoomID{Tenant: strings.Clone(id.Tenant), Key: strings.Clone(id.Key)}
		r = &room{id: id, number: uint32(len(t.byNum))}
		t.byID[id] = r
		t.byNum = append(t.byNum, r)
	}
	return r
}

// forget forgets the rooms of a span.
func (t *rooms) forget(span storage.Span) {
	t.byNum = slices.Clone(t.byNum)
	for id, r := range t.byID {
		if span.Holds(id) {
			delete(t.byID, id)
			t.byNum[r.number] = nil
		}
	}
}
