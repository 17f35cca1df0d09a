package hub

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/parlor-chat/parlor/chat"
)

// follower does one thing that follows from the log: it archives, feeds the index,
// writes personal logs, calls a host's function. It goes through the shards that this
// node leads, in each behind a cursor that lies in the fence. What it does may be done
// twice, never left out.
type follower struct {
	h    *Hub
	name string
	task task
	poll time.Duration // how often it looks by itself
	kick chan struct{}
	quit context.CancelFunc
	done chan struct{}

	hurried atomic.Bool // try again at once what failed

	turn   turn // of the pass that runs; it guards places
	places [chat.Shards]place
	next   time.Duration // until what failed is tried again
}

// task is what a follower does.
type task interface {
	// do brings a room up to a position. errBehind says that it isn't its turn yet.
	do(ctx context.Context, p chat.Position) error
	// upTo says how far a room is.
	upTo(ctx context.Context, room chat.RoomID) (chat.Seq, error)
	// anew says that the shard may have been led by another node since: forget what
	// is known of its rooms.
	anew(shard int)
}

// errBehind is told by a task that waits for another follower.
var errBehind = errors.New("behind")

// place is where a follower is in a shard.
type place struct {
	tenure  *tenure // it is of; of another one it has to be read anew
	cursor  string
	saved   string // the register, as this follower wrote it
	savedAt time.Time
	retryAt time.Time
	retry   time.Duration
}

// How often the archive looks by itself for what other nodes placed, and wakes the
// others; how often those look, for all cases; how often a follower saves its cursor;
// how long it waits after a failure.
const (
	followEvery = 500 * time.Millisecond
	wokenEvery  = 5 * time.Second
	saveEvery   = time.Second
	retryFirst  = 100 * time.Millisecond
	retryMost   = 10 * time.Second
)

func startFollower(h *Hub, name string, t task, poll time.Duration) *follower {
	ctx, quit := context.WithCancel(context.Background())
	f := &follower{h: h, name: name, task: t, poll: poll, kick: make(chan struct{}, 1), quit: quit, done: make(chan struct{}), turn: newTurn()}
	go f.run(ctx)
	return f
}

// wake says that something was placed, or done by the one before.
func (f *follower) wake() {
	select {
	case f.kick <- struct{}{}:
	default:
	}
}

func (f *follower) run(ctx context.Context) {
	defer close(f.done)
	timer := time.NewTimer(f.poll)
	defer timer.Stop()
	for {
		f.pass(ctx, false)
		timer.Reset(f.wait(ctx))
		select {
		case <-ctx.Done():
			return
		case <-f.kick:
		case <-timer.C:
		}
	}
}

// wait is how long it rests if nobody wakes it.
func (f *follower) wait(ctx context.Context) time.Duration {
	if f.turn.take(ctx) != nil {
		return f.poll
	}
	defer f.turn.give()
	return min(f.poll, f.next)
}

// hurry has it try again at once what failed.
func (f *follower) hurry() {
	f.hurried.Store(true)
	f.wake()
}

// stop ends the follower.
func (f *follower) stop() {
	f.quit()
	<-f.done
}

// pass goes through all shards that this node leads. With all, it tries those, too,
// that just failed, and saves all cursors.
func (f *follower) pass(ctx context.Context, all bool) error {
	if err := f.turn.take(ctx); err != nil {
		return err
	}
	defer f.turn.give()
	hurried := f.hurried.Swap(false)
	f.next = f.poll
	var failed []error
	for _, t := range f.h.follow.lead.tenures() {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		p := &f.places[t.shard]
		if rest := time.Until(p.retryAt); rest > 0 && !all && !hurried {
			f.next = min(f.next, rest)
			continue
		}
		err := f.visit(ctx, t, p, all)
		if err == nil || errors.Is(err, errBehind) {
			p.retry, p.retryAt = 0, time.Time{} // what is behind is looked at again soon
			continue
		}
		if t.ctx.Err() != nil || ctx.Err() != nil {
			continue // the shard is another node's, or the hub ends
		}
		p.retry = min(max(2*p.retry, retryFirst), retryMost)
		p.retryAt = time.Now().Add(p.retry)
		f.next = min(f.next, p.retry)
		f.h.log.Warn("parlor: a follower failed and tries again", "follower", f.name, "shard", t.shard, "in", p.retry, "error", err)
		failed = append(failed, err)
	}
	return errors.Join(failed...)
}

