package hub

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/storage"
)

// epochRegister says which memory of the broker is valid.
const epochRegister = "epoch"

// unheard stands among the holders for nodes that nobody can ask what they placed: they have
// no journal, or are too many.
const unheard = "*"

// pastMemories is how many memories are remembered that are valid no more.
const pastMemories = 8

// epoch is the time in which one memory of the broker is valid.
type epoch struct {
	number  int64 // rises with each loss
	memory  string
	doubt   bool     // somebody may know of positions whom nobody could ask: rooms open with a Void
	past    []string // memories that were valid before
	holders []string // nodes that may hold events which they placed in it
}

func parseEpoch(s string) (e epoch) {
	if f := strings.Fields(s); len(f) >= 4 {
		e.number, _ = strconv.ParseInt(f[0], 10, 64)
		e.memory, e.doubt, e.holders = f[1], f[2] == "doubt", f[4:]
		e.past = strings.Split(f[3], ",")
	}
	return e
}

func (e epoch) String() string {
	doubt := "sure"
	if e.doubt {
		doubt = "doubt"
	}
	past := strings.Join(e.past[max(0, len(e.past)-pastMemories):], ",")
	return strings.Join(append([]string{strconv.FormatInt(e.number, 10), e.memory, doubt, "," + strings.Trim(past, ",")}, e.holders...), " ")
}

// with is e with one more holder. One too many to be written down is unheard of.
func (e epoch) with(holder string) epoch {
	more := e
	more.holders = slices.Compact(slices.Sorted(slices.Values(append(slices.Clone(e.holders), holder))))
	if holder != unheard && len(more.String()) > storage.MaxRegister/2 {
		return e.with(unheard)
	}
	return more
}

// epochs settles with the other nodes which memory of the broker is valid. When the
// broker has lost its memory, each node puts back what its journal holds and says so in
// the fence. When all who may hold something have, or didn't for as long as a lease, the new
// memory is valid, and rooms are opened one by one, when somebody asks for them. Nobody is
// given up earlier, though he seems to be dead: he may have something in hand for the archive
// ([appendTime]), which must not come there after its place was given away.
type epochs struct {
	h      *Hub
	node   string
	holder string      // the node, or unheard
	keeper chat.Keeper // nil: none
	rooms  *openings
	kick   chan struct{}
	quit   context.CancelFunc
	done   chan struct{}

	mu    sync.Mutex
	valid epoch
}

// joinEpoch sets h.epochs: nil where the broker can't forget. Unless something was lost,
// the valid memory is known when it returns.
func joinEpoch(ctx context.Context, h *Hub, node string) error {
	e := &epochs{h: h, node: node, holder: unheard, kick: make(chan struct{}, 1), done: make(chan struct{})}
	if k, err := chat.AsKeeper(h.set.Broker); err == nil {
		e.keeper, e.holder = k, node
	}
	switch _, err := chat.Memory(ctx, h.set.Broker); {
	case errors.Is(err, errors.ErrUnsupported):
		return nil
	case err != nil:
		return err
	}
	e.rooms = newOpenings(e.reopen)
	chat.SetOpener(h.set.Broker, e.rooms.open)
	memory, was, v, err := e.read(ctx)
	if err != nil {
		return err
	}
	h.epochs = e
	if v.memory == "" || v.memory == memory {
		return e.join(ctx, memory, was, v)
	}
	return nil
}

// start goes on in the background.
func (e *epochs) start() {
	ctx, quit := context.WithCancel(context.Background())
	e.quit = quit
	go e.run(ctx)
}

// stop ends it. A node that holds nothing need not be asked for it any more: nothing is on
// its way there when stop is called.
func (e *epochs) stop(ctx context.Context) {
	e.quit()
	if err := e.rooms.stop(ctx); err != nil {
		return
	}
	select {
	case <-e.done:
	case <-ctx.Done():
		return
	}
	if e.keeper == nil {
		return
	}
	if held, err := e.keeper.Held(ctx, 0, 1); err != nil || len(held) > 0 {
		return
	}
	_, was, v, err := e.read(ctx)
	if err != nil || v.memory != e.now().memory {
		return
	}
	v.holders = slices.DeleteFunc(v.holders, func(n string) bool { return n == e.holder })
	e.h.set.Fence.Swap(ctx, epochRegister, was, v.String()) // or it is asked in vain
}

