package hub

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/storage"
)

// openMost is how many rooms a node opens at once, openTime how long one question may take
// meanwhile.
const (
	openMost = 32
	openTime = 8 * time.Second
)

// openings are the rooms that are being opened since a loss. It is done once for all who ask
// for a room, and goes on when none of them waits any more: a busy room takes longer than a
// client has patience, and whoever asks again finds it open.
type openings struct {
	reopen func(context.Context, chat.RoomID) error
	ctx    context.Context // ends with stop
	quit   context.CancelFunc
	slots  chan struct{} // one for each that runs

	mu      sync.Mutex
	running map[chat.RoomID]*opening
}

// opening is one of them.
type opening struct {
	done chan struct{}
	err  error // once it is done
}

var errOver = &chat.Error{Kind: chat.ErrClosed, Op: "open"}

func newOpenings(reopen func(context.Context, chat.RoomID) error) *openings {
	o := &openings{reopen: reopen, slots: make(chan struct{}, openMost), running: map[chat.RoomID]*opening{}}
	o.ctx, o.quit = context.WithCancel(context.Background())
	return o
}

// open has a room opened; it is the broker's opener.
func (o *openings) open(ctx context.Context, room chat.RoomID) error {
	one := o.find(room)
	if one == nil {
		select {
		case o.slots <- struct{}{}:
		case <-ctx.Done():
			return ctx.Err()
		case <-o.ctx.Done():
			return errOver
		}
		one = o.begin(room)
	}
	select {
	case <-one.done:
		return one.err
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (o *openings) find(room chat.RoomID) *opening {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.running[room]
}

// begin opens a room in a slot that was taken, unless somebody else began meanwhile.
func (o *openings) begin(room chat.RoomID) *opening {
	o.mu.Lock()
	defer o.mu.Unlock()
	if one := o.running[room]; one != nil {
		<-o.slots
		return one
	}
	one := &opening{done: make(chan struct{})}
	o.running[room] = one
	go func() {
		one.err = o.reopen(o.ctx, room)
		if one.err != nil && o.ctx.Err() != nil {
			one.err = errOver
		}
		o.mu.Lock()
		delete(o.running, room)
		o.mu.Unlock()
		close(one.done)
		<-o.slots
	}()
	return one
}

// stop ends all: when it returns nil, none runs.
func (o *openings) stop(ctx context.Context) error {
	o.quit()
	for range openMost { // none is given back
		select {
		case o.slots <- struct{}{}:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// reopen opens a room out of what the archive shows and what the broker has.
func (e *epochs) reopen(ctx context.Context, room chat.RoomID) error {
	for {
		err := e.reopenOnce(ctx, room)
		if !errors.Is(err, chat.ErrConflict) { // else more was put back, or all was lost again
			return err
		}
	}
}

func (e *epochs) reopenOnce(ctx context.Context, room chat.RoomID) error {
	broker := e.h.set.Broker
	v := e.now()
	var left chat.Remains
	err := timely(ctx, func(ctx context.Context) error {
		memory, err := chat.Memory(ctx, broker)
		if err == nil && memory != v.memory {
			e.hurry()
			err = &chat.Error{Kind: chat.ErrUnavailable, Op: "open", Field: "memory", Retry: retryFirst}
		}
		if err == nil {
			left, err = chat.ReadRemains(ctx, broker, room)
		}
		return err
	})
	if err != nil || left.Open {
		return err
	}
	end, known, err := e.tail(ctx, room)
	if err != nil {
		return err
	}
	r := chat.Restored{Version: left.Version, Known: known}
	if n := len(end); n > 0 {
		r.Archived = end[n-1].Last()
	}
	var doubt int64
	if v.doubt || left.Doubt {
		doubt = v.number
	}
	r.Events = chat.Rejoin(room, end, left.Events, doubt, time.Now())
	return timely(ctx, func(ctx context.Context) error { return chat.Reopen(ctx, broker, v.memory, room, r) })
}

// timely asks one question that must be answered in time, though there may be many.
func timely(ctx context.Context, ask func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, openTime)
	defer cancel()
	err := ask(ctx)
	if errors.Is(err, context.DeadlineExceeded) {
		err = &chat.Error{Kind: chat.ErrUnavailable, Op: "open", Err: err}
	}
	return err
}

// remembered is longer than brokers know the ids of what they placed.
const remembered = 25 * time.Hour

// tail is the end of what the archive shows of a room: its head, and what the broker must
// know of older events. At never falls, so it needs nobody's clock.
func (e *epochs) tail(ctx context.Context, room chat.RoomID) (head []chat.Event, known []chat.Known, err error) {
	var since time.Time
	for r := chat.Latest(storage.MaxPage).All(); ; {
		var page storage.Page
		if err := timely(ctx, func(ctx context.Context) (err error) {
			page, err = e.h.set.History.Page(ctx, room, r)
			return err
		}); err != nil {
			return nil, nil, err
		}
		n := len(page.Events)
		if n == 0 {
			return head, known, nil
		}
		first := page.Events[0]
		if head == nil {
			since = page.Events[n-1].At.Add(-remembered)
			n = max(0, n-chat.HeadSize)
			head = slices.Clone(page.Events[n:])
		}
		for i := range n {
			known = append(known, chat.Know(&page.Events[i]))
		}
		if !page.Older || !first.At.After(since) {
			return head, known, nil
		}
		r = chat.Before(first.Seq, storage.MaxPage).All()
	}
}
