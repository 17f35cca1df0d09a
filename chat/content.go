package chat

// Kind names a kind of content. It is what stored forms and indexes hold, so a
// value never changes its meaning.
type Kind string

// The kinds of content.
const (
	KindText      Kind = "text"
	KindEdit      Kind = "edit"
	KindRetract   Kind = "retract"
	KindReact     Kind = "react"
	KindTopic     Kind = "topic"
	KindMember    Kind = "member"
	KindNotice    Kind = "notice"
	KindReference Kind = "reference"
	KindErase     Kind = "erase"
	KindTombstone Kind = "tombstone"
	KindVoid      Kind = "void"
)

// Content is what an event holds. It is sealed: the types of this package are
// all there are, and [Unknown] carries what a newer version wrote.
type Content interface {
	kind() Kind
	append(w *writer)
	parse(r *reader)
}

// Text is what somebody said. Its body may be empty where attachments or
// extensions say it all.
type Text struct {
	Body        string
	Format      Format
	Action      bool    // "/me waves"
	Thread      EventID // the first text of the thread it belongs to
	ReplyTo     EventID // the text it answers
	Mentions    []UserID
	Attachments []Attachment

	more []byte // fields that a newer version wrote; so in the other types
}

// Format is how a body is to be read.
type Format string

// The formats.
const (
	Plain    Format = ""
	Markdown Format = "markdown"
)

// Attachment refers to a file. Parlor keeps the reference, not the bytes.
type Attachment struct {
	Name string // as people see it
	Type string // media type, RFC 2046; may be empty
	Ref  string // where the host finds it; never a secret
	Size int64  // bytes; 0: not known

	more []byte
}

// Edit replaces the text that is its Target. Only the sender of the text may.
type Edit struct {
	New Text

	more []byte
}

// Retract takes the text that is its Target back.
type Retract struct {
	Reason      string
	ByModerator bool // a moderator did it; Fold knows no roles, so the event says it

	more []byte
}

// React sets the sender's whole set of reactions to its Target; an empty set
// clears them.
type React struct {
	Emoji []string

	more []byte
}

// Topic sets the room's topic.
type Topic struct {
	Text string

	more []byte
}

// Member says that somebody came, left or changed role.
type Member struct {
	User   UserID
	Role   Role // RoleNone: left
	Reason string
	After  EventID // his last change when this one was decided: it gives no more, where he lost his role since

	more []byte
}

// Notice is something that happened, told in the room. Imported joins, parts and
// changes of name are notices.
type Notice struct {
	What string // "join", "part", "nick", "system", or the host's own word
	Text string

	more []byte
}

// Reference stands in a personal log and points at an event elsewhere.
type Reference struct {
	To  Position
	Why string // "direct", "mention", "invitation"

	more []byte
}

// Erase says that its Target was erased: every follower empties it.
type Erase struct {
	Why string

	more []byte
}

// Tombstone stands where an event was emptied. The event keeps its ID, Seq,
// TextSeq, At, Sender and Target.
type Tombstone struct {
	Was Kind
	Why string

	more []byte
}

// Void says that the positions from its own Seq to To were never used. Readers
// cross it in one step; its TextSeq is that of the event before it.
type Void struct {
	To Seq

	more []byte
}

// Unknown is content that a newer version wrote. It survives a round trip.
type Unknown struct {
	Name Kind
	Raw  []byte
}

func (*Text) kind() Kind      { return KindText }
func (*Edit) kind() Kind      { return KindEdit }
func (*Retract) kind() Kind   { return KindRetract }
func (*React) kind() Kind     { return KindReact }
func (*Topic) kind() Kind     { return KindTopic }
func (*Member) kind() Kind    { return KindMember }
func (*Notice) kind() Kind    { return KindNotice }
func (*Reference) kind() Kind { return KindReference }
func (*Erase) kind() Kind     { return KindErase }
func (*Tombstone) kind() Kind { return KindTombstone }
func (*Void) kind() Kind      { return KindVoid }
func (c *Unknown) kind() Kind { return c.Name }

// Role is what a member of a room may do. A higher role may all that a lower one
// may, from RoleMuted on.
type Role uint8

// The roles, as stored; the numbers never change.
const (
	RoleNone      Role = iota // does not belong to the room
	RoleBanned                // may not come in
	RoleMuted                 // reads, may not send
	RoleMember                // sends
	RoleModerator             // retracts what others sent, mutes, removes
	RoleAdmin                 // changes settings, bans, appoints moderators
	RoleOwner                 // appoints admins and owners
)

var roleNames = [...]string{"none", "banned", "muted", "member", "moderator", "admin", "owner"}

func (r Role) String() string {
	if int(r) < len(roleNames) {
		return roleNames[r]
	}
	return "unknown"
}

// Valid says whether r is one of the roles.
func (r Role) Valid() bool { return int(r) < len(roleNames) }

// Belongs says whether somebody in this role is a member: not gone, not banned.
func (r Role) Belongs() bool { return r >= RoleMuted }
