package search

// Range is a part of a text: text[Start:End], in bytes.
type Range struct{ Start, End int }

// Highlights are the parts of a body that make it match an expression, in order, apart
// from each other.
func (a Analysis) Highlights(body string, where Expr) []Range { return nil }
