package storagetest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/storage"
)

var ledgerCases = []DirectoryCase{
	{Name: "the ledger has one order", Why: "it is replayed after a restore, and its order decides", Run: atDirectory(ledger)},
	{Name: "an entry is entered once", Why: "a retry whose answer was lost must not be another erasure", Run: atDirectory(ledgerOnce)},
	{Name: "a hold stops what it overlaps", Why: "what a court wants must not be erased, and what it doesn't want must not be kept", Run: atDirectory(ledgerHolds)},
	{Name: "a hold is released", Why: "a hold ends by an act that somebody did, and once", Run: atDirectory(ledgerReleased)},
	{Name: "an erasure is owed until its bytes are gone", Why: "an operator must be able to say what is really gone", Run: atDirectory(ledgerOwed)},
	{Name: "holds and erasures at once have an order", Why: "looking for holds and entering is one step", Run: atDirectory(ledgerRace)},
	{Name: "an entry goes to the place that it names", Why: "a ledger that is copied must be the same or nothing", Run: atDirectory(ledgerPlace)},
	{Name: "invalid entries are refused", Why: "what is in the ledger can't be taken back", Run: atDirectory(ledgerInvalid)},
}

// entryID is an id that a case knows again.
func entryID(n int) chat.EventID { return chat.DeriveID(kitchen, ann, strconv.Itoa(n)) }

// entry is an entry with the id of a number.
func entry(n int, act storage.Act, of storage.Subject) storage.LedgerEntry {
	e := storage.LedgerEntry{ID: entryID(n), Act: act, Of: of, At: epoch}
	if act == storage.Pruned {
		e.Before = epoch
	}
	return e
}

// ends is an entry that ends another.
func ends(n int, act storage.Act, about int64) storage.LedgerEntry {
	e := entry(n, act, storage.Subject{Tenant: "acme"})
	e.About = about
	return e
}

func enter(ctx context.Context, d storage.Directory, all ...storage.LedgerEntry) error {
	for _, e := range all {
		if _, err := d.Enter(ctx, e); err != nil {
			return err
		}
	}
	return nil
}

// seqs are the Seqs of a list.
func seqs(all []storage.LedgerEntry, err error) (string, error) {
	var n []int64
	for _, e := range all {
		n = append(n, e.Seq)
	}
	return fmt.Sprint(n), err
}

// open checks what is held in acme and what is owed.
func open(ctx context.Context, d storage.Directory, held, owed string) error {
	h, err := seqs(d.Holds(ctx, "acme", 0, 100))
	o, err2 := seqs(d.Owed(ctx, 0, 100))
	return first(err, err2, want("what is held", h, held), want("what is owed", o, owed))
}

func ledger(ctx context.Context, d storage.Directory) error {
	text := storage.Subject{Tenant: "acme", Room: "kitchen", User: "ann", Event: entryID(99)}
	all := []storage.LedgerEntry{
		{Act: storage.Erased, Of: text, Why: "asked for\nby letter"},
		{Act: storage.Held, Of: storage.Subject{Tenant: "evil", User: "mallory"}, Why: "case 4711"},
		{Act: storage.Pruned, Of: storage.Subject{Tenant: "acme", Room: "kitchen"}, Before: epoch.AddDate(-1, 0, 0)},
		{Act: storage.Gone, Of: storage.Subject{Tenant: "acme"}, About: 1},
		{Act: storage.Held, Of: storage.Subject{Tenant: "acme"}},
		{Act: storage.Released, Of: storage.Subject{Tenant: "evil", User: "mallory"}, About: 2},
		{Act: storage.Gone, Of: storage.Subject{Tenant: "acme", Room: "kitchen"}, About: 3},
		{Act: storage.Erased, Of: storage.Subject{Tenant: "evil"}},
	}
	for i := range all {
		e := &all[i]
		e.ID, e.At, e.By = entryID(i), epoch.Add(time.Duration(-i)*time.Hour+1999*time.Microsecond), "Dora / 造"
		got, err := d.Enter(ctx, *e)
		e.Seq, e.At = int64(i+1), epoch.Add(time.Duration(-i)*time.Hour+time.Millisecond)
		if e.Act == storage.Gone && e.About == 1 {
			e.Of = text
		}
		if err := first(err, same("what was entered", got, *e)); err != nil {
			return err
		}
	}
	keys := []string{"1", "2", "3", "4", "5", "6", "7", "8"}
	number := func(e storage.LedgerEntry) string { return fmt.Sprint(e.Seq) }
	since := func(after string, limit int) ([]storage.LedgerEntry, error) {
		n, _ := strconv.ParseInt(after, 10, 64)
		return d.Since(ctx, n, limit)
	}
	got, err := d.Since(ctx, 0, 100)
	none, err2 := d.Since(ctx, 8, 100)
	beyond, err3 := d.Since(ctx, 1<<40, 100)
	return first(err, err2, err3, same("the ledger", got, all), want("entries behind the last", len(none)+len(beyond), 0), lists(keys, since, number))
}

