package query

import (
	"testing"
	"time"
	_ "time/tzdata" // also where the machine has none

	"pgregory.net/rapid"
)

func TestParseMoment(t *testing.T) {
	for _, c := range []struct {
		text string
		unit unit
		want string // "": no time
	}{
		{"2026", year, "2026-01-01T00:00:00Z"},
		{"2026-11", month, "2026-11-01T00:00:00Z"},
		{"2026-11-25", day, "2026-11-25T00:00:00Z"},
		{"2024-02-29", day, "2024-02-29T00:00:00Z"},
		{"2026-11-25T10:30", minute, "2026-11-25T10:30:00Z"},
		{"2026-11-25t10:30z", minute, "2026-11-25T10:30:00Z"},
		{"2026-11-25 23:59:59", second, "2026-11-25T23:59:59Z"},
		{"2026-11-25T10:30+09:00", minute, "2026-11-25T01:30:00Z"},
		{"2026-11-25T10:30:00-23:59", second, "2026-11-26T10:29:00Z"},
		{"2026-11-25T10:30:00.5Z", fraction, "2026-11-25T10:30:00.5Z"},
		{"2026-11-25T10:30:00.123456789Z", fraction, "2026-11-25T10:30:00.123456789Z"},
		{"1000", year, "1000-01-01T00:00:00Z"},
		{"9998-12-31", day, "9998-12-31T00:00:00Z"},

		{"", 0, ""}, {"0999", 0, ""}, {"9999", 0, ""}, {"026", 0, ""}, {"20266", 0, ""}, {"2026-", 0, ""}, {"2026-1", 0, ""},
		{"2026-00", 0, ""}, {"2026-13", 0, ""}, {"2026-11-00", 0, ""}, {"2026-11-31", 0, ""}, {"2023-02-29", 0, ""}, {"1900-02-29", 0, ""},
		{"2026-11-25T", 0, ""}, {"2026-11-25T10", 0, ""}, {"2026-11-25T24:00", 0, ""}, {"2026-11-25T10:60", 0, ""}, {"2026-11-25T10:30:60", 0, ""},
		{"2026-11-25T10:30:00.", 0, ""}, {"2026-11-25T10:30:00.1234567890Z", 0, ""}, {"2026-11-25T10:30+9", 0, ""}, {"2026-11-25T10:30+24:00", 0, ""},
		{"2026-11-25Z", 0, ""}, {"2026-11T10:30", 0, ""}, {"２０２６", 0, ""}, {"d", 0, ""}, {"-1d", 0, ""}, {"+1d", 0, ""}, {"1.5d", 0, ""},
		{"99999999999999999999d", 0, ""}, {"4294967295w", 0, ""}, {"100000d", 0, ""}, {"tomorrow", 0, ""}, {"mon", 0, ""},
	} {
		m, p := parseMoment(c.text)
		if (p == nil) != (c.want != "") {
			t.Errorf("%q: %v", c.text, p)
			continue
		}
		if p != nil {
			continue
		}
		if first, _ := m.span(time.Time{}, time.UTC); m.unit != c.unit || first.Format(time.RFC3339Nano) != c.want {
			t.Errorf("%q is %v from %v, want %v from %s", c.text, m.unit, first.Format(time.RFC3339Nano), c.unit, c.want)
		}
	}
}

