package sql

import (
	"context"
	stdsql "database/sql"
	"fmt"
	"io/fs"
	"strconv"
	"strings"

	"github.com/pressly/goose/v3"
)

// migrate brings the tables up to date. It goes forward only, and touches nothing that
// a newer program has changed.
//
// Programs may start at once. Each change is a transaction that ends with its version,
// which is unique: who comes second loses what he did, and looks again.
func (s *Store) migrate(ctx context.Context) error {
	return s.again(ctx, "open", func() error {
		changes, newest, err := s.changes()
		if err != nil {
			return err
		}
		if err := s.makeVersions(ctx); err != nil {
			return err
		}
		p, err := goose.NewProvider(s.engine.kept, s.writes, nil, goose.WithTableName(s.text("{versions}")),
			goose.WithGoMigrations(changes...), goose.WithDisableGlobalRegistry(true), goose.WithLogger(goose.NopLogger()))
		if err != nil {
			return err
		}
		for {
			was, err := p.GetDBVersion(ctx)
			switch {
			case err != nil:
				return err
			case was > newest:
				return refuse(s.field(), fmt.Errorf("%s: its schema is version %d, this program knows %d: it needs a newer program", s.name, was, newest))
			case was == newest:
				return nil
			}
			_, failed := p.Up(ctx)
			now, err := p.GetDBVersion(ctx)
			if err != nil {
				return err
			}
			if now == was { // nobody else was first
				return failed
			}
		}
	})
}

// makeVersions makes the table of versions, which also shows whether the database can be
// written.
func (s *Store) makeVersions(ctx context.Context) error {
	tx, err := s.writes.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	if _, err := tx.ExecContext(ctx, s.text(s.engine.versions)); err != nil {
		return err
	}
	return tx.Commit()
}

// changes are the changes of the schema in their order, and the version of the last. A
// file is called by its version: 0001_directory.sql.
func (s *Store) changes() (all []*goose.Migration, newest int64, err error) {
	names, err := fs.Glob(s.engine.schema, "*.sql")
	if err != nil {
		return nil, 0, err
	}
	for _, name := range names {
		number, _, _ := strings.Cut(name, "_")
		if newest, err = strconv.ParseInt(number, 10, 64); err != nil {
			return nil, 0, err
		}
		statements, err := fs.ReadFile(s.engine.schema, name)
		if err != nil {
			return nil, 0, err
		}
		all = append(all, goose.NewGoMigration(newest, &goose.GoFunc{RunTx: func(ctx context.Context, tx *stdsql.Tx) error {
			_, err := tx.ExecContext(ctx, s.text(string(statements)))
			return err
		}}, nil))
	}
	return all, newest, nil
}
