package bleve

import (
	"math"
	"time"

	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/search"
)

// monthSpan is the milliseconds of a month as the field names it: "2026-11".
func monthSpan(name string) (from, to int64, ok bool) {
	t, err := time.Parse("2006-01", name)
	if err != nil {
		return 0, 0, false
	}
	return t.UnixMilli(), t.AddDate(0, 1, 0).UnixMilli(), chat.Month(t) == name
}

// spanOf is the milliseconds of a Between.
func spanOf(x search.Between) (from, to int64) {
	from, to = math.MinInt64, math.MaxInt64
	if !x.From.IsZero() {
		from = ceil(x.From)
	}
	if !x.To.IsZero() {
		to = ceil(x.To)
	}
	return from, to
}

// bounds is the time outside of which nothing matches, as far as that is plain to see.
func bounds(x search.Expr) (from, to int64) {
	from, to = math.MinInt64, math.MaxInt64
	switch x := x.(type) {
	case search.Between:
		return spanOf(x)
	case search.Equal:
		if x.Field == search.FieldMonth {
			if f, t, ok := monthSpan(x.Value); ok {
				return f, t
			}
			return 0, 0
		}
	case search.And:
		for _, part := range x {
			f, t := bounds(part)
			from, to = max(from, f), min(to, t)
		}
	}
	return from, to
}
