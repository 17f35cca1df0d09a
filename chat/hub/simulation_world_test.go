package hub_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/chat/hub/hubtest"
	"github.com/parlor-chat/parlor/storage"
)

// world is one plan at work.
type world struct {
	t    *testing.T
	k    *hubtest.Kit
	plan plan
	log  bool // the broker loses nothing but by a power cut, that takes all nodes with it

	step    int
	crashes int
	losses  int
	skew    time.Duration // of the clock now
	ahead   time.Duration // the most that it was
	faults  []plannedFault
	cut     []int               // nodes that a power cut ended in this step
	flaky   time.Time           // when the registry was last out of order
	wellAt  [simNodes]time.Time // when each node is over what befell it
	devices []*device
	used    map[*device]bool // that do something in this step

	mu     sync.Mutex // guards all below: actions of one step run at once
	check  *checker
	jumped bool
	befell []string               // what befell it
	rooms  map[string]chat.RoomID // those that are known to be there
	said   map[int]*sent
	lives  [simNodes]int                 // how often each node was killed
	inside map[chat.RoomID]map[life]bool // calls of the follower
	tired  map[chat.Position]bool        // where it failed

	running sync.WaitGroup // the followers
	stop    context.CancelFunc
	ctx     context.Context
}

// life is a node from its start to its end.
type life struct{ node, number int }

// plannedFault ends with a step.
type plannedFault struct {
	action
	until int
	heal  func()
}

// at says whether it is at a node.
func (f plannedFault) at(node int) bool { return f.Everywhere || f.Node == node }

// recovery is how long a node takes after a fault until it is as before: its leases are
// renewed, and others know it.
const recovery = 2 * beat

// beat is how often a node renews its lease.
const beat = 3 * time.Second

func newWorld(t *testing.T, k *hubtest.Kit, p plan) *world {
	w := &world{t: t, k: k, plan: p, check: newChecker(), rooms: map[string]chat.RoomID{}, said: map[int]*sent{}, inside: map[chat.RoomID]map[life]bool{}, tired: map[chat.Position]bool{}}
	w.ctx, w.stop = context.WithCancel(context.Background())
	for _, r := range simRooms {
		w.make(r)
	}
	for i := range simDevices {
		user := simPeople[i/2]
		w.devices = append(w.devices, &device{name: fmt.Sprint(user, i%2), user: user})
	}
	for i := range k.Nodes() {
		w.follow(i)
	}
	return w
}

// make makes a room, but for those that are made by who talks there.
func (w *world) make(r simRoom) {
	id := chat.RoomID{Tenant: hubtest.Tenant, Key: r.name}
	switch r.kind {
	case storage.Direct:
		return
	case storage.Public:
		w.k.Room(r.name, r.people...)
	default:
		admin := w.k.Node(0).Admin()
		ok(w.t, admin.Create(w.ctx, storage.Room{ID: id, Kind: r.kind, Title: r.name, HistoryFrom: storage.FromJoin}))
		for i, user := range r.people {
			role := chat.RoleMember
			if i == 0 {
				role = chat.RoleOwner
			}
			ok(w.t, admin.SetMember(w.ctx, id, hubtest.User(user), role, ""))
		}
	}
	w.opens(r, id)
}

// opens tells that a room is there, and who belongs to it.
func (w *world) opens(r simRoom, id chat.RoomID) {
	w.rooms[r.name] = id
	w.check.opens(id, r.kind, r.people)
	for _, user := range simPeople {
		if r.kind != storage.Public && !slices.Contains(r.people, user) {
			w.check.putOut(0, user, id)
		}
	}
}

func (w *world) run() {
	defer w.running.Wait()
	defer w.stop()
	for i, s := range w.plan {
		w.step = i + 1
		began := time.Now()
		w.endFaults(func(f plannedFault) bool { return f.until <= w.step })
		w.together(s.Actions)
		time.Sleep(s.Lasts - time.Since(began))
		synctest.Wait()
		for i, d := range w.devices {
			w.drain(d, s.Takes[i])
		}
		if s.Archive {
			w.archive()
		}
		if w.broke() {
			break
		}
	}
	w.finish()
}

