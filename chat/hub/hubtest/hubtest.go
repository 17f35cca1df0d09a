// Package hubtest runs several nodes of a hub in one process, breaks what they stand
// on, and kills them: for the tests of a host program, and for Parlor's own.
//
// Each node has a disk that survives Kill, and on it a journal: what a node was given to
// send while the broker was away is placed when it starts again.
//
// A test runs in a bubble of [testing/synctest]: its clock is its own and jumps ahead
// when everybody waits, so an outage of an hour takes no time. At its end, all faults
// are healed and all nodes started, and the test fails if an event that was placed isn't in the archive, or
// if a goroutine is left over.
//
//	func TestShippingIsToldThoughTheArchiveIsDown(t *testing.T) {
//		hubtest.Run(t, 2, func(t *testing.T, k *hubtest.Kit) {
//			k.Room("orders", "ann", "bob")
//			heal := k.Fail(hubtest.History, hubtest.Down)
//			ship(t, k.Node(0)) // the host's own code, with a *hub.Hub
//			k.Kill(0)
//			heal()
//			k.Settle()
//			if got := k.Texts("orders"); !slices.Equal(got, []string{"shipped"}) {
//				t.Error(got)
//			}
//		})
//	}
package hubtest

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/chat/hub"
	"github.com/parlor-chat/parlor/drivers/journal"
	"github.com/parlor-chat/parlor/drivers/memory"
	"github.com/parlor-chat/parlor/storage"
)

// Tenant is that of the kit's rooms and users.
const Tenant = "test"

// Options changes each node of a kit. Loggers are silent by default.
type Options struct {
	Hub     hub.Options // but for Node, which the kit sets
	Journal journal.Options
	Disk    func() NodeDisk // makes the disk of a node; nil: one in memory
	Log     Log             // what the broker and the archive lie on; nil: they are in memory, and no part of a node
}

// Kit is the nodes of one service, and what they stand on.
type Kit struct {
	t       *testing.T
	store   *memory.Store
	log     Log // nil: the broker and the archive are the store's
	broker  chat.Broker
	history storage.History
	options Options
	cutting sync.Mutex // held by a power cut
	nodes   []*node
	members map[string]string // of each room, somebody who may read it

	mu     sync.Mutex
	skew   time.Duration
	faults []*fault
	placed map[chat.EventID]chat.Position // what a node was told to be placed
	losses int                            // of the broker
}

// node is one life of a node.
type node struct {
	k     *Kit
	index int
	name  string
	hub   *hub.Hub

	disk    NodeDisk         // survives Kill
	store   *memory.Store    // its handle
	journal *journal.Journal // on the disk
	dead    chan struct{}    // closed by Kill
}

// Run runs fn with so many nodes, in a bubble.
func Run(t *testing.T, nodes int, fn func(t *testing.T, k *Kit)) {
	t.Helper()
	RunWith(t, nodes, Options{}, fn)
}

// RunWith is Run with options.
func RunWith(t *testing.T, nodes int, o Options, fn func(t *testing.T, k *Kit)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		silent := slog.New(slog.DiscardHandler)
		o.Hub.Logger = cmp.Or(o.Hub.Logger, silent)
		o.Journal.Logger = cmp.Or(o.Journal.Logger, silent)
		k := &Kit{t: t, log: o.Log, options: o, members: map[string]string{}, placed: map[chat.EventID]chat.Position{}}
		k.store = memory.New(&memory.Options{Now: k.now})
		for i := range nodes {
			disk := NodeDisk(newMemoryDisk(func() bool { return k.syncs(i) }))
			if o.Disk != nil {
				disk = o.Disk()
			}
			k.nodes = append(k.nodes, &node{k: k, index: i, name: fmt.Sprint("node", i), disk: disk})
			k.Start(i)
		}
		defer k.end()
		fn(t, k)
	})
}

// now is the clock of the stores.
func (k *Kit) now() time.Time {
	k.mu.Lock()
	defer k.mu.Unlock()
	return time.Now().Add(k.skew)
}

// Skew moves the clock of the stores by d, forth or back.
func (k *Kit) Skew(d time.Duration) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.skew += d
}

// Store is what lies behind all nodes, without faults.
func (k *Kit) Store() *memory.Store { return k.store }

