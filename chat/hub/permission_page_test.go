package hub

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/storage"
)

const permissionsPage = "../../docs/permissions.md"

// What the rows and columns of the table are called.
var (
	deedNames = [deedsIn]string{toRead: "read, search, see who is there", toSend: "send, edit one's own, react", toRetract: "take one's own text back",
		toModerate: "take another's text back", toSetTopic: "set the topic", toJoin: "join by oneself", toLeave: "leave",
		toSeeWhoLeft: "see who left and who is banned", toConfigure: "change the settings"}
	sortNames = [sorts]string{"public", "public, moderated", "public, members only", "private", "private, moderated", "direct"}
)

func (l least) String() string {
	switch {
	case l == visiting:
		return "who has no role"
	case l == nobody:
		return "nobody"
	case l == anybody:
		return "everybody but banned"
	case l == whoBelongs:
		return "who belongs"
	case l.visitors:
		return l.role.String() + " up, and who has no role"
	}
	return l.role.String() + " up"
}

// docs/permissions.md is made from the table that the engine asks, and TestPermissions tries
// each of its cells.
func TestPermissionsPage(t *testing.T) {
	var b strings.Builder
	b.WriteString("# Who may do what\n\nMade from the table in `chat/hub/permission.go`, by `go test ./chat/hub -run PermissionsPage -update`. " +
		"`TestPermissions` tries each cell with each role, `TestAppointments` each change of a role.\n\n" +
		"Roles, each of which may what the one before may, from muted on: none, banned, muted, member, moderator, admin, owner. " +
		"Muted to owner belong to the room: their sessions hear it. A room that somebody doesn't see is `chat.ErrNotFound` to him, " +
		"whatever he tries: a private or direct one to all who don't belong, every one to who is banned from it. " +
		"What he sees and may not do is `chat.ErrForbidden`. A `Policy` of the host narrows further.\n\n" +
		"| what |")
	for in := range sorts {
		fmt.Fprintf(&b, " %s |", sortNames[in])
	}
	b.WriteString("\n| --- |" + strings.Repeat(" --- |", int(sorts)) + "\n")
	for what := range deedsIn {
		fmt.Fprintf(&b, "| %s |", deedNames[what])
		for in := range sorts {
			fmt.Fprintf(&b, " %v |", permissions[what][in])
		}
		b.WriteByte('\n')
	}
	b.WriteString("\nWho joins a moderated room is muted there, until a moderator makes him a member.\n\n" +
		"## Who gives which role\n\nIn a direct room nobody: it is its people's for good. In all others, to whom, and from which role to which:\n\n| by |")
	for from := chat.RoleNone; from <= chat.RoleOwner; from++ {
		fmt.Fprintf(&b, " from %v |", from)
	}
	b.WriteString("\n| --- |" + strings.Repeat(" --- |", int(chat.RoleOwner)+1) + "\n")
	for mine := chat.RoleModerator; mine <= chat.RoleOwner; mine++ {
		fmt.Fprintf(&b, "| %v |", mine)
		for from := chat.RoleNone; from <= chat.RoleOwner; from++ {
			var to []string
			for role := chat.RoleNone; role <= chat.RoleOwner; role++ {
				if mayAppoint(mine, from, role) {
					to = append(to, role.String())
				}
			}
			switch len(to) {
			case 0:
				b.WriteString(" – |")
			case int(chat.RoleOwner) + 1:
				b.WriteString(" any |")
			default:
				fmt.Fprintf(&b, " %s |", strings.Join(to, ", "))
			}
		}
		b.WriteByte('\n')
	}
	b.WriteString("\nA room keeps its last owner: he can't leave, and nobody takes the role from him (`chat.ErrConflict`, field `owner`), " +
		"also where two owners remove each other at once. An operator may (`Admin.SetMember`).\n\n" +
		"## In XMPP\n\nThe affiliation and role of XEP-0045 (sections 5.1 and 5.2) that a role is shown as:\n\n" +
		"| role | affiliation | role in the room | voice |\n| --- | --- | --- | --- |\n")
	for role := chat.RoleNone; role <= chat.RoleOwner; role++ {
		a := role.MUC()
		voice := "yes"
		switch {
		case role == chat.RoleNone:
			voice = "where the room is not moderated; else the role is visitor"
		case a.Role == "none" || a.Role == "visitor":
			voice = "no"
		}
		fmt.Fprintf(&b, "| %v | %s | %s | %s |\n", role, a.Affiliation, a.Role, voice)
	}
	if *update {
		if err := os.WriteFile(permissionsPage, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(permissionsPage)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != b.String() {
		t.Errorf("%s is not what the tables say; run with -update", permissionsPage)
	}
}

// settingsOf is a room of a sort that can be made.
func settingsOf(in sort) storage.Room {
	return map[sort]storage.Room{
		open:             {Kind: storage.Public},
		moderated:        {Kind: storage.Public, Moderated: true},
		membersOnly:      {Kind: storage.Public, MembersOnly: true},
		private:          {Kind: storage.Private},
		privateModerated: {Kind: storage.Private, Moderated: true},
	}[in]
}
