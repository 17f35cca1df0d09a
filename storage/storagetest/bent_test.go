package storagetest_test

import (
	"context"
	"testing"
	"time"

	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/storage"
	"github.com/parlor-chat/parlor/storage/storagetest"
)

// bent is a right directory of which some methods around accounts, or of the ledger, are
// replaced.
type bent struct {
	right

	account          func(context.Context, chat.UserID) (storage.Account, error)
	accountAt        func(ctx context.Context, tenant, login string) (storage.Account, error)
	putAccount       func(context.Context, storage.Account) (storage.Account, error)
	listAccounts     func(ctx context.Context, tenant, after string, limit int) ([]storage.Account, error)
	deactivated      func(ctx context.Context, ids []chat.UserID) ([]chat.UserID, error)
	credentials      func(context.Context, chat.UserID) (storage.Credentials, error)
	putCredentials   func(context.Context, storage.Credentials) (storage.Credentials, error)
	putToken         func(context.Context, storage.Token, storage.SecretHash) error
	token            func(context.Context, storage.SecretHash, time.Time) (storage.Token, error)
	tokens           func(ctx context.Context, u chat.UserID, after string, limit int) ([]storage.Token, error)
	tokenUsed        func(ctx context.Context, u chat.UserID, id string, at time.Time) error
	revokeToken      func(ctx context.Context, u chat.UserID, id string, at time.Time) error
	dropTokens       func(ctx context.Context, u chat.UserID, before time.Time) error
	putInvitation    func(context.Context, storage.Invitation, storage.SecretHash) error
	invitation       func(context.Context, storage.SecretHash, time.Time) (storage.Invitation, error)
	useInvitation    func(context.Context, storage.SecretHash, chat.UserID, time.Time) (storage.Invitation, error)
	invitations      func(ctx context.Context, to storage.Span, after string, limit int) ([]storage.Invitation, error)
	invitationUses   func(ctx context.Context, tenant, id, after string, limit int) ([]storage.InvitationUse, error)
	revokeInvitation func(ctx context.Context, tenant, id string, at time.Time) error
	enter            func(context.Context, storage.LedgerEntry) (storage.LedgerEntry, error)
	since            func(ctx context.Context, after int64, limit int) ([]storage.LedgerEntry, error)
	holds            func(ctx context.Context, tenant string, after int64, limit int) ([]storage.LedgerEntry, error)
	owed             func(ctx context.Context, after int64, limit int) ([]storage.LedgerEntry, error)
}

// bend makes sites whose every handle is bent in the same way.
func bend(how func(d *bent)) func(testing.TB) *storagetest.DirectorySite {
	return directory(func(r right) right {
		d := &bent{right: r, account: r.Account, accountAt: r.AccountAt, putAccount: r.PutAccount, listAccounts: r.ListAccounts, deactivated: r.Deactivated,
			credentials: r.Credentials, putCredentials: r.PutCredentials, putToken: r.PutToken, token: r.Token, tokens: r.Tokens,
			tokenUsed: r.TokenUsed, revokeToken: r.RevokeToken, dropTokens: r.DropTokens, putInvitation: r.PutInvitation,
			invitation: r.Invitation, useInvitation: r.UseInvitation, invitations: r.Invitations, invitationUses: r.InvitationUses,
			revokeInvitation: r.RevokeInvitation, enter: r.Enter, since: r.Since, holds: r.Holds, owed: r.Owed}
		how(d)
		return d
	})
}

func (d *bent) Account(ctx context.Context, u chat.UserID) (storage.Account, error) {
	return d.account(ctx, u)
}

func (d *bent) AccountAt(ctx context.Context, tenant, login string) (storage.Account, error) {
	return d.accountAt(ctx, tenant, login)
}

func (d *bent) PutAccount(ctx context.Context, a storage.Account) (storage.Account, error) {
	return d.putAccount(ctx, a)
}

func (d *bent) Deactivated(ctx context.Context, ids []chat.UserID) ([]chat.UserID, error) {
	return d.deactivated(ctx, ids)
}

func (d *bent) ListAccounts(ctx context.Context, tenant, after string, limit int) ([]storage.Account, error) {
	return d.listAccounts(ctx, tenant, after, limit)
}

func (d *bent) Credentials(ctx context.Context, u chat.UserID) (storage.Credentials, error) {
	return d.credentials(ctx, u)
}

func (d *bent) PutCredentials(ctx context.Context, c storage.Credentials) (storage.Credentials, error) {
	return d.putCredentials(ctx, c)
}

func (d *bent) PutToken(ctx context.Context, t storage.Token, secret storage.SecretHash) error {
	return d.putToken(ctx, t, secret)
}

func (d *bent) Token(ctx context.Context, secret storage.SecretHash, now time.Time) (storage.Token, error) {
	return d.token(ctx, secret, now)
}

func (d *bent) Tokens(ctx context.Context, u chat.UserID, after string, limit int) ([]storage.Token, error) {
	return d.tokens(ctx, u, after, limit)
}

func (d *bent) TokenUsed(ctx context.Context, u chat.UserID, id string, at time.Time) error {
	return d.tokenUsed(ctx, u, id, at)
}

func (d *bent) RevokeToken(ctx context.Context, u chat.UserID, id string, at time.Time) error {
	return d.revokeToken(ctx, u, id, at)
}

func (d *bent) DropTokens(ctx context.Context, u chat.UserID, before time.Time) error {
	return d.dropTokens(ctx, u, before)
}

func (d *bent) PutInvitation(ctx context.Context, i storage.Invitation, code storage.SecretHash) error {
	return d.putInvitation(ctx, i, code)
}

func (d *bent) Invitation(ctx context.Context, code storage.SecretHash, now time.Time) (storage.Invitation, error) {
	return d.invitation(ctx, code, now)
}

func (d *bent) UseInvitation(ctx context.Context, code storage.SecretHash, u chat.UserID, now time.Time) (storage.Invitation, error) {
	return d.useInvitation(ctx, code, u, now)
}

func (d *bent) Invitations(ctx context.Context, to storage.Span, after string, limit int) ([]storage.Invitation, error) {
	return d.invitations(ctx, to, after, limit)
}

func (d *bent) InvitationUses(ctx context.Context, tenant, id, after string, limit int) ([]storage.InvitationUse, error) {
	return d.invitationUses(ctx, tenant, id, after, limit)
}

func (d *bent) RevokeInvitation(ctx context.Context, tenant, id string, at time.Time) error {
	return d.revokeInvitation(ctx, tenant, id, at)
}

func (d *bent) Enter(ctx context.Context, e storage.LedgerEntry) (storage.LedgerEntry, error) {
	return d.enter(ctx, e)
}

func (d *bent) Since(ctx context.Context, after int64, limit int) ([]storage.LedgerEntry, error) {
	return d.since(ctx, after, limit)
}

func (d *bent) Holds(ctx context.Context, tenant string, after int64, limit int) ([]storage.LedgerEntry, error) {
	return d.holds(ctx, tenant, after, limit)
}

func (d *bent) Owed(ctx context.Context, after int64, limit int) ([]storage.LedgerEntry, error) {
	return d.owed(ctx, after, limit)
}
