package query

import (
	"context"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/parlor-chat/parlor/chat"
)

// MaxCompletions is how many completions are given at most.
const MaxCompletions = 20

// Suggester offers names that somebody may know of and that begin with what he typed,
// the best first, at most limit of them. How letters are compared is up to it.
type Suggester interface {
	SuggestPeople(ctx context.Context, beginning string, limit int) ([]string, error)
	SuggestRooms(ctx context.Context, beginning string, limit int) ([]string, error)
}

// Completion is one thing that may stand at the cursor.
type Completion struct {
	Span         // what it takes the place of; empty: nothing
	Text  string // what is written there, in quotes where it must be
	Label string // what it means, in words; may be empty
}

// Completer completes queries for somebody. The zero value knows no names.
type Completer struct {
	Names Suggester      // nil: there are none
	Zone  *time.Location // whose months are offered; nil: UTC
	Now   time.Time      // zero: the clock of this machine
}

// Complete says what may stand where the cursor is, a byte of the text: operators and
// their values, people, rooms, days and months, the best first, at most
// [MaxCompletions]. The text may be wrong elsewhere, and end anywhere. A cursor outside
// of the text or within a character is [chat.ErrInvalid] with the field "cursor"; a text
// longer than [MaxLength] is [chat.ErrTooLarge]. Errors of Names are returned as they are.
func (c Completer) Complete(ctx context.Context, text string, cursor int) ([]Completion, error) {
	const op = "complete"
	switch {
	case len(text) > MaxLength:
		return nil, &chat.Error{Kind: chat.ErrTooLarge, Op: op, Field: "query", Limit: MaxLength}
	case cursor < 0 || cursor > len(text) || cursor < len(text) && !utf8.RuneStart(text[cursor]):
		return nil, &chat.Error{Kind: chat.ErrInvalid, Op: op, Field: "cursor", Limit: int64(len(text))}
	}
	p, ok := placeAt(text, cursor)
	if !ok {
		return nil, nil
	}
	all, err := c.at(ctx, p)
	if err != nil {
		return nil, err
	}
	all = all[:min(len(all), MaxCompletions)]
	for i := range all {
		all[i].Span = p.Span
	}
	return all, nil
}

// at lists what may stand at a place.
func (c Completer) at(ctx context.Context, p place) ([]Completion, error) {
	if p.op == nil {
		return operatorsFrom(p.typed), nil
	}
	switch p.op.takes {
	case aUser, otherSide:
		var all []Completion
		if beginsWith(meName, p.typed) {
			all = append(all, Completion{Text: meName, Label: "you"})
		}
		if c.Names == nil {
			return all, nil
		}
		names, err := c.Names.SuggestPeople(ctx, p.typed, MaxCompletions)
		return append(all, written(names)...), err
	case aRoom:
		if c.Names == nil {
			return nil, nil
		}
		names, err := c.Names.SuggestRooms(ctx, p.typed, MaxCompletions)
		return written(names), err
	case listed:
		var all []Completion
		for _, l := range p.op.listed {
			if beginsWith(l.word, p.typed) {
				all = append(all, Completion{Text: l.word, Label: l.says})
			}
		}
		return all, nil
	case aTime:
		var all []Completion
		if p.op.smallest >= day {
			all = daysFrom(p.typed)
		}
		if p.op.largest <= month {
			all = append(all, c.monthsFrom(p.typed)...)
		}
		return all, nil
	case aMonth:
		return c.monthsFrom(p.typed), nil
	}
	return nil, nil
}

// written makes completions of names.
func written(names []string) []Completion {
	var all []Completion
	for _, name := range names {
		var w writer
		w.text(name, false, true)
		all = append(all, Completion{Text: w.String()})
	}
	return all
}

// joiners are the words between parts of a query.
var joiners = []listing{
	{"AND", "both must hold"}, {"OR", "one must hold"}, {"NOT", "what follows must not hold"},
}

// operatorsFrom lists the operators that begin with what was typed.
func operatorsFrom(typed string) []Completion {
	var all []Completion
	for i := range operators {
		o := &operators[i]
		if beginsWith(o.name, typed) || o.alias != "" && beginsWith(o.alias, typed) {
			all = append(all, Completion{Text: o.name + ":", Label: o.about()})
		}
	}
	for _, j := range joiners {
		if typed != "" && strings.HasPrefix(j.word, typed) {
			all = append(all, Completion{Text: j.word, Label: j.says})
		}
	}
	return all
}

// about is what the operator means, whatever its value.
func (o *operator) about() string {
	if o.takes != listed {
		return fmt.Sprintf(o.says, "…")
	}
	var says []string
	for _, l := range o.listed {
		says = append(says, l.says)
	}
	return oneOf(says)
}

// daysFrom lists the names of days.
func daysFrom(typed string) []Completion {
	var all []Completion
	offer := func(word, label string) {
		if beginsWith(word, typed) {
			all = append(all, Completion{Text: word, Label: label})
		}
	}
	offer("today", "")
	offer("yesterday", "")
	if typed == "" {
		return all
	}
	for d := time.Sunday; d <= time.Saturday; d++ {
		offer(strings.ToLower(d.String()), "the latest "+d.String())
	}
	return all
}

// monthsFrom lists the months of the last twenty years that begin with what was typed,
// as they are written ("2026-11") or called ("nov"); the latest first.
func (c Completer) monthsFrom(typed string) []Completion {
	zone, now := c.Zone, c.Now
	if zone == nil {
		zone = time.UTC
	}
	if now.IsZero() {
		now = time.Now()
	}
	y, mo, _ := now.In(zone).Date()
	var all []Completion
	for i := range 12 * 20 {
		m := time.Date(y, mo-time.Month(i), 1, 0, 0, 0, 0, time.UTC)
		text := m.Format("2006-01")
		if beginsWith(text, typed) || beginsWith(m.Month().String(), typed) {
			all = append(all, Completion{Text: text, Label: m.Format("January 2006")})
		}
		if len(all) == 12 {
			break
		}
	}
	return all
}

// beginsWith says whether a word begins with what was typed, in any case.
func beginsWith(word, typed string) bool {
	return len(word) >= len(typed) && strings.EqualFold(word[:len(typed)], typed)
}
