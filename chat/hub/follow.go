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
// node leads, in each behind a cursor that lies in the fence. A room in which it fails
// is tried again by itself, and the others go on. What it does may be done twice, never
// left out.
type follower struct {
	h     *Hub
	name  string
	task  task
	walks bool          // where the broker's list doesn't tell all, the archive's does
	poll  time.Duration // how often it looks by itself
	kick  chan struct{}
	quit  context.CancelFunc
	done  chan struct{}

	hurried atomic.Bool // try again at once what failed

	turn   turn // of the pass that runs; it guards what follows
	places [chat.Shards]place
	next   time.Duration // until something is to be tried again
	steps  int           // rooms that may yet be walked through in this pass
	failed []error       // in this pass
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
	_, archives := t.(*archiver) // what the archive shows it has done
	f := &follower{h: h, name: name, task: t, walks: !archives, poll: poll, kick: make(chan struct{}, 1), quit: quit, done: make(chan struct{}), turn: newTurn()}
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

// stop ends the follower, and waits for what it has in hand.
func (f *follower) stop(ctx context.Context) {
	f.quit()
	over(ctx, f.done)
}

// pass goes through all shards that this node leads. With all, it tries those, too,
// that just failed, and saves all cursors.
func (f *follower) pass(ctx context.Context, all bool) error {
	if err := f.turn.take(ctx); err != nil {
		return err
	}
	defer f.turn.give()
	again := f.hurried.Swap(false) || all
	f.next, f.steps, f.failed = f.poll, walkStep, nil
	for _, t := range f.h.follow.lead.tenures() {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		p := &f.places[t.shard]
		if !again && f.rests(&p.patience) {
			continue
		}
		before := len(f.failed)
		err := f.safely(func() error { return f.visit(ctx, t, p, again, all) })
		switch {
		case t.ctx.Err() != nil || ctx.Err() != nil:
			continue // the shard is another node's, or the hub ends
		case err == nil:
			p.patience = patience{}
		default:
			f.fails(&p.patience, err)
		}
		if failed := f.failed[before:]; len(failed) > 0 {
			f.h.log.Warn("parlor: a follower failed and tries again", "follower", f.name, "shard", t.shard, "times", len(failed), "error", failed[0])
		}
	}
	return errors.Join(f.failed[:min(len(f.failed), mostTold)]...)
}

// mostTold is how many errors of a pass are told to who waits for it.
const mostTold = 10

// visit follows the rooms of a shard until nothing is new, or the lease ends. With
// again, those are tried, too, that just failed.
func (f *follower) visit(ctx context.Context, t *tenure, p *place, again, save bool) error {
	if !t.enter() {
		return nil
	}
	defer t.leave()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(t.ctx, cancel)()
	if p.tenure != t {
		if err := f.take(ctx, t, p); err != nil {
			return err
		}
	}
	for more := true; more; again = false {
		var err error
		if more, err = f.list(ctx, p, again); err != nil {
			return err
		}
		if err := f.work(ctx, p, again); err != nil {
			return err
		}
		if (save || time.Since(p.savedAt) >= saveEvery) && p.saved != p.register() {
			if err := f.save(ctx, p); err != nil {
				return err
			}
		}
	}
	return nil
}

// list notes the next rooms in which something was placed, and says whether there may be
// more. Where too much is left to be done it only looks whether the cursor still holds.
func (f *follower) list(ctx context.Context, p *place, again bool) (more bool, err error) {
	limit := chat.MaxBatch
	full := len(p.todo) >= maxTodo
	if full {
		limit = 1
	}
	placed, next, err := f.h.set.Broker.Changed(ctx, p.tenure.shard, p.at.cursor, limit)
	switch {
	case errors.Is(err, chat.ErrExpired) && p.at.cursor != "":
		p.anew(f.walks)
		return true, nil
	case err != nil || full:
		return false, err
	}
	p.note(placed, p.at)
	p.at = mark{p.at.n + 1, next}
	if len(placed) > 0 || p.walk == nil {
		return len(placed) > 0, nil
	}
	return f.step(ctx, p, again), nil
}

// work does what is to be done in the rooms that were noted, but for those that rest.
func (f *follower) work(ctx context.Context, p *place, again bool) error {
	for room, x := range p.todo {
		if !again && f.rests(&x.patience) {
			continue
		}
		err := f.safely(func() error { return f.task.do(ctx, chat.Position{Room: room, Seq: x.upTo}) })
		switch {
		case err == nil:
			delete(p.todo, room)
		case ctx.Err() != nil:
			return ctx.Err()
		case errors.Is(err, errBehind):
			x.patience = patience{} // it is looked at again when the other has come by
		default:
			f.fails(&x.patience, &chat.Error{Kind: chat.ErrUnavailable, Op: f.name, Field: room.String(), Err: err})
		}
	}
	return nil
}

// safely makes an error of a panic.
func (f *follower) safely(do func() error) (err error) {
	defer func() {
		if bad := recover(); bad != nil {
			err = &chat.Error{Kind: chat.ErrUnavailable, Op: "follow", Field: f.name, Err: fmt.Errorf("panic: %v", bad)}
		}
	}()
	return do()
}

// fails notes a failure, and when it is tried again.
func (f *follower) fails(p *patience, err error) {
	f.failed = append(f.failed, err)
	f.next = min(f.next, p.fail())
}

// rests says whether what failed is not yet to be tried again.
func (f *follower) rests(p *patience) bool {
	rest := time.Until(p.until)
	if rest > 0 {
		f.next = min(f.next, rest)
	}
	return rest > 0
}

// take reads the cursor that the one before left, and signs it with this term: from
// then on, whoever had the shard before can't save his any more.
func (f *follower) take(ctx context.Context, t *tenure, p *place) error {
	was, cursor, err := f.saved(ctx, t.shard)
	if err != nil {
		return err
	}
	next := place{tenure: t, at: mark{cursor: cursor}, todo: map[chat.RoomID]*todo{}, saved: was}
	if cursor == "" {
		next.anew(f.walks)
	}
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

// shardKey names what belongs to a shard.
func shardKey(name string, shard int) string { return name + "." + strconv.Itoa(shard) }
