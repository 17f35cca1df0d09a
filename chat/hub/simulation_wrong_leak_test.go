package hub_test

import "github.com/parlor-chat/parlor/chat"

// In the hall bob comes at 1, is banned at 3 and, where he is let in, comes again at 6.
func banned(again bool) []*chat.Event {
	log := []*chat.Event{memberAt(1, 1, chat.RoleMember), textAt(2, 2), memberAt(3, 3, chat.RoleBanned), textAt(4, 4), textAt(5, 5)}
	if again {
		log = append(log, memberAt(6, 6, chat.RoleMember), textAt(7, 7))
	}
	return log
}

// leakHistories are about who may hear and read.
var leakHistories = []history{
	{"", "who comes back resumes and hears what he may read", func(c *checker) {
		log := banned(true)
		c.let(0, "bob", hall)
		hears(c, 1, log[:2]...)
		c.tries(5, idOf(5))
		c.let(8, "bob", hall)
		hears(c, 9, log[2:]...)
		follows(c, log...)
	}},
	{"", "a loss may have moved what let him in", func(c *checker) {
		c.let(0, "bob", hall)
		c.let(4, "bob", hall)
		steps(c, condition{}, condition{}, condition{}, condition{}, dead, dead)
		log := []*chat.Event{memberAt(1, 1, chat.RoleMember), memberAt(3, 2, chat.RoleBanned), voidAt(8, 3, 3), textAt(4, 4), voidAt(9, 5, 99), memberAt(5, 100, chat.RoleMember)}
		hears(c, 1, log[:2]...)
		hears(c, 4, memberAt(5, 3, chat.RoleMember), log[3])
		c.lost(5)
		hears(c, 7, log[4], log[5])
		follows(c, log...)
	}},
	{"", "a ban that lies behind what was decided after it has no effect", func(c *checker) {
		back := eventAt(4, 2, &chat.Member{User: user("bob"), Role: chat.RoleMember, After: idOf(3)})
		log := []*chat.Event{memberAt(1, 1, chat.RoleMember), back, memberAt(3, 3, chat.RoleBanned), textAt(5, 4)}
		c.let(0, "bob", hall)
		c.let(2, "bob", hall)
		hears(c, 3, log...)
		follows(c, log...)
	}},
	{"", "who is banned and let in at once may be in", func(c *checker) {
		c.let(1, "bob", hall)
		c.putOut(1, "bob", hall)
		c.page(2, "bob", hall, nil, 10)
		c.putOut(2, "bob", hall)
		c.let(4, "bob", hall)
		c.page(4, "bob", hall, nil, 10)
	}},
	{"", "a loss may have taken what sent him away", func(c *checker) {
		c.putOut(1, "bob", hall)
		steps(c, condition{}, dead, dead)
		c.lost(2)
		c.tries(3, idOf(2))
		hears(c, 3, textAt(2, 2))
	}},
	{"No leak", "after a loss who is banned hears what is sent then, though all nodes live", func(c *checker) {
		c.putOut(1, "bob", hall)
		steps(c, condition{}, condition{}, condition{})
		c.lost(2)
		c.tries(3, idOf(2))
		hears(c, 3, textAt(2, 2))
	}},
	{"No leak", "who is banned reads on", func(c *checker) { c.putOut(1, "bob", hall); c.page(2, "bob", hall, nil, 10) }},
	{"No leak", "who is banned searches on", func(c *checker) {
		c.putOut(1, "bob", hall)
		c.found(2, "bob", "w1", chat.Position{}, []chat.Message{messageAt(1, 1)})
	}},
	{"No leak", "who is banned hears what is sent then", func(c *checker) {
		c.putOut(1, "bob", hall)
		c.tries(2, idOf(2))
		hears(c, 2, textAt(2, 2))
	}},
	{"No leak", "who was banned for good hears on", func(c *checker) {
		log := banned(false)
		c.let(0, "bob", hall)
		hears(c, 1, log...)
		follows(c, log...)
	}},
	{"No leak", "who was banned and came back heard on", func(c *checker) {
		log := banned(true)
		c.let(0, "bob", hall)
		hears(c, 1, log[:4]...)
		c.let(8, "bob", hall)
		hears(c, 9, log[4:]...)
		follows(c, log...)
	}},
	{"No leak", "an early try to let him in came to nothing", func(c *checker) {
		log := banned(true)
		c.let(0, "bob", hall)
		c.let(1, "bob", hall)
		c.tries(5, idOf(5)) // so he came back in step 5 at the earliest
		hears(c, 4, log[:4]...)
		follows(c, log...)
	}},
	{"No leak", "who was never let in hears", func(c *checker) {
		hears(c, 1, textAt(1, 1))
		follows(c, textAt(1, 1))
	}},
}
