package query

import (
	"time"

	"github.com/parlor-chat/parlor/search"
)

// time compiles a time.
func (c *compiler) time(n Text, o *operator) (search.Expr, error) {
	first, behind := c.span(n.Text)
	if o.bounds != nil {
		return c.within(n, o.bounds(first))
	}
	return c.within(n, search.Between{From: first, To: behind})
}

// between compiles a range.
func (c *compiler) between(n Range, o *operator) (search.Expr, error) {
	if pr := o.checkRange(n); pr != nil {
		return nil, c.invalid(n, *pr)
	}
	from, to := n.From, n.To
	if from.Text != "" && to.Text != "" && c.turned(from, to) {
		if !c.q.lenient {
			return nil, c.invalid(n, problem{
				"the range begins with " + shown(from.Text) + " and ends before it, with " + shown(to.Text), "the earlier time first",
			})
		}
		c.note(n, "the range ends before it begins: read the other way round")
		from, to = to, from
	}
	var b search.Between
	if from.Text != "" {
		first, behind := c.span(from.Text)
		if b.From = first; from.Without {
			b.From = behind
		}
	}
	if to.Text != "" {
		first, behind := c.span(to.Text)
		if b.To = behind; to.Without {
			b.To = first
		}
	}
	return c.within(n, b)
}

// turned says whether to is wholly before from.
func (c *compiler) turned(from, to Bound) bool {
	first, _ := c.span(from.Text)
	toFirst, toBehind := c.span(to.Text)
	return !toBehind.After(first) && toFirst.Before(first)
}

// span is the first instant of a time that was checked, and the first behind it.
func (c *compiler) span(typed string) (first, behind time.Time) {
	m, _ := parseMoment(typed)
	return m.span(c.Now, c.Zone)
}

// within compiles that a message is of a time.
func (c *compiler) within(n Node, b search.Between) (search.Expr, error) {
	if !b.From.IsZero() && !b.To.IsZero() && !b.From.Before(b.To) {
		c.note(n, "no message can be of that time")
		return c.counted(n, search.Or{})
	}
	return c.counted(n, b)
}

// meet makes one of the times that must all hold: "after:" and "before:" are from and to.
func (c *compiler) meet(n And, all []search.Expr) ([]search.Expr, error) {
	one := -1 // which they become
	kept := all[:0]
	for _, e := range all {
		b, ok := e.(search.Between)
		switch {
		case !ok:
			kept = append(kept, e)
		case one < 0:
			one = len(kept)
			kept = append(kept, b)
		default:
			kept[one] = narrower(kept[one].(search.Between), b)
		}
	}
	if one < 0 || len(kept) == len(all) {
		return kept, nil
	}
	var err error
	kept[one], err = c.within(n, kept[one].(search.Between))
	return kept, err
}

// narrower is the times that are within both.
func narrower(a, b search.Between) search.Between {
	if b.From.After(a.From) {
		a.From = b.From
	}
	if a.To.IsZero() || !b.To.IsZero() && b.To.Before(a.To) {
		a.To = b.To
	}
	return a
}
