package chat

import (
	"slices"
	"testing"
	"time"
)

// What is left of a room is made one log: dense, with every known event where it lay.
func TestRejoin(t *testing.T) {
	room := line("txttxtxt") // Seq 1 to 8, texts at 1 3 4 6 8
	for i := range room {
		room[i].ID = NewID()
	}
	now := room[7].At.Add(time.Hour)
	pick := func(seqs ...int) (events []Event) {
		for _, s := range seqs {
			events = append(events, room[s-1])
		}
		return events
	}
	other := room[4]
	other.ID = NewID()
	for _, c := range []struct {
		name            string
		archive, others []Event
		doubt           int64
		kept            []Seq // of room
		fillers         []Seq
		last            Seq
	}{
		{"nothing", nil, nil, 0, nil, nil, 0},
		{"a room nobody knows, in doubt", nil, nil, 1, nil, []Seq{1}, VoidSpan - 1},
		{"the archive alone", room, nil, 0, []Seq{1, 2, 3, 4, 5, 6, 7, 8}, nil, 8},
		{"the archive, in doubt", room, nil, 1, []Seq{1, 2, 3, 4, 5, 6, 7, 8}, []Seq{9}, VoidSpan - 1},
		{"in doubt for the third time", room, nil, 3, []Seq{1, 2, 3, 4, 5, 6, 7, 8}, []Seq{9}, 3*VoidSpan - 1},
		{"a part of the archive", room[3:], nil, 0, []Seq{4, 5, 6, 7, 8}, nil, 8},
		{"all of it in a journal", nil, room, 0, []Seq{1, 2, 3, 4, 5, 6, 7, 8}, nil, 8},
		{"both, overlapping, in any order, twice", room[:5], pick(8, 7, 4, 6, 8, 5), 0, []Seq{1, 2, 3, 4, 5, 6, 7, 8}, nil, 8},
		{"a hole of one text", room[:5], pick(7, 8), 0, []Seq{1, 2, 3, 4, 5, 7, 8}, []Seq{6}, 8},
		{"a hole of one that is no text", room[:4], pick(6), 0, []Seq{1, 2, 3, 4, 6}, []Seq{5}, 6},
		{"a hole of many", room[:1], pick(8), 0, []Seq{1, 8}, []Seq{2, 3, 4, 5}, 8}, // three texts, and a void for the rest
		{"the beginning is lost", nil, pick(4, 5), 0, []Seq{4, 5}, []Seq{1, 2, 3}, 5},
		{"two events at one position: the archive's counts", room[:5], []Event{other, room[5]}, 0, []Seq{1, 2, 3, 4, 5, 6}, nil, 6},
	} {
		got := Rejoin(foldRoom, c.archive, c.others, c.doubt, now)
		if err := CheckDense(got, true); err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
		var kept, fillers []Seq
		var last Seq
		for i := range got {
			e := &got[i]
			last = e.Last()
			switch {
			case e.Filler():
				fillers = append(fillers, e.Seq)
				if err := e.Check("test"); err != nil || e.At.IsZero() {
					t.Errorf("%s: the filler at %d: %v", c.name, e.Seq, err)
				}
			case e.Seq <= 8 && e.ID == room[e.Seq-1].ID:
				kept = append(kept, e.Seq)
			default:
				t.Errorf("%s: %v at %d", c.name, e.ID, e.Seq)
			}
		}
		if !slices.Equal(kept, c.kept) || !slices.Equal(fillers, c.fillers) || last != c.last {
			t.Errorf("%s: kept %v, fillers %v, last %d", c.name, kept, fillers, last)
		}
	}
}
