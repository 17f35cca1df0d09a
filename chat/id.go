package chat

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base32"
	"encoding/binary"
)

// EventID names an event before and after it has a Seq. It is opaque: nothing
// about the event can be read from it.
type EventID [16]byte

var idText = base32.NewEncoding("0123456789abcdefghjkmnpqrstvwxyz").WithPadding(base32.NoPadding)

// NewID makes a random id.
func NewID() EventID {
	var id EventID
	rand.Read(id[:]) // never fails: crypto/rand ends the program instead
	return id
}

// DeriveID makes the id of what sender sends to room under his own clientID. A
// retry therefore has one identity on every node. Equal ids need equal rooms,
// senders and client ids: each part is hashed with its length.
func DeriveID(room RoomID, sender UserID, clientID string) EventID {
	b := make([]byte, 0, 256)
	b = append(b, "parlor event id 1\n"...)
	for _, part := range [...]string{room.Tenant, room.Key, sender.Tenant, sender.Key, clientID} {
		b = binary.AppendUvarint(b, uint64(len(part)))
		b = append(b, part...)
	}
	sum := sha256.Sum256(b)
	return EventID(sum[:16])
}

// IsZero says that no event is named.
func (id EventID) IsZero() bool { return id == EventID{} }

// String is the id as 26 characters, digits and lower-case letters;
// [ParseEventID] reads it back.
func (id EventID) String() string { return idText.EncodeToString(id[:]) }

// MarshalText implements [encoding.TextMarshaler].
func (id EventID) MarshalText() ([]byte, error) { return []byte(id.String()), nil }

// UnmarshalText implements [encoding.TextUnmarshaler].
func (id *EventID) UnmarshalText(b []byte) error {
	got, err := ParseEventID(string(b))
	if err == nil {
		*id = got
	}
	return err
}

// ParseEventID reads what [EventID.String] wrote. Anything else is [ErrInvalid]:
// an id has one spelling.
func ParseEventID(s string) (EventID, error) {
	var id EventID
	if len(s) != idText.EncodedLen(len(id)) {
		return EventID{}, &Error{Kind: ErrInvalid, Op: "parse id", Field: "id"}
	}
	if _, err := idText.Decode(id[:], []byte(s)); err != nil || id.String() != s {
		return EventID{}, &Error{Kind: ErrInvalid, Op: "parse id", Field: "id"}
	}
	return id, nil
}
