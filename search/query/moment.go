package query

import (
	"strconv"
	"strings"
	"time"
)

// unit is how exact a time was given, from coarse to fine.
type unit int

const (
	year unit = iota
	month
	day
	minute
	second
	fraction
)

func (u unit) String() string {
	return [...]string{"a year", "a month", "a day", "a minute", "a second", "a part of a second"}[u]
}

// The years that a query may name. Behind the last one there must be room for a year
// that RFC 3339 can write.
const (
	MinYear = 1000
	MaxYear = 9998
)

// moment is a time as people give it: "2026-11", "2026-11-25T10:30", "yesterday".
type moment struct {
	unit unit
	wall time.Time      // its first instant as a clock shows it; in UTC, whatever the zone
	step time.Duration  // how long it is, where the unit is finer than a day
	zone *time.Location // nil: the asker's

	today   bool         // counted from the day on which somebody asks, else wall
	ago     int          // days before
	weekday time.Weekday // its latest, today being one; with latest alone
	latest  bool
}

const expectedTime = "a time like 2026-11-25, 2026-11, 2026 or 2026-11-25T10:30; or today, yesterday, monday, 7d"

// parseMoment reads a time, and says what is wrong with it: also with a day that
// doesn't exist.
func parseMoment(s string) (moment, *problem) {
	if m, ok := parseWord(s); ok {
		return m, nil
	}
	c := clock{rest: s}
	m := c.read()
	switch {
	case c.problem != nil:
		return moment{}, c.problem
	case c.failed || c.rest != "":
		return moment{}, &problem{shown(s) + " is no time", expectedTime}
	}
	return m, nil
}

// parseWord reads a day by its name, and 7d and 2w: days and weeks ago.
func parseWord(s string) (moment, bool) {
	m := moment{unit: day, today: true}
	switch {
	case strings.EqualFold(s, "today"):
		return m, true
	case strings.EqualFold(s, "yesterday"):
		m.ago = 1
		return m, true
	}
	for d := time.Sunday; d <= time.Saturday; d++ {
		if strings.EqualFold(s, d.String()) {
			m.weekday, m.latest = d, true
			return m, true
		}
	}
	if s == "" {
		return moment{}, false
	}
	last := len(s) - 1
	days := 1
	switch s[last] | 0x20 {
	case 'w':
		days = 7
	case 'd':
	default:
		return moment{}, false
	}
	n, err := strconv.ParseUint(s[:last], 10, 16)
	m.ago = int(n) * days
	return m, err == nil
}

// clock reads a date, and a time of day behind it (ISO 8601; with a zone RFC 3339,
// section 5.6).
type clock struct {
	rest    string
	failed  bool
	problem *problem
}

func (c *clock) read() moment {
	y, mo, d := c.digits(4), 1, 1
	m := moment{unit: year}
	if c.sign("-") {
		m.unit, mo = month, c.digits(2)
		if c.sign("-") {
			m.unit, d = day, c.digits(2)
		}
	}
	if c.failed || !c.date(y, mo, d) {
		return m
	}
	m.wall = time.Date(y, time.Month(mo), d, 0, 0, 0, 0, time.UTC)
	if m.unit == day && (c.sign("T") || c.sign("t") || c.sign(" ")) {
		c.time(&m)
	}
	return m
}

// date says whether there is such a day.
func (c *clock) date(y, mo, d int) bool {
	wrong := func(what, expected string) bool {
		c.problem = &problem{what, expected}
		return false
	}
	switch {
	case y < MinYear || y > MaxYear:
		return wrong("the year "+strconv.Itoa(y)+" is out of reach", "one from "+strconv.Itoa(MinYear)+" to "+strconv.Itoa(MaxYear))
	case mo < 1 || mo > 12:
		return wrong("there is no month "+strconv.Itoa(mo), "one from 01 to 12")
	}
	last := time.Date(y, time.Month(mo)+1, 0, 0, 0, 0, 0, time.UTC).Day()
	if d < 1 || d > last {
		return wrong("there is no day "+strconv.Itoa(d)+" in "+time.Month(mo).String()+" "+strconv.Itoa(y), "one from 01 to "+strconv.Itoa(last))
	}
	return true
}

