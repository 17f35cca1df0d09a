package hub_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/chat/hub/hubtest"
	"github.com/parlor-chat/parlor/storage"
)

const (
	simNodes = 3
	simSteps = 25
)

var simPeople = []string{"ann", "bob", "cyd", "dan"}

// simRooms are two public rooms; a private one, in which nobody may read what was said
// before he came; and two in which two people talk, made when one of them first does. Each
// has its people from the beginning; the first owns it.
var simRooms = []simRoom{
	{"hall", storage.Public, simPeople},
	{"den", storage.Public, simPeople[:3]},
	{"attic", storage.Private, simPeople[:2]},
	{"bob+cyd", storage.Direct, []string{"bob", "cyd"}},
	{"dan+ann", storage.Direct, []string{"dan", "ann"}},
}

type simRoom struct {
	name   string
	kind   storage.RoomKind
	people []string
}

// spoken are the rooms by how often something happens there; in joined, people come and
// go.
var (
	spoken = []string{"hall", "hall", "hall", "den", "den", "den", "attic", "attic", "bob+cyd", "dan+ann"}
	joined = spoken[:8]
)

// simDevices is how many devices there are: two of each person.
var simDevices = 2 * len(simPeople)

// plan is all that happens in a seed: who asks for what of which node, and what breaks
// meanwhile. It is drawn before anything runs, so it depends on nothing that comes of it;
// an action that finds nothing to act on does nothing. A case that failed is kept as its
// plan, whatever later versions draw from its seed.
type plan []step

// step is what happens between two moments of quiet.
type step struct {
	Actions []action      // all at once, but what befalls the world comes first
	Lasts   time.Duration `json:",omitzero"` // at least
	Takes   []int         // how many deliveries each device takes behind it
	Archive bool          `json:",omitzero"` // an operator waits for the archive then
}

// action is what somebody does, or what befalls the world. Which fields are set follows
// from the verb.
type action struct {
	Verb string
	Node int // that is asked, or that it befalls

	User    string    `json:",omitzero"`
	Room    string    `json:",omitzero"`
	Device  int       `json:",omitzero"`
	Said    int       `json:",omitzero"` // the number of what is said: its sender's own id for it
	About   int       `json:",omitzero"` // the number of what was said before
	Mention string    `json:",omitzero"` // whom a text names
	Role    chat.Role `json:",omitzero"` // that is given

	Contract   hubtest.Contract `json:",omitzero"`
	Fault      string           `json:",omitzero"` // one of simFaults
	Everywhere bool             `json:",omitzero"` // at all nodes
	Steps      int              `json:",omitzero"` // that a fault lasts

	Events int           `json:",omitzero"` // that are lost of each room; below 0: all
	Skew   time.Duration `json:",omitzero"` // of the clock
}

// in writes an action of a step for people.
func (a action) in(step int) string {
	b, _ := json.Marshal(a) // what it holds can be written
	return fmt.Sprintf("%d %s", step, b)
}

// befalls says whether an action befalls the world: nobody in it does it.
func (a action) befalls() bool {
	return slices.Contains([]string{"kill", "stop", "start", "fail", "lose", "jump"}, a.Verb)
}

// ends says whether an action ends its node.
func (a action) ends() bool { return a.Verb == "kill" || a.Verb == "stop" }

