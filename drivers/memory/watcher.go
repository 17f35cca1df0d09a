package memory

import (
	"context"
	"sync"

	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/presence"
)

// watcher tells one watch of a registry whose sessions changed. It keeps people, not
// changes: however slow fn is, each waits once, and is read as he is when told.
type watcher struct {
	s    *Store
	d    *registryData
	fn   func([]presence.State)
	kick chan struct{}
	done chan struct{} // closed when fn runs no more

	mu      sync.Mutex
	people  []chat.UserID // in the order of their changes
	waiting map[chat.UserID]bool
	stopped bool
}

// Watch implements presence.Registry.
func (h registry) Watch(ctx context.Context, fn func([]presence.State)) (func(), error) {
	if err := h.ready(ctx, "watch"); err != nil {
		return nil, err
	}
	d := &h.data.registry
	w := &watcher{s: h.Store, d: d, fn: fn, kick: make(chan struct{}, 1), done: make(chan struct{}), waiting: map[chat.UserID]bool{}}
	if err := h.hold("watch", w); err != nil {
		return nil, err
	}
	d.lock()
	d.watchers[w] = struct{}{}
	d.mu.Unlock()
	go w.run()
	ended := context.AfterFunc(ctx, func() { w.Close() })
	return func() {
		ended()
		w.Close()
	}, nil
}

// tell notes that somebody changed.
func (w *watcher) tell(u chat.UserID) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.waiting[u] {
		w.waiting[u] = true
		w.people = append(w.people, u)
	}
	w.wake()
}

func (w *watcher) wake() {
	select {
	case w.kick <- struct{}{}:
	default:
	}
}

// Close ends the watch, once fn has returned.
func (w *watcher) Close() error {
	w.s.release(w)
	w.d.mu.Lock()
	delete(w.d.watchers, w)
	w.d.mu.Unlock()
	w.mu.Lock()
	w.stopped = true
	w.wake()
	w.mu.Unlock()
	<-w.done
	return nil
}

func (w *watcher) run() {
	defer close(w.done)
	for range w.kick {
		for {
			people, stopped := w.take()
			if stopped {
				return
			}
			if len(people) == 0 {
				break
			}
			states := make([]presence.State, len(people))
			w.d.lock()
			for i, u := range people {
				states[i] = w.d.state(u, nil)
			}
			w.d.mu.Unlock()
			w.fn(states)
		}
	}
}

// take are the next to be told about.
func (w *watcher) take() (people []chat.UserID, stopped bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	n := min(len(w.people), chat.MaxBatch)
	people, w.people = w.people[:n:n], w.people[n:]
	for _, u := range people {
		delete(w.waiting, u)
	}
	return people, w.stopped
}
