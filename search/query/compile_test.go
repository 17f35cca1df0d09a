package query_test

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/search"
	"github.com/parlor-chat/parlor/search/query"
)

// house is the names of a small house. Ann asks.
type house struct{}

func (house) People(_ context.Context, name string) ([]string, error) {
	switch name {
	case "ann", "bob":
		return []string{name[:1]}, nil
	case "Ann Lee":
		return []string{"l2", "l1", "l2"}, nil
	case "away":
		return nil, chat.ErrUnavailable
	}
	return many(name)
}

func (house) Rooms(_ context.Context, name string) ([]string, error) {
	if name == "general" {
		return []string{"g"}, nil
	}
	return many(name)
}

func (house) Direct(_ context.Context, people []string) ([]string, error) {
	switch strings.Join(people, " ") {
	case "k0 k1 k2":
		return many("many 3")
	case "a":
		return []string{"ab", "al"}, nil
	case "b":
		return []string{"ab"}, nil
	}
	return nil, nil
}

// many gives "many 7" seven keys.
func many(name string) ([]string, error) {
	var n int
	fmt.Sscanf(name, "many %d", &n)
	var keys []string
	for i := range n {
		keys = append(keys, fmt.Sprint("k", i))
	}
	return keys, nil
}

var tokyo, apia = zone("Asia/Tokyo"), zone("Pacific/Apia")

func zone(name string) *time.Location {
	l, err := time.LoadLocation(name)
	if err != nil {
		panic(err)
	}
	return l
}

// env is that of Ann at noon of Wednesday, 25 November 2026 in Tokyo.
func env() query.Env {
	return query.Env{Zone: tokyo, Now: at("2026-11-25T03:00:00Z"), Me: "a", Names: house{}}
}

func at(s string) time.Time {
	t, err := time.Parse(time.RFC3339, s)
	if err != nil {
		panic(err)
	}
	return t
}

func between(from, to string) search.Between {
	var b search.Between
	if from != "" {
		b.From = at(from)
	}
	if to != "" {
		b.To = at(to)
	}
	return b
}

func equal(field, value string) search.Expr { return search.Equal{Field: field, Value: value} }

