package hub_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"slices"
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

// keptCases holds the plans that once broke a promise, each with what was seen then.
const keptCases = "testdata/simulation"

// TestSimulation runs random people on random nodes under random faults, and has what
// they saw checked. A plan is drawn from each seed before it begins, so that the same
// steps and faults come again; the order within a step is Go's. A plan that breaks a
// promise is kept, and runs again with every test.
func TestSimulation(t *testing.T) {
	kept, _ := filepath.Glob(filepath.Join(keptCases, "*.txt"))
	sum := simulateAll(t, len(kept)+*seeds, func(t *testing.T, i int) *world {
		if i >= len(kept) {
			seed := *firstSeed + i - len(kept)
			return simulate(t, fmt.Sprint(seed), drawPlan(uint64(seed)), hubtest.Options{})
		}
		b, err := os.ReadFile(kept[i])
		ok(t, err)
		p, err := readPlan(b)
		ok(t, err)
		return simulate(t, strings.TrimSuffix(filepath.Base(kept[i]), ".txt"), p, hubtest.Options{})
	})
	fmt.Println("simulation:", sum)
}

// simulated is what came of many plans.
type simulated struct{ seeds, events, crashes, losses, broken atomic.Int64 }

func (s *simulated) String() string {
	return fmt.Sprintf("seeds %d, events %d, crashes %d, losses %d, promises broken %d",
		s.seeds.Load(), s.events.Load(), s.crashes.Load(), s.losses.Load(), s.broken.Load())
}

// simulateAll runs n plans, until one breaks a promise.
func simulateAll(t *testing.T, n int, one func(t *testing.T, i int) *world) *simulated {
	var sum simulated
	var next atomic.Int64
	t.Run("seeds", func(t *testing.T) {
		for w := range runtime.GOMAXPROCS(0) {
			t.Run(fmt.Sprint("worker", w), func(t *testing.T) {
				t.Parallel()
				for {
					i := int(next.Add(1)) - 1
					if i >= n || sum.broken.Load() > 0 && !*keepGoing {
						return
					}
					w := one(t, i)
					if ran := sum.seeds.Add(1); ran%1000 == 0 {
						fmt.Fprintf(os.Stderr, "simulation: %d of %d\n", ran, n)
					}
					sum.events.Add(int64(len(w.check.at)))
					sum.crashes.Add(int64(w.crashes))
					sum.losses.Add(int64(w.losses))
					sum.broken.Add(int64(len(w.check.broken)))
				}
			})
		}
	})
	return &sum
}

// simulate runs a plan, and keeps it under a name where it breaks a promise.
func simulate(t *testing.T, name string, p plan, o hubtest.Options) *world {
	var w *world
	var running sync.WaitGroup
	running.Go(func() { // which a failure of the kit ends
		hubtest.RunWith(t, simNodes, o, func(t *testing.T, k *hubtest.Kit) {
			w = newWorld(t, k, p)
			w.log = o.Log != nil
			w.run()
		})
	})
	running.Wait()
	if len(w.check.broken) == 0 && w.t.Failed() { // by what the kit saw
		w.check.breaks("Complete", "the kit says why")
	}
	if len(w.check.broken) > 0 {
		keep(t, name, w)
	}
	return w
}

var keeping sync.Mutex

func keep(t *testing.T, name string, w *world) {
	keeping.Lock()
	defer keeping.Unlock()
	t.Errorf("seed %s: %s", name, strings.Join(w.check.broken[:min(5, len(w.check.broken))], "\n\t"))
	if os.Getenv("PARLOR_KEEP_SEEDS") == "no" { // a mutant's
		return
	}
	if err := os.MkdirAll(keptCases, 0o755); err != nil {
		t.Error(err)
	}
	text := w.plan.String() + "\n" + strings.Join(w.check.lines, "\n") + "\n"
	if err := os.WriteFile(filepath.Join(keptCases, name+".txt"), []byte(text), 0o644); err != nil {
		t.Error(err)
	}
}

// Whatever Go does first, a seed has the same plan, and all that it says befalls the
// world, in the step that it says.
func TestASeedIsReplayed(t *testing.T) {
	t.Setenv("PARLOR_KEEP_SEEDS", "no")
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(0))
	for seed := uint64(1); seed <= 12; seed++ {
		p := drawPlan(seed)
		if again := drawPlan(seed).String(); again != p.String() {
			t.Fatalf("seed %d has the plans\n%s\nand\n%s", seed, p, again)
		}
		read, err := readPlan([]byte(p.String() + "\n1 ann sends\n"))
		ok(t, err)
		if !reflect.DeepEqual(read, p) {
			t.Fatalf("seed %d is\n%s\nand is read as\n%s", seed, p, read)
		}
		var want []string
		for i, s := range p {
			for _, a := range s.Actions {
				if a.befalls() {
					want = append(want, a.in(i+1))
				}
			}
		}
		slices.Sort(want)
		for _, processors := range []int{1, 2, 4} {
			runtime.GOMAXPROCS(processors)
			w := simulate(t, fmt.Sprint(seed), read, hubtest.Options{})
			if slices.Sort(w.befell); !slices.Equal(w.befell, want) {
				t.Errorf("seed %d on %d processors: there befell\n%s\nand was planned\n%s", seed, processors, strings.Join(w.befell, "\n"), strings.Join(want, "\n"))
			}
		}
	}
}
