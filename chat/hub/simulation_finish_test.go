package hub_test

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"testing/synctest"
	"time"

	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/chat/hub"
	"github.com/parlor-chat/parlor/search"
	"github.com/parlor-chat/parlor/storage"
)

// finish heals everything, lets everybody come back, and compares.
func (w *world) finish() {
	w.endFaults(func(plannedFault) bool { return true })
	for i := range simNodes {
		if !w.k.Alive(i) {
			w.start(i)
		}
	}
	w.step++
	// Where the clock was set back, leases of earlier lives last as much longer. Late is
	// allowed, but nobody waits for it here.
	if late := w.ahead - w.skew; late > 0 {
		w.jump(late)
	}
	w.tell(nil)
	for range 2 { // a loss may just have happened
		for i, d := range w.devices {
			if d.session == nil && d.token != "" {
				w.connect(d, i%simNodes)()
			}
		}
		time.Sleep(30 * time.Second)
	}
	w.k.Settle()
	w.mu.Lock()
	followed := maps.Clone(w.check.outbox)
	w.mu.Unlock()
	for _, r := range simRooms { // whoever reads a room that was lost opens it, and may find a void
		if room, there := w.open(0, r); there {
			_, err := room.Page(w.ctx, chat.Latest(1))
			ok(w.t, err)
		}
	}
	time.Sleep(30 * time.Second)
	w.k.Settle()
	for _, d := range w.devices {
		w.drain(d, 1000)
	}
	synctest.Wait() // the registry is told of those that were cut off
	logs := map[chat.RoomID][]chat.Event{}
	for _, r := range simRooms {
		if _, there := w.open(0, r); there {
			log := w.compare(r)
			logs[w.id(r.name)] = log
			w.mu.Lock()
			w.check.followedBefore(w.id(r.name), followed[w.id(r.name)], log)
			w.mu.Unlock()
		}
	}
	for _, user := range simPeople {
		w.compareInbox(user, logs)
		w.comparePresence(user)
	}
}

// open is a room at a node, in the hands of its first, if it is there.
func (w *world) open(node int, r simRoom) (room hub.Room, there bool) {
	id, there := w.rooms[r.name]
	return w.k.As(node, r.people[0]).Room(id.Key), there
}

// compare holds what the nodes show of a room against each other and what clients saw.
func (w *world) compare(r simRoom) []chat.Event {
	var nodes [][]chat.Event
	for i := range simNodes {
		room, _ := w.open(i, r)
		log, err := whole(w.ctx, room.Page)
		ok(w.t, err)
		nodes = append(nodes, log)
	}
	id := w.id(r.name)
	var belong, devices []string
	for _, user := range simPeople {
		list, err := w.k.As(0, user).Rooms(w.ctx, "", 50)
		ok(w.t, err)
		if slices.ContainsFunc(list, func(i hub.Info) bool { return i.ID == id && i.Role.Belongs() }) {
			belong = append(belong, user)
		}
	}
	for _, d := range w.devices {
		if d.session != nil && slices.Contains(belong, d.user) {
			devices = append(devices, d.name)
		}
	}
	w.mu.Lock()
	w.check.end(id, nodes, devices)
	if r.kind == storage.Direct && !slices.Equal(slices.Sorted(slices.Values(r.people)), belong) {
		w.check.breaks("Complete", "%s is of %v", r.name, belong)
	}
	w.mu.Unlock()
	w.compareIndex(r)
	return nodes[0]
}

// compareIndex holds the index against the messages.
func (w *world) compareIndex(r simRoom) {
	room, _ := w.open(0, r)
	page, err := room.Page(w.ctx, chat.Latest(500))
	ok(w.t, err)
	for _, word := range []string{"soup", "bread"} {
		var want, got []chat.Seq
		for _, m := range page.Messages {
			if m.Gone == nil && slices.Contains(search.Analyze(m.Text.Body), word) {
				want = append(want, m.Seq)
			}
		}
		found, err := w.k.As(1, r.people[0]).Search(w.ctx, hub.Query{Where: search.And{search.Words(word), search.Equal{Field: search.FieldRoom, Value: room.ID().Key}}, Limit: 500, Count: 1000})
		ok(w.t, err)
		for _, m := range found.Messages() {
			got = append(got, m.Seq)
		}
		slices.Sort(got)
		if !slices.Equal(got, want) || found.Count != len(want) {
			w.mu.Lock()
			w.check.breaks("Same answers", "%s in %s is found at %v (%d), and is at %v", word, r.name, got, found.Count, want)
			w.mu.Unlock()
		}
	}
}

// compareInbox holds what the nodes show of somebody's inbox against the rooms.
func (w *world) compareInbox(user string, logs map[chat.RoomID][]chat.Event) {
	var nodes [][]chat.Event
	for i := range simNodes {
		log, err := whole(w.ctx, w.k.As(i, user).Inbox)
		ok(w.t, err)
		nodes = append(nodes, log)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.check.wholeInbox(user, nodes, logs)
}

// comparePresence holds what the nodes and those who watch show of somebody against the
// devices that he has.
func (w *world) comparePresence(user string) {
	var want []string
	for _, d := range w.devices {
		if d.user == user && d.session != nil {
			want = append(want, d.name+" "+d.status)
		}
	}
	for i := range simNodes {
		shown, err := w.k.As(i, "ann").Presence(w.ctx, user)
		ok(w.t, err)
		w.mu.Lock()
		w.check.online(fmt.Sprint("node ", i), user, devicesOf(shown[0]), want)
		w.mu.Unlock()
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, d := range w.devices {
		if d.session != nil && d.watching {
			w.check.online(d.name, user, d.told[user], want)
		}
	}
}

// whole reads a log, by pages.
func whole(ctx context.Context, page func(context.Context, chat.Range) (hub.Page, error)) ([]chat.Event, error) {
	var all []chat.Event
	for after := chat.Seq(0); ; {
		p, err := page(ctx, chat.After(after, 500).All())
		if err != nil {
			return nil, err
		}
		all = append(all, p.Events...)
		if len(p.Events) == 0 || !p.Newer {
			return all, nil
		}
		after = p.Events[len(p.Events)-1].Last()
	}
}
