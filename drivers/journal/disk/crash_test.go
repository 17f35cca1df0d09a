package disk_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"syscall"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/drivers/journal"
	"github.com/parlor-chat/parlor/drivers/journal/disk"
	"github.com/parlor-chat/parlor/internal/baddisk"
)

var cuts = flag.Int("cuts", 50, "how many times the power is cut")

// The power is cut at random moments while many keep, note and drop: all that was
// acknowledged is there, whole, once.
func TestPowerCuts(t *testing.T) {
	acked, dropped := 0, 0
	for i := range *cuts {
		rng := rand.New(rand.NewPCG(1, uint64(i)))
		fs := vfs.NewCrashableMem()
		s := open(t, "journal", baddisk.Slow{FS: fs, Most: 2 * time.Millisecond})
		w := newWitness()
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { w.busy(ctx, s, 48); close(done) }()
		time.Sleep(time.Duration(2+rng.IntN(25)) * time.Millisecond)
		before := w.copy()
		left := fs.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: []int{0, 50, 90}[i%3], RNG: rng})
		last := w.copy() // what is being dropped now
		cancel()
		<-done
		closed(t, s)
		before.dropped, before.tried = last.dropped, last.tried
		s, err := disk.Open(t.Context(), "journal", &disk.Options{FS: left, Log: quiet, Reserve: -1})
		if err != nil {
			t.Fatalf("cut %d: %v", i, err)
		}
		if err := before.wrong(load(t, s), false); err != nil {
			t.Errorf("cut %d: %v", i, err)
		}
		keep(t, s, fresh("goes on"))
		closed(t, s)
		acked, dropped = acked+len(before.acked), dropped+len(before.dropped)
		if t.Failed() && i > 20 {
			break
		}
	}
	t.Logf("cuts: %d, acknowledged: %d, dropped: %d", *cuts, acked, dropped)
	if acked < *cuts || dropped < *cuts {
		t.Error("too little happened for this to prove anything")
	}
}

// A full or failing disk, at each kind of operation, once or until it is healed: the program
// lives, nothing is acknowledged that isn't kept, and when the disk is well the store is, by
// itself; then what was refused or dropped is not there. A power cut while it fails takes
// nothing back.
func TestAFailingDisk(t *testing.T) {
	for name, on := range baddisk.Faults("journal") {
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
	fs := vfs.NewCrashableMem()
	f := &baddisk.Faulty{On: on, Err: syscall.ENOSPC, Once: once}
	if once {
		f.Err = syscall.EIO
	}
	f.Left.Store(1 << 40)
	s := open(t, "journal", f.FS(fs))
	w := newWitness()
	ctx, cancel := context.WithCancel(t.Context())
	done, churn := make(chan struct{}), make(chan struct{})
	go func() { w.busy(ctx, s, 8); close(done) }()
	go func() { // tables, manifests and logs are made
		for ctx.Err() == nil {
			_ = s.Scrub(ctx)
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
	left := fs.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: 50, RNG: rng})
	after := w.copy()
	before.dropped, before.tried = after.dropped, after.tried
	for _, err := range s.Load(ctx) { // whoever reads, reads, or is told that he can't now
		if err != nil && !errors.Is(err, chat.ErrUnavailable) {
			t.Error(err)
		}
	}
	f.Healed.Store(true)
	if !until(20*time.Second, func() bool { return w.send(s, 99, 1) }) {
		t.Errorf("the disk is well, the store isn't: %+v", stats(t, s))
	}
	cancel()
	<-done
	<-churn
	last := w.copy()
	if last.refused == 0 && !once {
		t.Error("nothing was refused: this proves nothing")
	}
	if err := last.wrong(load(t, s), true); err != nil {
		t.Errorf("before it is closed: %v", err)
	}
	if x := stats(t, s); x.Missing > 0 || x.Damaged > 0 || x.Gaps > 0 || x.Last == nil {
		t.Errorf("%+v", x)
	}
	closed(t, s)
	for when, at := range map[string]struct {
		fs   vfs.FS
		w    *witness
		gone bool
	}{"after the power cut": {left, before, false}, "in the end": {fs, last, true}} {
		s := open(t, "journal", at.fs)
		if err := at.w.wrong(load(t, s), at.gone); err != nil {
			t.Errorf("%s: %v", when, err)
		}
		closed(t, s)
	}
	t.Logf("failed %d, acknowledged %d, refused %d", f.Failed.Load(), len(last.acked), last.refused)
}

// Opening fails at each of its operations that change the disk in turn, behind a crash: it is
// refused or opens for reading, and the next opening has everything. So does a power cut in
// that moment.
func TestOpeningOnAFailingDisk(t *testing.T) {
	origin := vfs.NewCrashableMem()
	s := open(t, "journal", origin)
	var want []journal.Record
	for i := range 20 {
		want = append(want, fresh(fmt.Sprint(i)))
	}
	keep(t, s, want...)
	n, failed := 0, true
	for ; failed && n < 500; n++ {
		rng := rand.New(rand.NewPCG(7, uint64(n)))
		fs := origin.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: 50, RNG: rng}) // of what was acknowledged all is there
		f := &baddisk.Faulty{Err: syscall.EIO, On: func(op errorfs.Op) bool {
			return op.Kind.ReadOrWrite() == errorfs.OpIsWrite
		}}
		f.Left.Store(int64(n))
		o := &disk.Options{FS: f.FS(fs), Log: quiet, Reserve: -1}
		bad, err := disk.Open(t.Context(), "journal", o)
		if failed = f.Failed.Load() > 0; err == nil {
			check(t, bad, want...)
			if kept := bad.Keep(t.Context(), []journal.Record{fresh("x")}); failed && !errors.Is(kept, chat.ErrUnavailable) {
				t.Errorf("operation %d failed, and something was kept: %v", n, kept)
			}
		} else if !errors.Is(err, chat.ErrUnavailable) {
			t.Errorf("operation %d: %v", n, err)
		}
		left := fs.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: 50, RNG: rng})
		if bad != nil {
			bad.Close()
		}
		if !failed {
			break
		}
		for _, fs := range []*vfs.MemFS{fs, left} {
			again := open(t, "journal", fs)
			check(t, again, want...)
			closed(t, again)
		}
		if t.Failed() {
			t.Fatalf("at operation %d", n)
		}
	}
	closed(t, s)
	t.Logf("%d operations failed in turn", n)
	if n < 20 || n == 500 {
		t.Error("this proves nothing")
	}
}
