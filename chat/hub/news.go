package hub

import (
	"context"
	"time"

	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/storage"
)

// News is what is new in a room for one user.
//
// Unread counts the texts behind where he has read ([Room.Read]), where he came in, and where
// his history begins, whichever is last. It is told by numbers alone ([chat.Event].TextSeq):
// a text that was retracted or erased counts until he reads on. So does a mention.
type News struct {
	Info               // a direct room's Title are the names of the others
	Last     chat.Seq  // the room's last event; 0: there is none
	Said     time.Time // when the last text came; of the newest event, where the last 75 are no texts; zero: never
	Read     chat.Seq  // what lies up to here is read
	Unread   int64     // texts behind that
	Mentions int       // those of them that are for him: that name him; of a direct room all
	// MoreMentions says that older ones than were looked at may name him, too: those of his
	// newest 500 references ([User.Inbox]) are counted.
	MoreMentions bool
	Notify       Notify
}

// newsWindow is how many references of a personal log are looked at for mentions.
const newsWindow = storage.MaxPage

// News lists the rooms that the user belongs to, with what is new in them for him, the one
// where something was said last first (rooms of one time by their keys), behind after:
// empty at the beginning, else what next was. An empty next is the end. limit is from 1 to
// [chat.MaxBatch].
//
// Where the list is read in parts, rooms move up in it meanwhile. None is left out: a room
// in which something was said since the first part comes again at the end, as it is then.
//
// The counts are as new as the room, mentions as new as the personal log ([User.Inbox]).
// After a loss of the broker that took back texts which the user had read, unread may be less
// by as many until he reads on.
func (u User) News(ctx context.Context, after string, limit int) (list []News, next string, err error) {
	const op = "news"
	leave, err := u.enter(ctx, op)
	if err != nil {
		return nil, "", err
	}
	defer leave()
	if err := checkLimit(op, limit); err != nil {
		return nil, "", err
	}
	from, err := parseNewsCursor(op, after)
	if err != nil {
		return nil, "", err
	}
	rooms, err := u.h.tipsOf(ctx, u.id)
	if err != nil {
		return nil, "", err
	}
	part, next := from.cut(rooms, limit)
	if part, err = u.h.mayRead(ctx, op, u.id, part); err != nil {
		return nil, "", err
	}
	if list, err = u.h.news(ctx, op, u.id, part); err != nil {
		return nil, "", err
	}
	return list, next, nil
}

// News is what is new in this room for the user, who need not belong to it.
func (r Room) News(ctx context.Context) (News, error) {
	const op = "room news"
	leave, err := r.h.gate.enter(ctx, op)
	if err != nil {
		return News{}, err
	}
	defer leave()
	m, err := r.reader(ctx, op)
	if err != nil {
		return News{}, err
	}
	tips, err := chat.Tips(ctx, r.h.set.Broker, []chat.RoomID{r.id})
	if err != nil {
		return News{}, err
	}
	list, err := r.h.news(ctx, op, r.user, []tipped{{m, tips[0]}})
	if err != nil {
		return News{}, err
	}
	return list[0], nil
}

// tipped is a user's standing in a room, and where the room is.
type tipped struct {
	storage.Member
	chat.Tip
}

// active is when something was said last.
func (t *tipped) active() time.Time {
	if t.Said.IsZero() {
		return t.At
	}
	return t.Said
}

// tipsOf are the rooms that a user belongs to.
func (h *Hub) tipsOf(ctx context.Context, u chat.UserID) ([]tipped, error) {
	all, err := h.access.Access(ctx, u)
	if err != nil {
		return nil, err
	}
	mine, ids := make([]tipped, 0, len(all)), make([]chat.RoomID, 0, len(all))
	for _, m := range all {
		if m.Role.Belongs() && m.Room.Tenant == u.Tenant {
			m.User, m.From = u, max(m.From, 1)
			mine, ids = append(mine, tipped{Member: m}), append(ids, m.Room)
		}
	}
	for at := 0; at < len(ids); at += chat.MaxBatch {
		tips, err := chat.Tips(ctx, h.set.Broker, ids[at:min(at+chat.MaxBatch, len(ids))])
		if err != nil {
			return nil, err
		}
		for i := range tips {
			mine[at+i].Tip = tips[i]
		}
	}
	return mine, nil
}

// mayRead leaves out the rooms that the host's policy keeps the user from reading.
func (h *Hub) mayRead(ctx context.Context, op string, u chat.UserID, rooms []tipped) ([]tipped, error) {
	if h.policy == nil {
		return rooms, nil
	}
	var left []tipped
	for _, r := range rooms {
		if h.allow(ctx, op, Action{User: u, Room: r.Room, Verb: VerbRead}) == nil {
			left = append(left, r)
		}
	}
	return left, ctx.Err()
}

// news says what is new in rooms, at most [chat.MaxBatch]: it asks as often whatever their
// number is.
func (h *Hub) news(ctx context.Context, op string, u chat.UserID, rooms []tipped) ([]News, error) {
	if len(rooms) == 0 {
		return nil, nil
	}
	list := make([]News, len(rooms))
	var read []storage.Mark
	var mentioned *mentions
	var settings notifySettings
	err := atOnce(
		func() error { return h.infos(ctx, u, rooms, list) },
		func() (err error) { read, err = h.readUpTo(ctx, op, u, rooms); return err },
		func() (err error) { mentioned, err = h.mentions(ctx, u); return err },
		func() (err error) { settings, _, err = h.notifySettings(ctx, u); return err },
	)
	if err != nil {
		return nil, err
	}
	now := time.Now()
	for i := range list {
		n, r := &list[i], &rooms[i]
		n.Last, n.Said, n.Read = r.Last, r.active(), read[i].Seq
		n.Unread = max(r.TextSeq-read[i].TextSeq, 0)
		n.Notify = settings.of(r.Room, now)
		if n.Kind == storage.Direct {
			n.Mentions = int(n.Unread)
		} else {
			n.Mentions, n.MoreMentions = mentioned.in(r.Room, n.Read, n.Last, n.Unread)
		}
	}
	return list, nil
}

// infos fills in what rooms are, and what they are called.
func (h *Hub) infos(ctx context.Context, u chat.UserID, rooms []tipped, list []News) error {
	members := make([]storage.Member, len(rooms))
	for i := range rooms {
		members[i] = rooms[i].Member
	}
	settings, err := h.roomsOf(ctx, members)
	if err != nil {
		return err
	}
	titles, err := h.directTitles(ctx, u, settings)
	for i := range list {
		list[i].Info = info(settings[i], members[i])
		if title, direct := titles[members[i].Room]; direct {
			list[i].Title = title
		}
	}
	return err
}