func ledgerOnce(ctx context.Context, d storage.Directory) error {
	of := storage.Subject{Tenant: "acme", Room: "kitchen"}
	e := entry(1, storage.Erased, of)
	one, err := d.Enter(ctx, e)
	if err := first(err, enter(ctx, d, entry(2, storage.Held, of), ends(3, storage.Gone, 1))); err != nil {
		return err
	}
	for name, retry := range map[string]storage.LedgerEntry{"as it was asked": e, "as it is kept": one} {
		again, err := d.Enter(ctx, retry) // held since, and gone since
		if err := first(err, same("the entry, "+name+",", again, one)); err != nil {
			return err
		}
	}
	for field, spoil := range map[string]func(*storage.LedgerEntry){
		"act": func(e *storage.LedgerEntry) { e.Act = storage.Held }, "of": func(e *storage.LedgerEntry) { e.Of.Room = "lobby" },
		"at": func(e *storage.LedgerEntry) { e.At = epoch.Add(time.Second) }, "by": func(e *storage.LedgerEntry) { e.By = "x" },
		"why": func(e *storage.LedgerEntry) { e.Why = "x" },
	} {
		other := e
		spoil(&other)
		_, err := d.Enter(ctx, other)
		if err := is(err, chat.ErrConflict, "id"); err != nil {
			return fmt.Errorf("another %s: %w", field, err)
		}
	}
	gone := ends(3, storage.Gone, 1)
	again, err := d.Enter(ctx, gone)
	all, err2 := d.Since(ctx, 0, 100)
	return first(err, err2, want("the same Gone", again.Seq, 3), want("whose subject is filled in", again.Of, of), want("entries", len(all), 3), open(ctx, d, "[2]", "[]"))
}

