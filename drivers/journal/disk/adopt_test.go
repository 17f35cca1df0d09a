package disk_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/drivers/journal"
	"github.com/parlor-chat/parlor/drivers/journal/disk"
	"github.com/parlor-chat/parlor/drivers/memory"
	"github.com/parlor-chat/parlor/internal/baddisk"
)

// The power is cut at a random moment while one node adopts the journal of another, both
// disks being lost to what was synced: each event is on one of them, or on both, and when the
// adoption is done again each is in its room, once.
func TestPowerCutsWhileAdopting(t *testing.T) {
	const n = 600
	origin := vfs.NewCrashableMem()
	dead := open(t, "dead", origin)
	var want []journal.Record
	for i := range n {
		want = append(want, fresh(fmt.Sprint(i)))
	}
	keep(t, dead, want...)
	closed(t, dead)
	some, all := 0, max(5, *cuts/5)
	for i := range all {
		rng := rand.New(rand.NewPCG(11, uint64(i)))
		fs := origin.CrashClone(vfs.CrashCloneCfg{})
		mem := memory.New(nil)
		left := make(chan *vfs.MemFS, 1)
		adopt(t, baddisk.Slow{FS: fs, Most: 4 * time.Millisecond}, mem, func() {
			go func() {
				time.Sleep(time.Duration(rng.IntN(60_000)) * time.Microsecond)
				left <- fs.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: []int{0, 90}[i%2], RNG: rng})
			}()
		}, nil)
		after := <-left
		if both := onDisks(t, after, want); both > 0 && both < n {
			some++
		}
		adopt(t, after, mem, func() {}, func(j *journal.Journal, d *disk.Store) {
			if x := stats(t, d); x.Records > 0 {
				t.Errorf("cut %d: %d records are left on the dead node's disk", i, x.Records)
			}
			if !until(20*time.Second, func() bool { return placed(t, j) == held(t, j) }) {
				t.Errorf("cut %d: %d of %d are placed", i, placed(t, j), held(t, j))
			}
		})
		once(t, mem, want)
		mem.Close()
		if t.Failed() {
			t.Fatalf("cut %d", i)
		}
	}
	t.Logf("cuts: %d, of which in the middle: %d", all, some)
	if some == 0 {
		t.Error("this proves nothing")
	}
}

// adopt has a node adopt the journal in the folder "dead": start is called before, and look
// behind it.
func adopt(t testing.TB, fs vfs.FS, mem *memory.Store, start func(), look func(*journal.Journal, *disk.Store)) {
	t.Helper()
	own, dead := open(t, "node", fs), open(t, "dead", fs)
	j, err := journal.New(t.Context(), own, mem.Broker(), &journal.Options{Logger: quiet})
	if err == nil {
		err = begin(t.Context(), j)
	}
	if err != nil {
		t.Fatal(err)
	}
	start()
	if _, err := j.Adopt(t.Context(), eager{dead}); err != nil {
		t.Fatal(err)
	}
	if look != nil {
		look(j, dead)
	}
	if err := j.Close(); err != nil {
		t.Error(err)
	}
	closed(t, own)
	closed(t, dead)
}

// A folder whose log is damaged is adopted as far as it can be read, though nothing can be
// dropped there.
func TestADamagedFolderIsAdopted(t *testing.T) {
	fs := vfs.NewCrashableMem()
	s := open(t, "dead", fs)
	var want []journal.Record
	for i := range 900 {
		want = append(want, fresh(fmt.Sprint(i)))
		keep(t, s, want[i])
	}
	left := fs.CrashClone(vfs.CrashCloneCfg{})
	closed(t, s)
	names, _ := left.List("dead")
	for _, name := range names {
		if strings.HasSuffix(name, ".log") {
			b := []byte(read(t, left, "dead/"+name))
			b[len(strings.TrimRight(string(b), "\x00"))*4/5] ^= 1
			write(t, left, "dead/"+name, b)
		}
	}
	if _, err := disk.Open(t.Context(), "dead", &disk.Options{FS: left, Log: quiet}); !errors.Is(err, chat.ErrUnavailable) || !strings.Contains(err.Error(), ".log in the store is damaged") {
		t.Fatalf("for writing: %v", err)
	}
	dead, err := disk.Open(t.Context(), "dead", &disk.Options{FS: left, Log: quiet, ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	defer closed(t, dead)
	mem, own := memory.New(nil), open(t, "node", vfs.NewMem())
	defer mem.Close()
	defer closed(t, own)
	j, err := journal.New(t.Context(), own, mem.Broker(), &journal.Options{Logger: quiet})
	if err == nil {
		err = begin(t.Context(), j)
	}
	if err != nil {
		t.Fatal(err)
	}
	defer j.Close()
	got, err := j.Adopt(t.Context(), dead)
	if !errors.Is(err, chat.ErrUnavailable) || got.Taken < 600 || got.Taken >= len(want) {
		t.Errorf("%+v, %v", got, err)
	}
	if again, err := j.Adopt(t.Context(), dead); !errors.Is(err, chat.ErrUnavailable) || again != (chat.Adopted{Known: got.Taken}) {
		t.Errorf("again: %+v, %v", again, err)
	}
	if !until(20*time.Second, func() bool { return placed(t, j) == got.Taken }) {
		t.Errorf("%d of %d are placed", placed(t, j), got.Taken)
	}
	once(t, mem, want[:got.Taken])
}

// eager is a disk that has what is dropped at once, as it may.
type eager struct{ *disk.Store }

func (e eager) Drop(ctx context.Context, ids []chat.EventID) error {
	return errors.Join(e.Store.Drop(ctx, ids), e.Scrub(ctx))
}

// onDisks checks that each record is on one disk or the other, and says how many are on the
// adopting node's.
func onDisks(t testing.TB, fs vfs.FS, want []journal.Record) (adopted int) {
	t.Helper()
	found := map[chat.EventID]bool{}
	for _, dir := range []string{"node", "dead"} {
		s, err := disk.Open(t.Context(), dir, &disk.Options{Log: quiet, Reserve: -1, FS: fs})
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range load(t, s) {
			found[r.Event.ID] = true
			if dir == "node" {
				adopted++
			}
		}
		closed(t, s)
	}
	for i := range want {
		if !found[want[i].Event.ID] {
			t.Errorf("record %d is on no disk", i)
		}
	}
	return adopted
}

// held is how many events a journal holds.
func held(t testing.TB, j *journal.Journal) (n int) {
	t.Helper()
	for after := int64(0); ; {
		held, err := j.Held(t.Context(), after, chat.MaxBatch)
		if err != nil {
			t.Fatal(err)
		}
		if len(held) == 0 {
			return n
		}
		n += len(held)
		after = held[len(held)-1].Number + 1
	}
}

// once checks that each event is in the room, once.
func once(t testing.TB, mem *memory.Store, want []journal.Record) {
	t.Helper()
	head, err := mem.Broker().Recent(t.Context(), room, chat.Latest(1000).All())
	if err != nil {
		t.Fatal(err)
	}
	found := map[chat.EventID]int{}
	for i := range head.Events {
		found[head.Events[i].ID]++
	}
	for i := range want {
		if n := found[want[i].Event.ID]; n != 1 {
			t.Errorf("record %d is in the room %d times", i, n)
		}
	}
	if len(head.Events) != len(want) {
		t.Errorf("the room has %d events, want %d", len(head.Events), len(want))
	}
}
