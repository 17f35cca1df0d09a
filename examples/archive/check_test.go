package main

import (
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/parlor-chat/parlor/internal/shareddata"
	"github.com/parlor-chat/parlor/search/query"
)

func TestCheckTellsWhatIsWrong(t *testing.T) {
	path := file(t, "set.jsonl", small)
	queries := file(t, "q.jsonl", `{"id":"right","query":{"all":["hello"]},"count":2,"oldest":"2007-05-01T12:00:00Z","newest":"2007-05-02T09:00:00Z"}
{"id":"count","query":{"all":["hello"]},"count":3,"oldest":"2007-05-01T12:00:00Z","newest":"2007-05-02T09:00:00Z"}
{"id":"time","query":{"author":"bob"},"count":1,"oldest":"2007-05-02T09:00:01Z","newest":"2007-05-02T09:00:00Z"}
{"id":"none","query":{"all":["nothing"]},"count":0}
`)
	got, err := archiveRun(t, "check", "-queries", queries, path)
	if err == nil {
		t.Error("no error")
	}
	has(t, got, "count: 2, ", "known 3", "time: 1, ")
	if lastLine(got) != "queries: 2 exact, 2 wrong" {
		t.Error(got)
	}
}

func TestQueriesAreWritten(t *testing.T) {
	a := empty(t)
	for _, c := range []struct{ query, want string }{
		{`{}`, ``},
		{`{"all":["remote","desktop"]}`, `remote desktop`},
		{`{"all":["AND","not-here","c++"]}`, `"AND" not here c`},
		{`{"phrase":"remote desktop"}`, `"remote desktop"`},
		{`{"phrase":"say \"this\\that\""}`, `"say \"this\\that\""`},
		{`{"prefix":"rem"}`, `rem*`},
		{`{"prefix":"remote desk"}`, `"remote desk*"`},
		{`{"all":["型"],"substring":"情報"}`, `型 情報`},
		{`{"author":"Ann Lee","all":["soup"]}`, `soup from:"Ann Lee"`},
		{`{"author":"me"}`, `from:me`}, // nobody here is called so
		{`{"room":"#a"}`, `in:#a`},
		{`{"from":"2016-07-01T00:00:00Z","to":"2016-10-01T12:30:15.250Z"}`, `at:[2016-07-01T00:00:00Z TO 2016-10-01T12:30:15.25Z}`},
		{`{"from":"2016-07-01T09:00:00+09:00"}`, `at:[2016-07-01T00:00:00Z TO *}`},
		{`{"to":"2016-07-01T00:00:00Z"}`, `at:[* TO 2016-07-01T00:00:00Z}`},
	} {
		var k known
		if err := json.Unmarshal([]byte(`{"query":`+c.query+`}`), &k); err != nil {
			t.Fatal(err)
		}
		got, err := a.written(t.Context(), &k)
		if err != nil {
			t.Fatal(err)
		}
		if got != c.want {
			t.Errorf("%s: %s, not %s", c.query, got, c.want)
		}
		if _, err := query.Parse(got); err != nil {
			t.Errorf("%s: %v", c.query, err)
		}
	}
}

// awkward are names that the language could read as something else.
var awkward = []string{
	`Carnage\`, `\0`, `\\\\`, `R\Peaceman`, `"`, `\"`, `"quoted"`, `“q”`, `it's`,
	`AND`, `OR`, `NOT`, `TO`, `&&`, `||`, `-lead`, `--`, `+plus`, `-`, `*`, `x*`, `?`, `a~2`,
	`[x`, `x]`, `{y}`, `(z)`, `from:ann`, `a:b`, `:`, `a OR b`, ` space around `, `全角　空白`, `（全角）`,
	`me`, `ME`, `Ann Lee`, `ann lee`, `https://example.com/a?b=c`, `#room`,
}

func TestAnyNameIsFound(t *testing.T) {
	var records, queries strings.Builder
	add := func(to *strings.Builder, v any) {
		b, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		to.Write(append(b, '\n'))
	}
	type m = map[string]any
	for i, name := range awkward {
		at := fmt.Sprintf("2007-05-01T12:%02d:00Z", i)
		room := "in " + name
		add(&records, m{"room": room, "author": name, "at": at, "text": "hello", "kind": "message"})
		for what, q := range map[string]m{"author": {"author": name}, "room": {"room": room}} {
			add(&queries, m{"id": what + " " + name, "query": q, "count": 1, "oldest": at, "newest": at})
		}
	}
	got, err := archiveRun(t, "check", "-queries", file(t, "q.jsonl", queries.String()), file(t, "set.jsonl", records.String()))
	if err != nil {
		t.Error(err)
	}
	if want := fmt.Sprintf("queries: %d exact, 0 wrong", 2*len(awkward)); lastLine(got) != want {
		t.Error(got)
	}
}

