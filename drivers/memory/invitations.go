package memory

import (
	"context"
	"time"

	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/storage"
)

// invitationData is what a directory holds of invitations.
type invitationData struct {
	invitations map[invitationID]*invitation
	codes       map[storage.SecretHash]*invitation
}

type invitationID struct{ tenant, id string }

// invitation is an invitation, and who used it, when, by their keys.
type invitation struct {
	storage.Invitation
	by map[string]time.Time
}

func (d *invitationData) init() {
	d.invitations = map[invitationID]*invitation{}
	d.codes = map[storage.SecretHash]*invitation{}
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
	id := invitationID{i.To.Tenant, i.ID}
	d := &h.data.directory
	d.mu.Lock()
	defer d.mu.Unlock()
	if _, there := d.rooms[chat.RoomID{Tenant: i.To.Tenant, Key: i.To.Room}]; !there && i.To.Room != "" {
		return missing(op, "room")
	}
	if d.invitations[id] != nil {
		return conflict(op, "id")
	}
	if d.codes[code] != nil {
		return conflict(op, "code")
	}
	kept := &invitation{i.Kept(), map[string]time.Time{}}
	d.invitations[id], d.codes[code] = kept, kept
	return nil
}

// Invitation implements storage.Invitations.
func (h directory) Invitation(ctx context.Context, code storage.SecretHash, now time.Time) (storage.Invitation, error) {
	const op = "invitation"
	if err := h.ready(ctx, op); err != nil {
		return storage.Invitation{}, err
	}
	d := &h.data.directory
	d.mu.RLock()
	defer d.mu.RUnlock()
	i, err := d.invited(op, code, now)
	if err == nil {
		err = i.UsedUp(op)
	}
	if err != nil {
		return storage.Invitation{}, err
	}
	return i.Invitation, nil
}

// invited is the invitation of a code that hasn't ended, used up or not.
func (d *invitationData) invited(op string, code storage.SecretHash, now time.Time) (*invitation, error) {
	i := d.codes[code]
	if i == nil {
		return nil, missing(op, "code")
	}
	return i, i.Ended(op, now)
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
	d := &h.data.directory
	d.mu.Lock()
	defer d.mu.Unlock()
	i, err := d.invited(op, code, now)
	switch {
	case err == nil && i.To.Tenant != u.Tenant:
		return storage.Invitation{}, missing(op, "code")
	case err != nil:
		return storage.Invitation{}, err
	}
	if _, again := i.by[u.Key]; again {
		return i.Invitation, nil
	}
	if err := i.UsedUp(op); err != nil {
		return storage.Invitation{}, err
	}
	i.by[u.Key] = chat.Time(now)
	i.Used++
	return i.Invitation, nil
}

// Invitations implements storage.Invitations.
func (h directory) Invitations(ctx context.Context, to storage.Span, after string, limit int) ([]storage.Invitation, error) {
	if err := h.list(ctx, "invitations", limit); err != nil {
		return nil, err
	}
	d := &h.data.directory
	d.mu.RLock()
	defer d.mu.RUnlock()
	var all []storage.Invitation
	for _, i := range d.invitations {
		if i.To == to && i.ID > after {
			all = append(all, i.Invitation)
		}
	}
	return firstBy(all, limit, func(i storage.Invitation) string { return i.ID }), nil
}

// InvitationUses implements storage.Invitations.
func (h directory) InvitationUses(ctx context.Context, tenant, id, after string, limit int) ([]storage.InvitationUse, error) {
	if err := h.list(ctx, "invitation uses", limit); err != nil {
		return nil, err
	}
	d := &h.data.directory
	d.mu.RLock()
	defer d.mu.RUnlock()
	i := d.invitations[invitationID{tenant, id}]
	if i == nil {
		return nil, nil
	}
	var all []storage.InvitationUse
	for key, at := range i.by {
		if key > after {
			all = append(all, storage.InvitationUse{User: chat.UserID{Tenant: tenant, Key: key}, At: at})
		}
	}
	return firstBy(all, limit, func(u storage.InvitationUse) string { return u.User.Key }), nil
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
	d := &h.data.directory
	d.mu.Lock()
	defer d.mu.Unlock()
	i := d.invitations[invitationID{tenant, id}]
	switch {
	case i == nil:
		return missing(op, "id")
	case i.Revoked.IsZero():
		i.Revoked = chat.Time(at)
	}
	return nil
}