func TestCompile(t *testing.T) {
	type and = search.And
	type or = search.Or
	is := func(e search.Expr) search.Not { return search.Not{Expr: e} }
	phrase := func(tokens ...string) search.Phrase { return search.Phrase{Tokens: tokens} }
	const id = "0123456789abcdefghjkmnpqr0"
	for _, c := range []struct {
		name, text string
		want       search.Expr
		notes      string
	}{
		{"everything", " ", and{}, ""},
		{"a word", "Peer", search.Term("peer"), ""},
		{"a word that splits", "github.com", phrase("github", "com"), ""},
		{"a phrase", `"remote desktop"`, phrase("remote", "desktop"), ""},
		{"a beginning", "Impl*", search.Prefix("impl"), ""},
		{"a phrase that is open", `"remote des*"`, search.Phrase{Tokens: []string{"remote", "des"}, LastIsPrefix: true}, ""},
		{"a script without spaces", "情報共有", phrase("情報", "報共", "共有"), ""},
		{"a single character", "型", search.Prefix("型"), ""},
		{"combined", "a (b OR -c)", and{search.Term("a"), or{search.Term("b"), is(search.Term("c"))}}, ""},
		{"only what isn't", "-a", is(search.Term("a")), ""},

		{"a word with nothing to find", "a -- b", and{search.Term("a"), search.Term("b")}, "[--] there is nothing to find in “--”: left out"},
		{"one of two", "a OR 👍", search.Term("a"), "[👍] there is nothing to find in “👍”: left out"},
		{"nothing but that", "-- !!", or{}, "[--] there is nothing to find in “--”: left out\n[!!] there is nothing to find in “!!”: left out"},
		{"not that", `a -"!"`, search.Term("a"), `["!"] there is nothing to find in “!”: left out`},

		{"a sender", "from:bob", equal("author", "b"), ""},
		{"several of a name", `from:"Ann Lee"`, or{equal("author", "l1"), equal("author", "l2")}, ""},
		{"several names", "from:(ann OR bob)", or{equal("author", "a"), equal("author", "b")}, ""},
		{"me", "from:me mentions:Me", and{equal("author", "a"), equal("mention", "a")}, ""},
		{"nobody", "from:eve", or{}, "[eve] nobody is called “eve”"},
		{"all but nobody", "-from:eve", is(or{}), "[eve] nobody is called “eve”"},
		{"a room", "in:general", equal("room", "g"), ""},
		{"no room", "in:attic", or{}, "[attic] no room is called “attic”"},
		{"to somebody", "to:bob", and{equal("room", "ab"), is(equal("author", "b"))}, ""},
		{"to me", "to:me", and{or{equal("room", "ab"), equal("room", "al")}, is(equal("author", "a"))}, ""},
		{"to nobody", "to:eve", or{}, "[eve] nobody is called “eve”"},
		{"to somebody without a room", `to:"Ann Lee"`, or{}, `["Ann Lee"] there is no direct room with “Ann Lee”`},
		{"what there is", "has:LINK is:edited kind:action", and{equal("has", "link"), equal("is", "edited"), equal("kind", "action")}, ""},
		{"a thread", "thread:" + id, equal("thread", id), ""},
		{"a month of UTC", "month:2026-11", equal("month", "2026-11"), ""},

		{"after a day", "after:2026-11-25", between("2026-11-24T15:00:00Z", ""), ""},
		{"before a month", "before:2026-11", between("", "2026-10-31T15:00:00Z"), ""},
		{"after and before", "a after:2026 before:2026-11 b", and{search.Term("a"), between("2025-12-31T15:00:00Z", "2026-10-31T15:00:00Z"), search.Term("b")}, ""},
		{"before, then after", "before:2027 after:2026-11", between("2026-10-31T15:00:00Z", "2026-12-31T15:00:00Z"), ""},
		{"nothing between", "after:2026-11 before:2026-11", or{}, "[after:2026-11 before:2026-11] no message can be of that time"},
		{"a day", "on:2026-11-25", between("2026-11-24T15:00:00Z", "2026-11-25T15:00:00Z"), ""},
		{"today", "on:today", between("2026-11-24T15:00:00Z", "2026-11-25T15:00:00Z"), ""},
		{"yesterday", "during:Yesterday", between("2026-11-23T15:00:00Z", "2026-11-24T15:00:00Z"), ""},
		{"days ago", "after:7d", between("2026-11-17T15:00:00Z", ""), ""},
		{"weeks ago", "on:2w", between("2026-11-10T15:00:00Z", "2026-11-11T15:00:00Z"), ""},
		{"a day of the week", "on:monday", between("2026-11-22T15:00:00Z", "2026-11-23T15:00:00Z"), ""},
		{"today's day of the week", "on:wednesday", between("2026-11-24T15:00:00Z", "2026-11-25T15:00:00Z"), ""},
		{"tomorrow's day of the week", "on:thursday", between("2026-11-18T15:00:00Z", "2026-11-19T15:00:00Z"), ""},
		{"a month", "during:2026-02", between("2026-01-31T15:00:00Z", "2026-02-28T15:00:00Z"), ""},
		{"a year", "during:2026", between("2025-12-31T15:00:00Z", "2026-12-31T15:00:00Z"), ""},
		{"a minute", "at:2026-11-25T10:30", between("2026-11-25T01:30:00Z", "2026-11-25T01:31:00Z"), ""},
		{"a second with a zone", "at:2026-11-25T10:30:05+01:00", between("2026-11-25T09:30:05Z", "2026-11-25T09:30:06Z"), ""},
		{"a part of a second", "at:2026-11-25T10:30:05.25Z", between("2026-11-25T10:30:05.25Z", "2026-11-25T10:30:05.26Z"), ""},
		{"a time in quotes", `after:"2026-11-25 10:30"`, between("2026-11-25T01:30:00Z", ""), ""},
		{"a range", "at:[2026-01-01 TO 2026-02]", between("2025-12-31T15:00:00Z", "2026-02-28T15:00:00Z"), ""},
		{"a range without its ends", "at:{2026-01-01 TO 2026-02}", between("2026-01-01T15:00:00Z", "2026-01-31T15:00:00Z"), ""},
		{"an open range", "at:[* TO 2026}", between("", "2025-12-31T15:00:00Z"), ""},
		{"a range of all", "at:[* TO *]", search.Between{}, ""},
		{"a range of one", "at:[2026 TO 2026]", between("2025-12-31T15:00:00Z", "2026-12-31T15:00:00Z"), ""},
		{"a range of none", "at:{2026 TO 2026}", or{}, "[{2026 TO 2026}] no message can be of that time"},
		{"a range that ends in what it begins with", "at:[2026-11-25 TO 2026-11]", between("2026-11-24T15:00:00Z", "2026-11-30T15:00:00Z"), ""},
		{"ranges in brackets", "at:(2025 OR [2027 TO *])", or{between("2024-12-31T15:00:00Z", "2025-12-31T15:00:00Z"), between("2026-12-31T15:00:00Z", "")}, ""},
	} {
		got, noted, err := parse(t, c.text).Compile(t.Context(), env())
		if err != nil {
			t.Errorf("%s: %q: %v", c.name, c.text, err)
			continue
		}
		if !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s: %q is\n%#v, want\n%#v", c.name, c.text, got, c.want)
		}
		if got := notes(c.text, noted); got != c.notes {
			t.Errorf("%s: %q is noted\n%s, want\n%s", c.name, c.text, got, c.notes)
		}
		if err := search.CheckExpr("test", got); err != nil {
			t.Errorf("%s: %q: %v", c.name, c.text, err)
		}
	}
}

