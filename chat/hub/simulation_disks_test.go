package hub_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/chat/hub/hubtest"
	"github.com/parlor-chat/parlor/drivers/journal"
	"github.com/parlor-chat/parlor/drivers/journal/disk"
	"github.com/parlor-chat/parlor/drivers/pebble"
	"github.com/parlor-chat/parlor/storage"
)

// simDisk is a disk that forgets, in a crash, part of what wasn't synced.
type simDisk struct {
	fs  *vfs.MemFS
	rng *rand.Rand
}

func newSimDisk(seed uint64) simDisk {
	return simDisk{vfs.NewCrashableMem(), rand.New(rand.NewPCG(seed, 0))}
}

func (d *simDisk) crash() {
	d.fs = d.fs.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: []int{0, 50, 90}[d.rng.IntN(3)], RNG: d.rng})
}

// journalDisk is such a disk under a node's journal.
type journalDisk struct {
	simDisk
	opened *disk.Store
}

func (d *journalDisk) Open(ctx context.Context) (journal.Store, error) {
	if err := d.Close(); err != nil {
		return nil, err
	}
	var err error
	d.opened, err = disk.Open(ctx, "journal", &disk.Options{FS: d.fs, Log: slog.New(slog.DiscardHandler)})
	return d.opened, err
}

// Crash implements hubtest.NodeDisk. What was opened goes on over what nobody will see.
func (d *journalDisk) Crash() { d.crash() }

func (d *journalDisk) Close() error {
	if d.opened == nil {
		return nil
	}
	err := d.opened.Close()
	d.opened = nil
	return err
}

// pebbleLog is such a disk under the broker and the archive of all nodes.
type pebbleLog struct {
	simDisk
	opened []*pebble.Store // the last lives
}

func (l *pebbleLog) Open(ctx context.Context) (chat.Broker, storage.History, error) {
	if err := l.Close(); err != nil {
		return nil, nil, err
	}
	s, err := pebble.Open(ctx, "log", &pebble.Options{FS: l.fs, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		return nil, nil, err
	}
	l.opened = append(l.opened, s)
	return s.Broker(), s.History(), nil
}

func (l *pebbleLog) Crash() { l.crash() }

func (l *pebbleLog) Close() error {
	var failed []error
	for _, s := range l.opened {
		failed = append(failed, s.Close())
	}
	l.opened = nil
	return errors.Join(failed...)
}

// TestPlansOnDisks runs the plans of the simulation over disks that forget what wasn't synced:
// once with a journal's folder on each node, over a broker in memory that loses its own; and
// once over Pebble as broker and archive of all nodes, whose losses are power cuts.
func TestPlansOnDisks(t *testing.T) {
	for _, on := range []struct {
		name    string
		options func(seed uint64) hubtest.Options
	}{
		{"journals", func(seed uint64) hubtest.Options {
			return hubtest.Options{Disk: func() hubtest.NodeDisk { return &journalDisk{simDisk: newSimDisk(seed)} }}
		}},
		{"Pebble", func(seed uint64) hubtest.Options {
			return hubtest.Options{Log: &pebbleLog{simDisk: newSimDisk(seed)}}
		}},
	} {
		t.Run(on.name, func(t *testing.T) {
			sum := simulateAll(t, max(1, *seeds/20), func(t *testing.T, i int) *world {
				seed := uint64(*firstSeed + i)
				return simulate(t, fmt.Sprint(on.name, seed), drawPlan(seed), on.options(seed))
			})
			fmt.Printf("plans on %s: %s\n", on.name, sum)
		})
	}
}
