package hub

import (
	"context"
	"errors"

	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/storage"
)

// Page is a part of a room as one user sees it. It is complete: whatever the
// user may see between its first and its last item is in it. A page that can't be
// proven complete is [chat.ErrIncomplete] instead.
type Page struct {
	Messages []chat.Message // of a range of texts, in rising Seq
	Events   []chat.Event   // of a range of all events; texts that are gone are tombstones

	Older, Newer bool // whether the user may read more before and after

	// First is set where Older is false: the oldest Seq that the user may read,
	// which is above 1 where the room was pruned or he came later.
	First chat.Seq
	// Head is the last Seq that the page knows of.
	Head chat.Seq
}

// Page reads a part of the room, texts with their changes folded in, or with
// [chat.Range.All] the events of every kind. The limit is at most that of the
// hub ([Limits]). It never waits: what was placed a moment ago is in it, though
// the archive doesn't have it yet.
func (r Room) Page(ctx context.Context, w chat.Range) (Page, error) {
	const op = "page"
	leave, err := r.h.gate.enter(ctx, op)
	if err != nil {
		return Page{}, err
	}
	defer leave()
	if err := w.Check(op, r.h.limits.Page); err != nil {
		return Page{}, err
	}
	m, err := r.reader(ctx, op)
	if err != nil {
		return Page{}, err
	}
	raw, err := r.h.read(ctx, r.id, w)
	if err != nil {
		return Page{}, err
	}
	return show(raw, w, m.From), nil
}

// show makes what a user sees out of what was read. Positions that were left out are shown also
// where they begin before what he may read: or else he would not know what lies between.
func show(raw storage.Page, w chat.Range, from chat.Seq) Page {
	p := Page{Head: raw.Head, Older: raw.Older, Newer: raw.Newer}
	events := raw.Events
	for len(events) > 0 && events[0].Last() < from {
		events, p.Older = events[1:], false
	}
	if len(events) > 0 && events[0].Seq <= from {
		p.Older = false
	}
	if !p.Older {
		p.First = max(raw.First, from)
	}
	if w.CountsAll() {
		p.Events = hideGone(events, raw.Changes)
	} else {
		p.Messages = chat.Fold(events, raw.Changes)
	}
	return p
}

// hideGone empties the texts that are gone, and the edits of such texts.
func hideGone(events, changes []chat.Event) []chat.Event {
	texts := map[chat.EventID]*chat.Event{}
	for i := range events {
		if events[i].IsText() {
			texts[events[i].ID] = &events[i]
		}
	}
	gone := map[chat.EventID]bool{}
	for i := range changes {
		c := &changes[i]
		switch x := c.Content.(type) {
		case *chat.Retract:
			// The text of a change may lie outside of the page; the hub places only
			// retractions that hold, so the event alone says enough.
			t := texts[c.Target]
			gone[c.Target] = gone[c.Target] || x.ByModerator || t == nil || t.Sender == c.Sender
		case *chat.Erase:
			gone[c.Target] = true
		}
	}
	shown := make([]chat.Event, len(events))
	for i, e := range events {
		switch e.Content.(type) {
		case *chat.Text, *chat.Edit:
			if gone[e.Subject()] {
				e = tombstone(e)
			}
		}
		shown[i] = e
	}
	return shown
}

// tombstone is e without what it said.
func tombstone(e chat.Event) chat.Event {
	return chat.Event{ID: e.ID, Room: e.Room, Seq: e.Seq, TextSeq: e.TextSeq, At: e.At,
		Sender: e.Sender, Target: e.Target, Content: &chat.Tombstone{Was: e.Kind()}}
}

// read joins head and archive. The head alone is enough where the range lies in
// it; else the archive is read, and what the head has beyond it is joined by Seq
// and proven by [chat.CheckDense].
func (h *Hub) read(ctx context.Context, room chat.RoomID, w chat.Range) (storage.Page, error) {
	if w.Anchor() != chat.AnchorLatest {
		if page, whole, err := h.fromArchive(ctx, room, w); whole || err != nil {
			return page, err
		}
	}
	head, err := h.set.Broker.Recent(ctx, room, chat.Latest(chat.MaxBatch).All())
	if err != nil {
		return storage.Page{}, err
	}
	recent, ok := fromHead(head, w)
	if ok && !(w.CountsAll() && editsOlder(recent.Events, head.Events)) {
		return recent, prove(recent, w)
	}
	page, err := h.set.History.Page(ctx, room, w)
	if ok && errors.Is(err, chat.ErrUnavailable) {
		return recent, prove(recent, w)
	}
	if err != nil {
		return storage.Page{}, err
	}
	tail, err := h.beyond(ctx, room, page.Head, head)
	if err != nil {
		return storage.Page{}, err
	}
	page = join(page, tail, w)
	return page, prove(page, w)
}

