package hub

import (
	"context"
	"errors"
	"sync"

	"github.com/parlor-chat/parlor/chat"
)

// followers are all that follow the log on this node.
type followers struct {
	h    *Hub
	lead *lead

	archive, index, personal *follower

	mu     sync.Mutex
	hosts  map[string]*follower
	closed chan struct{} // closed when the hub ends
}

// startFollowers sets h.follow.
func startFollowers(ctx context.Context, h *Hub, node string) {
	fs := &followers{h: h, lead: newLead(h, node), hosts: map[string]*follower{}, closed: make(chan struct{})}
	h.follow = fs
	fs.index = startFollower(h, "index", &indexer{h: h, done: map[indexedRoom]chat.Seq{}}, wokenEvery)
	fs.personal = startFollower(h, "personal", &reader{h: h, name: "personal", fn: h.refer}, wokenEvery)
	fs.archive = startFollower(h, "archive", &archiver{h: h, next: fs.wakeOthers, done: map[chat.RoomID]chat.Seq{}}, followEvery)
	fs.lead.start(ctx, func() {
		fs.archive.wake()
		fs.wakeOthers()
	})
}

// own are those that every hub has, in the order in which they depend on each other.
func (fs *followers) own() []*follower { return []*follower{fs.archive, fs.index, fs.personal} }

// all are own, and those of the host.
func (fs *followers) all() []*follower {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	all := fs.own()
	for _, f := range fs.hosts {
		all = append(all, f)
	}
	return all
}

// wake says that something was placed. The archive wakes the others.
func (fs *followers) wake() { fs.archive.wake() }

// hurry has all try again at once what failed.
func (fs *followers) hurry() {
	for _, f := range fs.all() {
		f.hurry()
	}
}

func (fs *followers) wakeOthers() {
	fs.index.wake()
	fs.personal.wake()
	fs.mu.Lock()
	defer fs.mu.Unlock()
	for _, f := range fs.hosts {
		f.wake()
	}
}

// stop ends all, after one last pass of the hub's own.
func (fs *followers) stop(ctx context.Context) error {
	close(fs.closed)
	fs.lead.stop(ctx)
	var failed []error
	for _, f := range fs.own() {
		f.stop(ctx)
	}
	for _, f := range fs.own() {
		failed = append(failed, f.pass(ctx, true))
	}
	fs.lead.leave(ctx)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return errors.Join(failed...)
}

// Follow calls fn with all events of all rooms, until ctx ends or the hub shuts down;
// it returns why. name is the follower's place in the log, for good: a name that was
// never used begins with the first event of each room, and one that was goes on where
// it stopped. All nodes may follow under one name: each event is seen by one of them.
//
// fn gets up to 500 events of one room at a time, in Seq order, without a hole, each
// of them placed for good. When it returns nil they are done; when it fails or panics
// it is called with them again, after a rest that grows to 10 s, while the other rooms
// go on. Where a thousand rooms of one shard wait so, no more of it are begun until some
// are done; [Admin.Lag] counts them. Events are given again, too, where this node dies or
// loses its lease before it was written down that they are done: whoever needs an effect
// once goes by Position. ctx of a call ends at least two seconds before another node may take
// over; a call that goes on for longer is at its own risk. A slow fn holds up nothing but
// its own follower on this node.
//
// Not a key, or a name that the hub uses itself, is [chat.ErrInvalid]; a name that runs
// on this hub already is [chat.ErrConflict].
func (h *Hub) Follow(ctx context.Context, name string, fn func(context.Context, []chat.Event) error) error {
	const op = "follow"
	leave, err := h.gate.enter(ctx, op)
	if err != nil {
		return err
	}
	leave() // Shutdown ends it, and need not wait for it
	if err := chat.CheckKey(op, "name", name); err != nil {
		return err
	}
	if len(name) > maxFollower {
		return &chat.Error{Kind: chat.ErrTooLarge, Op: op, Field: "name", Limit: maxFollower}
	}
	if fn == nil {
		return &chat.Error{Kind: chat.ErrInvalid, Op: op, Field: "fn"}
	}
	fs := h.follow
	for _, f := range fs.own() {
		if f.name == name {
			return &chat.Error{Kind: chat.ErrInvalid, Op: op, Field: "name"}
		}
	}
	fs.mu.Lock()
	if fs.hosts[name] != nil {
		fs.mu.Unlock()
		return &chat.Error{Kind: chat.ErrConflict, Op: op, Field: "name"}
	}
	f := startFollower(h, name, &reader{h: h, name: name, fn: fn}, wokenEvery)
	fs.hosts[name] = f
	fs.mu.Unlock()
	defer func() {
		f.stop(context.Background())
		fs.mu.Lock()
		defer fs.mu.Unlock()
		delete(fs.hosts, name)
	}()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-fs.closed:
		return &chat.Error{Kind: chat.ErrClosed, Op: op}
	}
}

// maxFollower is how long a follower's name may be, in bytes.
const maxFollower = 100