func ledgerHolds(ctx context.Context, d storage.Directory) error {
	text := entryID(99)
	n := 0
	for _, c := range []struct {
		hold, of storage.Subject
		stopped  bool
	}{
		{storage.Subject{Room: "kitchen"}, storage.Subject{Room: "kitchen"}, true},
		{storage.Subject{Room: "kitchen"}, storage.Subject{Room: "lobby"}, false},
		{storage.Subject{Room: "kitchen"}, storage.Subject{Room: "kitchen", User: "bob", Event: text}, true},
		{storage.Subject{Room: "kitchen"}, storage.Subject{Room: "lobby", User: "bob", Event: text}, false},
		{storage.Subject{Room: "kitchen"}, storage.Subject{User: "bob"}, true}, // he may have said it there
		{storage.Subject{Room: "kitchen"}, storage.Subject{Room: "lobby", User: "bob"}, false},
		{storage.Subject{Room: "kitchen"}, storage.Subject{}, true},
		{storage.Subject{User: "ann"}, storage.Subject{User: "ann"}, true},
		{storage.Subject{User: "ann"}, storage.Subject{User: "bob"}, false},
		{storage.Subject{User: "ann"}, storage.Subject{User: "Ann"}, false},
		{storage.Subject{User: "ann"}, storage.Subject{Room: "kitchen"}, true}, // she may be there
		{storage.Subject{User: "ann"}, storage.Subject{Room: "kitchen", User: "bob", Event: text}, false},
		{storage.Subject{User: "ann"}, storage.Subject{Room: "kitchen", User: "ann", Event: text}, true},
		{storage.Subject{Room: "kitchen", User: "ann"}, storage.Subject{Room: "kitchen", User: "bob"}, false},
		{storage.Subject{Room: "kitchen", User: "ann"}, storage.Subject{Room: "lobby", User: "ann"}, false},
		{storage.Subject{Room: "kitchen", User: "ann"}, storage.Subject{User: "ann"}, true},
		{storage.Subject{}, storage.Subject{Room: "kitchen", User: "bob", Event: text}, true},
		{storage.Subject{Tenant: "evil"}, storage.Subject{Room: "kitchen"}, false},
		{storage.Subject{Tenant: "evil", Room: "kitchen"}, storage.Subject{Room: "kitchen"}, false},
	} {
		if c.hold.Tenant == "" {
			c.hold.Tenant = "acme"
		}
		c.of.Tenant = "acme"
		n += 5
		hold, err := d.Enter(ctx, entry(n, storage.Held, c.hold))
		if err != nil {
			return err
		}
		acts := []storage.Act{storage.Erased}
		if c.of.User == "" {
			acts = append(acts, storage.Pruned)
		}
		for _, act := range acts {
			e := entry(n+int(act), act, c.of)
			_, err := d.Enter(ctx, e)
			if what := fmt.Sprintf("%v of %v while %v is held", act, c.of, c.hold); !c.stopped && err != nil {
				return fmt.Errorf("%s: %w", what, err)
			} else if c.stopped {
				if err := is(err, chat.ErrForbidden, "hold"); err != nil {
					return fmt.Errorf("%s: %w", what, err)
				}
				if !strings.Contains(err.Error(), fmt.Sprintf("hold %d", hold.Seq)) {
					return fmt.Errorf("%s: the error %q doesn't name hold %d", what, err, hold.Seq)
				}
			}
		}
		free := entry(n+4, storage.Released, c.hold)
		free.About = hold.Seq
		if err := enter(ctx, d, free); err != nil {
			return err
		}
	}
	// Of several holds the oldest is named, and the rest hold on when it is released.
	of := storage.Subject{Tenant: "acme", Room: "kitchen"}
	late := entry(n+7, storage.Erased, of)
	older, err := d.Enter(ctx, entry(n+5, storage.Held, of))
	younger, err2 := d.Enter(ctx, entry(n+6, storage.Held, storage.Subject{Tenant: "acme"}))
	if err := first(err, err2, named(ctx, d, late, older.Seq), enter(ctx, d, ends(n+8, storage.Released, older.Seq)), named(ctx, d, late, younger.Seq)); err != nil {
		return err
	}
	return first(enter(ctx, d, ends(n+9, storage.Released, younger.Seq), late))
}

// named checks that an entry is stopped by a hold, which the error names.
func named(ctx context.Context, d storage.Directory, e storage.LedgerEntry, hold int64) error {
	_, err := d.Enter(ctx, e)
	if err := is(err, chat.ErrForbidden, "hold"); err != nil {
		return err
	}
	if !strings.Contains(err.Error()+" ", fmt.Sprintf("hold %d ", hold)) {
		return fmt.Errorf("the error %q doesn't name hold %d", err, hold)
	}
	return nil
}

func ledgerReleased(ctx context.Context, d storage.Directory) error {
	kitchen, lobby := storage.Subject{Tenant: "acme", Room: "kitchen"}, storage.Subject{Tenant: "acme", Room: "lobby"}
	theirs := storage.Subject{Tenant: "evil", Room: "kitchen"}
	if err := first(enter(ctx, d, entry(1, storage.Held, kitchen), entry(2, storage.Held, theirs), entry(3, storage.Erased, lobby), entry(4, storage.Held, lobby)),
		open(ctx, d, "[1 4]", "[3]")); err != nil {
		return err
	}
	wrong := ends(5, storage.Released, 1)
	wrong.Of.Room = "lobby" // not what is held
	for name, e := range map[string]storage.LedgerEntry{"nothing": ends(5, storage.Released, 77), "an erasure": ends(5, storage.Released, 3),
		"another tenant's": ends(5, storage.Released, 2), "something else": wrong} {
		_, err := d.Enter(ctx, e)
		if err := is(err, chat.ErrNotFound, "about"); err != nil {
			return fmt.Errorf("%s is released: %w", name, err)
		}
	}
	free := ends(5, storage.Released, 1)
	got, err := d.Enter(ctx, free)
	_, twice := d.Enter(ctx, ends(6, storage.Released, 1))
	again, err2 := d.Enter(ctx, free)
	if err := first(err, want("of what", got.Of, kitchen), is(twice, chat.ErrConflict, "about"), err2, want("the same", again.Seq, got.Seq), open(ctx, d, "[4]", "[3]")); err != nil {
		return err
	}
	paged, err := seqs(d.Holds(ctx, "acme", 4, 10))
	evil, err2 := seqs(d.Holds(ctx, "evil", 0, 1))
	return first(err, err2, want("holds behind the last", paged, "[]"), want("their holds", evil, "[2]"),
		enter(ctx, d, entry(7, storage.Erased, kitchen)), badLimits(func(limit int) error { _, err := d.Holds(ctx, "acme", 0, limit); return err }))
}

