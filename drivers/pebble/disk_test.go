package pebble_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"syscall"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/drivers/pebble"
	"github.com/parlor-chat/parlor/internal/baddisk"
	"github.com/parlor-chat/parlor/storage"
)

var faults = baddisk.Faults("store")

// A full or failing disk, at each kind of operation, once or until it is healed: the
// program lives, nothing is acknowledged that isn't kept, reading goes on, and when the
// disk is well the store is, by itself. A power cut while it fails takes nothing back.
func TestAFailingDisk(t *testing.T) {
	for name, on := range faults {
		for _, once := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s, once %v", name, once), func(t *testing.T) {
				t.Parallel()
				failing(t, on, once)
			})
		}
	}
}

func failing(t *testing.T, on func(errorfs.Op) bool, once bool) {
	rng := rand.New(rand.NewPCG(3, 4))
	disk := vfs.NewCrashableMem()
	f := &baddisk.Faulty{On: on, Err: syscall.ENOSPC, Once: once}
	if once {
		f.Err = syscall.EIO
	}
	f.Left.Store(1 << 40)
	s, err := pebble.Open(t.Context(), "store", &pebble.Options{FS: f.FS(disk), Log: quiet})
	if err != nil {
		t.Fatal(err)
	}
	w := newWitness()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { w.busy(ctx, s, 8); close(done) }()
	churn := make(chan struct{})
	go func() { // tables, manifests and logs are made
		for ctx.Err() == nil {
			_ = s.Scrub(ctx, storage.Span{Tenant: "acme"})
			time.Sleep(5 * time.Millisecond)
		}
		close(churn)
	}()
	time.Sleep(20 * time.Millisecond)
	f.Left.Store(int64(rng.IntN(4)))
	if !until(3*time.Second, func() bool { return f.Failed.Load() > 0 }) {
		t.Errorf("%s: nothing failed", t.Name())
	}
	time.Sleep(20 * time.Millisecond)
	before := w.copy()
	left := disk.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: 50, RNG: rng})
	for _, room := range crashRooms { // whoever reads, reads, or is told that he can't now
		if _, err := s.History().Page(ctx, room, chat.Latest(5)); err != nil && !errors.Is(err, chat.ErrUnavailable) {
			t.Error(err)
		}
	}
	f.Healed.Store(true)
	if !until(20*time.Second, func() bool {
		_, err := s.Broker().Publish(ctx, []chat.Event{said(crashRooms[0], "well again")})
		return err == nil
	}) {
		x, err := s.Stats(ctx)
		t.Errorf("the disk is well, the store isn't: %+v, %v", x, err)
	}
	cancel()
	<-done
	<-churn
	last, err := w.copy(), s.Close()
	if err != nil {
		t.Error(err)
	}
	reopened(t, "after the power cut", left, before)
	reopened(t, "in the end", disk, last)
	t.Logf("failed %d, acknowledged %d, refused %d", f.Failed.Load(), len(last.acked), last.refused)
}

func until(most time.Duration, holds func() bool) bool {
	for end := time.Now().Add(most); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		if holds() {
			return true
		}
	}
	return false
}

func reopened(t *testing.T, when string, disk vfs.FS, w *witness) {
	t.Helper()
	s, err := pebble.Open(t.Context(), "store", &pebble.Options{FS: disk, Log: quiet})
	if err != nil {
		t.Fatalf("%s: %v", when, err)
	}
	if err := w.check(t.Context(), s); err != nil {
		t.Errorf("%s: %v", when, err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

// What was written and never reached the disk isn't read while the store can't be opened for
// writing: not either where that fails at the last moment.
func TestWhatIsNotDurableIsNotRead(t *testing.T) {
	logs, tables := faults["syncing the log"], faults["writing a table"]
	disk := vfs.NewCrashableMem()
	f := &baddisk.Faulty{Err: syscall.EIO, On: func(op errorfs.Op) bool { return logs(op) || tables(op) }}
	f.Left.Store(1 << 40)
	s, err := pebble.Open(t.Context(), "store", &pebble.Options{FS: f.FS(disk), Log: quiet})
	if err != nil {
		t.Fatal(err)
	}
	send(t, s, 1)
	f.Left.Store(0)
	if _, err := s.Broker().Publish(t.Context(), []chat.Event{said(room, "never durable")}); !errors.Is(err, chat.ErrUnavailable) {
		t.Errorf("it was placed: %v", err)
	}
	for end, reads := time.Now().Add(3*time.Second), 0; time.Now().Before(end); time.Sleep(5 * time.Millisecond) { // it is tried to open it, and again
		p, err := s.History().Page(t.Context(), room, chat.Latest(5))
		if err != nil && !errors.Is(err, chat.ErrUnavailable) || err == nil && p.Head != 1 {
			t.Fatalf("read %d: the head is %d, %v", reads, p.Head, err)
		}
		reads++
	}
	f.Healed.Store(true)
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}
