package hub

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/parlor-chat/parlor/chat"
)

// newsCursor is where a list of news goes on. The list is read in passes, each from the
// newest down. The first is over all rooms; where it took more than one part, rooms that were
// still to come may have moved up meanwhile. So the next pass is over all that are as new as
// the newest was when the pass before it began, or newer; until none is newer. Times are of
// the broker's clock, in milliseconds.
type newsCursor struct {
	low, high int64  // of this pass; high is maxTime until it begins
	at        int64  // behind which it goes on,
	key       string // at this key; empty: the pass begins
}

// maxTime is later than any event.
const maxTime = math.MaxInt64

// never is the time of rooms in which nothing was said.
var never = time.Time{}.UnixMilli()

// cut takes the next part of rooms.
func (c newsCursor) cut(rooms []tipped, limit int) (part []tipped, next string) {
	newest := int64(math.MinInt64)
	ordered := make([]placedRoom, len(rooms))
	for i := range rooms {
		r := &rooms[i]
		ordered[i] = placedRoom{r.active().UnixMilli(), r.Room.Key, r}
		newest = max(newest, ordered[i].at)
	}
	if c.high == maxTime {
		c.high, c.at = newest, newest
	}
	behind := placedRoom{at: c.at, key: c.key}
	ordered = slices.DeleteFunc(ordered, func(r placedRoom) bool { return r.at < c.low || r.compare(behind) <= 0 })
	slices.SortFunc(ordered, placedRoom.compare)
	part = make([]tipped, 0, min(limit, len(ordered)))
	for _, r := range ordered[:cap(part)] {
		part = append(part, *r.tipped)
	}
	switch {
	case len(ordered) > limit:
		c.at, c.key = ordered[limit-1].at, ordered[limit-1].key
		return part, c.String()
	case c.key == "": // in one part
		return part, ""
	case newest > c.high, c.low < c.high && c.high > never: // some moved, or may have in that very millisecond
		return part, newsCursor{low: c.high, high: maxTime, at: maxTime}.String()
	}
	return part, ""
}

// placedRoom is where a room is in the list.
type placedRoom struct {
	at  int64
	key string
	*tipped
}

func (r placedRoom) compare(s placedRoom) int {
	return cmp.Or(cmp.Compare(s.at, r.at), strings.Compare(r.key, s.key))
}

// String is the cursor as clients carry it: they look at nothing in it.
func (c newsCursor) String() string { return fmt.Sprint(c.low, ".", c.high, ".", c.at, ".", c.key) }

func parseNewsCursor(op, s string) (newsCursor, error) {
	c := newsCursor{low: math.MinInt64, high: maxTime, at: maxTime}
	if s == "" {
		return c, nil
	}
	parts := strings.SplitN(s, ".", 4)
	if len(parts) == 4 {
		_, err := fmt.Sscan(strings.Join(parts[:3], " "), &c.low, &c.high, &c.at)
		if c.key = parts[3]; err == nil && (c.key == "" || chat.CheckKey(op, "after", c.key) == nil) {
			return c, nil
		}
	}
	return newsCursor{}, &chat.Error{Kind: chat.ErrInvalid, Op: op, Field: "after"}
}
