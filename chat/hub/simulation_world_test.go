package hub_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/chat/hub"
	"github.com/parlor-chat/parlor/chat/hub/hubtest"
	"github.com/parlor-chat/parlor/search"
)

const (
	simNodes = 3
	simSteps = 25
	simCall  = 3 * time.Second // what a client waits for an answer
	simPage  = 100
)

var (
	simRooms  = []string{"hall", "den"}
	simPeople = []string{"ann", "bob", "cyd", "dan"} // ann owns the rooms
)

// world is one seed at work.
type world struct {
	t   *testing.T
	k   *hubtest.Kit
	rng *rand.Rand

	step     int
	crashes  int
	losses   int
	disputed int // up to which step another text may be on its way under a known id
	jumped   bool
	skew     time.Duration // of the clock now
	ahead    time.Duration // the most that it was
	faults   []plannedFault
	devices  []*device
	words    int
	touched  []sent           // texts that were changed, in order
	busy     map[*device]bool // that do something in this step
	dying    map[int]bool     // nodes that are killed in this step

	mu       sync.Mutex // guards all below: actions of one step run at once
	check    *checker
	texts    []sent
	twoTexts map[string]bool               // client ids under which another text may be on its way
	lives    [simNodes]int                 // how often each node was killed
	inside   map[chat.RoomID]map[life]bool // calls of the follower
	calls    int                           // of it

	running sync.WaitGroup // the followers
	stop    context.CancelFunc
	ctx     context.Context
}

// life is a node from its start to its end.
type life struct{ node, number int }

// plannedFault ends with a step.
type plannedFault struct {
	until int
	heal  func()
}

// sent is a text that somebody tried to send.
type sent struct {
	user, room, clientID, word string
	id                         chat.EventID // zero: nobody knows whether it is there
	seq                        chat.Seq
	step                       int
}

// device is somebody's phone: it keeps its token, whatever happens to its session.
type device struct {
	name, user string
	session    *hub.Session
	node       int
	token      hub.Resume
}

