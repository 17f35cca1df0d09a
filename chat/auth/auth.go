package auth

import (
	"context"
	"errors"
	"net/http"
	"slices"

	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/chat/scram"
)

// ByPassword knows people by a log-in and a password.
type ByPassword interface {
	// Password says who logs in at a tenant. Login is as it was typed. An empty password
	// fits nobody.
	Password(ctx context.Context, tenant, login, password string) (Identity, error)
}

// BySCRAM knows people by an exchange of SCRAM (RFC 5802), which the front does.
type BySCRAM interface {
	// SCRAM gives what the proof of a client is checked against, and who it is if the
	// proof fits. For a log-in that isn't there, or has no password, it is a verifier that
	// nothing fits and the zero Identity: the front goes on with the exchange, so that
	// nobody learns of it, and never lets in the zero Identity. Of an unknown mechanism it
	// is ErrInvalid with field "mechanism".
	SCRAM(ctx context.Context, tenant, login string, m scram.Mechanism) (scram.Verifier, Identity, error)
}

// ByToken knows programs by their tokens.
type ByToken interface {
	// Token says who logs in by a token, of whichever tenant.
	Token(ctx context.Context, token string) (Identity, error)
}

// ByRequest knows people and programs by their HTTP requests.
type ByRequest interface {
	// Request says who makes a request. It doesn't read the body.
	Request(r *http.Request) (Identity, error)
}

// PasswordFunc is a function as a [ByPassword]. It isn't asked about an empty password, by
// which some LDAP servers let anybody in as nobody (RFC 4513, section 5.1.2).
type PasswordFunc func(ctx context.Context, tenant, login, password string) (Identity, error)

// Password implements [ByPassword].
func (f PasswordFunc) Password(ctx context.Context, tenant, login, password string) (Identity, error) {
	if password == "" {
		return Identity{}, refused()
	}
	return f(ctx, tenant, login, password)
}

// SCRAMFunc is a function as a [BySCRAM].
type SCRAMFunc func(ctx context.Context, tenant, login string, m scram.Mechanism) (scram.Verifier, Identity, error)

// SCRAM implements [BySCRAM].
func (f SCRAMFunc) SCRAM(ctx context.Context, tenant, login string, m scram.Mechanism) (scram.Verifier, Identity, error) {
	return f(ctx, tenant, login, m)
}

// TokenFunc is a function as a [ByToken].
type TokenFunc func(ctx context.Context, token string) (Identity, error)

// Token implements [ByToken].
func (f TokenFunc) Token(ctx context.Context, token string) (Identity, error) { return f(ctx, token) }

// RequestFunc is a function as a [ByRequest].
type RequestFunc func(r *http.Request) (Identity, error)

// Request implements [ByRequest].
func (f RequestFunc) Request(r *http.Request) (Identity, error) { return f(r) }

// refused is the one error of whoever isn't let in.
func refused() error { return &chat.Error{Kind: chat.ErrUnauthenticated, Op: "log in"} }

// isAny says whether an error is of one of these kinds.
func isAny(err error, kinds ...error) bool {
	return slices.ContainsFunc(kinds, func(k error) bool { return errors.Is(err, k) })
}

// is says whether an error is of a kind and names a field.
func is(err, kind error, field string) bool {
	var e *chat.Error
	return errors.As(err, &e) && e.Kind == kind && e.Field == field
}
