-- Text has SQLite's own order (BINARY): byte by byte. What has "key" in its name is
-- folded, and what others are told apart by; null: it needn't be.

CREATE TABLE {rooms} (
	tenant        TEXT    NOT NULL,
	room          TEXT    NOT NULL,
	kind          INTEGER NOT NULL,
	title         TEXT    NOT NULL,
	address       TEXT    NOT NULL,
	address_key   TEXT,
	created       INTEGER NOT NULL, -- seconds since 1970, UTC
	created_nanos INTEGER NOT NULL, -- and nanoseconds
	listed        INTEGER NOT NULL,
	members_only  INTEGER NOT NULL,
	moderated     INTEGER NOT NULL,
	anonymous     INTEGER NOT NULL,
	temporary     INTEGER NOT NULL,
	password      BLOB,
	max_occupants INTEGER NOT NULL,
	history_from  INTEGER NOT NULL,
	version       INTEGER NOT NULL,
	PRIMARY KEY (tenant, room)
) STRICT, WITHOUT ROWID;

CREATE UNIQUE INDEX {rooms_address} ON {rooms} (tenant, address_key);
CREATE INDEX {rooms_kind} ON {rooms} (tenant, kind, room);

CREATE TABLE {members} (
	tenant       TEXT    NOT NULL,
	room         TEXT    NOT NULL,
	person       TEXT    NOT NULL,
	role         INTEGER NOT NULL,
	nickname     TEXT    NOT NULL,
	nickname_key TEXT,             -- of those who belong
	from_seq     INTEGER NOT NULL, -- the first that may be read
	since        INTEGER NOT NULL, -- the seq of the event that let him in
	seq          INTEGER NOT NULL, -- of the event that made it so
	event        BLOB    NOT NULL,
	PRIMARY KEY (tenant, room, person)
) STRICT, WITHOUT ROWID;

CREATE UNIQUE INDEX {members_nickname} ON {members} (tenant, room, nickname_key);
-- All columns: or else what somebody may read, the most frequent question, would cost a
-- look into the table for each room, and SQLite would rather read the whole tenant.
CREATE INDEX {members_person} ON {members} (tenant, person, room, role, nickname, from_seq, since, seq, event);

CREATE TABLE {users} (
	tenant   TEXT    NOT NULL,
	person   TEXT    NOT NULL,
	name     TEXT    NOT NULL,
	name_key TEXT    NOT NULL,
	bot      INTEGER NOT NULL,
	PRIMARY KEY (tenant, person)
) STRICT, WITHOUT ROWID;

CREATE INDEX {users_name} ON {users} (tenant, name_key, person);

CREATE TABLE {marks} (
	tenant   TEXT    NOT NULL,
	person   TEXT    NOT NULL,
	room     TEXT    NOT NULL,
	seq      INTEGER NOT NULL,
	text_seq INTEGER NOT NULL,
	PRIMARY KEY (tenant, person, room)
) STRICT, WITHOUT ROWID;

-- Values may be long, and such rows are better off with a rowid.
CREATE TABLE {user_values} (
	tenant  TEXT    NOT NULL,
	person  TEXT    NOT NULL,
	space   TEXT    NOT NULL,
	name    TEXT    NOT NULL,
	version INTEGER NOT NULL,
	value   BLOB, -- null: deleted; the version goes on rising
	PRIMARY KEY (tenant, person, space, name)
) STRICT;
