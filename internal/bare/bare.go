// Package bare is Pebble without a driver, for benchmarks that measure a driver beside it in
// the same run.
package bare

import (
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/bloom"
)

// Body is a text of about the usual length.
const Body = "hello everybody, this is a message of about the usual length that people write to each other in rooms, with some more words at its end so that it is long enough"

// TB is what is used of a benchmark.
type TB interface {
	Fatal(args ...any)
	TempDir() string
	Cleanup(func())
}

// Open opens a new database in a folder of its own, set up as the drivers set theirs up, with
// memtables of so many bytes.
func Open(b TB, memTable uint64) *pebble.DB {
	o := &pebble.Options{Logger: silent{}, FormatMajorVersion: pebble.FormatNewest, MemTableSize: memTable,
		MemTableStopWritesThreshold: 4, L0CompactionThreshold: 4, L0StopWritesThreshold: 40}
	for i := range o.Levels {
		o.Levels[i].FilterPolicy = bloom.FilterPolicy(10)
	}
	db, err := pebble.Open(b.TempDir(), o)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { db.Close() })
	return db
}

type silent struct{}

func (silent) Infof(string, ...any)  {}
func (silent) Errorf(string, ...any) {}
func (silent) Fatalf(string, ...any) {}

// Spent is what something took.
type Spent struct{ Wall, CPU time.Duration }

// Add adds what something else took.
func (s *Spent) Add(o Spent) { s.Wall += o.Wall; s.CPU += o.CPU }

// Each calls do n times, from 1 to n, on so many goroutines, and says what that took. The CPU
// time is that of the whole process.
func Each(senders, n int, do func(i int)) Spent {
	var next atomic.Int64
	var wg sync.WaitGroup
	start, used := time.Now(), cpu()
	for range senders {
		wg.Go(func() {
			for i := next.Add(1); i <= int64(n); i = next.Add(1) {
				do(int(i))
			}
		})
	}
	wg.Wait()
	return Spent{time.Since(start), cpu() - used}
}

// cpu is the CPU time that the process has used, user and system.
func cpu() time.Duration {
	var u syscall.Rusage
	syscall.Getrusage(syscall.RUSAGE_SELF, &u) // fails for no process of its own
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// Turns has both done by turns, so that the machine is the same to both, until each was
// called n times in all. Both are told how often they are to do what they do.
func Turns(n, turn int, bares, ours func(n int) Spent) (bare, our Spent) {
	for left := n; left > 0; left -= turn {
		k := min(left, turn)
		bare.Add(bares(k))
		our.Add(ours(k))
	}
	return bare, our
}