// tell tells how the nodes are in a step. Hosts' followers are at work.
func (w *world) tell(actions []action) {
	condition := w.condition(actions)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.check.begins(w.step, condition)
}

// broke says whether a promise was broken.
func (w *world) broke() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.check.broken) > 0
}

// together has everything happen that is planned for a step.
func (w *world) together(actions []action) {
	w.used = map[*device]bool{}
	for _, a := range actions {
		w.saying(a)
	}
	for _, a := range actions {
		w.befalls(a)
	}
	w.tell(actions)
	var all []func()
	for _, a := range actions {
		if do := w.act(a); do != nil {
			all = append(all, do)
		}
	}
	var running sync.WaitGroup
	for _, do := range all { // when everybody knows what he is about
		running.Go(do)
	}
	running.Wait()
	for _, node := range slices.Compact(slices.Sorted(slices.Values(w.cut))) {
		if !slices.ContainsFunc(actions, func(a action) bool { return a.ends() && a.Node == node }) {
			w.start(node)
		}
	}
	w.cut = nil
}

// condition is how the nodes are in this step.
func (w *world) condition(actions []action) (now condition) {
	for i := range simNodes {
		now.dead[i] = !w.k.Alive(i) || slices.ContainsFunc(actions, func(a action) bool { return a.ends() && a.Node == i || a.Verb == "lose" && w.log })
		now.ill[i] = time.Now().Before(w.wellAt[i]) || slices.ContainsFunc(w.faults, func(f plannedFault) bool {
			return f.at(i) && slices.Contains([]hubtest.Contract{hubtest.Broker, hubtest.Fence, hubtest.History, hubtest.Directory}, f.Contract)
		})
	}
	return now
}

// archive has an operator wait until all is archived, for a while.
func (w *world) archive() {
	i := 0
	for !w.k.Alive(i) { // one does
		i++
	}
	w.mu.Lock()
	placed := w.check.placed()
	w.mu.Unlock()
	if err := w.call(w.k.Node(i).Admin().CatchUp); err != nil {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.check.archived(w.step, placed)
}

// done notes what befell the world, for people and for who compares.
func (w *world) done(step int, a action) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.befell = append(w.befell, a.in(step))
	w.check.note("%s", a.in(step))
}

// befalls does what happens to the world before anybody acts in it.
func (w *world) befalls(a action) {
	switch a.Verb {
	case "start":
		w.start(a.Node)
	case "fail":
		w.fail(a)
	case "jump":
		w.jump(a.Skew)
	default:
		return
	}
	w.done(w.step, a)
}

// act is what somebody does; nil where nobody does anything.
func (w *world) act(a action) func() {
	switch a.Verb {
	case "send", "edit", "react", "retract":
		return w.say(a.Node, a.Said, true)
	case "retry":
		return w.say(a.Node, a.About, false)
	case "take back":
		return w.takeBack(a)
	case "dispute":
		return w.dispute(a)
	case "appoint":
		return w.appoint(a)
	case "join":
		return w.join(a)
	case "leave":
		return w.leave(a)
	case "read":
		return w.read(a)
	case "search":
		return w.search(a)
	case "list":
		return w.list(a)
	case "inbox":
		return w.inbox(a)
	case "ask":
		return w.ask(a)
	case "connect", "vanish", "return":
		return w.onDevice(a)
	case "show", "watch":
		return w.onSession(a)
	case "kill", "stop":
		return w.kill(a)
	case "lose":
		return w.lose(a)
	}
	return nil
}

// follow runs the host's follower on a node.
func (w *world) follow(node int) {
	h := w.k.Node(node)
	me := life{node, w.lives[node]}
	w.running.Go(func() {
		h.Follow(w.ctx, "outbox", func(ctx context.Context, events []chat.Event) error {
			w.begins(me, events[0].Room)
			time.Sleep(10 * time.Millisecond)
			return w.ends(ctx, me, events)
		})
	})
}

