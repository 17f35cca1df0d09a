package hub_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/parlor-chat/parlor/chat"
)

// A checker that finds nothing proves nothing: each promise has histories that break it.
func TestTheCheckerCatches(t *testing.T) {
	room := chat.RoomID{Tenant: "test", Key: "hall"}
	id := func(n byte) (id chat.EventID) { id[0] = n; return id }
	at := func(n byte, seq chat.Seq, c chat.Content) *chat.Event {
		return &chat.Event{ID: id(n), Room: room, Seq: seq, At: time.Unix(int64(seq), 0), Content: c}
	}
	text := func(n byte, seq chat.Seq) *chat.Event { return at(n, seq, &chat.Text{Body: "soup"}) }
	log := func(events ...*chat.Event) (all []chat.Event) {
		for _, e := range events {
			all = append(all, *e)
		}
		return all
	}
	sent := func(n byte, seq chat.Seq, step int) ack {
		return ack{step: step, user: "ann", room: room, verb: "send", word: "w1", Receipt: chat.Receipt{ID: id(n), Seq: seq}}
	}
	message := func(n byte, seq chat.Seq) chat.Message {
		return chat.Message{ID: id(n), Room: room, Seq: seq, TextSeq: int64(seq), Revision: seq, Text: chat.Text{Body: "soup w1"}}
	}
	hear := func(c *checker, step int, events ...*chat.Event) {
		for _, e := range events {
			c.deliver(step, "bob0", "bob", e)
		}
	}
	for _, h := range []struct {
		promise, name string
		tell          func(c *checker)
	}{
		{"Kept", "an acknowledged text is not in the log", func(c *checker) {
			c.ack("c1", sent(1, 1, 1))
			c.end(room, [][]chat.Event{nil}, nil)
		}},
		{"Kept", "an acknowledged text has moved", func(c *checker) {
			c.ack("c1", sent(1, 1, 1))
			c.end(room, [][]chat.Event{log(text(2, 2), text(1, 3))}, nil)
		}},
		{"Kept", "a pending text is not in the log", func(c *checker) {
			c.ack("c1", sent(1, 0, 1))
			c.end(room, [][]chat.Event{log(text(2, 1))}, nil)
		}},
		{"Kept", "an event that was heard is gone", func(c *checker) {
			hear(c, 1, text(1, 1))
			c.end(room, [][]chat.Event{nil}, nil)
		}},
		{"Kept", "a loss takes a text that was acknowledged", func(c *checker) {
			c.ack("c1", sent(1, 1, 1))
			c.lost(2)
			c.end(room, [][]chat.Event{nil}, nil)
		}},
		{"Kept", "what was acknowledged behind a loss has moved", func(c *checker) {
			c.lost(2)
			c.ack("c1", sent(1, 1, 3))
			c.end(room, [][]chat.Event{log(text(2, 1), text(1, 2))}, nil)
		}},
		{"Ordered", "after a loss a position is used again", func(c *checker) {
			hear(c, 1, text(1, 1))
			c.lost(2)
			c.ack("c2", sent(2, 1, 3))
		}},
		{"Once", "after a loss a text is there twice", func(c *checker) {
			c.ack("c1", sent(1, 1, 1))
			c.lost(2)
			c.end(room, [][]chat.Event{log(text(1, 1), text(1, 2))}, nil)
		}},
		{"No leak", "who was sent away hears on", func(c *checker) {
			away := at(2, 2, &chat.Member{User: chat.UserID{Tenant: "test", Key: "bob"}, Role: chat.RoleBanned})
			hear(c, 1, text(1, 1), away, text(3, 3))
			c.end(room, [][]chat.Event{log(text(1, 1), away, text(3, 3))}, nil)
		}},
		{"No leak", "what was retracted is found at once", func(c *checker) { c.gone(1, id(1), []chat.Message{message(1, 1)}) }},
		{"Ordered", "two events have one position", func(c *checker) { hear(c, 1, text(1, 1)); c.ack("", sent(2, 1, 1)) }},
		{"Ordered", "a device hears backwards", func(c *checker) { hear(c, 1, text(2, 2), text(1, 1)) }},
		{"Ordered", "a device hears twice", func(c *checker) { hear(c, 1, text(1, 1), text(1, 1)) }},
		{"Ordered", "what was sent second comes first", func(c *checker) {
			first, second := sent(1, 0, 1), sent(2, 0, 2)
			c.ack("c1", first)
			c.sends(0, first)
			c.ack("c2", second)
			c.sends(0, second)
			c.end(room, [][]chat.Event{log(text(2, 1), text(1, 2))}, nil)
		}},
		{"Ordered", "time falls", func(c *checker) {
			late := text(2, 2)
			late.At = time.Unix(0, 0)
			c.end(room, [][]chat.Event{log(text(1, 1), late)}, nil)
		}},
		{"Complete", "a device misses one", func(c *checker) {
			hear(c, 1, text(1, 1), text(3, 3))
			c.end(room, [][]chat.Event{log(text(1, 1), text(2, 2), text(3, 3))}, nil)
		}},
		{"Complete", "a device misses the last", func(c *checker) {
			hear(c, 1, text(1, 1))
			c.end(room, [][]chat.Event{log(text(1, 1), text(2, 2))}, []string{"bob0"})
		}},
		{"Complete", "a page has a hole", func(c *checker) {
			c.page(1, "bob", room, []chat.Message{message(1, 1), message(3, 3)}, 10)
		}},
		{"Complete", "the log has a hole", func(c *checker) { c.end(room, [][]chat.Event{log(text(1, 1), text(3, 3))}, nil) }},
		{"Complete", "a follower misses one", func(c *checker) { c.follow(log(text(1, 1))); c.follow(log(text(3, 3))) }},
		{"Complete", "a follower misses the last", func(c *checker) {
			c.follow(log(text(1, 1)))
			c.end(room, [][]chat.Event{log(text(1, 1), text(2, 2))}, nil)
		}},
		{"Once", "one id, two events", func(c *checker) { c.ack("c1", sent(1, 1, 1)); c.ack("c1", sent(2, 2, 2)) }},
		{"Once", "one event at two positions", func(c *checker) { c.ack("c1", sent(1, 1, 1)); c.ack("c1", sent(1, 2, 2)) }},
		{"Once", "one id, two bodies", func(c *checker) { c.conflict(1, "c1", false) }},
		{"Once", "twice in the log", func(c *checker) { c.end(room, [][]chat.Event{log(text(1, 1), text(1, 2))}, nil) }},
		{"Read your writes", "a text is not on the next page", func(c *checker) {
			c.ack("c1", sent(1, 1, 1))
			c.page(2, "bob", room, nil, 10)
		}},
		{"Read your writes", "an edit is not on the next page", func(c *checker) {
			e := sent(2, 2, 1)
			e.verb, e.target = "edit", id(1)
			c.ack("", e)
			c.page(2, "bob", room, []chat.Message{message(1, 1)}, 10)
		}},
		{"Read your writes", "the index was waited for", func(c *checker) {
			c.ack("c1", sent(1, 1, 1))
			c.found(2, "bob", "w1", chat.Position{Room: room, Seq: 1}, nil)
		}},
		{"No leak", "who is banned hears on", func(c *checker) {
			c.banned(1, "bob", room, 1)
			hear(c, 2, text(2, 2))
		}},
		{"No leak", "who is banned reads on", func(c *checker) { c.banned(1, "bob", room, 1); c.page(2, "bob", room, nil, 10) }},
		{"No leak", "who is banned searches on", func(c *checker) {
			c.banned(1, "bob", room, 1)
			c.found(2, "bob", "w1", chat.Position{}, []chat.Message{message(1, 1)})
		}},
		{"No leak", "what was retracted is shown", func(c *checker) {
			e := sent(2, 2, 1)
			e.verb, e.target = "retract", id(1)
			c.ack("", e)
			c.page(2, "bob", room, []chat.Message{message(1, 1)}, 10)
		}},
		{"No leak", "what was retracted is found", func(c *checker) {
			e := sent(2, 2, 1)
			e.verb, e.target = "retract", id(1)
			c.ack("", e)
			c.found(2, "bob", "w1", chat.Position{}, []chat.Message{message(1, 1)})
		}},
		{"Same answers", "two nodes differ", func(c *checker) {
			c.end(room, [][]chat.Event{log(text(1, 1)), log(text(1, 1), text(2, 2))}, nil)
		}},
		{"Same answers", "a hit doesn't match", func(c *checker) {
			m := message(1, 1)
			m.Text.Body = "bread"
			c.found(1, "bob", "w1", chat.Position{}, []chat.Message{m})
		}},
		{"Bounded", "a call fails without a reason", func(c *checker) { c.refuses(1, "send", errors.New("no idea")) }},
	} {
		c := newChecker()
		h.tell(c)
		if !slices.ContainsFunc(c.broken, func(b string) bool { return strings.HasPrefix(b, h.promise+":") }) {
			t.Errorf("%s, %s: %v", h.promise, h.name, c.broken)
		}
	}

	// And one that breaks nothing.
	c := newChecker()
	c.ack("c1", sent(1, 1, 1))
	c.ack("c1", sent(1, 1, 3))
	hear(c, 2, text(1, 1), text(2, 2), at(3, 3, &chat.Member{User: chat.UserID{Tenant: "test", Key: "bob"}, Role: chat.RoleBanned}))
	c.banned(2, "bob", room, 3)
	c.let(5, "bob", room)
	hear(c, 6, text(7, 7))
	c.page(6, "bob", room, []chat.Message{message(1, 1), message(2, 2)}, 10)
	c.found(6, "bob", "w1", chat.Position{Room: room, Seq: 1}, []chat.Message{message(1, 1)})
	whole := log(text(1, 1), text(2, 2), at(3, 3, &chat.Member{User: chat.UserID{Tenant: "test", Key: "bob"}, Role: chat.RoleBanned}),
		at(4, 4, &chat.Member{User: chat.UserID{Tenant: "test", Key: "bob"}, Role: chat.RoleMember}), text(5, 5), text(6, 6), text(7, 7))
	c.follow(whole[:4])
	c.follow(whole[3:])
	c.end(room, [][]chat.Event{whole, whole}, []string{"bob0"})
	if len(c.broken) > 0 {
		t.Errorf("%v", c.broken)
	}
}
