package storagetest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/storage"
)

var scanCases = []HistoryCase{
	{Name: "a scan goes through everything in order", Why: "copies, exports and rebuilt indexes read by it", Run: atHistory(scanOrder)},
	{Name: "a scan resumes from each cursor", Why: "a long copy is interrupted, and goes on", Run: scanResumes},
	{Name: "a scan sees what is appended ahead", Why: "a copy catches up with a live archive", Run: atHistory(scanAhead)},
	{Name: "a scan refuses a foreign cursor", Why: "a wrong cursor must not skip anything", Run: atHistory(scanCursor)},
}

// scanned reads a scan to its end.
func scanned(ctx context.Context, h storage.History, span storage.Span, after storage.Cursor) ([]storage.Entry, error) {
	var all []storage.Entry
	for e, err := range h.Scan(ctx, span, after) {
		if err != nil {
			return all, err
		}
		all = append(all, e)
	}
	return all, nil
}

func eventsOf(entries []storage.Entry) []chat.Event {
	events := make([]chat.Event, len(entries))
	for i := range entries {
		events[i] = entries[i].Event
	}
	return events
}

// spread appends logs of several rooms and returns them in the order of a scan.
func spread(ctx context.Context, h storage.History) ([]chat.Event, error) {
	var all []chat.Event
	for _, key := range []string{"Z", "a", "a b", "b", "~"} { // bytewise
		events := mixed(chat.RoomID{Tenant: "acme", Key: key}, 700)
		if err := put(ctx, h, events); err != nil {
			return nil, err
		}
		all = append(all, events...)
	}
	return all, put(ctx, h, mixed(chat.RoomID{Tenant: "other", Key: "a"}, 10))
}

func scanOrder(ctx context.Context, h storage.History) error {
	all, err := spread(ctx, h)
	if err != nil {
		return err
	}
	got, err := scanned(ctx, h, storage.Span{Tenant: "acme"}, "")
	if err := first(err, sameEvents("the tenant", eventsOf(got), all)); err != nil {
		return err
	}
	got, err = scanned(ctx, h, storage.Span{Tenant: "acme", Room: "a b"}, "")
	if err := first(err, sameEvents("a room", eventsOf(got), all[1400:2100])); err != nil {
		return err
	}
	got, err = scanned(ctx, h, storage.Span{Tenant: "nobody"}, "")
	if err := first(err, want("of an unknown tenant", len(got), 0)); err != nil {
		return err
	}
	n := 0
	for range h.Scan(ctx, storage.Span{Tenant: "acme"}, "") { // stopped early
		if n++; n == 5 {
			break
		}
	}
	return h.Append(ctx, ofTexts(kitchen, 1)) // nothing is held
}

func scanResumes(ctx context.Context, s *HistorySite) error {
	span := storage.Span{Tenant: "acme"}
	var all []storage.Entry
	if err := atHistory(func(ctx context.Context, h storage.History) error {
		if _, err := spread(ctx, h); err != nil {
			return err
		}
		var err error
		all, err = scanned(ctx, h, span, "")
		return err
	})(ctx, s); err != nil {
		return err
	}
	return atHistory(func(ctx context.Context, h storage.History) error {
		for i := 0; i < len(all); i += 97 {
			n := 0
			for e, err := range h.Scan(ctx, span, all[i].Cursor) {
				if err != nil {
					return err
				}
				if next := all[i+1+n].Event; e.Event.ID != next.ID {
					return fmt.Errorf("behind entry %d comes %v, want %v", i+n, e.Event.Position(), next.Position())
				}
				if n++; n == 20 {
					break
				}
			}
			if err := want("entries behind a cursor", n, min(20, len(all)-i-1)); err != nil {
				return err
			}
		}
		rest, err := scanned(ctx, h, span, all[len(all)-1].Cursor)
		return first(err, want("entries behind the last", len(rest), 0))
	})(ctx, s)
}

func scanAhead(ctx context.Context, h storage.History) error {
	events := ofTexts(lobby, 2000)
	if err := first(put(ctx, h, ofTexts(kitchen, 10)), put(ctx, h, events[:1000])); err != nil {
		return err
	}
	n := 0
	for e, err := range h.Scan(ctx, storage.Span{Tenant: "acme"}, "") {
		if err != nil {
			return err
		}
		if e.Event.Room == kitchen && e.Event.Seq == 10 {
			if err := put(ctx, h, events[1000:]); err != nil {
				return err
			}
		}
		n++
	}
	return want("the number of entries", n, 2010)
}

