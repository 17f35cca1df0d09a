package hub

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"testing"

	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/drivers/memory"
	"github.com/parlor-chat/parlor/storage"
)

// permitted is a room of a sort, in which there are an owner and a text of his.
type permitted struct {
	t    *testing.T
	h    *Hub
	room chat.RoomID
	text chat.EventID
}

var permittedOwner = chat.UserID{Tenant: "acme", Key: "own"}

func newPermitted(t *testing.T, h *Hub, key string, in sort) permitted {
	p := permitted{t: t, h: h}
	if in == direct {
		r, err := h.As(permittedOwner).Direct(t.Context(), key+"-member")
		p.ok(err)
		p.room = r.ID()
	} else {
		r := settingsOf(in)
		r.ID = chat.RoomID{Tenant: "acme", Key: key}
		p.ok(h.Admin().Create(t.Context(), r))
		p.ok(h.Admin().SetMember(t.Context(), r.ID, permittedOwner, chat.RoleOwner, ""))
		p.room = r.ID
	}
	said, err := h.As(permittedOwner).Room(p.room.Key).Send(t.Context(), chat.Text{Body: "the owner's"})
	p.ok(err)
	p.text = said.ID
	return p
}

func (p permitted) ok(err error) {
	p.t.Helper()
	if err != nil {
		p.t.Fatal(err)
	}
}

// somebody is who has a role in the room, and has said something there while he could.
func (p permitted) somebody(key string, role chat.Role, in sort) (r Room, own chat.EventID) {
	u := chat.UserID{Tenant: "acme", Key: key}
	r = p.h.As(u).Room(p.room.Key)
	if in == direct {
		return r, p.say(r, role == chat.RoleMember)
	}
	p.ok(p.h.Admin().SetMember(p.t.Context(), p.room, u, chat.RoleMember, ""))
	own = p.say(r, true)
	if role != chat.RoleMember {
		p.ok(p.h.Admin().SetMember(p.t.Context(), p.room, u, role, ""))
	}
	return r, own
}

func (p permitted) say(r Room, can bool) chat.EventID {
	if !can {
		return p.text
	}
	said, err := r.Send(p.t.Context(), chat.Text{Body: "his own"})
	p.ok(err)
	return said.ID
}

// TestPermissions tries each cell of the table with each role.
func TestPermissions(t *testing.T) {
	for in := range sorts {
		t.Run(sortNames[in], func(t *testing.T) {
			h := permissionHub(t)
			for what := range deedsIn {
				for role := chat.RoleNone; role <= chat.RoleOwner; role++ {
					if in == direct && role != chat.RoleNone && role != chat.RoleMember {
						continue // nobody has another one there
					}
					key := fmt.Sprint("r", what, "-", role)
					p := newPermitted(t, h, key, in)
					r, own := p.somebody(key+"-"+role.String(), role, in)
					err := try(t.Context(), what, r, p.text, own)
					sees := role.Belongs() || role == chat.RoleNone && in <= membersOnly
					// Who belongs has joined, and who doesn't has left: that again is no error.
					done := what == toJoin && role.Belongs() || what == toLeave && sees && role == chat.RoleNone
					var want error
					switch {
					case !sees:
						want = chat.ErrNotFound
					case !done && !may(role, what, in):
						want = chat.ErrForbidden
					}
					if what == toLeave && role == chat.RoleOwner {
						err = nil // the last one: TestTheLastOwner
					}
					if what == toLeave && in == direct && role == chat.RoleNone {
						want = chat.ErrNotFound
					}
					if want == nil && err != nil || want != nil && !errors.Is(err, want) {
						t.Errorf("%s, as %v: %v, want %v", deedNames[what], role, err, want)
					}
				}
			}
		})
	}
}

func permissionHub(t *testing.T) *Hub {
	store := memory.New(nil)
	h, err := New(t.Context(), store.Set(), &Options{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		h.Shutdown(context.Background())
		store.Close()
	})
	return h
}

