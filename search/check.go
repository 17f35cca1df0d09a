package search

import (
	"fmt"
	"slices"
	"unicode/utf8"

	"github.com/parlor-chat/parlor/chat"
)

// Limits of a request.
const (
	MaxLimit  = 500
	MaxCount  = 1 << 30
	MaxFacets = 8
	MaxBucket = 1000
	MaxExpr   = 1000 // nodes of an expression, the tokens of phrases counted
	MaxDepth  = 50   // of an expression; a single node has depth 1
)

// fields are all fields that a document has.
var fields = []string{FieldRoom, FieldMonth, FieldAuthor, FieldKind, FieldHas, FieldIs, FieldMention, FieldThread}

// Check says what is wrong with a request, apart from its cursor. Drivers call it
// and return its error.
func (r Request) Check(op string) error {
	if r.Where != nil {
		if err := CheckExpr(op, r.Where); err != nil {
			return err
		}
	}
	if r.Scope.Tenant == "" {
		return &chat.Error{Kind: chat.ErrInvalid, Op: op, Field: "tenant"}
	}
	if err := between(op, "limit", r.Limit, 0, MaxLimit); err != nil {
		return err
	}
	if err := between(op, "count", r.Count, 0, MaxCount); err != nil {
		return err
	}
	if err := between(op, "facets", len(r.Facets), 0, MaxFacets); err != nil {
		return err
	}
	for _, f := range r.Facets {
		if f.Field == FieldThread || !slices.Contains(fields, f.Field) {
			return unknownField(op, f.Field)
		}
		if err := between(op, "facet size", f.Size, 1, MaxBucket); err != nil {
			return err
		}
	}
	return nil
}

// CheckExpr says what is wrong with an expression: a part that is nil or of no
// type of this package, an empty token, a phrase without tokens or an unknown
// field is ErrInvalid; more than MaxExpr nodes, more than MaxDepth levels or a
// token of more than [MaxToken] characters is ErrTooLarge.
func CheckExpr(op string, e Expr) error {
	c := checker{op: op}
	return c.check(e, 1)
}

// checker goes through one expression.
type checker struct {
	op    string
	nodes int
}

func (c *checker) check(e Expr, depth int) error {
	if depth > MaxDepth {
		return &chat.Error{Kind: chat.ErrTooLarge, Op: c.op, Field: "depth", Limit: MaxDepth}
	}
	if c.nodes++; c.nodes > MaxExpr {
		return c.tooMany()
	}
	switch e := e.(type) {
	case And:
		return c.parts(e, depth)
	case Or:
		return c.parts(e, depth)
	case Not:
		return c.check(e.Expr, depth+1)
	case Term:
		return c.token("term", string(e))
	case Prefix:
		return c.token("prefix", string(e))
	case Phrase:
		return c.phrase(e)
	case Equal:
		if !slices.Contains(fields, e.Field) {
			return unknownField(c.op, e.Field)
		}
		return nil
	case Between:
		return nil
	}
	return &chat.Error{Kind: chat.ErrInvalid, Op: c.op, Field: "where", Err: fmt.Errorf("%T is no expression", e)}
}

func (c *checker) parts(parts []Expr, depth int) error {
	for _, part := range parts {
		if err := c.check(part, depth+1); err != nil {
			return err
		}
	}
	return nil
}

func (c *checker) phrase(p Phrase) error {
	if len(p.Tokens) == 0 {
		return &chat.Error{Kind: chat.ErrInvalid, Op: c.op, Field: "phrase"}
	}
	if c.nodes += len(p.Tokens); c.nodes > MaxExpr {
		return c.tooMany()
	}
	for _, t := range p.Tokens {
		if err := c.token("phrase", t); err != nil {
			return err
		}
	}
	return nil
}

func (c *checker) token(field, t string) error {
	switch {
	case t == "" || !utf8.ValidString(t):
		return &chat.Error{Kind: chat.ErrInvalid, Op: c.op, Field: field}
	case utf8.RuneCountInString(t) > MaxToken:
		return &chat.Error{Kind: chat.ErrTooLarge, Op: c.op, Field: field, Limit: MaxToken}
	}
	return nil
}

func (c *checker) tooMany() error {
	return &chat.Error{Kind: chat.ErrTooLarge, Op: c.op, Field: "where", Limit: MaxExpr}
}

// CheckApply says what is wrong with the arguments of [Index.Apply]. Drivers call
// it and return its error.
func CheckApply(op string, docs []Document, upTo []chat.Position) error {
	if err := between(op, "documents", len(docs), 0, chat.MaxBatch); err != nil {
		return err
	}
	if err := between(op, "positions", len(upTo), 0, chat.MaxBatch); err != nil {
		return err
	}
	invalid := func(field string) error { return &chat.Error{Kind: chat.ErrInvalid, Op: op, Field: field} }
	for i := range docs {
		switch d := &docs[i]; {
		case !named(d.Position.Room):
			return invalid("room")
		case d.Position.Seq < 1:
			return invalid("seq")
		case d.Revision < d.Position.Seq:
			return invalid("revision")
		case d.At.IsZero():
			return invalid("at")
		}
	}
	for _, p := range upTo {
		switch {
		case !named(p.Room):
			return invalid("room")
		case p.Seq < 0:
			return invalid("seq")
		}
	}
	return nil
}

func named(r chat.RoomID) bool { return r.Tenant != "" && r.Key != "" }

// between says whether n is within its limits.
func between(op, field string, n, least, most int) error {
	switch {
	case n < least:
		return &chat.Error{Kind: chat.ErrInvalid, Op: op, Field: field, Limit: int64(least)}
	case n > most:
		return &chat.Error{Kind: chat.ErrTooLarge, Op: op, Field: field, Limit: int64(most)}
	}
	return nil
}

func unknownField(op, field string) error {
	return &chat.Error{Kind: chat.ErrInvalid, Op: op, Field: "field", Err: fmt.Errorf("no field %q here", field)}
}