// simVerbs are all that can happen, and how often it does. Every draw is made whatever
// was drawn before, and the plan alone says what it is about.
var simVerbs = []struct {
	weight int
	verb   string
	draw   func(*drawing, *action)
}{
	{26, "send", (*drawing).says},
	{6, "retry", (*drawing).retries},
	{4, "dispute", (*drawing).retries},
	{9, "edit", (*drawing).changes},
	{4, "react", (*drawing).reacts},
	{4, "retract", (*drawing).changes},
	{3, "take back", (*drawing).changes},
	{6, "appoint", (*drawing).appoints},
	{2, "join", (*drawing).moves},
	{2, "leave", (*drawing).moves},
	{10, "read", (*drawing).somewhere},
	{4, "search", (*drawing).searches},
	{2, "list", (*drawing).somewhere},
	{2, "inbox", (*drawing).somewhere},
	{2, "ask", (*drawing).somewhere},
	{2, "show", (*drawing).onDevice},
	{1, "watch", (*drawing).onDevice},
	{7, "connect", (*drawing).onDevice},
	{3, "vanish", (*drawing).onDevice},
	{3, "return", (*drawing).onDevice},
	{3, "kill", (*drawing).kills},
	{1, "stop", (*drawing).kills},
	{4, "start", (*drawing).starts},
	{5, "fail", (*drawing).fails},
	{2, "lose", (*drawing).loses},
	{1, "jump", (*drawing).jumps},
}

// simFaults are what may be wrong with a contract, the last of them with a disk alone.
var simFaults = []struct {
	name string
	hubtest.Fault
}{
	{"down", hubtest.Down},
	{"answers lost", hubtest.AnswerLost},
	{"slow", hubtest.Fault{Slow: 300 * time.Millisecond}},
	{"every third fails", hubtest.Fault{Err: chat.ErrUnavailable, Every: 3}},
	{"every second answer lost", hubtest.Fault{Err: chat.ErrUnavailable, Lost: true, Every: 2}},
	{"slower than a journal waits", hubtest.Fault{Slow: 1500 * time.Millisecond}},
	{"slow, and then fails", hubtest.Fault{Slow: 1500 * time.Millisecond, Err: chat.ErrUnavailable, Every: 2}},
	{lastWritesLost, hubtest.LastWritesLost},
}

const lastWritesLost = "last writes lost"

// drawing is a plan in the making, and what it says so far.
type drawing struct {
	*rand.Rand
	step  int
	alive [simNodes]bool // in the step before
	dying [simNodes]bool // in this one
	said  []action       // by number, from 1; texts and what changes them
	texts []int          // the numbers of texts of earlier steps
	fresh []int          // of this step
	last  int            // the text that was changed last; 0: none
}

// drawPlan draws the plan of a seed.
func drawPlan(seed uint64) plan {
	d := &drawing{Rand: rand.New(rand.NewPCG(seed, 7)), said: make([]action, 1)}
	for i := range d.alive {
		d.alive[i] = true
	}
	all := 0
	for _, v := range simVerbs {
		all += v.weight
	}
	var p plan
	for d.step = 1; d.step <= simSteps; d.step++ {
		var s step
		for range 1 + d.IntN(4) {
			n, i := d.IntN(all), 0
			for ; n >= simVerbs[i].weight; i++ {
				n -= simVerbs[i].weight
			}
			a := action{Verb: simVerbs[i].verb, Node: d.IntN(simNodes)}
			if simVerbs[i].draw(d, &a); a.Verb != "" {
				s.Actions = append(s.Actions, a)
			}
		}
		if d.IntN(4) == 0 {
			s.Lasts = time.Duration(d.IntN(20_000)) * time.Millisecond
		}
		for range simDevices {
			n := 1000
			if d.IntN(3) == 0 {
				n = d.IntN(4) // it is slow
			}
			s.Takes = append(s.Takes, n)
		}
		s.Archive = d.IntN(6) == 0
		p = append(p, s)
		d.texts, d.fresh = append(d.texts, d.fresh...), nil
		for i := range d.alive {
			d.alive[i] = d.alive[i] && !d.dying[i]
		}
		d.dying = [simNodes]bool{}
	}
	return p
}

func pick[T any](rng *rand.Rand, list []T) T { return list[rng.IntN(len(list))] }

// nothing takes an action back that is about nothing.
func (a *action) nothing() { a.Verb = "" }

func (d *drawing) somewhere(a *action) {
	a.User, a.Room = pick(d.Rand, simPeople), pick(d.Rand, spoken)
}

// moves is about somebody who may come and go: ann, who owns the rooms, stays.
func (d *drawing) moves(a *action) {
	a.User, a.Room = pick(d.Rand, simPeople[1:]), pick(d.Rand, joined)
}

