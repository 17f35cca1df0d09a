package chat

import (
	"strings"
	"unicode"

	"golang.org/x/text/secure/precis"
	"golang.org/x/text/unicode/norm"
)

// CheckTenant says whether s may name a tenant.
func CheckTenant(op, s string) error {
	return checkBytes(op, "tenant", s, MaxTenant, func(b byte) bool {
		return 'a' <= b && b <= 'z' || '0' <= b && b <= '9' || b == '.' || b == '-' || b == '_'
	})
}

// CheckKey says whether s may be a key: of a room, a user, a value. Keys are visible
// ASCII, which no engine folds, normalises or sorts in a way of its own.
func CheckKey(op, field, s string) error {
	return checkBytes(op, field, s, MaxKey, func(b byte) bool { return '!' <= b && b <= '~' })
}

func checkBytes(op, field, s string, most int, allowed func(byte) bool) error {
	if s == "" {
		return &Error{Kind: ErrInvalid, Op: op, Field: field}
	}
	if len(s) > most {
		return &Error{Kind: ErrTooLarge, Op: op, Field: field, Limit: int64(most)}
	}
	for i := range len(s) {
		if !allowed(s[i]) {
			return &Error{Kind: ErrInvalid, Op: op, Field: field}
		}
	}
	return nil
}

// Check says whether both parts are valid.
func (r RoomID) Check(op string) error {
	if err := CheckTenant(op, r.Tenant); err != nil {
		return err
	}
	return CheckKey(op, "room", r.Key)
}

// Check says whether both parts are valid.
func (u UserID) Check(op string) error {
	if err := CheckTenant(op, u.Tenant); err != nil {
		return err
	}
	return CheckKey(op, "user", u.Key)
}

// CheckName says whether s may be a title or a display name; it may be empty.
func CheckName(op, field, s string) error { return checkWords(op, field, s, MaxName) }

// CheckReason says whether s may say why something was done: text of at most [MaxReason]
// bytes, which may have several lines; it may be empty.
func CheckReason(op, field, s string) error {
	c := checker{op: op}
	c.prose(field, s, MaxReason)
	return c.err
}

// checkWords refuses control characters, which would let a name pretend to be more
// than one line, and what isn't UTF-8.
func checkWords(op, field, s string, most int) error {
	if len(s) > most {
		return &Error{Kind: ErrTooLarge, Op: op, Field: field, Limit: int64(most)}
	}
	if !xmlText(s) || strings.ContainsFunc(s, unicode.IsControl) {
		return &Error{Kind: ErrInvalid, Op: op, Field: field}
	}
	return nil
}

// AddressKey is what the address of a room or a log-in is unique by: folded by the
// PRECIS profile UsernameCaseMapped (RFC 8265, section 3.3), then with look-alikes
// made equal. Two addresses with one key are the same to a reader's eye.
// [ErrInvalid] and [ErrTooLarge] name the field "address".
func AddressKey(s string) (string, error) {
	return lookKey("address", s, MaxAddress, precis.UsernameCaseMapped)
}

// LoginKey is [AddressKey] of a log-in. Its errors name the field "login".
func LoginKey(s string) (string, error) {
	return lookKey("login", s, MaxAddress, precis.UsernameCaseMapped)
}

// NicknameKey is what a nickname is unique by in its room: folded by the PRECIS profile
// Nickname (RFC 8266, section 2), then with look-alikes made equal.
func NicknameKey(s string) (string, error) {
	return lookKey("nickname", s, MaxNickname, precis.Nickname)
}

func lookKey(field, s string, most int, profile *precis.Profile) (string, error) {
	if err := checkWords("check", field, s, most); err != nil {
		return "", err
	}
	folded, err := profile.CompareKey(s)
	if err != nil || folded == "" {
		return "", &Error{Kind: ErrInvalid, Op: "check", Field: field, Err: err}
	}
	return skeleton(folded), nil
}

// skeleton makes look-alikes equal (UTS #39, section 4). What comes in is folded
// to lower case, and look-alikes of capitals may come out (the digit 1 and the
// letter l are one, and a Cyrillic letter may look like a Latin capital), so it is
// lowered again until nothing changes: then the skeleton of a skeleton is itself.
func skeleton(s string) string {
	for range 4 { // two rounds settle all of Unicode
		var b strings.Builder
		for _, r := range norm.NFD.String(s) {
			if like, ok := lookalike(r); ok {
				b.WriteString(like)
			} else {
				b.WriteRune(r)
			}
		}
		next := norm.NFD.String(strings.ToLower(b.String()))
		if next == s {
			break
		}
		s = next
	}
	return s
}
