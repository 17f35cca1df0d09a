// Package embedded is everything that a hub stands on, in one folder, with no server to
// install:
//
//	s, err := embedded.Open(ctx, "/var/lib/parlor", nil)
//	if err != nil {
//		return err
//	}
//	defer s.Close()
//	h, err := hub.New(ctx, s.Set(), &hub.Options{Node: "home"})
//
// The hub keeps one name: as the only one on its folder it goes on at once after a crash,
// where another name would wait for the leases of the one before to end, 15 s.
//
// What is where:
//
//	log/           every room's events, with Pebble (package drivers/pebble)
//	directory.db   rooms, members, people, accounts, with SQLite (package drivers/sql)
//	index/         what searches go by, with Bleve (package drivers/bleve)
//
// Presence is in memory: it is of this process alone. One process has the folder at a
// time; another is told who holds it.
//
// # What holds
//
// What was acknowledged is on the disk, and survives kill -9 and a power cut. The log is
// the truth, and the directory beside it. The index can be made of them: one that is
// missing, torn or damaged is thrown away, and the hub fills it again; until it is open, and
// full, searches are [chat.ErrUnavailable] and say how far it is, and all else goes on.
// [Store.Ready] waits until it is open; whoever must find something asks until he does.
//
// A disk that is full or fails refuses what would be written, with [chat.ErrUnavailable],
// and the program lives; what there is can be read. When the disk is well again so is the
// store, by itself.
//
// # Copies
//
// [Store.Backup] copies log and directory to another folder while all goes on, [Restore]
// makes a new folder of such a copy, and [Store.Verify] reads everything and names what is
// wrong.
package embedded
