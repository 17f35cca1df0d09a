package journal

import (
	"context"
	"errors"
	"reflect"
	"time"

	"github.com/parlor-chat/parlor/chat"
)

// adoptBytes is about how much is adopted at once.
const adoptBytes = 1 << 20

// Adopt goes on with what the journal of a dead node kept: it is as if its events had been
// sent here. They keep their ids, and the time since when they wait, and come behind what is
// pending here, in their own order. Those that are placed take part here in what follows a
// loss of the broker's memory. What lies in the store is dropped when this journal has it on
// its own disk, and not before; so it may be called again after any error, also after a crash
// of this node, and doubles nothing. From a disk that can be read alone everything is taken, and
// then it is an error that nothing could be dropped there.
//
// The store is the caller's, to open and to close. While the other node lives, its journal
// must not be adopted: package disk refuses a folder that somebody holds. When the node comes
// back later, it finds its journal empty, and goes on.
//
// An event whose id is that of another text here is set aside under a new id
// ([chat.ErrConflict]). While nobody knows yet which of the two was first, it is left in
// the store. Where the quota is reached, the error is [chat.ErrUnavailable] with the field
// "journal", and the rest is left. So it is, with the field "memory", between [Journal.Return]
// and [Journal.Begin]: what is put back after a loss must not change hands behind that.
func (j *Journal) Adopt(ctx context.Context, from Store) (chat.Adopted, error) {
	const op = "adopt"
	var sum chat.Adopted
	if err := j.ready(ctx, op); err != nil {
		return sum, err
	}
	if reflect.TypeOf(from).Comparable() && from == j.store {
		return sum, &chat.Error{Kind: chat.ErrInvalid, Op: op, Field: "store", Err: errors.New("it is this journal's own")}
	}
	timer := time.NewTimer(j.opt.Wait)
	defer timer.Stop()
	// A disk that can't be written may be read: all is taken before that is an error.
	var undropped error
	drop := func(ids []chat.EventID) {
		if err := from.Drop(ctx, ids); err != nil && undropped == nil {
			undropped = err
		}
	}
	var batch []Record
	size := 0
	for r, err := range from.Load(ctx) {
		if err != nil {
			return sum, err
		}
		batch = append(batch, r)
		if size += len(chat.AppendEvent(nil, &r.Event)); len(batch) < batchSize && size < adoptBytes {
			continue
		}
		if err := j.adopt(ctx, timer, drop, batch, &sum); err != nil {
			return sum, errors.Join(err, undropped)
		}
		batch, size = nil, 0
	}
	err := j.adopt(ctx, timer, drop, batch, &sum)
	return sum, errors.Join(err, undropped)
}

// AdoptAt implements [chat.Adopter]: it is [Journal.Adopt] of what [Options].Dead opens.
func (j *Journal) AdoptAt(ctx context.Context, where string) (chat.Adopted, error) {
	const op = "adopt"
	if err := j.ready(ctx, op); err != nil {
		return chat.Adopted{}, err
	}
	if j.opt.Dead == nil {
		return chat.Adopted{}, &chat.Error{Kind: errors.ErrUnsupported, Op: op, Field: "where"}
	}
	from, done, err := j.opt.Dead(ctx, where)
	if err != nil {
		return chat.Adopted{}, err
	}
	sum, err := j.Adopt(ctx, from)
	return sum, errors.Join(err, done())
}

// adopt takes some records over: they are known, then on this disk, then dropped over there.
func (j *Journal) adopt(ctx context.Context, timer *time.Timer, drop func([]chat.EventID), batch []Record, sum *chat.Adopted) error {
	if len(batch) == 0 {
		return nil
	}
	events := make([]chat.Event, len(batch))
	for i := range batch {
		events[i] = batch[i].Event
	}
	j.waitFor(ctx, timer, j.contested(events))
	fresh, here, err := j.foster(batch, sum)
	if kerr := j.keep(fresh); kerr != nil {
		return kerr
	}
	sum.Taken += len(fresh)
	if len(here) > 0 {
		drop(here)
	}
	return err
}

// foster makes records of those that this journal doesn't have, and gives the ids under which
// they, and those that it had, can be dropped over there once the new ones are on this disk.
// At the quota it stops.
func (j *Journal) foster(batch []Record, sum *chat.Adopted) (fresh []*record, here []chat.EventID, err error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.returned {
		return nil, nil, &chat.Error{Kind: chat.ErrUnavailable, Op: "adopt", Field: "memory", Retry: j.opt.Wait}
	}
	for i := range batch {
		theirs := batch[i]
		id, digest := theirs.Event.ID, theirs.Event.Digest()
		mine := j.records[id]
		switch {
		case mine != nil && (!mine.kept || mine.digest != digest && (mine.pending() || theirs.Event.Seq > 0 && !mine.placed())):
			sum.Left++
			continue
		case mine != nil && mine.digest == digest:
			if theirs.Event.Seq > 0 && mine.pending() {
				mine.tried = true // it has a place that isn't known here
			}
			sum.Known++
		case j.bytes >= j.opt.Bytes:
			return fresh, here, &chat.Error{Kind: chat.ErrUnavailable, Op: "adopt", Field: "journal", Limit: j.opt.Bytes}
		case mine != nil: // the id is that of another event
			theirs.Event = bare(&theirs.Event)
			theirs.Event.ID, theirs.Memory = chat.NewID(), ""
			r := j.add(&theirs.Event, theirs.Since)
			r.take(theirs)
			r.tried = false // under this id it never was
			j.setAside(r, &chat.Error{Kind: chat.ErrConflict, Op: "adopt", Field: "id"})
			fresh = append(fresh, r)
		default:
			r := j.add(&theirs.Event, theirs.Since)
			r.take(theirs)
			fresh = append(fresh, r)
		}
		here = append(here, id)
	}
	return fresh, here, nil
}

var _ chat.Adopter = (*Journal)(nil)