// try does something of the table; what is allowed must have its effect.
func try(ctx context.Context, what deedIn, r Room, theirs, own chat.EventID) error {
	switch what {
	case toRead:
		_, err := r.Page(ctx, chat.Latest(5))
		_, err2 := r.Occupants(ctx, "", 5)
		return errors.Join(err, err2)
	case toSend:
		_, err := r.Send(ctx, chat.Text{Body: "x"})
		_, err2 := r.React(ctx, theirs, []string{"+"})
		if err == nil {
			_, err = r.Edit(ctx, own, chat.Text{Body: "y"})
			if own == theirs { // he has none
				err = nil
			}
		}
		return errors.Join(err, err2)
	case toRetract:
		if own == theirs {
			_, err := r.Info(ctx)
			return err
		}
		_, err := r.Retract(ctx, own, "")
		return err
	case toModerate:
		if r.user == permittedOwner {
			return nil
		}
		_, err := r.Retract(ctx, theirs, "")
		return err
	case toSetTopic:
		_, err := r.SetTopic(ctx, "lunch")
		return err
	case toJoin:
		return r.Join(ctx)
	case toLeave:
		return r.Leave(ctx)
	case toConfigure:
		_, err := r.Configure(ctx, func(s *storage.Room) error {
			s.Title = "another"
			return nil
		})
		return err
	}
	return seesWhoLeft(ctx, r)
}

// seesWhoLeft is ErrForbidden where the list of members leaves out who left.
func seesWhoLeft(ctx context.Context, r Room) error {
	gone := chat.UserID{Tenant: "acme", Key: "gone"}
	if !isDirect(r.id) {
		for _, role := range []chat.Role{chat.RoleMember, chat.RoleNone} {
			if err := r.h.Admin().SetMember(ctx, r.id, gone, role, ""); err != nil {
				return err
			}
		}
	}
	list, _, err := r.Members(ctx, "", 100)
	if err == nil && !slices.ContainsFunc(list, func(m storage.Member) bool { return m.User == gone }) {
		return chat.ErrForbidden
	}
	return err
}

// TestAppointments tries each change of a role by somebody in each role.
func TestAppointments(t *testing.T) {
	for _, in := range []sort{open, private} {
		t.Run(sortNames[in], func(t *testing.T) {
			h := permissionHub(t)
			p := newPermitted(t, h, "room", in)
			bob, cid := chat.UserID{Tenant: "acme", Key: "bob"}, chat.UserID{Tenant: "acme", Key: "cid"}
			for mine := chat.RoleNone; mine <= chat.RoleOwner; mine++ {
				p.ok(h.Admin().SetMember(t.Context(), p.room, bob, mine, ""))
				for from := chat.RoleNone; from <= chat.RoleOwner; from++ {
					for to := chat.RoleNone; to <= chat.RoleOwner; to++ {
						p.ok(h.Admin().SetMember(t.Context(), p.room, cid, from, ""))
						err := h.As(bob).Room(p.room.Key).SetMember(t.Context(), cid.Key, to, "")
						var want error
						switch {
						case !mine.Belongs() && (in == private || mine == chat.RoleBanned):
							want = chat.ErrNotFound
						case !mayAppoint(mine, from, to):
							want = chat.ErrForbidden
						}
						if want == nil && err != nil || want != nil && !errors.Is(err, want) {
							t.Errorf("%v from %v to %v: %v, want %v", mine, from, to, err, want)
						}
						row, err := h.set.Directory.Member(t.Context(), p.room, cid)
						if errors.Is(err, chat.ErrNotFound) { // he never had a role
							err = nil
						}
						p.ok(err)
						is := from
						if want == nil {
							is = to
						}
						if row.Role != is {
							t.Errorf("%v from %v to %v: he is %v", mine, from, to, row.Role)
						}
					}
				}
			}
		})
	}
}
