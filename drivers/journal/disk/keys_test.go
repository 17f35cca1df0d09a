package disk

import (
	"bytes"
	"testing"
	"time"

	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/drivers/journal"
)

// FuzzValues reads anything as a record and as what became of one: it is refused, or means
// what it is written as again.
func FuzzValues(f *testing.F) {
	id := chat.EventID{1, 2, 3}
	r := journal.Record{Since: time.UnixMilli(1e12).UTC(), Memory: "m", Aside: "expired",
		Event: chat.Event{ID: id, Room: chat.RoomID{Tenant: "a", Key: "b"}, Seq: 7, TextSeq: 3, At: time.UnixMilli(2e12).UTC(), Content: &chat.Text{Body: "x"}}}
	f.Add(appendKept(nil, &r), appendNote(nil, &r))
	f.Add([]byte{}, []byte{0})
	f.Fuzz(func(t *testing.T, kept, note []byte) {
		k := key(prefixKept, 5, id)
		got, err := parseRecord(k, sealed(k, bytes.Clone(kept)))
		if err != nil {
			return
		}
		if _, err := parseRecord(k, sealed(key(prefixKept, 6, id), bytes.Clone(kept))); err == nil {
			t.Error("a record under another's key is read")
		}
		before := got
		if err := parseNote(note, &got); err != nil {
			if got.Event.Seq != before.Event.Seq || got.Memory != before.Memory || got.Aside != before.Aside {
				t.Errorf("half of a note was taken: %+v", got)
			}
			got = before
		}
		again, err := parseRecord(k, sealed(k, appendKept(nil, &got)))
		if err != nil {
			t.Fatal(err)
		}
		if noted(&got) {
			if again.Event.Seq != 0 || !again.Event.At.IsZero() {
				t.Errorf("it is kept as it was placed: %+v", again)
			}
			if err := parseNote(appendNote(nil, &got), &again); err != nil {
				t.Fatal(err)
			}
		}
		a, b := got.Event, again.Event
		if a.Digest() != b.Digest() || a.Seq != b.Seq || a.TextSeq != b.TextSeq || !a.At.Equal(b.At) || !got.Since.Equal(again.Since) || got.Memory != again.Memory || got.Aside != again.Aside {
			t.Errorf("%+v came back as %+v", got, again)
		}
	})
}

// FuzzKey reads anything as a key: what is one is written so again.
func FuzzKey(f *testing.F) {
	f.Add(key(prefixNote, 1<<41, chat.EventID{9}))
	f.Add([]byte("k"))
	f.Fuzz(func(t *testing.T, k []byte) {
		if number, id, ok := parseKey(k); ok && !bytes.Equal(key(k[0], number, id), k) {
			t.Errorf("%x is %d %v", k, number, id)
		}
		if form, ok := unsealed(k, sealed(append([]byte{0}, k...), []byte("x"))); ok && len(k) == 0 {
			t.Errorf("%q", form)
		}
	})
}