func TestANameOfSeveralSetsMeansAll(t *testing.T) {
	one, two := file(t, "one.jsonl", small), file(t, "two.jsonl", small)
	me := file(t, "three.jsonl", `{"room":"#a","author":"me","at":"2007-05-01T12:00:00Z","text":"hello world","kind":"message"}`)
	me2 := file(t, "four.jsonl", `{"room":"#a","author":"me","at":"2007-05-01T12:00:00Z","text":"hello world","kind":"message"}`)
	queries := file(t, "q.jsonl", `{"id":"author","query":{"author":"bob"},"count":2,"oldest":"2007-05-02T09:00:00Z","newest":"2007-05-02T09:00:00Z"}
{"id":"room","query":{"room":"#a","all":["hello"]},"count":6,"oldest":"2007-05-01T12:00:00Z","newest":"2007-05-02T09:00:00Z"}
{"id":"me","query":{"author":"me"},"count":2,"oldest":"2007-05-01T12:00:00Z","newest":"2007-05-01T12:00:00Z"}
`)
	got, err := archiveRun(t, "check", "-v", "-queries", queries, one, two, me, me2)
	if err != nil {
		t.Error(err, got)
	}
	has(t, got, "author: from:bob\n", "room: hello in:#a\n", "me: from:(four.me-")
}

// Written and read again, each query of the data set asks for the same.
func TestEveryKnownQueryIsReadAsItIsWritten(t *testing.T) {
	a := empty(t)
	queries, err := readQueries(filepath.Join(shareddata.Dir(t), "queries.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	if len(queries) != 105 {
		t.Errorf("%d queries", len(queries))
	}
	for i := range queries {
		k := &queries[i]
		text, err := a.written(t.Context(), k)
		if err != nil {
			t.Fatal(err)
		}
		read, err := query.Parse(text)
		if err != nil {
			t.Errorf("%s: %s: %v", k.ID, text, err)
			continue
		}
		if again := read.String(); again != text {
			t.Errorf("%s: %s is written %s", k.ID, text, again)
		}
		var leaves leaves
		leaves.add(read.Root, "")
		if want := asked(k); !reflect.DeepEqual(leaves, want) {
			t.Errorf("%s: %s is read as %v, not %v", k.ID, text, leaves, want)
		}
	}
}

// leaves are the parts of a query that is one And, each with its operator in front.
type leaves []string

func (l *leaves) add(n query.Node, operator string) {
	switch n := n.(type) {
	case query.And:
		for _, part := range n.Parts {
			l.add(part, operator)
		}
	case query.Field:
		l.add(n.Value, n.Name+" ")
	case query.Text:
		*l = append(*l, fmt.Sprint(operator, n.Text, n.Prefix))
	case query.Range:
		*l = append(*l, fmt.Sprint(operator, n.From.Text, n.From.Without, n.To.Text, n.To.Without))
	default:
		*l = append(*l, fmt.Sprintf("%T", n))
	}
}

// asked is what the leaves have to be.
func asked(k *known) leaves {
	q := &k.Query
	var l leaves
	for _, word := range q.All {
		l = append(l, word+"false")
	}
	for _, text := range []string{q.Phrase + "false", q.Prefix + "true", q.Substring + "false", "from " + q.Author + "false", "in " + q.Room + "false"} {
		switch text {
		case "false", "true", "from false", "in false":
		default:
			l = append(l, text)
		}
	}
	if !q.From.IsZero() {
		l = append(l, "at "+q.From.Format("2006-01-02T15:04:05Z")+"false"+q.To.Format("2006-01-02T15:04:05Z")+"true")
	}
	return l
}

// empty is an archive without anything in it.
func empty(t *testing.T) *archive {
	t.Helper()
	a, err := newArchive(t.Context(), where{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { a.Close(context.Background()) })
	return a
}

// A field that a line of queries can't have is refused, with its place.
func TestQueriesWithUnknownFields(t *testing.T) {
	for _, line := range []string{`{"id":"1","query":{"word":"hello"},"count":1}`, `{"id":"1","query":{"all":["hello"]},"counts":1}`} {
		queries := file(t, "q.jsonl", line+"\n")
		_, err := archiveRun(t, "check", "-queries", queries, file(t, "set.jsonl", small))
		if err == nil || !strings.Contains(err.Error(), queries+":1: ") || !strings.Contains(err.Error(), "unknown field") || !strings.Contains(err.Error(), "check -h") {
			t.Errorf("%s: %v", line, err)
		}
	}
}
