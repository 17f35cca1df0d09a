package search

import (
	"slices"
	"strings"
)

// Match says whether a document matches an expression: it is the specification
// of what every driver finds. A nil expression matches every document, and a
// document that is Gone matches nothing. e must be valid ([CheckExpr]).
func Match(e Expr, d *Document) bool {
	return !d.Gone && (e == nil || match(e, d))
}

func match(e Expr, d *Document) bool {
	switch e := e.(type) {
	case And:
		for _, part := range e {
			if !match(part, d) {
				return false
			}
		}
		return true
	case Or:
		for _, part := range e {
			if match(part, d) {
				return true
			}
		}
		return false
	case Not:
		return !match(e.Expr, d)
	case Term:
		return slices.Contains(d.Tokens, string(e))
	case Prefix:
		for _, t := range d.Tokens {
			if strings.HasPrefix(t, string(e)) {
				return true
			}
		}
		return false
	case Phrase:
		return e.in(d.Tokens)
	case Equal:
		return slices.Contains(d.Values(e.Field), e.Value)
	case Between:
		return (e.From.IsZero() || !d.At.Before(e.From)) && (e.To.IsZero() || d.At.Before(e.To))
	}
	return false
}

// At says whether tokens begin with the phrase. A document matches if it holds from one
// of its tokens on; [Match] finds that without asking at each of them.
func (p Phrase) At(tokens []string) bool {
	last := len(p.Tokens) - 1
	return last >= 0 && len(tokens) > last &&
		slices.Equal(tokens[:last], p.Tokens[:last]) && p.endsWith(tokens[last])
}

// endsWith says whether the last token of the phrase may be this one.
func (p Phrase) endsWith(token string) bool {
	last := p.Tokens[len(p.Tokens)-1]
	return token == last || p.LastIsPrefix && strings.HasPrefix(token, last)
}

// in says whether the phrase stands in tokens, each of which is read once.
func (p Phrase) in(tokens []string) bool {
	last := len(p.Tokens) - 1
	if len(tokens) <= last || last < 0 {
		return false
	}
	head, n := NewSequence(p.Tokens[:last]), 0
	for _, t := range tokens {
		if n == last && p.endsWith(t) {
			return true
		}
		n = head.After(n, t)
	}
	return false
}
