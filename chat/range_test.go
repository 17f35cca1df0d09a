package chat

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// line is a room of events; "t" is a text, "x" something else. Seq rises from 1, and
// there is one second between two.
func line(kinds string) []Event {
	var all []Event
	texts := int64(0)
	for i, k := range kinds {
		e := Event{ID: idOf(i + 1), Room: foldRoom, Seq: Seq(i + 1), At: time.Unix(int64(i+1), 0).UTC(), Content: &Notice{What: "x"}}
		if k == 't' {
			e.Content, e.Sender = &Text{Body: fmt.Sprint(i + 1)}, ann
			texts++
		}
		e.TextSeq = texts
		all = append(all, e)
	}
	return all
}

func seqs(events []Event) string {
	s := []Seq{}
	for i := range events {
		s = append(s, events[i].Seq)
	}
	return fmt.Sprint(s)
}

func TestCut(t *testing.T) {
	room := line("txttxtxt") // texts at 1 3 4 6 8
	for _, c := range []struct {
		name         string
		r            Range
		want         string
		older, newer bool
	}{
		{"latest", Latest(2), "[6 8]", true, false},
		{"latest, exactly all", Latest(5), "[1 3 4 6 8]", false, false},
		{"latest, more than all", Latest(9), "[1 3 4 6 8]", false, false},
		{"latest of every kind", Latest(3).All(), "[6 7 8]", true, false},
		{"before a text", Before(6, 2), "[3 4]", true, true},
		{"before what is no text", Before(5, 2), "[3 4]", true, true},
		{"before the first", Before(1, 2), "[]", false, true},
		{"before the end", Before(100, 1), "[8]", true, false},
		{"after a text", After(3, 2), "[4 6]", true, true},
		{"after nothing", After(0, 2), "[1 3]", false, true},
		{"after the last", After(8, 2), "[]", true, false},
		{"after, to the end", After(4, 2), "[6 8]", true, false},
		{"around a text", Around(4, 3), "[3 4 6]", true, true},
		{"around what is no text", Around(5, 2), "[4 6]", true, true},
		{"around one", Around(4, 1), "[4]", true, true},
		{"around the first", Around(1, 4), "[1 3]", false, true},
		{"at a time", At(time.Unix(4, 0), 2), "[3 4]", true, true},
		{"at a time between two", At(time.Unix(4, 500), 2), "[4 6]", true, true},
		{"at a time before all", At(time.Unix(0, 0), 2), "[1]", false, true},
		{"at a time after all", At(time.Unix(99, 0), 2), "[8]", true, false},
	} {
		got, older, newer := c.r.Cut(room)
		if seqs(got) != c.want || older != c.older || newer != c.newer {
			t.Errorf("%s: %s older %v newer %v, want %s %v %v", c.name, seqs(got), older, newer, c.want, c.older, c.newer)
		}
	}
	if got, older, newer := Latest(3).Cut(nil); len(got) != 0 || older || newer {
		t.Error("of nothing:", got)
	}
}

// Paging from either end, with any limit, gives every item once, in order.
func TestCutPagesGiveAll(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		room := line(rapid.StringOfN(rapid.RuneFrom([]rune("tx")), 0, 30, -1).Draw(t, "room"))
		n := rapid.IntRange(1, 8).Draw(t, "limit")
		all := rapid.Bool().Draw(t, "all")
		kind := func(r Range) Range {
			if all {
				return r.All()
			}
			return r
		}
		want, _, _ := kind(Latest(1000)).Cut(room)
		var forth, back []Event
		for at, more := Seq(0), true; more; {
			var page []Event
			page, _, more = kind(After(at, n)).Cut(room)
			forth = append(forth, page...)
			if len(page) > 0 {
				at = page[len(page)-1].Seq
			}
		}
		for at, more := Seq(1000), true; more; {
			var page []Event
			page, more, _ = kind(Before(at, n)).Cut(room)
			back = append(page[:len(page):len(page)], back...)
			if len(page) > 0 {
				at = page[0].Seq
			}
		}
		if seqs(forth) != seqs(want) || seqs(back) != seqs(want) {
			t.Fatalf("forth %s, back %s, want %s", seqs(forth), seqs(back), seqs(want))
		}
	})
}

func TestRangeCheck(t *testing.T) {
	for _, c := range []struct {
		name  string
		r     Range
		kind  error
		field string
	}{
		{"zero", Range{}, ErrInvalid, "range"},
		{"zero, of every kind", Range{}.All(), ErrInvalid, "range"},
		{"no items", Latest(0), ErrInvalid, "range.limit"},
		{"fewer", Before(5, -1), ErrInvalid, "range.limit"},
		{"one", Latest(1), nil, ""},
		{"the most", After(0, 10), nil, ""},
		{"one more", Around(5, 11), ErrTooLarge, "range.limit"},
		{"below zero", After(-1, 5), ErrInvalid, "range.seq"},
		{"at no time", At(time.Time{}, 5), nil, ""},
	} {
		err := c.r.Check("page", 10)
		var e *Error
		if c.kind == nil && err != nil || c.kind != nil && (!errors.As(err, &e) || e.Kind != c.kind || e.Field != c.field) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

func TestCheckDense(t *testing.T) {
	room := line("txttxtxt")
	texts, _, _ := Latest(100).Cut(room)
	// 4 to 6 were lost: a Void stands for them, and its TextSeq is that of 3.
	voided := append(append([]Event{}, room[:3]...), Event{Room: foldRoom, Seq: 4, TextSeq: 2, Content: &Void{To: 6}})
	after := line("txtxxxtx")[6:]
	without := func(all []Event, i int) []Event { return append(append([]Event{}, all[:i]...), all[i+1:]...) }
	swapped := append([]Event{}, room...)
	swapped[2], swapped[3] = swapped[3], swapped[2]
	elsewhere := append([]Event{}, room...)
	elsewhere[5].Room.Key = "other"
	miscounted := append([]Event{}, room...)
	miscounted[4].TextSeq++
	for _, c := range []struct {
		name   string
		events []Event
		all    bool
		at     int64 // what is missing; 0: nothing
	}{
		{"nothing", nil, true, 0},
		{"one", room[:1], true, 0},
		{"all", room, true, 0},
		{"texts", texts, false, 0},
		{"not texts alone", room, false, 2},
		{"a void crossed", slices.Concat(voided, after), true, 0},
		{"a hole behind a void", slices.Concat(voided, after[1:]), true, 7},
		{"a hole", without(room, 4), true, 5},
		{"a text missing", without(texts, 2), false, 4},
		{"one twice", append(room[:3:3], room[2:]...), true, 4},
		{"out of order", swapped, true, 3},
		{"of two rooms", elsewhere, true, 6},
		{"a count that jumps", miscounted, true, 5},
	} {
		err := CheckDense(c.events, c.all)
		var e *Error
		switch {
		case c.at == 0 && err != nil:
			t.Errorf("%s: %v", c.name, err)
		case c.at != 0 && (!errors.As(err, &e) || e.Kind != ErrIncomplete || e.Limit != c.at):
			t.Errorf("%s: %v, want it missing at %d", c.name, err, c.at)
		}
	}
}
