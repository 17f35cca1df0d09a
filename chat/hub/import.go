package hub

import (
	"context"
	"errors"
	"iter"
	"time"

	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/storage"
)

// Imported says what became of an import.
type Imported struct {
	Added   int // placed now
	Known   int // placed by an earlier import
	Refused int // see the error
}

const (
	importBatch = 500                   // events placed at once
	maxRefusals = 1000                  // named in the error
	importWait  = 10 * time.Millisecond // at first, where the head is full
)

// Import places what another system kept, with its own times. Each event of src
// names its Room, which must exist, its Sender and Content, and its time in At or Origin.At; At is
// the time where Origin has none. Its ID is its own, or follows from ClientID, or from Origin.Source
// and Origin.ID; one of them must be there, so that an import may be run again, however
// often, and in parts: what is known is left as it is.
//
// Within a room, events come in the order of their times: one that is older than
// the room's last is refused with [chat.ErrConflict]. A refused event, and an
// error of src, doesn't stop the others. So is a change of a text that has had
// [chat.MaxChanges] in this import. The error is then a [*chat.BatchError]
// that names the first 1,000 by their index in src. Any other error ends the
// import: what was placed stays, and running it again goes on.
//
// While the archive is behind by more than the broker's quota, Import waits.
func (a Admin) Import(ctx context.Context, src iter.Seq2[chat.Event, error]) (Imported, error) {
	leave, err := a.enter(ctx, "import")
	if err != nil {
		return Imported{}, err
	}
	defer leave()
	im := importer{h: a.h, rooms: map[chat.RoomID]error{}, changes: map[chat.EventID]int{}}
	index := 0
	for e, err := range src {
		if err == nil {
			err = im.prepare(ctx, &e)
		}
		if err != nil && ctx.Err() != nil {
			return im.done, ctx.Err()
		}
		if err != nil {
			im.refuse(index, err)
		} else {
			im.batch, im.at = append(im.batch, e), append(im.at, index)
		}
		if len(im.batch) == importBatch {
			if err := im.flush(ctx); err != nil {
				return im.done, err
			}
		}
		index++
	}
	if err := im.flush(ctx); err != nil {
		return im.done, err
	}
	return im.done, im.refused.AsError()
}

// importer is one import at work.
type importer struct {
	h       *Hub
	rooms   map[chat.RoomID]error // whether each exists
	changes map[chat.EventID]int  // how many each text has had
	batch   []chat.Event
	at      []int // the index of each in the source
	done    Imported
	refused *chat.BatchError
}

func (im *importer) refuse(index int, err error) {
	im.done.Refused++
	if im.refused == nil || len(im.refused.Items) < maxRefusals {
		im.refused = im.refused.Fail(index, err)
	}
}

// prepare makes an event of the source ready to be placed.
func (im *importer) prepare(ctx context.Context, e *chat.Event) error {
	const op = "import"
	if e.Seq != 0 || e.TextSeq != 0 {
		return &chat.Error{Kind: chat.ErrInvalid, Op: op, Field: "seq"}
	}
	var origin chat.Origin
	if e.Origin != nil {
		origin = *e.Origin
	}
	if origin.At.IsZero() {
		origin.At = e.At
	}
	if origin.At.IsZero() {
		return &chat.Error{Kind: chat.ErrInvalid, Op: op, Field: "at"}
	}
	origin.At = chat.Time(origin.At)
	e.Origin, e.At = &origin, time.Time{}
	if e.ID.IsZero() {
		switch {
		case e.ClientID != "":
			e.ID = chat.DeriveID(e.Room, e.Sender, e.ClientID)
		case origin.ID != "":
			e.ID = chat.DeriveID(e.Room, chat.UserID{}, origin.Source+"\n"+origin.ID)
		default:
			return &chat.Error{Kind: chat.ErrInvalid, Op: op, Field: "id"}
		}
	}
	if err := e.Check(op); err != nil {
		return err
	}
	err, known := im.rooms[e.Room]
	if !known {
		if _, err = im.h.set.Directory.Room(ctx, e.Room); err != nil && !errors.Is(err, chat.ErrNotFound) {
			return err // may be better the next time
		}
		err = notFound(op, err)
		im.rooms[e.Room] = err
	}
	if err == nil && e.Changes() {
		if im.changes[e.Target]++; im.changes[e.Target] > chat.MaxChanges {
			return tooManyChanges(op)
		}
	}
	return err
}

// flush places the batch, without what the archive knows already: a broker
// remembers ids for a day only.
func (im *importer) flush(ctx context.Context) error {
	if len(im.batch) == 0 {
		return nil
	}
	refs := make([]storage.Ref, len(im.batch))
	for i := range im.batch {
		refs[i] = storage.Ref{Room: im.batch[i].Room, ID: im.batch[i].ID}
	}
	page, err := im.h.set.History.Lookup(ctx, refs)
	if err != nil {
		return err
	}
	known := make(map[chat.EventID]bool, len(page.Events))
	for i := range page.Events {
		known[page.Events[i].ID] = true
	}
	events, at := im.batch[:0:0], im.at[:0:0]
	for i := range im.batch {
		if known[im.batch[i].ID] {
			im.done.Known++
			continue
		}
		events, at = append(events, im.batch[i]), append(at, im.at[i])
	}
	im.batch, im.at = im.batch[:0], im.at[:0]
	return im.publish(ctx, events, at)
}

// publish places events, and waits where the broker's head is full.
func (im *importer) publish(ctx context.Context, events []chat.Event, at []int) error {
	for wait := importWait; len(events) > 0; wait = min(2*wait, 100*importWait) {
		receipts, err := im.h.set.Broker.Publish(ctx, events)
		im.h.follow.wake()
		var failed *chat.BatchError
		if err != nil && !errors.As(err, &failed) {
			return err
		}
		var again []chat.Event
		var againAt []int
		for i := range events {
			switch {
			case failed != nil && errors.Is(failed.Items[i], chat.ErrUnavailable):
				again, againAt = append(again, events[i]), append(againAt, at[i])
			case failed != nil && failed.Items[i] != nil:
				im.refuse(at[i], failed.Items[i])
			case receipts[i].Duplicate:
				im.done.Known++
			default:
				im.done.Added++
			}
		}
		if len(again) == 0 {
			return nil
		}
		if len(again) < len(events) {
			wait = importWait
		}
		events, at = again, againAt
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}
