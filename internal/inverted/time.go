package inverted

import (
	"math"
	"time"
)

// never is behind every time.
const never = math.MaxInt64

// floor is a time in Unix milliseconds, rounded down. A time that doesn't fit is the
// first or last that does.
func floor(t time.Time) int64 {
	const most = math.MaxInt64/1000 - 1
	return time.Unix(min(max(t.Unix(), -most), most), int64(t.Nanosecond())).UnixMilli()
}

// ceil is floor, rounded up: what is in whole milliseconds is before t if it is
// before ceil(t).
func ceil(t time.Time) int64 {
	ms := floor(t)
	if t.Nanosecond()%1e6 > 0 {
		ms++
	}
	return ms
}

// clock is the time of Unix milliseconds.
func clock(ms int64) time.Time { return time.UnixMilli(ms).UTC() }
