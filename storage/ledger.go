package storage

import (
	"context"
	"fmt"
	"time"

	"github.com/parlor-chat/parlor/chat"
)

// Ledger is what must be known of data that is gone, or must not go: erasures, prunings
// and holds, in one order, for all tenants. Entries are never changed or removed. Since
// the order decides, an erasure is entered before it is done: it is stopped by a hold
// that stands before it, and not by one that comes after it.
//
// A backup knows nothing of what was erased since. So after a restore the entries of the
// ledger that was in use are entered into the restored one in their order, each with its
// Seq, which brings every one into its place; then what was erased or pruned is again.
type Ledger interface {
	// Enter appends an entry and returns it as it is kept: with the next Seq, dense from
	// 1; where e.Seq isn't 0 it must be the next, else ErrConflict with field "seq". It
	// is durable then.
	//
	// The same entry again (same ID, all else but Seq the same) changes nothing and
	// returns what is kept; another one under the ID is ErrConflict with field "id".
	//
	// ErrForbidden with field "hold": e erases or prunes what is held
	// ([Subject.Overlaps]); the error names the oldest such hold. ErrNotFound with field
	// "about": e is about no entry of its tenant that it could end
	// ([LedgerEntry.Ends]); ErrConflict: that has ended already.
	Enter(ctx context.Context, e LedgerEntry) (LedgerEntry, error)
	// Since lists the entries of all tenants behind a Seq, in order.
	Since(ctx context.Context, after int64, limit int) ([]LedgerEntry, error)
	// Holds lists a tenant's holds that weren't released, behind a Seq, in order.
	Holds(ctx context.Context, tenant string, after int64, limit int) ([]LedgerEntry, error)
	// Owed lists the erasures and prunings of all tenants of which bytes aren't gone yet,
	// behind a Seq, in order.
	Owed(ctx context.Context, after int64, limit int) ([]LedgerEntry, error)
}

// Act is what an entry of the ledger says.
type Act uint8

// The acts, as stored; the numbers never change.
const (
	Erased   Act = iota + 1 // this is to be erased; readers get it no more
	Pruned                  // what is older than Before is to be forgotten
	Gone                    // the bytes that an Erased or a Pruned is about are gone
	Held                    // this may be neither erased nor pruned
	Released                // a Held ends
)

var acts = [...]string{"", "erased", "pruned", "gone", "held", "released"}

func (a Act) String() string {
	if int(a) < len(acts) {
		return acts[a]
	}
	return "unknown"
}

// LedgerEntry is an entry of the ledger.
type LedgerEntry struct {
	Seq int64        // set by the ledger
	ID  chat.EventID // of the entry: what is entered under one ID is entered once
	Act Act
	// Of is what it is about. Of a Gone or a Released it is that of the entry About,
	// and filled in where only the tenant is given.
	Of     Subject
	Before time.Time // of a Pruned: what is older; else zero
	About  int64     // of a Gone or a Released: the Seq of what ends; else 0

	At  time.Time // when it was asked for; of a Gone, when it was
	By  string    // who did it, in the host's words; empty: the program itself
	Why string    // may be empty
}

// Subject is what an entry is about: all that lies where each part that is named says. A
// tenant alone is all that it has; a room and a user, what he said there.
type Subject struct {
	Tenant string
	Room   string       // a key; empty: any
	User   string       // the key of who said it; empty: anybody
	Event  chat.EventID // a text of the room, with its changes; zero: any
}

func (s Subject) String() string {
	text := s.Tenant
	if s.Room != "" {
		text += " room " + s.Room
	}
	if s.User != "" {
		text += " user " + s.User
	}
	if !s.Event.IsZero() {
		text += " event " + s.Event.String()
	}
	return text
}

// Overlaps says whether something may be of both subjects: their tenants are the same,
// and no other part is named by both and differs. What one said may lie in any room, and
// in a room anybody may have said something: to be sure, such subjects overlap.
func (s Subject) Overlaps(o Subject) bool {
	return s.Tenant == o.Tenant && (s.Room == o.Room || s.Room == "" || o.Room == "") &&
		(s.User == o.User || s.User == "" || o.User == "") && (s.Event == o.Event || s.Event.IsZero() || o.Event.IsZero())
}

