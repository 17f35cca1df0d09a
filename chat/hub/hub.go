package hub

import (
	"context"
	"log/slog"
	"time"

	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/drivers"
	"github.com/parlor-chat/parlor/search"
	"github.com/parlor-chat/parlor/storage"
)

// Hub is one node: it may be used by many goroutines at once. Several hubs over
// the same drivers are several nodes of one service.
type Hub struct {
	set    drivers.Set
	access storage.Access
	known  *lastSaid // the set's directory, and access
	policy Policy
	limits Limits
	rates  *rates
	log    *slog.Logger

	resume []byte // signs tokens
	gate   gate
	fan    *fan
	link   chat.Link
	follow *followers
	crowd  *crowd
	epochs *epochs // nil: the broker forgets nothing
	tidy   *tidy   // nil: there is no journal
	marks  *readMarks

	generations *generations
	maker       *maker
}

// Options changes what [New] makes. Nil options, and the zero value of each
// field, mean the default.
type Options struct {
	// Node names this hub among those that share its drivers; a key. Random by default. A
	// node with a journal keeps its name for as long as the journal's disk lives, and no
	// longer: after a loss the others ask it by that name what it holds.
	Node string
	// Access decides who may see what; the set's Directory by default.
	Access storage.Access
	// Remember is how long a node goes on with what Access and the directory said last of who
	// may see what, and of rooms, while they can't be asked: 15 minutes by default, not at all
	// if below 0. What a node hears of changes meanwhile is not undone by it.
	Remember time.Duration
	// Users says what people are called; the set's Directory by default. Where the host
	// says it, [Admin.PutUser] is [errors.ErrUnsupported].
	Users storage.People
	// AwayAfter is how long a session must not be used to be shown as away; 10 minutes
	// by default, never if below 0.
	AwayAfter time.Duration
	// Analysis is how a tenant's messages are analysed for search; nil: every one's by
	// the default. Where it differs from what the index was made by, the index is made
	// anew beside the old one, which answers until then. All hubs over the same drivers
	// say the same.
	Analysis func(tenant string) search.Analysis
	// Policy narrows what users may do; nil: nothing.
	Policy Policy
	// Limits are those of this hub.
	Limits Limits
	// Logger gets what an operator must know; slog.Default() by default.
	Logger *slog.Logger
}

// Limits are limits that a host may set.
type Limits struct {
	Body  int // bytes of a text; chat.MaxBody by default, and at most
	Page  int // messages of a page; storage.MaxPage by default, and at most
	Queue int // deliveries that wait in a session; 1024 by default
	Rates Rates
}

// Policy is a rule of the host, asked after everything else allowed an action.
// An error refuses the action; the user gets it behind [chat.ErrForbidden].
type Policy func(ctx context.Context, a Action) error

// Action is what a user is about to do.
type Action struct {
	User  chat.UserID
	Room  chat.RoomID // zero for what is in no room: a search, a connection
	Verb  Verb
	Event *chat.Event // what would be placed; nil where nothing is
}

// Verb names an action.
type Verb string

// The verbs.
const (
	VerbCreate    Verb = "create"
	VerbRead      Verb = "read"
	VerbSend      Verb = "send"
	VerbEdit      Verb = "edit"
	VerbRetract   Verb = "retract"
	VerbReact     Verb = "react"
	VerbTopic     Verb = "topic"
	VerbConfigure Verb = "configure" // changing a room's settings
	VerbMember    Verb = "member"    // joining, leaving, being given a role
	VerbSignal    Verb = "signal"
	VerbSearch    Verb = "search"
	VerbConnect   Verb = "connect"
	// VerbPresence is asking who is here; the room is set where it is asked of one.
	VerbPresence Verb = "presence"
)

const (
	defaultQueue = 1024
	defaultAway  = 10 * time.Minute
)

