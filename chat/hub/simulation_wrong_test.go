package hub_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/parlor-chat/parlor/chat"
)

// history is what clients saw, once.
type history struct {
	promise string // that it breaks; empty: none
	name    string
	tell    func(c *checker)
}

// A checker that finds nothing proves nothing: each promise has histories that break it;
// and one that finds anything in what is right is of no use.
func TestTheCheckerCatches(t *testing.T) {
	for _, h := range slices.Concat(rightHistories, wrongHistories, lossHistories, leakHistories, peopleHistories) {
		c := newChecker()
		h.tell(c)
		if h.promise == "" {
			if len(c.broken) > 0 {
				t.Errorf("right, %s: %v", h.name, c.broken)
			}
			continue
		}
		if !slices.ContainsFunc(c.broken, func(b string) bool { return strings.HasPrefix(b, h.promise+":") }) {
			t.Errorf("%s, %s: %v", h.promise, h.name, c.broken)
		}
	}
}

// What follows is for writing histories: they are of the hall, where bob has a device.
var hall = chat.RoomID{Tenant: "acme", Key: "hall"}

func idOf(n byte) (id chat.EventID) { id[0] = n; return id }

func eventAt(n byte, seq chat.Seq, c chat.Content) *chat.Event {
	return &chat.Event{ID: idOf(n), Room: hall, Seq: seq, At: time.Unix(int64(seq), 0), Sender: user("ann"), Content: c}
}

func textAt(n byte, seq chat.Seq) *chat.Event { return eventAt(n, seq, &chat.Text{Body: "soup"}) }

func memberAt(n byte, seq chat.Seq, role chat.Role) *chat.Event {
	return eventAt(n, seq, &chat.Member{User: user("bob"), Role: role})
}

func voidAt(n byte, from, to chat.Seq) *chat.Event { return eventAt(n, from, &chat.Void{To: to}) }

func logOf(events ...*chat.Event) (all []chat.Event) {
	for _, e := range events {
		all = append(all, *e)
	}
	return all
}

// sentAs is what the sender of a text was told in a step, by node 0.
func sentAs(n byte, seq chat.Seq, step int) ack {
	return ack{step: step, user: "ann", room: hall, verb: "send", word: "w1", Receipt: chat.Receipt{ID: idOf(n), Seq: seq}}
}

// changedAs is that of a change of a text.
func changedAs(n byte, verb string, text byte, seq chat.Seq, step int) ack {
	a := sentAs(n, seq, step)
	a.verb, a.target = verb, idOf(text)
	return a
}

func messageAt(n byte, seq chat.Seq) chat.Message {
	return chat.Message{ID: idOf(n), Room: hall, Seq: seq, TextSeq: int64(seq), Revision: seq, Text: chat.Text{Body: "soup w1"}}
}

func hears(c *checker, step int, events ...*chat.Event) {
	for _, e := range events {
		c.deliver(step, "bob0", "bob", e)
	}
}

// ends tells the whole log, as one node shows it.
func ends(c *checker, log ...*chat.Event) { c.end(hall, [][]chat.Event{logOf(log...)}, nil) }

// follows tells that the follower got a log, and ends it.
func follows(c *checker, log ...*chat.Event) {
	c.follow(logOf(log...))
	ends(c, log...)
}

var rightHistories = []history{
	{"", "a day in the hall", func(c *checker) {
		c.let(0, "bob", hall)
		in := memberAt(9, 1, chat.RoleMember)
		c.ack("c1", sentAs(1, 2, 1))
		c.ack("c1", sentAs(1, 2, 3))
		out := memberAt(3, 4, chat.RoleBanned)
		hears(c, 2, in, textAt(1, 2), textAt(2, 3), out)
		c.putOut(2, "bob", hall)
		c.let(5, "bob", hall)
		back := memberAt(4, 5, chat.RoleMember)
		hears(c, 6, back, textAt(7, 6))
		c.page(6, "bob", hall, []chat.Message{messageAt(1, 2), messageAt(2, 3)}, 10)
		c.found(6, "bob", "w1", chat.Position{Room: hall, Seq: 2}, []chat.Message{messageAt(1, 2)})
		log := logOf(in, textAt(1, 2), textAt(2, 3), out, back, textAt(7, 6))
		c.follow(log[:4])
		c.follow(log[3:])
		c.end(hall, [][]chat.Event{log, log}, []string{"bob0"})
	}},
}