func ledgerOwed(ctx context.Context, d storage.Directory) error {
	kitchen, theirs := storage.Subject{Tenant: "acme", Room: "kitchen"}, storage.Subject{Tenant: "evil", User: "eve"}
	if err := first(enter(ctx, d, entry(1, storage.Erased, kitchen), entry(2, storage.Erased, theirs), entry(3, storage.Held, theirs), entry(4, storage.Pruned, kitchen)),
		open(ctx, d, "[]", "[1 2 4]")); err != nil {
		return err
	}
	for name, e := range map[string]storage.LedgerEntry{"nothing": ends(5, storage.Gone, 77), "another tenant's": ends(5, storage.Gone, 2)} {
		_, err := d.Enter(ctx, e)
		if err := is(err, chat.ErrNotFound, "about"); err != nil {
			return fmt.Errorf("%s is gone: %w", name, err)
		}
	}
	held := entry(5, storage.Gone, theirs)
	held.About = 3
	_, notTaken := d.Enter(ctx, held)
	gone := ends(5, storage.Gone, 1)
	gone.At = epoch.Add(time.Hour)
	got, err := d.Enter(ctx, gone)
	_, twice := d.Enter(ctx, ends(6, storage.Gone, 1))
	if err := first(is(notTaken, chat.ErrNotFound, "about"), err, want("when it was gone", got.At, gone.At), want("of what", got.Of, kitchen),
		is(twice, chat.ErrConflict, "about"), open(ctx, d, "[]", "[2 4]"), enter(ctx, d, ends(7, storage.Gone, 4)), open(ctx, d, "[]", "[2]")); err != nil {
		return err
	}
	paged, err := seqs(d.Owed(ctx, 2, 10))
	return first(err, want("owed behind the last", paged, "[]"), badLimits(func(limit int) error { _, err := d.Owed(ctx, 0, limit); return err }))
}

func ledgerRace(ctx context.Context, d storage.Directory) error {
	for round := range 20 {
		of := storage.Subject{Tenant: "acme", Room: fmt.Sprint("r", round)}
		entered := make([]storage.LedgerEntry, 8)
		errs := atOnce(len(entered), func(i int) (err error) {
			act := storage.Erased
			if i == 4 {
				act = storage.Held
			}
			entered[i], err = d.Enter(ctx, entry(100*round+i, act, of))
			return err
		})
		won, err := winners(errs, chat.ErrForbidden, "hold")
		if err != nil {
			return err
		}
		if !slices.Contains(won, 4) {
			return errors.New("a hold was refused")
		}
		for i, e := range entered {
			if stopped := errs[i] != nil; i != 4 && !stopped && e.Seq > entered[4].Seq {
				return fmt.Errorf("erasure %d stands behind hold %d", e.Seq, entered[4].Seq)
			}
		}
	}
	all, err := d.Since(ctx, 0, chat.MaxBatch)
	for i, e := range all {
		if e.Seq != int64(i+1) {
			return fmt.Errorf("entry %d has Seq %d", i+1, e.Seq)
		}
	}
	return err
}

