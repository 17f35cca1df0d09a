package hubtest

import (
	"context"
	"iter"
	"sync"
	"sync/atomic"
	"time"

	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/drivers"
	"github.com/parlor-chat/parlor/drivers/journal"
	"github.com/parlor-chat/parlor/presence"
	"github.com/parlor-chat/parlor/search"
	"github.com/parlor-chat/parlor/storage"
)

// set is what a node stands on: memory drivers, and the log where there is one, each behind a
// wire that may fail.
func (n *node) set() drivers.Set {
	s := n.store.Set()
	if n.k.broker != nil {
		s.Broker, s.History = n.k.broker, n.k.history
	}
	return drivers.Set{Broker: brokerWire{n, s.Broker}, History: historyWire{n, s.History}, Directory: directoryWire{n, s.Directory},
		Index: indexWire{n, s.Index}, Fence: fenceWire{n, s.Fence}, Registry: registryWire{n, s.Registry, new(atomic.Bool)}}
}

type brokerWire struct {
	n  *node
	to chat.Broker
}

func (w brokerWire) Publish(ctx context.Context, events []chat.Event) ([]chat.Receipt, error) {
	var receipts []chat.Receipt
	err := w.n.call(ctx, Broker, func() (err error) {
		receipts, err = w.to.Publish(ctx, events)
		return err
	})
	k := w.n.k
	k.mu.Lock()
	defer k.mu.Unlock()
	for i, r := range receipts {
		if r.Seq > 0 && err == nil {
			k.placed[r.ID] = chat.Position{Room: events[i].Room, Seq: r.Seq}
		}
	}
	return receipts, err
}

func (w brokerWire) Recent(ctx context.Context, room chat.RoomID, r chat.Range) (chat.Head, error) {
	return ask(ctx, w.n, Broker, func() (chat.Head, error) { return w.to.Recent(ctx, room, r) })
}

func (w brokerWire) Tips(ctx context.Context, rooms []chat.RoomID) ([]chat.Tip, error) {
	return ask(ctx, w.n, Broker, func() ([]chat.Tip, error) { return chat.Tips(ctx, w.to, rooms) })
}

func (w brokerWire) Attach(ctx context.Context, name string, s chat.Sink) (chat.Link, error) {
	return ask(ctx, w.n, Broker, func() (chat.Link, error) {
		over := make(chan struct{})
		l, err := w.to.Attach(ctx, name, sinkWire{w.n, s, over})
		return linkWire{w.n, l, sync.OnceFunc(func() { close(over) })}, err
	})
}

func (w brokerWire) Signal(ctx context.Context, s chat.Signal) error {
	return w.n.call(ctx, Broker, func() error { return w.to.Signal(ctx, s) })
}

func (w brokerWire) Changed(ctx context.Context, shard int, after string, limit int) (placed []chat.Position, next string, err error) {
	err = w.n.call(ctx, Broker, func() (err error) {
		placed, next, err = w.to.Changed(ctx, shard, after, limit)
		return err
	})
	return placed, next, err
}

func (w brokerWire) Archived(ctx context.Context, upTo ...chat.Position) error {
	return w.n.call(ctx, Broker, func() error { return w.to.Archived(ctx, upTo...) })
}

func (w brokerWire) Memory(ctx context.Context) (string, error) {
	// A driver learns it by the way, with other answers: only a broker that is away keeps
	// it from being known, and it costs no time.
	if f := w.n.fault(Broker, false); w.n.killed() || f == nil || f.Err == nil || f.Lost || f.Every > 1 {
		return chat.Memory(ctx, w.to)
	}
	return ask(ctx, w.n, Broker, func() (string, error) { return chat.Memory(ctx, w.to) })
}

func (w brokerWire) PutBack(ctx context.Context, memory string, events []chat.Event, doubtful ...chat.RoomID) error {
	return w.n.call(ctx, Broker, func() error { return chat.PutBack(ctx, w.to, memory, events, doubtful...) })
}

func (w brokerWire) Remains(ctx context.Context, room chat.RoomID) (chat.Remains, error) {
	return ask(ctx, w.n, Broker, func() (chat.Remains, error) { return chat.ReadRemains(ctx, w.to, room) })
}

func (w brokerWire) Reopen(ctx context.Context, memory string, room chat.RoomID, r chat.Restored) error {
	return w.n.call(ctx, Broker, func() error { return chat.Reopen(ctx, w.to, memory, room, r) })
}