func (e *epochs) run(ctx context.Context) {
	defer close(e.done)
	retry := retryFirst
	for {
		wait := beatEvery
		if err := e.round(ctx); err != nil && ctx.Err() == nil {
			e.h.log.Warn("parlor: it can't be settled which memory of the broker is valid", "error", err)
			wait, retry = retry, min(2*retry, beatEvery)
		} else {
			retry = retryFirst
		}
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
			timer.Stop()
			return
		case <-timer.C:
		case <-e.kick:
			timer.Stop()
		}
	}
}

// hurry says that a closed room was met.
func (e *epochs) hurry() {
	select {
	case e.kick <- struct{}{}:
	default:
	}
}

// now is the epoch as this node knows it.
func (e *epochs) now() epoch {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.valid
}

func (e *epochs) set(v epoch) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.valid = v
}

// read reads which memory the broker has, and the register.
func (e *epochs) read(ctx context.Context) (memory, was string, v epoch, err error) {
	ctx, cancel := context.WithTimeout(ctx, fenceTime)
	defer cancel()
	if memory, err = chat.Memory(ctx, e.h.set.Broker); err != nil {
		return "", "", epoch{}, err
	}
	was, err = e.h.set.Fence.Value(ctx, epochRegister)
	return memory, was, parseEpoch(was), err
}

// inEpoch refuses while the broker has another memory than this node has joined: what it
// shows now may be gone or elsewhere in the next moment, and nobody would wait for this node
// to put down what it has in hand.
func (h *Hub) inEpoch(ctx context.Context) error {
	if h.epochs == nil {
		return nil
	}
	memory, err := chat.Memory(ctx, h.set.Broker)
	if err == nil && memory != h.epochs.now().memory {
		h.epochs.hurry()
		err = &chat.Error{Kind: chat.ErrUnavailable, Op: "epoch", Field: "memory", Retry: retryFirst}
	}
	return err
}

// round does what there is to do.
func (e *epochs) round(ctx context.Context) error {
	memory, was, v, err := e.read(ctx)
	switch {
	case err != nil:
		return err
	case v.memory == "" || v.memory == memory:
		return e.join(ctx, memory, was, v)
	case slices.Contains(v.past, memory):
		return &chat.Error{Kind: chat.ErrUnavailable, Op: "epoch", Field: "memory", Err: errors.New("the broker at hand is one that was replaced")}
	}
	return e.recover(ctx, memory, was, v)
}

// join makes this node a holder in the epoch that is, or in the first, and goes on in it.
func (e *epochs) join(ctx context.Context, memory, was string, v epoch) error {
	v.memory = memory
	if joined := v.with(e.holder); joined.String() != was {
		err := e.h.set.Fence.Swap(ctx, epochRegister, was, joined.String())
		if errors.Is(err, chat.ErrConflict) {
			e.hurry() // another node did, at the same time
			if e.now().memory == "" {
				if memory, was, v, err = e.read(ctx); err == nil && v.memory == memory {
					return e.join(ctx, memory, was, v)
				}
			}
		}
		if err != nil {
			return err
		}
		v = joined
	}
	begins := e.now().memory != memory
	if begins && e.keeper != nil {
		if err := e.keeper.Begin(ctx, memory); err != nil {
			return err
		}
	}
	e.set(v)
	if begins && e.h.follow != nil {
		e.h.follow.hurry()
	}
	return nil
}

