package pebble_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/drivers/pebble"
	"github.com/parlor-chat/parlor/internal/baddisk"
	"github.com/parlor-chat/parlor/storage"
)

var cuts = flag.Int("cuts", 200, "how many times the power is cut")

// witness remembers what was acknowledged, and what anybody saw.
type witness struct {
	mu      sync.Mutex
	acked   map[chat.Position]chat.Event
	seen    map[chat.Position]chat.EventID
	refused int
	wrong   error
}

func newWitness() *witness {
	return &witness{acked: map[chat.Position]chat.Event{}, seen: map[chat.Position]chat.EventID{}}
}

func (w *witness) saw(events ...chat.Event) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for i := range events {
		at := events[i].Position()
		if id, ok := w.seen[at]; ok && id != events[i].ID {
			w.wrong = fmt.Errorf("two events at %v", at)
		}
		w.seen[at] = events[i].ID
	}
}

// copy is what it remembers up to now.
func (w *witness) copy() *witness {
	w.mu.Lock()
	defer w.mu.Unlock()
	c := newWitness()
	for at, e := range w.acked {
		c.acked[at] = e
	}
	for at, id := range w.seen {
		c.seen[at] = id
	}
	c.wrong, c.refused = w.wrong, w.refused
	return c
}

// The sink of a link.
func (w *witness) Events(events []chat.Event)              { w.saw(events...) }
func (w *witness) Gap(room chat.RoomID, from, to chat.Seq) { w.fail(fmt.Errorf("a gap in %v", room)) }
func (w *witness) Signal(chat.Signal)                      {}

func (w *witness) fail(err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.wrong = err
}

var crashRooms = []chat.RoomID{{Tenant: "acme", Key: "a"}, {Tenant: "acme", Key: "b"}, {Tenant: "other", Key: "a"}}

func said(room chat.RoomID, body string) chat.Event {
	return chat.Event{ID: chat.NewID(), Room: room, Sender: chat.UserID{Tenant: room.Tenant, Key: "ann"}, Content: &chat.Text{Body: body}}
}

// busy sends, appends and reads at a store with n senders until ctx is done.
func (w *witness) busy(ctx context.Context, s *pebble.Store, n int) {
	b, h := s.Broker(), s.History()
	l, err := b.Attach(ctx, "node", w)
	if err != nil {
		w.fail(err)
		return
	}
	if _, err := l.Subscribe(ctx, crashRooms...); err != nil {
		w.fail(err)
		return
	}
	defer l.Close()
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() {
			for j := 0; ctx.Err() == nil; j++ {
				batch := []chat.Event{said(crashRooms[(i+j)%3], fmt.Sprint(i, " ", j))}
				if j%5 == 0 {
					batch = append(batch, said(crashRooms[(i+j+1)%3], "another room"))
				}
				if !w.publish(ctx, b, batch) {
					time.Sleep(5 * time.Millisecond)
				}
			}
		})
	}
	wg.Go(func() {
		for ctx.Err() == nil {
			for _, room := range crashRooms {
				if head, err := b.Recent(ctx, room, chat.Latest(20).All()); err == nil {
					w.saw(head.Events...)
				}
				if p, err := h.Page(ctx, room, chat.Latest(20)); err == nil {
					w.saw(p.Events...)
				}
			}
			for e, err := range h.Scan(ctx, storage.Span{Tenant: "other"}, "") {
				if err == nil {
					w.saw(e.Event)
				}
			}
			time.Sleep(time.Millisecond)
		}
	})
	wg.Wait()
}

func (w *witness) publish(ctx context.Context, b chat.Broker, batch []chat.Event) bool {
	r, err := b.Publish(ctx, batch)
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case err == nil:
		for i := range r {
			w.acked[chat.Position{Room: batch[i].Room, Seq: r[i].Seq}] = batch[i]
		}
	case errors.Is(err, chat.ErrUnavailable):
		w.refused++
	case ctx.Err() == nil:
		w.wrong = err
	}
	return err == nil
}