func scanCursor(ctx context.Context, h storage.History) error {
	if err := h.Append(ctx, ofTexts(kitchen, 3)); err != nil {
		return err
	}
	for _, cursor := range []storage.Cursor{"x", "1", "\x00", "-1 kitchen"} {
		if got, err := scanned(ctx, h, storage.Span{Tenant: "acme"}, cursor); !errors.Is(err, chat.ErrInvalid) || len(got) > 0 {
			return fmt.Errorf("cursor %q: %d entries, %v; want %v", cursor, len(got), err, chat.ErrInvalid)
		}
	}
	return nil
}

var eraseCases = []HistoryCase{
	{Name: "erasing leaves a tombstone and nothing else", Why: "what was erased must be gone, and nobody's numbers change", Run: atHistory(erase)},
	{Name: "what was erased doesn't come back", Why: "a follower that starts over appends the original again", Run: eraseStays},
	{Name: "erasing what isn't there is named", Why: "an erasure that did nothing must not look done", Run: atHistory(eraseMissing)},
}

func erase(ctx context.Context, h storage.History) error {
	l := roomLog{room: kitchen}
	id := l.text("secret one").ID
	edit := l.add(&chat.Edit{New: chat.Text{Body: "secret two"}}, id)
	edit.ClientID, edit.Origin = "secret", &chat.Origin{Source: "secret", At: epoch}
	edit.Extensions = []chat.Extension{{Name: "secret", Raw: []byte("secret")}}
	l.text("kept")
	at := []chat.Position{l.events[0].Position(), l.events[1].Position()}
	if err := first(h.Append(ctx, l.events), h.Erase(ctx, at), h.Erase(ctx, at)); err != nil {
		return err
	}
	empty := func(e chat.Event) chat.Event {
		return chat.Event{ID: e.ID, Room: e.Room, Seq: e.Seq, TextSeq: e.TextSeq, At: e.At, Sender: e.Sender, Target: e.Target,
			Content: &chat.Tombstone{Was: e.Kind()}}
	}
	left := []chat.Event{empty(l.events[0]), empty(l.events[1]), l.events[2]}
	got, p, err := whole(ctx, h, kitchen)
	if err := first(err, sameEvents("the room", got, left), want("head", p.Head, 3)); err != nil {
		return err
	}
	p, err = h.Page(ctx, kitchen, chat.Latest(5))
	if err := first(err, sameEvents("texts", p.Events, []chat.Event{left[0], left[2]}), chat.CheckDense(p.Events, false)); err != nil {
		return err
	}
	found, err := h.Lookup(ctx, []storage.Ref{{Room: kitchen, ID: id}})
	if err := first(err, sameEvents("looked up", found.Events, left[:1])); err != nil {
		return err
	}
	for _, c := range slices.Concat(p.Changes, found.Changes) {
		if c.Kind() == chat.KindEdit {
			return fmt.Errorf("an erased edit is still told: %+v", c)
		}
	}
	entries, err := scanned(ctx, h, storage.Span{Tenant: "acme"}, "")
	return first(err, sameEvents("scanned", eventsOf(entries), left))
}

func eraseStays(ctx context.Context, s *HistorySite) error {
	events := mixed(kitchen, 20)
	if err := atHistory(func(ctx context.Context, h storage.History) error {
		return first(h.Append(ctx, events), h.Erase(ctx, []chat.Position{events[0].Position()}))
	})(ctx, s); err != nil {
		return err
	}
	return atHistory(func(ctx context.Context, h storage.History) error {
		for range 2 {
			got, _, err := whole(ctx, h, kitchen)
			if err := first(err, want("what lies there", got[0].Kind(), chat.KindTombstone), sameEvents("the rest", got[1:], events[1:])); err != nil {
				return err
			}
			if err := h.Append(ctx, events); err != nil { // again
				return err
			}
		}
		return nil
	})(ctx, s)
}

func eraseMissing(ctx context.Context, h storage.History) error {
	events := ofTexts(kitchen, 3)
	if err := h.Append(ctx, events); err != nil {
		return err
	}
	err := h.Erase(ctx, []chat.Position{events[0].Position(), {Room: lobby, Seq: 1}, events[2].Position()})
	if err := failedAt(err, 1, chat.ErrNotFound); err != nil {
		return err
	}
	if err := failedAt(h.Erase(ctx, []chat.Position{{Room: kitchen, Seq: 4}}), 0, chat.ErrNotFound); err != nil {
		return err
	}
	got, _, err := whole(ctx, h, kitchen)
	for i, kind := range []chat.Kind{chat.KindTombstone, chat.KindText, chat.KindTombstone} {
		err = first(err, want("what lies there", got[i].Kind(), kind))
	}
	many := make([]chat.Position, chat.MaxBatch+1)
	if lerr := h.Erase(ctx, many); !errors.Is(lerr, chat.ErrTooLarge) {
		return fmt.Errorf("too many: %v, want %v", lerr, chat.ErrTooLarge)
	}
	return err
}

