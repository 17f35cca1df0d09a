package scram

import (
	"bytes"
	"crypto/hmac"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"reflect"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/parlor-chat/parlor/chat"
)

// unbase reads base64 of a test's own.
func unbase(t *testing.T, s string) []byte {
	t.Helper()
	b, err := base64.StdEncoding.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// The exchanges of RFC 5802, section 5, and RFC 7677, section 3: the client's proof fits
// the stored key, and the server's signature is that of the server key.
func TestExchangesOfTheRFCs(t *testing.T) {
	for _, x := range []struct {
		m                                       Mechanism
		salt, auth, proof, signature, elsewhere string
	}{
		{SHA1, "QSXCR+Q6sek8bf92",
			"n=user,r=fyko+d2lbbFgONRv9qkxdawL,r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,s=QSXCR+Q6sek8bf92,i=4096," +
				"c=biws,r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j",
			"v0X8v3Bz2T0CJGbJQyF0X+HI4Ts=", "rmF9pqV8S7suAoZWja4dJRkFsKQ=", ""},
		{SHA256, "W22ZaJ0SNY7soEsUEjb6gQ==",
			"n=user,r=rOprNGfwEbeRWgbNEkqO,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096," +
				"c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0",
			"dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=", "6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=",
			// what PostgreSQL keeps of the same
			"SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU="},
	} {
		v, err := derive(x.m, "pencil", unbase(t, x.salt), 4096)
		if err != nil {
			t.Fatal(err)
		}
		h := x.m.hash()
		key := unbase(t, x.proof)
		for i, b := range sum(h, v.StoredKey, x.auth) {
			key[i] ^= b
		}
		stored := h()
		stored.Write(key)
		if !hmac.Equal(stored.Sum(nil), v.StoredKey) {
			t.Errorf("%s: the proof doesn't fit", x.m)
		}
		if got := base64.StdEncoding.EncodeToString(sum(h, v.ServerKey, x.auth)); got != x.signature {
			t.Errorf("%s: the signature is %s, want %s", x.m, got, x.signature)
		}
		if x.elsewhere != "" && v.Encode() != x.elsewhere {
			t.Errorf("%s is %s elsewhere", v.Encode(), x.elsewhere)
		}
	}
}

func TestVerify(t *testing.T) {
	for _, m := range []Mechanism{SHA1, SHA256} {
		v, err := New(m, "  pass wörd  ", chat.MinIterations)
		if err != nil {
			t.Fatal(err)
		}
		for _, same := range []string{"  pass wörd  ", "  pass wo\u0308rd  ", "\u00a0 pass\u2003wörd \u3000"} {
			if err := v.Verify(same); err != nil {
				t.Errorf("%s: %q: %v", m, same, err)
			}
		}
		for _, other := range []string{"", "pass wörd", "  pass wörd ", "  Pass wörd  ", "  pass word  ", "  pass\twörd  ", "\xff", strings.Repeat("x", chat.MaxSecret+1)} {
			if err := v.Verify(other); !errors.Is(err, chat.ErrUnauthenticated) {
				t.Errorf("%s: %.20q: %v", m, other, err)
			}
		}
		for name, spoil := range map[string]func(*Verifier){
			"a bit of the stored key": func(v *Verifier) { v.StoredKey = flip(v.StoredKey) },
			"a bit of the server key": func(v *Verifier) { v.ServerKey = flip(v.ServerKey) },
			"a bit of the salt":       func(v *Verifier) { v.Salt = flip(v.Salt) },
			"one iteration":           func(v *Verifier) { v.Iterations++ },
		} {
			wrong := v
			spoil(&wrong)
			if err := wrong.Verify("  pass wörd  "); !errors.Is(err, chat.ErrUnauthenticated) {
				t.Errorf("%s, %s wrong: %v", m, name, err)
			}
		}
		if again, err := New(m, "  pass wörd  ", chat.MinIterations); err != nil || bytes.Equal(again.Salt, v.Salt) || bytes.Equal(again.StoredKey, v.StoredKey) {
			t.Errorf("%s: one password has one verifier (%v)", m, err)
		}
	}
	if v, err := New(SHA256, "x", 0); err != nil || v.Iterations != DefaultIterations {
		t.Errorf("%v, %v", v, err)
	}
}

func flip(b []byte) []byte {
	b = bytes.Clone(b)
	b[len(b)-1] ^= 1
	return b
}

// is checks kind, field and limit of an error.
func is(t *testing.T, what string, err, kind error, field string, limit int64) {
	t.Helper()
	var e *chat.Error
	if !errors.As(err, &e) || e.Kind != kind || e.Field != field || e.Limit != limit {
		t.Errorf("%s: error %v, want %v of field %q with limit %d", what, err, kind, field, limit)
	}
}

func TestBounds(t *testing.T) {
	make := func(m Mechanism, password string, iterations int) error {
		_, err := New(m, password, iterations)
		return err
	}
	is(t, "too few", make(SHA1, "x", chat.MinIterations-1), chat.ErrInvalid, "iterations", chat.MinIterations)
	is(t, "too many", make(SHA1, "x", chat.MaxIterations+1), chat.ErrTooLarge, "iterations", chat.MaxIterations)
	is(t, "an unknown mechanism", make("SCRAM-MD5", "x", 0), chat.ErrInvalid, "mechanism", 0)
	is(t, "no password", make(SHA1, "", 0), chat.ErrInvalid, "password", 0)
	is(t, "a control", make(SHA1, "a\x07b", 0), chat.ErrInvalid, "password", 0)
	is(t, "no UTF-8", make(SHA1, "a\xff", 0), chat.ErrInvalid, "password", 0)
	is(t, "a long password", make(SHA1, strings.Repeat("x", chat.MaxSecret+1), 0), chat.ErrTooLarge, "password", chat.MaxSecret)
	if err := make(SHA1, strings.Repeat("x", chat.MaxSecret), chat.MinIterations); err != nil {
		t.Errorf("the longest password: %v", err)
	}
	right := Verifier{SHA256, bytes.Repeat([]byte("s"), 16), 4096, bytes.Repeat([]byte("k"), 32), bytes.Repeat([]byte("k"), 32)}
	for _, c := range []struct {
		what  string
		spoil func(*Verifier)
		kind  error
		field string
		limit int64
	}{
		{"most iterations", func(v *Verifier) { v.Iterations = chat.MaxIterations }, nil, "", 0},
		{"more", func(v *Verifier) { v.Iterations = chat.MaxIterations + 1 }, chat.ErrTooLarge, "iterations", chat.MaxIterations},
		{"no iterations", func(v *Verifier) { v.Iterations = 0 }, chat.ErrInvalid, "iterations", chat.MinIterations},
		{"no mechanism", func(v *Verifier) { v.Mechanism = "" }, chat.ErrInvalid, "mechanism", 0},
		{"shortest salt", func(v *Verifier) { v.Salt = v.Salt[:chat.MinSalt] }, nil, "", 0},
		{"a shorter one", func(v *Verifier) { v.Salt = v.Salt[:chat.MinSalt-1] }, chat.ErrInvalid, "salt", chat.MinSalt},
		{"longest salt", func(v *Verifier) { v.Salt = salt(chat.MaxSalt) }, nil, "", 0},
		{"a longer one", func(v *Verifier) { v.Salt = salt(chat.MaxSalt + 1) }, chat.ErrTooLarge, "salt", chat.MaxSalt},
		{"a short key", func(v *Verifier) { v.StoredKey = v.StoredKey[1:] }, chat.ErrInvalid, "keys", 32},
		{"no server key", func(v *Verifier) { v.ServerKey = nil }, chat.ErrInvalid, "keys", 32},
		{"keys of another hash", func(v *Verifier) { v.Mechanism = SHA1 }, chat.ErrInvalid, "keys", 20},
	} {
		v := right
		c.spoil(&v)
		err := v.Check("check")
		if c.kind == nil {
			if err != nil {
				t.Errorf("%s: %v", c.what, err)
			}
			continue
		}
		is(t, c.what, err, c.kind, c.field, c.limit)
		if err := v.Verify("x"); !errors.Is(err, c.kind) {
			t.Errorf("%s: verified against: %v", c.what, err)
		}
		if _, err := Parse(v.Encode()); err == nil {
			t.Errorf("%s: read", c.what)
		}
	}
}

func salt(n int) []byte { return bytes.Repeat([]byte("s"), n) }

// A fake looks like a verifier of New, is the same again, and nothing fits it.
func TestFake(t *testing.T) {
	key := []byte("a key of 16 bytes, or of more")
	all := map[string]bool{}
	for _, m := range []Mechanism{SHA1, SHA256} {
		real, err := New(m, "pencil", chat.MinIterations)
		if err != nil {
			t.Fatal(err)
		}
		fake := func(key, name string) Verifier {
			v, err := Fake(m, []byte(key), name, chat.MinIterations)
			if err != nil {
				t.Fatal(err)
			}
			for i := range 3 {
				part := [][]byte{v.Salt, v.StoredKey, v.ServerKey}[i]
				if len(part) != len([][]byte{real.Salt, real.StoredKey, real.ServerKey}[i]) || all[string(part)] {
					t.Errorf("%s of %q: part %d has %d bytes, or was there before", m, name, i, len(part))
				}
				all[string(part)] = true
			}
			if v.Check("check") != nil || v.Iterations != real.Iterations || v.Mechanism != m {
				t.Errorf("%v is no verifier", v)
			}
			if err := v.Verify("pencil"); !errors.Is(err, chat.ErrUnauthenticated) {
				t.Errorf("a password fits: %v", err)
			}
			return v
		}
		v := fake(string(key), "ann")
		fake(string(key), "bob")
		fake(string(key[1:]), "ann")
		if again, err := Fake(m, key, "ann", chat.MinIterations); err != nil || !reflect.DeepEqual(again, v) {
			t.Errorf("%s: another the second time (%v)", m, err)
		}
	}
	v1, err1 := Fake(SHA256, key, "ann", chat.MinIterations)
	v2, err2 := Fake(SHA256, key, "ann", chat.MinIterations+1)
	if err := errors.Join(err1, err2); err != nil || bytes.Equal(v1.Salt, v2.Salt) {
		t.Errorf("with more iterations the salt stays: only a fake's would (%v)", err)
	}
	if v, err := Fake(SHA1, key, "ann", 0); err != nil || v.Iterations != DefaultIterations {
		t.Errorf("%v, %v", v, err)
	}
	_, err := Fake("SCRAM-MD5", key, "ann", 0)
	is(t, "an unknown mechanism", err, chat.ErrInvalid, "mechanism", 0)
	_, err = Fake(SHA1, key, "ann", chat.MaxIterations+1)
	is(t, "too many", err, chat.ErrTooLarge, "iterations", chat.MaxIterations)
}

// Nothing of a verifier is printed, whichever way.
func TestNothingIsPrinted(t *testing.T) {
	v := Verifier{SHA1, []byte("saltsaltsalt"), 4096, []byte("storedstoredstoredst"), []byte("serverserverserverse")}
	type account struct{ V Verifier }
	var log bytes.Buffer
	for _, h := range []slog.Handler{slog.NewTextHandler(&log, nil), slog.NewJSONHandler(&log, nil)} {
		l := slog.New(h)
		l.Info("x", "v", v, "all", []Verifier{v}, "p", &v, "a", account{v})
	}
	js, err := json.Marshal(account{v})
	if err != nil {
		t.Fatal(err)
	}
	all := fmt.Sprintf("%v %+v %#v %s %q %x %d %v %+v %v", v, v, v, v, v, v, v, account{v}, []Verifier{v}, &v) + log.String() + string(js)
	if !strings.Contains(all, "SCRAM-SHA-1 verifier of 4096 iterations") {
		t.Errorf("printed as %s", all)
	}
	for _, part := range [][]byte{v.Salt, v.StoredKey, v.ServerKey} {
		for _, form := range []string{string(part), fmt.Sprintf("%x", part), base64.StdEncoding.EncodeToString(part), fmt.Sprint(part)} {
			if strings.Contains(strings.ToLower(all), strings.ToLower(form)) {
				t.Errorf("%q is printed", form)
			}
		}
	}
	for _, err := range []error{v.Verify("my secret word"), func() error { _, err := New(SHA1, "my secret word\x00", 0); return err }(),
		func() error { _, err := Parse("SCRAM-SHA-1$4096:bXkgc2VjcmV0$x:y"); return err }()} {
		if err == nil || strings.Contains(err.Error(), "secret") || strings.Contains(err.Error(), "bXkg") {
			t.Errorf("error %v", err)
		}
	}
}

func TestEncodedIsReadBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := rapid.SampledFrom([]Mechanism{SHA1, SHA256}).Draw(t, "mechanism")
		size := m.hash()().Size()
		v := Verifier{m, rapid.SliceOfN(rapid.Byte(), chat.MinSalt, chat.MaxSalt).Draw(t, "salt"),
			rapid.IntRange(chat.MinIterations, chat.MaxIterations).Draw(t, "iterations"),
			rapid.SliceOfN(rapid.Byte(), size, size).Draw(t, "stored"), rapid.SliceOfN(rapid.Byte(), size, size).Draw(t, "server")}
		s := v.Encode()
		if len(s) > 210 {
			t.Fatalf("%d bytes", len(s))
		}
		got, err := Parse(s)
		if err != nil || !reflect.DeepEqual(got, v) {
			t.Fatalf("%s is read as %s (%v)", s, got.Encode(), err)
		}
	})
}

