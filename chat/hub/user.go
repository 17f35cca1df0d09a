package hub

import (
	"context"
	"crypto/sha256"
	"encoding/base32"
	"errors"
	"slices"
	"strings"

	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/storage"
)

// User is a hub in the hands of one user. It costs nothing to make.
type User struct {
	h  *Hub
	id chat.UserID
}

// ID is who it is.
func (u User) ID() chat.UserID { return u.id }

// enter begins a call of somebody who can exist, and isn't deactivated.
func (u User) enter(ctx context.Context, op string) (leave func(), err error) {
	if err := u.id.Check(op); err != nil {
		return nil, err
	}
	leave, err = u.h.gate.enter(ctx, op)
	if err != nil {
		return nil, err
	}
	if err := u.h.known.letIn(ctx, op, u.id); err != nil {
		leave()
		return nil, err
	}
	return leave, nil
}

// Room is a room of the user's tenant in his hands. Nothing is asked or checked
// until it is used.
func (u User) Room(key string) Room {
	return Room{u.h, u.id, chat.RoomID{Tenant: u.id.Tenant, Key: key}}
}

// RoomAt finds a room by its address, in any spelling of it. A room that the user
// may not see is [chat.ErrNotFound].
func (u User) RoomAt(ctx context.Context, address string) (Room, error) {
	const op = "find room"
	leave, err := u.enter(ctx, op)
	if err != nil {
		return Room{}, err
	}
	defer leave()
	r, err := u.h.set.Directory.RoomAt(ctx, u.id.Tenant, address)
	if err != nil && !errors.Is(err, chat.ErrNotFound) {
		return Room{}, err
	}
	// Asked also where there is none (r is zero then), so that it takes as long.
	if _, err := u.h.standing(ctx, op, u.id, r.ID); err != nil {
		return Room{}, err
	}
	return Room{u.h, u.id, r.ID}, nil
}

// Create makes a public or private room, with the user as its owner. The key is
// made by the hub: were it chosen, a conflict would tell that a private room
// exists. For the same reason only a public room has an address.
func (u User) Create(ctx context.Context, r storage.Room) (Room, error) {
	const op = "create room"
	leave, err := u.enter(ctx, op)
	if err != nil {
		return Room{}, err
	}
	defer leave()
	switch {
	case r.ID != chat.RoomID{}:
		return Room{}, &chat.Error{Kind: chat.ErrInvalid, Op: op, Field: "id"}
	case r.Kind != storage.Public && r.Kind != storage.Private:
		return Room{}, &chat.Error{Kind: chat.ErrInvalid, Op: op, Field: "kind"}
	case r.Kind == storage.Private && r.Address != "":
		return Room{}, &chat.Error{Kind: chat.ErrInvalid, Op: op, Field: "address"}
	}
	if err := u.id.Check(op); err != nil {
		return Room{}, err
	}
	r.ID = chat.RoomID{Tenant: u.id.Tenant, Key: chat.NewID().String()}
	if err := u.h.rates.place(ctx, op, u.id, r.ID); err != nil {
		return Room{}, err
	}
	room := Room{u.h, u.id, r.ID}
	if err := u.h.allow(ctx, op, Action{User: u.id, Room: r.ID, Verb: VerbCreate}); err != nil {
		return Room{}, err
	}
	if _, err := u.h.putRoom(ctx, op, r); err != nil {
		return Room{}, err
	}
	if err := u.h.setMember(ctx, op, change{room: r.ID, by: u.id, user: u.id, role: chat.RoleOwner}); err != nil {
		return Room{}, err
	}
	return room, nil
}

