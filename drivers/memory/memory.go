// Package memory holds every contract in memory. It is the reference: simple
// enough to be read as the specification of what a driver does, and the driver
// for tests and for trying things out. Nothing survives the process.
package memory

import (
	"context"
	"io"
	"sync"
	"time"

	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/drivers"
	"github.com/parlor-chat/parlor/presence"
	"github.com/parlor-chat/parlor/search"
	"github.com/parlor-chat/parlor/storage"
)

// Options changes what [New] makes. The zero value of each field, and nil
// Options, mean the default.
type Options struct {
	// Now is the clock that settles At and the ends of leases; time.Now by default.
	Now func() time.Time
	// HeadBytes is the quota of the heads of all rooms together, for what the
	// archive doesn't show yet, in bytes of the stored form; 256 MiB by default.
	HeadBytes int64
	// Remember is how long the broker knows the ids that it placed; 24 h by
	// default, and at least that by contract.
	Remember time.Duration
}

// Store is a handle on a set of drivers that share one memory. [Store.Reopen]
// gives another handle on the same memory, as a second node would have.
type Store struct {
	data *data

	mu     sync.Mutex
	closed bool
	opener func(context.Context, chat.RoomID) error // of rooms that were lost
	links  map[io.Closer]struct{}                   // links and watches, closed with the handle
}

// data is what all handles share.
type data struct {
	broker    brokerData
	history   historyData
	directory directoryData
	index     indexData
	fence     fenceData
	registry  registryData
}

// New makes an empty store.
func New(o *Options) *Store {
	var opt Options
	if o != nil {
		opt = *o
	}
	if opt.Now == nil {
		opt.Now = time.Now
	}
	if opt.HeadBytes == 0 {
		opt.HeadBytes = 256 << 20
	}
	if opt.Remember == 0 {
		opt.Remember = 24 * time.Hour
	}
	d := &data{}
	d.broker.init(opt)
	d.history.init()
	d.directory.init()
	d.index.init()
	d.fence.init(opt)
	d.registry.init(opt)
	return &Store{data: d, links: map[io.Closer]struct{}{}}
}

// Reopen gives another handle on the same memory. It works after Close, too.
func (s *Store) Reopen() *Store {
	return &Store{data: s.data, links: map[io.Closer]struct{}{}}
}

// Close closes this handle: its links and watches end, and every later call returns
// [chat.ErrClosed]. Closing twice is no error.
func (s *Store) Close() error {
	s.mu.Lock()
	links := s.links
	s.closed, s.links = true, nil
	s.mu.Unlock()
	for l := range links {
		l.Close()
	}
	return nil
}

// Broker is the broker of this memory.
func (s *Store) Broker() chat.Broker { return broker{s} }

// History is the archive of this memory.
func (s *Store) History() storage.History { return history{s} }

// Directory is the directory of this memory.
func (s *Store) Directory() storage.Directory { return directory{s} }

// Index is the index of this memory. It has generations ([search.Generations]).
func (s *Store) Index() search.Index { return index{generation{s, s.data.index.generation("")}} }

// Fence is the fence of this memory.
func (s *Store) Fence() storage.Fence { return fence{s} }

// Registry is the registry of this memory.
func (s *Store) Registry() presence.Registry { return registry{s} }

// Set is one driver of each contract that a hub needs.
func (s *Store) Set() drivers.Set {
	return drivers.Set{Broker: s.Broker(), History: s.History(), Directory: s.Directory(), Index: s.Index(),
		Fence: s.Fence(), Registry: s.Registry()}
}

// hold has l closed with the handle, if that isn't closed yet.
func (s *Store) hold(op string, l io.Closer) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return &chat.Error{Kind: chat.ErrClosed, Op: op}
	}
	s.links[l] = struct{}{}
	return nil
}

// release undoes hold.
func (s *Store) release(l io.Closer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.links, l)
}

// ready is what every method asks first.
func (s *Store) ready(ctx context.Context, op string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return &chat.Error{Kind: chat.ErrClosed, Op: op}
	}
	return nil
}
