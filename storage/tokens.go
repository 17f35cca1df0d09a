package storage

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"time"

	"github.com/parlor-chat/parlor/chat"
)

// Tokens holds the tokens by which programs log in as somebody. A token's secret is never
// stored, only its hash.
type Tokens interface {
	// PutToken stores a new token under the hash of its secret. Used and Revoked are
	// zero, else ErrInvalid. ErrNotFound with field "account" where the user has none,
	// ErrForbidden where it is deactivated; ErrConflict with field "id" where the user
	// has a token of this ID, with field "secret" where anybody has one of this secret;
	// ErrTooLarge with field "tokens" where he has [chat.MaxTokens], ended ones too.
	PutToken(ctx context.Context, t Token, secret SecretHash) error
	// Token finds the token of a secret, of any tenant. ErrNotFound: there is none.
	// ErrForbidden with field "account": its owner's account is deactivated. ErrExpired:
	// with field "revoked", or with field "expires" from the time Expires on.
	Token(ctx context.Context, secret SecretHash, now time.Time) (Token, error)
	// Tokens lists somebody's tokens by ID, those that have ended too.
	Tokens(ctx context.Context, u chat.UserID, after string, limit int) ([]Token, error)
	// TokenUsed notes that a token was used, to within [TokenGrain]: where at is less
	// than that after what is noted, or before it, nothing changes. ErrNotFound where
	// there is no such token. A caller that knows the token needn't ask before then.
	TokenUsed(ctx context.Context, u chat.UserID, id string, at time.Time) error
	// RevokeToken ends a token, for good. Where it was revoked already, nothing changes.
	// ErrNotFound where there is no such token; a zero time is ErrInvalid of field "at".
	RevokeToken(ctx context.Context, u chat.UserID, id string, at time.Time) error
	// DropTokens forgets somebody's tokens that were revoked or expired before a time.
	DropTokens(ctx context.Context, u chat.UserID, before time.Time) error
}

// TokenGrain is how exactly it is kept when a token was last used.
const TokenGrain = time.Hour

// Token is a token as its owner sees it.
type Token struct {
	User chat.UserID
	ID   string // a key ([chat.CheckKey]), chosen by who makes it; unique among the user's
	Name string // what it is for, in its owner's words
	// Scopes say what it may do, at most [chat.MaxScopes] keys, in the order given. What
	// they mean says package auth; here they are words.
	Scopes []string

	Created time.Time
	Expires time.Time // from then on it is nothing; zero: never
	Used    time.Time // last, to within [TokenGrain]
	Revoked time.Time // zero: it isn't
}

// Check says whether a new token may be stored.
func (t Token) Check(op string) error {
	if err := t.User.Check(op); err != nil {
		return err
	}
	if err := chat.CheckKey(op, "id", t.ID); err != nil {
		return err
	}
	if err := chat.CheckName(op, "name", t.Name); err != nil {
		return err
	}
	if len(t.Scopes) > chat.MaxScopes {
		return &chat.Error{Kind: chat.ErrTooLarge, Op: op, Field: "scopes", Limit: chat.MaxScopes}
	}
	for _, s := range t.Scopes {
		if err := chat.CheckKey(op, "scopes", s); err != nil {
			return err
		}
	}
	switch {
	case !t.Used.IsZero():
		return invalid(op, "used")
	case !t.Revoked.IsZero():
		return invalid(op, "revoked")
	}
	return checkTimes(op, moment{"created", t.Created}, moment{"expires", t.Expires})
}

// Kept is the token as it is kept: its times are those of [chat.Time].
func (t Token) Kept() Token {
	t.Created, t.Expires = chat.Time(t.Created), chat.Time(t.Expires)
	return t
}

// Ended says whether a token has ended by a time: nil, or the error of [Tokens].Token.
func (t Token) Ended(op string, now time.Time) error {
	switch {
	case !t.Revoked.IsZero():
		return &chat.Error{Kind: chat.ErrExpired, Op: op, Field: "revoked"}
	case !t.Expires.IsZero() && !now.Before(t.Expires):
		return &chat.Error{Kind: chat.ErrExpired, Op: op, Field: "expires"}
	}
	return nil
}

// EndedBefore says whether a token was revoked or expired before a time.
func (t Token) EndedBefore(at time.Time) bool {
	return !t.Revoked.IsZero() && t.Revoked.Before(at) || !t.Expires.IsZero() && t.Expires.Before(at)
}

// CheckMoment says whether at may be when something was done: it isn't the zero time.
func CheckMoment(op string, at time.Time) error {
	if at.IsZero() {
		return invalid(op, "at")
	}
	return checkTimes(op, moment{"at", at})
}

// SecretHash is what is kept of a secret that nobody can guess: its SHA-256. For
// passwords, which people think of, it would not do: see package scram.
type SecretHash [sha256.Size]byte

// NewSecret makes a secret of at least 128 random bits, 26 letters and digits, and its
// hash.
func NewSecret() (secret string, h SecretHash) {
	secret = rand.Text()
	return secret, sha256.Sum256([]byte(secret))
}

// HashSecret is the hash of a secret that somebody presents. ErrInvalid of field "secret":
// it is empty; ErrTooLarge: it has more than [chat.MaxSecret] bytes.
func HashSecret(secret string) (SecretHash, error) {
	const op = "hash secret"
	switch {
	case secret == "":
		return SecretHash{}, invalid(op, "secret")
	case len(secret) > chat.MaxSecret:
		return SecretHash{}, &chat.Error{Kind: chat.ErrTooLarge, Op: op, Field: "secret", Limit: chat.MaxSecret}
	}
	return sha256.Sum256([]byte(secret)), nil
}
