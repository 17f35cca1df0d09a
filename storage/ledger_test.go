package storage

import (
	"errors"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/parlor-chat/parlor/chat"
)

func drawSubject(t *rapid.T, name string) Subject {
	pick := func(part string, of ...string) string { return rapid.SampledFrom(of).Draw(t, name+" "+part) }
	s := Subject{Tenant: pick("tenant", "acme", "evil"), Room: pick("room", "", "kitchen", "lobby"), User: pick("user", "", "ann", "bob")}
	if s.Room != "" && rapid.Bool().Draw(t, name+" event") {
		s.Event = chat.DeriveID(kitchen, ann, pick("which", "1", "2"))
	}
	return s
}

// Subjects overlap if and only if something may be of both: that is tried out with all
// that there may be.
func TestSubjectsOverlap(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := drawSubject(t, "a"), drawSubject(t, "b")
		may := false
		for _, tenant := range []string{"acme", "evil"} {
			for _, room := range []string{"kitchen", "lobby"} {
				for _, user := range []string{"ann", "bob"} {
					for _, event := range []string{"1", "2"} {
						it := Subject{tenant, room, user, chat.DeriveID(kitchen, ann, event)}
						may = may || of(it, a) && of(it, b)
					}
				}
			}
		}
		if a.Overlaps(b) != may || b.Overlaps(a) != may {
			t.Fatalf("%v and %v overlap: %v, %v; want %v", a, b, a.Overlaps(b), b.Overlaps(a), may)
		}
	})
}

// of says whether one message is of a subject.
func of(it, s Subject) bool {
	return it.Tenant == s.Tenant && (s.Room == "" || s.Room == it.Room) && (s.User == "" || s.User == it.User) && (s.Event.IsZero() || s.Event == it.Event)
}

// The numbers of acts are stored.
func TestActsAreGolden(t *testing.T) {
	for n, want := range []string{"", "erased", "pruned", "gone", "held", "released", "unknown"} {
		if got := Act(n).String(); got != want {
			t.Errorf("act %d is %q, want %q", n, got, want)
		}
	}
	if Erased != 1 || Pruned != 2 || Gone != 3 || Held != 4 || Released != 5 {
		t.Error("an act has another number")
	}
}

// What stops an erasure is named, but not why it is held.
func TestAHoldIsNamed(t *testing.T) {
	hold := LedgerEntry{Seq: 17, Act: Held, Of: Subject{Tenant: "acme", Room: "kitchen", User: "ann"}, Why: "suspicion", By: "Dora"}
	for act, stopped := range map[Act]bool{Erased: true, Pruned: true, Gone: false, Held: false, Released: false} {
		err := LedgerEntry{Act: act, Of: Subject{Tenant: "acme"}}.Stopped("erase", hold)
		if (err != nil) != stopped {
			t.Errorf("%v: %v", act, err)
		}
		if stopped && (!errors.Is(err, chat.ErrForbidden) || !strings.HasSuffix(err.Error(), "hold 17 of acme room kitchen user ann") ||
			strings.Contains(err.Error(), "suspicion") || strings.Contains(err.Error(), "Dora")) {
			t.Errorf("%v: %v", act, err)
		}
	}
	if err := (LedgerEntry{Act: Erased, Of: hold.Of}).Stopped("erase", LedgerEntry{Act: Erased, Of: hold.Of}); err != nil {
		t.Errorf("stopped by what is no hold: %v", err)
	}
}

func TestSecrets(t *testing.T) {
	seen := map[string]bool{}
	for range 1000 {
		secret, h := NewSecret()
		again, err := HashSecret(secret)
		if err != nil || again != h || len(secret) != 26 || seen[secret] {
			t.Fatalf("a secret of %d characters, %v", len(secret), err)
		}
		seen[secret] = true
	}
	// SHA-256 of "abc", FIPS 180-4.
	if h, err := HashSecret("abc"); err != nil || h[0] != 0xba || h[31] != 0xad {
		t.Errorf("%x, %v", h, err)
	}
	for secret, want := range map[string]error{"": chat.ErrInvalid, strings.Repeat("x", chat.MaxSecret+1): chat.ErrTooLarge, strings.Repeat("x", chat.MaxSecret): nil} {
		_, err := HashSecret(secret)
		var e *chat.Error
		if !errors.Is(err, want) || err != nil && (!errors.As(err, &e) || e.Field != "secret" || strings.Contains(err.Error(), "xx")) {
			t.Errorf("%.3q: %v, want %v", secret, err, want)
		}
	}
}
