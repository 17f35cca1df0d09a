package hub

import (
	"context"

	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/storage"
)

// Erasure says what an erasure of many texts did.
type Erasure struct {
	Entry storage.LedgerEntry // in the directory's ledger
	Rooms int                 // in which there was something
	Texts int                 // that were erased by this call
}

// EraseAll erases, as [Admin.Erase] does, each text that a subject names, with its edits: all
// that somebody said, in a room or anywhere, or all that was said in a room, or in a tenant.
// What stays is that there was a text, when, and by whose key; reactions, topics and
// memberships; and the references to it in personal logs, which say where it was. It reads the
// whole archive of the subject's room, or tenant.
//
// It is entered into the ledger as one entry before it is done, and refused by a hold as a
// single erasure is: then nothing is erased. When it returns, no reader, page or search shows
// any of it; what is said while it runs may stay, so whoever is erased is deactivated first.
// Where it breaks off, or for what came since, it is asked for again; what is erased already
// isn't counted then.
func (a Admin) EraseAll(ctx context.Context, of storage.Subject, why string) (Erasure, error) {
	const op = "erase all"
	leave, err := a.enter(ctx, op, "of", of)
	if err != nil {
		return Erasure{}, err
	}
	defer leave()
	if !of.Event.IsZero() {
		return Erasure{}, &chat.Error{Kind: chat.ErrInvalid, Op: op, Field: "of.event"}
	}
	entry, err := a.enters(ctx, storage.LedgerEntry{Act: storage.Erased, Of: of, Why: why})
	if err != nil {
		return Erasure{}, err
	}
	return a.h.eraseAll(ctx, entry)
}

// eraseAll does what an entry says that names no single text.
func (h *Hub) eraseAll(ctx context.Context, entry storage.LedgerEntry) (Erasure, error) {
	w := &eraser{h: h, of: entry.Of, why: entry.Why, sum: Erasure{Entry: entry}}
	err := h.follow.catchUp(ctx) // what was placed is in the archive
	if err == nil && entry.Of.Room != "" {
		err = w.room(ctx, chat.RoomID{Tenant: entry.Of.Tenant, Key: entry.Of.Room})
	} else if err == nil {
		err = h.eachArchived(ctx, entry.Of.Tenant, func(room chat.RoomID) error { return w.room(ctx, room) })
	}
	if err == nil {
		err = h.follow.catchUp(ctx)
	}
	return w.sum, err
}

// eraser goes through rooms, and erases what a subject names.
type eraser struct {
	h   *Hub
	of  storage.Subject
	why string
	sum Erasure
}

func (w *eraser) room(ctx context.Context, room chat.RoomID) error {
	if isPersonal(room) { // it holds references alone
		return nil
	}
	var batch []chat.Event
	before := w.sum.Texts
	for x, err := range w.h.set.History.Scan(ctx, storage.Span{Tenant: room.Tenant, Room: room.Key}, "") {
		if err != nil {
			return err
		}
		e := &x.Event
		if e.Kind() != chat.KindText || w.of.User != "" && e.Sender.Key != w.of.User {
			continue
		}
		batch = append(batch, erasing(e, w.why))
		if len(batch) == importBatch {
			if err := w.flush(ctx, batch); err != nil {
				return err
			}
			batch = nil
		}
	}
	if err := w.flush(ctx, batch); err != nil {
		return err
	}
	if w.sum.Texts > before {
		w.sum.Rooms++
	}
	return nil
}

// flush has erasures placed, and waits as an import does where the archive is behind.
func (w *eraser) flush(ctx context.Context, batch []chat.Event) error {
	im := importer{h: w.h}
	err := im.publish(ctx, batch, make([]int, len(batch)))
	w.sum.Texts += im.done.Added
	if err != nil {
		return err
	}
	return im.refused.AsError()
}

// erasing is the event that erases a text. Its id follows from the text's, so that it is placed once.
func erasing(text *chat.Event, why string) chat.Event {
	return chat.Event{ID: chat.DeriveID(text.Room, chat.UserID{}, "erase "+text.ID.String()), Room: text.Room, Sender: text.Sender,
		Target: text.ID, Content: &chat.Erase{Why: why}}
}
