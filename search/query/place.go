package query

import (
	"strings"
	"unicode/utf8"
)

// place is where a cursor stands: in a word, or in a value of op, of which some was
// typed. Its span is what a completion takes the place of.
type place struct {
	Span
	op    *operator // nil: a word, perhaps the name of an operator
	typed string
}

// placeAt finds the place of a cursor; false: nothing can be completed there.
func placeAt(text string, cursor int) (place, bool) {
	p := parser{lexer: lexer{text: text[:cursor]}, lenient: true}
	around := []*operator{nil} // whose brackets are open, the innermost last
	for {
		p.skipSpaces()
		start, o := p.pos, around[len(around)-1]
		if start == cursor {
			return place{Span{cursor, cursor}, o, ""}, true
		}
		noted := len(p.notes)
		t := p.token()
		if t.kind == name {
			if start, o = p.pos, t.named; start == cursor {
				return place{Span{cursor, cursor}, o, ""}, true
			}
			t = p.valueToken(o)
		}
		switch {
		case t.kind == open:
			around = append(around, o)
		case t.kind == closed:
			around = around[:max(len(around)-1, 1)]
		case p.pos < cursor:
		case t.kind == quoted:
			closed := len(p.notes) == noted
			return place{Span{start, cursor + quoteAt(text, cursor)}, o, t.text}, !closed && o != nil
		case o == nil:
			if s := text[start:cursor]; s == "-" || s == "+" { // what will not be there, or must
				start = cursor
			}
			return place{Span{start, cursor + nameAt(text, cursor)}, nil, text[start:cursor]}, true
		case o.takes == aTime:
			start += strings.LastIndexAny(text[start:cursor], "[{ ") + 1 // the bound of a range
			return place{Span{start, cursor + valueAt(text, cursor)}, o, text[start:cursor]}, true
		default:
			return place{Span{start, cursor + valueAt(text, cursor)}, o, t.text}, true
		}
	}
}

// valueToken reads what stands right behind an operator. A range, finished or not, is a
// word.
func (p *parser) valueToken(o *operator) token {
	r, size := p.peek(p.pos)
	switch s := sign(r); {
	case s == '(':
		p.pos += size
		return token{kind: open}
	case s == '"':
		return p.quoted()
	case o.takes == aTime && (s == '[' || s == '{'):
		rest := p.text[p.pos:]
		n := strings.IndexAny(rest, "]}") + 1
		if n == 0 && len(strings.Fields(rest)) <= 3 {
			n = len(rest)
		}
		if n > 0 {
			p.pos += n
			return token{kind: word}
		}
	}
	return p.word()
}

// quoteAt is how long the quote is that stands at a byte; 0: there is none.
func quoteAt(text string, i int) int {
	r, size := utf8.DecodeRuneInString(text[i:])
	if sign(r) == '"' {
		return size
	}
	return 0
}

// nameAt is how long the rest of an operator's name at a byte is, with its colon.
func nameAt(text string, i int) (n int) {
	for i+n < len(text) && isLetter(text[i+n]) {
		n++
	}
	if strings.HasPrefix(text[i+n:], ":") {
		n++
	}
	return n
}

// valueAt is how long the rest of a value at a byte is.
func valueAt(text string, i int) int {
	for n, r := range text[i:] {
		if ends(r) || r == ']' || r == '}' {
			return n
		}
	}
	return len(text) - i
}
