package hub_test

import (
	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/chat/hub"
	"github.com/parlor-chat/parlor/presence"
	"github.com/parlor-chat/parlor/storage"
)

// attic is a private room of ann's; pair is where bob and cyd talk.
var (
	attic = chat.RoomID{Tenant: "acme", Key: "attic"}
	pair  = chat.RoomID{Tenant: "acme", Key: "~d.bob+cyd"}
)

func in(room chat.RoomID, e *chat.Event) *chat.Event {
	e.Room = room
	return e
}

// opensAll makes all rooms: ann owns the hall and the attic, bob is in the hall alone.
func opensAll(c *checker) {
	c.opens(hall, storage.Public, []string{"ann", "bob"})
	c.opens(attic, storage.Private, []string{"ann"})
	c.opens(pair, storage.Direct, []string{"bob", "cyd"})
	c.putOut(0, "bob", attic)
	c.putOut(0, "ann", pair)
}

// atticLog has bob let in at 3, sent away at 5 and let in again at 7.
func atticLog() []*chat.Event {
	log := []*chat.Event{textAt(2, 2), memberAt(3, 3, chat.RoleMember), textAt(4, 4), memberAt(5, 5, chat.RoleNone), textAt(6, 6), memberAt(7, 7, chat.RoleMember), textAt(8, 8)}
	for _, e := range log {
		in(attic, e)
	}
	first := in(attic, memberAt(1, 1, chat.RoleOwner))
	first.Content.(*chat.Member).User = user("ann")
	return append([]*chat.Event{first}, log...)
}

// atticEnds tells the log of the attic, of which bob was told by the steps in which he was
// let in.
func atticEnds(c *checker, lets ...int) {
	for _, step := range lets {
		c.let(step, "bob", attic)
	}
	log := logOf(atticLog()...)
	c.follow(log)
	c.end(attic, [][]chat.Event{log, log}, nil)
}

func atticMessage(n byte, seq chat.Seq) chat.Message {
	m := messageAt(n, seq)
	m.Room = attic
	return m
}

// ref is a reference in bob's inbox.
func ref(n byte, seq chat.Seq, to chat.Position) *chat.Event {
	return in(chat.RoomID{Tenant: "acme", Key: "~p.bob"}, eventAt(n, seq, &chat.Reference{To: to}))
}

// naming is a text of ann's that names bob.
func naming(room chat.RoomID, n byte, seq chat.Seq) *chat.Event {
	return in(room, eventAt(n, seq, &chat.Text{Body: "soup", Mentions: []chat.UserID{user("bob")}}))
}

// inboxEnds tells bob's inbox, and what the rooms hold.
func inboxEnds(c *checker, inbox []*chat.Event, rooms ...*chat.Event) {
	logs := map[chat.RoomID][]chat.Event{hall: nil, attic: nil, pair: nil}
	for _, e := range rooms {
		logs[e.Room] = append(logs[e.Room], *e)
	}
	c.wholeInbox("bob", [][]chat.Event{logOf(inbox...), logOf(inbox...)}, logs)
}

// shownOn is how somebody is shown: on these devices.
func shownOn(devices ...string) (s presence.State) {
	for _, d := range devices {
		s.Sessions = append(s.Sessions, presence.Session{Device: d})
	}
	return s
}

