package inverted

import (
	"slices"

	"github.com/parlor-chat/parlor/search"
)

// pattern is words that stand one behind the other, as numbers of a segment: those of
// head, and then one from lo to hi.
type pattern struct {
	head   []uint32
	order  *search.Sequence[uint32] // of head
	lo, hi uint32
}

// pattern is a Term, a Prefix or a Phrase in a segment. ok is false if no row can have
// it, for a word is missing, or if e is something else.
func (s *segment) pattern(e search.Expr) (p pattern, ok bool) {
	phrase, ok := phraseOf(e)
	if !ok {
		return p, false
	}
	last := len(phrase.Tokens) - 1
	for _, t := range phrase.Tokens[:last] {
		lo, hi := s.text.equal(t)
		if lo == hi {
			return p, false
		}
		p.head = append(p.head, uint32(lo))
	}
	find := s.text.equal
	if phrase.LastIsPrefix {
		find = s.text.prefixed
	}
	lo, hi := find(phrase.Tokens[last])
	p.lo, p.hi = uint32(lo), uint32(hi)
	p.order = search.NewSequence(p.head)
	return p, lo < hi
}

// phraseOf is a condition on tokens as a phrase.
func phraseOf(e search.Expr) (p search.Phrase, ok bool) {
	switch e := e.(type) {
	case search.Term:
		return search.Phrase{Tokens: []string{string(e)}}, true
	case search.Prefix:
		return search.Phrase{Tokens: []string{string(e)}, LastIsPrefix: true}, true
	case search.Phrase:
		return e, true
	}
	return p, false
}

// in counts how often the pattern stands in tokens, up to most.
func (p *pattern) in(tokens []uint32, most int) int {
	if len(p.head) == 0 {
		return p.lastIn(tokens, most)
	}
	found, n := 0, 0 // tokens before this one end in the first n words of head
	for _, t := range tokens {
		if n == len(p.head) && p.lo <= t && t < p.hi {
			if found++; found == most {
				break
			}
		}
		n = p.order.After(n, t)
	}
	return found
}

// lastIn counts how often the last word of the pattern stands in tokens, up to most.
// Of a single word there is no more to count, and nothing to keep in mind.
func (p *pattern) lastIn(tokens []uint32, most int) int {
	found := 0
	for _, t := range tokens {
		if p.lo <= t && t < p.hi {
			if found++; found == most {
				break
			}
		}
	}
	return found
}

// phrase is those of some rows that have a pattern.
type phrase struct {
	rows
	plan    plan
	pattern pattern
	at      int // the last row that was found; it may be asked for again
}

func (p *phrase) next(row int) int {
	if p.at >= row {
		return p.at
	}
	for p.at = p.rows.next(row); p.at < none; p.at = p.rows.next(p.at + 1) {
		tokens := p.plan.text.row(p.at)
		if p.plan.work.stopped(len(tokens)) {
			p.at = none
		} else if p.pattern.in(tokens, 1) > 0 {
			break
		}
	}
	return p.at
}

// having is the rows that have a pattern.
func (p plan) having(words pattern) rows {
	of := []rows{p.text.rowsOf(int(words.lo), int(words.hi), p.count())}
	if len(words.head) == 0 {
		return of[0]
	}
	head := slices.Clone(words.head)
	slices.Sort(head)
	for _, n := range slices.Compact(head) {
		of = append(of, &list{p.text.list(int(n), int(n)+1)})
	}
	return &phrase{rows: andOf(of), plan: p, pattern: words, at: -1}
}

// rowsOf is the rows of the words from lo to hi.
func (c *column) rowsOf(lo, hi, segment int) rows {
	rows := c.list(lo, hi)
	if hi-lo <= 1 {
		return &list{rows}
	}
	b := newBitset(segment)
	for _, row := range rows {
		b.add(int(row))
	}
	return set{b, b.count()}
}
