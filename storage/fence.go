package storage

import (
	"context"
	"time"

	"github.com/parlor-chat/parlor/chat"
)

// Bounds of a [Fence].
const (
	MaxLease    = time.Hour
	MaxRegister = 16 << 10 // bytes of a register's value
)

// Fence settles who may do what only one may: which node follows a shard, which epoch
// of a broker is valid, how far a follower has come. It stays true when the broker
// loses its memory: it lies in SQL, or in the one process.
//
// Names of leases and of registers are apart, and each keeps to [chat.CheckKey]; so do
// nodes.
type Fence interface {
	// Lease gives the lease of name to node for ttl from now, or renews it where node
	// has it. Where another node has it: ErrConflict with field "node", and Retry says
	// when it ends at the latest. ttl is above 0 and at most [MaxLease]. Time is the
	// store's: a node must count ttl from before it asked.
	Lease(ctx context.Context, name, node string, ttl time.Duration) (Lease, error)
	// Held reads the lease of name, or ErrNotFound where nobody has it now.
	Held(ctx context.Context, name string) (Lease, error)
	// Release ends node's lease now. Where node doesn't have it, nothing changes and
	// no error is returned.
	Release(ctx context.Context, name, node string) error

	// Value reads a register; one that was never set is "".
	Value(ctx context.Context, name string) (string, error)
	// Swap sets a register to a value of at most [MaxRegister] bytes, if it is from
	// now, in one atomic step. Else ErrConflict with field "from", and nothing changes.
	Swap(ctx context.Context, name, from, to string) error
}

// Lease says that a node, and no other, may do something until then.
type Lease struct {
	Node string
	// Term rises each time that the lease is taken rather than renewed, also by the
	// same node, and never comes again: what was written under an older term is told
	// from what was written under this one.
	Term  int64
	Until time.Time // by the store's clock
}

// CheckLease says whether a lease may be asked for.
func CheckLease(op, name, node string, ttl time.Duration) error {
	if err := chat.CheckKey(op, "name", name); err != nil {
		return err
	}
	if err := chat.CheckKey(op, "node", node); err != nil {
		return err
	}
	switch {
	case ttl <= 0:
		return invalid(op, "ttl")
	case ttl > MaxLease:
		return &chat.Error{Kind: chat.ErrTooLarge, Op: op, Field: "ttl", Limit: int64(MaxLease)}
	}
	return nil
}

// CheckSwap says whether a register may be set.
func CheckSwap(op, name, to string) error {
	if err := chat.CheckKey(op, "name", name); err != nil {
		return err
	}
	if len(to) > MaxRegister {
		return &chat.Error{Kind: chat.ErrTooLarge, Op: op, Field: "to", Limit: MaxRegister}
	}
	return nil
}