func newWorld(t *testing.T, k *hubtest.Kit, seed uint64) *world {
	w := &world{t: t, k: k, rng: rand.New(rand.NewPCG(seed, 7)), check: newChecker(), busy: map[*device]bool{}, twoTexts: map[string]bool{}, dying: map[int]bool{}, inside: map[chat.RoomID]map[life]bool{}}
	w.ctx, w.stop = context.WithCancel(context.Background())
	for _, r := range simRooms {
		k.Room(r, simPeople...)
	}
	for _, p := range simPeople {
		for i := range 2 {
			w.devices = append(w.devices, &device{name: fmt.Sprint(p, i), user: p})
		}
	}
	for i := range k.Nodes() {
		w.follow(i)
	}
	return w
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

func (w *world) ends(ctx context.Context, me life, events []chat.Event) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.inside[events[0].Room], me)
	if w.calls++; w.calls%5 == 0 {
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

func (w *world) run() {
	defer w.running.Wait()
	defer w.stop()
	for w.step = 1; w.step <= simSteps; w.step++ {
		w.endFaults()
		clear(w.busy)
		clear(w.dying)
		var actions []func()
		for range 1 + w.rng.IntN(4) {
			if do := w.action(); do != nil {
				actions = append(actions, do)
			}
		}
		var running sync.WaitGroup
		for _, do := range actions { // when all is drawn
			running.Go(do)
		}
		running.Wait()
		if w.rng.IntN(4) == 0 {
			time.Sleep(time.Duration(w.rng.IntN(20_000)) * time.Millisecond)
		}
		synctest.Wait()
		for _, d := range w.devices {
			most := 1000
			if w.rng.IntN(3) == 0 {
				most = w.rng.IntN(4) // it is slow
			}
			w.drain(d, most)
		}
		if len(w.check.broken) > 0 {
			break
		}
	}
	w.finish()
}

func (w *world) endFaults() {
	w.faults = slices.DeleteFunc(w.faults, func(f plannedFault) bool {
		if f.until > w.step {
			return false
		}
		f.heal()
		return true
	})
}

// action picks what somebody does. All chance is drawn here, so that it doesn't depend
// on the order in which actions run.
func (w *world) action() func() {
	user, room := pick(w.rng, simPeople), pick(w.rng, simRooms)
	node := w.rng.IntN(simNodes)
	n := w.rng.IntN(100)
	switch {
	case n < 26:
		return w.send(node, w.newText(user, room))
	case n < 32:
		return w.again(node)
	case n < 36:
		return w.conflict(node)
	case n < 45:
		return w.edit(node)
	case n < 49:
		return w.react(node, user)
	case n < 53:
		return w.retract(node)
	case n < 57:
		return w.member(node, room)
	case n < 67:
		return w.read(node, user, room)
	case n < 71:
		return w.search(node, user)
	case n < 74:
		return w.takeBack(node)
	case n < 86:
		return w.device(pick(w.rng, w.devices), node)
	case n < 89:
		return w.kill(node)
	case n < 92:
		w.start(node)
	case n < 97:
		w.fail(node)
	case n < 99:
		return w.lose()
	default:
		w.jump()
	}
	return nil
}

func pick[T any](rng *rand.Rand, list []T) T { return list[rng.IntN(len(list))] }

func (w *world) room(node int, user, room string) hub.Room { return w.k.As(node, user).Room(room) }

// call runs one call of a client, who waits for a while only.
func (w *world) call(fn func(ctx context.Context) error) error {
	ctx, cancel := context.WithTimeout(w.ctx, simCall)
	defer cancel()
	return fn(ctx)
}

// explained says whether a fault or a crash can be the reason of an error.
func explained(err error) bool {
	return errors.Is(err, chat.ErrUnavailable) || errors.Is(err, chat.ErrClosed) || errors.Is(err, context.DeadlineExceeded)
}

func (w *world) newText(user, room string) sent {
	w.words++
	return sent{user: user, room: room, clientID: fmt.Sprint("c", w.words), word: fmt.Sprint("w", w.words)}
}

// send sends a text; texts that were sent before are told from new ones by their index.
func (w *world) send(node int, s sent) func() {
	w.texts = append(w.texts, s)
	return w.place(node, len(w.texts)-1, true)
}

func (w *world) place(node, i int, first bool) func() {
	s, step := w.texts[i], w.step
	return func() {
		var r chat.Receipt
		err := w.call(func(ctx context.Context) (err error) {
			r, err = w.room(node, s.user, s.room).Send(ctx, chat.Text{Body: "soup " + s.word}, hub.Once(s.clientID))
			return err
		})
		w.mu.Lock()
		defer w.mu.Unlock()
		switch {
		case err == nil:
			w.texts[i].id, w.texts[i].seq, w.texts[i].step = r.ID, r.Seq, step
			a := ack{step: step, user: s.user, room: w.id(s.room), verb: "send", word: s.word, Receipt: r}
			w.check.ack(s.clientID, a)
			if first {
				w.check.sends(node, a)
			} else {
				w.check.sentElsewhere(r.ID)
			}
		case errors.Is(err, chat.ErrConflict) && w.twoTexts[s.clientID]:
		case !explained(err) && !errors.Is(err, chat.ErrNotFound) && !errors.Is(err, chat.ErrForbidden):
			w.check.refuses(step, "send", err)
		default:
			w.check.note("%d %s sends %s by node %d: %v", step, s.user, s.clientID, node, err)
		}
	}
}

func (w *world) id(room string) chat.RoomID { return chat.RoomID{Tenant: hubtest.Tenant, Key: room} }

// again retries a text under its id, on any node.
func (w *world) again(node int) func() {
	if len(w.texts) == 0 {
		return nil
	}
	return w.place(node, w.rng.IntN(len(w.texts)), false)
}

// conflict uses an id again for another text.
func (w *world) conflict(node int) func() {
	s, ok := w.known()
	if !ok || s.seq == 0 || w.losses > 0 { // else the first may be pending, or with a dead node only, and come second
		return nil
	}
	step := w.step
	w.disputed = step
	return func() {
		var r chat.Receipt
		err := w.call(func(ctx context.Context) (err error) {
			r, err = w.room(node, s.user, s.room).Send(ctx, chat.Text{Body: "another text"}, hub.Once(s.clientID))
			return err
		})
		w.mu.Lock()
		defer w.mu.Unlock()
		if err == nil && r.State == chat.Pending || explained(err) {
			w.disputed = simSteps // it may be placed at any time
			w.twoTexts[s.clientID] = true
		}
		if err == nil && r.State != chat.Pending || errors.Is(err, chat.ErrConflict) {
			w.check.conflict(step, s.clientID, err != nil)
		}
	}
}

// known is a text that was acknowledged in an earlier step.
func (w *world) known() (sent, bool) {
	var list []sent
	for _, s := range w.texts {
		if !s.id.IsZero() && s.step < w.step {
			list = append(list, s)
		}
	}
	if len(list) == 0 {
		return sent{}, false
	}
	if n := len(w.touched); n > 0 && w.rng.IntN(2) == 0 { // again the one that was just changed
		return w.touched[n-1], true
	}
	return pick(w.rng, list), true
}

// change does something to a text that is known.
func (w *world) change(node int, user string, verb string, fn func(context.Context, hub.Room, sent) (chat.Receipt, error)) func() {
	s, known := w.known()
	if !known {
		return nil
	}
	if user == "" {
		user = s.user
	}
	if verb != "react" {
		w.check.tries(s.id)
		w.touched = append(w.touched, s)
	}
	step := w.step
	return func() {
		var r chat.Receipt
		err := w.call(func(ctx context.Context) (err error) {
			r, err = fn(ctx, w.room(node, user, s.room), s)
			return err
		})
		w.mu.Lock()
		defer w.mu.Unlock()
		switch {
		case err == nil:
			w.check.ack("", ack{step: step, user: user, room: w.id(s.room), verb: verb, target: s.id, Receipt: r})
		case !explained(err) && !errors.Is(err, chat.ErrNotFound) && !errors.Is(err, chat.ErrForbidden):
			w.check.refuses(step, verb, err)
		}
	}
}

func (w *world) edit(node int) func() {
	w.words++
	body := fmt.Sprint("bread w", w.words)
	return w.change(node, "", "edit", func(ctx context.Context, r hub.Room, s sent) (chat.Receipt, error) {
		return r.Edit(ctx, s.id, chat.Text{Body: body})
	})
}

func (w *world) react(node int, user string) func() {
	emoji := pick(w.rng, [][]string{{"👍"}, {"🍜", "👍"}, nil})
	return w.change(node, user, "react", func(ctx context.Context, r hub.Room, s sent) (chat.Receipt, error) {
		return r.React(ctx, s.id, emoji)
	})
}

func (w *world) retract(node int) func() {
	return w.change(node, "", "retract", func(ctx context.Context, r hub.Room, s sent) (chat.Receipt, error) {
		return r.Retract(ctx, s.id, "")
	})
}

// member has ann ban somebody, or let him in again, or has him leave.
func (w *world) member(node int, room string) func() {
	user := pick(w.rng, simPeople[1:])
	role := pick(w.rng, []chat.Role{chat.RoleBanned, chat.RoleMember, chat.RoleMember, chat.RoleNone})
	step := w.step
	return func() {
		w.mu.Lock()
		if role != chat.RoleBanned {
			w.check.let(step, user, w.id(room))
		}
		w.mu.Unlock()
		err := w.call(func(ctx context.Context) error {
			return w.room(node, "ann", room).SetMember(ctx, user, role, "")
		})
		w.mu.Lock()
		defer w.mu.Unlock()
		switch {
		case err != nil && !explained(err):
			w.check.refuses(step, "set member", err)
		case err != nil && role != chat.RoleMember:
			w.check.unsure[standingOf{user, w.id(room)}] = true
		case err == nil && role == chat.RoleBanned && !w.letIn(user, room, step):
			w.check.banned(step, user, w.id(room), chat.Seq(1<<40)) // where, is not told
		}
	}
}

// letIn says whether in this very step somebody may have let a user in.
func (w *world) letIn(user, room string, step int) bool {
	return slices.Contains(w.check.lines, fmt.Sprintf("%d %s may come into %s again", step, user, room))
}

func (w *world) read(node int, user, room string) func() {
	step := w.step
	return func() {
		var page hub.Page
		err := w.call(func(ctx context.Context) (err error) {
			page, err = w.room(node, user, room).Page(ctx, chat.Latest(simPage))
			return err
		})
		w.mu.Lock()
		defer w.mu.Unlock()
		switch {
		case err == nil:
			w.check.page(step, user, w.id(room), page.Messages, simPage)
		case !explained(err) && !errors.Is(err, chat.ErrNotFound):
			w.check.refuses(step, "page", err)
		}
	}
}

func (w *world) search(node int, user string) func() {
	s, known := w.known()
	if !known || s.seq == 0 {
		return nil
	}
	step := w.step
	at := chat.Position{Room: w.id(s.room), Seq: s.seq}
	return func() {
		var found hub.Found
		err := w.call(func(ctx context.Context) (err error) {
			found, err = w.k.As(node, user).Search(ctx, hub.Query{Where: search.Words(s.word), Limit: 10, AtLeast: at})
			return err
		})
		w.mu.Lock()
		defer w.mu.Unlock()
		switch {
		case err == nil:
			w.check.found(step, user, s.word, at, found.Messages())
		case !explained(err) && !errors.Is(err, chat.ErrNotFound):
			w.check.refuses(step, "search", err)
		}
	}
}

// device connects a device, or cuts it off without a word.
func (w *world) device(d *device, node int) func() {
	if w.busy[d] {
		return nil
	}
	w.busy[d] = true
	if d.session != nil {
		if w.rng.IntN(2) == 0 {
			d.session.Close()
			d.session = nil
		}
		return nil
	}
	step := w.step
	d.node = node
	return func() {
		err := w.call(func(ctx context.Context) error {
			s, err := w.k.As(node, d.user).Connect(ctx, hub.Device{Name: d.name, Resume: d.token})
			w.mu.Lock()
			defer w.mu.Unlock()
			if err == nil {
				d.session = s
			}
			return err
		})
		w.mu.Lock()
		defer w.mu.Unlock()
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
			if x.Event != nil {
				w.check.deliver(w.step, d.name, d.user, x.Event)
			}
		}
		if err != nil && !errors.Is(err, context.DeadlineExceeded) {
			w.check.note("%d %s is cut off: %v", w.step, d.name, err)
			d.session.Close()
			d.session = nil
		}
		w.mu.Unlock()
		if err != nil {
			return
		}
	}
}

