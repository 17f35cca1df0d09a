package hub

import (
	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/storage"
)

// deedIn is something that somebody does in a room: a row of the table of permissions.
type deedIn int

// What is done in rooms.
const (
	toRead    deedIn = iota // pages, searches, who is there
	toSend                  // texts, edits of one's own, reactions
	toRetract               // one's own texts
	toModerate
	toSetTopic
	toJoin
	toLeave
	toSeeWhoLeft // in lists of members, and who is banned
	toConfigure  // the room's settings

	deedsIn
)

// sort is what decides, of all that a room is, who may do what in it.
type sort int

const (
	open sort = iota
	moderated
	membersOnly
	private
	privateModerated
	direct

	sorts
)

// sortOf is the sort of a room. A public room that is both moderated and for members only is
// one for members only: only they write, and with voice.
func sortOf(r storage.Room) sort {
	switch {
	case r.Kind == storage.Public && r.MembersOnly:
		return membersOnly
	case r.Kind == storage.Public && r.Moderated:
		return moderated
	case r.Kind == storage.Public:
		return open
	case r.Kind == storage.Private && r.Moderated:
		return privateModerated
	case r.Kind == storage.Private:
		return private
	}
	return direct
}

// least is who may do something: those who belong in this role or a higher one, and with
// visitors also who has no role. What it takes to see the room is asked before
// ([Hub.standing]): nobody sees a private or direct one without a role.
type least struct {
	role     chat.Role
	visitors bool
}

var (
	anybody    = least{chat.RoleMuted, true}
	whoBelongs = least{chat.RoleMuted, false}
	withVoice  = least{chat.RoleMember, false}
	talkers    = least{chat.RoleMember, true}
	visiting   = least{chat.RoleOwner + 1, true}
	moderators = least{chat.RoleModerator, false}
	admins     = least{chat.RoleAdmin, false}
	nobody     = least{chat.RoleOwner + 1, false}
)

// permissions is the one table of who may do what in which sort of room. docs/permissions.md
// is made from it.
var permissions = [deedsIn][sorts]least{
	//            open        moderated   membersOnly private     moderated   direct
	toRead:       {anybody, anybody, anybody, whoBelongs, whoBelongs, whoBelongs},
	toSend:       {talkers, withVoice, withVoice, withVoice, withVoice, withVoice},
	toRetract:    {anybody, anybody, anybody, whoBelongs, whoBelongs, whoBelongs},
	toModerate:   {moderators, moderators, moderators, moderators, moderators, nobody},
	toSetTopic:   {talkers, moderators, withVoice, withVoice, moderators, withVoice},
	toJoin:       {visiting, visiting, nobody, nobody, nobody, nobody},
	toLeave:      {whoBelongs, whoBelongs, whoBelongs, whoBelongs, whoBelongs, nobody},
	toSeeWhoLeft: {moderators, moderators, moderators, moderators, moderators, nobody},
	toConfigure:  {admins, admins, admins, admins, admins, nobody},
}

// may says whether somebody in a role may do something in a room that he sees.
func may(role chat.Role, what deedIn, in sort) bool {
	l := permissions[what][in]
	return role >= l.role || l.visitors && role == chat.RoleNone
}

// mayEverywhere says whether somebody in a role may do something in every room that he sees.
func mayEverywhere(role chat.Role, what deedIn) bool {
	for in := range sorts {
		if !may(role, what, in) {
			return false
		}
	}
	return true
}

// mayAppoint says whether somebody in a role may bring another from one role to
// the next.
func mayAppoint(mine, from, to chat.Role) bool {
	switch mine {
	case chat.RoleOwner:
		return true
	case chat.RoleAdmin:
		return from < chat.RoleAdmin && to < chat.RoleAdmin
	case chat.RoleModerator:
		return from < chat.RoleModerator && to < chat.RoleModerator &&
			from != chat.RoleBanned && to != chat.RoleBanned
	}
	return false
}

// joinsAs is the role that somebody gets who joins a room by himself: in a moderated one he
// has no voice before a moderator gives it to him.
func joinsAs(in sort) chat.Role {
	if in == moderated {
		return chat.RoleMuted
	}
	return chat.RoleMember
}
