package query

import (
	"strings"
	"unicode/utf8"
)

// String writes the query in the language, as plainly as it can: without words that
// change nothing, and with quotes and brackets only where they are needed. It is read
// as the same tree by [Parse], unless that is longer than [MaxLength].
func (q *Query) String() string {
	if q.Root == nil {
		return ""
	}
	var w writer
	w.node(q.Root)
	return w.String()
}

type writer struct{ strings.Builder }

func (w *writer) node(n Node) {
	switch n := n.(type) {
	case Text:
		w.text(n.Text, n.Prefix, false)
	case And:
		for i, part := range n.Parts {
			if i > 0 {
				w.WriteByte(' ')
			}
			w.part(part)
		}
	case Or:
		for i, part := range n.Parts {
			if i > 0 {
				w.WriteString(" OR ")
			}
			w.part(part)
		}
	case Not:
		w.WriteByte('-')
		if _, twice := n.Part.(Not); twice {
			w.brackets(n.Part)
			return
		}
		w.part(n.Part)
	case Field:
		w.WriteString(n.Name + ":")
		w.value(n.Value)
	case Range:
		w.between(n)
	}
}

// part writes a part of a greater whole.
func (w *writer) part(n Node) {
	switch n.(type) {
	case And, Or:
		w.brackets(n)
	default:
		w.node(n)
	}
}

func (w *writer) brackets(n Node) {
	w.WriteByte('(')
	w.node(n)
	w.WriteByte(')')
}

// value writes what stands right behind an operator.
func (w *writer) value(n Node) {
	switch n := n.(type) {
	case Text:
		w.text(n.Text, false, true)
	case Range:
		w.between(n)
	default:
		w.brackets(n)
	}
}

func (w *writer) between(n Range) {
	open, closed := "[", "]"
	if n.From.Without {
		open = "{"
	}
	if n.To.Without {
		closed = "}"
	}
	w.WriteString(open)
	w.bound(n.From)
	w.WriteString(" TO ")
	w.bound(n.To)
	w.WriteString(closed)
}

func (w *writer) bound(b Bound) {
	if b.Text == "" {
		w.WriteByte('*')
		return
	}
	w.text(b.Text, false, true)
}

// text writes words or a value, in quotes where signs in it could mean something.
func (w *writer) text(s string, prefix, value bool) {
	star := ""
	if prefix {
		star = "*"
	}
	if plain(s, value) {
		w.WriteString(s + star)
		return
	}
	w.WriteByte('"')
	for _, r := range s {
		if r == '"' || r == '\\' || sign(r) == '*' {
			w.WriteByte('\\')
		}
		w.WriteRune(r)
	}
	w.WriteString(star + `"`)
}

// plain says whether a text is read as it is, without quotes. In a value signs have
// less meaning.
func plain(s string, value bool) bool {
	switch s {
	case "", "AND", "OR", "NOT", "&&", "||":
		return false
	}
	first, _ := utf8.DecodeRuneInString(s)
	switch sign(first) {
	case '-', '+', '[', '{':
		return false
	}
	return strings.IndexFunc(s, func(r rune) bool {
		switch sign(r) {
		case '\\', '*', ']', '}':
			return true
		case ':', '?', '~', '^':
			return !value
		}
		return ends(r)
	}) < 0
}