// Check says whether a subject names something.
func (s Subject) Check(op string) error {
	if err := (Span{s.Tenant, s.Room}).check(op, "of"); err != nil {
		return err
	}
	if s.User != "" {
		if err := chat.CheckKey(op, "of.user", s.User); err != nil {
			return err
		}
	}
	if !s.Event.IsZero() && s.Room == "" {
		return invalid(op, "of.room")
	}
	return nil
}

// Check says whether an entry may be entered, as far as it shows by itself.
func (e LedgerEntry) Check(op string) error {
	if err := e.Of.Check(op); err != nil {
		return err
	}
	if err := chat.CheckName(op, "by", e.By); err != nil {
		return err
	}
	if err := chat.CheckReason(op, "why", e.Why); err != nil {
		return err
	}
	ends := e.Act == Gone || e.Act == Released
	switch {
	case e.Seq < 0:
		return invalid(op, "seq")
	case e.ID.IsZero():
		return invalid(op, "id")
	case e.Act < Erased || e.Act > Released:
		return invalid(op, "act")
	case e.Act == Pruned && e.Of.User != "":
		return invalid(op, "of.user")
	case (e.Act == Pruned || e.Act == Held) && !e.Of.Event.IsZero():
		return invalid(op, "of.event")
	case (e.Act == Pruned) == e.Before.IsZero():
		return invalid(op, "before")
	case ends == (e.About == 0) || e.About < 0:
		return invalid(op, "about")
	}
	if err := checkTimes(op, moment{"before", e.Before}); err != nil {
		return err
	}
	return CheckMoment(op, e.At)
}

// Place is what a ledger does first with an entry: last is the last Seq that it has, about
// the entry of Seq e.About, and same the one of ID e.ID, each zero where there is none. It
// gives the entry as it is kept, and whether it is there already; or Enter's ErrConflict.
// Whether it may be entered at all, [LedgerEntry.Ends] and [LedgerEntry.Stopped] say.
func (e LedgerEntry) Place(op string, last int64, about, same LedgerEntry) (kept LedgerEntry, there bool, err error) {
	kept = e
	kept.At, kept.Before = chat.Time(e.At), chat.Time(e.Before)
	if e.Of == (Subject{Tenant: about.Of.Tenant}) {
		kept.Of = about.Of
	}
	if same.Seq != 0 {
		if kept.Seq = same.Seq; kept != same {
			return LedgerEntry{}, false, &chat.Error{Kind: chat.ErrConflict, Op: op, Field: "id"}
		}
		return same, true, nil
	}
	if kept.Seq = last + 1; e.Seq != 0 && e.Seq != kept.Seq {
		return LedgerEntry{}, false, &chat.Error{Kind: chat.ErrConflict, Op: op, Field: "seq"}
	}
	return kept, false, nil
}

// Ends says whether e, a Gone or a Released, ends another entry: that is of the same
// subject, and an Erased or a Pruned, or a Held.
func (e LedgerEntry) Ends(other LedgerEntry) bool {
	if e.About == 0 || e.About != other.Seq || e.Of != other.Of {
		return false
	}
	return e.Act == Gone && other.Act.takes() || e.Act == Released && other.Act == Held
}

// Stopped says whether a hold stops e: nil, or the error of [Ledger].Enter.
func (e LedgerEntry) Stopped(op string, hold LedgerEntry) error {
	if !e.Act.takes() || hold.Act != Held || !e.Of.Overlaps(hold.Of) {
		return nil
	}
	return &chat.Error{Kind: chat.ErrForbidden, Op: op, Field: "hold", Err: fmt.Errorf("hold %d of %s", hold.Seq, hold.Of)}
}

// takes says whether an act takes data away.
func (a Act) takes() bool { return a == Erased || a == Pruned }