var wrongHistories = []history{
	{"Kept", "an acknowledged text is not in the log", func(c *checker) { c.ack("c1", sentAs(1, 1, 1)); ends(c) }},
	{"Kept", "an acknowledged text has moved", func(c *checker) { c.ack("c1", sentAs(1, 1, 1)); ends(c, textAt(2, 2), textAt(1, 3)) }},
	{"Kept", "a pending text is not in the log", func(c *checker) { c.ack("c1", sentAs(1, 0, 1)); ends(c, textAt(2, 1)) }},
	{"Kept", "an event that was heard is gone", func(c *checker) { hears(c, 1, textAt(1, 1)); ends(c) }},
	{"Kept", "an event that was heard is elsewhere", func(c *checker) { hears(c, 1, textAt(1, 1)); ends(c, textAt(2, 2), textAt(1, 3)) }},
	{"Ordered", "two events have one position", func(c *checker) { hears(c, 1, textAt(1, 1)); c.ack("", sentAs(2, 1, 1)) }},
	{"Ordered", "a device hears backwards", func(c *checker) { hears(c, 1, textAt(2, 2), textAt(1, 1)) }},
	{"Ordered", "a device hears twice", func(c *checker) { hears(c, 1, textAt(1, 1), textAt(1, 1)) }},
	{"Ordered", "what was sent second comes first", func(c *checker) {
		for _, a := range []ack{sentAs(1, 0, 1), sentAs(2, 0, 2)} {
			c.ack("c", a)
			c.sends(a)
		}
		ends(c, textAt(2, 1), textAt(1, 2))
	}},
	{"Ordered", "time falls", func(c *checker) {
		late := textAt(2, 2)
		late.At = time.Unix(0, 0)
		ends(c, textAt(1, 1), late)
	}},
	{"Complete", "a device misses one", func(c *checker) {
		hears(c, 1, textAt(1, 1), textAt(3, 3))
		ends(c, textAt(1, 1), textAt(2, 2), textAt(3, 3))
	}},
	{"Complete", "a device misses the last", func(c *checker) {
		hears(c, 1, textAt(1, 1))
		c.end(hall, [][]chat.Event{logOf(textAt(1, 1), textAt(2, 2))}, []string{"bob0"})
	}},
	{"Complete", "a page has a hole", func(c *checker) {
		c.page(1, "bob", hall, []chat.Message{messageAt(1, 1), messageAt(3, 3)}, 10)
	}},
	{"Complete", "the log has a hole", func(c *checker) { ends(c, textAt(1, 1), textAt(3, 3)) }},
	{"Complete", "a follower misses one", func(c *checker) { c.follow(logOf(textAt(1, 1))); c.follow(logOf(textAt(3, 3))) }},
	{"Complete", "a follower misses the last", func(c *checker) { c.follow(logOf(textAt(1, 1))); ends(c, textAt(1, 1), textAt(2, 2)) }},
	{"Complete", "a follower waits until somebody reads", func(c *checker) {
		c.followedBefore(hall, 1, logOf(textAt(1, 1), voidAt(2, 2, 9), textAt(3, 10)))
	}},
	{"", "nobody has read what nobody has", func(c *checker) { c.followedBefore(hall, 1, logOf(textAt(1, 1), voidAt(2, 2, 9))) }},
	{"Once", "one id, two events", func(c *checker) { c.ack("c1", sentAs(1, 1, 1)); c.ack("c1", sentAs(2, 2, 2)) }},
	{"Once", "one event at two positions", func(c *checker) { c.ack("c1", sentAs(1, 1, 1)); c.ack("c1", sentAs(1, 2, 2)) }},
	{"Once", "a device hears an event at two positions", func(c *checker) { hears(c, 1, textAt(1, 1), textAt(1, 2)) }},
	{"Once", "one id, two bodies", func(c *checker) { c.ack("c1", sentAs(1, 1, 1)); c.dispute(2, idOf(1), false, true) }},
	{"Once", "a text must yield to another that nobody sent", func(c *checker) { c.ack("c1", sentAs(1, 1, 1)); c.yields(2, idOf(1)) }},
	{"Once", "twice in the log", func(c *checker) { ends(c, textAt(1, 1), textAt(1, 2)) }},
	{"Read your writes", "a text is not on the next page", func(c *checker) { c.ack("c1", sentAs(1, 1, 1)); c.page(2, "bob", hall, nil, 10) }},
	{"Read your writes", "an edit is not on the next page", func(c *checker) {
		c.ack("", changedAs(2, "edit", 1, 2, 1))
		c.page(2, "bob", hall, []chat.Message{messageAt(1, 1)}, 10)
	}},
	{"Read your writes", "the index was waited for", func(c *checker) {
		c.ack("c1", sentAs(1, 1, 1))
		c.found(2, "bob", "w1", chat.Position{Room: hall, Seq: 1}, nil)
	}},
	{"No leak", "what was retracted is shown", func(c *checker) {
		c.ack("", changedAs(2, "retract", 1, 2, 1))
		c.page(2, "bob", hall, []chat.Message{messageAt(1, 1)}, 10)
	}},
	{"No leak", "what was retracted is found", func(c *checker) {
		c.ack("", changedAs(2, "retract", 1, 2, 1))
		c.found(2, "bob", "w1", chat.Position{}, []chat.Message{messageAt(1, 1)})
	}},
	{"No leak", "what was retracted is found at once", func(c *checker) {
		c.ack("", changedAs(2, "retract", 1, 2, 1))
		c.gone(1, idOf(2), idOf(1), []chat.Message{messageAt(1, 1)})
	}},
	{"Same answers", "two nodes differ", func(c *checker) {
		c.end(hall, [][]chat.Event{logOf(textAt(1, 1)), logOf(textAt(1, 1), textAt(2, 2))}, nil)
	}},
	{"Same answers", "a hit doesn't match", func(c *checker) {
		m := messageAt(1, 1)
		m.Text.Body = "bread"
		c.found(1, "bob", "w1", chat.Position{}, []chat.Message{m})
	}},
	{"Bounded", "a call fails without a reason", func(c *checker) { c.refuses(1, "send", errors.New("no idea")) }},
}