func (w brokerWire) Opener(open func(context.Context, chat.RoomID) error) { chat.SetOpener(w.to, open) }

// diskWire is a disk as a node reaches it: its own, or that of a dead one.
type diskWire struct {
	n  *node
	to journal.Store
}

func (w diskWire) Load(ctx context.Context) iter.Seq2[journal.Record, error] {
	return func(yield func(journal.Record, error) bool) {
		if err := w.n.call(ctx, Disk, func() error { return nil }); err != nil {
			yield(journal.Record{}, err)
			return
		}
		w.to.Load(ctx)(yield)
	}
}

func (w diskWire) Keep(ctx context.Context, records []journal.Record) error {
	return w.n.call(ctx, Disk, func() error { return w.to.Keep(ctx, records) })
}

func (w diskWire) Note(ctx context.Context, records []journal.Record) error {
	return w.n.call(ctx, Disk, func() error { return w.to.Note(ctx, records) })
}

func (w diskWire) Drop(ctx context.Context, ids []chat.EventID) error {
	return w.n.call(ctx, Disk, func() error { return w.to.Drop(ctx, ids) })
}

type linkWire struct {
	n    *node
	to   chat.Link
	over func() // nothing waits to be delivered any more
}

func (w linkWire) Subscribe(ctx context.Context, rooms ...chat.RoomID) ([]chat.Seq, error) {
	return ask(ctx, w.n, Broker, func() ([]chat.Seq, error) { return w.to.Subscribe(ctx, rooms...) })
}

func (w linkWire) Unsubscribe(rooms ...chat.RoomID) { w.to.Unsubscribe(rooms...) }
func (w linkWire) Close() error                     { w.over(); return w.to.Close() }

// sinkWire delivers nothing to a node that is cut off or dead.
type sinkWire struct {
	n    *node
	to   chat.Sink
	over chan struct{} // closed with the link
}

// open waits until the node can be reached, and says whether it lives.
func (w sinkWire) open() bool {
	for {
		f := w.n.fault(Broker, false)
		if w.n.killed() {
			return false
		}
		if f == nil || f.Err == nil || f.Lost || f.Every > 1 {
			return true
		}
		select {
		case <-f.healed:
		case <-w.n.dead:
		case <-w.over:
			return false
		}
	}
}

func (w sinkWire) Events(events []chat.Event) {
	if w.open() {
		w.to.Events(events)
	}
}

func (w sinkWire) Gap(room chat.RoomID, from, to chat.Seq) {
	if w.open() {
		w.to.Gap(room, from, to)
	}
}

func (w sinkWire) Signal(s chat.Signal) {
	if f := w.n.fault(Broker, false); w.n.killed() || f != nil && f.Err != nil {
		return // signals may be lost
	}
	w.to.Signal(s)
}

type historyWire struct {
	n  *node
	to storage.History
}

func (w historyWire) Append(ctx context.Context, events []chat.Event) error {
	return w.n.call(ctx, History, func() error { return w.to.Append(ctx, events) })
}

func (w historyWire) Page(ctx context.Context, room chat.RoomID, r chat.Range) (storage.Page, error) {
	return ask(ctx, w.n, History, func() (storage.Page, error) { return w.to.Page(ctx, room, r) })
}

func (w historyWire) Lookup(ctx context.Context, refs []storage.Ref) (storage.Page, error) {
	return ask(ctx, w.n, History, func() (storage.Page, error) { return w.to.Lookup(ctx, refs) })
}

func (w historyWire) Scan(ctx context.Context, span storage.Span, after storage.Cursor) iter.Seq2[storage.Entry, error] {
	return func(yield func(storage.Entry, error) bool) {
		if err := w.n.call(ctx, History, func() error { return nil }); err != nil {
			yield(storage.Entry{}, err)
			return
		}
		w.to.Scan(ctx, span, after)(yield)
	}
}

func (w historyWire) Rooms(ctx context.Context, shard int, after chat.RoomID, limit int) ([]chat.Position, error) {
	return ask(ctx, w.n, History, func() ([]chat.Position, error) { return w.to.Rooms(ctx, shard, after, limit) })
}

func (w historyWire) Erase(ctx context.Context, at []chat.Position) error {
	return w.n.call(ctx, History, func() error { return w.to.Erase(ctx, at) })
}

func (w historyWire) Prune(ctx context.Context, span storage.Span, before time.Time) error {
	return w.n.call(ctx, History, func() error { return storage.Prune(ctx, w.to, span, before) })
}