// kill kills a node while others are at work with it, but never the last.
func (w *world) kill(node int) func() {
	alive := 0
	for i := range simNodes {
		if w.k.Alive(i) && !w.dying[i] {
			alive++
		}
	}
	if alive < 2 || !w.k.Alive(node) || w.dying[node] {
		return nil
	}
	w.dying[node] = true
	w.crashes++
	step := w.step
	return func() {
		w.mu.Lock()
		w.check.note("%d node %d is killed", step, node)
		w.lives[node]++
		for _, d := range w.devices {
			if d.session != nil && d.node == node {
				d.session = nil // what it hadn't got is lost with the node
			}
		}
		w.mu.Unlock()
		w.k.Kill(node)
	}
}

func (w *world) start(node int) {
	if !w.k.Alive(node) {
		w.endBroken()
		w.check.note("%d node %d starts", w.step, node)
		w.k.Start(node)
		w.follow(node)
	}
}

// endBroken ends all faults: a hub doesn't start without its fence.
func (w *world) endBroken() {
	for _, f := range w.faults {
		f.heal()
	}
	w.faults = nil
}

func (w *world) fail(node int) {
	contract := pick(w.rng, hubtest.Contracts)
	f := pick(w.rng, []hubtest.Fault{hubtest.Down, hubtest.AnswerLost, {Slow: 300 * time.Millisecond},
		{Err: chat.ErrUnavailable, Every: 3}, {Err: chat.ErrUnavailable, Lost: true, Every: 2}})
	var nodes []int
	if w.rng.IntN(2) == 0 {
		nodes = []int{node}
	}
	w.check.note("%d %s fails at %v: %+v", w.step, contract, nodes, f)
	w.faults = append(w.faults, plannedFault{w.step + 1 + w.rng.IntN(4), w.k.Fail(contract, f, nodes...)})
}

