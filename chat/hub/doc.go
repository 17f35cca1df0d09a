// Package hub is Parlor's engine: people join rooms, send, edit and react; they
// read history in pages that are proven complete; their sessions get what happens
// live; and they search all of what they may see, and nothing else.
//
// A hub is made from one driver of each contract:
//
//	store := memory.New(nil)
//	h, err := hub.New(ctx, store.Set(), nil)
//	defer h.Shutdown(ctx)
//
// Whoever acts is named first, then the room, then what he does. The tenant
// follows from the user:
//
//	ann := h.As(chat.UserID{Tenant: "acme", Key: "ann"})
//	kitchen, err := ann.Create(ctx, storage.Room{Kind: storage.Public, Title: "Kitchen"})
//	receipt, err := kitchen.Send(ctx, chat.Text{Body: "soup is ready"})
//	page, err := kitchen.Page(ctx, chat.Latest(50))
//
// Users are the host's: any key may act. What they are called, which searches go by
// (from:ann) and facets and lists show, is told with [Admin.PutUser], or asked of the host's
// own table ([Options].Users).
//
// A device of a user is a [Session]. It gets every event of the rooms that the
// user belongs to, in each room's order, through a bounded queue:
//
//	s, err := ann.Connect(ctx, hub.Device{Name: "phone"})
//	for d, err := range s.All(ctx) { … }
//
// # Permission
//
// One question decides everything: what does [storage.Access] say of this user
// and this room? A room that it doesn't name doesn't exist for the user: every
// method returns [chat.ErrNotFound], the same error after the same work as for a
// room that was never made. What his role lets him do in a room that he sees is said by
// one table (docs/permissions.md). A [Policy] of the host may narrow further, never widen.
// The methods of [Admin] are past all of it, and always logged. Whoever is deactivated
// ([Admin.Deactivate]) is refused everything, and his sessions end.
//
// # A session that comes back
//
// A client keeps the token of [Session.Resume]. Connected with it again, on any node, it
// gets what it missed, then what is live, nothing twice and nothing left out:
//
//	s, err := ann.Connect(ctx, hub.Device{Name: "phone", Resume: token})
//
// [Session.WatchPresence] tells of people, [Room.Occupants] who is in a room.
//
// # What is new
//
// [User.News] lists a user's rooms, the newest first, with how many texts he hasn't read and
// how many of them name him; [Room.Read] says up to where he has read, and [Room.SetNotify]
// what he wants to be notified of. A notifier (push, mail) asks [User.Notifies]. His other
// sessions are told by signals: [SignalRead], [SignalNotify]. Who is typing is told by
// [Room.Typing], and followed by [Typists]. No signal is stored, and each may be lost.
//
// # What follows the log
//
// A send is done when the broker has placed it. Followers then read each room's log in
// order: into the archive, the index, and the personal logs of those whom it concerns
// ([User.Inbox]). On each shard of rooms one node at a time follows, by lease; a host
// adds its own with [Hub.Follow]. They may be late: [Admin.Lag] says how late,
// [Admin.CatchUp] waits. Reading never waits: pages join the broker's head and the
// archive by Seq.
//
// # When things fail
//
// With a journal in front of the broker (package drivers/journal), a send is kept on this
// node's disk first. While the broker is away, Send returns after a second with a receipt
// that says [chat.Pending]: it will be placed, in order, and its Seq is told to whoever
// sends it again under the same [Once]. What can't be placed for 12 hours is set aside:
// [Admin.Held] lists it, [Admin.Decide] ends it. What a node kept that is gone for good another
// one goes on with: [Admin.Adopt].
//
// When the broker lost its memory, rooms are [chat.ErrUnavailable] with the field "memory"
// until the nodes have put back what they hold: some seconds, or ten where one of them is
// dead. Then everything lies where it lay. One exception: what only a dead node holds comes
// back when that node does, under its id, at a later position. Its first positions are
// crossed by a [chat.Void], which sessions and pages of all events show like any event.
package hub
