package hub_test

import "github.com/parlor-chat/parlor/chat"

// dead and ill are what may happen to node 0.
var (
	dead = condition{dead: [simNodes]bool{true}}
	ill  = condition{ill: [simNodes]bool{true}}
)

// steps tells how the nodes are from step 1 on.
func steps(c *checker, conditions ...condition) {
	for i, now := range conditions {
		c.begins(i+1, now)
	}
}

// lossHistories are about what a broker lost: node 0 acknowledges, the broker loses its
// memory in step 2, and is read again in step 4. What node 0 holds may move only where it
// dies, or can't put it back.
var lossHistories = []history{
	{"", "the broker and the only node that held it lost it together", func(c *checker) {
		steps(c, condition{}, dead)
		c.ack("c1", sentAs(1, 1, 1))
		c.sends(sentAs(1, 1, 1))
		hears(c, 1, textAt(1, 1))
		c.lost(2)
		steps(c, condition{}, dead, condition{}, condition{}, condition{})
		c.page(4, "bob", hall, nil, 10)
		void := voidAt(9, 1, 99)
		c.ack("c2", sentAs(2, 100, 4))
		c.sends(sentAs(2, 100, 4))
		again := sentAs(1, 101, 5)
		again.Duplicate = true
		c.ack("c1", again)
		c.page(5, "bob", hall, []chat.Message{{ID: idOf(2), Room: hall, Seq: 100, TextSeq: 1}}, 10)
		hears(c, 5, void, textAt(2, 100), textAt(1, 101))
		follows(c, void, textAt(2, 100), textAt(1, 101))
	}},
	{"", "a node that couldn't put it back held it", func(c *checker) {
		steps(c, condition{}, condition{}, ill)
		c.ack("c1", sentAs(1, 1, 1))
		c.lost(2)
		follows(c, voidAt(9, 1, 99), textAt(1, 100))
	}},
	{"", "a node kept a retry of it, and didn't know where it lay", func(c *checker) {
		steps(c, condition{}, dead)
		c.ack("c1", sentAs(1, 1, 1))
		c.lost(2)
		again := sentAs(1, 0, 2)
		again.node = 1
		c.ack("c1", again)
		follows(c, voidAt(9, 1, 99), textAt(1, 100))
	}},
	{"", "a text that was lost yields to another", func(c *checker) {
		steps(c, condition{}, dead)
		c.ack("c1", sentAs(1, 1, 1))
		c.lost(2)
		c.dispute(3, idOf(1), false, true)
		c.yields(4, idOf(1))
		follows(c, textAt(1, 1))
	}},
	{"", "who was sent away by what a loss moved hears nothing of what was left out", func(c *checker) {
		steps(c, condition{}, dead)
		c.let(0, "bob", hall)
		hears(c, 1, memberAt(1, 1, chat.RoleMember), memberAt(2, 2, chat.RoleNone))
		c.putOut(1, "bob", hall)
		c.lost(2)
		c.let(4, "bob", hall)
		back := eventAt(3, 100, &chat.Member{User: user("bob"), Role: chat.RoleMember, After: idOf(2)})
		hears(c, 5, back, memberAt(2, 101, chat.RoleNone))
		follows(c, memberAt(1, 1, chat.RoleMember), voidAt(9, 2, 99), back, memberAt(2, 101, chat.RoleNone))
	}},
	{"Complete", "who was not sent away hears nothing of what was left out", func(c *checker) {
		steps(c, condition{}, dead)
		hears(c, 1, memberAt(1, 1, chat.RoleMember), textAt(2, 2))
		c.lost(2)
		hears(c, 5, textAt(3, 100))
		follows(c, memberAt(1, 1, chat.RoleMember), voidAt(9, 2, 99), textAt(3, 100), textAt(2, 101))
	}},
	{"Kept", "a loss takes a text that was acknowledged", func(c *checker) {
		steps(c, condition{}, dead)
		c.ack("c1", sentAs(1, 1, 1))
		c.lost(2)
		ends(c)
	}},
	{"Kept", "a loss takes an event that was heard", func(c *checker) {
		steps(c, condition{}, dead)
		hears(c, 1, textAt(1, 1))
		c.lost(2)
		ends(c)
	}},
	{"Kept", "a living node didn't put back what it held", func(c *checker) {
		steps(c, condition{}, condition{}, condition{})
		c.ack("c1", sentAs(1, 1, 1))
		c.lost(2)
		ends(c, voidAt(9, 1, 99), textAt(1, 100))
	}},
	{"Kept", "another node that lives held it, too", func(c *checker) {
		steps(c, condition{}, dead)
		c.ack("c1", sentAs(1, 1, 1))
		other := sentAs(1, 1, 1)
		other.node = 1
		c.ack("c1", other)
		c.lost(2)
		ends(c, voidAt(9, 1, 99), textAt(1, 100))
	}},
	{"Kept", "the archive had it", func(c *checker) {
		steps(c, condition{}, dead)
		c.ack("c1", sentAs(1, 1, 1))
		c.archived(1, c.placed())
		c.lost(2)
		ends(c, voidAt(9, 1, 99), textAt(1, 100))
	}},
	{"Kept", "the node died when the loss was over", func(c *checker) {
		steps(c, condition{}, condition{}, condition{}, condition{}, dead)
		c.ack("c1", sentAs(1, 1, 1))
		c.lost(2)
		c.page(4, "bob", hall, []chat.Message{messageAt(1, 1)}, 10)
		ends(c, voidAt(9, 1, 99), textAt(1, 100))
	}},
	{"Kept", "what was acknowledged behind a loss has moved", func(c *checker) {
		steps(c, condition{}, dead, condition{}, dead)
		c.lost(2)
		c.ack("c1", sentAs(1, 1, 3))
		ends(c, textAt(2, 1), textAt(1, 2))
	}},
	{"Kept", "a living node's text was heard and has moved", func(c *checker) {
		steps(c, condition{}, condition{}, condition{})
		hears(c, 1, textAt(1, 1))
		c.lost(2)
		ends(c, voidAt(9, 1, 99), textAt(1, 100))
	}},
	{"Ordered", "after a loss a position is used again", func(c *checker) {
		steps(c, condition{}, dead)
		hears(c, 1, textAt(1, 1))
		c.lost(2)
		c.ack("c2", sentAs(2, 1, 3))
	}},
	{"Ordered", "nothing is where something was kept", func(c *checker) {
		steps(c, condition{}, condition{})
		c.ack("c1", sentAs(1, 1, 1))
		c.lost(2)
		hears(c, 3, voidAt(9, 1, 99))
	}},
	{"Ordered", "something is where nothing was", func(c *checker) {
		steps(c, condition{}, dead)
		c.lost(2)
		hears(c, 3, voidAt(9, 1, 99))
		c.ack("c1", sentAs(1, 50, 4))
	}},
	{"Ordered", "what a lost text stood for is there", func(c *checker) {
		lost := eventAt(9, 5, &chat.Tombstone{Was: chat.KindText, Why: chat.Lost})
		lost.Sender = chat.UserID{}
		hears(c, 3, lost)
		c.ack("c1", sentAs(1, 5, 4))
	}},
	{"Ordered", "after a loss the second comes first, though its node lives", func(c *checker) {
		steps(c, condition{}, condition{}, condition{})
		c.lost(2)
		for _, a := range []ack{sentAs(1, 0, 1), sentAs(2, 0, 2)} {
			c.ack("c", a)
			c.sends(a)
		}
		ends(c, textAt(2, 1), textAt(1, 2))
	}},
	{"Once", "after a loss a text is there twice", func(c *checker) {
		steps(c, condition{}, dead)
		c.ack("c1", sentAs(1, 1, 1))
		c.lost(2)
		ends(c, textAt(1, 1), textAt(1, 2))
	}},
	{"Once", "after a loss an id is taken for two texts", func(c *checker) {
		steps(c, condition{}, condition{}, condition{})
		c.ack("c1", sentAs(1, 1, 1))
		c.lost(2)
		c.dispute(3, idOf(1), false, true)
	}},
	{"Once", "after a loss a device hears twice what a living node held", func(c *checker) {
		steps(c, condition{}, condition{}, condition{})
		c.ack("c1", sentAs(1, 1, 1))
		hears(c, 1, textAt(1, 1))
		c.lost(2)
		hears(c, 3, voidAt(9, 2, 99), textAt(1, 100))
	}},
	{"Read your writes", "after a loss what a living node held is not on the page", func(c *checker) {
		steps(c, condition{}, condition{}, condition{}, condition{})
		c.ack("c1", sentAs(1, 1, 1))
		c.lost(2)
		c.page(4, "bob", hall, nil, 10)
	}},
	{"No leak", "after a loss what a living node took back is shown", func(c *checker) {
		steps(c, condition{}, condition{}, condition{}, condition{})
		c.ack("", changedAs(2, "retract", 1, 2, 1))
		c.lost(2)
		c.page(4, "bob", hall, []chat.Message{messageAt(1, 1)}, 10)
	}},
}
