package pebble_test

import (
	"math/rand/v2"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/parlor-chat/parlor/drivers/pebble"
	"github.com/parlor-chat/parlor/storage"
)

// marking is a disk that looks at how markers, which say which manifest counts, are made
// and removed: the power is cut behind each that is made, and what was done in the
// directory since it was synced is counted before each.
type marking struct {
	*vfs.MemFS
	mu     sync.Mutex
	loose  int // entries made since the directory was synced
	early  int // markers made or removed while there were any
	clones []*vfs.MemFS
}

func marker(name string) bool { return strings.HasPrefix(filepath.Base(name), "marker.manifest.") }

func (m *marking) Create(name string, c vfs.DiskWriteCategory) (vfs.File, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	f, err := m.MemFS.Create(name, c)
	if marker(name) {
		m.early += min(m.loose, 1)
		for i := range 8 {
			m.clones = append(m.clones, m.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: 50, RNG: rand.New(rand.NewPCG(5, uint64(i)))}))
		}
	}
	m.loose++
	return f, err
}

func (m *marking) Remove(name string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if marker(name) {
		m.early += min(m.loose, 1)
	}
	return m.MemFS.Remove(name)
}

func (m *marking) OpenDir(name string) (vfs.File, error) {
	f, err := m.MemFS.OpenDir(name)
	return markedDir{f, m}, err
}

type markedDir struct {
	vfs.File
	m *marking
}

func (d markedDir) Sync() error {
	d.m.mu.Lock()
	defer d.m.mu.Unlock()
	d.m.loose = 0
	return d.File.Sync()
}

// A new manifest counts only once it is surely there, and the old one until the new one
// counts: else a power cut leaves a store that doesn't open, or looks like an empty one.
func TestMarkersComeInOrder(t *testing.T) {
	disk := &marking{MemFS: vfs.NewCrashableMem()}
	for range 4 { // each opening makes a manifest
		s, err := pebble.Open(t.Context(), "store", &pebble.Options{FS: disk, Log: quiet})
		if err != nil {
			t.Fatal(err)
		}
		send(t, s, 5)
		if err := s.Scrub(t.Context(), storage.Span{Tenant: room.Tenant}); err != nil {
			t.Fatal(err)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if disk.early > 0 {
		t.Errorf("%d markers were made or removed while the directory wasn't synced", disk.early)
	}
	if len(disk.clones) < 24 {
		t.Errorf("the power was cut %d times: this proves little", len(disk.clones))
	}
	for i, left := range disk.clones {
		s, err := pebble.Open(t.Context(), "store", &pebble.Options{FS: left, Log: quiet})
		if err != nil {
			t.Errorf("cut %d: %v", i, err)
			continue
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
}
