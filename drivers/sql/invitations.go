package sql

import (
	"context"
	stdsql "database/sql"
	"time"

	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/storage"
)

const invitationColumns = "tenant, id, room, by_person, created, expires, uses, used, revoked"

func scanInvitation(at row) (i storage.Invitation, err error) {
	err = at.Scan(&i.To.Tenant, &i.ID, &i.To.Room, &i.By.Key, milli{&i.Created}, milli{&i.Expires}, &i.Uses, &i.Used, milli{&i.Revoked})
	if i.By.Key != "" {
		i.By.Tenant = i.To.Tenant
	}
	return i, err
}

// PutInvitation implements storage.Invitations.
func (h directory) PutInvitation(ctx context.Context, i storage.Invitation, code storage.SecretHash) error {
	const op = "put invitation"
	if err := h.ready(ctx, op); err != nil {
		return err
	}
	if err := i.Check(op); err != nil {
		return err
	}
	i = i.Kept()
	return h.write(ctx, op, func(tx *stdsql.Tx) error {
		_, there, err := findOne(ctx, h.Store, tx, scanText,
			"SELECT room FROM {rooms} WHERE tenant = ? AND room = ? {locked}", i.To.Tenant, i.To.Room)
		switch {
		case err != nil:
			return err
		case !there && i.To.Room != "":
			return &chat.Error{Kind: chat.ErrNotFound, Op: op, Field: "room"}
		}
		_, taken, err := findOne(ctx, h.Store, tx, scanText, "SELECT id FROM {invitations} WHERE tenant = ? AND id = ?", i.To.Tenant, i.ID)
		switch {
		case err != nil:
			return err
		case taken:
			return conflict(op, "id")
		}
		_, taken, err = findOne(ctx, h.Store, tx, scanText, "SELECT id FROM {invitations} WHERE code = ?", code[:])
		switch {
		case err != nil:
			return err
		case taken:
			return conflict(op, "code")
		}
		return h.put(ctx, tx, "invitations", []string{"tenant", "room", "id"},
			[]string{"by_person", "created", "expires", "uses", "used", "revoked", "code"},
			i.To.Tenant, i.To.Room, i.ID, i.By.Key, i.Created.UnixMilli(), i.Expires.UnixMilli(), i.Uses, 0, never, code[:])
	})
}

const codedInvitation = "SELECT " + invitationColumns + " FROM {invitations} WHERE code = ?"

// Invitation implements storage.Invitations.
func (h directory) Invitation(ctx context.Context, code storage.SecretHash, now time.Time) (storage.Invitation, error) {
	const op = "invitation"
	if err := h.ready(ctx, op); err != nil {
		return storage.Invitation{}, err
	}
	return readOne(ctx, h.Store, op, "code", func(at row) (storage.Invitation, error) {
		i, err := scanInvitation(at)
		if err == nil {
			err = i.Ended(op, now)
		}
		if err == nil {
			err = i.UsedUp(op)
		}
		return i, err
	}, codedInvitation, code[:])
}

// UseInvitation implements storage.Invitations.
func (h directory) UseInvitation(ctx context.Context, code storage.SecretHash, u chat.UserID, now time.Time) (storage.Invitation, error) {
	const op = "use invitation"
	if err := h.ready(ctx, op); err != nil {
		return storage.Invitation{}, err
	}
	if err := u.Check(op); err != nil {
		return storage.Invitation{}, err
	}
	if err := storage.CheckMoment(op, now); err != nil {
		return storage.Invitation{}, err
	}
	var used storage.Invitation
	err := h.write(ctx, op, func(tx *stdsql.Tx) error {
		i, there, err := findOne(ctx, h.Store, tx, scanInvitation, codedInvitation+" {locked}", code[:])
		switch {
		case err != nil:
			return err
		case !there:
			return &chat.Error{Kind: chat.ErrNotFound, Op: op, Field: "code"}
		}
		if err := i.Ended(op, now); err != nil {
			return err
		}
		if i.To.Tenant != u.Tenant {
			return &chat.Error{Kind: chat.ErrNotFound, Op: op, Field: "code"}
		}
		used = i
		_, again, err := findOne(ctx, h.Store, tx, scanText,
			"SELECT person FROM {invitation_uses} WHERE tenant = ? AND id = ? AND person = ?", u.Tenant, i.ID, u.Key)
		if err != nil || again {
			return err
		}
		if err := i.UsedUp(op); err != nil {
			return err
		}
		used.Used++
		if err := h.put(ctx, tx, "invitation_uses", []string{"tenant", "id", "person"}, []string{"used"},
			u.Tenant, i.ID, u.Key, chat.Time(now).UnixMilli()); err != nil {
			return err
		}
		return h.exec(ctx, tx, "UPDATE {invitations} SET used = ? WHERE tenant = ? AND id = ?", used.Used, u.Tenant, i.ID)
	})
	if err != nil {
		return storage.Invitation{}, err
	}
	return used, nil
}

// Invitations implements storage.Invitations.
func (h directory) Invitations(ctx context.Context, to storage.Span, after string, limit int) ([]storage.Invitation, error) {
	const op = "invitations"
	if err := h.list(ctx, op, limit); err != nil {
		return nil, err
	}
	return read(ctx, h.Store, op, scanInvitation,
		"SELECT "+invitationColumns+" FROM {invitations} WHERE tenant = ? AND room = ? AND id > ? ORDER BY id LIMIT ?", to.Tenant, to.Room, after, limit)
}

// InvitationUses implements storage.Invitations.
func (h directory) InvitationUses(ctx context.Context, tenant, id, after string, limit int) ([]storage.InvitationUse, error) {
	const op = "invitation uses"
	if err := h.list(ctx, op, limit); err != nil {
		return nil, err
	}
	return read(ctx, h.Store, op, func(at row) (u storage.InvitationUse, err error) {
		u.User.Tenant = tenant
		err = at.Scan(&u.User.Key, milli{&u.At})
		return u, err
	}, "SELECT person, used FROM {invitation_uses} WHERE tenant = ? AND id = ? AND person > ? ORDER BY person LIMIT ?", tenant, id, after, limit)
}

// RevokeInvitation implements storage.Invitations.
func (h directory) RevokeInvitation(ctx context.Context, tenant, id string, at time.Time) error {
	const op = "revoke invitation"
	if err := h.ready(ctx, op); err != nil {
		return err
	}
	if err := storage.CheckMoment(op, at); err != nil {
		return err
	}
	return h.write(ctx, op, func(tx *stdsql.Tx) error {
		i, there, err := findOne(ctx, h.Store, tx, scanInvitation,
			"SELECT "+invitationColumns+" FROM {invitations} WHERE tenant = ? AND id = ? {locked}", tenant, id)
		switch {
		case err != nil:
			return err
		case !there:
			return &chat.Error{Kind: chat.ErrNotFound, Op: op, Field: "id"}
		case !i.Revoked.IsZero():
			return nil
		}
		return h.exec(ctx, tx, "UPDATE {invitations} SET revoked = ? WHERE tenant = ? AND id = ?", chat.Time(at).UnixMilli(), tenant, id)
	})
}
