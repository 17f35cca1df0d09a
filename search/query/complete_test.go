package query_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/search/query"
)

func (house) SuggestPeople(_ context.Context, beginning string, limit int) ([]string, error) {
	if beginning == "away" {
		return nil, chat.ErrUnavailable
	}
	return startingWith(beginning, limit, "ann", "Ann Lee", "bob", `Bob "B" Lee`)
}

func (house) SuggestRooms(_ context.Context, beginning string, limit int) ([]string, error) {
	return startingWith(beginning, limit, "general", "ask (here)", "#go")
}

func startingWith(beginning string, limit int, names ...string) ([]string, error) {
	var all []string
	for _, name := range names {
		if strings.HasPrefix(strings.ToLower(name), strings.ToLower(beginning)) {
			all = append(all, name)
		}
	}
	return all[:min(len(all), limit)], nil
}

func TestComplete(t *testing.T) {
	c := query.Completer{Names: house{}, Zone: tokyo, Now: at("2026-11-30T16:00:00Z")} // it is December in Tokyo
	for _, k := range []struct{ name, text, want string }{                             // the cursor is at |; what is chosen stands there
		{"nothing typed", "|", "from:| in:| to:| mentions:| before:| after:| on:| during:| at:| has:| is:| kind:| thread:| month:|"},
		{"behind a space", "a |", "a from:| a in:| a to:| a mentions:| a before:| a after:| a on:| a during:| a at:| a has:| a is:| a kind:| a thread:| a month:|"},
		{"an operator", "fr|", "from:|"},
		{"in capitals", "MEN|", "mentions:|"},
		{"by its other name", "a auth|", "a from:|"},
		{"of what isn't", "-fr|", "-from:|"},
		{"behind a minus", "a -|", "a -from:| a -in:| a -to:| a -mentions:| a -before:| a -after:| a -on:| a -during:| a -at:| a -has:| a -is:| a -kind:| a -thread:| a -month:|"},
		{"in brackets", "(a OR be|", "(a OR before:|"},
		{"within a name", "fr|om:ann b", "from:|ann b"},
		{"AND", "a A|", "a from:| a after:| a at:| a AND|"},
		{"a word", "hello|", ""},
		{"a quote", `"fr|`, ""},
		{"a closed quote", `"fr"|`, ""},
		{"no operator", "foo:b|", ""},

		{"people", "from:|", `from:me| from:ann| from:"Ann Lee"| from:bob| from:"Bob \"B\" Lee"|`},
		{"a person", "from:an|", `from:ann| from:"Ann Lee"|`},
		{"a person within", "x from:an|x y", `x from:ann| y x from:"Ann Lee"| y`},
		{"me", "to:m|", "to:me|"},
		{"a person in quotes", `from:"Ann L|`, `from:"Ann Lee"|`},
		{"a person in quotes that an editor closed", `from:"Ann L|" b`, `from:"Ann Lee"| b`},
		{"a person in a phone's quotes", `from:“Ann L|”`, `from:"Ann Lee"|`},
		{"a person behind a backslash", `from:Ann\ L|`, `from:"Ann Lee"|`},
		{"a person in brackets", "from:(bob OR an|", `from:(bob OR ann| from:(bob OR "Ann Lee"|`},
		{"behind these brackets", "from:(bob) fr|", "from:(bob) from:|"},
		{"a person who is complete", `from:"ann"|`, ""},
		{"a room", "in:a|", `in:"ask (here)"|`},
		{"a room behind what is wrong", `foo:x ) "y" in:#|`, `foo:x ) "y" in:#go|`},

		{"what there is", "has:|", "has:link| has:file| has:code|"},
		{"what it is", "is:T|", "is:thread|"},
		{"a day", "on:|", "on:today| on:yesterday|"},
		{"a day of the week", "on:t|", "on:today| on:tuesday| on:thursday|"},
		{"a month", "during:2026-1|", "during:2026-12| during:2026-11| during:2026-10|"},
		{"a month by its name", "month:no|", "month:2026-11| month:2025-11| month:2024-11| month:2023-11| month:2022-11| month:2021-11| month:2020-11| " +
			"month:2019-11| month:2018-11| month:2017-11| month:2016-11| month:2015-11|"},
		{"a bound", "at:[2026-1|", "at:[2026-12| at:[2026-11| at:[2026-10|"},
		{"the other bound", "at:[2026-01 TO y|]", "at:[2026-01 TO yesterday|]"},
		{"behind a range", "at:[2026-01 TO 2026-02] fr|", "at:[2026-01 TO 2026-02] from:|"},
		{"behind a range that was never closed", "at:[2026-01 a b c fr|", "at:[2026-01 a b c from:|"},
		{"a thread", "thread:|", ""},
	} {
		cursor := strings.Index(k.text, "|")
		text := k.text[:cursor] + k.text[cursor+1:]
		all, err := c.Complete(t.Context(), text, cursor)
		if err != nil {
			t.Errorf("%s: %v", k.name, err)
		}
		var got []string
		for _, one := range all {
			got = append(got, text[:one.Start]+one.Text+"|"+text[one.End:])
		}
		if s := strings.Join(got, " "); s != k.want {
			t.Errorf("%s: %s may be\n%s, want\n%s", k.name, k.text, s, k.want)
		}
	}
}

func TestCompleteLabels(t *testing.T) {
	c := query.Completer{Now: at("2026-11-25T00:00:00Z")}
	for text, want := range map[string]string{
		"fr": "sent by …", "ha": "with a link, with a file or with code", "NO": "what follows must not hold",
		"during:2026-11": "November 2026", "on:mon": "the latest Monday", "from:m": "you", "is:e": "edited",
	} {
		all, err := c.Complete(t.Context(), text, len(text))
		if err != nil || len(all) != 1 || all[0].Label != want {
			t.Errorf("%s: %v, %v, want %q", text, all, err, want)
		}
	}
}

func TestCompleteFails(t *testing.T) {
	c := query.Completer{Names: house{}}
	for _, k := range []struct {
		name, text string
		cursor     int
		kind       error
		field      string
	}{
		{"before the text", "a", -1, chat.ErrInvalid, "cursor"},
		{"behind the text", "a", 2, chat.ErrInvalid, "cursor"},
		{"within a character", "型", 1, chat.ErrInvalid, "cursor"},
		{"a megabyte", strings.Repeat("a", 1<<20), 3, chat.ErrTooLarge, "query"},
	} {
		_, err := c.Complete(t.Context(), k.text, k.cursor)
		var e *chat.Error
		if !errors.Is(err, k.kind) || !errors.As(err, &e) || e.Field != k.field {
			t.Errorf("%s: %v", k.name, err)
		}
	}
	if _, err := c.Complete(t.Context(), "from:away", 9); !errors.Is(err, chat.ErrUnavailable) {
		t.Errorf("names that are away: %v", err)
	}
}

func TestCompleteWithoutNames(t *testing.T) {
	for text, want := range map[string]int{"from:": 1, "in:": 0} {
		all, err := query.Completer{}.Complete(t.Context(), text, len(text))
		if err != nil || len(all) != want {
			t.Errorf("%s: %v, %v", text, all, err)
		}
	}
}

// The clock of the machine is that of a completer without one.
func TestCompleteNow(t *testing.T) {
	all, err := query.Completer{}.Complete(t.Context(), "month:", 6)
	if err != nil || len(all) != 12 || all[0].Text != time.Now().UTC().Format("2006-01") {
		t.Errorf("%v, %v", all, err)
	}
}
