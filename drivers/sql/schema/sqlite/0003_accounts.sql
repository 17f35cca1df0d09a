-- Times are milliseconds since 1970, UTC. Never is what the zero time is there:
-- -62135596800000.

CREATE TABLE {accounts} (
	tenant      TEXT    NOT NULL,
	person      TEXT    NOT NULL,
	login       TEXT    NOT NULL,
	login_key   TEXT,
	created     INTEGER NOT NULL,
	deactivated INTEGER NOT NULL,
	version     INTEGER NOT NULL,
	PRIMARY KEY (tenant, person)
) STRICT, WITHOUT ROWID;

CREATE UNIQUE INDEX {accounts_login} ON {accounts} (tenant, login_key);

CREATE TABLE {credentials} (
	tenant    TEXT    NOT NULL,
	person    TEXT    NOT NULL,
	verifiers TEXT    NOT NULL, -- in the form of RFC 5803, with a space between
	version   INTEGER NOT NULL,
	PRIMARY KEY (tenant, person)
) STRICT, WITHOUT ROWID;

CREATE TABLE {tokens} (
	tenant  TEXT    NOT NULL,
	person  TEXT    NOT NULL,
	id      TEXT    NOT NULL,
	name    TEXT    NOT NULL,
	scopes  TEXT    NOT NULL, -- with a space between
	created INTEGER NOT NULL,
	expires INTEGER NOT NULL,
	used    INTEGER NOT NULL,
	revoked INTEGER NOT NULL,
	secret  BLOB    NOT NULL, -- its SHA-256
	PRIMARY KEY (tenant, person, id)
) STRICT, WITHOUT ROWID;

CREATE UNIQUE INDEX {tokens_secret} ON {tokens} (secret);

CREATE TABLE {invitations} (
	tenant    TEXT    NOT NULL,
	id        TEXT    NOT NULL,
	room      TEXT    NOT NULL, -- empty: to the tenant
	by_person TEXT    NOT NULL, -- empty: an operator
	created   INTEGER NOT NULL,
	expires   INTEGER NOT NULL,
	uses      INTEGER NOT NULL,
	used      INTEGER NOT NULL, -- as many as there are rows in the next table
	revoked   INTEGER NOT NULL,
	code      BLOB    NOT NULL, -- its SHA-256
	PRIMARY KEY (tenant, room, id)
) STRICT, WITHOUT ROWID;

CREATE UNIQUE INDEX {invitations_code} ON {invitations} (code);
CREATE UNIQUE INDEX {invitations_id} ON {invitations} (tenant, id);

CREATE TABLE {invitation_uses} (
	tenant TEXT    NOT NULL,
	id     TEXT    NOT NULL,
	person TEXT    NOT NULL,
	used   INTEGER NOT NULL,
	PRIMARY KEY (tenant, id, person)
) STRICT, WITHOUT ROWID;