// number gives what is said its number.
func (d *drawing) number(a *action) {
	a.Said = len(d.said)
	d.said = append(d.said, *a)
}

func (d *drawing) says(a *action) {
	d.somewhere(a)
	if d.IntN(4) == 0 {
		a.Mention = pick(d.Rand, simPeople)
	}
	d.number(a)
	d.fresh = append(d.fresh, a.Said)
}

// retries is about anything that was said; often about a text of this very step, by the node
// that has it in hand.
func (d *drawing) retries(a *action) {
	if len(d.said) == 1 {
		a.nothing()
		return
	}
	a.About = 1 + d.IntN(len(d.said)-1)
	if n := len(d.fresh); n > 0 && d.IntN(2) == 0 {
		a.About = d.fresh[n-1]
		a.Node = d.said[a.About].Node
	}
}

// changes is about a text of an earlier step; again the one that was just changed, often.
func (d *drawing) changes(a *action) {
	if len(d.texts) == 0 {
		a.nothing()
		return
	}
	a.About = pick(d.Rand, d.texts)
	if d.last > 0 && d.IntN(2) == 0 {
		a.About = d.last
	}
	d.last = a.About
	a.User, a.Room = d.said[a.About].User, d.said[a.About].Room
	d.number(a)
}

func (d *drawing) reacts(a *action) {
	if d.changes(a); a.Verb != "" {
		a.User = pick(d.Rand, simPeople)
		d.said[a.Said] = *a
	}
}

func (d *drawing) searches(a *action) {
	if len(d.texts) == 0 {
		a.nothing()
		return
	}
	a.About, a.User = pick(d.Rand, d.texts), pick(d.Rand, simPeople)
}

func (d *drawing) appoints(a *action) {
	d.moves(a)
	a.Role = pick(d.Rand, []chat.Role{chat.RoleBanned, chat.RoleMember, chat.RoleMember, chat.RoleNone})
}

func (d *drawing) onDevice(a *action) { a.Device = d.IntN(simDevices) }

// kills never kills the last.
func (d *drawing) kills(a *action) {
	left := 0
	for i := range simNodes {
		if d.alive[i] && !d.dying[i] {
			left++
		}
	}
	if !d.alive[a.Node] || d.dying[a.Node] || left < 2 {
		a.nothing()
		return
	}
	d.dying[a.Node] = true
}

func (d *drawing) starts(a *action) {
	if d.alive[a.Node] || d.dying[a.Node] {
		a.nothing()
		return
	}
	d.alive[a.Node] = true
}

func (d *drawing) fails(a *action) {
	a.Contract, a.Fault = pick(d.Rand, hubtest.Contracts), pick(d.Rand, simFaults).name
	if a.Fault == lastWritesLost {
		a.Contract = hubtest.Disk
	}
	a.Everywhere, a.Steps = d.IntN(2) == 0, 1+d.IntN(4)
	if d.IntN(4) == 0 {
		a.Steps += 6
	}
}

func (d *drawing) loses(a *action) { a.Events = pick(d.Rand, []int{0, 1, 3, -1, -1}) }

func (d *drawing) jumps(a *action) { a.Skew = time.Duration(d.IntN(7200)-3600) * time.Second }

// String writes a plan, a step to a line, as [readPlan] reads it.
func (p plan) String() string {
	var b bytes.Buffer
	for _, s := range p {
		json.NewEncoder(&b).Encode(s) // what it holds can be written
	}
	return b.String()
}

// readPlan reads the plan with which a kept case begins.
func readPlan(kept []byte) (p plan, err error) {
	for lines := bufio.NewScanner(bytes.NewReader(kept)); lines.Scan() && len(lines.Bytes()) > 0; {
		var s step
		if err := json.Unmarshal(lines.Bytes(), &s); err != nil {
			return nil, fmt.Errorf("step %d: %w", len(p)+1, err)
		}
		p = append(p, s)
	}
	return p, nil
}
