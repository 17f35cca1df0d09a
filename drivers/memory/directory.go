package memory

import (
	"bytes"
	"context"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/storage"
)

// directoryData is everything that a directory holds.
type directoryData struct {
	clock     storage.AccessClock
	mu        sync.RWMutex
	rooms     map[chat.RoomID]storage.Room
	addresses map[address]chat.RoomID
	members   map[chat.RoomID]map[string]storage.Member // by user key
	ofUser    map[chat.UserID]map[chat.RoomID]bool      // where somebody has a row
	users     map[chat.UserID]storage.User
	names     names                                   // of all tenants
	marks     map[chat.UserID]map[string]storage.Mark // by room key
	values    map[valueKey]value
	accountData
	invitationData
	ledgerData
}

// address is a room address as it is compared.
type address struct{ tenant, key string }

type valueKey struct {
	user       chat.UserID
	space, key string
}

type value struct {
	bytes   []byte // nil: deleted; its version goes on rising
	version int64
}

func (d *directoryData) init() {
	d.rooms = map[chat.RoomID]storage.Room{}
	d.addresses = map[address]chat.RoomID{}
	d.members = map[chat.RoomID]map[string]storage.Member{}
	d.ofUser = map[chat.UserID]map[chat.RoomID]bool{}
	d.users = map[chat.UserID]storage.User{}
	d.marks = map[chat.UserID]map[string]storage.Mark{}
	d.values = map[valueKey]value{}
	d.accountData.init()
	d.invitationData.init()
	d.ledgerData.init()
}

// directory is the directory through one handle.
type directory struct{ *Store }

// Room implements storage.Rooms.
func (h directory) Room(ctx context.Context, id chat.RoomID) (storage.Room, error) {
	const op = "room"
	if err := h.ready(ctx, op); err != nil {
		return storage.Room{}, err
	}
	d := &h.data.directory
	d.mu.RLock()
	defer d.mu.RUnlock()
	r, ok := d.rooms[id]
	if !ok {
		return storage.Room{}, missing(op, "room")
	}
	r.Password = bytes.Clone(r.Password)
	return r, nil
}

// LookupRooms implements storage.Rooms.
func (h directory) LookupRooms(ctx context.Context, ids []chat.RoomID) ([]storage.Room, error) {
	return lookup(ctx, h, "lookup rooms", "ids", ids, func(d *directoryData, found []storage.Room, id chat.RoomID) []storage.Room {
		if r, ok := d.rooms[id]; ok {
			r.Password = bytes.Clone(r.Password)
			found = append(found, r)
		}
		return found
	})
}

// RoomAt implements storage.Rooms.
func (h directory) RoomAt(ctx context.Context, tenant, at string) (storage.Room, error) {
	const op = "room at"
	if err := h.ready(ctx, op); err != nil {
		return storage.Room{}, err
	}
	key, err := chat.AddressKey(at)
	if err != nil {
		return storage.Room{}, err
	}
	d := &h.data.directory
	d.mu.RLock()
	id, ok := d.addresses[address{tenant, key}]
	d.mu.RUnlock()
	if !ok {
		return storage.Room{}, missing(op, "address")
	}
	return h.Room(ctx, id)
}

