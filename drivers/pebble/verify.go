package pebble

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/cockroachdb/pebble/v2"

	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/internal/pebbledb"
)

// Verified is what [Store.Verify] read.
type Verified struct {
	Rooms, Events int64
}

// mostWrong is how many things that are wrong are named.
const mostWrong = 20

// Verify reads everything that is durable, as it is at one moment while others go on, and
// says what is wrong: each thing an error of its own, ErrIncomplete with what it is about
// as its field, joined, at most 20. It looks whether each block of each file has its
// checksum; whether each event lies under the key that names it; whether Seq and TextSeq of
// each room are dense and its times never fall; whether every id leads to its event, and
// every change to what it changes, and none leads elsewhere; and whether the counts are
// right. seen is told, now and then, how many events were read; it may be nil.
func (s *Store) Verify(ctx context.Context, seen func(events int64)) (Verified, error) {
	const op = "verify"
	leave, err := s.enter(ctx, op)
	if err != nil {
		return Verified{}, err
	}
	defer leave()
	snap := s.place.DB().NewSnapshot()
	defer snap.Close()
	writable := s.place.Well()
	v := &verifier{ctx: ctx, snap: snap, seen: seen, explain: s.place.Explained, well: func() error {
		if writable && !s.place.Well() {
			return s.place.Unavailable(op)
		}
		return nil
	}}
	for n := range chat.Shards {
		if err := v.shard(n); err != nil {
			return v.done, s.place.Explained(err)
		}
	}
	if err := v.strays(); err != nil {
		return v.done, s.place.Explained(err)
	}
	return v.done, errors.Join(v.wrong...)
}

// verifier goes through a snapshot. What it finds wrong it notes; its errors are those
// after which it can't go on.
type verifier struct {
	ctx     context.Context
	snap    *pebble.Snapshot
	seen    func(int64)
	well    func() error
	explain func(error) error
	done    Verified
	wrong   []error
}

// says notes what is wrong.
func (v *verifier) says(about, format string, args ...any) {
	if len(v.wrong) < mostWrong {
		v.wrong = append(v.wrong, &chat.Error{Kind: chat.ErrIncomplete, Op: "verify", Field: about, Err: fmt.Errorf(format, args...)})
	}
}

// each goes through the keys with a prefix. What can't be read is noted, and ends it.
func (v *verifier) each(prefix []byte, about string, do func(key, value []byte) error) error {
	it, err := v.snap.NewIter(&pebble.IterOptions{LowerBound: prefix, UpperBound: after(prefix)})
	if err != nil {
		return err
	}
	defer it.Close()
	for ok := it.First(); ok; ok = it.Next() {
		value, err := it.ValueAndErr()
		if err == nil {
			err = do(it.Key(), value)
		}
		if err != nil {
			return err
		}
	}
	if err := it.Error(); err != nil {
		v.says(about, "%v", v.explain(err))
	}
	return nil
}

// shard looks at the rooms of a shard, and at its counts.
func (v *verifier) shard(n int) error {
	name := fmt.Sprint("shard ", n)
	var done progress
	b, err := pebbledb.Get(v.snap, progressKey(n))
	if err == nil && b != nil {
		done, err = parseProgress(b)
	}
	if err != nil {
		v.says(name, "%v", v.explain(err))
		return nil
	}
	// What follows behind isn't written yet for these.
	behind, ends := map[chat.RoomID]fed{}, map[chat.RoomID]chat.Seq{}
	if err := v.each(feedKey(n, 0)[:2], name, func(key, value []byte) error {
		f, err := parseFed(value)
		if err != nil || f.room.Shard() != n || f.from > f.to {
			v.says(name, "entry %d of the feed is damaged", lastNumber(key))
			return nil
		}
		ends[f.room] = max(ends[f.room], f.to)
		if old, known := behind[f.room]; lastNumber(key) > done.indexed && (!known || f.from < old.from) {
			behind[f.room] = f
		}
		return nil
	}); err != nil {
		return err
	}
	var rooms, events int64
	if err := v.each([]byte{prefixRoom, byte(n)}, name, func(key, value []byte) error {
		if err := v.ctx.Err(); err != nil {
			return err
		}
		tenant, rest, ok1 := unword(key[2:])
		room, _, ok2 := unword(rest)
		id := chat.RoomID{Tenant: tenant, Key: room}
		rec, err := parseRecord(value)
		if !ok1 || !ok2 || err != nil || id.Shard() != n {
			v.says(name, "the record of a room is damaged")
			return nil
		}
		x := checked{v: v, id: id, indexed: maxSeq}
		f, some := behind[id]
		if some {
			x.indexed = f.from - 1
		}
		if !f.isNew {
			rooms++
		}
		if err := x.room(rec); err != nil {
			return err
		}
		if end := ends[id]; end > x.last {
			v.says(x.name(), "the feed tells of %d, and the room ends at %d", end, x.last)
		}
		delete(ends, id)
		events += x.counted
		v.done.Rooms++
		return nil
	}); err != nil {
		return err
	}
	for id := range ends {
		v.says("room "+id.String(), "the feed tells of it, and it has no record")
	}
	if len(v.wrong) == 0 && (rooms != done.rooms || events != done.events) {
		v.says(name, "%d rooms and %d events are counted, and there are %d and %d", done.rooms, done.events, rooms, events)
	}
	return nil
}

// checked is a room that is looked at.
type checked struct {
	v       *verifier
	id      chat.RoomID
	indexed chat.Seq // up to which ids and changes are written
	last    chat.Seq
	counted int64 // events up to indexed
}

