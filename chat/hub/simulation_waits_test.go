package hub_test

// Checks that wait for the engine to be mended: each is right, and fails for what the
// engine is known to do.
const (
	// Behind a loss Admin.CatchUp says that all is archived, though nothing was put back yet;
	// and nobody follows what is behind it until somebody reads the room.
	waitsFor5 = true

	// A session that comes into a room by the row of its member, and not by the log,
	// begins at what its node knows then, and misses what was placed since he was let in.
	waitsFor6 = false

	// Who watches people isn't told what changed while the registry was out of order.
	waitsFor15 = false

	// A session that is told something in the moment in which it is closed is shown for good.
	waitsFor17 = false

	// A journal whose disk refuses something holds its lock while it drops that: a disk that is
	// slow besides stops the node.
	waitsForAFreeJournal = false

	// A node whose registry gave it a new lease, and the answer was lost, never tells its
	// sessions again.
	waitsForLostBeats = false

	// A node that starts again within its lease is shown with the sessions of its former life,
	// for as long as it lives.
	waitsForFormerLives = false

	// A direct room whose making failed halfway stays without the others when its maker asks
	// for it again.
	waitsForHalfADirectRoom = false

	// A text in a direct room is referred to those whose rows are written by then: while the
	// events of its making are pending, some aren't.
	waitsForPendingDirectRooms = true

	// A node that has put back what it holds, and loses the broker's memory again before it
	// has joined the epoch, puts back nothing: what it holds is of a memory before the last.
	waitsForLossUponLoss = false
)
