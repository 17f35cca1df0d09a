package chat

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
)

// Shards and ids are part of what is stored. These values were computed apart, from
// the words of the comments (FNV-1a; SHA-256 over parts with their lengths).
func TestShardsAndIDsAreGolden(t *testing.T) {
	for room, want := range map[RoomID]int{
		{"acme", "kitchen"}: 23, {"acme", "a"}: 20, {"a", "cmekitchen"}: 33, {"example", "~p/ann"}: 53, {"t", ""}: 25,
	} {
		if got := room.Shard(); got != want {
			t.Errorf("%v: shard %d, want %d", room, got, want)
		}
	}
	kitchen := RoomID{"acme", "kitchen"}
	if got := DeriveID(kitchen, UserID{"acme", "ann"}, "1").String(); got != "j2s0hstyr19v3vg4vpvt1hbghr" {
		t.Error(got)
	}
	if got := DeriveID(kitchen, UserID{}, strings.Repeat("x", 200)).String(); got != "qk52t4zw99xjph9f9jf73qm2jw" {
		t.Error(got)
	}
}

func TestShardsAreAllUsed(t *testing.T) {
	used := map[int]int{}
	for i := range 64 * 100 {
		used[RoomID{"acme", fmt.Sprint(i)}.Shard()]++
	}
	for s := range Shards {
		if used[s] < 50 || used[s] > 150 {
			t.Errorf("shard %d has %d rooms of 6400", s, used[s])
		}
	}
}

func TestDerivedIDsDifferWithEachPart(t *testing.T) {
	seen := map[EventID]string{}
	for _, parts := range [][5]string{
		{"t", "r", "t", "u", "c"}, {"tr", "", "t", "u", "c"}, {"t", "rt", "", "u", "c"}, {"t", "r", "tu", "", "c"},
		{"t", "r", "t", "uc", ""}, {"t", "r", "t", "u", ""}, {"t", "r", "", "", "c"}, {"u", "r", "t", "u", "c"},
	} {
		id := DeriveID(RoomID{parts[0], parts[1]}, UserID{parts[2], parts[3]}, parts[4])
		if other, ok := seen[id]; ok {
			t.Errorf("%q and %s have one id", parts, other)
		}
		seen[id] = fmt.Sprintf("%q", parts)
	}
	if one, other := NewID(), NewID(); one == other || one.IsZero() {
		t.Error("random ids repeat")
	}
}

func TestIDsHaveOneSpelling(t *testing.T) {
	id := NewID()
	text, err := id.MarshalText()
	var got EventID
	if err != nil || got.UnmarshalText(text) != nil || got != id {
		t.Errorf("%v, %v, %v", id, got, err)
	}
	s := EventID{255}.String()
	for _, wrong := range []string{"", s[:25], s + "0", strings.ToUpper(s), s[:25] + "1", s[:25] + "u", s[:25] + "\n"} {
		if _, err := ParseEventID(wrong); !errors.Is(err, ErrInvalid) {
			t.Errorf("%q: %v", wrong, err)
		}
		before := got
		if err := got.UnmarshalText([]byte(wrong)); err == nil || got != before {
			t.Errorf("%q was read", wrong)
		}
	}
}

func TestErrorsSayWhatAndWhere(t *testing.T) {
	cause := errors.New("disk on fire")
	for _, c := range []struct {
		err  *Error
		want string
	}{
		{&Error{Kind: ErrTooLarge, Op: "send", Field: "body", Limit: 10}, "parlor: send: body: too large (limit 10)"},
		{&Error{Kind: ErrRateLimited, Retry: time.Second}, "parlor: rate limited (again in 1s)"},
		{&Error{Kind: ErrUnavailable, Op: "page", Err: cause}, "parlor: page: unavailable: disk on fire"},
		{&Error{Err: cause}, "parlor: : disk on fire"},
	} {
		if c.err.Error() != c.want {
			t.Errorf("%q, want %q", c.err.Error(), c.want)
		}
		if c.err.Kind != nil && !errors.Is(c.err, c.err.Kind) || c.err.Err != nil && !errors.Is(c.err, cause) {
			t.Errorf("%v is not its kind and cause", c.err)
		}
	}
}

func TestBatchErrors(t *testing.T) {
	var none *BatchError
	if err := none.AsError(); err != nil {
		t.Error("a batch without failures is an error:", err)
	}
	failed := none.Fail(7, ErrTooLarge).Fail(2, ErrConflict)
	err := failed.AsError()
	var got *BatchError
	if !errors.As(err, &got) || !errors.Is(err, ErrConflict) || !errors.Is(err, ErrTooLarge) || errors.Is(err, ErrInvalid) {
		t.Error(err)
	}
	if err.Error() != "parlor: 2 of a batch failed, first item 2: conflict" {
		t.Error(err)
	}
	if all := failed.Unwrap(); len(all) != 2 || all[0] != ErrConflict {
		t.Error(all)
	}
	if (&BatchError{}).Error() == "" {
		t.Error("no words")
	}
}
