// Package sql keeps Parlor's directory and its fence in an SQL database: rooms,
// members, people, read marks, values of users, accounts, tokens, invitations, the
// ledger, leases and registers. Today that is SQLite, in one file, with no server to
// install:
//
//	store, err := sql.Open(ctx, "/var/lib/parlor/directory.db", nil)
//	if err != nil {
//		return err
//	}
//	defer store.Close()
//	set.Directory, set.Fence = store.Directory(), store.Fence()
//
// [Open] makes the file where there is none, brings its tables up to date, and refuses
// a file that a newer program has written to. A program that has a database of its own
// gives its pool to [With]; Parlor's tables then lie beside the program's, with a prefix
// before their names.
//
// # What holds
//
// What was acknowledged is on the disk: it survives kill -9 and a power cut (a
// write-ahead log, synced at each commit). A write is there whole or not at all. Keys
// and names are compared byte by byte, and their case is kept. No password, secret or
// code is in the file: verifiers and hashes are.
//
// Any number of handles and processes of one machine may have one file open. One writes
// at a time, the others wait; readers wait for nobody. Whoever waited for 10 s, or until
// his context was done, gets [chat.ErrUnavailable] or the context's error, and nothing
// was written. The same after a full or failing disk: [chat.ErrUnavailable], and the
// error names the file and what is wrong.
//
// The file is for its owner alone (mode 0600). It belongs on a local disk: network file
// systems don't share a write-ahead log. While it is open, this process must not open it
// by other means, to copy it for instance: closing a file takes a process's locks off it.
package sql
