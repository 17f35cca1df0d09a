package bleve_test

import (
	"bytes"
	"errors"
	"flag"
	"io/fs"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

var cuts = flag.Int("cuts", 6, "how often TestPowerCuts cuts the power in the middle of writing")

// names are those that a power cut leaves in each folder: they were there when it was synced.
type names struct {
	mu sync.Mutex
	in map[string][]string
}

func (n *names) synced(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.in[dir] = nil
	for _, e := range entries {
		n.in[dir] = append(n.in[dir], e.Name())
	}
	return nil
}

func (n *names) now() map[string][]string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return maps.Clone(n.in)
}

// cut copies a folder as a power cut would leave it now, in the worst case: what was removed
// is gone, and what was made has its name only if its folder was synced since.
func (n *names) cut(t *testing.T, from string) (dir string, lost int) {
	for {
		before := n.now()
		dir := crash(t, from)
		if !maps.EqualFunc(before, n.now(), slices.Equal) {
			os.RemoveAll(dir)
			continue
		}
		err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
			if err != nil || path == dir || filepath.Dir(path) == dir {
				return err
			}
			rel, err := filepath.Rel(dir, filepath.Dir(path))
			if err != nil || slices.Contains(before[filepath.Join(from, rel)], e.Name()) {
				return err
			}
			lost++
			if err := os.RemoveAll(path); err != nil || !e.IsDir() {
				return err
			}
			return filepath.SkipDir
		})
		if err != nil {
			t.Fatal(err)
		}
		return dir, lost
	}
}

// Power cuts that lose the names of files in folders that weren't synced, while Bleve merges
// and removes what it has merged, or just after opening, which removes what a process that was
// killed left: what was acknowledged is there, nothing of the index has to be made again, and
// what is written then stays, too.
func TestPowerCuts(t *testing.T) {
	const each = 40
	dir, l, lost := t.TempDir(), life(0, each*(*cuts)), 0
	for n := range 2 * *cuts {
		named := &names{in: map[string][]string{}}
		for _, f := range files(t, dir) {
			if filepath.Base(f) == "STATE" { // the months' names are in memory alone
				if err := named.synced(filepath.Dir(f)); err != nil {
					t.Fatal(err)
				}
			}
		}
		var said bytes.Buffer
		o := options()
		o.Log = slog.New(slog.NewTextHandler(&said, nil))
		o.Cutting(4 << 10)
		o.Cooling(time.Millisecond, time.Millisecond)
		o.Syncing(named.synced)
		st := open(t, dir, o)
		want := each * ((n + 1) / 2)
		calls, err := holdsWhatItSays(t.Context(), st.Index(), [][]call{l})
		if err != nil || calls[0] != want || said.Len() > 0 {
			t.Fatalf("after %d cuts: %v calls of %d, %v; %s", n, calls, want, err, said.String())
		}
		if n%2 == 0 {
			fill(t, st.Index(), l[want:want+each])
		}
		var gone int
		dir, gone = named.cut(t, dir)
		lost += gone
		st.Close()
	}
	t.Logf("%d cuts lost %d names", 2**cuts, lost)
}

// Files that the newest snapshots of months name, and a power cut lost, take these alone with
// them: the log has what they had, and what is written then stays.
func TestTornSnapshots(t *testing.T) {
	dir, l := t.TempDir(), life(0, 60)
	st := open(t, dir, options())
	fill(t, st.Index(), l[:20])
	st.Close()
	had := files(t, dir)

	var failing atomic.Bool
	o := options()
	o.Syncing(func(dir string) error {
		if failing.Load() && filepath.Base(dir) != "g" {
			return errors.New("months can't be synced")
		}
		return nil
	})
	st = open(t, dir, o)
	failing.Store(true) // so that Bleve keeps each snapshot
	fill(t, st.Index(), l[20:40])
	var torn string
	waitFor(t, "snapshots are written", func() bool {
		torn = crash(t, dir)
		n := 0
		for _, name := range files(t, torn) {
			rel, _ := filepath.Rel(torn, name)
			if filepath.Ext(name) == ".zap" && !slices.Contains(had, filepath.Join(dir, rel)) {
				n++
				os.Remove(name)
			}
		}
		return n > 1
	})
	failing.Store(false)
	st.Close()

	var said bytes.Buffer
	o = options()
	o.Log = slog.New(slog.NewTextHandler(&said, nil))
	for n, want := range []int{40, 60} {
		st = open(t, torn, o)
		if calls, err := holdsWhatItSays(t.Context(), st.Index(), [][]call{l}); err != nil || calls[0] != want {
			t.Errorf("opened %d times: %v calls of %d, %v", n+1, calls, want, err)
		}
		fill(t, st.Index(), l[want:])
		st.Close()
	}
	if said.Len() > 0 {
		t.Error(said.String())
	}
}