// Samoa went from 29 to 31 December 2011.
func TestCompileASkippedDay(t *testing.T) {
	e := env()
	e.Zone = apia
	for _, text := range []string{"on:2011-12-30", "at:[2011-12-30 TO 2011-12-30]"} {
		got, noted, err := parse(t, text).Compile(t.Context(), e)
		if err != nil || !reflect.DeepEqual(got, search.Or{}) || len(noted) != 1 {
			t.Errorf("%q: %#v, %v, %v", text, got, noted, err)
		}
	}
}

func TestCompileForNobody(t *testing.T) {
	for _, text := range []string{"from:me", "from:ann", "in:general", "to:me"} {
		got, noted, err := parse(t, text).Compile(t.Context(), query.Env{})
		if err != nil || !reflect.DeepEqual(got, search.Or{}) || len(noted) != 1 {
			t.Errorf("%q: %#v, %v, %v", text, got, noted, err)
		}
	}
	got, _, err := parse(t, "on:2026-11-25").Compile(t.Context(), query.Env{})
	if want := between("2026-11-25T00:00:00Z", "2026-11-26T00:00:00Z"); err != nil || got != want {
		t.Errorf("without a zone: %v, %v", got, err)
	}
	got, _, err = parse(t, "after:0d").Compile(t.Context(), query.Env{})
	if b, ok := got.(search.Between); !ok || err != nil || time.Since(b.From) > 49*time.Hour || time.Since(b.From) < 0 {
		t.Errorf("without a now: %v, %v", got, err)
	}
}

func TestCompileFails(t *testing.T) {
	for _, c := range []struct {
		name, text, place string
		kind              error
		limit             int64
		what              string
	}{
		{"a range turned round", "a at:[2026-05 TO 2026-03]", "[2026-05 TO 2026-03]", chat.ErrInvalid, 0, "begins with “2026-05” and ends before it, with “2026-03”"},
		{"a range turned round by its neighbours", "at:{2026-05 TO 2026-04]", "{2026-05 TO 2026-04]", chat.ErrInvalid, 0, "ends before"},
		{"a range turned round today", "at:[today TO yesterday]", "[today TO yesterday]", chat.ErrInvalid, 0, "ends before"},
		{"many of a name", `from:"many 501"`, `"many 501"`, chat.ErrTooLarge, query.MaxKeys, "too many users and rooms"},
		{"many of two names", `from:"many 300" OR in:"many 201"`, `"many 201"`, chat.ErrTooLarge, query.MaxKeys, "too many users and rooms"},
		{"many tokens", `a "` + strings.Repeat("情", 1001) + `"`, `"` + strings.Repeat("情", 1001) + `"`, chat.ErrTooLarge, search.MaxExpr, "too many words"},
		{"many tokens and those that something was sent to", `"` + strings.Repeat("情", 995) + `" to:"many 3"`, `"many 3"`, chat.ErrTooLarge, search.MaxExpr, "too many words"},
		{"many names and tokens", `"` + strings.Repeat("情", 600) + `" from:"many 499"`, `"many 499"`, chat.ErrTooLarge, search.MaxExpr, "too many words"},
	} {
		_, _, err := parse(t, c.text).Compile(t.Context(), env())
		var where *query.Error
		var kind *chat.Error
		switch {
		case !errors.As(err, &where) || !errors.As(err, &kind) || !errors.Is(err, c.kind) || kind.Field != "query" || kind.Limit != c.limit:
			t.Errorf("%s: %.40q: %v", c.name, c.text, err)
		case c.text[where.Start:where.End] != c.place || !strings.Contains(where.What, c.what):
			t.Errorf("%s: %.40q: %v: at %.40q", c.name, c.text, err, c.text[where.Start:where.End])
		}
	}
	if _, _, err := parse(t, `from:"many 500"`).Compile(t.Context(), env()); err != nil {
		t.Errorf("as many as may be: %v", err)
	}
	if _, _, err := parse(t, "from:away").Compile(t.Context(), env()); !errors.Is(err, chat.ErrUnavailable) {
		t.Errorf("names that are away: %v", err)
	}
}