// New makes a hub over a set of drivers, which stay the caller's to close. ctx
// is for opening only. Shut the hub down before its drivers.
func New(ctx context.Context, set drivers.Set, o *Options) (*Hub, error) {
	for _, d := range []struct {
		name    string
		missing bool
	}{
		{"broker", set.Broker == nil}, {"history", set.History == nil},
		{"directory", set.Directory == nil}, {"index", set.Index == nil},
		{"fence", set.Fence == nil}, {"registry", set.Registry == nil},
	} {
		if d.missing {
			return nil, &chat.Error{Kind: chat.ErrInvalid, Op: "new hub", Field: d.name}
		}
	}
	var opt Options
	if o != nil {
		opt = *o
	}
	if opt.Remember == 0 {
		opt.Remember = defaultRemember
	}
	known := remember(set.Directory, opt.Access, opt.Remember)
	set.Directory = known
	if opt.Users != nil {
		set.Directory = peopled{known, opt.Users}
	}
	h := &Hub{set: set, access: known, known: known, policy: opt.Policy, log: opt.Logger}
	known.heard = h.heard
	if h.log == nil {
		h.log = slog.Default()
	}
	var err error
	if h.limits, err = opt.Limits.orDefault(); err != nil {
		return nil, err
	}
	if h.rates, err = newRates(opt.Limits.Rates, set.Registry); err != nil {
		return nil, err
	}
	if opt.Node == "" {
		opt.Node = chat.NewID().String()
	}
	if err := chat.CheckKey("new hub", "node", opt.Node); err != nil {
		return nil, err
	}
	if h.resume, err = storage.SharedKey(ctx, set.Fence, resumeRegister); err != nil {
		return nil, err
	}
	if err := joinEpoch(ctx, h, opt.Node); err != nil {
		return nil, err
	}
	h.marks = startMarks(h)
	h.fan = newFan(h)
	h.link, err = set.Broker.Attach(ctx, opt.Node, h.fan)
	if err != nil {
		h.fan.close()
		h.marks.stop(ctx)
		if h.epochs != nil {
			h.epochs.rooms.quit()
		}
		return nil, err
	}
	if opt.AwayAfter == 0 {
		opt.AwayAfter = defaultAway
	}
	h.generations, h.maker = newGenerations(h, opt.Analysis), newMaker(h, opt.Node)
	h.crowd = startCrowd(h, opt.Node, opt.AwayAfter)
	startFollowers(ctx, h, opt.Node)
	if h.epochs != nil {
		h.epochs.start()
	}
	startTidy(h)
	return h, nil
}

func (l Limits) orDefault() (Limits, error) {
	for _, f := range []struct {
		name           string
		value          *int
		standard, most int
	}{
		{"limits.body", &l.Body, chat.MaxBody, chat.MaxBody},
		{"limits.page", &l.Page, storage.MaxPage, storage.MaxPage},
		{"limits.queue", &l.Queue, defaultQueue, maxQueue},
	} {
		switch {
		case *f.value == 0:
			*f.value = f.standard
		case *f.value < 0:
			return l, &chat.Error{Kind: chat.ErrInvalid, Op: "new hub", Field: f.name}
		case *f.value > f.most:
			return l, &chat.Error{Kind: chat.ErrTooLarge, Op: "new hub", Field: f.name, Limit: int64(f.most)}
		}
	}
	return l, nil
}

// Shutdown ends the hub: new calls get [chat.ErrClosed], the sessions are closed,
// running calls end, and then the followers do what was placed in the rooms that they
// lead. Where ctx ends first, Shutdown returns its error; what they hadn't done is
// done by the other nodes, or the next hub. Drivers stay open. Calling it twice is no
// error.
func (h *Hub) Shutdown(ctx context.Context) error {
	first, idle := h.gate.close()
	if !first {
		return nil
	}
	h.fan.close()
	h.crowd.stop(ctx)
	h.maker.stop()
	select {
	case <-idle: // only then is it known what there is to be archived, and held
	case <-ctx.Done():
	}
	late := h.marks.stop(ctx)
	err := h.follow.stop(ctx)
	if err == nil {
		err = late
	}
	if h.tidy != nil {
		h.tidy.stop(ctx)
	}
	if h.epochs != nil {
		h.epochs.stop(ctx)
	}
	if cerr := h.link.Close(); err == nil {
		err = cerr
	}
	return err
}

// As is what a user can do.
func (h *Hub) As(u chat.UserID) User { return User{h, u} }

// Admin is what an operator can do: past permission and policy, always logged.
func (h *Hub) Admin() Admin { return Admin{h: h} }
