package chat

import "time"

// Range says which part of a room to read. It is made by [Latest], [Before],
// [After], [Around] and [At]; the zero Range is invalid.
//
// A range counts items: texts, or with [Range.All] events of every kind. It
// never has more items than its limit, and items always come in rising Seq.
type Range struct {
	from  Anchor
	limit int
	seq   Seq
	at    time.Time
	all   bool
}

// Anchor is where a range is held.
type Anchor uint8

// The anchors.
const (
	_ Anchor = iota
	AnchorLatest
	AnchorBefore
	AnchorAfter
	AnchorAround
	AnchorAt
)

// Latest is the newest n items.
func Latest(n int) Range { return Range{from: AnchorLatest, limit: n} }

// Before is the newest n items with a Seq below s.
func Before(s Seq, n int) Range { return Range{from: AnchorBefore, seq: s, limit: n} }

// After is the oldest n items with a Seq above s; a [Void] that reaches beyond s is one
// of them.
func After(s Seq, n int) Range { return Range{from: AnchorAfter, seq: s, limit: n} }

// Around is the newest n/2 items with a Seq below s, and the oldest n-n/2 items
// with a Seq of s or above. No item needs to be at s.
func Around(s Seq, n int) Range { return Range{from: AnchorAround, seq: s, limit: n} }

// At is the newest n/2 items older than t, and the oldest n-n/2 items of t or
// later.
func At(t time.Time, n int) Range { return Range{from: AnchorAt, at: t, limit: n} }

// All is the same range, counting events of every kind.
func (r Range) All() Range { r.all = true; return r }

// Anchor is where the range is held.
func (r Range) Anchor() Anchor { return r.from }

// Limit is the most items it has.
func (r Range) Limit() int { return r.limit }

// Seq is the position it is held at, for Before, After and Around.
func (r Range) Seq() Seq { return r.seq }

// Time is the time it is held at, for At.
func (r Range) Time() time.Time { return r.at }

// CountsAll says whether it counts events of every kind.
func (r Range) CountsAll() bool { return r.all }

// Counts says whether e is an item of the range.
func (r Range) Counts(e *Event) bool { return r.all || e.IsText() }

// Check says whether the range can be read: made by one of the functions above,
// with a limit from 1 to most.
func (r Range) Check(op string, most int) error {
	switch {
	case r.from == 0 || r.from > AnchorAt:
		return &Error{Kind: ErrInvalid, Op: op, Field: "range"}
	case r.limit < 1:
		return &Error{Kind: ErrInvalid, Op: op, Field: "range.limit"}
	case r.limit > most:
		return &Error{Kind: ErrTooLarge, Op: op, Field: "range.limit", Limit: int64(most)}
	case r.seq < 0:
		return &Error{Kind: ErrInvalid, Op: op, Field: "range.seq"}
	}
	return nil
}

// Cut applies the range to events, which are in rising Seq with none missing
// between them. It is the definition of what a range means; drivers may use it
// or do the same in their own way. The events returned are those that count.
// older and newer say whether items were left out on either side.
func (r Range) Cut(events []Event) (items []Event, older, newer bool) {
	var below, above []Event // items before and from the anchor on
	for i := range events {
		e := &events[i]
		if !r.Counts(e) {
			continue
		}
		if r.below(e) {
			below = append(below, *e)
		} else {
			above = append(above, *e)
		}
	}
	keepBelow, keepAbove := r.sides()
	if n := len(below) - keepBelow; n > 0 {
		below, older = below[n:], true
	}
	if n := len(above); n > keepAbove {
		above, newer = above[:keepAbove], true
	}
	return append(below, above...), older, newer
}

// below says whether e is on the older side of the anchor.
func (r Range) below(e *Event) bool {
	switch r.from {
	case AnchorBefore, AnchorAround:
		return e.Seq < r.seq
	case AnchorAfter:
		return e.Last() <= r.seq
	case AnchorAt:
		return e.At.Before(r.at)
	}
	return true
}

// sides is how many items the range takes on the older and the newer side.
func (r Range) sides() (older, newer int) {
	switch r.from {
	case AnchorAfter:
		return 0, r.limit
	case AnchorAround, AnchorAt:
		return r.limit / 2, r.limit - r.limit/2
	}
	return r.limit, 0
}
