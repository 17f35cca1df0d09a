package storage

import (
	"context"
	"time"

	"github.com/parlor-chat/parlor/chat"
)

// Directory is what Parlor itself must remember besides events. Each of its parts
// is a small contract of its own, so that a host may bring one and leave the
// others to a driver.
//
// Lists are ordered bytewise by the key named, start behind after (empty: at the
// beginning), and have at most limit items, limit from 1 to [chat.MaxBatch], else
// ErrInvalid or ErrTooLarge. A list shorter than its limit is at its end.
//
// Values come valid: see [Room.Check], [Member.Check], [User.Check] and the like. Drivers
// call them and return their error.
type Directory interface {
	Access
	Rooms
	Members
	Users
	Marks
	Values
	Accounts
	Tokens
	Invitations
	Ledger
}

// Access is the one truth about who may read what: permission, the scope of
// searches and live streams follow from it. A host may bring its own: its
// projects are the rooms.
type Access interface {
	// Access lists the rooms of u's tenant that u may read, in order of their
	// keys: rooms in which he belongs ([chat.Role.Belongs]), with his role there,
	// and public rooms from which he isn't banned, with RoleNone where he has no
	// role. From is the first Seq he may read, at least 1. Nobody unknown is an
	// error: he may read the public rooms.
	Access(ctx context.Context, u chat.UserID) ([]Member, error)
}

// RoomAccess is an optional capability of an Access: the answer for one room.
type RoomAccess interface {
	// AccessTo is the element of Access(u) for room, or ErrNotFound where there is
	// none.
	AccessTo(ctx context.Context, u chat.UserID, room chat.RoomID) (Member, error)
}

// AccessTo is what u may do in room. It asks the AccessTo of a, or goes through
// Access(u) where a has none: the answer is the same. ErrNotFound: u may not know
// of the room.
func AccessTo(ctx context.Context, a Access, u chat.UserID, room chat.RoomID) (Member, error) {
	if r, ok := a.(RoomAccess); ok {
		return r.AccessTo(ctx, u, room)
	}
	all, err := a.Access(ctx, u)
	if err != nil {
		return Member{}, err
	}
	for _, m := range all {
		if m.Room == room {
			return m, nil
		}
	}
	return Member{}, &chat.Error{Kind: chat.ErrNotFound, Op: "access", Field: "room"}
}

// Rooms holds rooms and their settings.
type Rooms interface {
	// Room reads a room, or ErrNotFound.
	Room(ctx context.Context, id chat.RoomID) (Room, error)
	// LookupRooms reads many rooms in one round trip, in the order of ids, repeated ones
	// too; those that aren't there are left out. At most [chat.MaxBatch] ids, else
	// ErrTooLarge with field "ids".
	LookupRooms(ctx context.Context, ids []chat.RoomID) ([]Room, error)
	// RoomAt finds a room by its address, in any spelling that
	// [chat.AddressKey] holds for the same, or ErrNotFound.
	RoomAt(ctx context.Context, tenant, address string) (Room, error)
	// PutRoom stores a room and returns it with its new Version. r.Version is that
	// of the stored room, 0 to make a new one; else ErrConflict with field
	// "version". ErrConflict with field "address" where another room of the tenant
	// has the same address or a look-alike ([chat.AddressKey]). Kind and Created
	// of a stored room never change: ErrInvalid.
	PutRoom(ctx context.Context, r Room) (Room, error)
	// List lists a tenant's rooms by key.
	List(ctx context.Context, tenant, after string, limit int) ([]Room, error)
}

// RoomKind says who may come in.
type RoomKind uint8

// The kinds of rooms, as stored; the numbers never change.
const (
	Public   RoomKind = iota + 1 // everybody in the tenant may read, search and join
	Private                      // members only; nobody else knows that it exists
	Direct                       // two people or a small group; its key follows from theirs
	Personal                     // one person's log of references; only the hub writes it
)

var roomKinds = [...]string{"", "public", "private", "direct", "personal"}

func (k RoomKind) String() string {
	if int(k) < len(roomKinds) {
		return roomKinds[k]
	}
	return "unknown"
}

// Room is a room and its settings.
type Room struct {
	ID      chat.RoomID
	Kind    RoomKind
	Title   string // as people see it; may repeat
	Address string // how people type it; unique in the tenant; empty: none
	Created time.Time

	Listed       bool        // shown in lists of rooms
	MembersOnly  bool        // a public room that only members may join by themselves, others read
	Moderated    bool        // only members and above may send
	Anonymous    bool        // only moderators and above see who is behind a nickname
	Temporary    bool        // goes when the last one leaves
	Password     []byte      // a verifier, never the password; nil: none
	MaxOccupants int         // 0: no limit but the general one
	HistoryFrom  HistoryFrom // what a new member may read

	Version int64 // set by the directory
}

// HistoryFrom says from where on a new member may read.
type HistoryFrom uint8

