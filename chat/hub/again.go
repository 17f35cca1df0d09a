package hub

import (
	"context"
	"errors"

	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/storage"
)

// EraseAgain does what a ledger says was erased or pruned, where a backup was put back that
// knows nothing of it: was is the ledger that was in use. Its entries are entered into that
// of this hub's directory, each in its place, and texts are erased and old rooms pruned as
// they say. It says how many entries it did; what isn't here any more, or not yet again, is
// left out. Doing it again changes nothing. It is done before the hub is used: an entry whose
// place is taken by another is ErrConflict.
func (a Admin) EraseAgain(ctx context.Context, was storage.Ledger) (done int, err error) {
	const op = "erase again"
	leave, err := a.enter(ctx, op)
	if err != nil {
		return 0, err
	}
	defer leave()
	for after := int64(0); ; {
		entries, err := was.Since(ctx, after, chat.MaxBatch)
		if err != nil || len(entries) == 0 {
			return done, err
		}
		for _, e := range entries {
			if _, err := a.h.set.Directory.Enter(ctx, e); err != nil {
				return done, err
			}
			did, err := a.again(ctx, e)
			if err != nil {
				return done, err
			}
			if did {
				done++
			}
			after = e.Seq
		}
	}
}

// again does what an entry says, and says whether there was something to do.
func (a Admin) again(ctx context.Context, e storage.LedgerEntry) (did bool, err error) {
	switch {
	case e.Act == storage.Pruned:
		span := storage.Span{Tenant: e.Of.Tenant, Room: e.Of.Room}
		if err := storage.Prune(ctx, a.h.set.History, span, e.Before); err != nil {
			return false, err
		}
		ix, _, err := a.h.generations.answering(ctx, "erase again", e.Of.Tenant)
		if errors.Is(err, chat.ErrUnavailable) && ctx.Err() == nil { // it is being filled, out of what there is now
			return true, nil
		}
		if err == nil {
			err = ix.Drop(ctx, span, e.Before)
		}
		return err == nil, err
	case e.Act != storage.Erased:
		return false, nil
	case e.Of.Event.IsZero():
		sum, err := a.h.eraseAll(ctx, e)
		return sum.Texts > 0, err
	}
	erase, _, err := a.h.erasure(ctx, "erase again", chat.RoomID{Tenant: e.Of.Tenant, Key: e.Of.Room}, e.Of.Event, e.Why)
	if errors.Is(err, chat.ErrNotFound) {
		return false, nil
	}
	if err == nil {
		_, err = a.h.publish(ctx, erase)
	}
	if err == nil { // it may be in the log already, and edits behind it
		err = a.h.erase(ctx, &erase)
	}
	return err == nil, err
}
