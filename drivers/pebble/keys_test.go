package pebble

import (
	"strings"
	"testing"

	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/storage"
)

// FuzzValues reads anything as each of the values: it is refused, or means what it is
// written as again.
func FuzzValues(f *testing.F) {
	f.Add((&record{first: 1, archived: 2, last: 3, textSeq: 4}).append(nil))
	f.Add((&fed{room: chat.RoomID{Tenant: "a", Key: "b\x00"}, from: 1, to: 2, isNew: true}).append(nil))
	f.Add((&progress{1, 2, 3, 4}).append(nil))
	f.Fuzz(func(t *testing.T, b []byte) {
		if x, err := parseRecord(b); err == nil {
			if y, err := parseRecord(x.append(nil)); err != nil || x != y {
				t.Errorf("a record: %+v, %+v, %v", x, y, err)
			}
		}
		if x, err := parseFed(b); err == nil {
			if y, err := parseFed(x.append(nil)); err != nil || x != y {
				t.Errorf("an entry of the feed: %+v, %+v, %v", x, y, err)
			}
		}
		if x, err := parseProgress(b); err == nil {
			if y, err := parseProgress(x.append(nil)); err != nil || x != y {
				t.Errorf("progress: %+v, %+v, %v", x, y, err)
			}
		}
		if room, seq, err := parseCursor(storage.Cursor(b)); err == nil && seq > 0 {
			if r, s, err := parseCursor(cursorAt(room, seq)); err != nil || r != room || s != seq {
				t.Errorf("a cursor: %q %d, %v", room, seq, err)
			}
		}
	})
}

// FuzzWords writes two strings as words: they are read back, and lie in the same order.
func FuzzWords(f *testing.F) {
	f.Add("a", "a\x00")
	f.Add("a b", "a")
	f.Add("\x00\xff", "\x00\x01")
	f.Fuzz(func(t *testing.T, a, b string) {
		for _, s := range []string{a, b} {
			if got, rest, ok := unword(append(word(nil, s), "rest"...)); !ok || got != s || string(rest) != "rest" {
				t.Errorf("%q came back as %q, %q, %v", s, got, rest, ok)
			}
		}
		if x, y := strings.Compare(a, b), strings.Compare(string(word(nil, a)), string(word(nil, b))); x != y {
			t.Errorf("%q and %q: %d, as words %d", a, b, x, y)
		}
		unword([]byte(a)) // whatever it is
	})
}