func (x *checked) name() string { return "room " + x.id.String() }

// room looks at all that is kept of a room.
func (x *checked) room(rec record) error {
	v, name := x.v, x.name()
	x.last = rec.last
	var before *chat.Event
	damaged := false // what lies before, as was told
	changes := int64(0)
	err := v.each(roomKey(prefixEvent, x.id), name, func(key, value []byte) error {
		if err := v.count(); err != nil {
			return err
		}
		at := chat.Seq(lastNumber(key))
		e, err := parse(value, x.id, at)
		if err != nil {
			v.says(name, "what lies at %d is damaged", at)
			damaged, x.last = true, max(x.last, at)
			return nil
		}
		switch {
		case damaged:
		case before == nil && at != rec.first:
			v.says(name, "it begins at %d, and should at %d", at, rec.first)
		case before != nil && chat.CheckDense([]chat.Event{*before, *e}, true) != nil:
			v.says(name, "%d (text %d) follows on %d (text %d)", e.Seq, e.TextSeq, before.Last(), before.TextSeq)
		case before != nil && e.At.Before(before.At):
			v.says(name, "%d is older than %d", e.Seq, before.Seq)
		}
		before, damaged, x.last = e, false, e.Last()
		if at > x.indexed {
			return nil
		}
		x.counted++
		if e.Changes() {
			changes++
		}
		return x.found(e)
	})
	if err != nil {
		return err
	}
	if x.last < rec.archived {
		v.says(name, "it is archived up to %d, and ends at %d", rec.archived, x.last)
	}
	return x.led(changes)
}

// found looks whether an event's id leads to it, and from what it changes.
func (x *checked) found(e *chat.Event) error {
	at, err := x.seqOf(e.ID)
	if err != nil {
		return err
	}
	if at != e.Seq {
		x.v.says(x.name(), "the id of %d doesn't lead to it", e.Seq)
	}
	if !e.Changes() {
		return nil
	}
	target, err := x.seqOf(e.Target)
	if err != nil {
		return err
	}
	// The target may have come later: then the change was loose.
	for _, key := range [][]byte{seqKey(prefixChange, x.id, target), idKey(prefixLoose, x.id, e.Target)} {
		if b, err := pebbledb.Get(x.v.snap, number(key, int64(e.Seq))); err != nil || b != nil {
			return err
		}
	}
	x.v.says(x.name(), "what %d changes doesn't lead to it", e.Seq)
	return nil
}

// seqOf is where an id leads; 0: nowhere.
func (x *checked) seqOf(id chat.EventID) (chat.Seq, error) {
	b, err := pebbledb.Get(x.v.snap, idKey(prefixID, x.id, id))
	if n, k := binary.Varint(b); k > 0 && k == len(b) {
		return chat.Seq(n), err
	}
	return 0, err
}

// led looks whether as many ids lead somewhere as there are events, and no fewer changes
// than there are: what was emptied changes nothing any more.
func (x *checked) led(changes int64) error {
	counts := map[byte]int64{}
	for _, kind := range []byte{prefixID, prefixChange, prefixLoose} {
		if err := x.v.each(roomKey(kind, x.id), x.name(), func([]byte, []byte) error {
			counts[kind]++
			return nil
		}); err != nil {
			return err
		}
	}
	if n := counts[prefixID]; n != x.counted {
		x.v.says(x.name(), "%d ids lead to %d events", n, x.counted)
	}
	if n := counts[prefixChange] + counts[prefixLoose]; n < changes {
		x.v.says(x.name(), "%d changes are known of %d", n, changes)
	}
	return nil
}

// count counts an event, and ends the work where nobody waits for it, or the disk fails: while
// it goes on the store can't be opened again.
func (v *verifier) count() error {
	v.done.Events++
	if v.done.Events%1000 != 0 {
		return nil
	}
	if v.seen != nil && v.done.Events%10_000 == 0 {
		v.seen(v.done.Events)
	}
	if wrong := v.ctx.Err(); wrong != nil {
		return wrong
	}
	return v.well()
}

// strays looks for keys of rooms that have no record.
func (v *verifier) strays() error {
	for _, kind := range []byte{prefixEvent, prefixID, prefixChange, prefixLoose} {
		for from := []byte{kind}; ; {
			id, found, err := v.roomFrom(kind, from)
			if err != nil {
				return err
			}
			if !found {
				break
			}
			b, err := pebbledb.Get(v.snap, recordKey(id))
			if err != nil {
				return err
			}
			if b == nil {
				v.says("room "+id.String(), "it has no record")
			}
			from = after(roomKey(kind, id))
		}
	}
	return nil
}

// roomFrom is the room of the first key of a kind from a key on.
func (v *verifier) roomFrom(kind byte, from []byte) (id chat.RoomID, found bool, err error) {
	it, err := v.snap.NewIter(&pebble.IterOptions{LowerBound: from, UpperBound: []byte{kind + 1}})
	if err != nil {
		return id, false, err
	}
	defer it.Close()
	if !it.First() {
		if err := it.Error(); err != nil {
			v.says("keys", "%v", err)
		}
		return id, false, nil
	}
	tenant, rest, ok1 := unword(it.Key()[1:])
	key, _, ok2 := unword(rest)
	if !ok1 || !ok2 {
		v.says("keys", "%v", pebbledb.Damaged("a key"))
		return id, false, nil
	}
	return chat.RoomID{Tenant: tenant, Key: key}, true, nil
}