// visit follows the rooms of a shard until nothing is new, or the lease ends.
func (f *follower) visit(ctx context.Context, t *tenure, p *place, save bool) (err error) {
	if !t.enter() {
		return nil
	}
	defer t.leave()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(t.ctx, cancel)()
	defer func() {
		if bad := recover(); bad != nil {
			err = &chat.Error{Kind: chat.ErrUnavailable, Op: "follow", Field: f.name, Err: fmt.Errorf("panic: %v", bad)}
		}
	}()
	if p.tenure != t {
		if err := f.take(ctx, t, p); err != nil {
			return err
		}
	}
	for {
		placed, next, err := f.h.set.Broker.Changed(ctx, t.shard, p.cursor, chat.MaxBatch)
		if err != nil {
			return err
		}
		if len(placed) > 0 {
			if err := f.follow(ctx, placed); err != nil {
				return err
			}
		}
		p.cursor = next
		if changed := p.saved != p.register(); changed && (save || time.Since(p.savedAt) >= saveEvery) {
			if err := f.save(ctx, p); err != nil {
				return err
			}
		}
		if len(placed) == 0 {
			return nil
		}
	}
}

// follow does what is to be done in rooms. One room's failure doesn't hold the others
// up.
func (f *follower) follow(ctx context.Context, placed []chat.Position) error {
	var failed []error
	behind := false
	upTo := map[chat.RoomID]chat.Seq{}
	for _, p := range placed {
		upTo[p.Room] = max(upTo[p.Room], p.Seq)
	}
	for _, p := range placed {
		if upTo[p.Room] != p.Seq {
			continue
		}
		switch err := f.task.do(ctx, p); {
		case errors.Is(err, errBehind):
			behind = true
		case err != nil:
			failed = append(failed, &chat.Error{Kind: chat.ErrUnavailable, Op: f.name, Field: p.Room.String(), Err: err})
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
	if len(failed) == 0 && behind {
		return errBehind
	}
	return errors.Join(failed...)
}

// take reads the cursor that the one before left, and signs it with this term: from
// then on, whoever had the shard before can't save his any more.
func (f *follower) take(ctx context.Context, t *tenure, p *place) error {
	was, cursor, err := f.saved(ctx, t.shard)
	if err != nil {
		return err
	}
	next := place{tenure: t, saved: was, cursor: cursor}
	term, _, _ := strings.Cut(was, " ")
	if n, _ := strconv.ParseInt(term, 10, 64); n > t.term {
		return &chat.Error{Kind: chat.ErrExpired, Op: f.name, Field: "term"}
	}
	if err := f.save(ctx, &next); err != nil {
		return err
	}
	f.task.anew(t.shard)
	*p = next
	return nil
}

// saved reads the register of a shard, and the cursor in it.
func (f *follower) saved(ctx context.Context, shard int) (register, cursor string, err error) {
	register, err = f.h.set.Fence.Value(ctx, shardKey(f.name, shard))
	_, cursor, _ = strings.Cut(register, " ")
	return register, cursor, err
}

// save stores the cursor, behind what was done. Where that fails, the place is read
// again before anything more is done: the answer may have been lost, and where another
// node was there, its word counts.
func (f *follower) save(ctx context.Context, p *place) error {
	to := p.register()
	if err := f.h.set.Fence.Swap(ctx, shardKey(f.name, p.tenure.shard), p.saved, to); err != nil {
		p.tenure = nil
		return err
	}
	p.saved, p.savedAt = to, time.Now()
	return nil
}

// register is what the fence holds of a place.
func (p *place) register() string {
	return strconv.FormatInt(p.tenure.term, 10) + " " + p.cursor
}

// shardKey names what belongs to a shard.
func shardKey(name string, shard int) string { return name + "." + strconv.Itoa(shard) }
