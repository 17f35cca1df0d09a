package hub_test

// Checks that wait for the engine to be mended: each is right, and fails for what the
// engine is known to do.
const (
	// Behind a loss Admin.CatchUp says that all is archived, though nothing was put back yet.
	waitsForCatchUpBehindALoss = false

	// A text in a direct room is referred to those whose rows are written by then: while the
	// events of its making are pending, some aren't.
	waitsForPendingDirectRooms = false
)
