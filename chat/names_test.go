package chat

import (
	"errors"
	"strings"
	"testing"
	"unicode"

	"pgregory.net/rapid"
)

func TestAddressesThatOnlyDifferByCaseOrLookAreOne(t *testing.T) {
	for _, c := range []struct{ a, b string }{
		{"kitchen", "Kitchen"}, {"kitchen", "KITCHEN"},
		{"paypal", "pаypаl"},   // Cyrillic а
		{"paypal", "paypa1"},   // the digit one
		{"room0", "roomo"},     // zero
		{"ｋｉｔｃｈｅｎ", "kitchen"}, // full width
		{"straße", "STRAßE"},
		{"ω", "ω"}, // the ohm sign
	} {
		for name, fold := range map[string]func(string) (string, error){"address": AddressKey, "nickname": NicknameKey} {
			a, errA := fold(c.a)
			b, errB := fold(c.b)
			if errA != nil || errB != nil || a != b {
				t.Errorf("%s: %q is %q (%v), %q is %q (%v)", name, c.a, a, errA, c.b, b, errB)
			}
		}
	}
	for _, c := range []struct{ a, b string }{{"kitchen", "chicken"}, {"room1", "room2"}, {"ann", "anna"}, {"東京", "京都"}} {
		a, errA := AddressKey(c.a)
		b, errB := AddressKey(c.b)
		if errA != nil || errB != nil || a == b {
			t.Errorf("%q and %q are one: %q (%v, %v)", c.a, c.b, a, errA, errB)
		}
	}
}

func TestAddressesRefuse(t *testing.T) {
	for _, c := range []struct {
		s    string
		kind error
	}{
		{"", ErrInvalid}, {"a b", ErrInvalid}, {"a\x00", ErrInvalid}, {"a\xff", ErrInvalid}, {"a\u202eb", ErrInvalid},
		{strings.Repeat("x", MaxAddress), nil}, {strings.Repeat("x", MaxAddress+1), ErrTooLarge},
		{"a" + strings.Repeat("\u0301", 10_000), ErrTooLarge},
	} {
		if _, err := AddressKey(c.s); !errors.Is(err, c.kind) {
			t.Errorf("%.20q: %v, want %v", c.s, err, c.kind)
		}
	}
	if _, err := LoginKey("a b"); !errors.Is(err, ErrInvalid) || err.(*Error).Field != "login" {
		t.Errorf("a log-in with a space: %v", err)
	}
	if a, err := LoginKey("Ann@Acme.Example"); err != nil || a == "" || a != must(LoginKey("аnn@acme.example")) {
		t.Errorf("a log-in under two looks: %q, %v", a, err)
	}
	for s, want := range map[string]error{"": nil, "one\ntwo\tthree": nil, strings.Repeat("x", MaxReason): nil,
		strings.Repeat("x", MaxReason+1): ErrTooLarge, "a\x07": ErrInvalid, "a\xff": ErrInvalid} {
		err := CheckReason("check", "why", s)
		if !errors.Is(err, want) || err != nil && err.(*Error).Field != "why" {
			t.Errorf("the reason %.20q: %v, want %v", s, err, want)
		}
	}
	if _, err := NicknameKey("Ann  Lee"); err != nil {
		t.Errorf("a nickname with spaces: %v", err)
	}
	if _, err := NicknameKey("a\nb"); !errors.Is(err, ErrInvalid) {
		t.Errorf("a nickname of two lines: %v", err)
	}
}

func must(s string, err error) string {
	if err != nil {
		panic(err)
	}
	return s
}

// A key is compared with keys of keys: folding once more must change nothing.
func TestFoldingIsIdempotent(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.StringOfN(rapid.RuneFrom(nil, unicode.L, unicode.Nd, unicode.M), 1, 20, MaxAddress).Draw(t, "s")
		key, err := NicknameKey(s)
		if err != nil {
			t.Skip("not a nickname")
		}
		if again := skeleton(key); again != key {
			t.Fatalf("%q: %q, then %q", s, key, again)
		}
	})
	for r := range lookalikeTable() {
		key := skeleton(string(unicode.ToLower(r)))
		if again := skeleton(key); again != key {
			t.Errorf("%U: %q, then %q", r, key, again)
		}
	}
}

func TestKeys(t *testing.T) {
	for _, c := range []struct {
		key  string
		kind error
	}{
		{"a", nil}, {"~p.x", nil}, {"A/b@c#d", nil}, {strings.Repeat("k", MaxKey), nil},
		{"", ErrInvalid}, {"a b", ErrInvalid}, {"a\x00", ErrInvalid}, {"é", ErrInvalid}, {"a\n", ErrInvalid}, {"\x7f", ErrInvalid},
		{strings.Repeat("k", MaxKey+1), ErrTooLarge},
	} {
		if err := (RoomID{"acme", c.key}).Check("test"); !errors.Is(err, c.kind) {
			t.Errorf("room %.20q: %v", c.key, err)
		}
		if err := (UserID{"acme", c.key}).Check("test"); !errors.Is(err, c.kind) {
			t.Errorf("user %.20q: %v", c.key, err)
		}
	}
	for _, c := range []struct {
		tenant string
		kind   error
	}{
		{"acme", nil}, {"a.b-c_9", nil}, {strings.Repeat("t", MaxTenant), nil},
		{"", ErrInvalid}, {"Acme", ErrInvalid}, {"a/b", ErrInvalid}, {strings.Repeat("t", MaxTenant+1), ErrTooLarge},
	} {
		if err := (RoomID{c.tenant, "k"}).Check("test"); !errors.Is(err, c.kind) {
			t.Errorf("tenant %.20q: %v", c.tenant, err)
		}
	}
}

func TestNames(t *testing.T) {
	for _, c := range []struct {
		s    string
		kind error
	}{
		{"", nil}, {"Ann Lee", nil}, {"Endo Ryunosuke / minerva", nil}, {"山田", nil}, {strings.Repeat("x", MaxName), nil},
		{"a\tb", ErrInvalid}, {"a\u0085b", ErrInvalid}, {"\xff", ErrInvalid}, {strings.Repeat("x", MaxName+1), ErrTooLarge},
		{strings.Repeat("\u0301", 10_000), ErrTooLarge},
	} {
		if err := CheckName("test", "name", c.s); !errors.Is(err, c.kind) {
			t.Errorf("%.20q: %v", c.s, err)
		}
	}
}