// PutRoom implements storage.Rooms.
func (h directory) PutRoom(ctx context.Context, r storage.Room) (storage.Room, error) {
	const op = "put room"
	defer h.data.directory.clock.Room()
	if err := h.ready(ctx, op); err != nil {
		return storage.Room{}, err
	}
	if err := r.Check(op); err != nil {
		return storage.Room{}, err
	}
	var at address
	if r.Address != "" {
		key, err := chat.AddressKey(r.Address)
		if err != nil {
			return storage.Room{}, err
		}
		at = address{r.ID.Tenant, key}
	}
	d := &h.data.directory
	d.mu.Lock()
	defer d.mu.Unlock()
	old, exists := d.rooms[r.ID]
	switch {
	case r.Version != old.Version:
		return storage.Room{}, &chat.Error{Kind: chat.ErrConflict, Op: op, Field: "version"}
	case exists && r.Kind != old.Kind:
		return storage.Room{}, &chat.Error{Kind: chat.ErrInvalid, Op: op, Field: "kind"}
	case exists && !r.Created.Equal(old.Created):
		return storage.Room{}, &chat.Error{Kind: chat.ErrInvalid, Op: op, Field: "created"}
	}
	if id, taken := d.addresses[at]; taken && id != r.ID && r.Address != "" {
		return storage.Room{}, &chat.Error{Kind: chat.ErrConflict, Op: op, Field: "address"}
	}
	if old.Address != "" {
		key, _ := chat.AddressKey(old.Address) // was valid when it was stored
		delete(d.addresses, address{r.ID.Tenant, key})
	}
	if r.Address != "" {
		d.addresses[at] = r.ID
	}
	r.Version++
	r.Password = bytes.Clone(r.Password)
	d.rooms[r.ID] = r
	return r, nil
}

// List implements storage.Rooms.
func (h directory) List(ctx context.Context, tenant, after string, limit int) ([]storage.Room, error) {
	const op = "list rooms"
	if err := h.list(ctx, op, limit); err != nil {
		return nil, err
	}
	d := &h.data.directory
	d.mu.RLock()
	defer d.mu.RUnlock()
	var all []storage.Room
	for id, r := range d.rooms {
		if id.Tenant == tenant && id.Key > after {
			r.Password = bytes.Clone(r.Password)
			all = append(all, r)
		}
	}
	return firstBy(all, limit, func(r storage.Room) string { return r.ID.Key }), nil
}

// Access implements storage.Access.
func (h directory) Access(ctx context.Context, u chat.UserID) ([]storage.Member, error) {
	if err := h.ready(ctx, "access"); err != nil {
		return nil, err
	}
	d := &h.data.directory
	d.mu.RLock()
	defer d.mu.RUnlock()
	all := make([]storage.Member, 0, len(d.ofUser[u]))
	for id, r := range d.rooms {
		if id.Tenant != u.Tenant || r.Kind != storage.Public && !d.ofUser[u][id] {
			continue
		}
		if m, ok := d.accessTo(u, id); ok {
			all = append(all, m)
		}
	}
	return firstBy(all, len(all), func(m storage.Member) string { return m.Room.Key }), nil
}

// AccessTo implements storage.RoomAccess.
func (h directory) AccessTo(ctx context.Context, u chat.UserID, room chat.RoomID) (storage.Member, error) {
	const op = "access"
	if err := h.ready(ctx, op); err != nil {
		return storage.Member{}, err
	}
	d := &h.data.directory
	d.mu.RLock()
	defer d.mu.RUnlock()
	m, ok := d.accessTo(u, room)
	if !ok {
		return storage.Member{}, missing(op, "room")
	}
	return m, nil
}

// accessTo is the one rule of who may read a room.
func (d *directoryData) accessTo(u chat.UserID, room chat.RoomID) (storage.Member, bool) {
	r, exists := d.rooms[room]
	if !exists || room.Tenant != u.Tenant {
		return storage.Member{}, false
	}
	m, has := d.members[room][u.Key]
	switch {
	case has && m.Role.Belongs():
	case r.Kind == storage.Public && (!has || m.Role != chat.RoleBanned):
		m = storage.Member{Room: room, User: u}
	default:
		return storage.Member{}, false
	}
	m.From = max(m.From, 1)
	return m, true
}

// Member implements storage.Members.
func (h directory) Member(ctx context.Context, room chat.RoomID, u chat.UserID) (storage.Member, error) {
	const op = "member"
	if err := h.ready(ctx, op); err != nil {
		return storage.Member{}, err
	}
	d := &h.data.directory
	d.mu.RLock()
	defer d.mu.RUnlock()
	m, ok := d.members[room][u.Key]
	if !ok || u.Tenant != room.Tenant {
		return storage.Member{}, missing(op, "member")
	}
	return m, nil
}