// What a new member may read.
const (
	FromStart HistoryFrom = iota // everything
	FromJoin                     // what came after he joined
)

// Members holds who belongs to which room.
type Members interface {
	// Member reads one membership, or ErrNotFound.
	Member(ctx context.Context, room chat.RoomID, u chat.UserID) (Member, error)
	// Members lists a room's memberships by user key, those with RoleNone and
	// RoleBanned included.
	Members(ctx context.Context, room chat.RoomID, after string, limit int) ([]Member, error)
	// LookupDirect reads who is in direct rooms, of many in one round trip: all
	// memberships of each, by user key, in the order of rooms, repeated ones too. Rooms
	// that aren't direct, or aren't there, have none. At most [chat.MaxBatch] rooms, else
	// ErrTooLarge with field "rooms".
	LookupDirect(ctx context.Context, rooms []chat.RoomID) ([]Member, error)
	// PutMember stores a membership. Rows only rise: where the stored one has a
	// higher (Seq, Event), nothing changes and no error is returned, so that late
	// and repeated writes are harmless; the same (Seq, Event) replaces.
	// ErrNotFound where the room isn't there; ErrConflict with field "nickname"
	// where another member who belongs has the same nickname or a look-alike in
	// this room.
	PutMember(ctx context.Context, m Member) error
}

// Member is somebody's standing in a room.
type Member struct {
	Room     chat.RoomID
	User     chat.UserID
	Role     chat.Role
	Nickname string   // unique in the room among those who belong; empty: none
	From     chat.Seq // the first Seq he may read
	Since    chat.Seq // of the event that let him in, the last time; 0: none did

	Seq   chat.Seq     // of the event that made it so
	Event chat.EventID // its id
}

// People says what people are called. A host with a table of its own users brings its
// own.
type People interface {
	// Users reads many people in one round trip, in the order of ids, repeated ones
	// too; those who aren't there are left out. At most [chat.MaxBatch] ids, else
	// ErrTooLarge with field "ids".
	Users(ctx context.Context, ids []chat.UserID) ([]User, error)
	// NamedUsers lists the people of a tenant whose names begin with prefix, both
	// folded by [chat.FoldName]: in order of the folded name, bytewise, then of the
	// key, so that those come first whose whole name it is. A prefix that folds to
	// nothing lists everybody, the unnamed too. Prefix is what may be a name, else the
	// error of [chat.CheckName] with field "prefix".
	NamedUsers(ctx context.Context, tenant, prefix string, limit int) ([]User, error)
}

// Users holds what people are called.
type Users interface {
	People
	// PutUser stores people, each in the place of what was there: all of them, or with an
	// error none. Of one who is named twice the last counts. At most [chat.MaxBatch], else
	// ErrTooLarge with field "users".
	PutUser(ctx context.Context, people ...User) error
}

// User is a person or a bot as others see them.
type User struct {
	ID   chat.UserID
	Name string // kept as written; may repeat; found by its beginning, folded
	Bot  bool
}

// Marks holds how far people have read.
type Marks interface {
	// Mark stores how far people have read: all of it, or with an error nothing. A mark
	// only rises: a Seq at or below the stored one changes nothing, so of two for the same
	// user and room the higher counts. At most [chat.MaxBatch], else ErrTooLarge with field
	// "marks".
	Mark(ctx context.Context, marks ...Mark) error
	// LookupMarks reads u's marks in many rooms in one round trip, in the order of rooms,
	// repeated ones too; those without one are left out. At most [chat.MaxBatch] rooms,
	// else ErrTooLarge with field "rooms".
	LookupMarks(ctx context.Context, u chat.UserID, rooms []chat.RoomID) ([]Mark, error)
	// Marks lists u's marks by room key, all of u's tenant.
	Marks(ctx context.Context, u chat.UserID, after string, limit int) ([]Mark, error)
}

// Mark is how far somebody has read in a room.
type Mark struct {
	User chat.UserID
	chat.Position
	TextSeq int64 // of the event at the position: unread is the head's TextSeq less this
}

// Values holds small values of a user under a space and a key: settings,
// bookmarks, a roster, a card.
type Values interface {
	// Get reads a value and its version, or ErrNotFound.
	Get(ctx context.Context, u chat.UserID, space, key string) (value []byte, version int64, err error)
	// Put stores a value and returns its new version, which is higher than any
	// before. version is that of the stored value, 0 where there is none, else
	// ErrConflict. A nil value deletes; the version goes on rising, so that a
	// late writer still conflicts. A value has at most [MaxValue] bytes, else
	// ErrTooLarge.
	Put(ctx context.Context, u chat.UserID, space, key string, value []byte, version int64) (int64, error)
	// Keys lists the keys of a space.
	Keys(ctx context.Context, u chat.UserID, space, after string, limit int) ([]string, error)
}

// MaxValue is the most bytes of one value.
const MaxValue = 64 << 10