// fromArchive serves a range from the archive alone, where that shows all that was placed.
func (h *Hub) fromArchive(ctx context.Context, room chat.RoomID, w chat.Range) (page storage.Page, whole bool, err error) {
	head, err := h.set.Broker.Recent(ctx, room, chat.Latest(1).All())
	if err != nil || head.Last == 0 || head.Archived < head.Last {
		return storage.Page{}, false, err
	}
	page, err = h.set.History.Page(ctx, room, w)
	if err != nil || page.Head < head.Last {
		return storage.Page{}, false, nil // the head may do
	}
	return page, true, prove(page, w)
}

// fromHead serves a range from the head alone, where the head surely holds all of
// it.
func fromHead(head chat.Head, w chat.Range) (storage.Page, bool) {
	if len(head.Events) == 0 {
		return storage.Page{}, false
	}
	items, older, newer := w.Cut(head.Events)
	// Where the range left an older item out, it starts inside the head.
	if !older && head.Events[0].Seq > 1 {
		return storage.Page{}, false
	}
	return storage.Page{Events: items, Changes: changesOf(items, head.Events),
		First: 1, Head: head.Last, Older: older, Newer: newer}, true
}

// beyond is what the head holds above the archive's last event.
func (h *Hub) beyond(ctx context.Context, room chat.RoomID, archived chat.Seq, head chat.Head) ([]chat.Event, error) {
	events := head.Events
	for i := range events {
		if events[i].Seq > archived {
			if i > 0 || events[i].Seq == archived+1 {
				return events[i:], nil
			}
			break
		}
	}
	if head.Last <= archived {
		return nil, nil
	}
	// More is unarchived than one read brings.
	var tail []chat.Event
	for after := archived; after < head.Last; {
		next, err := h.set.Broker.Recent(ctx, room, chat.After(after, chat.MaxBatch).All())
		if err != nil {
			return nil, err
		}
		if len(next.Events) == 0 {
			return nil, &chat.Error{Kind: chat.ErrIncomplete, Op: "page", Field: "head"}
		}
		tail = append(tail, next.Events...)
		after = tail[len(tail)-1].Last()
	}
	return tail, nil
}

// join continues an archive's page with the events that follow its head.
func join(page storage.Page, tail []chat.Event, w chat.Range) storage.Page {
	if len(tail) == 0 {
		return page
	}
	all := append(page.Events[:len(page.Events):len(page.Events)], tail...)
	if page.Newer {
		// The archive has more before the tail begins, so none of it is an item.
		all = page.Events
	}
	items, older, newer := w.Cut(all)
	page.Events = items
	page.Changes = mergeChanges(page.Changes, changesOf(items, tail))
	page.Older = page.Older || older
	page.Newer = page.Newer || newer
	page.Head = tail[len(tail)-1].Last()
	if page.First == 0 {
		page.First = tail[0].Seq
	}
	return page
}

// changesOf are those of events that change a text which items are about.
func changesOf(items, events []chat.Event) []chat.Event {
	subjects := subjectsOf(items)
	var changes []chat.Event
	for i := range events {
		if events[i].Changes() && subjects[events[i].Target] {
			changes = append(changes, events[i])
		}
	}
	return changes
}

// subjectsOf are the texts that events are about.
func subjectsOf(events []chat.Event) map[chat.EventID]bool {
	subjects := make(map[chat.EventID]bool, len(events))
	for i := range events {
		if s := events[i].Subject(); !s.IsZero() {
			subjects[s] = true
		}
	}
	return subjects
}

// prove refuses a page that misses something.
func prove(p storage.Page, w chat.Range) error {
	if err := chat.CheckDense(p.Events, w.CountsAll()); err != nil {
		var e *chat.Error
		if errors.As(err, &e) {
			e.Op = "page"
		}
		return err
	}
	return nil
}
