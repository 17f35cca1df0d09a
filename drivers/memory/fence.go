package memory

import (
	"context"
	"sync"
	"time"

	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/storage"
)

// fenceData is everything that a fence holds.
type fenceData struct {
	now func() time.Time

	mu        sync.Mutex
	leases    map[string]storage.Lease // ended ones too: their terms must not come again
	registers map[string]string
}

func (d *fenceData) init(o Options) {
	d.now = o.Now
	d.leases = map[string]storage.Lease{}
	d.registers = map[string]string{}
}

// fence is the fence through one handle.
type fence struct{ *Store }

// Lease implements storage.Fence.
func (h fence) Lease(ctx context.Context, name, node string, ttl time.Duration) (storage.Lease, error) {
	const op = "lease"
	if err := h.ready(ctx, op); err != nil {
		return storage.Lease{}, err
	}
	if err := storage.CheckLease(op, name, node, ttl); err != nil {
		return storage.Lease{}, err
	}
	d := &h.data.fence
	d.mu.Lock()
	defer d.mu.Unlock()
	now := d.now()
	l := d.leases[name]
	held := now.Before(l.Until)
	switch {
	case held && l.Node != node:
		return storage.Lease{}, &chat.Error{Kind: chat.ErrConflict, Op: op, Field: "node", Retry: l.Until.Sub(now)}
	case !held:
		l.Term++
	}
	l.Node, l.Until = node, now.Add(ttl)
	d.leases[name] = l
	return l, nil
}

// Held implements storage.Fence.
func (h fence) Held(ctx context.Context, name string) (storage.Lease, error) {
	const op = "held"
	if err := h.ready(ctx, op); err != nil {
		return storage.Lease{}, err
	}
	d := &h.data.fence
	d.mu.Lock()
	defer d.mu.Unlock()
	l := d.leases[name]
	if !d.now().Before(l.Until) {
		return storage.Lease{}, missing(op, "name")
	}
	return l, nil
}

// Release implements storage.Fence.
func (h fence) Release(ctx context.Context, name, node string) error {
	if err := h.ready(ctx, "release"); err != nil {
		return err
	}
	d := &h.data.fence
	d.mu.Lock()
	defer d.mu.Unlock()
	if l := d.leases[name]; l.Node == node {
		l.Until = time.Time{}
		d.leases[name] = l
	}
	return nil
}

// Value implements storage.Fence.
func (h fence) Value(ctx context.Context, name string) (string, error) {
	if err := h.ready(ctx, "value"); err != nil {
		return "", err
	}
	d := &h.data.fence
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.registers[name], nil
}

// Swap implements storage.Fence.
func (h fence) Swap(ctx context.Context, name, from, to string) error {
	const op = "swap"
	if err := h.ready(ctx, op); err != nil {
		return err
	}
	if err := storage.CheckSwap(op, name, to); err != nil {
		return err
	}
	d := &h.data.fence
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.registers[name] != from {
		return &chat.Error{Kind: chat.ErrConflict, Op: op, Field: "from"}
	}
	d.registers[name] = to
	return nil
}