// peopleHistories are about who belongs where, what concerns whom, and who is here.
var peopleHistories = []history{
	{"", "who is let into the attic hears and reads on from there", func(c *checker) {
		opensAll(c)
		c.ack("c2", ack{step: 1, user: "ann", room: attic, verb: "send", word: "w2", Receipt: chat.Receipt{ID: idOf(2), Seq: 2}})
		c.let(2, "bob", attic)
		c.ack("c8", ack{step: 8, user: "bob", room: attic, verb: "send", word: "w8", Receipt: chat.Receipt{ID: idOf(8), Seq: 8}})
		hears(c, 3, atticLog()[2:5]...)
		c.putOut(4, "bob", attic)
		c.let(6, "bob", attic)
		c.page(8, "bob", attic, []chat.Message{atticMessage(8, 8)}, 10)
		c.lists(8, "bob", []hub.Info{{Room: storage.Room{ID: hall}}, {Room: storage.Room{ID: attic}}})
		c.counts(8, "bob", attic, 1)
		c.lists(8, "cyd", nil)
		hears(c, 8, atticLog()[6:]...)
		atticEnds(c)
	}},
	{"No leak", "who isn't let in reads the attic", func(c *checker) { opensAll(c); c.page(2, "bob", attic, nil, 10) }},
	{"No leak", "who isn't let in lists the attic", func(c *checker) {
		opensAll(c)
		c.lists(2, "bob", []hub.Info{{Room: storage.Room{ID: hall}}, {Room: storage.Room{ID: attic}}})
	}},
	{"No leak", "who isn't let in counts hits in the attic", func(c *checker) { opensAll(c); c.counts(2, "bob", attic, 1) }},
	{"No leak", "who isn't let in finds something in the attic", func(c *checker) {
		opensAll(c)
		c.found(2, "bob", "w1", chat.Position{}, []chat.Message{atticMessage(1, 1)})
	}},
	{"No leak", "who isn't let in joins the attic", func(c *checker) { opensAll(c); c.comes(2, "bob", attic); c.does(2, "bob", attic, "joins") }},
	{"No leak", "who isn't let in writes to the attic", func(c *checker) {
		opensAll(c)
		c.ack("c1", ack{step: 2, user: "bob", room: attic, verb: "send", Receipt: chat.Receipt{ID: idOf(1), Seq: 1}})
	}},
	{"No leak", "others read what two say", func(c *checker) { opensAll(c); c.page(2, "ann", pair, nil, 10) }},
	{"No leak", "who comes into the attic reads what was said before", func(c *checker) {
		opensAll(c)
		c.let(2, "bob", attic)
		c.page(3, "bob", attic, []chat.Message{atticMessage(2, 2), {ID: idOf(4), Room: attic, Seq: 4, TextSeq: 3}}, 10)
		atticEnds(c, 6)
	}},
	{"No leak", "who comes back finds what was said while he was away", func(c *checker) {
		opensAll(c)
		c.let(2, "bob", attic)
		c.let(6, "bob", attic)
		c.found(8, "bob", "w1", chat.Position{}, []chat.Message{atticMessage(6, 6)})
		atticEnds(c)
	}},
	{"No leak", "who was sent away from the attic hears on", func(c *checker) {
		opensAll(c)
		c.let(2, "bob", attic)
		hears(c, 3, atticLog()[2:6]...)
		atticEnds(c, 6)
	}},
	{"Complete", "who belongs doesn't find his room", func(c *checker) { opensAll(c); c.missing(2, "bob", hall) }},
	{"Complete", "who belongs doesn't list his room", func(c *checker) { opensAll(c); c.lists(2, "bob", nil) }},
	{"", "who may have been sent away doesn't find it", func(c *checker) { opensAll(c); c.away(1, "bob", hall); c.missing(2, "bob", hall) }},

	{"", "an inbox", func(c *checker) {
		opensAll(c)
		c.let(3, "bob", attic)
		said := in(pair, textAt(6, 2))
		said.Sender = user("cyd")
		gone := in(pair, eventAt(7, 3, &chat.Tombstone{Was: chat.KindText}))
		named := eventAt(8, 3, &chat.Tombstone{Was: chat.KindText}) // and gone since
		inboxEnds(c,
			[]*chat.Event{ref(20, 1, chat.Position{Room: hall, Seq: 1}), ref(21, 2, chat.Position{Room: hall, Seq: 2}), ref(22, 3, chat.Position{Room: pair, Seq: 2}),
				ref(23, 4, chat.Position{Room: pair, Seq: 3}), ref(24, 5, chat.Position{Room: attic, Seq: 3}), ref(25, 6, chat.Position{Room: hall, Seq: 3})},
			memberAt(1, 1, chat.RoleMember), naming(hall, 2, 2), said, gone, in(attic, memberAt(3, 3, chat.RoleMember)), named, textAt(9, 4))
	}},
	{"", "a reference to what a loss moved", func(c *checker) {
		opensAll(c)
		inboxEnds(c, []*chat.Event{ref(20, 1, chat.Position{Room: hall, Seq: 1}), ref(21, 2, chat.Position{Room: hall, Seq: 100})},
			voidAt(9, 1, 99), naming(hall, 1, 100))
	}},
	{"Complete", "who is named isn't referred to it", func(c *checker) { opensAll(c); inboxEnds(c, nil, naming(hall, 1, 1)) }},
	{"Complete", "what is said to him isn't in his inbox", func(c *checker) {
		opensAll(c)
		inboxEnds(c, nil, in(pair, textAt(1, 1)))
	}},
	{"Complete", "who is let in isn't told", func(c *checker) { opensAll(c); inboxEnds(c, nil, in(attic, memberAt(3, 3, chat.RoleMember))) }},
	{"Once", "he is referred twice", func(c *checker) {
		opensAll(c)
		at := chat.Position{Room: hall, Seq: 1}
		c.inbox(1, "bob", logOf(ref(20, 1, at), ref(21, 2, at)))
	}},
	{"Ordered", "he is referred to the second first", func(c *checker) {
		opensAll(c)
		c.inbox(1, "bob", logOf(ref(20, 1, chat.Position{Room: hall, Seq: 2}), ref(21, 2, chat.Position{Room: hall, Seq: 1})))
	}},
	{"No leak", "an inbox tells of a room that he may not see", func(c *checker) {
		opensAll(c)
		c.tries(2, idOf(1))
		inboxEnds(c, []*chat.Event{ref(20, 1, chat.Position{Room: attic, Seq: 1})}, naming(attic, 1, 1))
	}},
	{"No leak", "an inbox tells of what doesn't concern him", func(c *checker) {
		opensAll(c)
		inboxEnds(c, []*chat.Event{ref(20, 1, chat.Position{Room: hall, Seq: 1})}, textAt(1, 1))
	}},
	{"Kept", "an inbox refers to what isn't there", func(c *checker) {
		opensAll(c)
		inboxEnds(c, []*chat.Event{ref(20, 1, chat.Position{Room: hall, Seq: 7})}, textAt(1, 1))
	}},
	{"Same answers", "two nodes show an inbox differently", func(c *checker) {
		opensAll(c)
		inbox := logOf(ref(20, 1, chat.Position{Room: hall, Seq: 1}))
		c.wholeInbox("bob", [][]chat.Event{inbox, nil}, map[chat.RoomID][]chat.Event{hall: logOf(naming(hall, 1, 1))})
	}},

	{"", "who is here", func(c *checker) {
		c.present(1, "bob", shownOn("bob0", "bob1"), []string{"bob0"}, []string{"bob0", "bob1"})
		c.online("node 0", "bob", []string{"bob0 ", "bob1 busy"}, []string{"bob1 busy", "bob0 "})
		c.online("ann0", "bob", nil, nil)
	}},
	{"Presence", "a ghost is shown", func(c *checker) { c.present(1, "bob", shownOn("bob0", "bob1"), nil, []string{"bob0"}) }},
	{"Presence", "who is here is not shown", func(c *checker) { c.present(1, "bob", shownOn("bob1"), []string{"bob0"}, []string{"bob0", "bob1"}) }},
	{"Presence", "who went is shown in the end", func(c *checker) { c.online("node 0", "bob", []string{"bob0 "}, nil) }},
	{"Presence", "a device is shown twice", func(c *checker) { c.online("node 0", "bob", []string{"bob0 ", "bob0 "}, []string{"bob0 "}) }},
	{"Presence", "what he tells is not shown", func(c *checker) { c.online("ann0", "bob", []string{"bob0 "}, []string{"bob0 busy"}) }},
}
