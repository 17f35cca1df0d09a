package hub

import (
	"context"
	"iter"
	"sync"
	"time"

	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/presence"
)

// Device describes a session to be made.
type Device struct {
	Name  string // what the user calls it; for people, may repeat
	Queue int    // deliveries that may wait; 0: the hub's limit, which is also the most
	// Hidden sessions are not shown to others before [Session.SetPresence]. Others are
	// available from the beginning.
	Hidden bool
	// Resume goes on where another session of the same user was ([Session.Resume]), on
	// any node: first comes what it missed, as it is now, then what is placed live;
	// nothing twice, in each room in order. A token that isn't the user's own, or not
	// of this service, is [chat.ErrInvalid]. One that is older than [MaxResumeAge], or
	// missed more than [MaxMissed] events, is [chat.ErrExpired]: connect without it,
	// and read the rooms by pages.
	Resume Resume
}

// maxQueue is the largest queue of a session that a host may set.
const maxQueue = 1 << 16

// Session is one device of a user, connected. It gets what is placed in the
// user's rooms from the moment Connect returns: in each room every event, in its
// order, none twice. It follows the user's memberships by itself: a room that he comes to
// begins with the event that let him in.
//
// Deliveries wait in a bounded queue; signals are left out where it is more than half full.
// A session whose queue is full is cut off:
// it gets what waited, then [chat.ErrCutOff], and must be connected again. It
// never slows anybody else.
//
// One goroutine at a time may call Next or All; everything else may be called by
// many.
type Session struct {
	h      *Hub
	user   chat.UserID
	id     string // in the registry
	device Device

	ready chan struct{} // holds one token while something waits

	mu      sync.Mutex
	backlog []*Delivery // what was missed, ahead of the queue
	queue   ring
	end     error                    // why nothing more comes; nil while it lives
	missed  map[chat.RoomID]chat.Seq // the first that didn't come after the end
	after   map[chat.RoomID]chat.Seq // what it had from another node that was ahead of this one, or isn't to have
	coming  map[chat.RoomID]*coming  // of which something comes first
	held    int                      // deliveries that are held back in them
	final   map[chat.RoomID]chat.Seq // where it was in each room when it was closed

	rooms   []heard // where it is heard; under fan.mu, as is what follows
	settled bool    // it was settled once
	leftAt  map[chat.RoomID]chat.Seq

	presence Presence      // under crowd.mu, as is all that follows
	gone     bool          // it was closed: it is shown no more, and told of nobody
	used     time.Time     // when somebody last used it
	watched  []chat.UserID // of whom it is told
}

// Connect connects a device of the user.
func (u User) Connect(ctx context.Context, d Device) (*Session, error) {
	const op = "connect"
	leave, err := u.enter(ctx, op)
	if err != nil {
		return nil, err
	}
	defer leave()
	if err := chat.CheckName(op, "device.name", d.Name); err != nil {
		return nil, err
	}
	switch {
	case d.Queue == 0:
		d.Queue = u.h.limits.Queue
	case d.Queue < 0:
		return nil, &chat.Error{Kind: chat.ErrInvalid, Op: op, Field: "device.queue"}
	case d.Queue > u.h.limits.Queue:
		return nil, &chat.Error{Kind: chat.ErrTooLarge, Op: op, Field: "device.queue", Limit: int64(u.h.limits.Queue)}
	}
	at, err := u.h.parseResume(op, d.Resume, u.id, time.Now())
	if err != nil {
		return nil, err
	}
	if err := u.h.rates.spend(ctx, op, measure{"connect", []string{u.id.Tenant, u.id.Key}, u.h.rates.Connect}); err != nil {
		return nil, err
	}
	d.Resume = "" // not to be kept
	s := &Session{h: u.h, user: u.id, id: chat.NewID().String(), presence: Presence{Show: presence.Available}, device: d, ready: make(chan struct{}, 1), after: at}
	s.queue.most = d.Queue
	err = u.h.fan.connect(ctx, s)
	if err == nil && at != nil {
		err = u.h.catchUp(ctx, s, at)
	}
	if err != nil {
		s.Close()
		return nil, err
	}
	if !d.Hidden {
		u.h.crowd.add(s)
	}
	return s, nil
}

// User is whose session it is.
func (s *Session) User() User { return User{s.h, s.user} }

// Device is what it was connected as.
func (s *Session) Device() Device { return s.device }

// Ready gets a value when Next would not wait. It is for programs that wait for
// several things at once.
func (s *Session) Ready() <-chan struct{} { return s.ready }

