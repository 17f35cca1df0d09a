package hub

import (
	"context"
	"errors"
	"slices"

	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/storage"
)

// emptied is events as the archive is to have them: an edit that was placed behind the erasure
// of its text, as one that was pending meanwhile, is a tombstone. If one of the events is an
// erasure, it is the first ([untilErase]).
func (h *Hub) emptied(ctx context.Context, events []chat.Event) ([]chat.Event, error) {
	erased := map[chat.EventID]bool{}
	var texts []storage.Ref
	for i := range events {
		switch e := &events[i]; e.Kind() {
		case chat.KindErase:
			erased[e.Target] = true
		case chat.KindEdit:
			texts = append(texts, storage.Ref{Room: e.Room, ID: e.Target})
		}
	}
	if len(texts) == 0 {
		return events, nil
	}
	page, err := h.set.History.Lookup(ctx, texts)
	if err != nil {
		return nil, err
	}
	for i := range page.Changes {
		if c := &page.Changes[i]; c.Kind() == chat.KindErase {
			erased[c.Target] = true
		}
	}
	events = slices.Clone(events)
	var at []chat.Position
	for i, e := range events {
		if e.Kind() == chat.KindEdit && erased[e.Target] {
			events[i] = tombstone(e)
			at = append(at, e.Position())
		}
	}
	if len(at) == 0 {
		return events, nil
	}
	// An archive that is the broker, too, has them already; another has none.
	err = h.set.History.Erase(ctx, at)
	var missing *chat.BatchError
	if !errors.As(err, &missing) {
		return events, err
	}
	for _, why := range missing.Items {
		if !errors.Is(why, chat.ErrNotFound) {
			return nil, err
		}
	}
	return events, nil
}

// editsOlder says whether one of some events, which the head has, edits a text that it hasn't:
// whether that was erased the archive knows.
func editsOlder(events, head []chat.Event) bool {
	return slices.ContainsFunc(events, func(e chat.Event) bool {
		return e.Kind() == chat.KindEdit && !slices.ContainsFunc(head, func(t chat.Event) bool { return t.ID == e.Target })
	})
}
