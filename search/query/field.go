package query

import (
	"strings"
	"unicode"
)

// field reads an operator and its value; nil: nothing was left of it.
func (p *parser) field() Node {
	at, o := p.tok.Span, p.tok.named
	r, _ := p.peek(p.pos)
	switch s := sign(r); {
	case s == '(':
		outer := p.op
		p.op = o
		p.advance()
		n := p.group()
		p.op = outer
		return p.inField(at, o, n)
	case s != '"' && ends(r):
		return p.valueApart(at, o)
	}
	n, pr := p.value(o)
	p.advance()
	if pr == nil {
		return p.inField(at, o, p.counted(n))
	}
	at.End = n.Place().End
	p.wrong(n.Place(), *pr, "read as text")
	return p.counted(Text{Span: at, Text: strings.ToValidUTF8(p.text[at.Start:at.End], "\uFFFD")})
}

// inField gives the value that was just read to an operator that stands at a place; nil
// for no value.
func (p *parser) inField(at Span, o *operator, value Node) Node {
	if value == nil {
		return nil
	}
	return Field{Span{at.Start, p.behind}, o.name, value}
}

// valueApart is about an operator with nothing right behind it. What was meant may come
// behind a space.
func (p *parser) valueApart(at Span, o *operator) Node {
	none := problem{shown(p.text[at.Start:at.End]) + " has no value", "one right behind it: " + o.name + ":" + o.example}
	if !p.lenient {
		p.wrong(at, none, "")
		return nil
	}
	p.advance()
	if t := p.tok; t.kind == word || t.kind == quoted {
		if n, pr := p.valueOf(o, t); pr == nil {
			p.wrong(at, none, "what follows is taken for it")
			p.advance()
			return p.inField(at, o, p.counted(n))
		}
	}
	p.wrong(at, none, "left out")
	return nil
}

// valueInGroup reads one of the values in the brackets of an operator; nil: it was none.
func (p *parser) valueInGroup() Node {
	p.pos, p.notes = p.tok.Start, p.notes[:p.noted] // a value is read by rules of its own
	n, pr := p.value(p.op)
	p.advance()
	if pr == nil {
		return p.counted(n)
	}
	p.wrong(n.Place(), *pr, "left out")
	return nil
}

// value reads the value of an operator, which begins here.
func (p *parser) value(o *operator) (Node, *problem) {
	start, noted := p.pos, len(p.notes)
	r, _ := p.peek(start)
	switch sign(r) {
	case '"':
		return p.valueOf(o, p.quoted())
	case '[', '{':
		if n, ok := p.between(); ok {
			return n, o.checkRange(n)
		}
		p.pos, p.notes = start, p.notes[:noted]
		if o.takes == aTime {
			return Text{Span: p.word().Span}, &problem{"this is no range", "one like [2026-11-01 TO 2026-11-25]"}
		}
	}
	return p.valueOf(o, p.word())
}

// valueOf makes a value of a word or of what was quoted.
func (p *parser) valueOf(o *operator, t token) (Node, *problem) {
	n := Text{Span: t.Span, Text: t.text}
	if t.star >= 0 && t.kind == quoted {
		n.Text += "*"
	} else if t.star >= 0 {
		p.wrong(Span{t.star, t.End}, problem{"“" + o.name + ":” takes whole words", "no “*”"}, "left out")
	}
	return n, o.check(n.Text)
}

// between reads a range, if there is one.
func (p *parser) between() (Range, bool) {
	start := p.pos
	n := Range{}
	n.From.Without = p.bracket('[', '{') == '{'
	if !p.bound(&n.From) {
		return n, false
	}
	p.skipSpaces()
	to := Span{p.pos, min(p.pos+2, len(p.text))}
	if !strings.EqualFold(p.text[to.Start:to.End], "TO") {
		return n, false
	}
	p.pos = to.End
	if r, _ := p.peek(p.pos); !unicode.IsSpace(r) || !p.bound(&n.To) {
		return n, false
	}
	p.skipSpaces()
	switch p.bracket(']', '}') {
	case '}':
		n.To.Without = true
	case 0:
		if p.pos < len(p.text) {
			return n, false
		}
		p.wrong(Span{start, p.pos}, problem{"the range is never closed", "“]” or “}”"}, "read as if it were closed at the end")
	}
	if p.text[to.Start:to.End] != "TO" {
		p.wrong(to, problem{"“TO” is written in capitals", "“TO”"}, "read so")
	}
	n.Span = Span{start, p.pos}
	return n, true
}

// bracket reads one of two brackets; 0: there is none.
func (p *parser) bracket(a, b rune) rune {
	r, size := p.peek(p.pos)
	if s := sign(r); s == a || s == b {
		p.pos += size
		return s
	}
	return 0
}

// bound reads one end of a range, quoted or not.
func (p *parser) bound(b *Bound) bool {
	p.skipSpaces()
	if r, _ := p.peek(p.pos); sign(r) == '"' {
		t := p.quoted()
		b.Span, b.Text = t.Span, t.text
		return t.text != "" && t.star < 0
	}
	b.Start = p.pos
	for {
		r, size := p.peek(p.pos)
		if s := sign(r); ends(r) || s == ']' || s == '}' {
			break
		}
		p.pos += size
	}
	b.End = p.pos
	if b.Text = p.text[b.Start:b.End]; b.Text == "*" {
		b.Text = ""
	}
	return b.End > b.Start
}