// Next waits until something is there, and moves what waits into buf, in order.
// It returns how many. After the last delivery of a session that ended it returns
// why: [chat.ErrCutOff], or [chat.ErrClosed] after Close and Shutdown.
func (s *Session) Next(ctx context.Context, buf []*Delivery) (int, error) {
	if len(buf) == 0 {
		return 0, &chat.Error{Kind: chat.ErrInvalid, Op: "next", Field: "buf"}
	}
	for {
		if err := ctx.Err(); err != nil {
			return 0, err
		}
		if n, err := s.take(buf); n > 0 || err != nil {
			return n, err
		}
		select {
		case <-s.ready:
		case <-ctx.Done():
		}
	}
}

// All yields deliveries until the session or ctx ends; the last pair is why.
func (s *Session) All(ctx context.Context) iter.Seq2[*Delivery, error] {
	return func(yield func(*Delivery, error) bool) {
		buf := make([]*Delivery, 1)
		for {
			if _, err := s.Next(ctx, buf); err != nil {
				yield(nil, err)
				return
			}
			if !yield(buf[0], nil) {
				return
			}
		}
	}
}

// Close ends the session. Closing twice is no error.
func (s *Session) Close() error {
	s.freeze(&chat.Error{Kind: chat.ErrClosed, Op: "session"})
	s.h.fan.disconnect(s)
	return nil
}

func (s *Session) take(buf []*Delivery) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := copy(buf, s.backlog)
	clear(s.backlog[:n])
	if s.backlog = s.backlog[n:]; len(s.backlog) == 0 {
		s.backlog = nil
	}
	n += s.queue.pop(buf[n:])
	if n == 0 {
		return 0, s.end
	}
	if len(s.backlog) > 0 || s.queue.n > 0 || s.end != nil {
		s.wake()
		return n, nil
	}
	select { // nothing waits now, so Ready must not say so
	case <-s.ready:
	default:
	}
	return n, nil
}

// push queues a delivery. It reports false where the session has ended, also by
// this very call.
func (s *Session) push(d *Delivery) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.put(d)
}

// put is push; under mu.
func (s *Session) put(d *Delivery) bool {
	switch {
	case s.end != nil:
		s.missing(d)
		return false
	case s.after != nil && d.Event != nil && d.Event.Last() <= s.after[d.Event.Room]:
		return true
	case d.Signal != nil && 2*s.queue.n > s.queue.most:
		return true // signals may be lost, and must not push out what may not
	case !s.enqueue(d):
		s.cut(&chat.Error{Kind: chat.ErrCutOff, Op: "session", Field: "queue", Limit: int64(s.queue.most)})
		s.missing(d)
		return false
	}
	if s.queue.n == 1 {
		s.wake()
	}
	return true
}

// enqueue puts a delivery into the queue, or behind what comes first in its room, if there is
// space.
func (s *Session) enqueue(d *Delivery) bool {
	if s.coming == nil || d.Event == nil || s.coming[d.Event.Room] == nil {
		return s.queue.push(d)
	}
	if s.held == s.queue.most {
		return false
	}
	c := s.coming[d.Event.Room]
	c.held = append(c.held, d)
	s.held++
	return true
}

// stop ends the session for a reason; the first one stays.
func (s *Session) stop(why error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.cut(why)
}

// cut is stop; under mu.
func (s *Session) cut(why error) {
	if s.end == nil {
		s.end = why
	}
	s.wake()
}

// ended is why the session has ended, or nil.
func (s *Session) ended() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.end
}

// wake is called with mu held.
func (s *Session) wake() {
	select {
	case s.ready <- struct{}{}:
	default:
	}
}

// ring is a queue that grows up to a limit. Empty, it holds no memory until it is
// first used.
type ring struct {
	at   []*Delivery
	from int
	n    int
	most int
}

func (r *ring) push(d *Delivery) bool {
	if r.n == len(r.at) {
		if r.n == r.most {
			return false
		}
		r.grow()
	}
	i := r.from + r.n
	if i >= len(r.at) {
		i -= len(r.at)
	}
	r.at[i] = d
	r.n++
	return true
}

func (r *ring) grow() {
	bigger := make([]*Delivery, min(max(4, 2*len(r.at)), r.most))
	copied := copy(bigger, r.at[r.from:])
	copy(bigger[copied:], r.at[:r.from])
	r.at, r.from = bigger, 0
}

func (r *ring) pop(buf []*Delivery) int {
	n := min(len(buf), r.n)
	for i := range n {
		buf[i], r.at[r.from] = r.at[r.from], nil
		if r.from++; r.from == len(r.at) {
			r.from = 0
		}
	}
	r.n -= n
	return n
}