// Direct is the room in which the user talks with others of his tenant, one or a
// few; it is made when it is first asked for. Its key follows from who they are, so everybody
// gets the same room. With nobody else it is [chat.ErrInvalid], with more than
// [MaxDirect] people in all [chat.ErrTooLarge].
func (u User) Direct(ctx context.Context, others ...string) (Room, error) {
	const op = "direct room"
	leave, err := u.enter(ctx, op)
	if err != nil {
		return Room{}, err
	}
	defer leave()
	keys := slices.Clone(others)
	keys = append(keys, u.id.Key)
	slices.Sort(keys)
	keys = slices.Compact(keys)
	switch {
	case len(keys) < 2:
		return Room{}, &chat.Error{Kind: chat.ErrInvalid, Op: op, Field: "others"}
	case len(keys) > MaxDirect:
		return Room{}, &chat.Error{Kind: chat.ErrTooLarge, Op: op, Field: "others", Limit: MaxDirect}
	}
	for _, k := range keys {
		if err := (chat.UserID{Tenant: u.id.Tenant, Key: k}).Check(op); err != nil {
			return Room{}, err
		}
	}
	room := Room{u.h, u.id, directRoom(u.id.Tenant, keys)}
	_, err = storage.AccessTo(ctx, u.h.access, u.id, room.id)
	switch {
	case err == nil: // it is there already; its making may have failed halfway
		members, err := u.h.directMembers(ctx, room.id)
		if err != nil || len(members) == len(keys) {
			return room, err
		}
	case !errors.Is(err, chat.ErrNotFound):
		return room, err
	}
	if err := u.h.allow(ctx, op, Action{User: u.id, Room: room.id, Verb: VerbCreate}); err != nil {
		return Room{}, err
	}
	_, err = u.h.putRoom(ctx, op, storage.Room{ID: room.id, Kind: storage.Direct})
	if err != nil && !errors.Is(err, chat.ErrConflict) { // somebody else just made the same room
		return Room{}, err
	}
	for _, k := range keys {
		member := chat.UserID{Tenant: u.id.Tenant, Key: k}
		// The id is derived, so two who make the room at once place each member once.
		id := chat.DeriveID(room.id, member, "direct")
		if err := u.h.setMember(ctx, op, change{id: id, room: room.id, by: member, user: member, role: chat.RoleMember}); err != nil {
			return Room{}, err
		}
	}
	return room, nil
}

// MaxDirect is how many people a direct room has at most.
const MaxDirect = 10

// directRoom is the room of these members; keys are sorted and without repeats.
func directRoom(tenant string, keys []string) chat.RoomID {
	return chat.RoomID{Tenant: tenant, Key: "~d." + digestKey(keys...)}
}

// personalRoom is where what concerns one user alone is told to his sessions.
func personalRoom(u chat.UserID) chat.RoomID {
	return chat.RoomID{Tenant: u.Tenant, Key: "~p." + digestKey(u.Key)}
}

// digestKey makes a key out of other keys. Keys hold no NUL, so the join is
// unambiguous.
func digestKey(keys ...string) string {
	sum := sha256.Sum256([]byte(strings.Join(keys, "\x00")))
	return strings.ToLower(base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(sum[:20]))
}

// Info is a room as one user sees it.
type Info struct {
	storage.Room           // without its password verifier
	Role         chat.Role // the user's
	From         chat.Seq  // the first Seq that he may read
}

// Rooms lists the rooms that the user may read, by key, behind after: those he
// belongs to, and the public ones that are listed. limit is from 1 to
// [chat.MaxBatch]. A list shorter than its limit is at its end.
func (u User) Rooms(ctx context.Context, after string, limit int) ([]Info, error) {
	const op = "list rooms"
	leave, err := u.enter(ctx, op)
	if err != nil {
		return nil, err
	}
	defer leave()
	if err := checkLimit(op, limit); err != nil {
		return nil, err
	}
	all, err := u.h.access.Access(ctx, u.id)
	if err != nil {
		return nil, err
	}
	all = slices.DeleteFunc(slices.Clone(all), func(m storage.Member) bool {
		return m.Room.Key <= after || m.Room.Tenant != u.id.Tenant
	})
	var list []Info
	for part := range slices.Chunk(all, limit) {
		rooms, err := u.h.roomsOf(ctx, part)
		if err != nil {
			return nil, err
		}
		for i, m := range part {
			if rooms[i].Listed || m.Role.Belongs() {
				list = append(list, info(rooms[i], m))
			}
		}
		if len(list) >= limit {
			return list[:limit], nil
		}
	}
	return list, nil
}

func info(r storage.Room, m storage.Member) Info {
	r.Password = nil
	return Info{Room: r, Role: m.Role, From: m.From}
}

func checkLimit(op string, limit int) error {
	switch {
	case limit < 1:
		return &chat.Error{Kind: chat.ErrInvalid, Op: op, Field: "limit"}
	case limit > chat.MaxBatch:
		return &chat.Error{Kind: chat.ErrTooLarge, Op: op, Field: "limit", Limit: chat.MaxBatch}
	}
	return nil
}
