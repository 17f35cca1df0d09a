package hub

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/parlor-chat/parlor/chat"
)

// How long a node and a shard belong to who took them, and how often that is renewed.
// A node that dies leaves its shards to the others when both have ended.
const (
	nodeLease  = 10 * time.Second
	shardLease = 15 * time.Second
	shardGrace = 2 * time.Second // before its end, followers are told to stop
	beatEvery  = 3 * time.Second
	wantEvery  = 500 * time.Millisecond // while a shard of this node is held by another, or can't be renewed
	fenceTime  = 2 * time.Second        // for one question
	fenceCalls = 16                     // at once
	quick      = 50 * time.Millisecond  // so long one question after the other
)

// nodesRegister lists the nodes of a service, by name.
const nodesRegister = "nodes"

// lead settles with the other nodes who follows which shard. Each live node is in one
// register; of those, the one with the highest [weight] for a shard is to have it. It
// takes the shard's lease as soon as the one who has it gives it up or dies.
type lead struct {
	h    *Hub
	node string
	news func() // called when this node got a shard
	quit context.CancelFunc
	done chan struct{}

	nodes   []string  // that live, as far as is known
	renewed time.Time // when that was asked for

	leaving sync.WaitGroup // shards that are being given up

	mu   sync.Mutex
	held map[int]*tenure
}

// tenure is this node's time with a shard, from taking the lease to losing it.
type tenure struct {
	shard   int
	term    int64
	renewed time.Time       // when that was asked for
	ctx     context.Context // ends with the lease
	end     context.CancelFunc
	timer   *time.Timer // ends it, unless the lease is renewed before

	mu     sync.Mutex
	inside int           // followers at work
	over   bool          // no more come in
	left   chan struct{} // closed when it is over and the last has left
}

// enter lets a follower in, unless the tenure is over; it calls leave when it is done.
func (t *tenure) enter() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.over {
		t.inside++
	}
	return !t.over
}

func (t *tenure) leave() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.inside--; t.over && t.inside == 0 {
		close(t.left)
	}
}

// finish ends the tenure, once.
func (t *tenure) finish() {
	t.end()
	t.timer.Stop()
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.over {
		t.over = true
		if t.inside == 0 {
			close(t.left)
		}
	}
}

func newLead(h *Hub, node string) *lead {
	return &lead{h: h, node: node, done: make(chan struct{}), held: map[int]*tenure{}}
}

// start takes what is free at once, and goes on in the background. news is called when
// there are new shards.
func (l *lead) start(ctx context.Context, news func()) {
	l.news = news
	background, quit := context.WithCancel(context.Background())
	l.quit = quit
	wait := l.round(ctx)
	go l.run(background, wait)
}

// round renews what is due and takes what is free, and says when to come again.
func (l *lead) round(ctx context.Context) time.Duration {
	if time.Since(l.renewed) >= beatEvery {
		l.renewed = time.Now()
		nodes, err := l.beat(ctx)
		switch {
		case err == nil:
			l.nodes = nodes
		case ctx.Err() == nil:
			l.h.log.Warn("parlor: a node's lease can't be renewed", "error", err)
		}
	}
	all := l.renew(ctx)
	all = l.take(ctx) && all
	wait := beatEvery - time.Since(l.renewed)
	if !all {
		wait = min(wait, wantEvery)
	}
	return wait
}

func (l *lead) run(ctx context.Context, wait time.Duration) {
	defer close(l.done)
	defer l.leaving.Wait()
	for {
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
			timer.Stop()
			return
		case <-timer.C:
			wait = l.round(ctx)
		}
	}
}

// beat renews this node's lease, and reads which nodes live.
func (l *lead) beat(ctx context.Context) ([]string, error) {
	ctx, cancel := context.WithTimeout(ctx, fenceTime)
	defer cancel()
	fence := l.h.set.Fence
	if _, err := fence.Lease(ctx, nodeName(l.node), l.node, nodeLease); err != nil {
		return nil, err
	}
	for {
		was, err := fence.Value(ctx, nodesRegister)
		if err != nil {
			return nil, err
		}
		live := []string{l.node}
		for _, n := range strings.Fields(was) {
			if n == l.node {
				continue
			}
			switch _, err := fence.Held(ctx, nodeName(n)); {
			case err == nil:
				live = append(live, n)
			case !errors.Is(err, chat.ErrNotFound):
				return nil, err
			}
		}
		slices.Sort(live)
		now := strings.Join(live, " ")
		if now == was {
			return live, nil
		}
		switch err := fence.Swap(ctx, nodesRegister, was, now); {
		case err == nil:
			return live, nil
		case !errors.Is(err, chat.ErrConflict): // else another node came or went
			return nil, err
		}
	}
}

// nodeName is the lease of a node.
func nodeName(node string) string { return "node." + digestKey(node) }

// shardName is the lease of a shard.
func shardName(shard int) string { return shardKey("follow", shard) }

// renew renews the leases of this node's shards, those first that were not renewed for
// the longest time, and says whether all are. What fails is tried again until a lease
// ends by itself.
func (l *lead) renew(ctx context.Context) (all bool) {
	ctx, cancel := context.WithTimeout(ctx, beatEvery)
	defer cancel()
	due := slices.DeleteFunc(l.tenures(), func(t *tenure) bool { return !t.renewed.Before(l.renewed) })
	slices.SortStableFunc(due, func(a, b *tenure) int { return a.renewed.Compare(b.renewed) })
	var failed atomic.Bool
	together(due, func(t *tenure) {
		asked := time.Now()
		term, err := l.lease(ctx, t.shard)
		switch {
		case err == nil && term == t.term:
			t.renewed = asked
			t.timer.Reset(shardLease - shardGrace - time.Since(asked))
		case err == nil || errors.Is(err, chat.ErrConflict):
			l.lose(t)
		default:
			failed.Store(true)
		}
	})
	return !failed.Load()
}

