// Package scram makes and checks verifiers: what a server keeps of a password for SCRAM
// (RFC 5802 with SHA-1, RFC 7677 with SHA-256). A verifier has a salt, a number of
// iterations and two keys. Whoever reads it can try guesses, each of which costs him the
// iterations; he can't log in with it.
//
//	v, err := scram.New(scram.SHA256, password, 0)
//	…
//	if err := v.Verify(typed); err != nil { // chat.ErrUnauthenticated
//
// Passwords are prepared by the PRECIS profile OpaqueString (RFC 8265, section 4.2),
// which took the place of SASLprep: composed and decomposed letters are one, and so are
// all kinds of spaces. Of what a client sends in an exchange only a client that prepares
// in the same way makes the same keys; for ASCII all do.
//
// The derivation is crypto/pbkdf2 and crypto/hmac, comparisons take the same time
// wherever keys differ. A verifier that is printed or logged shows no salt and no key.
package scram

import (
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/subtle"
	"fmt"
	"hash"
	"io"
	"strconv"
	"unicode/utf8"

	"golang.org/x/text/secure/precis"

	"github.com/parlor-chat/parlor/chat"
)

// Mechanism is a mechanism of SASL by its registered name, without -PLUS: verifiers
// don't depend on channel binding.
type Mechanism string

// The mechanisms. SHA1 is for clients that know no other.
const (
	SHA1   Mechanism = "SCRAM-SHA-1"
	SHA256 Mechanism = "SCRAM-SHA-256"
)

// DefaultIterations is what [New] takes where none are asked for: some ten milliseconds
// of a server's core, and of a telephone's less than a second.
const DefaultIterations = 100_000

// newSalt is the length of salts that [New] makes, in bytes.
const newSalt = 16

// hash is the hash function of a mechanism; nil: nobody knows it.
func (m Mechanism) hash() func() hash.Hash {
	switch m {
	case SHA1:
		return sha1.New
	case SHA256:
		return sha256.New
	}
	return nil
}

// Verifier is what is kept of a password, and all that is.
type Verifier struct {
	Mechanism  Mechanism
	Salt       []byte `json:"-"` // from [chat.MinSalt] to [chat.MaxSalt] bytes
	Iterations int    // from [chat.MinIterations] to [chat.MaxIterations]
	StoredKey  []byte `json:"-"` // as many bytes as the hash has
	ServerKey  []byte `json:"-"` // as many bytes as the hash has
}

// New makes a verifier of a password, with a new salt. Iterations 0 means
// [DefaultIterations]. Errors: of field "mechanism", "iterations" (ErrInvalid below
// [chat.MinIterations], ErrTooLarge above [chat.MaxIterations]) and those of [Prepare].
func New(m Mechanism, password string, iterations int) (Verifier, error) {
	const op = "make verifier"
	if iterations == 0 {
		iterations = DefaultIterations
	}
	if err := checkKind(op, m, iterations); err != nil {
		return Verifier{}, err
	}
	prepared, err := Prepare(password)
	if err != nil {
		return Verifier{}, err
	}
	salt := make([]byte, newSalt)
	rand.Read(salt) // never fails: crypto/rand ends the program instead
	return derive(m, prepared, salt, iterations)
}

// Fake is a verifier that nothing fits, for somebody who has none: so a server answers for
// those it doesn't know as for the others. Of one key, the verifier of a mechanism, a name
// and iterations is always the same; whoever doesn't know the key can't tell it from one of
// [New]. The key has 16 bytes or more. Errors are of field "mechanism" and "iterations", as New's.
func Fake(m Mechanism, key []byte, name string, iterations int) (Verifier, error) {
	const op = "fake verifier"
	if iterations == 0 {
		iterations = DefaultIterations
	}
	if err := checkKind(op, m, iterations); err != nil {
		return Verifier{}, err
	}
	size := m.hash()().Size()
	// With other iterations it is another, as a verifier of New would be.
	what := string(m) + " " + strconv.Itoa(iterations) + " " + name
	b, err := hkdf.Key(sha256.New, key, nil, what, newSalt+2*size)
	if err != nil { // where FIPS 140 alone is allowed, it refuses short keys
		return Verifier{}, &chat.Error{Kind: chat.ErrInvalid, Op: op, Field: "key", Err: err}
	}
	return Verifier{Mechanism: m, Iterations: iterations, Salt: b[:newSalt],
		StoredKey: b[newSalt : newSalt+size], ServerKey: b[newSalt+size:]}, nil
}