// time reads a time of day, and its zone.
func (c *clock) time(m *moment) {
	m.unit, m.step = minute, time.Minute
	h := c.upTo(23)
	c.must(":")
	mi := c.upTo(59)
	var s, ns int
	if c.sign(":") {
		m.unit, m.step = second, time.Second
		s = c.upTo(59)
		if c.sign(".") {
			m.unit = fraction
			ns = c.fraction(&m.step)
		}
	}
	m.wall = m.wall.Add(time.Duration(h)*time.Hour + time.Duration(mi)*time.Minute + time.Duration(s)*time.Second + time.Duration(ns))
	switch {
	case c.sign("Z") || c.sign("z"):
		m.zone = time.UTC
	case c.sign("+"):
		m.zone = c.offset(1)
	case c.sign("-"):
		m.zone = c.offset(-1)
	}
}

// fraction reads up to nine digits of a second, and says how long the last one is.
func (c *clock) fraction(step *time.Duration) (ns int) {
	n := 0
	for n < len(c.rest) && n < 9 && isDigit(c.rest[n]) {
		n++
	}
	ns = c.digits(max(n, 1))
	for range n {
		*step /= 10
	}
	return ns * int(*step)
}

func (c *clock) offset(sign int) *time.Location {
	h := c.upTo(23)
	c.must(":")
	return time.FixedZone("", sign*(h*60+c.upTo(59))*60)
}

func (c *clock) upTo(most int) int {
	n := c.digits(2)
	c.failed = c.failed || n > most
	return n
}

// digits reads a number of exactly n digits.
func (c *clock) digits(n int) (value int) {
	if len(c.rest) < n {
		c.failed = true
		return 0
	}
	for i := range n {
		if !isDigit(c.rest[i]) {
			c.failed = true
			return 0
		}
		value = value*10 + int(c.rest[i]-'0')
	}
	c.rest = c.rest[n:]
	return value
}

// sign reads s if it is there.
func (c *clock) sign(s string) (ok bool) {
	c.rest, ok = strings.CutPrefix(c.rest, s)
	return ok
}

func (c *clock) must(s string) { c.failed = !c.sign(s) || c.failed }

func isDigit(b byte) bool { return '0' <= b && b <= '9' }

// span is the first instant of the moment, and the first behind it, for somebody who
// asks at now, by his zone.
//
// A day, month or year lasts until the next one begins, be it of 23 hours or 25. What
// the clocks of a zone skip begins where they go on, and a day, or a minute, that they
// skip whole is empty. Of what they show twice it is the first.
func (m moment) span(now time.Time, zone *time.Location) (first, behind time.Time) {
	if m.zone != nil {
		zone = m.zone
	}
	wall := m.wall
	if m.today {
		y, mo, d := now.In(zone).Date()
		wall = time.Date(y, mo, d-m.ago, 0, 0, 0, 0, time.UTC)
		if m.latest {
			wall = wall.AddDate(0, 0, -(int(wall.Weekday()-m.weekday)+7)%7)
		}
	}
	first = instant(wall, zone)
	switch m.unit {
	case year:
		return first, instant(wall.AddDate(1, 0, 0), zone)
	case month:
		return first, instant(wall.AddDate(0, 1, 0), zone)
	case day:
		return first, instant(wall.AddDate(0, 0, 1), zone)
	}
	behind = instant(wall.Add(m.step), zone)
	if end := first.Add(m.step); end.Before(behind) {
		behind = end
	}
	return first, behind
}

// mostOffset is more than the clocks of any zone have ever been ahead of UTC or behind.
const mostOffset = 26 * time.Hour

// instant is the first instant at which the clocks of a zone show a wall time or, where
// they skip it, a later one.
func instant(wall time.Time, zone *time.Location) time.Time {
	for at := wall.Add(-mostOffset); ; {
		local := at.In(zone)
		_, offset := local.Zone()
		start, end := local.ZoneBounds()
		t := wall.Add(-time.Duration(offset) * time.Second)
		switch {
		case t.Before(start): // skipped
			return start.UTC()
		case end.IsZero() || t.Before(end):
			return t
		}
		at = end
	}
}
