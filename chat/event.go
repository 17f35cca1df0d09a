package chat

import "time"

// Event is whatever lasts in a room. See the package comment for who sets which
// field.
type Event struct {
	ID   EventID
	Room RoomID

	// Seq, TextSeq and At are zero until a broker places the event.
	Seq     Seq       // dense in the room, from 1
	TextSeq int64     // how many texts the room has had, this one included
	At      time.Time // UTC, whole milliseconds; never falls as Seq rises

	Sender   UserID  // zero where no person sent it: a Notice of the server, a Void
	ClientID string  // the sender's own id for it; may be empty
	Target   EventID // the text that this event changes: of an Edit, Retract, React or Erase
	Origin   *Origin // where it was imported from; nil for what was sent here

	Content    Content
	Extensions []Extension

	more []byte // fields that a newer version wrote; kept and written again
}

// Position is where the event lies.
func (e *Event) Position() Position { return Position{e.Room, e.Seq} }

// Kind is the kind of its content; "" where there is none.
func (e *Event) Kind() Kind {
	if e.Content == nil {
		return ""
	}
	return e.Content.kind()
}

// IsText says whether the event counts in TextSeq: a text, or the tombstone of
// one.
func (e *Event) IsText() bool {
	switch c := e.Content.(type) {
	case *Text:
		return true
	case *Tombstone:
		return c.Was == KindText
	}
	return false
}

// Changes says whether the event changes another one, its Target.
func (e *Event) Changes() bool {
	switch e.Content.(type) {
	case *Edit, *Retract, *React, *Erase:
		return true
	}
	return false
}

// Last is the last Seq that the event takes: its own, or the end of a Void.
func (e *Event) Last() Seq {
	if v, ok := e.Content.(*Void); ok && v.To > e.Seq {
		return v.To
	}
	return e.Seq
}

// Subject is the id of the text that the event is about: its own for a text, the
// target of a change, otherwise zero.
func (e *Event) Subject() EventID {
	if e.IsText() {
		return e.ID
	}
	return e.Target
}

// Month is the UTC month of a time as "2026-11": the partition of an event is
// the month of its At.
func Month(t time.Time) string { return t.UTC().Format("2006-01") }

// Time is t as Parlor keeps times: UTC and whole milliseconds, rounded down.
func Time(t time.Time) time.Time { return time.UnixMilli(t.UnixMilli()).UTC() }

// Origin says where an imported event comes from, and its true time there. Only
// Admin may set it.
type Origin struct {
	Source string    // the product or file, chosen by the importer
	ID     string    // its id there; may be empty
	At     time.Time // whole milliseconds

	more []byte
}

// Extension is something a client sent that Parlor doesn't interpret. It is kept
// byte for byte and given to readers as it came.
type Extension struct {
	Name string // what it is: for XMPP, the namespace and local name
	Raw  []byte

	more []byte
}
