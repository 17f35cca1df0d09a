package hubtest

import (
	"context"
	"time"

	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/storage"
)

func (w directoryWire) Account(ctx context.Context, u chat.UserID) (storage.Account, error) {
	return ask(ctx, w.n, Directory, func() (storage.Account, error) { return w.to.Account(ctx, u) })
}

func (w directoryWire) AccountAt(ctx context.Context, tenant, login string) (storage.Account, error) {
	return ask(ctx, w.n, Directory, func() (storage.Account, error) { return w.to.AccountAt(ctx, tenant, login) })
}

func (w directoryWire) PutAccount(ctx context.Context, a storage.Account) (storage.Account, error) {
	return ask(ctx, w.n, Directory, func() (storage.Account, error) { return w.to.PutAccount(ctx, a) })
}

func (w directoryWire) ListAccounts(ctx context.Context, tenant, after string, limit int) ([]storage.Account, error) {
	return ask(ctx, w.n, Directory, func() ([]storage.Account, error) { return w.to.ListAccounts(ctx, tenant, after, limit) })
}

func (w directoryWire) Deactivated(ctx context.Context, ids []chat.UserID) ([]chat.UserID, error) {
	return ask(ctx, w.n, Directory, func() ([]chat.UserID, error) { return w.to.Deactivated(ctx, ids) })
}

func (w directoryWire) Credentials(ctx context.Context, u chat.UserID) (storage.Credentials, error) {
	return ask(ctx, w.n, Directory, func() (storage.Credentials, error) { return w.to.Credentials(ctx, u) })
}

func (w directoryWire) PutCredentials(ctx context.Context, c storage.Credentials) (storage.Credentials, error) {
	return ask(ctx, w.n, Directory, func() (storage.Credentials, error) { return w.to.PutCredentials(ctx, c) })
}

func (w directoryWire) PutToken(ctx context.Context, t storage.Token, secret storage.SecretHash) error {
	return w.n.call(ctx, Directory, func() error { return w.to.PutToken(ctx, t, secret) })
}

func (w directoryWire) Token(ctx context.Context, secret storage.SecretHash, now time.Time) (storage.Token, error) {
	return ask(ctx, w.n, Directory, func() (storage.Token, error) { return w.to.Token(ctx, secret, now) })
}

func (w directoryWire) Tokens(ctx context.Context, u chat.UserID, after string, limit int) ([]storage.Token, error) {
	return ask(ctx, w.n, Directory, func() ([]storage.Token, error) { return w.to.Tokens(ctx, u, after, limit) })
}

func (w directoryWire) TokenUsed(ctx context.Context, u chat.UserID, id string, at time.Time) error {
	return w.n.call(ctx, Directory, func() error { return w.to.TokenUsed(ctx, u, id, at) })
}

func (w directoryWire) RevokeToken(ctx context.Context, u chat.UserID, id string, at time.Time) error {
	return w.n.call(ctx, Directory, func() error { return w.to.RevokeToken(ctx, u, id, at) })
}

func (w directoryWire) DropTokens(ctx context.Context, u chat.UserID, before time.Time) error {
	return w.n.call(ctx, Directory, func() error { return w.to.DropTokens(ctx, u, before) })
}

func (w directoryWire) PutInvitation(ctx context.Context, i storage.Invitation, code storage.SecretHash) error {
	return w.n.call(ctx, Directory, func() error { return w.to.PutInvitation(ctx, i, code) })
}

func (w directoryWire) Invitation(ctx context.Context, code storage.SecretHash, now time.Time) (storage.Invitation, error) {
	return ask(ctx, w.n, Directory, func() (storage.Invitation, error) { return w.to.Invitation(ctx, code, now) })
}

func (w directoryWire) UseInvitation(ctx context.Context, code storage.SecretHash, u chat.UserID, now time.Time) (storage.Invitation, error) {
	return ask(ctx, w.n, Directory, func() (storage.Invitation, error) { return w.to.UseInvitation(ctx, code, u, now) })
}

func (w directoryWire) Invitations(ctx context.Context, to storage.Span, after string, limit int) ([]storage.Invitation, error) {
	return ask(ctx, w.n, Directory, func() ([]storage.Invitation, error) { return w.to.Invitations(ctx, to, after, limit) })
}

func (w directoryWire) InvitationUses(ctx context.Context, tenant, id, after string, limit int) ([]storage.InvitationUse, error) {
	return ask(ctx, w.n, Directory, func() ([]storage.InvitationUse, error) {
		return w.to.InvitationUses(ctx, tenant, id, after, limit)
	})
}

func (w directoryWire) RevokeInvitation(ctx context.Context, tenant, id string, at time.Time) error {
	return w.n.call(ctx, Directory, func() error { return w.to.RevokeInvitation(ctx, tenant, id, at) })
}

func (w directoryWire) Enter(ctx context.Context, e storage.LedgerEntry) (storage.LedgerEntry, error) {
	return ask(ctx, w.n, Directory, func() (storage.LedgerEntry, error) { return w.to.Enter(ctx, e) })
}

func (w directoryWire) Since(ctx context.Context, after int64, limit int) ([]storage.LedgerEntry, error) {
	return ask(ctx, w.n, Directory, func() ([]storage.LedgerEntry, error) { return w.to.Since(ctx, after, limit) })
}

func (w directoryWire) Holds(ctx context.Context, tenant string, after int64, limit int) ([]storage.LedgerEntry, error) {
	return ask(ctx, w.n, Directory, func() ([]storage.LedgerEntry, error) { return w.to.Holds(ctx, tenant, after, limit) })
}

func (w directoryWire) Owed(ctx context.Context, after int64, limit int) ([]storage.LedgerEntry, error) {
	return ask(ctx, w.n, Directory, func() ([]storage.LedgerEntry, error) { return w.to.Owed(ctx, after, limit) })
}
