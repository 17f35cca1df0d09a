package hubtest

import (
	"context"
	"slices"
	"time"

	"github.com/parlor-chat/parlor/chat"
)

// Contract names what a fault lies in.
type Contract string

// The contracts that a hub stands on.
const (
	Broker    Contract = "broker"
	History   Contract = "history"
	Directory Contract = "directory"
	Index     Contract = "index"
	Fence     Contract = "fence"
	Registry  Contract = "registry"
	Disk      Contract = "disk" // of the node itself, under its journal
)

// Contracts are all of them.
var Contracts = []Contract{Broker, History, Directory, Index, Fence, Registry, Disk}

// Fault is what goes wrong.
type Fault struct {
	Err   error         // what calls return instead of being done; nil: they are done
	Lost  bool          // the call is done, and Err is returned all the same
	Slow  time.Duration // what a call waits before anything else
	Every int           // only each so manieth call has it; 0: all

	// Unsynced is of the [Disk] alone, where it is one in memory: calls are done, but the positions that are noted
	// and the records that are dropped while it lasts are lost if the node is killed
	// before it ends.
	Unsynced bool
}

// Usual faults.
var (
	Down       = Fault{Err: chat.ErrUnavailable}             // nothing gets through
	AnswerLost = Fault{Err: chat.ErrUnavailable, Lost: true} // what was asked is done, and nobody learns of it

	// LastWritesLost is a [Disk] whose last writes a crash takes back, as far as a journal's
	// store may lose them: where events were placed, and that they were dropped. What was
	// kept is there, as the contract demands. The last writes of the broker are lost by
	// [Kit.Lose]; an archive and an index that lose what they acknowledged break their
	// contracts, so that is no fault here.
	LastWritesLost = Fault{Unsynced: true}
)

// Lose has the broker lose the newest n events of each room, as a server does that is
// replaced by a copy which is behind; or with n below 0 everything, as one that starts
// empty. The nodes find that out by themselves and put back what they hold. Until then rooms
// are unavailable and sends pending: for some seconds, or ten where a node is dead; [Kit.Settle]
// waits for it. What only a dead node holds comes back, behind what came since, when it is
// started.
func (k *Kit) Lose(n int) {
	k.mu.Lock()
	k.losses++
	k.mu.Unlock()
	k.store.Lose(n)
}

// PowerCut kills all nodes at once, and crashes the log that they share ([Options].Log). They
// stay dead until they are started.
func (k *Kit) PowerCut() {
	k.cutting.Lock()
	defer k.cutting.Unlock()
	var dying []*node
	for i := range k.nodes {
		if n := k.node(i); n.die() {
			dying = append(dying, n)
		}
	}
	if k.log != nil {
		k.log.Crash()
	}
	for _, n := range dying {
		n.disk.Crash()
	}
	for _, n := range dying {
		n.bury()
	}
	k.broker, k.history = nil, nil
}

// fault is one at work.
type fault struct {
	Fault
	contract Contract
	nodes    []int // none: all
	calls    int
	healed   chan struct{}
}

// Fail breaks a contract for some nodes, or for all where none is named, until heal is
// called. Two faults of one contract at one node: the first counts, but for
// [Fault.Unsynced], which may come beside another. A broker that is [Down] for a node
// delivers nothing to it meanwhile.
func (k *Kit) Fail(c Contract, f Fault, nodes ...int) (heal func()) {
	bad := &fault{Fault: f, contract: c, nodes: nodes, healed: make(chan struct{})}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.faults = append(k.faults, bad)
	return func() { k.heal(bad) }
}

// Heal ends all faults.
func (k *Kit) Heal() {
	k.mu.Lock()
	all := slices.Clone(k.faults)
	k.mu.Unlock()
	for _, f := range all {
		k.heal(f)
	}
}

// heal ends a fault, once.
func (k *Kit) heal(f *fault) {
	k.mu.Lock()
	defer k.mu.Unlock()
	i := slices.Index(k.faults, f)
	if i < 0 {
		return
	}
	k.faults = slices.Delete(k.faults, i, i+1)
	close(f.healed)
	for _, n := range k.nodes {
		if d, ok := n.disk.(*memoryDisk); ok && f.Unsynced && f.at(n) {
			d.sync()
		}
	}
}

// failing says whether a fault keeps something from being done.
func (k *Kit) failing() bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return slices.ContainsFunc(k.faults, func(f *fault) bool { return f.Err != nil || f.Slow > 0 })
}

// at says whether a fault is at a node; under the kit's mu.
func (f *fault) at(n *node) bool {
	return len(f.nodes) == 0 || slices.Contains(f.nodes, n.index)
}

// syncs says whether what a node writes now survives it.
func (k *Kit) syncs(index int) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	n := k.nodes[index]
	return !slices.ContainsFunc(k.faults, func(f *fault) bool { return f.contract == Disk && f.Unsynced && f.at(n) })
}

// fault is what goes wrong with a call of a node now. count says that it is a call.
func (n *node) fault(c Contract, count bool) *fault {
	k := n.k
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, f := range k.faults {
		if f.contract != c || f.Err == nil && f.Slow == 0 || !f.at(n) {
			continue
		}
		if count && f.Every > 1 {
			if f.calls++; f.calls%f.Every != 0 {
				return nil
			}
		}
		return f
	}
	return nil
}

// call is one call of a node to a driver.
func (n *node) call(ctx context.Context, c Contract, do func() error) error {
	gone := &chat.Error{Kind: chat.ErrClosed, Op: string(c)}
	if n.killed() {
		return gone
	}
	f := n.fault(c, true)
	if f != nil && f.Slow > 0 {
		timer := time.NewTimer(f.Slow)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-f.healed:
		case <-ctx.Done():
			return ctx.Err()
		case <-n.dead:
			return gone
		}
	}
	if f != nil && f.Err != nil && !f.Lost {
		return &chat.Error{Kind: f.Err, Op: string(c)}
	}
	err := do()
	switch {
	case n.killed():
		return gone // nobody is there to hear the answer
	case f != nil && f.Err != nil && err == nil:
		return &chat.Error{Kind: f.Err, Op: string(c)}
	}
	return err
}

// ask is a call with an answer.
func ask[T any](ctx context.Context, n *node, c Contract, do func() (T, error)) (T, error) {
	var answer T
	err := n.call(ctx, c, func() (err error) {
		answer, err = do()
		return err
	})
	return answer, err
}