// lose has the broker lose the end of each room, or everything, while others are at work.
func (w *world) lose() func() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.disputed >= w.step {
		return nil
	}
	n := pick(w.rng, []int{0, 1, 3, -1, -1})
	w.losses++
	w.check.lost(w.step, n)
	return func() { w.k.Lose(n) }
}

// takeBack retracts a text and searches for it at once, at another node, where the index
// knows nothing of that yet.
func (w *world) takeBack(node int) func() {
	s, known := w.known()
	if !known || s.seq == 0 {
		return nil
	}
	w.check.tries(s.id)
	step := w.step
	return func() {
		var r chat.Receipt
		err := w.call(func(ctx context.Context) (err error) {
			r, err = w.room(node, s.user, s.room).Retract(ctx, s.id, "")
			return err
		})
		if err != nil {
			return
		}
		w.mu.Lock()
		w.check.ack("", ack{step: step, user: s.user, room: w.id(s.room), verb: "retract", target: s.id, Receipt: r})
		w.mu.Unlock()
		var found hub.Found
		err = w.call(func(ctx context.Context) (err error) {
			found, err = w.k.As((node+1)%simNodes, "ann").Search(ctx, hub.Query{Where: search.Words(s.word), Limit: 10})
			return err
		})
		w.mu.Lock()
		defer w.mu.Unlock()
		if err == nil && r.State != chat.Pending && w.check.lostAt < step {
			w.check.gone(step, s.id, found.Messages())
		}
	}
}

