package query

import (
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/parlor-chat/parlor/chat"
)

// Parse reads a query. A text that is blank asks for every message. What isn't right is
// an [Error].
func Parse(text string) (*Query, error) { return parse(text, false) }

// parser makes a tree of the tokens of a text. Once it has failed it sees nothing but
// the end of the text.
type parser struct {
	lexer
	tok     token
	behind  int // where what was read before tok ends
	lenient bool
	notes   []Note
	noted   int // how many there were before tok
	err     error

	op       *operator // whose brackets these are; nil: nobody's
	brackets int       // that are open
	terms    int
	prefixes int
}

func parse(text string, lenient bool) (*Query, error) {
	p := &parser{lexer: lexer{text: text}, lenient: lenient}
	if len(text) > MaxLength {
		p.text = strings.Clone(text[:MaxLength])
		p.fail(chat.ErrTooLarge, Span{MaxLength, MaxLength}, MaxLength, problem{"the query has " + strconv.Itoa(len(text)) + " bytes", "at most " + strconv.Itoa(MaxLength)})
		return nil, p.err
	}
	p.checkUTF8()
	p.advance()
	root := p.or()
	if deep, ok := tooDeep(root, MaxDepth); ok {
		p.tooMany(deep.Place(), "levels", MaxDepth)
	}
	if p.err != nil {
		return nil, p.err
	}
	if root == nil && p.lenient {
		root = p.allAsText()
	}
	slices.SortStableFunc(p.notes, func(a, b Note) int { return a.Start - b.Start })
	return &Query{Text: text, Root: root, Notes: p.notes[:min(len(p.notes), MaxNotes)], lenient: lenient}, nil
}

// checkUTF8 finds the first place that isn't UTF-8.
func (p *parser) checkUTF8() {
	if utf8.ValidString(p.text) {
		return
	}
	i := 0
	for r, size := p.peek(i); r != utf8.RuneError || size != 1; r, size = p.peek(i) {
		i += size
	}
	at, what := Span{i, i + 1}, "this is no UTF-8"
	if rest := p.text[i:]; len(rest) > 2 && rest[0] == 0xED && rest[1] >= 0xA0 { // U+D800 to U+DFFF
		at.End, what = i+3, "this is half of a character: a lone surrogate"
	}
	p.wrong(at, problem{what, "whole characters"}, "read as a sign in which there is nothing to find")
}

// fail ends the reading.
func (p *parser) fail(kind error, at Span, limit int64, pr problem) {
	if p.err == nil {
		p.err = errorAt("parse", p.text, kind, at, limit, pr)
	}
	p.tok = token{}
}

// tooMany fails because of a limit.
func (p *parser) tooMany(at Span, of string, limit int64) {
	p.fail(chat.ErrTooLarge, at, limit, problem{"the query has too many " + of, "at most " + strconv.FormatInt(limit, 10)})
}

// wrong fails or, where that is allowed, notes what was made of it.
func (p *parser) wrong(at Span, pr problem, instead string) {
	if !p.lenient {
		p.fail(chat.ErrInvalid, at, 0, pr)
		return
	}
	p.notes = append(p.notes, Note{at, pr.what + ": " + instead})
}

// advance reads the next token.
func (p *parser) advance() {
	p.behind, p.noted = p.pos, len(p.notes)
	if t := p.token(); p.err == nil {
		p.tok = t
	}
}

// or reads parts joined by OR; nil: there are none.
func (p *parser) or() Node {
	var parts []Node
	start := p.tok.Start
	if n := p.and(); n != nil {
		parts = append(parts, n)
	}
	for p.tok.kind == or {
		op, first := p.tok, len(parts) == 0
		if first {
			p.lone(op, "before")
		}
		p.advance()
		if n := p.and(); n != nil {
			parts = append(parts, n)
		} else if !first {
			p.lone(op, "behind")
		}
	}
	if len(parts) < 2 {
		return only(parts)
	}
	return Or{Span{start, p.behind}, parts}
}

