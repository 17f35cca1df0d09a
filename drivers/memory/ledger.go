package memory

import (
	"context"
	"slices"
	"sort"

	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/storage"
)

// ledgerData is what a directory holds of erasures and holds.
type ledgerData struct {
	entries []storage.LedgerEntry // that of Seq n at n-1
	entered map[chat.EventID]int64
	open    []int64 // of what hasn't ended, in order
}

func (d *ledgerData) init() { d.entered = map[chat.EventID]int64{} }

// entry is the entry of a Seq, or the zero one.
func (d *ledgerData) entry(seq int64) storage.LedgerEntry {
	if seq < 1 || seq > int64(len(d.entries)) {
		return storage.LedgerEntry{}
	}
	return d.entries[seq-1]
}

// Enter implements storage.Ledger.
func (h directory) Enter(ctx context.Context, e storage.LedgerEntry) (storage.LedgerEntry, error) {
	const op = "enter"
	if err := h.ready(ctx, op); err != nil {
		return storage.LedgerEntry{}, err
	}
	if err := e.Check(op); err != nil {
		return storage.LedgerEntry{}, err
	}
	d := &h.data.directory
	d.mu.Lock()
	defer d.mu.Unlock()
	about := d.entry(e.About)
	e, there, err := e.Place(op, int64(len(d.entries)), about, d.entry(d.entered[e.ID]))
	if err != nil || there {
		return e, err
	}
	i, open := slices.BinarySearch(d.open, e.About)
	switch {
	case e.About == 0:
	case !e.Ends(about):
		return storage.LedgerEntry{}, missing(op, "about")
	case !open:
		return storage.LedgerEntry{}, conflict(op, "about")
	}
	for _, seq := range d.open {
		if err := e.Stopped(op, d.entry(seq)); err != nil {
			return storage.LedgerEntry{}, err
		}
	}
	if open {
		d.open = slices.Delete(d.open, i, i+1)
	} else {
		d.open = append(d.open, e.Seq)
	}
	d.entries = append(d.entries, e)
	d.entered[e.ID] = e.Seq
	return e, nil
}

// Since implements storage.Ledger.
func (h directory) Since(ctx context.Context, after int64, limit int) ([]storage.LedgerEntry, error) {
	if err := h.list(ctx, "since", limit); err != nil {
		return nil, err
	}
	d := &h.data.directory
	d.mu.RLock()
	defer d.mu.RUnlock()
	all := d.entries[min(max(after, 0), int64(len(d.entries))):]
	return slices.Clone(all[:min(limit, len(all))]), nil
}

// Holds implements storage.Ledger.
func (h directory) Holds(ctx context.Context, tenant string, after int64, limit int) ([]storage.LedgerEntry, error) {
	return h.openEntries(ctx, "holds", after, limit, func(e storage.LedgerEntry) bool {
		return e.Act == storage.Held && e.Of.Tenant == tenant
	})
}

// Owed implements storage.Ledger.
func (h directory) Owed(ctx context.Context, after int64, limit int) ([]storage.LedgerEntry, error) {
	return h.openEntries(ctx, "owed", after, limit, func(e storage.LedgerEntry) bool { return e.Act != storage.Held })
}

// openEntries are those of what hasn't ended that are wanted.
func (h directory) openEntries(ctx context.Context, op string, after int64, limit int, wanted func(storage.LedgerEntry) bool) ([]storage.LedgerEntry, error) {
	if err := h.list(ctx, op, limit); err != nil {
		return nil, err
	}
	d := &h.data.directory
	d.mu.RLock()
	defer d.mu.RUnlock()
	var found []storage.LedgerEntry
	from := sort.Search(len(d.open), func(i int) bool { return d.open[i] > after })
	for _, seq := range d.open[from:] {
		if e := d.entry(seq); wanted(e) && len(found) < limit {
			found = append(found, e)
		}
	}
	return found, nil
}
