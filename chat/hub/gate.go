package hub

import (
	"context"
	"sync"

	"github.com/parlor-chat/parlor/chat"
)

// gate counts the calls that run, so that a hub can refuse new ones and wait for
// the others.
type gate struct {
	mu      sync.Mutex
	running int
	closed  bool
	idle    chan struct{} // made by close; closed when nothing runs any more
}

// enter lets a call in; the caller calls leave when it ends.
func (g *gate) enter(ctx context.Context, op string) (leave func(), err error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closed {
		return nil, &chat.Error{Kind: chat.ErrClosed, Op: op}
	}
	g.running++
	return g.leave, nil
}

// shut says whether new calls are refused.
func (g *gate) shut() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.closed
}

func (g *gate) leave() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.running--
	if g.closed && g.running == 0 {
		close(g.idle)
	}
}

// close refuses new calls. first says whether this call closed the gate; idle is
// closed when the last running call has ended.
func (g *gate) close() (first bool, idle <-chan struct{}) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closed {
		return false, g.idle
	}
	g.closed, g.idle = true, make(chan struct{})
	if g.running == 0 {
		close(g.idle)
	}
	return true, g.idle
}

// turn is a lock that is held while a store is asked, so that waiting for it honours a
// context.
type turn chan struct{}

func newTurn() turn { return make(turn, 1) }

func (t turn) take(ctx context.Context) error {
	select {
	case t <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (t turn) give() { <-t }