// and reads parts joined by AND or by nothing; nil: there are none.
func (p *parser) and() Node {
	var parts []Node
	start := p.tok.Start
	var op token // an AND that waits for what stands behind it
	for {
		switch t := p.tok; {
		case t.kind == and:
			if op.kind == and {
				p.lone(op, "behind")
			}
			if op = t; len(parts) == 0 {
				p.lone(t, "before")
				op = token{}
			}
			p.advance()
		case t.kind == closed && p.brackets == 0:
			p.wrong(t.Span, problem{"“)” closes nothing", "“(” before it, or quotes around it"}, "left out")
			p.advance()
		case t.kind == end || t.kind == or || t.kind == closed:
			if op.kind == and {
				p.lone(op, "behind")
			}
			if len(parts) < 2 {
				return only(parts)
			}
			return And{Span{start, p.behind}, parts}
		default:
			if n := p.unary(); n != nil {
				parts = append(parts, n)
			}
			op = token{}
		}
	}
}

// lone says that an operator has nothing on one side.
func (p *parser) lone(op token, side string) {
	p.wrong(op.Span, problem{shown(p.text[op.Start:op.End]) + " has nothing " + side + " it", "a word there, or quotes around it"}, "left out")
}

// only is the part of a list that has one at most.
func only(parts []Node) Node {
	if len(parts) == 0 {
		return nil
	}
	return parts[0]
}

// unary reads one part, and what is said of it alone; nil: nothing was left of it.
func (p *parser) unary() Node {
	t := p.tok
	switch t.kind {
	case not, plus:
		p.advance()
		switch p.tok.kind {
		case end, closed, and, or:
			p.lone(t, "behind")
			return nil
		}
		n := p.unary()
		if n == nil || t.kind == plus {
			return n
		}
		return Not{Span{t.Start, p.behind}, n}
	case open:
		return p.group()
	case name:
		return p.field()
	}
	if p.op != nil {
		return p.valueInGroup()
	}
	p.advance()
	return p.leaf(t)
}

// group reads brackets; nil: nothing was left of them.
func (p *parser) group() Node {
	at := p.tok.Span
	if p.brackets == MaxDepth {
		p.tooMany(at, "levels of brackets", MaxDepth)
		return nil
	}
	p.brackets++
	p.advance()
	n := p.or()
	p.brackets--
	if p.tok.kind == closed {
		at.End = p.tok.End
		p.noSuffix()
		p.advance()
	} else {
		p.wrong(at, problem{"“(” is never closed", "“)”"}, "read as if it were closed at the end")
	}
	if n == nil {
		p.wrong(at, problem{"nothing stands between the brackets", "a word"}, "left out")
	}
	return n
}

// leaf makes a node of a word or of what was quoted.
func (p *parser) leaf(t token) Node {
	n := Text{Span: t.Span, Text: t.text}
	switch {
	case t.odd >= 0:
		p.wrong(Span{t.odd, t.odd + 1}, unknownSign(p.text[t.odd]), "read as text")
	case t.star >= 0:
		pr := checkPrefix(t.text)
		if n.Prefix = pr == nil; n.Prefix {
			p.prefixes++
			break
		}
		p.wrong(t.Span, *pr, "read as a whole word")
	}
	if t.star >= 0 && !n.Prefix {
		n.Text += "*"
	}
	return p.counted(n)
}

// counted counts a text or a range.
func (p *parser) counted(n Node) Node {
	if t, ok := n.(Text); ok && p.prefixes > MaxPrefixes {
		p.tooMany(t.Span, "words with “*”", MaxPrefixes)
	}
	if p.terms++; p.terms > MaxTerms {
		p.tooMany(n.Place(), "words and values", MaxTerms)
	}
	return n
}

// allAsText is what remains of a text in which nothing could be read.
func (p *parser) allAsText() Node {
	trimmed := strings.TrimSpace(p.text)
	if trimmed == "" {
		return nil
	}
	start := strings.Index(p.text, trimmed)
	at := Span{start, start + len(trimmed)}
	p.notes = append(p.notes, Note{at, "nothing was left: the whole is read as text"})
	return Text{Span: at, Text: strings.ToValidUTF8(trimmed, "\uFFFD")}
}