// check reads everything and says what is wrong.
func (w *witness) check(ctx context.Context, s *pebble.Store) error {
	if w.wrong != nil {
		return w.wrong
	}
	b, h := s.Broker(), s.History()
	all := map[chat.Position]chat.Event{}
	total := int64(0)
	for _, room := range crashRooms {
		var log []chat.Event
		for after := chat.Seq(0); ; {
			p, err := h.Page(ctx, room, chat.After(after, 500).All())
			if err != nil {
				return err
			}
			if len(p.Events) == 0 {
				break
			}
			log = append(log, p.Events...)
			after = log[len(log)-1].Last()
		}
		if err := chat.CheckDense(log, true); err != nil {
			return fmt.Errorf("a hole in %v: %w", room, err)
		}
		if len(log) > 0 && log[0].Seq != 1 {
			return fmt.Errorf("%v begins at %d", room, log[0].Seq)
		}
		for i := range log {
			all[log[i].Position()] = log[i]
			if i > 0 && log[i].At.Before(log[i-1].At) {
				return fmt.Errorf("time falls in %v", log[i].Position())
			}
		}
		total += int64(len(log))
		placed, _, err := b.Changed(ctx, room.Shard(), "", chat.MaxBatch)
		if err != nil {
			return err
		}
		told := chat.Seq(0)
		for _, p := range placed {
			if p.Room == room {
				told = max(told, p.Seq)
			}
		}
		if int(told) != len(log) && len(placed) < chat.MaxBatch {
			return fmt.Errorf("followers are told of %v up to %d, it has %d", room, told, len(log))
		}
	}
	for at, e := range w.acked {
		if all[at].ID != e.ID {
			return fmt.Errorf("what was acknowledged at %v is not there", at)
		}
		p, err := h.Lookup(ctx, []storage.Ref{{Room: e.Room, ID: e.ID}})
		if err != nil || len(p.Events) != 1 || p.Events[0].Seq != at.Seq {
			return fmt.Errorf("%v is not found by its id: %v", at, err)
		}
	}
	for at, id := range w.seen {
		if all[at].ID != id {
			return fmt.Errorf("what somebody saw at %v is not there", at)
		}
	}
	n := 0
	for at, e := range w.acked { // a retry is known
		r, err := b.Publish(ctx, []chat.Event{e})
		if err != nil || !r[0].Duplicate || r[0].Seq != at.Seq {
			return fmt.Errorf("a retry of %v: %+v, %v", at, r, err)
		}
		if n++; n == 20 {
			break
		}
	}
	r, err := b.Publish(ctx, []chat.Event{said(crashRooms[0], "goes on")})
	if err != nil {
		return err
	}
	if before, ok := all[chat.Position{Room: crashRooms[0], Seq: r[0].Seq - 1}]; ok && r[0].At.Before(before.At) {
		return errors.New("time falls over a restart")
	}
	return counted(ctx, s, total+1)
}

// counted waits until the store has counted its events.
func counted(ctx context.Context, s *pebble.Store, want int64) error {
	for range 1000 {
		x, err := s.Stats(ctx)
		if err != nil {
			return err
		}
		if x.Events == want && x.Behind == 0 {
			return nil
		}
		time.Sleep(5 * time.Millisecond)
	}
	x, err := s.Stats(ctx)
	return errors.Join(fmt.Errorf("%+v, want %d events", x, want), err)
}

// The power is cut at random moments while senders, readers and a link are busy: all that
// was acknowledged is there, without a hole, and so is all that anybody saw.
func TestPowerCuts(t *testing.T) {
	acked, seen := 0, 0
	for i := range *cuts {
		rng := rand.New(rand.NewPCG(1, uint64(i)))
		disk := vfs.NewCrashableMem()
		opt := &pebble.Options{FS: baddisk.Slow{FS: disk, Most: 2 * time.Millisecond}, Log: quiet}
		s, err := pebble.Open(t.Context(), "store", opt)
		if err != nil {
			t.Fatal(err)
		}
		w := newWitness()
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { w.busy(ctx, s, 48); close(done) }()
		time.Sleep(time.Duration(2+rng.IntN(25)) * time.Millisecond)
		before := w.copy()
		left := disk.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: []int{0, 50, 90}[i%3], RNG: rng})
		cancel()
		<-done
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		opt = &pebble.Options{FS: left, Log: quiet, Now: func() time.Time { return time.Now().Add(-time.Hour) }}
		if s, err = pebble.Open(t.Context(), "store", opt); err != nil {
			t.Fatalf("cut %d: %v", i, err)
		}
		if err := before.check(t.Context(), s); err != nil {
			t.Errorf("cut %d: %v", i, err)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		acked, seen = acked+len(before.acked), seen+len(before.seen)
		if t.Failed() && i > 20 {
			break
		}
	}
	t.Logf("cuts: %d, acknowledged: %d, seen: %d", *cuts, acked, seen)
	if acked < *cuts || seen < *cuts {
		t.Error("too little happened for this to prove anything")
	}
}