// Verify says whether a password is the one that the verifier was made of: nil, or
// ErrUnauthenticated, whatever is wrong with it. It takes the verifier's iterations.
// ErrInvalid and ErrTooLarge are of the verifier: see [Verifier.Check].
func (v Verifier) Verify(password string) error {
	const op = "verify"
	if err := v.Check(op); err != nil {
		return err
	}
	prepared, err := Prepare(password)
	if err != nil { // nobody has such a password
		return &chat.Error{Kind: chat.ErrUnauthenticated, Op: op}
	}
	got, err := derive(v.Mechanism, prepared, v.Salt, v.Iterations)
	if err != nil {
		return err
	}
	if subtle.ConstantTimeCompare(got.StoredKey, v.StoredKey)&subtle.ConstantTimeCompare(got.ServerKey, v.ServerKey) != 1 {
		return &chat.Error{Kind: chat.ErrUnauthenticated, Op: op}
	}
	return nil
}

// Prepare is a password as keys are derived of it. ErrInvalid of field "password": it is
// empty, or has characters that no password may have; ErrTooLarge: it has more than
// [chat.MaxSecret] bytes. The errors don't tell what it is.
func Prepare(password string) (string, error) {
	const op = "prepare"
	if len(password) > chat.MaxSecret {
		return "", &chat.Error{Kind: chat.ErrTooLarge, Op: op, Field: "password", Limit: chat.MaxSecret}
	}
	prepared, err := precis.OpaqueString.String(password)
	if err != nil || prepared == "" || !utf8.ValidString(password) { // precis overlooks what is no UTF-8
		return "", &chat.Error{Kind: chat.ErrInvalid, Op: op, Field: "password"}
	}
	return prepared, nil
}

// derive is RFC 5802, section 3.
func derive(m Mechanism, prepared string, salt []byte, iterations int) (Verifier, error) {
	h := m.hash()
	salted, err := pbkdf2.Key(h, prepared, salt, iterations, h().Size())
	if err != nil { // where FIPS 140 alone is allowed, it refuses what that doesn't know
		return Verifier{}, &chat.Error{Kind: chat.ErrInvalid, Op: "derive", Field: "mechanism", Err: err}
	}
	stored := h()
	stored.Write(sum(h, salted, "Client Key"))
	return Verifier{Mechanism: m, Salt: salt, Iterations: iterations,
		StoredKey: stored.Sum(nil), ServerKey: sum(h, salted, "Server Key")}, nil
}

func sum(h func() hash.Hash, key []byte, text string) []byte {
	mac := hmac.New(h, key)
	io.WriteString(mac, text) // a hash never fails
	return mac.Sum(nil)
}

// Check says whether v may be a verifier: the error names "mechanism", "iterations",
// "salt" or "keys".
func (v Verifier) Check(op string) error {
	if err := checkKind(op, v.Mechanism, v.Iterations); err != nil {
		return err
	}
	size := v.Mechanism.hash()().Size()
	switch {
	case len(v.Salt) > chat.MaxSalt:
		return &chat.Error{Kind: chat.ErrTooLarge, Op: op, Field: "salt", Limit: chat.MaxSalt}
	case len(v.Salt) < chat.MinSalt:
		return &chat.Error{Kind: chat.ErrInvalid, Op: op, Field: "salt", Limit: chat.MinSalt}
	case len(v.StoredKey) != size || len(v.ServerKey) != size:
		return &chat.Error{Kind: chat.ErrInvalid, Op: op, Field: "keys", Limit: int64(size)}
	}
	return nil
}

func checkKind(op string, m Mechanism, iterations int) error {
	switch {
	case m.hash() == nil:
		return &chat.Error{Kind: chat.ErrInvalid, Op: op, Field: "mechanism"}
	case iterations > chat.MaxIterations:
		return &chat.Error{Kind: chat.ErrTooLarge, Op: op, Field: "iterations", Limit: chat.MaxIterations}
	case iterations < chat.MinIterations:
		return &chat.Error{Kind: chat.ErrInvalid, Op: op, Field: "iterations", Limit: chat.MinIterations}
	}
	return nil
}

// Format implements [fmt.Formatter]: however a verifier is printed, its salt and keys
// aren't.
func (v Verifier) Format(f fmt.State, _ rune) {
	fmt.Fprintf(f, "%s verifier of %d iterations", string(v.Mechanism), v.Iterations)
}
