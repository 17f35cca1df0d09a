package chat

import (
	"encoding/json"
	"testing"
	"time"
)

// talk is what most events are: a text of about a hundred bytes.
func talk() Event {
	return Event{
		ID:       EventID{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16},
		Room:     RoomID{Tenant: "example", Key: "kitchen"},
		Seq:      123456,
		TextSeq:  98765,
		At:       time.UnixMilli(1_790_000_000_123).UTC(),
		Sender:   UserID{Tenant: "example", Key: "ann"},
		ClientID: "5f0c2f7e",
		Content: &Text{Body: "the bread is in the oven, and the soup is on the table; " +
			"who brings the plates and the spoons, please?"},
	}
}

// The stored form must read and write a million events a second on one core; the
// ratio is against encoding/json on the same values.
func BenchmarkStored(b *testing.B) {
	e := talk()
	form := AppendEvent(nil, &e)
	type plain struct { // encoding/json can't read an interface back
		Event
		Content *Text
	}
	p := plain{Event: e, Content: e.Content.(*Text)}
	text, err := json.Marshal(p)
	if err != nil {
		b.Fatal(err)
	}
	beside := func(b *testing.B, bare func() error) {
		b.StopTimer()
		n := max(b.N/20, 100)
		start := time.Now()
		for range n {
			if err := bare(); err != nil {
				b.Fatal(err)
			}
		}
		perJSON := time.Since(start).Seconds() / float64(n)
		own := b.Elapsed().Seconds() / float64(b.N)
		b.ReportMetric(1/own, "events/s")
		b.ReportMetric(perJSON/own, "x-json")
	}
	b.Run("Append", func(b *testing.B) {
		b.ReportAllocs()
		dst := make([]byte, 0, 512)
		for b.Loop() {
			dst = AppendEvent(dst[:0], &e)
		}
		beside(b, func() error { _, err := json.Marshal(&p); return err })
	})
	b.Run("Parse", func(b *testing.B) {
		b.ReportAllocs()
		b.SetBytes(int64(len(form)))
		for b.Loop() {
			if _, err := ParseEvent(form); err != nil {
				b.Fatal(err)
			}
		}
		beside(b, func() error { var got plain; return json.Unmarshal(text, &got) })
	})
	b.Run("Digest", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			e.Digest()
		}
	})
}
