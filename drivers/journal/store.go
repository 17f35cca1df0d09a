package journal

import (
	"context"
	"iter"
	"slices"
	"sync"
	"time"

	"github.com/parlor-chat/parlor/chat"
)

// Store is the disk under a journal. It is used by many goroutines at once.
type Store interface {
	// Load gives all records that are kept, in the order in which they came, one at a
	// time: there may be millions. An error ends it. What is dropped meanwhile may be given
	// or not.
	Load(ctx context.Context) iter.Seq2[Record, error]

	// Keep keeps new records. When it returns nil they survive kill -9 and a power
	// cut; with an error none of them counts. Where an id is kept already, the last counts.
	Keep(ctx context.Context, records []Record) error

	// Note changes what became of records that are kept: all but the event as it was
	// sent. One that isn't kept is left out. What was noted last may be lost in a crash.
	Note(ctx context.Context, records []Record) error

	// Drop forgets records. What was dropped last may come back after a crash.
	Drop(ctx context.Context, ids []chat.EventID) error
}

// Record is one event that is kept.
type Record struct {
	Event  chat.Event // with its position where it is placed
	Since  time.Time
	Memory string // of the broker, when it was placed
	Aside  string // why it is set aside: the name of a kind of error; "" where it isn't
}

// Memory is a store in memory, for tests: what it keeps survives a journal, not the
// process. The zero value is empty.
type Memory struct {
	mu      sync.Mutex
	records []Record
}

// Load implements Store.
func (m *Memory) Load(context.Context) iter.Seq2[Record, error] {
	return func(yield func(Record, error) bool) {
		m.mu.Lock()
		records := slices.Clone(m.records)
		m.mu.Unlock()
		for _, r := range records {
			if !yield(r, nil) {
				return
			}
		}
	}
}

// Keep implements Store.
func (m *Memory) Keep(_ context.Context, records []Record) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, r := range records {
		m.records = append(slices.DeleteFunc(m.records, func(x Record) bool { return x.Event.ID == r.Event.ID }), r)
	}
	return nil
}

// Note implements Store.
func (m *Memory) Note(_ context.Context, records []Record) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, r := range records {
		if i := slices.IndexFunc(m.records, func(x Record) bool { return x.Event.ID == r.Event.ID }); i >= 0 {
			m.records[i] = r
		}
	}
	return nil
}

// Drop implements Store.
func (m *Memory) Drop(_ context.Context, ids []chat.EventID) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.records = slices.DeleteFunc(m.records, func(r Record) bool { return slices.Contains(ids, r.Event.ID) })
	return nil
}

var _ Store = (*Memory)(nil)