// A tree that a program made may be any.
func TestCompileMadeTrees(t *testing.T) {
	var deep query.Node = query.Text{Text: "a"}
	for range query.MaxDepth {
		deep = query.Not{Part: deep}
	}
	for _, c := range []struct {
		name string
		root query.Node
		kind error
	}{
		{"a part that is nil", query.And{Parts: []query.Node{nil, query.Text{Text: "a"}}}, chat.ErrInvalid},
		{"a value that is nil", query.Field{Name: "from"}, chat.ErrInvalid},
		{"no operator", query.Field{Name: "foo", Value: query.Text{Text: "a"}}, chat.ErrInvalid},
		{"a bad value", query.Field{Name: "on", Value: query.Text{Text: "soon"}}, chat.ErrInvalid},
		{"a range alone", query.Range{}, chat.ErrInvalid},
		{"a range of names", query.Field{Name: "from", Value: query.Range{}}, chat.ErrInvalid},
		{"a bad bound", query.Field{Name: "at", Value: query.Range{To: query.Bound{Text: "soon"}}}, chat.ErrInvalid},
		{"a short beginning", query.Text{Text: "a", Prefix: true}, chat.ErrInvalid},
		{"a span from elsewhere", query.Text{Span: query.Span{Start: -5, End: 1 << 40}, Text: "a", Prefix: true}, chat.ErrInvalid},
		{"too deep", deep, chat.ErrTooLarge},
		{"an empty list", query.Or{}, nil},
		{"no UTF-8", query.Text{Text: "a\xffb"}, nil},
	} {
		q := &query.Query{Root: c.root}
		_, _ = q.String(), q.Explain()
		e, _, err := q.Compile(t.Context(), env())
		if !errors.Is(err, c.kind) {
			t.Errorf("%s: %v, want %v", c.name, err, c.kind)
		}
		if c.kind == nil {
			if err := search.CheckExpr("test", e); err != nil {
				t.Errorf("%s: %v", c.name, err)
			}
		}
	}
}

// What a text finds, asked as a person would.
func TestFound(t *testing.T) {
	m := &chat.Message{
		Room: chat.RoomID{Tenant: "t", Key: "g"}, Seq: 1, Revision: 1, At: at("2026-11-25T03:00:00Z"), Sender: chat.UserID{Tenant: "t", Key: "b"},
		Text: chat.Text{Body: "The release of GitHubの is on https://github.com/parlor", Mentions: []chat.UserID{{Tenant: "t", Key: "a"}}},
	}
	doc := search.Analysis{}.Document(m)
	for _, c := range []struct {
		text string
		want bool
	}{
		{"release", true}, {"RELEASE -parlor", false}, {"release OR nothing", true}, {"nothing", false}, {"rel*", true},
		{`"the release"`, true}, {`"release the"`, false}, {"github.com/parlor", true}, {"の", true}, {"-nothing", true},
		{"from:bob in:general has:link mentions:me on:today", true}, {"from:me", false}, {"-from:me", true}, {"from:eve", false},
		{"after:2026-11-25", true}, {"before:2026-11-25", false}, {"release --", true}, {"--", false}, {"", true},
		{"to:me", false}, {"from:(ann OR bob)", true}, {"at:[2026-11-25T12:00 TO *]", true}, {"at:{2026-11-25T12:00 TO *]", false},
	} {
		e, _, err := parse(t, c.text).Compile(t.Context(), env())
		if err != nil || search.Match(e, &doc) != c.want {
			t.Errorf("%q: found: %v, want %v (%v)", c.text, !c.want, c.want, err)
		}
	}
}
