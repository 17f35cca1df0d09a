package chat

// Limits of what people and programs send. Bytes are of UTF-8.
const (
	MaxBody        = 64 << 10 // a text
	MaxTopic       = 4 << 10
	MaxReason      = 1 << 10 // of a retraction, a change of role, an erasure; also of a notice's What
	MaxNotice      = 64 << 10
	MaxMentions    = 200 // of a text
	MaxAttachments = 50  // of a text
	MaxExtensions  = 50  // of an event
	MaxExtension   = 64 << 10
	MaxEmoji       = 20 // in one reaction
	MaxEmojiBytes  = 128
	MaxChanges     = 2000 // of one message
	MaxClientID    = 256
	MaxSource      = 256 // of an Origin, each part
	MaxSignal      = 64 << 10

	MaxTenant   = 64
	MaxKey      = 128
	MaxName     = 256 // a title, a display name, the name of a device or a file
	MaxAddress  = 128 // a log-in, the address of a room
	MaxNickname = 128
	MaxType     = 128 // a media type
	MaxRef      = 2 << 10
	MaxPassword = 1 << 10 // a verifier

	MaxSecret     = 1 << 10 // a password, the secret of a token, the code of an invitation
	MinSalt       = 8       // of a verifier, in bytes
	MaxSalt       = 64
	MinIterations = 4096 // of a verifier (RFC 7677, section 4)
	MaxIterations = 2_000_000
	MaxScopes     = 50      // of a token
	MaxTokens     = 200     // of an account, those that have ended too
	MaxUses       = 100_000 // of an invitation
)

// Limit is a row of the one table of limits, from which docs/limits.md is made.
type Limit struct {
	What  string
	Most  int
	Unit  string
	Where string // the field that an error names
}

// Limits is that table.
var Limits = []Limit{
	{"text", MaxBody, "bytes", "content.body"},
	{"topic", MaxTopic, "bytes", "content.text"},
	{"notice", MaxNotice, "bytes", "content.text"},
	{"reason, or the word of a notice", MaxReason, "bytes", "content.reason"},
	{"mentions of a text", MaxMentions, "people", "content.mentions"},
	{"attachments of a text", MaxAttachments, "files", "content.attachments"},
	{"name of a file", MaxName, "bytes", "content.attachments.name"},
	{"media type of a file", MaxType, "bytes", "content.attachments.type"},
	{"reference to a file", MaxRef, "bytes", "content.attachments.ref"},
	{"extensions of an event", MaxExtensions, "extensions", "extensions"},
	{"all extensions of an event", MaxExtension, "bytes", "extensions"},
	{"emoji in one reaction", MaxEmoji, "emoji", "content.emoji"},
	{"one emoji", MaxEmojiBytes, "bytes", "content.emoji"},
	{"changes of one message", MaxChanges, "events", "changes"},
	{"client id", MaxClientID, "bytes", "clientID"},
	{"source of an import, and its id there", MaxSource, "bytes", "origin"},
	{"signal", MaxSignal, "bytes", "data"},
	{"tenant", MaxTenant, "bytes", "tenant"},
	{"key of a room or a user", MaxKey, "bytes", "key"},
	{"title or display name", MaxName, "bytes", "name"},
	{"address of a room", MaxAddress, "bytes", "address"},
	{"log-in", MaxAddress, "bytes", "login"},
	{"nickname", MaxNickname, "bytes", "nickname"},
	{"verifier of a room's password", MaxPassword, "bytes", "password"},
	{"password, secret of a token, code of an invitation", MaxSecret, "bytes", "password, secret"},
	{"salt of a verifier; at least 8", MaxSalt, "bytes", "salt"},
	{"iterations of a verifier; at least 4096", MaxIterations, "iterations", "iterations"},
	{"scopes of a token", MaxScopes, "scopes", "scopes"},
	{"one scope, id of a token or an invitation", MaxKey, "bytes", "scopes, id"},
	{"tokens of an account, those that have ended too", MaxTokens, "tokens", "tokens"},
	{"people who may use an invitation; at least 1", MaxUses, "people", "uses"},
	{"who made an entry of the ledger", MaxName, "bytes", "by"},
	{"why an entry of the ledger was made", MaxReason, "bytes", "why"},
	{"items of one call of a contract", MaxBatch, "items", "limit"},
	{"events that the head holds though the archive shows them", HeadSize, "events", ""},
}

// Word is a row of the table of what keys, names and addresses may hold.
type Word struct {
	What, Holds, Compared string
	Most                  int
}

// Words is that table.
var Words = []Word{
	{"tenant", "a to z, 0 to 9, . - _", "byte by byte", MaxTenant},
	{"key of a room or a user", "visible ASCII (! to ~); ~ at the start is the server's own", "byte by byte", MaxKey},
	{"client id", "UTF-8 without control characters", "byte by byte", MaxClientID},
	{"title, display name", "UTF-8 without control characters, kept as written; may repeat", "byte by byte; display names are completed after folding (`chat.FoldName`)", MaxName},
	{"address of a room, log-in", "PRECIS UsernameCaseMapped (RFC 8265, section 3.3)", "after folding, look-alikes being equal (UTS #39, section 4)", MaxAddress},
	{"nickname", "PRECIS Nickname (RFC 8266, section 2)", "after folding, look-alikes being equal (UTS #39, section 4)", MaxNickname},
	{"text", "UTF-8 that XML 1.0 can carry (section 2.2): no control characters but tab, line feed, carriage return", "", MaxBody},
}