// Members implements storage.Members.
func (h directory) Members(ctx context.Context, room chat.RoomID, after string, limit int) ([]storage.Member, error) {
	if err := h.list(ctx, "list members", limit); err != nil {
		return nil, err
	}
	d := &h.data.directory
	d.mu.RLock()
	defer d.mu.RUnlock()
	var all []storage.Member
	for key, m := range d.members[room] {
		if key > after {
			all = append(all, m)
		}
	}
	return firstBy(all, limit, func(m storage.Member) string { return m.User.Key }), nil
}

// AccessMark implements storage.AccessMarks.
func (h directory) AccessMark(u chat.UserID) uint64 { return h.data.directory.clock.Mark(u) }

// LookupDirect implements storage.Members.
func (h directory) LookupDirect(ctx context.Context, rooms []chat.RoomID) ([]storage.Member, error) {
	return lookup(ctx, h, "lookup direct", "rooms", rooms, func(d *directoryData, found []storage.Member, id chat.RoomID) []storage.Member {
		if d.rooms[id].Kind == storage.Direct {
			found = slices.AppendSeq(found, maps.Values(d.members[id]))
			here := found[len(found)-len(d.members[id]):]
			firstBy(here, len(here), func(m storage.Member) string { return m.User.Key })
		}
		return found
	})
}

// PutMember implements storage.Members.
func (h directory) PutMember(ctx context.Context, m storage.Member) error {
	const op = "put member"
	defer h.data.directory.clock.Member(m.User)
	if err := h.ready(ctx, op); err != nil {
		return err
	}
	if err := m.Check(op); err != nil {
		return err
	}
	d := &h.data.directory
	d.mu.Lock()
	defer d.mu.Unlock()
	if _, ok := d.rooms[m.Room]; !ok {
		return missing(op, "room")
	}
	if old, ok := d.members[m.Room][m.User.Key]; ok {
		if m.Seq < old.Seq || m.Seq == old.Seq && bytes.Compare(m.Event[:], old.Event[:]) < 0 {
			return nil
		}
	}
	if err := d.nicknameFree(op, m); err != nil {
		return err
	}
	if d.members[m.Room] == nil {
		d.members[m.Room] = map[string]storage.Member{}
	}
	d.members[m.Room][m.User.Key] = m
	if d.ofUser[m.User] == nil {
		d.ofUser[m.User] = map[chat.RoomID]bool{}
	}
	d.ofUser[m.User][m.Room] = true
	return nil
}

func (d *directoryData) nicknameFree(op string, m storage.Member) error {
	if m.Nickname == "" || !m.Role.Belongs() {
		return nil
	}
	key, err := chat.NicknameKey(m.Nickname)
	if err != nil {
		return err
	}
	for _, other := range d.members[m.Room] {
		if other.User == m.User || other.Nickname == "" || !other.Role.Belongs() {
			continue
		}
		if k, _ := chat.NicknameKey(other.Nickname); k == key {
			return &chat.Error{Kind: chat.ErrConflict, Op: op, Field: "nickname"}
		}
	}
	return nil
}

// list is what every list asks first.
func (s *Store) list(ctx context.Context, op string, limit int) error {
	if err := s.ready(ctx, op); err != nil {
		return err
	}
	if limit < 1 {
		return &chat.Error{Kind: chat.ErrInvalid, Op: op, Field: "limit"}
	}
	return batch(op, "limit", limit)
}

// firstBy are the first items in order of a key.
func firstBy[T any](all []T, limit int, key func(T) string) []T {
	slices.SortFunc(all, func(a, b T) int { return strings.Compare(key(a), key(b)) })
	return all[:min(limit, len(all))]
}

func missing(op, field string) error {
	return &chat.Error{Kind: chat.ErrNotFound, Op: op, Field: field}
}

var (
	_ storage.Directory   = directory{}
	_ storage.RoomAccess  = directory{}
	_ storage.AccessMarks = directory{}
)