// What is read is spelled as it was, is within bounds, and never panics.
func FuzzParse(f *testing.F) {
	v := Verifier{SHA1, []byte("saltsalt"), 4096, bytes.Repeat([]byte("k"), 20), bytes.Repeat([]byte("s"), 20)}
	right := v.Encode()
	f.Add(right)
	for _, s := range []string{"", "$", "SCRAM-SHA-1$4096", strings.Replace(right, "4096", "+4096", 1), strings.Replace(right, "4096", "04096", 1),
		strings.Replace(right, "=", "", 1), right + "\n", " " + right, strings.Replace(right, "$", "$$", 1), strings.Replace(right, ":", "$", 1),
		strings.ToLower(right), strings.Replace(right, "4096", "99999999999999999999", 1), strings.Replace(right, "4096", "-4096", 1)} {
		if _, err := Parse(s); err == nil {
			f.Errorf("%q is read", s)
		}
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		v, err := Parse(s)
		var e *chat.Error
		switch {
		case err == nil && v.Encode() != s:
			t.Errorf("%q is read as %q", s, v.Encode())
		case err == nil && v.Check("check") != nil:
			t.Errorf("%q: %v", s, v.Check("check"))
		case err != nil && (!errors.As(err, &e) || e.Field == "" || !reflect.DeepEqual(v, Verifier{})):
			t.Errorf("%q: %v with error %v", s, v, err)
		}
	})
}

// A prepared password is prepared, bounded, and never panics.
func FuzzPrepare(f *testing.F) {
	for _, s := range []string{"pencil", "", " ", "wörd", "wo\u0308rd", "\u1fbf", "ⅷ", "a\u202eb", "\u0660a", "\xff", "\u3000x", strings.Repeat("ö", 600)} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		p, err := Prepare(s)
		if err != nil {
			var e *chat.Error
			if !errors.As(err, &e) || e.Field != "password" {
				t.Errorf("%q: %v", s, err)
			}
			return
		}
		if again, err := Prepare(p); len(p) <= chat.MaxSecret && (err != nil || again != p) {
			t.Errorf("%q is prepared as %q, and that as %q (%v)", s, p, again, err)
		}
		if len(p) > 4*len(s) {
			t.Errorf("%q grows to %q", s, p)
		}
	})
}

func BenchmarkVerify(b *testing.B) {
	for _, m := range []Mechanism{SHA1, SHA256} {
		v, err := New(m, "pencil", 0)
		if err != nil {
			b.Fatal(err)
		}
		b.Run(string(m), func(b *testing.B) {
			for b.Loop() {
				if err := v.Verify("pencil"); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
