package query

import (
	"fmt"
	"strings"
)

// Explain says in words what the query asks for. It needs no names and no clock:
// [Query.Compile] notes what isn't as it seems.
func (q *Query) Explain() string {
	if q.Root == nil {
		return "every message"
	}
	return explain(q.Root, nil)
}

// explain is a node in words; its texts are values of o, or looked for where o is nil.
func explain(n Node, o *operator) string {
	switch n := n.(type) {
	case And:
		return list(n.Parts, " and ", o)
	case Or:
		return list(n.Parts, " or ", o)
	case Not:
		return "not " + inner(n.Part, o)
	case Field:
		return explain(n.Value, operatorOf(n.Name))
	case Range:
		return n.explain()
	case Text:
		if o != nil {
			return o.explain(n.Text)
		}
		return n.explain()
	}
	return "nothing"
}

// list joins parts: “a”, “b” and “c”.
func list(parts []Node, last string, o *operator) string {
	var b strings.Builder
	for i, part := range parts {
		switch i {
		case 0:
		case len(parts) - 1:
			b.WriteString(last)
		default:
			b.WriteString(", ")
		}
		b.WriteString(inner(part, o))
	}
	return b.String()
}

// inner is a part of a whole, in brackets where it is a list itself.
func inner(n Node, o *operator) string {
	whole := n
	for {
		f, ok := whole.(Field)
		if !ok {
			break
		}
		whole = f.Value
	}
	switch whole.(type) {
	case And, Or:
		return "(" + explain(n, o) + ")"
	}
	return explain(n, o)
}

func (n Text) explain() string {
	text := strings.TrimSpace(strings.Map(printable, n.Text))
	several := strings.Contains(text, " ")
	switch {
	case n.Prefix && several:
		return "the phrase “" + text + "…”"
	case n.Prefix:
		return "a word beginning with “" + text + "”"
	case several:
		return "the phrase “" + text + "”"
	}
	return "“" + text + "”"
}

// explain is what the operator asks for with a value.
func (o *operator) explain(value string) string {
	switch o.takes {
	case listed:
		if l := o.listing(value); l != nil {
			return l.says
		}
	case aUser, otherSide:
		if isMe(value) {
			return fmt.Sprintf(o.says, "you")
		}
	case aTime:
		return o.explainTime(value)
	}
	return fmt.Sprintf(o.says, "“"+strings.Map(printable, value)+"”")
}

// explainTime is a time in words. Those that say when by themselves need no "on".
func (o *operator) explainTime(value string) string {
	m, _ := parseMoment(value)
	words := m.words(value)
	if o.bounds == nil && m.today && !m.latest {
		return words
	}
	return fmt.Sprintf(o.says, words)
}

// words are the moment in words; typed is how it was typed.
func (m moment) words(typed string) string {
	switch {
	case m.latest:
		return "the latest " + m.weekday.String()
	case m.today && m.ago == 0:
		return "today"
	case m.today && m.ago == 1:
		return "yesterday"
	case m.today:
		return fmt.Sprintf("%d days ago", m.ago)
	}
	return strings.Map(printable, typed)
}

func (n Range) explain() string {
	from, to := n.From.words(), n.To.words()
	if n.From.Without {
		from = "the end of " + from
	}
	until := "until the end of " + to
	if n.To.Without {
		until = "until " + to + " begins"
	}
	switch {
	case n.From.Text == "" && n.To.Text == "":
		return "at any time"
	case n.From.Text == "":
		return until
	case n.To.Text == "":
		return "from " + from + " on"
	}
	return "from " + from + " " + until
}

func (b Bound) words() string {
	m, _ := parseMoment(b.Text)
	return m.words(b.Text)
}
