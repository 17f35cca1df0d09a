package auth

import (
	"slices"
	"strings"
	"time"

	"github.com/parlor-chat/parlor/chat"
)

// Identity is who somebody is, and what he may do as that. The zero Identity is nobody, who
// may do nothing.
type Identity struct {
	User    chat.UserID
	Scopes  []string  // what he may do of what the user may; none: nothing
	Token   string    // the ID of the token by which he came; empty: by none
	Expires time.Time // from then on he must log in anew; zero: never
}

// Person is the identity of somebody who came himself, and may do all that he may.
func Person(u chat.UserID) Identity {
	return Identity{User: u, Scopes: []string{ScopeAll}}
}

// May says whether somebody's scopes allow what a scope stands for. It says nothing of
// whether he has expired.
func (i Identity) May(scope string) bool {
	return slices.Contains(i.Scopes, scope) || slices.Contains(i.Scopes, ScopeAll)
}

// The scopes. [Scopes] says what they mean.
const (
	ScopeAll     = "*"
	ScopeRead    = "read"
	ScopeSend    = "send"
	ScopeRooms   = "rooms"
	ScopeAccount = "account"
)

// Scope is a row of the table of scopes.
type Scope struct{ Name, Means string }

// Scopes is the one table of what scopes mean. None brings another, but for [ScopeAll]. A
// host's own have a colon in them ("acme:billing"), so that no later one of Parlor is meant
// by them.
var Scopes = []Scope{
	{ScopeAll, "all that the user may do, by later scopes and the host's own, too"},
	{ScopeRead, "read rooms, history and live streams, search, see people and their presence, note how far he has read"},
	{ScopeSend, "send, edit and retract messages, react, show that he is typing, and show his presence"},
	{ScopeRooms, "make rooms, join and leave them, invite, set topics, roles and settings"},
	{ScopeAccount, "change his settings and his password, make and revoke tokens: so whoever has it can get all others"},
}

// checkScopes says whether a token may be given these: at least one, each in the table or the
// host's own. What is a misspelled one would be of no use, and found out late.
func checkScopes(op string, scopes []string) error {
	unknown := func(name string) bool {
		return !strings.Contains(name, ":") && !slices.ContainsFunc(Scopes, func(s Scope) bool { return s.Name == name })
	}
	if len(scopes) == 0 || slices.ContainsFunc(scopes, unknown) {
		return &chat.Error{Kind: chat.ErrInvalid, Op: op, Field: "scopes"}
	}
	return nil
}
