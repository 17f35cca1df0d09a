package chat

import (
	"cmp"
	"slices"
	"time"
)

// VoidSpan is more than the events of any room. Behind the n-th loss positions go on at n
// times VoidSpan, where some may have been given away that nobody knows of.
const VoidSpan = 1 << 32

// Lost is the Why of a [Tombstone] that stands for an event which nobody has any more.
const Lost = "lost"

// Rejoin makes one log out of what is left of a room: what the archive shows, a part
// without a hole up to its last event, and what a broker and journals have besides. Of
// two events at one position the archive's counts, then the first. What nobody has is
// filled, so that the log is dense and every known event keeps its position: a lost text
// with a tombstone, the rest with a [Void].
//
// Where positions behind the last may have been given away, doubt is not 0 but a number
// that rises with each loss, and a Void up to so many times [VoidSpan] follows: for a Void
// may be lost, too, and what came behind it must not be used again. Where the room is
// beyond that already, the Void reaches up to the next multiple. at is its time where the
// room has no event yet.
func Rejoin(room RoomID, archive, others []Event, doubt int64, at time.Time) []Event {
	archived := Seq(0)
	all := slices.Clone(archive)
	if n := len(all); n > 0 {
		archived = all[n-1].Last()
	}
	others = slices.Clone(others)
	slices.SortStableFunc(others, func(a, b Event) int { return cmp.Compare(a.Seq, b.Seq) })
	last := Event{Room: room, At: Time(at)}
	if n := len(all); n > 0 {
		last = all[n-1]
	} else if len(others) > 0 {
		last.At = others[0].At
	}
	seen := map[EventID]bool{}
	for i := range all {
		seen[all[i].ID] = true
	}
	for _, e := range others {
		if e.Seq <= archived || e.Seq <= last.Last() || seen[e.ID] || e.At.Before(last.At) {
			continue
		}
		for _, f := range fill(last, e) {
			all, last = append(all, f), f
		}
		if e.Seq != last.Last()+1 || e.TextSeq != last.TextSeq+texts(e) {
			continue // not of this log
		}
		all, last = append(all, e), e
		seen[e.ID] = true
	}
	if doubt > 0 {
		from := last.Last() + 1
		n := max(Seq(doubt), from/VoidSpan+1)
		all = append(all, Event{ID: NewID(), Room: room, Seq: from, TextSeq: last.TextSeq, At: last.At,
			Content: &Void{To: n*VoidSpan - 1}})
	}
	return all
}

// fill is what stands for the positions between a and b.
func fill(a, b Event) []Event {
	next := a.Last() + 1
	n, lost := int64(b.Seq-next), b.TextSeq-texts(b)-a.TextSeq
	if n <= 0 || lost < 0 || lost > n {
		return nil
	}
	var all []Event
	for i := range lost {
		all = append(all, Event{ID: NewID(), Room: a.Room, Seq: next + Seq(i), TextSeq: a.TextSeq + i + 1, At: a.At,
			Content: &Tombstone{Was: KindText, Why: Lost}})
	}
	if n > lost {
		all = append(all, Event{ID: NewID(), Room: a.Room, Seq: next + Seq(lost), TextSeq: a.TextSeq + lost, At: a.At,
			Content: &Void{To: b.Seq - 1}})
	}
	return all
}

func texts(e Event) int64 {
	if e.IsText() {
		return 1
	}
	return 0
}

// Filler says whether the event stands for what nobody has: it was never sent.
func (e *Event) Filler() bool {
	switch c := e.Content.(type) {
	case *Void:
		return true
	case *Tombstone:
		return e.Sender.IsZero() && c.Why == Lost
	}
	return false
}