type indexWire struct {
	n  *node
	to search.Index
}

func (w indexWire) Apply(ctx context.Context, docs []search.Document, upTo ...chat.Position) error {
	return w.n.call(ctx, Index, func() error { return w.to.Apply(ctx, docs, upTo...) })
}

func (w indexWire) Search(ctx context.Context, r search.Request) (search.Result, error) {
	return ask(ctx, w.n, Index, func() (search.Result, error) { return w.to.Search(ctx, r) })
}

func (w indexWire) Watermark(ctx context.Context, rooms ...chat.RoomID) ([]chat.Seq, error) {
	return ask(ctx, w.n, Index, func() ([]chat.Seq, error) { return w.to.Watermark(ctx, rooms...) })
}

func (w indexWire) Drop(ctx context.Context, span storage.Span, before time.Time) error {
	return w.n.call(ctx, Index, func() error { return w.to.Drop(ctx, span, before) })
}

func (w indexWire) Generation(ctx context.Context, name string) (search.Index, error) {
	return ask(ctx, w.n, Index, func() (search.Index, error) {
		ix, err := search.Generation(ctx, w.to, name)
		return indexWire{w.n, ix}, err
	})
}

type fenceWire struct {
	n  *node
	to storage.Fence
}

func (w fenceWire) Lease(ctx context.Context, name, node string, ttl time.Duration) (storage.Lease, error) {
	return ask(ctx, w.n, Fence, func() (storage.Lease, error) { return w.to.Lease(ctx, name, node, ttl) })
}

func (w fenceWire) Held(ctx context.Context, name string) (storage.Lease, error) {
	return ask(ctx, w.n, Fence, func() (storage.Lease, error) { return w.to.Held(ctx, name) })
}

func (w fenceWire) Release(ctx context.Context, name, node string) error {
	return w.n.call(ctx, Fence, func() error { return w.to.Release(ctx, name, node) })
}

func (w fenceWire) Value(ctx context.Context, name string) (string, error) {
	return ask(ctx, w.n, Fence, func() (string, error) { return w.to.Value(ctx, name) })
}

func (w fenceWire) Swap(ctx context.Context, name, from, to string) error {
	return w.n.call(ctx, Fence, func() error { return w.to.Swap(ctx, name, from, to) })
}

// registryWire loses what changes while the registry is down, and says so by the next beat, as
// a driver does that lost its connection.
type registryWire struct {
	n    *node
	to   presence.Registry
	lost *atomic.Bool
}

func (w registryWire) Beat(ctx context.Context, node string, ttl time.Duration) (bool, error) {
	return ask(ctx, w.n, Registry, func() (bool, error) {
		if w.lost.Swap(false) {
			return false, &chat.Error{Kind: chat.ErrUnavailable, Op: string(Registry), Field: "watch"}
		}
		return w.to.Beat(ctx, node, ttl)
	})
}

func (w registryWire) Set(ctx context.Context, node string, sessions []presence.Session) error {
	return w.n.call(ctx, Registry, func() error { return w.to.Set(ctx, node, sessions) })
}

func (w registryWire) Of(ctx context.Context, users []chat.UserID) ([]presence.State, error) {
	return ask(ctx, w.n, Registry, func() ([]presence.State, error) { return w.to.Of(ctx, users) })
}

func (w registryWire) In(ctx context.Context, room chat.RoomID, after string, limit int) ([]presence.State, error) {
	return ask(ctx, w.n, Registry, func() ([]presence.State, error) { return w.to.In(ctx, room, after, limit) })
}

func (w registryWire) Watch(ctx context.Context, fn func([]presence.State)) (func(), error) {
	return ask(ctx, w.n, Registry, func() (func(), error) {
		return w.to.Watch(ctx, func(states []presence.State) {
			if f := w.n.fault(Registry, false); f != nil && f.Err != nil && !f.Lost && f.Every <= 1 {
				w.lost.Store(true)
				return
			}
			fn(states)
		})
	})
}

func (w registryWire) Take(ctx context.Context, buckets ...presence.Bucket) (presence.Taken, error) {
	return ask(ctx, w.n, Registry, func() (presence.Taken, error) { return presence.Take(ctx, w.to, buckets...) })
}

func (w registryWire) Stats(ctx context.Context, tenant string) (presence.Stats, error) {
	return ask(ctx, w.n, Registry, func() (presence.Stats, error) { return w.to.Stats(ctx, tenant) })
}
