package query

import (
	"strings"
	"time"

	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/search"
)

// takes is what the value of an operator stands for.
type takes int

const (
	aUser takes = iota
	aRoom
	otherSide // a user: the other one of direct rooms
	listed    // one of a few words
	aThread
	aMonth
	aTime
)

// operator is a word before a colon, and all that is known of it.
type operator struct {
	name    string
	alias   string // another name; may be empty
	example string // of a value
	takes   takes
	field   string // of documents; empty for times
	says    string // what it means, with a %s for the value; empty where listed
	listed  []listing

	// Of times: the largest unit and the smallest that it takes, and what the first
	// instant of the value bounds; nil: the value is the time itself.
	largest, smallest unit
	bounds            func(first time.Time) search.Between
}

// listing is one of the words that an operator takes, and what it means.
type listing struct{ word, says string }

// operators are all there are, in the order in which people are shown them.
var operators = []operator{
	{name: "from", alias: "author", example: "name", takes: aUser, field: search.FieldAuthor, says: "sent by %s"},
	{name: "in", alias: "room", example: "room", takes: aRoom, field: search.FieldRoom, says: "in the room %s"},
	{name: "to", example: "name", takes: otherSide, field: search.FieldRoom, says: "sent to %s in a direct room"},
	{name: "mentions", alias: "mention", example: "name", takes: aUser, field: search.FieldMention, says: "mentioning %s"},
	{
		name: "before", example: "2026-11-25", takes: aTime, says: "before %s", largest: year, smallest: fraction,
		bounds: func(first time.Time) search.Between { return search.Between{To: first} },
	},
	{
		name: "after", example: "2026-11-25", takes: aTime, says: "from %s on", largest: year, smallest: fraction,
		bounds: func(first time.Time) search.Between { return search.Between{From: first} },
	},
	{name: "on", example: "2026-11-25", takes: aTime, says: "on %s", largest: day, smallest: day},
	{name: "during", example: "2026-11", takes: aTime, says: "during %s", largest: year, smallest: day},
	{name: atName, alias: "date", example: "[2026-11-01 TO 2026-11-25]", takes: aTime, says: "at %s", largest: year, smallest: fraction},
	{name: "has", example: "link", takes: listed, field: search.FieldHas, listed: []listing{
		{"link", "with a link"}, {"file", "with a file"}, {"code", "with code"},
	}},
	{name: "is", example: "thread", takes: listed, field: search.FieldIs, listed: []listing{
		{"thread", "in a thread"}, {"edited", "edited"},
	}},
	{name: "kind", example: "action", takes: listed, field: search.FieldKind, listed: []listing{
		{"text", "a plain text"}, {"action", "an action (/me)"},
	}},
	{name: "thread", example: "id", takes: aThread, field: search.FieldThread, says: "in the thread %s"},
	{name: "month", example: "2026-11", takes: aMonth, field: search.FieldMonth, says: "in the month %s of UTC"},
}

// operatorOf finds an operator by its name or alias, written in any case; nil: there is
// none.
func operatorOf(name string) *operator {
	for i := range operators {
		if o := &operators[i]; strings.EqualFold(o.name, name) || o.alias != "" && strings.EqualFold(o.alias, name) {
			return o
		}
	}
	return nil
}

// allOperators lists them for a message.
func allOperators() string {
	var names []string
	for i := range operators {
		names = append(names, operators[i].name+":")
	}
	return oneOf(names)
}

// oneOf lists two or more of which one may stand at a place.
func oneOf(all []string) string {
	last := len(all) - 1
	return strings.Join(all[:last], ", ") + " or " + all[last]
}

// atName is the operator that takes ranges.
const atName = "at"

// check says what is wrong with a value; nil: nothing.
func (o *operator) check(value string) *problem {
	switch o.takes {
	case listed:
		if o.listing(value) == nil {
			var words []string
			for _, l := range o.listed {
				words = append(words, l.word)
			}
			return &problem{shown(value) + " is nothing that “" + o.name + ":” knows", oneOf(words)}
		}
	case aThread:
		if _, err := chat.ParseEventID(value); err != nil {
			return &problem{shown(value) + " is no thread", "the id of its first text"}
		}
	case aMonth:
		m, p := parseMoment(value)
		if p != nil || m.unit != month {
			return &problem{shown(value) + " is no month", "one like 2026-11"}
		}
	case aTime:
		m, p := parseMoment(value)
		if p != nil {
			return p
		}
		if m.unit < o.largest || m.unit > o.smallest {
			return &problem{shown(value) + " is " + m.unit.String() + ", which “" + o.name + ":” doesn't take", o.expected()}
		}
	default:
		if value == "" {
			return &problem{"there is no name behind “" + o.name + ":”", "one like " + o.name + ":" + o.example}
		}
	}
	return nil
}

// checkRange says what is wrong with a range behind the operator; nil: nothing.
func (o *operator) checkRange(n Range) *problem {
	if o.name != atName {
		return &problem{"“" + o.name + ":” takes no range", "one behind “at:”, which does"}
	}
	for _, b := range [...]Bound{n.From, n.To} {
		if b.Text != "" {
			if pr := o.check(b.Text); pr != nil {
				return pr
			}
		}
	}
	return nil
}

// expected says which units of time the operator takes, where it doesn't take all.
func (o *operator) expected() string {
	if o.largest == day {
		return "a day like 2026-11-25; “during:” takes months and years"
	}
	return "a month like 2026-11, a year or a day"
}

// listing finds one of the words that the operator takes, written in any case.
func (o *operator) listing(value string) *listing {
	for i := range o.listed {
		if l := &o.listed[i]; strings.EqualFold(l.word, value) {
			return l
		}
	}
	return nil
}