// Nodes is how many there are, dead ones too.
func (k *Kit) Nodes() int { return len(k.nodes) }

// Node is the hub of a node; of a dead one, every method returns an error.
func (k *Kit) Node(i int) *hub.Hub { return k.node(i).hub }

func (k *Kit) node(i int) *node {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.nodes[i]
}

// Alive says whether a node lives.
func (k *Kit) Alive(i int) bool { return !k.node(i).killed() }

// User names somebody of the kit's tenant.
func User(key string) chat.UserID { return chat.UserID{Tenant: Tenant, Key: key} }

// As is a user at a node.
func (k *Kit) As(i int, user string) hub.User { return k.Node(i).As(User(user)) }

// Room makes a public room; the first member owns it.
func (k *Kit) Room(name string, members ...string) chat.RoomID {
	k.t.Helper()
	id := chat.RoomID{Tenant: Tenant, Key: name}
	admin := k.Node(k.live()).Admin()
	k.must(admin.Create(k.t.Context(), storage.Room{ID: id, Kind: storage.Public, Title: name, Listed: true}))
	for i, m := range members {
		role := chat.RoleMember
		if i == 0 {
			role, k.members[name] = chat.RoleOwner, m
		}
		k.must(admin.SetMember(k.t.Context(), id, User(m), role, ""))
	}
	return id
}

// Texts are the texts of a room as its first member reads them; what is gone is left
// out.
func (k *Kit) Texts(room string) []string {
	k.t.Helper()
	var all []string
	r := k.As(k.live(), k.members[room]).Room(room)
	for w := chat.Latest(100); ; {
		page, err := r.Page(k.t.Context(), w)
		k.must(err)
		var part []string
		for _, m := range page.Messages {
			if m.Gone == nil {
				part = append(part, m.Text.Body)
			}
		}
		all = append(part, all...)
		if !page.Older || len(page.Messages) == 0 {
			return all
		}
		w = chat.Before(page.Messages[0].Seq, 100)
	}
}

// Kill ends a node as kill -9 does: nothing it had begun goes on, and nobody is told.
// What it asked for may have been done.
func (k *Kit) Kill(i int) {
	if n := k.node(i); n.die() {
		n.disk.Crash()
		n.bury()
	}
}

// die ends a node, and says whether it lived.
func (n *node) die() bool {
	n.k.mu.Lock()
	defer n.k.mu.Unlock()
	if n.killed() {
		return false
	}
	close(n.dead)
	return true
}

// bury frees what a node that is dead held.
func (n *node) bury() {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	n.journal.Close()
	n.hub.Shutdown(ctx) // frees the goroutines; every driver refuses it
	n.store.Close()
}

// Start starts a node that was killed.
func (k *Kit) Start(i int) {
	k.t.Helper()
	was := k.node(i)
	if was.hub != nil && !was.killed() {
		return
	}
	if k.log != nil && k.broker == nil {
		var err error
		k.broker, k.history, err = k.log.Open(k.t.Context())
		k.must(err)
	}
	// What is left of the life before stays dead.
	n := &node{k: k, index: i, name: was.name, disk: was.disk, store: k.store.Reopen(), dead: make(chan struct{})}
	o := k.options
	o.Hub.Node = n.name
	set := n.set()
	store, err := n.disk.Open(k.t.Context())
	k.must(err)
	o.Journal.Dead = n.openDead
	n.journal, err = journal.New(k.t.Context(), diskWire{n, store}, set.Broker, &o.Journal)
	k.must(err)
	set.Broker = n.journal
	n.hub, err = hub.New(k.t.Context(), set, &o.Hub)
	k.must(err)
	k.mu.Lock()
	defer k.mu.Unlock()
	k.nodes[i] = n
}

// Adopt has a node go on with what the journal of a dead one kept, from that one's disk: see
// [hub.Admin.Adopt].
func (k *Kit) Adopt(i, dead int) (chat.Adopted, error) {
	k.t.Helper()
	return k.node(i).hub.Admin().Adopt(k.t.Context(), k.node(dead).name)
}