// begins tells that a follower has a room in hand.
func (w *world) begins(me life, room chat.RoomID) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.inside[room] == nil {
		w.inside[room] = map[life]bool{}
	}
	w.inside[room][me] = true
	alive := 0
	for l := range w.inside[room] {
		if l.number == w.lives[l.node] {
			alive++
		}
	}
	if alive > 1 && !w.jumped {
		w.check.breaks("Ordered", "%s is followed by two at once", room.Key)
	}
}

// ends has the follower fail or panic the first time that it is given what begins at every
// fifth position.
func (w *world) ends(ctx context.Context, me life, events []chat.Event) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.inside[events[0].Room], me)
	if at := events[0].Position(); at.Seq%5 == 0 && !w.tired[at] {
		w.tired[at] = true
		if at.Seq%10 == 0 {
			panic(errTired)
		}
		return errTired
	}
	if err := ctx.Err(); err != nil || me.number != w.lives[me.node] { // killed: this never happened
		return context.Canceled
	}
	w.check.follow(events)
	return nil
}

// errTired is what a follower's function returns now and then.
var errTired = errors.New("tired")

// kill kills a node while others are at work with it, or shuts it down before.
func (w *world) kill(a action) func() {
	w.crashes++
	step := w.step
	return func() {
		if a.Verb == "stop" {
			w.call(w.k.Node(a.Node).Shutdown) // which may fail as anything may
		}
		w.dies(a.Node)
		w.k.Kill(a.Node)
		w.done(step, a)
	}
}

// dies tells that a node is about to die.
func (w *world) dies(node int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.lives[node]++
	for _, d := range w.devices {
		if d.session != nil && d.node == node {
			d.cutOff() // what it hadn't got is lost with the node
		}
	}
}

// powerCut ends all nodes while others are at work with them, and what they stand on. They start
// again behind the step.
func (w *world) powerCut(a action) func() {
	w.losses++
	step := w.step
	for i := range simNodes {
		if w.k.Alive(i) {
			w.cut = append(w.cut, i)
		}
	}
	alive := w.cut
	return func() {
		for _, i := range alive {
			w.dies(i)
		}
		w.k.PowerCut()
		w.done(step, a)
	}
}

// start starts a node. Before that all faults end: a hub doesn't start without its fence.
func (w *world) start(node int) {
	w.endFaults(func(plannedFault) bool { return true })
	w.k.Start(node)
	w.follow(node)
}

func (w *world) fail(a action) {
	var nodes []int
	if !a.Everywhere {
		nodes = []int{a.Node}
	}
	for _, f := range simFaults {
		if f.name == a.Fault {
			w.faults = append(w.faults, plannedFault{a, w.step + a.Steps, w.k.Fail(a.Contract, f.Fault, nodes...)})
		}
	}
}

func (w *world) endFaults(over func(plannedFault) bool) {
	w.faults = slices.DeleteFunc(w.faults, func(f plannedFault) bool {
		if !over(f) {
			return false
		}
		f.heal()
		w.recovers(f.at)
		if f.Contract == hubtest.Registry {
			w.unsure(time.Now())
		}
		return true
	})
}

// recovers has nodes take their time.
func (w *world) recovers(which func(node int) bool) {
	for i := range simNodes {
		if which(i) {
			w.wellAt[i] = time.Now().Add(recovery)
		}
	}
}

// lose has the broker lose the end of each room, or everything, while others are at work.
func (w *world) lose(a action) func() {
	if w.log {
		return w.powerCut(a)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.losses++
	w.check.lost(w.step)
	step := w.step
	return func() {
		w.k.Lose(a.Events)
		w.done(step, a)
	}
}

// unsure says that presence may be wrong until then.
func (w *world) unsure(until time.Time) {
	if until.After(w.flaky) {
		w.flaky = until
	}
}

func (w *world) jump(d time.Duration) {
	w.mu.Lock()
	w.jumped = true // leases end early: nobody can say who follows
	w.mu.Unlock()
	w.skew += d
	w.ahead = max(w.ahead, w.skew)
	w.k.Skew(d)
	w.recovers(func(int) bool { return true }) // leases may have ended
	w.unsure(time.Now().Add(max(0, -d)))       // by so much leases last longer
}
