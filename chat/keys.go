package chat

import "hash/fnv"

// RoomID names a room. Tenant and Key are opaque: chosen by the host or made by
// the server, never reused, never shown. People see titles and addresses.
// [CheckTenant] and [CheckKey] say what they may hold.
type RoomID struct{ Tenant, Key string }

// UserID names a person or a bot, within a tenant. The same rules as for a
// [RoomID] hold.
type UserID struct{ Tenant, Key string }

// String is for logs: it can't be parsed back.
func (r RoomID) String() string { return r.Tenant + "/" + r.Key }

// String is for logs: it can't be parsed back.
func (u UserID) String() string { return u.Tenant + "/" + u.Key }

// IsZero says that no room is named.
func (r RoomID) IsZero() bool { return r == RoomID{} }

// IsZero says that nobody is named.
func (u UserID) IsZero() bool { return u == UserID{} }

// Shards is the number of shards that rooms fall into. Followers share their
// work by shard. It is part of what brokers store, so it never changes.
const Shards = 64

// Shard is the shard of the room, from 0 to [Shards]-1. It depends on the id
// alone and is the same on every node and in every version.
func (r RoomID) Shard() int {
	h := fnv.New32a()
	h.Write([]byte(r.Tenant))
	h.Write([]byte{0})
	h.Write([]byte(r.Key))
	return int(h.Sum32() % Shards)
}

// Seq is an event's number in its room: dense, from 1. Zero is before the first
// event.
type Seq int64

// Position points into a room.
type Position struct {
	Room RoomID
	Seq  Seq
}
