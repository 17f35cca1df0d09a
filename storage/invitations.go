package storage

import (
	"context"
	"time"

	"github.com/parlor-chat/parlor/chat"
)

// Invitations holds invitations to tenants and rooms. Whoever knows an invitation's code
// may use it; the code is never stored, only its hash. What using it brings is up to the
// caller.
type Invitations interface {
	// PutInvitation stores a new invitation under the hash of its code. Used and Revoked
	// are zero, else ErrInvalid. ErrNotFound with field "room" where the room isn't
	// there; ErrConflict with field "id" where the tenant has one of this ID, with field
	// "code" where anybody has one of this code.
	PutInvitation(ctx context.Context, i Invitation, code SecretHash) error
	// Invitation finds the invitation of a code, of any tenant, and uses nothing.
	// ErrNotFound: there is none. ErrExpired: with field "revoked", with field "expires"
	// from the time Expires on, or with field "uses" where all are used up.
	Invitation(ctx context.Context, code SecretHash, now time.Time) (Invitation, error)
	// UseInvitation uses an invitation up by one for u, in one atomic step, and returns
	// it as it is then. Errors are those of Invitation; also ErrNotFound where u is of
	// another tenant. Each person is counted once: who uses it again, having lost the
	// answer, gets it again though all are used up, until it is revoked or expires.
	UseInvitation(ctx context.Context, code SecretHash, u chat.UserID, now time.Time) (Invitation, error)
	// Invitations lists the invitations to exactly this tenant or room by ID, those that
	// have ended too.
	Invitations(ctx context.Context, to Span, after string, limit int) ([]Invitation, error)
	// InvitationUses lists who used an invitation, and when first, by user key.
	InvitationUses(ctx context.Context, tenant, id, after string, limit int) ([]InvitationUse, error)
	// RevokeInvitation ends an invitation, for good. Where it was revoked already,
	// nothing changes. ErrNotFound where there is none; a zero time is ErrInvalid of
	// field "at".
	RevokeInvitation(ctx context.Context, tenant, id string, at time.Time) error
}

// Invitation is an invitation as those see it who may revoke it.
type Invitation struct {
	To Span        // the tenant, or a room of it
	ID string      // a key ([chat.CheckKey]), chosen by who makes it; unique in the tenant
	By chat.UserID // who invites, of the same tenant; zero: an operator

	Created time.Time
	Expires time.Time // from then on it is nothing; zero: never
	Uses    int       // how many people may use it, from 1 to [chat.MaxUses]
	Used    int       // how many have
	Revoked time.Time // zero: it isn't
}

// InvitationUse says who used an invitation, and when first.
type InvitationUse struct {
	User chat.UserID
	At   time.Time
}

// Check says whether a new invitation may be stored.
func (i Invitation) Check(op string) error {
	if err := i.To.check(op, "to"); err != nil {
		return err
	}
	if err := chat.CheckKey(op, "id", i.ID); err != nil {
		return err
	}
	if !i.By.IsZero() {
		if err := i.By.Check(op); err != nil {
			return err
		}
		if i.By.Tenant != i.To.Tenant {
			return invalid(op, "by.tenant")
		}
	}
	switch {
	case i.Uses > chat.MaxUses:
		return &chat.Error{Kind: chat.ErrTooLarge, Op: op, Field: "uses", Limit: chat.MaxUses}
	case i.Uses < 1:
		return invalid(op, "uses")
	case i.Used != 0:
		return invalid(op, "used")
	case !i.Revoked.IsZero():
		return invalid(op, "revoked")
	}
	return checkTimes(op, moment{"created", i.Created}, moment{"expires", i.Expires})
}

// check says whether a span names a tenant, or a room of it.
func (s Span) check(op, field string) error {
	if err := chat.CheckTenant(op, s.Tenant); err != nil {
		return err
	}
	if s.Room == "" {
		return nil
	}
	return chat.CheckKey(op, field+".room", s.Room)
}

// Kept is the invitation as it is kept: its times are those of [chat.Time].
func (i Invitation) Kept() Invitation {
	i.Created, i.Expires = chat.Time(i.Created), chat.Time(i.Expires)
	return i
}

// Ended says whether an invitation has ended by a time, used up or not: nil, or
// the error of [Invitations].
func (i Invitation) Ended(op string, now time.Time) error {
	switch {
	case !i.Revoked.IsZero():
		return &chat.Error{Kind: chat.ErrExpired, Op: op, Field: "revoked"}
	case !i.Expires.IsZero() && !now.Before(i.Expires):
		return &chat.Error{Kind: chat.ErrExpired, Op: op, Field: "expires"}
	}
	return nil
}

// UsedUp says whether nobody new may use an invitation: nil, or the error of
// [Invitations].
func (i Invitation) UsedUp(op string) error {
	if i.Used >= i.Uses {
		return &chat.Error{Kind: chat.ErrExpired, Op: op, Field: "uses"}
	}
	return nil
}