// openDead opens the disk of a dead node for one that adopts its journal.
func (n *node) openDead(ctx context.Context, name string) (journal.Store, func() error, error) {
	var d *node
	for i := range n.k.nodes {
		if other := n.k.node(i); other.name == name {
			d = other
		}
	}
	if d == nil {
		return nil, nil, &chat.Error{Kind: chat.ErrNotFound, Op: "open", Field: "where"}
	}
	if !d.killed() {
		return nil, nil, &chat.Error{Kind: chat.ErrUnavailable, Op: "open", Field: "dir", Err: fmt.Errorf("held by %s", d.name)}
	}
	store, err := d.disk.Open(ctx)
	if err != nil {
		return nil, nil, err
	}
	return diskWire{n, store}, d.disk.Close, nil
}

func (n *node) killed() bool {
	select {
	case <-n.dead:
		return true
	default:
		return false
	}
}

// live is a node that lives.
func (k *Kit) live() int {
	i := slices.IndexFunc(k.nodes, func(n *node) bool { return !n.killed() })
	if i < 0 {
		k.t.Fatal("hubtest: no node lives")
	}
	return i
}

// settleTime is how long Settle waits, by the bubble's clock.
const settleTime = 5 * time.Minute

// Settle waits until all that live nodes keep was placed and archived, all that was placed
// has been followed, though a node's shards must first pass to another, and everything that is
// delivered has arrived. While a fault keeps that from being, it waits for nothing but
// quiet.
func (k *Kit) Settle() {
	k.t.Helper()
	synctest.Wait()
	if i := slices.IndexFunc(k.nodes, func(n *node) bool { return !n.killed() }); i >= 0 {
		ctx, cancel := context.WithTimeout(k.t.Context(), settleTime)
		defer cancel()
		var why error // before the time was over
		for {
			err := k.Node(i).Admin().CatchUp(ctx)
			if err == nil {
				err = k.held(ctx)
			}
			if err == nil || k.failing() {
				break
			}
			if ctx.Err() != nil {
				lag, _ := k.Node(i).Admin().Lag(k.t.Context())
				k.t.Errorf("hubtest: the nodes don't settle: %v, %v; they are behind by %+v", err, why, lag)
				break
			}
			why = err
			time.Sleep(100 * time.Millisecond)
		}
	}
	synctest.Wait()
}

// held says whether a live node holds what the archive doesn't show yet.
func (k *Kit) held(ctx context.Context) error {
	for _, n := range k.nodes {
		if n.killed() {
			continue
		}
		held, err := n.journal.Held(ctx, 0, chat.MaxBatch)
		if err != nil {
			return err
		}
		for i := range held {
			if held[i].Aside == nil {
				return fmt.Errorf("%s holds %v of %v, which is %v", n.name, held[i].Event.ID, held[i].Event.Room, held[i].State)
			}
		}
	}
	return nil
}

// end checks that nothing was lost, and ends all nodes.
func (k *Kit) end() {
	k.Heal()
	for i := range k.nodes {
		k.Start(i) // what it keeps is placed
	}
	k.Settle()
	k.check()
	for _, n := range k.nodes {
		if !n.killed() {
			if err := n.hub.Shutdown(context.Background()); err != nil {
				k.t.Errorf("hubtest: shutdown of %s: %v", n.name, err)
			}
			n.journal.Close()
		}
		n.store.Close()
		k.must(n.disk.Close())
	}
	if k.log != nil {
		k.must(k.log.Close())
	}
	k.store.Close()
}

// check looks for all that was placed in the archive.
func (k *Kit) check() {
	history := k.history
	if history == nil {
		history = k.store.History()
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	for id, at := range k.placed {
		page, err := history.Lookup(context.Background(), []storage.Ref{{Room: at.Room, ID: id}})
		switch {
		case err != nil:
			k.t.Errorf("hubtest: the archive: %v", err)
			return
		case len(page.Events) == 0:
			k.t.Errorf("hubtest: %v was placed at %v and is not in the archive", id, at)
		case page.Events[0].Position() != at && k.losses == 0:
			k.t.Errorf("hubtest: %v was placed at %v and is at %v", id, at, page.Events[0].Position())
		}
	}
}

func (k *Kit) must(err error) {
	k.t.Helper()
	if err != nil {
		k.t.Fatalf("hubtest: %v", err)
	}
}
