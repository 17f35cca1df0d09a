package hub_test

import (
	"context"
	"errors"
	"time"

	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/chat/hub"
)

// device is somebody's phone: it keeps its token, whatever happens to its session.
type device struct {
	name, user string
	session    *hub.Session
	node       int
	token      hub.Resume
	coming     bool // it is being connected

	since    time.Time           // when it connected
	gone     time.Time           // when it was last cut off
	status   string              // what it tells
	watching bool                // everybody
	told     map[string][]string // by person, of those whom it watches
}

// cutOff tells that a device has no session any more.
func (d *device) cutOff() { d.session, d.gone = nil, time.Now() }

// onDevice connects a device, cuts it off without a word, or both, one behind the other.
// It does one thing in a step.
func (w *world) onDevice(a action) func() {
	d := w.devices[a.Device]
	if w.used[d] || (d.session != nil) == (a.Verb == "connect") {
		return nil
	}
	w.used[d] = true
	return func() {
		if a.Verb != "connect" {
			w.vanish(d)
		}
		if a.Verb != "vanish" {
			w.connect(d, a.Node)()
		}
	}
}

func (w *world) vanish(d *device) {
	w.mu.Lock()
	s := d.session
	w.mu.Unlock()
	if s == nil {
		return // its node was killed in this moment
	}
	s.Close()
	w.mu.Lock()
	defer w.mu.Unlock()
	d.cutOff()
}

func (w *world) connect(d *device, node int) func() {
	step := w.step
	return func() {
		w.mu.Lock()
		d.node, d.coming = node, true
		w.mu.Unlock()
		err := w.call(func(ctx context.Context) error {
			s, err := w.k.As(node, d.user).Connect(ctx, hub.Device{Name: d.name, Resume: d.token})
			w.mu.Lock()
			defer w.mu.Unlock()
			if err == nil {
				d.session, d.since, d.status, d.watching, d.told = s, time.Now(), "", false, map[string][]string{}
			}
			return err
		})
		w.mu.Lock()
		defer w.mu.Unlock()
		d.coming = false
		w.check.note("%d %s connects to node %d: %v", step, d.name, node, err)
		if err != nil && !explained(err) {
			w.check.refuses(step, "connect", err)
		}
	}
}

// drain takes what a device has got, up to most deliveries.
func (w *world) drain(d *device, most int) {
	buf := make([]*hub.Delivery, 7)
	for d.session != nil && most > 0 {
		ctx, cancel := context.WithTimeout(w.ctx, time.Millisecond)
		n, err := d.session.Next(ctx, buf[:min(most, len(buf))]) // waits: w.mu must be free
		cancel()
		most -= n
		d.token = d.session.Resume()
		w.mu.Lock()
		for _, x := range buf[:n] {
			switch {
			case x.Event != nil:
				w.check.deliver(w.step, d.name, d.user, x.Event)
			case x.Presence != nil:
				d.told[x.Presence.User.Key] = devicesOf(*x.Presence)
			}
		}
		if errors.Is(err, chat.ErrCutOff) || errors.Is(err, chat.ErrClosed) { // else nothing more is there
			w.check.note("%d %s is cut off: %v", w.step, d.name, err)
			d.session.Close()
			d.cutOff()
		}
		w.mu.Unlock()
		if err != nil {
			return
		}
	}
}
