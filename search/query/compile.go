package query

import (
	"context"
	"strconv"
	"time"

	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/search"
)

// Env is who asks, and when. The zero value works: then nobody has a name.
type Env struct {
	Zone     *time.Location  // whose days, months and years count; nil: UTC
	Now      time.Time       // what today is; zero: the clock of this machine
	Me       string          // the key of the asker; empty: "me" is nobody
	Analysis search.Analysis // that of the index which will be asked
	Names    Names           // nil: nobody and nothing has a name
}

// Names finds users and rooms by what people call them, as far as the asker may know of
// them. It gets a name as it was typed, without quotes and backslashes, and decides what
// is the same. Several keys of a name are all meant, in any order; a name that nobody
// has gives none, which is no error. [MaxKeys] and one more are enough. An error ends the
// compilation and is returned as it is.
type Names interface {
	// People are the keys of the users of that name.
	People(ctx context.Context, name string) ([]string, error)
	// Rooms are the keys of the rooms of that name.
	Rooms(ctx context.Context, name string) ([]string, error)
	// Direct are the keys of the asker's direct rooms in which one of these users is, by
	// their keys. The asker himself is in all of them.
	Direct(ctx context.Context, people []string) ([]string, error)
}

// Compile makes the expression that an index is asked, which [search.CheckExpr] finds
// valid, and notes what a person should know about it: a name that nobody has, a word in
// which there is nothing to find.
//
// Such a word is left out, and where nothing else is asked for nothing matches, as in
// [search.Words]. A name that nobody has matches nothing. Names that stand for more than
// [MaxKeys] users and rooms, and an expression of more than [search.MaxExpr] nodes, are
// [chat.ErrTooLarge]; a range that ends before it begins is [chat.ErrInvalid], and read
// the other way round where the query was read leniently.
func (q *Query) Compile(ctx context.Context, env Env) (search.Expr, []Note, error) {
	if env.Zone == nil {
		env.Zone = time.UTC
	}
	if env.Now.IsZero() {
		env.Now = time.Now()
	}
	if q.Root == nil {
		return search.And{}, nil, nil
	}
	c := compiler{Env: env, ctx: ctx, q: q}
	if deep, ok := tooDeep(q.Root, MaxDepth); ok {
		return nil, nil, c.tooMany(deep, "levels", MaxDepth)
	}
	e, err := c.node(q.Root, nil)
	if err != nil {
		return nil, nil, err
	}
	if e == nil {
		e = search.Or{}
	}
	return e, c.notes, nil
}

// compiler makes one expression.
type compiler struct {
	Env
	ctx   context.Context
	q     *Query
	notes []Note
	nodes int // of the expression so far
	keys  int // that names stand for, so far
}

// node compiles a part, whose texts are values of o; nil: they are looked for. The
// expression is nil where there was nothing to find.
func (c *compiler) node(n Node, o *operator) (search.Expr, error) {
	switch n := n.(type) {
	case And:
		all, err := c.all(n.Parts, o)
		if err == nil {
			all, err = c.meet(n, all)
		}
		if err != nil || len(all) < 2 {
			return first(all), err
		}
		return c.counted(n, search.And(all))
	case Or:
		all, err := c.all(n.Parts, o)
		if err != nil || len(all) < 2 {
			return first(all), err
		}
		return c.counted(n, search.Or(all))
	case Not:
		e, err := c.node(n.Part, o)
		if e == nil || err != nil {
			return nil, err
		}
		return c.counted(n, search.Not{Expr: e})
	case Field:
		if o = operatorOf(n.Name); o == nil {
			return nil, c.invalid(n, problem{"there is no operator " + shown(n.Name+":"), allOperators()})
		}
		return c.node(n.Value, o)
	case Range:
		if o == nil {
			return nil, c.invalid(n, problem{"a range stands behind no operator", "“at:” before it"})
		}
		return c.between(n, o)
	case Text:
		if o == nil {
			return c.words(n)
		}
		return c.value(n, o)
	}
	return nil, c.invalid(Text{}, problem{"a part of the query is none of this package", ""})
}

// all compiles parts, and leaves out those in which there is nothing to find.
func (c *compiler) all(parts []Node, o *operator) ([]search.Expr, error) {
	all := make([]search.Expr, 0, len(parts))
	for _, n := range parts {
		e, err := c.node(n, o)
		if err != nil {
			return nil, err
		}
		if e != nil {
			all = append(all, e)
		}
	}
	return all, nil
}

func first(all []search.Expr) search.Expr {
	if len(all) == 0 {
		return nil
	}
	return all[0]
}

// words compiles a text to look for.
func (c *compiler) words(n Text) (search.Expr, error) {
	if n.Prefix {
		if pr := checkPrefix(n.Text); pr != nil {
			return nil, c.invalid(n, *pr)
		}
	}
	e := c.Analysis.PhraseOf(n.Text, n.Prefix)
	if or, ok := e.(search.Or); ok && len(or) == 0 {
		c.note(n, "there is nothing to find in "+shown(n.Text)+": left out")
		return nil, nil
	}
	return c.counted(n, e)
}

// value compiles a value of an operator.
func (c *compiler) value(n Text, o *operator) (search.Expr, error) {
	if pr := o.check(n.Text); pr != nil {
		return nil, c.invalid(n, *pr)
	}
	switch o.takes {
	case aUser:
		keys, err := c.people(n)
		return c.anyOf(n, o.field, keys, err)
	case aRoom:
		keys, err := c.rooms(n)
		return c.anyOf(n, o.field, keys, err)
	case otherSide:
		return c.toOther(n, o)
	case listed:
		return c.counted(n, search.Equal{Field: o.field, Value: o.listing(n.Text).word})
	case aTime:
		return c.time(n, o)
	}
	return c.counted(n, search.Equal{Field: o.field, Value: n.Text})
}

// counted counts the nodes of an expression, whose parts were counted before.
func (c *compiler) counted(n Node, e search.Expr) (search.Expr, error) {
	c.nodes++
	if p, ok := e.(search.Phrase); ok {
		c.nodes += len(p.Tokens)
	}
	if c.nodes > search.MaxExpr {
		return nil, c.tooMany(n, "words and names", search.MaxExpr)
	}
	return e, nil
}

func (c *compiler) note(n Node, text string) { c.notes = append(c.notes, Note{n.Place(), text}) }

func (c *compiler) invalid(n Node, pr problem) error {
	return errorAt("compile", c.q.Text, chat.ErrInvalid, n.Place(), 0, pr)
}

func (c *compiler) tooMany(n Node, of string, limit int64) error {
	return errorAt("compile", c.q.Text, chat.ErrTooLarge, n.Place(), limit,
		problem{"the query has too many " + of, "at most " + strconv.FormatInt(limit, 10)})
}
