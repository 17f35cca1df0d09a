-- Rows of the ledger are never changed or removed.
CREATE TABLE {ledger} (
	seq    INTEGER NOT NULL PRIMARY KEY, -- dense
	id     BLOB    NOT NULL,
	act    INTEGER NOT NULL,
	tenant TEXT    NOT NULL,
	room   TEXT    NOT NULL, -- empty: any
	person TEXT    NOT NULL, -- empty: anybody
	event  BLOB    NOT NULL, -- zeros: any
	older  INTEGER NOT NULL, -- than this is what is to be forgotten: milliseconds since 1970, UTC
	about  INTEGER NOT NULL, -- the seq of what ends by it; 0: nothing
	made   INTEGER NOT NULL, -- milliseconds, too
	maker  TEXT    NOT NULL,
	reason TEXT    NOT NULL
) STRICT;

CREATE UNIQUE INDEX {ledger_id} ON {ledger} (id);

-- The last seq, in one row, which is locked while an entry is made: so what it is
-- checked against stays.
CREATE TABLE {ledger_end} (
	one INTEGER NOT NULL PRIMARY KEY,
	seq INTEGER NOT NULL
) STRICT;

INSERT INTO {ledger_end} (one, seq) VALUES (1, 0);

-- What hasn't ended: what is held, and what is to be erased.
CREATE TABLE {holds} (
	tenant TEXT    NOT NULL,
	seq    INTEGER NOT NULL,
	PRIMARY KEY (tenant, seq)
) STRICT, WITHOUT ROWID;

CREATE TABLE {owed} (
	seq INTEGER NOT NULL PRIMARY KEY
) STRICT;
