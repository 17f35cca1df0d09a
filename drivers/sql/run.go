package sql

import (
	"context"
	stdsql "database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/parlor-chat/parlor/chat"
)

// patience is how long a call waits for those who keep the database locked.
const patience = 10 * time.Second

// caller asks the database: a pool, or a transaction.
type caller interface {
	QueryContext(ctx context.Context, query string, args ...any) (*stdsql.Rows, error)
	ExecContext(ctx context.Context, query string, args ...any) (stdsql.Result, error)
}

// row is what was found.
type row interface{ Scan(into ...any) error }

// find reads all rows of a SELECT.
func find[T any](ctx context.Context, s *Store, at caller, scan func(row) (T, error), statement string, args ...any) ([]T, error) {
	rows, err := at.QueryContext(ctx, s.text(statement), args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var all []T
	for rows.Next() {
		item, err := scan(rows)
		if err != nil {
			return nil, err
		}
		all = append(all, item)
	}
	return all, rows.Err()
}

// findOne reads the row of a SELECT that finds one at most.
func findOne[T any](ctx context.Context, s *Store, at caller, scan func(row) (T, error), statement string, args ...any) (item T, found bool, err error) {
	all, err := find(ctx, s, at, scan, statement, args...)
	if err != nil || len(all) == 0 {
		return item, false, err
	}
	return all[0], true, nil
}

// read is find, by the readers, as a call of the driver.
func read[T any](ctx context.Context, s *Store, op string, scan func(row) (T, error), statement string, args ...any) (all []T, err error) {
	err = s.again(ctx, op, func() (err error) {
		all, err = find(ctx, s, s.reads, scan, statement, args...)
		return err
	})
	return all, err
}

// readOne is findOne, likewise: ErrNotFound of a field where nothing is found.
func readOne[T any](ctx context.Context, s *Store, op, field string, scan func(row) (T, error), statement string, args ...any) (T, error) {
	all, err := read(ctx, s, op, scan, statement, args...)
	if err == nil && len(all) == 0 {
		err = &chat.Error{Kind: chat.ErrNotFound, Op: op, Field: field}
	}
	if err != nil {
		var none T
		return none, err
	}
	return all[0], nil
}

// write does what changes something: all of it or, where do fails, nothing. It is done
// again where others were first, so do sets all that it gives back.
func (s *Store) write(ctx context.Context, op string, do func(tx *stdsql.Tx) error) error {
	return s.again(ctx, op, func() error {
		tx, err := s.writes.BeginTx(ctx, nil)
		if err != nil {
			return err
		}
		defer tx.Rollback()
		if err := do(tx); err != nil {
			return err
		}
		return tx.Commit()
	})
}

// put stores one row in the place of what has the same keys.
func (s *Store) put(ctx context.Context, at caller, table string, keys, others []string, args ...any) error {
	_, err := at.ExecContext(ctx, s.text(s.engine.upsert(table, keys, others)), args...)
	return err
}

// again tries until somebody else isn't first, or patience or the context is at its
// end, and makes an error of Parlor's of what it got.
func (s *Store) again(ctx context.Context, op string, try func() error) error {
	end := time.Now().Add(s.patience)
	for wait := time.Millisecond; ; wait = min(2*wait, 100*time.Millisecond) {
		err := try()
		if err == nil || !s.engine.fault(err).busy || time.Now().After(end) {
			return s.asError(ctx, op, err)
		}
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// asError is an error in the words of Parlor.
func (s *Store) asError(ctx context.Context, op string, err error) error {
	var known *chat.Error
	switch {
	case err == nil:
		return nil
	case errors.As(err, &known):
		return err
	case ctx.Err() != nil:
		return ctx.Err()
	case s.closed.Load():
		return &chat.Error{Kind: chat.ErrClosed, Op: op}
	}
	f := s.engine.fault(err)
	if f.what != "" {
		err = fmt.Errorf("%s: %s: %w", s.name, f.what, err)
	} else {
		err = fmt.Errorf("%s: %w", s.name, err)
	}
	switch {
	case op == "open" && f.foreign:
		return refuse(s.field(), err)
	case op == "open":
		return unavailable(op, s.field(), err)
	}
	return unavailable(op, "", err)
}

// field is what was given to open the store.
func (s *Store) field() string {
	if s.own {
		return "where"
	}
	return "db"
}

func unavailable(op, field string, err error) error {
	return &chat.Error{Kind: chat.ErrUnavailable, Op: op, Field: field, Err: err}
}
