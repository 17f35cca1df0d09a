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

// row is what was found.
type row interface{ Scan(into ...any) error }

// collect reads all rows of an answer.
func collect[T any](rows *stdsql.Rows, err error, scan func(row) (T, error)) ([]T, error) {
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

// findOne reads, in a transaction, the row of a SELECT that finds one at most.
func findOne[T any](ctx context.Context, s *Store, tx *stdsql.Tx, scan func(row) (T, error), statement string, args ...any) (item T, found bool, err error) {
	rows, err := tx.QueryContext(ctx, s.text(statement), args...)
	all, err := collect(rows, err, scan)
	if err != nil || len(all) == 0 {
		return item, false, err
	}
	return all[0], true, nil
}

// read reads all rows of a SELECT, as a call of the driver.
func read[T any](ctx context.Context, s *Store, op string, scan func(row) (T, error), statement string, args ...any) (all []T, err error) {
	err = s.again(ctx, op, func() error {
		prepared, err := s.prepare(ctx, statement)
		if err != nil {
			return err
		}
		rows, err := prepared.QueryContext(ctx, args...)
		all, err = collect(rows, err, scan)
		return err
	})
	return all, err
}

// readOne is read where one row is found at most: ErrNotFound of a field without it.
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

// prepare prepares a SELECT for the readers, once: half the time of a short one goes into
// understanding it. There are a few dozen.
func (s *Store) prepare(ctx context.Context, statement string) (*stdsql.Stmt, error) {
	if p, ok := s.prepared.Load(statement); ok {
		return p.(*stdsql.Stmt), nil
	}
	p, err := s.reads.PrepareContext(ctx, s.text(statement))
	if err != nil {
		return nil, err
	}
	if first, lost := s.prepared.LoadOrStore(statement, p); lost {
		return first.(*stdsql.Stmt), p.Close()
	}
	return p, nil
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
func (s *Store) put(ctx context.Context, tx *stdsql.Tx, table string, keys, others []string, args ...any) error {
	return s.exec(ctx, tx, s.engine.upsert(table, keys, others), args...)
}

// exec does a statement that finds nothing.
func (s *Store) exec(ctx context.Context, tx *stdsql.Tx, statement string, args ...any) error {
	_, err := tx.ExecContext(ctx, s.text(statement), args...)
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
