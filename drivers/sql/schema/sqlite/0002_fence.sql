CREATE TABLE {leases} (
	name       TEXT    NOT NULL PRIMARY KEY,
	node       TEXT    NOT NULL,
	term       INTEGER NOT NULL, -- rises with each taking; the row stays, so that none comes again
	until_nano INTEGER NOT NULL  -- since 1970; 0: released
) STRICT, WITHOUT ROWID;

-- Registers may be long, and such rows are better off with a rowid.
CREATE TABLE {registers} (
	name  TEXT NOT NULL PRIMARY KEY,
	value BLOB NOT NULL
) STRICT;