// together calls fn for each of a list: one by one while that is quick, else a few at
// once, for a round of questions to a slow fence must be over before leases end.
func together[T any](list []T, fn func(T)) {
	for start := time.Now(); len(list) > 0 && time.Since(start) < quick; list = list[1:] {
		fn(list[0])
	}
	var all sync.WaitGroup
	places := make(chan struct{}, fenceCalls)
	for _, x := range list {
		places <- struct{}{}
		all.Go(func() {
			defer func() { <-places }()
			fn(x)
		})
	}
	all.Wait()
}

func (l *lead) lease(ctx context.Context, shard int) (term int64, err error) {
	ctx, cancel := context.WithTimeout(ctx, fenceTime)
	defer cancel()
	lease, err := l.h.set.Fence.Lease(ctx, shardName(shard), l.node, shardLease)
	return lease.Term, err
}

// take gives up the shards that another node is to have, and takes those that are
// this node's, and says whether all of them are here.
func (l *lead) take(ctx context.Context) (all bool) {
	var wanted []int
	for shard := range chat.Shards {
		t := l.tenure(shard)
		mine := owner(l.nodes, shard) == l.node
		switch {
		case mine && t == nil:
			wanted = append(wanted, shard)
		case !mine && t != nil:
			l.giveUp(ctx, t)
		}
	}
	ask, cancel := context.WithTimeout(ctx, beatEvery)
	defer cancel()
	var got atomic.Int64
	var down atomic.Bool
	together(wanted, func(shard int) {
		if down.Load() {
			return // it would fail, too
		}
		asked := time.Now()
		switch term, err := l.lease(ask, shard); {
		case err == nil:
			l.begin(shard, term, asked)
			got.Add(1)
		case !errors.Is(err, chat.ErrConflict):
			down.Store(true)
		}
	})
	if got.Load() > 0 {
		l.news()
	}
	return got.Load() == int64(len(wanted))
}

func (l *lead) begin(shard int, term int64, asked time.Time) {
	t := &tenure{shard: shard, term: term, renewed: asked, left: make(chan struct{})}
	t.ctx, t.end = context.WithCancel(context.Background())
	l.mu.Lock()
	defer l.mu.Unlock()
	t.timer = time.AfterFunc(shardLease-shardGrace-time.Since(asked), func() { l.lose(t) })
	l.held[shard] = t
}

// lose ends a tenure: the lease is over, or will be.
func (l *lead) lose(t *tenure) {
	l.mu.Lock()
	if l.held[t.shard] == t {
		delete(l.held, t.shard)
	}
	l.mu.Unlock()
	t.finish()
}

// giveUp lets the next node have a shard as soon as the followers have left it. One
// that doesn't leave keeps it until the lease ends by itself; nobody waits for it here.
func (l *lead) giveUp(ctx context.Context, t *tenure) {
	l.lose(t)
	l.leaving.Go(func() {
		select {
		case <-t.left:
			l.release(context.WithoutCancel(ctx), t)
		case <-time.After(shardLease):
		case <-ctx.Done():
		}
	})
}

func (l *lead) release(ctx context.Context, t *tenure) {
	ctx, cancel := context.WithTimeout(ctx, fenceTime)
	defer cancel()
	if err := l.h.set.Fence.Release(ctx, shardName(t.shard), l.node); err != nil {
		l.h.log.Warn("parlor: a shard's lease can't be given back, and ends later", "shard", t.shard, "error", err)
	}
}

// stop takes no more shards. Those at hand stay until leave.
func (l *lead) stop(ctx context.Context) {
	l.quit()
	over(ctx, l.done)
}

// leave gives back all that is held, in fenceTime whatever became of ctx: the others wait
// for it. Only what followers of the host don't leave stays until its lease ends.
func (l *lead) leave(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), fenceTime)
	defer cancel()
	together(l.tenures(), func(t *tenure) {
		l.lose(t)
		select {
		case <-t.left:
			l.release(ctx, t)
		default:
		}
	})
	if err := l.h.set.Fence.Release(ctx, nodeName(l.node), l.node); err != nil {
		l.h.log.Warn("parlor: the node's lease can't be given back, and ends later", "error", err)
	}
}

// moment is how long it may take to end for what heeds its context.
const moment = 200 * time.Millisecond

// over waits until something that was broken off has ended: as long as ctx lasts, and a
// moment longer.
func over(ctx context.Context, done <-chan struct{}) {
	select {
	case <-done:
		return
	case <-ctx.Done():
	}
	select {
	case <-done:
	case <-time.After(moment):
	}
}

func (l *lead) tenure(shard int) *tenure {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.held[shard]
}

// tenures are the shards that this node follows, in their order.
func (l *lead) tenures() []*tenure {
	l.mu.Lock()
	defer l.mu.Unlock()
	all := make([]*tenure, 0, len(l.held))
	for _, t := range l.held {
		all = append(all, t)
	}
	slices.SortFunc(all, func(a, b *tenure) int { return a.shard - b.shard })
	return all
}

// owner is the node that is to follow a shard.
func owner(nodes []string, shard int) (best string) {
	var most uint64
	for _, n := range nodes {
		if w := weight(n, shard); best == "" || w > most {
			best, most = n, w
		}
	}
	return best
}

// weight is how much a node is the one for a shard (rendezvous hashing): a node that
// comes or goes moves its own shards only.
func weight(node string, shard int) uint64 {
	sum := sha256.Sum256([]byte(shardKey(node, shard)))
	return binary.BigEndian.Uint64(sum[:])
}
