package sql

import (
	"context"
	stdsql "database/sql"
	"io/fs"
	"strings"

	"github.com/pressly/goose/v3"
)

// engine is what one kind of database does in a way of its own. All else is SQL that
// they share, with these marks in it:
//
//	{rooms}    a table or an index, with the store's prefix
//	{locked}   after a SELECT: others wait who would change these rows
//	?          a parameter
//
// Text is compared byte by byte: a matter of the columns, so of the schema.
type engine struct {
	// versions are the statements that make the table of versions where there is none.
	versions string
	// schema are the changes of the schema, by name, one file each.
	schema fs.FS
	// kept says what goose calls the engine.
	kept goose.Dialect
	// locked stands for {locked}.
	locked string
	// upsert is the statement that stores a row in the place of that with the same keys.
	upsert func(table string, keys, others []string) string
	// raise is upsert, but where what is stored is as high in the first of others, or
	// higher, it stays.
	raise func(table string, keys, others []string) string
	// fault says what an error of the engine means.
	fault func(error) fault
	// check says what is wrong with a host's pool.
	check func(context.Context, *stdsql.DB) error
}

// fault is an error of an engine, understood.
type fault struct {
	busy    bool   // somebody else was first: the same may succeed in a moment
	foreign bool   // this is no database of the engine
	what    string // is wrong; empty: the engine's own words say it
}

// text is a statement as the engine wants it.
func (s *Store) text(statement string) string {
	if t, ok := s.texts.Load(statement); ok {
		return t.(string)
	}
	t := strings.NewReplacer("{locked}", s.engine.locked, "{", s.prefix, "}", "").Replace(statement)
	s.texts.Store(statement, t)
	return t
}

// upsert is INSERT … ON CONFLICT, as SQLite and PostgreSQL have it.
func upsert(table string, keys, others []string) string {
	columns := append(append([]string(nil), keys...), others...)
	set := make([]string, len(others))
	for i, c := range others {
		set[i] = c + " = excluded." + c
	}
	return "INSERT INTO {" + table + "} (" + strings.Join(columns, ", ") + ") VALUES (?" + strings.Repeat(", ?", len(columns)-1) +
		") ON CONFLICT (" + strings.Join(keys, ", ") + ") DO UPDATE SET " + strings.Join(set, ", ")
}

// raise is upsert with a condition, as SQLite and PostgreSQL have it.
func raise(table string, keys, others []string) string {
	return upsert(table, keys, others) + " WHERE excluded." + others[0] + " > {" + table + "}." + others[0]
}
