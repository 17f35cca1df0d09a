package hub_test

// Checks that wait for the engine to be mended: each is right, and fails for what the
// engine is known to do.
const (
	// Behind a loss Admin.CatchUp says that all is archived, though nothing was put back yet;
	// and nobody follows what is behind it until somebody reads the room.
	waitsFor5 = true

	// A session that comes into a room by the row of its member, and not by the log,
	// begins at what its node knows then, and misses what was placed since he was let in.
	waitsFor6 = true

	// A node that has put back what it holds, and loses the broker's memory again before it
	// has joined the epoch, puts back nothing: what it holds is of a memory before the last.
	waitsForLossUponLoss = true
)
