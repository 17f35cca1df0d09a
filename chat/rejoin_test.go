package chat

import (
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
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

// Where losses are counted anew, for the register that counts them was lost, the Void is as
// wide as ever: nobody knows how many positions behind the last were given away.
func TestDoubtThatIsCountedAnew(t *testing.T) {
	for _, last := range []Seq{VoidSpan - 1, VoidSpan, 2*VoidSpan + 7} {
		e := line("t")[0]
		e.ID, e.Seq = NewID(), last
		log := Rejoin(foldRoom, []Event{e}, nil, 1, e.At)
		v := log[len(log)-1]
		if err := CheckDense(log, true); err != nil || v.Seq != last+1 || v.Last() < last+VoidSpan/2 || v.Last()%VoidSpan != VoidSpan-1 {
			t.Errorf("behind %d: a %s from %d to %d, %v", last, v.Kind(), v.Seq, v.Last(), err)
		}
	}
}

// Whatever is left, the log is dense, every known event lies where it lay, and none is
// there twice.
func TestRejoinProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		room := line(rapid.StringMatching(`[tx]{0,30}`).Draw(t, "room"))
		for i := range room {
			room[i].ID = NewID()
		}
		archived := rapid.IntRange(0, len(room)).Draw(t, "archived")
		from := rapid.IntRange(0, archived).Draw(t, "from")
		if archived == from && archived > 0 {
			from-- // the archive's end is always asked for
		}
		known := map[EventID]Seq{}
		var others []Event
		for _, i := range rapid.SliceOf(rapid.IntRange(0, 40)).Draw(t, "others") {
			if i < len(room) {
				others = append(others, room[i])
				if i >= archived {
					known[room[i].ID] = room[i].Seq
				}
			}
		}
		doubt := int64(rapid.IntRange(0, 3).Draw(t, "doubt"))
		log := Rejoin(foldRoom, room[from:archived], others, doubt, time.Now())
		if err := CheckDense(log, true); err != nil {
			t.Fatal(err)
		}
		if len(log) > 0 && archived == 0 && log[0].Seq != 1 {
			t.Fatalf("it begins at %d", log[0].Seq)
		}
		seen := map[EventID]bool{}
		for i := range log {
			e := &log[i]
			if seen[e.ID] {
				t.Fatalf("%d is there twice", e.Seq)
			}
			seen[e.ID] = true
			if seq, ok := known[e.ID]; ok && seq != e.Seq {
				t.Fatalf("%d lies at %d", seq, e.Seq)
			}
		}
		for id, seq := range known {
			if !seen[id] {
				t.Fatalf("%d is gone", seq)
			}
		}
		if doubt > 0 && log[len(log)-1].Last() != Seq(doubt)*VoidSpan-1 {
			t.Fatalf("it ends at %d", log[len(log)-1].Last())
		}
	})
}
