package search

import "time"

// Expr is a condition over a document, after analysis. The types below are all
// there are: a driver translates these eight and nothing else. [Match] says what
// they mean, [CheckExpr] which are valid.
type Expr interface{ expr() }

// And holds where all parts hold; an empty And holds always.
type And []Expr

// Or holds where some part holds; an empty Or never does.
type Or []Expr

// Not holds where its part doesn't.
type Not struct{ Expr Expr }

// Term holds where some token equals it.
type Term string

// Phrase holds where its tokens stand one behind the other.
type Phrase struct {
	Tokens       []string
	LastIsPrefix bool // the last token need only begin so
}

// Prefix holds where some token begins with it.
type Prefix string

// Equal holds where some value of a field equals Value, letter by letter.
type Equal struct{ Field, Value string }

// Between holds where From ≤ At < To; a zero time is no bound.
type Between struct{ From, To time.Time }

func (And) expr()     {}
func (Or) expr()      {}
func (Not) expr()     {}
func (Term) expr()    {}
func (Phrase) expr()  {}
func (Prefix) expr()  {}
func (Equal) expr()   {}
func (Between) expr() {}
