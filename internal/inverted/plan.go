package inverted

import (
	"math"

	"github.com/parlor-chat/parlor/search"
)

// plan finds the rows of a segment of a month for which an expression holds.
type plan struct {
	*segment
	month *month
	work  *work
}

func (p plan) rows(e search.Expr) rows {
	switch e := e.(type) {
	case nil:
		return p.all()
	case search.And:
		return p.and(e)
	case search.Or:
		return p.or(e)
	case search.Not:
		return p.not(e)
	case search.Between:
		return p.between(bounds(e))
	case search.Equal:
		return p.equal(e)
	}
	if words, ok := p.pattern(e); ok {
		return p.having(words)
	}
	return span{}
}

func (p plan) all() rows { return span{0, p.count()} }

// holdsAll says whether rows are known to be all of the segment's.
func (p plan) holdsAll(r rows) bool {
	s, ok := r.(span)
	return ok && s.most() == p.count()
}

func (p plan) and(e search.And) rows {
	var of []rows
	for _, part := range e {
		r := p.rows(part)
		if r.most() == 0 {
			return span{}
		}
		if !p.holdsAll(r) {
			of = append(of, r)
		}
	}
	if len(of) == 0 {
		return p.all()
	}
	return andOf(of)
}

func (p plan) or(e search.Or) rows {
	var of []rows
	for _, part := range e {
		r := p.rows(part)
		if p.holdsAll(r) {
			return r
		}
		if r.most() > 0 {
			of = append(of, r)
		}
	}
	if len(of) == 0 {
		return span{}
	}
	return orOf(of, p.count())
}

func (p plan) not(e search.Not) rows {
	r := p.rows(e.Expr)
	switch {
	case r.most() == 0:
		return p.all()
	case p.holdsAll(r):
		return span{}
	}
	return &not{of: r, at: -1, segment: p.count()}
}

func (p plan) between(from, to int64) rows {
	if from <= p.month.oldest && p.month.newest < to {
		return p.all() // most are
	}
	lo, hi := p.within(from, to)
	return span{lo, hi}
}

func (p plan) equal(e search.Equal) rows {
	if e.Field == search.FieldMonth {
		if e.Value == p.month.name {
			return p.all()
		}
		return span{}
	}
	lo, hi := p.fields.equal(fieldWord(e.Field, e.Value))
	return p.fields.rowsOf(lo, hi, p.count())
}

// bounds is a Between in Unix milliseconds.
func bounds(b search.Between) (from, to int64) {
	from, to = math.MinInt64, never
	if !b.From.IsZero() {
		from = ceil(b.From)
	}
	if !b.To.IsZero() {
		to = ceil(b.To)
	}
	return from, to
}

// window is times, from and to, outside of which an expression never holds.
func window(e search.Expr) (from, to int64) {
	from, to = math.MinInt64, never
	switch e := e.(type) {
	case search.Between:
		return bounds(e)
	case search.And:
		for _, part := range e {
			f, t := window(part)
			from, to = max(from, f), min(to, t)
		}
	}
	return from, to
}
