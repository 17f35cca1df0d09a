package sql

import (
	"context"
	stdsql "database/sql"
	"time"

	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/storage"
)

// fence is the fence in a store.
type fence struct{ *Store }

const oneLease = "SELECT node, term, until_nano FROM {leases} WHERE name = ?"

func scanLease(at row) (l storage.Lease, err error) {
	var nanos int64
	err = at.Scan(&l.Node, &l.Term, &nanos)
	l.Until = time.Unix(0, nanos).UTC()
	return l, err
}

// putLease stores a lease. What has ended stays, for its term.
func (h fence) putLease(ctx context.Context, tx *stdsql.Tx, name string, l storage.Lease) error {
	return h.put(ctx, tx, "leases", []string{"name"}, []string{"node", "term", "until_nano"}, name, l.Node, l.Term, l.Until.UnixNano())
}

// Lease implements storage.Fence.
func (h fence) Lease(ctx context.Context, name, node string, ttl time.Duration) (storage.Lease, error) {
	const op = "lease"
	if err := h.ready(ctx, op); err != nil {
		return storage.Lease{}, err
	}
	if err := storage.CheckLease(op, name, node, ttl); err != nil {
		return storage.Lease{}, err
	}
	var l storage.Lease
	err := h.write(ctx, op, func(tx *stdsql.Tx) (err error) {
		if l, _, err = findOne(ctx, h.Store, tx, scanLease, oneLease+" {locked}", name); err != nil {
			return err
		}
		now := h.now() // now, for others may have kept this waiting
		held := now.Before(l.Until)
		switch {
		case held && l.Node != node:
			return &chat.Error{Kind: chat.ErrConflict, Op: op, Field: "node", Retry: l.Until.Sub(now)}
		case !held:
			l.Term++
		}
		l.Node, l.Until = node, now.Add(ttl).Round(0).UTC()
		return h.putLease(ctx, tx, name, l)
	})
	if err != nil {
		return storage.Lease{}, err
	}
	return l, nil
}

// Held implements storage.Fence.
func (h fence) Held(ctx context.Context, name string) (storage.Lease, error) {
	const op = "held"
	if err := h.ready(ctx, op); err != nil {
		return storage.Lease{}, err
	}
	return readOne(ctx, h.Store, op, "name", scanLease, oneLease+" AND until_nano > ?", name, h.now().UnixNano())
}

// Release implements storage.Fence.
func (h fence) Release(ctx context.Context, name, node string) error {
	const op = "release"
	if err := h.ready(ctx, op); err != nil {
		return err
	}
	return h.write(ctx, op, func(tx *stdsql.Tx) error {
		l, _, err := findOne(ctx, h.Store, tx, scanLease, oneLease+" {locked}", name)
		if err != nil || l.Node != node {
			return err
		}
		l.Until = time.Unix(0, 0)
		return h.putLease(ctx, tx, name, l)
	})
}

const oneRegister = "SELECT value FROM {registers} WHERE name = ?"

func scanBytes(at row) (b []byte, err error) {
	err = at.Scan(&b)
	return b, err
}

// Value implements storage.Fence.
func (h fence) Value(ctx context.Context, name string) (string, error) {
	const op = "value"
	if err := h.ready(ctx, op); err != nil {
		return "", err
	}
	all, err := read(ctx, h.Store, op, scanBytes, oneRegister, name)
	if err != nil || len(all) == 0 {
		return "", err
	}
	return string(all[0]), nil
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
	return h.write(ctx, op, func(tx *stdsql.Tx) error {
		now, _, err := findOne(ctx, h.Store, tx, scanBytes, oneRegister+" {locked}", name)
		switch {
		case err != nil:
			return err
		case string(now) != from:
			return conflict(op, "from")
		}
		return h.put(ctx, tx, "registers", []string{"name"}, []string{"value"}, name, []byte(to))
	})
}
