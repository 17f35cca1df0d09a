// Package pebble keeps rooms in one folder, with [Pebble], a library: no server is
// needed. It is a [chat.Broker] and a [storage.History] in one, for one process.
//
//	s, err := pebble.Open(ctx, "/var/lib/parlor/log", nil)
//	…
//	hub.New(ctx, drivers.Set{Broker: s.Broker(), History: s.History(), …}, nil)
//
// # One log, two contracts
//
// A room is a log, and here the log is kept once. What the broker placed is archived by
// being placed: Page shows it at once, and to append it again changes nothing and costs
// a look into memory. So the head never grows beyond what the disk holds, there are no
// gaps but where the log was pruned, and Archived is remembered only so that Changed
// knows what its followers have done. What is appended without having been published, by
// an import or a mirror, is placed as well: Changed tells of it and links bring it.
// The History serves alone, too: beside another broker.
//
// # Order and durability
//
// An event takes its Seq under the lock of its room's shard, and is written to Pebble's
// log under the same lock, without waiting for the disk. So the order in the log is that
// of Seq, and of the feed. Then the sender waits for the disk, together with all others
// who wait (Pebble groups them); then the room's durable head rises, and what is below it
// is delivered. Nobody is told of anything above the durable head: pages, Recent, Lookup,
// Scan, Rooms, Changed, links. A power cut takes back what nobody saw.
//
// With Seq taken first and written after, a power cut can leave a hole under an event
// that was acknowledged; with reads from what is written, somebody reads what the cut
// takes back.
//
// A batch is one write: one key for each event, and one for each room in it, the feed
// from which Changed reads. What can be made from these follows behind: ids, and which
// events change which text. Until it is written it is held in memory, and when the store
// opens, the feed says what is missing. A sender waits when it is more than 64 Ki events
// behind. How keys look is at the head of keys.go; docs/decisions/0008-pebble.md says why.
//
// # When the disk fails
//
// Pebble ends the program when it can't write its log, or answers as if it had. So
// between Pebble and the disk lies a guard: at the first write, sync, rename or the like
// that fails, the store has failed. From then on nothing reaches the disk, and whoever
// waits gets [chat.ErrUnavailable]: the event may be placed or not, and a retry tells.
// The store then closes and opens again by itself, every two seconds until it can; where
// it can't write, it opens for reading, and sends are refused. Before that a reserve
// refuses them: with less than [Options].Reserve bytes free on the disk, nothing is
// placed. A ballast of a quarter as many bytes is kept in the folder, and given to
// Pebble when the disk is full all the same.
//
// # Damage
//
// Tables and logs have checksums, and each event lies under the key that names it. A store
// that was closed in order is sealed: SEAL describes its manifest and logs, and where one
// is not as it was, opening fails and names it. (Without a seal, after a crash, the end of
// a log or a manifest that doesn't match its checksum is what the crash left undone.)
//
// # Erasure
//
// Erase writes a tombstone over the event, and nobody reads it again. On the disk the old
// bytes stay until Pebble merges its files. [Store.Scrub] has that done: when it returns,
// they are gone from the folder. (What copies, file systems and disks keep besides is
// theirs.) The same holds for Prune.
//
// [Pebble]: https://github.com/cockroachdb/pebble
package pebble
