package disk_test

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"go.uber.org/goleak"

	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/drivers/journal"
	"github.com/parlor-chat/parlor/drivers/journal/disk"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// quiet is a log that nobody reads.
var quiet = slog.New(slog.DiscardHandler)

var room = chat.RoomID{Tenant: "acme", Key: "kitchen"}

func said(body string) chat.Event {
	return chat.Event{ID: chat.NewID(), Room: room, Sender: chat.UserID{Tenant: "acme", Key: "ann"}, ClientID: body, Content: &chat.Text{Body: body}}
}

// fresh is a record of what comes now, as a journal makes it.
func fresh(body string) journal.Record { return journal.Record{Event: said(body), Since: now()} }

// now is the time as it is stored.
func now() time.Time { return time.Now().UTC().Truncate(time.Millisecond) }

func open(t testing.TB, dir string, fs vfs.FS) *disk.Store {
	t.Helper()
	s, err := disk.Open(t.Context(), dir, &disk.Options{Log: quiet, Reserve: -1, FS: fs})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func closed(t testing.TB, s *disk.Store) {
	t.Helper()
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

func keep(t testing.TB, s *disk.Store, records ...journal.Record) {
	t.Helper()
	if err := s.Keep(t.Context(), records); err != nil {
		t.Fatal(err)
	}
}

func load(t testing.TB, s *disk.Store) []journal.Record {
	t.Helper()
	var all []journal.Record
	for r, err := range s.Load(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, r)
	}
	return all
}

func stats(t testing.TB, s *disk.Store) disk.Stats {
	t.Helper()
	x, err := s.Stats(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return x
}

// same says what differs of two records.
func same(got, want journal.Record) error {
	a, b := got.Event, want.Event
	switch {
	case a.ID != b.ID || a.Digest() != b.Digest() || a.ClientID != b.ClientID:
		return fmt.Errorf("the event is %+v, want %+v", a, b)
	case a.Seq != b.Seq || a.TextSeq != b.TextSeq || !a.At.Equal(b.At):
		return fmt.Errorf("it lies at %d, %d, %v, want %d, %d, %v", a.Seq, a.TextSeq, a.At, b.Seq, b.TextSeq, b.At)
	case !got.Since.Equal(want.Since) || got.Memory != want.Memory || got.Aside != want.Aside:
		return fmt.Errorf("since %v in %q, aside %q; want %v in %q, %q", got.Since, got.Memory, got.Aside, want.Since, want.Memory, want.Aside)
	}
	return nil
}

// check compares what a store has with what it must have, in that order.
func check(t testing.TB, s *disk.Store, want ...journal.Record) {
	t.Helper()
	got := load(t, s)
	if len(got) != len(want) {
		t.Errorf("%d records, want %d", len(got), len(want))
		return
	}
	for i := range got {
		if err := same(got[i], want[i]); err != nil {
			t.Errorf("record %d: %v", i, err)
		}
	}
	if x := stats(t, s); x.Records != int64(len(want)) || (x.Bytes == 0) != (len(want) == 0) {
		t.Errorf("%+v, want %d records", x, len(want))
	}
}

// at is what became of a record that a broker placed.
func at(r journal.Record, seq chat.Seq) journal.Record {
	r.Event.Seq, r.Event.TextSeq, r.Event.At, r.Memory = seq, int64(seq), now(), "memory 1"
	return r
}

// witness knows what must be in a store, and what may be.
type witness struct {
	mu      sync.Mutex
	acked   map[chat.EventID]journal.Record
	tried   map[chat.EventID]bool // everything
	dropped map[chat.EventID]bool // or being dropped
	refused int
}

func newWitness() *witness {
	return &witness{acked: map[chat.EventID]journal.Record{}, tried: map[chat.EventID]bool{}, dropped: map[chat.EventID]bool{}}
}

// copy is what it knows up to now.
func (w *witness) copy() *witness {
	w.mu.Lock()
	defer w.mu.Unlock()
	c := newWitness()
	c.refused = w.refused
	for id, r := range w.acked {
		c.acked[id] = r
	}
	for id := range w.tried {
		c.tried[id] = true
	}
	for id := range w.dropped {
		c.dropped[id] = true
	}
	return c
}

// busy keeps, notes and drops with so many senders until ctx is done.
func (w *witness) busy(ctx context.Context, s *disk.Store, senders int) {
	var wg sync.WaitGroup
	for i := range senders {
		wg.Go(func() {
			for n := 0; ctx.Err() == nil; n++ {
				if !w.send(s, i, n) {
					time.Sleep(5 * time.Millisecond)
				}
			}
		})
	}
	wg.Wait()
}

func (w *witness) send(s *disk.Store, sender, n int) bool {
	ctx := context.Background() // a journal's doesn't end while something is written
	batch := []journal.Record{fresh(fmt.Sprint(sender, " ", n))}
	if n%5 == 0 {
		batch = append(batch, fresh("another"))
	}
	w.mu.Lock()
	for _, r := range batch {
		w.tried[r.Event.ID] = true
	}
	w.mu.Unlock()
	err := s.Keep(ctx, batch)
	w.mu.Lock()
	if err != nil {
		w.refused++
		w.mu.Unlock()
		s.Drop(ctx, []chat.EventID{batch[0].Event.ID}) // as a journal does
		return false
	}
	for _, r := range batch {
		w.acked[r.Event.ID] = r
	}
	w.mu.Unlock()
	if s.Note(ctx, []journal.Record{at(batch[0], chat.Seq(n+1))}) != nil || n%3 > 0 {
		return true
	}
	w.mu.Lock()
	w.dropped[batch[0].Event.ID] = true
	w.mu.Unlock()
	s.Drop(ctx, []chat.EventID{batch[0].Event.ID})
	return true
}

// wrong says what is wrong with what a store has. gone: what was dropped must be.
func (w *witness) wrong(records []journal.Record, gone bool) error {
	found := map[chat.EventID]bool{}
	for _, r := range records {
		id := r.Event.ID
		was, acked := w.acked[id]
		switch {
		case found[id]:
			return fmt.Errorf("%v is there twice", id)
		case !w.tried[id]:
			return fmt.Errorf("nobody sent %v", id)
		case acked && r.Event.Digest() != was.Event.Digest():
			return fmt.Errorf("%v says something else", id)
		case acked && !was.Since.IsZero() && !r.Since.Equal(was.Since):
			return fmt.Errorf("%v came at %v, not %v", id, r.Since, was.Since)
		case gone && w.dropped[id]:
			return fmt.Errorf("%v was dropped", id)
		case gone && !acked:
			return fmt.Errorf("%v was refused", id)
		}
		found[id] = true
	}
	for id := range w.acked {
		if !found[id] && !w.dropped[id] {
			return fmt.Errorf("%v was acknowledged, and isn't there", id)
		}
	}
	return nil
}
