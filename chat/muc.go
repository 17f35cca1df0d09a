package chat

// MUC is how XEP-0045 calls somebody's standing in a room.
type MUC struct {
	Affiliation string // section 5.2: owner, admin, member, none, outcast
	Role        string // of an occupant, section 5.1: moderator, participant, visitor, none
}

// MUC is what a role is shown as. An occupant with RoleNone is a visitor, without voice, in
// a moderated room.
func (r Role) MUC() MUC {
	switch r {
	case RoleOwner:
		return MUC{"owner", "moderator"}
	case RoleAdmin:
		return MUC{"admin", "moderator"}
	case RoleModerator:
		return MUC{"member", "moderator"}
	case RoleMember:
		return MUC{"member", "participant"}
	case RoleMuted:
		return MUC{"member", "visitor"}
	case RoleBanned:
		return MUC{"outcast", "none"}
	}
	return MUC{"none", "participant"}
}
