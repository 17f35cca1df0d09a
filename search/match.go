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
		for i := range d.Tokens {
			if e.At(d.Tokens[i:]) {
				return true
			}
		}
		return false
	case Equal:
		return slices.Contains(d.Values(e.Field), e.Value)
	case Between:
		return (e.From.IsZero() || !d.At.Before(e.From)) && (e.To.IsZero() || d.At.Before(e.To))
	}
	return false
}

// At says whether tokens begin with the phrase.
func (p Phrase) At(tokens []string) bool {
	last := len(p.Tokens) - 1
	if last < 0 || len(tokens) <= last || !slices.Equal(tokens[:last], p.Tokens[:last]) {
		return false
	}
	if p.LastIsPrefix {
		return strings.HasPrefix(tokens[last], p.Tokens[last])
	}
	return tokens[last] == p.Tokens[last]
}