func (w *world) jump() {
	d := time.Duration(w.rng.IntN(7200)-3600) * time.Second
	w.check.note("%d the clock jumps by %v", w.step, d)
	w.mu.Lock()
	w.jumped = true // leases end early: nobody can say who follows
	w.mu.Unlock()
	w.skew += d
	w.ahead = max(w.ahead, w.skew)
	w.k.Skew(d)
}

// finish heals everything, lets everybody come back, and compares.
func (w *world) finish() {
	w.endBroken()
	for i := range simNodes {
		w.start(i)
	}
	// Where the clock was set back, leases of earlier lives last as much longer. Late is
	// allowed, but nobody waits for it here.
	w.mu.Lock()
	w.jumped = true
	w.mu.Unlock()
	w.k.Skew(w.ahead - w.skew)
	clear(w.busy)
	for i, d := range w.devices {
		if d.session == nil && d.token != "" {
			if do := w.device(d, i%simNodes); do != nil {
				do()
			}
		}
	}
	time.Sleep(time.Minute)
	for _, room := range simRooms { // a room that was lost is opened when somebody asks for it
		_, err := w.room(0, "ann", room).Page(w.ctx, chat.Latest(1))
		ok(w.t, err)
	}
	time.Sleep(time.Minute)
	w.k.Settle()
	for _, d := range w.devices {
		w.drain(d, 1000)
	}
	for _, room := range simRooms {
		var nodes [][]chat.Event
		for i := range simNodes {
			log, err := whole(w.ctx, w.room(i, "ann", room))
			if err != nil {
				w.check.refuses(w.step, "the whole log", err)
				return
			}
			nodes = append(nodes, log)
		}
		var belong []string
		for _, d := range w.devices {
			m, err := w.k.As(0, d.user).Rooms(w.ctx, "", 10)
			ok(w.t, err)
			if d.session != nil && slices.ContainsFunc(m, func(i hub.Info) bool { return i.ID.Key == room && i.Role.Belongs() }) {
				belong = append(belong, d.name)
			}
		}
		w.mu.Lock()
		w.check.end(w.id(room), nodes, belong)
		w.mu.Unlock()
		w.compare(room)
	}
}

// compare holds the index against the messages, as ann sees them.
func (w *world) compare(room string) {
	page, err := w.room(0, "ann", room).Page(w.ctx, chat.Latest(500))
	ok(w.t, err)
	for _, word := range []string{"soup", "bread"} {
		var want, got []chat.Seq
		for _, m := range page.Messages {
			if m.Gone == nil && slices.Contains(search.Analyze(m.Text.Body), word) {
				want = append(want, m.Seq)
			}
		}
		found, err := w.k.As(1, "ann").Search(w.ctx, hub.Query{Where: search.And{search.Words(word), search.Equal{Field: search.FieldRoom, Value: room}}, Limit: 500, Count: 1000})
		ok(w.t, err)
		for _, m := range found.Messages() {
			got = append(got, m.Seq)
		}
		slices.Sort(got)
		if !slices.Equal(got, want) || found.Count != len(want) {
			w.mu.Lock()
			w.check.breaks("Same answers", "%s in %s is found at %v (%d), and is at %v", word, room, got, found.Count, want)
			w.mu.Unlock()
		}
	}
}

// whole reads a room's log.
func whole(ctx context.Context, r hub.Room) ([]chat.Event, error) {
	var all []chat.Event
	for after := chat.Seq(0); ; {
		p, err := r.Page(ctx, chat.After(after, 500).All())
		if err != nil {
			return nil, err
		}
		all = append(all, p.Events...)
		if len(p.Events) == 0 || !p.Newer {
			return all, nil
		}
		after = p.Events[len(p.Events)-1].Last()
	}
}