var pruneCases = []HistoryCase{
	{Name: "pruning forgets the oldest, and says so", Why: "pruned isn't a hole", Run: pruning(pruned)},
	{Name: "pruning keeps to its span", Why: "one room's retention is not another's", Run: pruning(prunedSpan)},
	{Name: "a room pruned whole goes on", Why: "a quiet room must not start over", Run: pruning(prunedWhole)},
	{Name: "without a pruner it is unsupported", Why: "nothing silently differs", Run: notPruning},
}

// pruning runs a case at an archive that can prune; one that says it can't has
// nothing to prove here.
func pruning(run func(ctx context.Context, h storage.History) error) func(context.Context, *HistorySite) error {
	return func(ctx context.Context, s *HistorySite) error {
		if slices.Contains(s.Without, "Pruner") {
			return nil
		}
		return atHistory(run)(ctx, s)
	}
}

func notPruning(ctx context.Context, s *HistorySite) error {
	if !slices.Contains(s.Without, "Pruner") {
		return nil
	}
	return atHistory(func(ctx context.Context, h storage.History) error {
		if err := storage.Prune(ctx, h, storage.Span{Tenant: "acme"}, epoch); !errors.Is(err, errors.ErrUnsupported) {
			return fmt.Errorf("%v, want %v", err, errors.ErrUnsupported)
		}
		return nil
	})(ctx, s)
}

func pruned(ctx context.Context, h storage.History) error {
	events := mixed(kitchen, 100)
	if err := first(h.Append(ctx, events), storage.Prune(ctx, h, storage.Span{Tenant: "acme"}, events[40].At)); err != nil {
		return err
	}
	got, p, err := whole(ctx, h, kitchen)
	if err := first(err, sameEvents("what is left", got, events[40:]), want("first", p.First, 41), want("head", p.Head, 100)); err != nil {
		return err
	}
	for _, w := range []chat.Range{chat.Latest(storage.MaxPage).All(), chat.Before(60, 100), chat.After(0, 5).All(), chat.After(0, 5), chat.Around(41, 10).All()} {
		p, err := h.Page(ctx, kitchen, w)
		if err := first(err, want("older", p.Older, false), want("first", p.First, 41)); err != nil {
			return fmt.Errorf("%+v: %w", w, err)
		}
	}
	found, err := h.Lookup(ctx, []storage.Ref{{Room: kitchen, Seq: 40}, {Room: kitchen, ID: events[0].ID}, {Room: kitchen, Seq: 41}})
	if err := first(err, sameEvents("found", found.Events, events[40:41])); err != nil {
		return err
	}
	if err := failedAt(h.Append(ctx, events[39:41]), 0, chat.ErrConflict); err != nil {
		return fmt.Errorf("what was pruned comes back: %w", err)
	}
	return storage.Prune(ctx, h, storage.Span{Tenant: "acme"}, events[10].At) // earlier: nothing more
}

func prunedSpan(ctx context.Context, h storage.History) error {
	other := chat.RoomID{Tenant: "other", Key: kitchen.Key}
	for _, room := range []chat.RoomID{kitchen, lobby, other} {
		if err := h.Append(ctx, ofTexts(room, 10)); err != nil {
			return err
		}
	}
	if err := storage.Prune(ctx, h, storage.Span{Tenant: "acme", Room: kitchen.Key}, epoch.Add(5*time.Second)); err != nil {
		return err
	}
	for room, from := range map[chat.RoomID]chat.Seq{kitchen: 6, lobby: 1, other: 1} {
		_, p, err := whole(ctx, h, room)
		if err := first(err, want("first of "+room.String(), p.First, from)); err != nil {
			return err
		}
	}
	return nil
}

func prunedWhole(ctx context.Context, h storage.History) error {
	events := ofTexts(kitchen, 11)
	if err := first(h.Append(ctx, events[:10]), storage.Prune(ctx, h, storage.Span{Tenant: "acme"}, epoch.Add(time.Hour))); err != nil {
		return err
	}
	got, p, err := whole(ctx, h, kitchen)
	if err := first(err, want("events left", len(got), 0), want("first", p.First, 11), want("head", p.Head, 10)); err != nil {
		return err
	}
	if err := h.Append(ctx, events[10:]); err != nil {
		return err
	}
	got, p, err = whole(ctx, h, kitchen)
	return first(err, sameEvents("all", got, events[10:]), want("first", p.First, 11), want("head", p.Head, 11))
}
