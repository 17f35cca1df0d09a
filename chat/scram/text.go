package scram

import (
	"encoding/base64"
	"strconv"
	"strings"

	"github.com/parlor-chat/parlor/chat"
)

// base64s is the encoding of RFC 5803.
var base64s = base64.StdEncoding

// Encode is the verifier as one line of ASCII (RFC 5803, section 2; PostgreSQL has the
// same): mechanism$iterations:salt$StoredKey:ServerKey. It has at most 210 bytes.
// [Parse] reads it back. It is a secret, as the verifier is.
func (v Verifier) Encode() string {
	return string(v.Mechanism) + "$" + strconv.Itoa(v.Iterations) + ":" + base64s.EncodeToString(v.Salt) + "$" +
		base64s.EncodeToString(v.StoredKey) + ":" + base64s.EncodeToString(v.ServerKey)
}

// Parse reads what [Verifier.Encode] wrote. Anything else is ErrInvalid of field
// "verifier", and what isn't within bounds the error of [Verifier.Check]. The error
// doesn't tell what was read.
func Parse(s string) (Verifier, error) {
	const op = "parse verifier"
	wrong := &chat.Error{Kind: chat.ErrInvalid, Op: op, Field: "verifier"}
	if len(s) > chat.MaxPassword {
		return Verifier{}, &chat.Error{Kind: chat.ErrTooLarge, Op: op, Field: "verifier", Limit: chat.MaxPassword}
	}
	parts := strings.FieldsFunc(s, func(r rune) bool { return r == '$' || r == ':' })
	if len(parts) != 5 {
		return Verifier{}, wrong
	}
	v := Verifier{Mechanism: Mechanism(parts[0])}
	var errs [4]error
	v.Iterations, errs[0] = strconv.Atoi(parts[1])
	v.Salt, errs[1] = base64s.DecodeString(parts[2])
	v.StoredKey, errs[2] = base64s.DecodeString(parts[3])
	v.ServerKey, errs[3] = base64s.DecodeString(parts[4])
	for _, err := range errs {
		if err != nil {
			return Verifier{}, wrong
		}
	}
	if v.Encode() != s { // another spelling of the same
		return Verifier{}, wrong
	}
	if err := v.Check(op); err != nil {
		return Verifier{}, err
	}
	return v, nil
}