// What clocks do that are set forward and back.
func TestSpanWhereClocksChange(t *testing.T) {
	for _, c := range []struct {
		zone, text, first, behind string
		why                       string
	}{
		{"America/New_York", "2026-03-08", "2026-03-08T05:00:00Z", "2026-03-09T04:00:00Z", "a day of 23 hours"},
		{"America/New_York", "2026-11-01", "2026-11-01T04:00:00Z", "2026-11-02T05:00:00Z", "a day of 25 hours"},
		{"America/New_York", "2026-03", "2026-03-01T05:00:00Z", "2026-04-01T04:00:00Z", "a month that is an hour shorter"},
		{"America/New_York", "2026-03-08T01:59", "2026-03-08T06:59:00Z", "2026-03-08T07:00:00Z", "the minute before the gap"},
		{"America/New_York", "2026-03-08T02:30", "2026-03-08T07:00:00Z", "2026-03-08T07:00:00Z", "a minute that the clocks skip"},
		{"America/New_York", "2026-03-08T03:00", "2026-03-08T07:00:00Z", "2026-03-08T07:01:00Z", "the minute behind the gap"},
		{"America/New_York", "2026-11-01T01:30", "2026-11-01T05:30:00Z", "2026-11-01T05:31:00Z", "a minute that they show twice"},
		{"America/New_York", "2026-11-01T01:59", "2026-11-01T05:59:00Z", "2026-11-01T06:00:00Z", "the last one of these"},
		{"America/New_York", "2026-11-01T02:00", "2026-11-01T07:00:00Z", "2026-11-01T07:01:00Z", "the one behind them"},
		{"America/Sao_Paulo", "2018-11-04", "2018-11-04T03:00:00Z", "2018-11-05T02:00:00Z", "a day that begins at one"},
		{"America/Sao_Paulo", "2018-11-04T00:00", "2018-11-04T03:00:00Z", "2018-11-04T03:00:00Z", "the midnight that it lacks"},
		{"America/Sao_Paulo", "2018-02-17", "2018-02-17T02:00:00Z", "2018-02-18T03:00:00Z", "a day whose last hour comes twice"},
		{"America/Havana", "2026-11-01", "2026-11-01T04:00:00Z", "2026-11-02T05:00:00Z", "a day that begins twice"},
		{"Pacific/Apia", "2011-12-29", "2011-12-29T10:00:00Z", "2011-12-30T10:00:00Z", "the day before one that is skipped"},
		{"Pacific/Apia", "2011-12-30", "2011-12-30T10:00:00Z", "2011-12-30T10:00:00Z", "a day that is skipped"},
		{"Pacific/Apia", "2011-12-31", "2011-12-30T10:00:00Z", "2011-12-31T10:00:00Z", "the day behind it"},
		{"Pacific/Apia", "2011", "2011-01-01T10:00:00Z", "2011-12-31T10:00:00Z", "a year without it"},
		{"Asia/Kathmandu", "2026-11-25", "2026-11-24T18:15:00Z", "2026-11-25T18:15:00Z", "a zone by quarters"},
		{"Africa/Monrovia", "1972-01-07", "1972-01-07T00:44:30Z", "1972-01-08T00:00:00Z", "a zone that skips 44 minutes and a half"},
	} {
		zone, err := time.LoadLocation(c.zone)
		if err != nil {
			t.Fatal(err)
		}
		m, p := parseMoment(c.text)
		if p != nil {
			t.Fatal(p)
		}
		first, behind := m.span(time.Time{}, zone)
		if f, b := first.Format(time.RFC3339), behind.Format(time.RFC3339); f != c.first || b != c.behind {
			t.Errorf("%s: %s in %s is from %s to %s, want %s to %s", c.why, c.text, c.zone, f, b, c.first, c.behind)
		}
	}
}

var zones = []string{
	"America/New_York", "America/Sao_Paulo", "America/Havana", "America/St_Johns", "Pacific/Apia", "Pacific/Kwajalein", "Pacific/Kiritimati",
	"Australia/Lord_Howe", "Africa/Casablanca", "Asia/Gaza", "Asia/Pyongyang", "Europe/Dublin", "Antarctica/Troll", "Asia/Kathmandu", "UTC",
}

// drawZone and drawDay prefer the days around a change of the clocks.
func drawZone(t *rapid.T) *time.Location {
	zone, err := time.LoadLocation(rapid.SampledFrom(zones).Draw(t, "zone"))
	if err != nil {
		t.Fatal(err)
	}
	return zone
}

func drawDay(t *rapid.T, zone *time.Location) time.Time {
	at := time.Unix(rapid.Int64Range(0, 2_200_000_000).Draw(t, "at"), 0).In(zone) // 1970 to 2039
	if _, end := at.ZoneBounds(); !end.IsZero() && rapid.Bool().Draw(t, "near a change") {
		at = end.In(zone)
	}
	return at.AddDate(0, 0, rapid.IntRange(-2, 2).Draw(t, "days"))
}

// An instant is the first at which the clocks show the time or a later one: found
// here by looking at them minute by minute.
func TestInstantIsTheFirst(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		zone := drawZone(t)
		y, mo, d := drawDay(t, zone).Date()
		wall := time.Date(y, mo, d, rapid.IntRange(0, 23).Draw(t, "hour"), rapid.SampledFrom([]int{0, 1, 15, 30, 59}).Draw(t, "minute"), 0, 0, time.UTC)
		got := instant(wall, zone)
		want := wall.Add(-30 * time.Hour)
		for shows := func(t time.Time) time.Time {
			l := t.In(zone)
			return time.Date(l.Year(), l.Month(), l.Day(), l.Hour(), l.Minute(), l.Second(), 0, time.UTC)
		}; shows(want).Before(wall); {
			want = want.Add(30 * time.Second)
		}
		if !got.Equal(want) {
			t.Fatalf("%v in %v is %v, want %v", wall, zone, got, want)
		}
	})
}

// Every instant is in one day, one month and one year.
func TestSpansPartTime(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		zone := drawZone(t)
		y, mo, d := drawDay(t, zone).Date()
		wall := time.Date(y, mo, d, 0, 0, 0, 0, time.UTC)
		for u, next := range map[unit]time.Time{
			day: wall.AddDate(0, 0, 1), month: wall.AddDate(0, 1, 0), year: wall.AddDate(1, 0, 0),
		} {
			first, behind := moment{unit: u, wall: wall}.span(time.Time{}, zone)
			if begins := instant(next, zone); !behind.Equal(begins) || behind.Before(first) {
				t.Fatalf("%v from %v in %v: from %v to %v, and the next begins at %v", u, wall, zone, first, behind, begins)
			}
		}
	})
}