func ledgerPlace(ctx context.Context, d storage.Directory) error {
	at := func(n int, seq int64) storage.LedgerEntry {
		e := entry(n, storage.Held, storage.Subject{Tenant: "acme"})
		e.Seq = seq
		return e
	}
	enterAt := func(n int, seq int64) error { _, err := d.Enter(ctx, at(n, seq)); return err }
	if err := first(is(enterAt(1, 2), chat.ErrConflict, "seq"), enterAt(1, 1), is(enterAt(2, 1), chat.ErrConflict, "seq"),
		is(enterAt(2, 3), chat.ErrConflict, "seq"), enterAt(2, 2), enterAt(1, 1), enterAt(3, 0)); err != nil {
		return err
	}
	all, err := d.Since(ctx, 0, 10)
	if err := first(err, want("entries", len(all), 3)); err != nil {
		return err
	}
	for _, e := range all { // replayed where it is already
		got, err := d.Enter(ctx, e)
		if err := first(err, same("the entry", got, e)); err != nil {
			return err
		}
	}
	now, err := d.Since(ctx, 0, 10)
	return first(err, same("the ledger", now, all))
}

func ledgerInvalid(ctx context.Context, d storage.Directory) error {
	of := storage.Subject{Tenant: "acme", Room: "kitchen"}
	for _, c := range []struct {
		field string
		kind  error
		act   storage.Act
		spoil func(*storage.LedgerEntry)
	}{
		{"tenant", chat.ErrInvalid, storage.Erased, func(e *storage.LedgerEntry) { e.Of.Tenant = "" }},
		{"of.room", chat.ErrInvalid, storage.Erased, func(e *storage.LedgerEntry) { e.Of.Room = "a b" }},
		{"of.user", chat.ErrInvalid, storage.Erased, func(e *storage.LedgerEntry) { e.Of.User = "a b" }},
		{"of.room", chat.ErrInvalid, storage.Erased, func(e *storage.LedgerEntry) { e.Of = storage.Subject{Tenant: "acme", Event: entryID(1)} }},
		{"of.event", chat.ErrInvalid, storage.Held, func(e *storage.LedgerEntry) { e.Of.Event = entryID(1) }},
		{"of.user", chat.ErrInvalid, storage.Pruned, func(e *storage.LedgerEntry) { e.Of.User = "ann" }},
		{"of.event", chat.ErrInvalid, storage.Pruned, func(e *storage.LedgerEntry) { e.Of.Event = entryID(1) }},
		{"before", chat.ErrInvalid, storage.Pruned, func(e *storage.LedgerEntry) { e.Before = time.Time{} }},
		{"before", chat.ErrInvalid, storage.Erased, func(e *storage.LedgerEntry) { e.Before = epoch }},
		{"about", chat.ErrInvalid, storage.Erased, func(e *storage.LedgerEntry) { e.About = 1 }},
		{"about", chat.ErrInvalid, storage.Gone, func(e *storage.LedgerEntry) {}},
		{"about", chat.ErrInvalid, storage.Released, func(e *storage.LedgerEntry) { e.About = -1 }},
		{"act", chat.ErrInvalid, 0, func(e *storage.LedgerEntry) {}},
		{"act", chat.ErrInvalid, storage.Released + 1, func(e *storage.LedgerEntry) {}},
		{"id", chat.ErrInvalid, storage.Held, func(e *storage.LedgerEntry) { e.ID = chat.EventID{} }},
		{"seq", chat.ErrInvalid, storage.Held, func(e *storage.LedgerEntry) { e.Seq = -1 }},
		{"at", chat.ErrInvalid, storage.Held, func(e *storage.LedgerEntry) { e.At = time.Time{} }},
		{"by", chat.ErrInvalid, storage.Held, func(e *storage.LedgerEntry) { e.By = "a\nb" }},
		{"by", chat.ErrTooLarge, storage.Held, func(e *storage.LedgerEntry) { e.By = strings.Repeat("x", chat.MaxName+1) }},
		{"why", chat.ErrInvalid, storage.Held, func(e *storage.LedgerEntry) { e.Why = "a\x00b" }},
		{"why", chat.ErrTooLarge, storage.Held, func(e *storage.LedgerEntry) { e.Why = strings.Repeat("x", chat.MaxReason+1) }},
	} {
		e := entry(1, c.act, of)
		c.spoil(&e)
		_, err := d.Enter(ctx, e)
		if err := is(err, c.kind, c.field); err != nil {
			return fmt.Errorf("%v: %w", c.act, err)
		}
	}
	all, err := d.Since(ctx, 0, 10)
	return first(err, want("entries", len(all), 0), open(ctx, d, "[]", "[]"))
}
