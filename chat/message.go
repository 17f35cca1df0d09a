package chat

import "time"

// Message is what a reader sees: a text with all its changes folded in. It holds
// nothing of what was retracted or erased.
type Message struct {
	ID       EventID
	Room     RoomID
	Seq      Seq
	TextSeq  int64
	At       time.Time
	Sender   UserID
	ClientID string
	Origin   *Origin

	Text       Text        // the latest; zero when Gone
	Extensions []Extension // of the latest version; nil when Gone
	Revision   Seq         // of the last event that changed it; its own Seq where none did
	Edited     time.Time   // when it was last edited; zero: never
	Reactions  []Reaction  // in the order in which each was first set

	Gone *Gone // nil: it is there
}

// Position is where the message lies.
func (m *Message) Position() Position { return Position{m.Room, m.Seq} }

// Gone says why a message can't be read any more.
type Gone struct {
	By          UserID // who retracted it; zero: erased
	Reason      string
	ByModerator bool
	Erased      bool // its bytes are gone too, or will be
}

// Reaction is one emoji and who set it, in the order in which they did.
type Reaction struct {
	Emoji string
	By    []UserID
}
