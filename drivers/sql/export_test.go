package sql

import (
	"context"
	stdsql "database/sql"
	"io/fs"
	"strings"
	"testing/fstest"
	"time"
)

// Writes is the pool of the one writer.
func (s *Store) Writes() *stdsql.DB { return s.writes }

// Patient has the store wait so long for others.
func (s *Store) Patient(d time.Duration) { s.patience = d }

// OpenAt opens a file with the schema of a program that knew only the first files.
func OpenAt(ctx context.Context, path string, files ...string) (*Store, error) {
	then := fstest.MapFS{}
	for _, name := range files {
		b, err := fs.ReadFile(sqlite.schema, name)
		if err != nil {
			return nil, err
		}
		then[name] = &fstest.MapFile{Data: b}
	}
	s, err := newStore(sqlite, nil)
	if err != nil {
		return nil, err
	}
	s.own, s.engine.schema = true, then
	if err := s.openFile(ctx, path); err != nil {
		return nil, err
	}
	return s, s.migrate(ctx)
}

// Plans is how the engine finds what the store has asked for since it was opened: the
// steps of each SELECT.
func (s *Store) Plans(ctx context.Context) (map[string][]string, error) {
	plans := map[string][]string{}
	var selects []string
	s.texts.Range(func(_, text any) bool {
		if strings.HasPrefix(text.(string), "SELECT") {
			selects = append(selects, text.(string))
		}
		return true
	})
	for _, text := range selects {
		rows, err := s.reads.QueryContext(ctx, "EXPLAIN QUERY PLAN "+text, make([]any, strings.Count(text, "?"))...)
		steps, err := collect(rows, err, func(at row) (step string, err error) {
			var skip any
			err = at.Scan(&skip, &skip, &skip, &step)
			return step, err
		})
		if err != nil {
			return nil, err
		}
		plans[text] = steps
	}
	return plans, nil
}

// Behind is the end of what begins with a prefix.
var Behind = behind
