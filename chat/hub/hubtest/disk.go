package hubtest

import (
	"context"
	"iter"
	"sync"

	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/drivers/journal"
	"github.com/parlor-chat/parlor/storage"
)

// NodeDisk is what the journal of a node lies on. It outlives the node.
type NodeDisk interface {
	// Open opens what is there, once in each life of the node.
	Open(ctx context.Context) (journal.Store, error)
	// Crash takes back what a crash may take back. What was opened is of no use any more.
	Crash()
	// Close closes what was opened.
	Close() error
}

// Log is a disk that a broker and an archive lie on, which all nodes of a process share. It
// loses no memory, but stops with all nodes ([Kit.PowerCut]).
type Log interface {
	// Open opens what is there, once until the next Crash.
	Open(ctx context.Context) (chat.Broker, storage.History, error)
	// Crash takes back what a power cut may take back. What was opened is of no use any more.
	Crash()
	// Close closes what was opened.
	Close() error
}

// memoryDisk is what a journal reads back, and what of it survives a crash. What is kept is
// in both, as the contract of [journal.Store] demands.
type memoryDisk struct {
	synced func() bool // whether what is written now survives

	mu        sync.Mutex
	now, safe *journal.Memory
}

func newMemoryDisk(synced func() bool) *memoryDisk {
	return &memoryDisk{synced: synced, now: new(journal.Memory), safe: new(journal.Memory)}
}

// Open implements NodeDisk.
func (d *memoryDisk) Open(context.Context) (journal.Store, error) { return d, nil }

// Close implements NodeDisk.
func (d *memoryDisk) Close() error { return nil }

// Load implements journal.Store.
func (d *memoryDisk) Load(ctx context.Context) iter.Seq2[journal.Record, error] {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.now.Load(ctx)
}

// Keep implements journal.Store.
func (d *memoryDisk) Keep(ctx context.Context, records []journal.Record) error {
	return d.write(true, func(m *journal.Memory) error { return m.Keep(ctx, records) })
}

// Note implements journal.Store.
func (d *memoryDisk) Note(ctx context.Context, records []journal.Record) error {
	return d.write(d.synced(), func(m *journal.Memory) error { return m.Note(ctx, records) })
}

// Drop implements journal.Store.
func (d *memoryDisk) Drop(ctx context.Context, ids []chat.EventID) error {
	return d.write(d.synced(), func(m *journal.Memory) error { return m.Drop(ctx, ids) })
}

func (d *memoryDisk) write(synced bool, do func(*journal.Memory) error) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if synced {
		if err := do(d.safe); err != nil {
			return err
		}
	}
	return do(d.now)
}

// sync makes all safe that was written.
func (d *memoryDisk) sync() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.safe = copied(d.now)
}

// Crash implements NodeDisk: it leaves what is safe.
func (d *memoryDisk) Crash() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.now = copied(d.safe)
}

func copied(m *journal.Memory) *journal.Memory {
	c := new(journal.Memory)
	var records []journal.Record
	for r := range m.Load(context.Background()) { // a store in memory doesn't fail
		records = append(records, r)
	}
	c.Keep(context.Background(), records)
	return c
}
