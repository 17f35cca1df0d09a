package hubtest

import (
	"context"
	"iter"
	"sync"

	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/drivers/journal"
)

// disk is that of a node, under its journal: what the journal reads back, and what of it
// survives a crash. What is kept is in both, as the contract of [journal.Store] demands.
type disk struct {
	mu        sync.Mutex
	now, safe *journal.Memory
}

func newDisk() *disk { return &disk{now: new(journal.Memory), safe: new(journal.Memory)} }

func (d *disk) load(ctx context.Context) iter.Seq2[journal.Record, error] {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.now.Load(ctx)
}

func (d *disk) keep(ctx context.Context, records []journal.Record) error {
	return d.write(true, func(m *journal.Memory) error { return m.Keep(ctx, records) })
}

func (d *disk) note(ctx context.Context, records []journal.Record, synced bool) error {
	return d.write(synced, func(m *journal.Memory) error { return m.Note(ctx, records) })
}

func (d *disk) drop(ctx context.Context, ids []chat.EventID, synced bool) error {
	return d.write(synced, func(m *journal.Memory) error { return m.Drop(ctx, ids) })
}

func (d *disk) write(synced bool, do func(*journal.Memory) error) error {
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
func (d *disk) sync() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.safe = copied(d.now)
}

// crash leaves what is safe.
func (d *disk) crash() {
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
