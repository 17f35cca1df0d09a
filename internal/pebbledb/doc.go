// Package pebbledb keeps a Pebble database in a folder, for one process, so that a full or
// failing disk never ends the program and never lies: what the drivers that stand on Pebble
// have in common.
//
// Pebble ends the program when it can't write its log, or answers as if it had. So between
// Pebble and the disk lies a guard: at the first write, sync, rename or the like that fails,
// the folder has failed. From then on nothing reaches the disk, and whoever waits for it must
// ask [Folder.Well] before he believes Pebble. The folder then closes and opens again by
// itself, every two seconds at first, until it can; where it can't write, it opens for
// reading. A reserve refuses writes before they can fail ([Folder.CanWrite]); a ballast of a
// quarter as many bytes is given to Pebble when the disk is full all the same.
//
// A folder that was closed in order is sealed: SEAL describes its manifest and logs, and
// where one is not as it was, opening fails and names it. Without a seal, after a crash, the
// end of the last log may be torn: what nobody was told to be kept. It is cut, told and
// counted. Where something doesn't read that had been on the disk, opening fails and names the
// log and the byte; whoever opens it for reading sees what lies before.
package pebbledb
