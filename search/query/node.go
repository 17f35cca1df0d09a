package query

// Span is a part of the text of a query: text[Start:End], in bytes.
type Span struct{ Start, End int }

// Place is the span itself.
func (s Span) Place() Span { return s }

// Node is a part of a query. The types below are all there are. A node that a program
// makes itself needs no span.
type Node interface {
	Place() Span // where it stands in the text
	node()
}

// Text is words that stand one behind the other, or the value of an operator.
type Text struct {
	Span
	Text   string // as it was meant: without quotes and backslashes
	Prefix bool   // the last word need only begin so; never in a value
}

// And holds where all its parts hold: two or more.
type And struct {
	Span
	Parts []Node
}

// Or holds where one of its parts holds: two or more.
type Or struct {
	Span
	Parts []Node
}

// Not holds where its part doesn't.
type Not struct {
	Span
	Part Node
}

// Field gives the texts and ranges of its value to an operator.
type Field struct {
	Span
	Name  string // of an operator, without the colon: "from"
	Value Node
}

// Range is the times between two bounds. It stands in the value of "at".
type Range struct {
	Span
	From, To Bound
}

// Bound is one end of a range.
type Bound struct {
	Span
	Text    string // a time as it was typed; empty: no bound
	Without bool   // the bound itself, the whole of its day or month, is out
}

func (Text) node()  {}
func (And) node()   {}
func (Or) node()    {}
func (Not) node()   {}
func (Field) node() {}
func (Range) node() {}

// Note is what a person should know about how a query was read.
type Note struct {
	Span
	Text string // a sentence without its full stop
}

// Query is a text that was read.
type Query struct {
	Text  string // as it was typed
	Root  Node   // nil: every message
	Notes []Note // what [ParseLenient] read otherwise; in order

	lenient bool
}

// parts are the nodes right below one.
func parts(n Node) []Node {
	switch n := n.(type) {
	case And:
		return n.Parts
	case Or:
		return n.Parts
	case Not:
		return []Node{n.Part}
	case Field:
		return []Node{n.Value}
	}
	return nil
}

// tooDeep finds a node below the levels that a tree may have.
func tooDeep(n Node, levels int) (Node, bool) {
	if levels == 0 && n != nil {
		return n, true
	}
	for _, part := range parts(n) {
		if deep, ok := tooDeep(part, levels-1); ok {
			return deep, true
		}
	}
	return nil, false
}
