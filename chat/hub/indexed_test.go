package hub

import (
	"testing"
	"time"

	"github.com/parlor-chat/parlor/search"
)

// What the fence says of a tenant's index is read as it was written, and nothing else is
// read at all.
func FuzzParseIndexed(f *testing.F) {
	const folded = "1f"
	at := time.Unix(1764100000, 0)
	for _, x := range []indexed{
		{answers: original},
		{answers: generation{folded, 3}, fills: true},
		{answers: original, makes: &generation{folded, 1}, left: []left{{generation{folded, 2}, at}, {original, at}, {generation{"99", 7}, at}}},
	} {
		f.Add(x.String())
		if got, ok := parseIndexed(x.String()); !ok || got.String() != x.String() {
			f.Errorf("%q is read as %q", x, got)
		}
	}
	for _, s := range []string{"", "1", "1.0 makes", "1.0 left 1f.1", ".0", "1.0 other", "1.x", "1.-1"} {
		f.Add(s)
		if _, ok := parseIndexed(s); ok != (s == "") {
			f.Errorf("%q is read: %v", s, ok)
		}
	}
	f.Fuzz(func(t *testing.T, s string) {
		x, ok := parseIndexed(s)
		if again, same := parseIndexed(x.String()); ok && (!same || again.String() != x.String()) {
			t.Errorf("%q is %q", s, x.String())
		}
	})
}

func TestTheNextGenerationWasNeverBefore(t *testing.T) {
	x := indexed{answers: generation{number: 2}, makes: &generation{number: 5}, left: []left{{generation: generation{number: 7}}}}
	if g := x.next(search.Analysis{}); g.number != 8 {
		t.Errorf("%d", g.number)
	}
}