// recover puts back what this node holds of the last epoch, waits for the others, and
// makes the new memory the valid one.
func (e *epochs) recover(ctx context.Context, memory, was string, v epoch) error {
	e.h.log.Warn("parlor: the broker lost its memory; what nodes and the archive hold is put back")
	until := time.Now().Add(nodeLease)
	if err := e.putBack(ctx, v.memory, memory); err != nil {
		return err
	}
	next := epoch{number: v.number + 1, memory: memory, doubt: v.doubt, past: append(v.past, v.memory)}.with(e.holder)
	for wait := waitFirst; ; {
		answered, missing, err := e.count(ctx, memory, v.holders)
		if err != nil {
			return err
		}
		if len(missing) == 0 || !time.Now().Before(until) {
			for _, holder := range answered {
				next = next.with(holder)
			}
			if len(missing) > 0 {
				next.doubt = true
				e.h.log.Warn("parlor: nodes didn't say what they had placed; rooms are opened with a part left out until an operator ends the doubt", "nodes", missing)
			}
			err := e.h.set.Fence.Swap(ctx, epochRegister, was, next.String())
			e.hurry() // to begin, or to see what another node made of it
			if errors.Is(err, chat.ErrConflict) {
				return nil
			}
			return err
		}
		if err := pause(ctx, &wait); err != nil {
			return err
		}
		// Where the broker lost its memory again, the others wait for what this node puts back
		// into the next.
		if has, now, _, err := e.read(ctx); err != nil || now != was || has != memory {
			e.hurry()
			return err
		}
	}
}

// putBack gives the broker what this node placed in an earlier memory, and says so.
func (e *epochs) putBack(ctx context.Context, from, to string) error {
	if e.keeper == nil {
		return nil
	}
	// Whoever says that he put all back has nothing of the old memory on its way to the
	// archive: else it would come there after its place was given away.
	turn := e.h.follow.archive.turn
	if err := turn.take(ctx); err != nil {
		return err
	}
	defer turn.give()
	if err := e.keeper.Return(ctx, from, to); err != nil {
		return err
	}
	fence := e.h.set.Fence
	was, err := fence.Value(ctx, backRegister(e.node))
	if err != nil || was == to {
		return err
	}
	return fence.Swap(ctx, backRegister(e.node), was, to)
}

// backRegister says into which memory a node put back last.
func backRegister(node string) string { return "back." + digestKey(node) }

// count says which holders have put back, and which haven't.
func (e *epochs) count(ctx context.Context, memory string, holders []string) (answered, missing []string, err error) {
	for _, n := range holders {
		said := ""
		if n != unheard {
			if said, err = e.h.set.Fence.Value(ctx, backRegister(n)); err != nil {
				return nil, nil, err
			}
		}
		if said == memory {
			answered = append(answered, n)
		} else {
			missing = append(missing, n)
		}
	}
	return answered, missing, nil
}

// EndDoubt says that all positions are known. After a loss of the broker's memory in which a
// node didn't say what it had placed, each room that is opened, also behind later losses,
// leaves out a part of its positions ([chat.Void]), until an operator ends that. It is right
// when every such node has started again, or another one adopted its journal, and nothing from
// before is set aside ([Admin.Held]). Where one is gone for good, nobody knows in which rooms it had placed
// something: then it is right when the rooms that were in use have been read since. On other
// nodes it counts within 3 s. Where there is no doubt nothing changes; where the broker
// forgets nothing it is [errors.ErrUnsupported].
func (a Admin) EndDoubt(ctx context.Context) error {
	const op = "end doubt"
	leave, err := a.enter(ctx, op)
	if err != nil {
		return err
	}
	defer leave()
	e := a.h.epochs
	if e == nil {
		return &chat.Error{Kind: errors.ErrUnsupported, Op: op, Field: "memory"}
	}
	for {
		_, was, v, err := e.read(ctx)
		if err != nil || !v.doubt {
			return err
		}
		v.doubt = false
		err = e.h.set.Fence.Swap(ctx, epochRegister, was, v.String())
		if err == nil && e.now().memory == v.memory {
			e.set(v)
		}
		if !errors.Is(err, chat.ErrConflict) { // else another node wrote it at the same time
			return err
		}
	}
}
