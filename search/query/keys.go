package query

import (
	"slices"
	"strings"

	"github.com/parlor-chat/parlor/search"
)

// meName is the name by which everybody calls himself.
const meName = "me"

func isMe(name string) bool { return strings.EqualFold(name, meName) }

// people are the keys of those whom a name means.
func (c *compiler) people(n Text) ([]string, error) {
	var keys []string
	var err error
	switch {
	case isMe(n.Text):
		if c.Me != "" {
			keys = []string{c.Me}
		}
	case c.Names != nil:
		keys, err = c.Names.People(c.ctx, n.Text)
	}
	return c.known(n, keys, err, "nobody is called "+shown(n.Text))
}

// rooms are the keys of the rooms that a name means.
func (c *compiler) rooms(n Text) ([]string, error) {
	var keys []string
	var err error
	if c.Names != nil {
		keys, err = c.Names.Rooms(c.ctx, n.Text)
	}
	return c.known(n, keys, err, "no room is called "+shown(n.Text))
}

// toOther compiles what was sent to somebody alone: in the asker's direct rooms with him,
// and not by himself.
func (c *compiler) toOther(n Text, o *operator) (search.Expr, error) {
	people, err := c.people(n)
	if err != nil || len(people) == 0 {
		return c.anyOf(n, o.field, nil, err)
	}
	var rooms []string
	if c.Names != nil {
		rooms, err = c.Names.Direct(c.ctx, people)
	}
	rooms, err = c.known(n, rooms, err, "there is no direct room with "+shown(n.Text))
	there, err := c.anyOf(n, o.field, rooms, err)
	if err != nil || len(rooms) == 0 {
		return there, err
	}
	by, err := c.anyOf(n, search.FieldAuthor, people, nil)
	if err != nil {
		return nil, err
	}
	c.nodes++ // Not
	return c.counted(n, search.And{there, search.Not{Expr: by}})
}

// known counts the keys of a name, each of them once, and notes where there are none.
func (c *compiler) known(n Text, keys []string, err error, none string) ([]string, error) {
	if err != nil {
		return nil, err
	}
	if len(keys) == 0 {
		c.note(n, none)
	}
	if c.keys += len(keys); c.keys > MaxKeys {
		return nil, c.tooMany(n, "users and rooms of the names in it", MaxKeys)
	}
	if len(keys) > 1 {
		keys = slices.Clone(keys)
		slices.Sort(keys)
		keys = slices.Compact(keys)
	}
	return keys, nil
}

// anyOf compiles that a field has one of these values.
func (c *compiler) anyOf(n Node, field string, values []string, err error) (search.Expr, error) {
	if err != nil {
		return nil, err
	}
	if len(values) == 1 {
		return c.counted(n, search.Equal{Field: field, Value: values[0]})
	}
	any := make(search.Or, len(values))
	for i, v := range values {
		any[i] = search.Equal{Field: field, Value: v}
	}
	c.nodes += len(values)
	return c.counted(n, any)
}
