// Package disk keeps a journal in a folder, with [Pebble], a library: what was acknowledged
// survives kill -9 and power cuts. It is a [journal.Store], for one process.
//
//	d, err := disk.Open(ctx, "/var/lib/parlor/journal", nil)
//	…
//	j, err := journal.New(ctx, d, broker, nil)
//	…
//	hub.New(ctx, drivers.Set{Broker: j, …}, &hub.Options{Node: "chat-1"})
//
// Close the hub, then the journal, then the disk.
//
// # What is kept, and what it costs
//
// Keep writes one key for each event, and returns when it is on the disk: all who keep
// something at once wait for one fsync. What became of an event, and that it is dropped, is
// written without waiting. What is dropped stays in files until Pebble merges them;
// [Store.Scrub] has that done.
//
// Of each record the id and the place are in memory, 60 bytes or so; the journal itself
// holds the events. Its quota ([journal.Options]) bounds both.
//
// # When the disk fails
//
// At the first write or fsync that fails the store has failed: whoever waits gets
// [chat.ErrUnavailable], and nothing is acknowledged that isn't kept. It then closes and opens
// its files again by itself until it can; where it can't write, it opens for reading. What
// failed to be kept is not there afterwards, and what was dropped meanwhile is dropped.
// Before that a reserve refuses events: with less than [Options].Reserve bytes free, nothing
// is kept. What became of events is still noted and dropped, for that gives room back.
//
// # Damage
//
// Each record has a checksum, besides those that Pebble's files have. The end of a log that
// a crash tore is cut, told and counted: nobody was told that it is kept. A record that is
// damaged is told by its id, counted, set apart and never served; [Store.Damaged] shows what
// is left of it, and Drop forgets it. Where part of a file can't be read, it is told between
// which records something is missing, and the others are given. What is damaged so that
// Pebble can't know what lies behind it (the middle of a log, a manifest) keeps the folder
// from being opened, and is named.
//
// # Whose folder it is
//
// A folder that another process holds isn't opened: the error says who holds it. When that
// one is dead another node can adopt what lies there, with [journal.Journal.Adopt]. Who only
// wants to look opens it for reading.
//
// [Pebble]: https://github.com/cockroachdb/pebble
package disk
