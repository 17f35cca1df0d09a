package auth_test

import (
	"crypto/hmac"
	"crypto/pbkdf2"
	"crypto/sha1"
	"crypto/sha256"
	"hash"
	"testing"

	"github.com/parlor-chat/parlor/chat/scram"
)

// fits does an exchange (RFC 5802, section 3): it says whether the proof that a client makes
// of a password fits a server's verifier. Where it does, the server's signature must be what
// the client expects.
func fits(t *testing.T, v scram.Verifier, password string) bool {
	t.Helper()
	h := map[scram.Mechanism]func() hash.Hash{scram.SHA1: sha1.New, scram.SHA256: sha256.New}[v.Mechanism]
	sum := func(key []byte, text string) []byte {
		mac := hmac.New(h, key)
		mac.Write([]byte(text))
		return mac.Sum(nil)
	}
	digest := func(b []byte) []byte {
		d := h()
		d.Write(b)
		return d.Sum(nil)
	}
	const said = "n=ann,r=x,r=xy,s=salt,i=4096,c=biws,r=xy"
	xor := func(a, b []byte) []byte {
		c := make([]byte, len(a))
		for i := range a {
			c[i] = a[i] ^ b[i]
		}
		return c
	}
	// the client
	salted, err := pbkdf2.Key(h, password, v.Salt, v.Iterations, h().Size())
	if err != nil {
		t.Fatal(err)
	}
	key := sum(salted, "Client Key")
	proof := xor(key, sum(digest(key), said))
	// the server
	ok := hmac.Equal(digest(xor(proof, sum(v.StoredKey, said))), v.StoredKey)
	if ok && !hmac.Equal(sum(v.ServerKey, said), sum(sum(salted, "Server Key"), said)) {
		t.Errorf("%s: the client doesn't believe the server", v.Mechanism)
	}
	return ok
}
