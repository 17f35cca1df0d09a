package sql

import (
	"context"
	stdsql "database/sql"

	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/storage"
)

const (
	entryColumns = "l.seq, l.id, l.act, l.tenant, l.room, l.person, l.event, l.older, l.about, l.made, l.maker, l.reason"
	oneEntry     = "SELECT " + entryColumns + " FROM {ledger} l WHERE l.seq = ?"
	// What is held of a tenant, behind a seq.
	heldEntries = "SELECT " + entryColumns + " FROM {holds} h JOIN {ledger} l ON l.seq = h.seq WHERE h.tenant = ? AND h.seq > ?"
)

func scanEntry(at row) (e storage.LedgerEntry, err error) {
	var id, event stdsql.RawBytes
	err = at.Scan(&e.Seq, &id, &e.Act, &e.Of.Tenant, &e.Of.Room, &e.Of.User, &event, milli{&e.Before}, &e.About, milli{&e.At}, &e.By, &e.Why)
	copy(e.ID[:], id)
	copy(e.Of.Event[:], event)
	return e, err
}

// Enter implements storage.Ledger.
func (h directory) Enter(ctx context.Context, e storage.LedgerEntry) (storage.LedgerEntry, error) {
	const op = "enter"
	if err := h.ready(ctx, op); err != nil {
		return storage.LedgerEntry{}, err
	}
	if err := e.Check(op); err != nil {
		return storage.LedgerEntry{}, err
	}
	var kept storage.LedgerEntry
	err := h.write(ctx, op, func(tx *stdsql.Tx) error {
		last, _, err := findOne(ctx, h.Store, tx, scanNumber, "SELECT seq FROM {ledger_end} WHERE one = 1 {locked}")
		if err != nil {
			return err
		}
		about, _, err := findOne(ctx, h.Store, tx, scanEntry, oneEntry, e.About)
		if err != nil {
			return err
		}
		same, _, err := findOne(ctx, h.Store, tx, scanEntry, "SELECT "+entryColumns+" FROM {ledger} l WHERE l.id = ?", e.ID[:])
		if err != nil {
			return err
		}
		var there bool
		if kept, there, err = e.Place(op, last, about, same); err != nil || there {
			return err
		}
		if err := h.settle(ctx, op, tx, kept, about); err != nil {
			return err
		}
		if err := h.exec(ctx, tx, "UPDATE {ledger_end} SET seq = ? WHERE one = 1", kept.Seq); err != nil {
			return err
		}
		return h.exec(ctx, tx, `INSERT INTO {ledger} (seq, id, act, tenant, room, person, event, older, about, made, maker, reason)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`, kept.Seq, kept.ID[:], kept.Act, kept.Of.Tenant, kept.Of.Room, kept.Of.User, kept.Of.Event[:],
			kept.Before.UnixMilli(), kept.About, kept.At.UnixMilli(), kept.By, kept.Why)
	})
	if err != nil {
		return storage.LedgerEntry{}, err
	}
	return kept, nil
}

// settle does to what hasn't ended what an entry says, if it may.
func (h directory) settle(ctx context.Context, op string, tx *stdsql.Tx, e, about storage.LedgerEntry) error {
	switch e.Act {
	case storage.Held:
		return h.exec(ctx, tx, "INSERT INTO {holds} (tenant, seq) VALUES (?, ?)", e.Of.Tenant, e.Seq)
	case storage.Released:
		return h.end(ctx, op, tx, e, about, "{holds} WHERE tenant = ? AND seq = ?", e.Of.Tenant, e.About)
	case storage.Gone:
		return h.end(ctx, op, tx, e, about, "{owed} WHERE seq = ?", e.About)
	}
	// Those that surely aren't of the same are left out; the rule decides.
	rows, err := tx.QueryContext(ctx, h.text(heldEntries+` AND (l.room = ? OR l.room = '' OR ? = '')
		AND (l.person = ? OR l.person = '' OR ? = '') ORDER BY h.seq`), e.Of.Tenant, 0, e.Of.Room, e.Of.Room, e.Of.User, e.Of.User)
	holds, err := collect(rows, err, scanEntry)
	if err != nil {
		return err
	}
	for _, hold := range holds {
		if err := e.Stopped(op, hold); err != nil {
			return err
		}
	}
	return h.exec(ctx, tx, "INSERT INTO {owed} (seq) VALUES (?)", e.Seq)
}

// end removes what ends from what hasn't ended, a table and where it is in it.
func (h directory) end(ctx context.Context, op string, tx *stdsql.Tx, e, about storage.LedgerEntry, from string, args ...any) error {
	if !e.Ends(about) {
		return &chat.Error{Kind: chat.ErrNotFound, Op: op, Field: "about"}
	}
	_, there, err := findOne(ctx, h.Store, tx, scanNumber, "SELECT seq FROM "+from, args...)
	switch {
	case err != nil:
		return err
	case !there:
		return conflict(op, "about")
	}
	return h.exec(ctx, tx, "DELETE FROM "+from, args...)
}

// Since implements storage.Ledger.
func (h directory) Since(ctx context.Context, after int64, limit int) ([]storage.LedgerEntry, error) {
	return h.entries(ctx, "since", limit, "SELECT "+entryColumns+" FROM {ledger} l WHERE l.seq > ? ORDER BY l.seq LIMIT ?", after, limit)
}

// Holds implements storage.Ledger.
func (h directory) Holds(ctx context.Context, tenant string, after int64, limit int) ([]storage.LedgerEntry, error) {
	return h.entries(ctx, "holds", limit, heldEntries+" ORDER BY h.seq LIMIT ?", tenant, after, limit)
}

// Owed implements storage.Ledger.
func (h directory) Owed(ctx context.Context, after int64, limit int) ([]storage.LedgerEntry, error) {
	return h.entries(ctx, "owed", limit,
		"SELECT "+entryColumns+" FROM {owed} o JOIN {ledger} l ON l.seq = o.seq WHERE o.seq > ? ORDER BY o.seq LIMIT ?", after, limit)
}

func (h directory) entries(ctx context.Context, op string, limit int, statement string, args ...any) ([]storage.LedgerEntry, error) {
	if err := h.list(ctx, op, limit); err != nil {
		return nil, err
	}
	return read(ctx, h.Store, op, scanEntry, statement, args...)
}
