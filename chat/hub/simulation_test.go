package hub_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/parlor-chat/parlor/chat/hub/hubtest"
)

var (
	seeds     = flag.Int("seeds", 200, "how many seeds the simulation runs")
	firstSeed = flag.Int("seed", 1, "the first seed of the simulation")
	keepGoing = flag.Bool("all", false, "the simulation goes on after a broken promise")
)

// keptSeeds holds the histories of seeds that once broke a promise.
const keptSeeds = "testdata/simulation"

// TestSimulation runs random people on random nodes under random faults, and has what
// they saw checked. A seed replays the same steps, faults and clock; the order within a
// step is Go's. A seed that breaks a promise is kept with its history, and runs again
// with every test.
func TestSimulation(t *testing.T) {
	var list []uint64
	kept, _ := filepath.Glob(filepath.Join(keptSeeds, "*.txt"))
	for _, name := range kept {
		n, err := strconv.ParseUint(strings.TrimSuffix(filepath.Base(name), ".txt"), 10, 64)
		ok(t, err)
		list = append(list, n)
	}
	for i := range *seeds {
		list = append(list, uint64(*firstSeed+i))
	}
	var ran, events, crashes, losses, broken atomic.Int64
	var next atomic.Int64
	t.Run("seeds", func(t *testing.T) {
		for w := range runtime.GOMAXPROCS(0) {
			t.Run(fmt.Sprint("worker", w), func(t *testing.T) {
				t.Parallel()
				for {
					i := int(next.Add(1)) - 1
					if i >= len(list) || broken.Load() > 0 && !*keepGoing {
						return
					}
					w := simulate(t, list[i])
					ran.Add(1)
					events.Add(int64(len(w.check.at)))
					crashes.Add(int64(w.crashes))
					losses.Add(int64(w.losses))
					if n := len(w.check.broken); n > 0 {
						broken.Add(int64(n))
						keep(t, list[i], w.check)
					}
				}
			})
		}
	})
	fmt.Printf("simulation: seeds %d, events %d, crashes %d, losses %d, promises broken %d\n",
		ran.Load(), events.Load(), crashes.Load(), losses.Load(), broken.Load())
}

func simulate(t *testing.T, seed uint64) *world {
	var w *world
	defer func() {
		if w != nil && len(w.check.broken) == 0 && t.Failed() { // an end that the world didn't see coming
			w.check.broken = []string{"Complete: the world ended before its time"}
			keep(t, seed, w.check)
		}
	}()
	hubtest.Run(t, simNodes, func(t *testing.T, k *hubtest.Kit) {
		w = newWorld(t, k, seed)
		w.run()
	})
	return w
}

var keeping sync.Mutex

func keep(t *testing.T, seed uint64, c *checker) {
	keeping.Lock()
	defer keeping.Unlock()
	t.Errorf("seed %d: %s", seed, strings.Join(c.broken[:min(5, len(c.broken))], "\n\t"))
	if os.Getenv("PARLOR_KEEP_SEEDS") == "no" { // a mutant's
		return
	}
	if err := os.MkdirAll(keptSeeds, 0o755); err != nil {
		t.Error(err)
	}
	name := filepath.Join(keptSeeds, fmt.Sprint(seed)+".txt")
	if err := os.WriteFile(name, []byte(strings.Join(c.lines, "\n")+"\n"), 0o644); err != nil {
		t.Error(err)
	}
}
