package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/chat/hub"
	"github.com/parlor-chat/parlor/search"
)

func sorted(s []string) []string { slices.Sort(s); return s }

// byAuthor holds for all people of a name, letter by letter.
func (a *archive) byAuthor(called string) search.Expr {
	or := search.Or{}
	for _, u := range a.called[called] {
		or = append(or, search.Equal{Field: search.FieldAuthor, Value: u.Key})
	}
	return or
}

// inRoom holds for all rooms of a title.
func (a *archive) inRoom(title string) search.Expr {
	or := search.Or{}
	for _, r := range a.titled[title] {
		or = append(or, search.Equal{Field: search.FieldRoom, Value: r.Key})
	}
	return or
}

func runSearch(ctx context.Context, c *command) error {
	q := c.flags.String("q", "", "the words, all of which must be there")
	phrase := c.flags.Bool("phrase", false, "the words stand one behind the other")
	prefix := c.flags.Bool("prefix", false, "the last word is the beginning of one")
	from := c.flags.String("from", "", "only by this author")
	in := c.flags.String("in", "", "only in this room")
	after := c.flags.String("after", "", "from this `date` on")
	before := c.flags.String("before", "", "before this `date`")
	limit := c.flags.Int("n", 20, "how many hits")
	files, err := c.parse()
	if err != nil {
		return err
	}
	var where search.And
	switch {
	case *phrase || *prefix && len(strings.Fields(*q)) < 2:
		where = append(where, search.PhraseOf(*q, *prefix))
	case *prefix:
		words := strings.Fields(*q)
		last := len(words) - 1
		where = append(where, search.Words(strings.Join(words[:last], " ")), search.PrefixOf(words[last]))
	case *q != "":
		where = append(where, search.Words(*q))
	}
	between := search.Between{}
	for _, bound := range []struct {
		given string
		at    *time.Time
	}{{*after, &between.From}, {*before, &between.To}} {
		if bound.given == "" {
			continue
		}
		if *bound.at, err = date(bound.given); err != nil {
			return err
		}
	}
	if between != (search.Between{}) {
		where = append(where, between)
	}
	if len(where) == 0 && *from == "" && *in == "" {
		return errors.New("say what to search for with -q, -from, -in, -after or -before")
	}
	a, err := load(ctx, files, c.err)
	if err != nil {
		return err
	}
	defer a.Close(ctx)
	if err := a.hub.Admin().CatchUp(ctx); err != nil {
		return err
	}
	if *from != "" {
		where = append(where, a.byAuthor(*from))
	}
	if *in != "" {
		where = append(where, a.inRoom(*in))
	}
	start := time.Now()
	found, err := a.reader().Search(ctx, hub.Query{Where: where, Limit: *limit, Count: search.MaxCount})
	if err != nil {
		return err
	}
	took := time.Since(start)
	for i := range found.Hits {
		m := &found.Hits[i].Message
		fmt.Fprintf(c.out, "%s:%d  %s  %s  <%s> %s\n", m.Room.Key, m.Seq, a.titles[m.Room.Key],
			m.At.Format("2006-01-02 15:04"), a.names[m.Sender.Key], context1(m, where))
	}
	fmt.Fprintf(c.out, "%d of %d in %v\n", len(found.Hits), found.Count, took.Round(10*time.Microsecond))
	return nil
}

// context1 is one line of a message, around the first token that the search asked
// for.
func context1(m *chat.Message, where search.Expr) string {
	const width = 100
	text := m.Text.Body
	at := 0
	for t := range search.Tokens(text) {
		doc := search.Document{Tokens: []string{t.Text}}
		if asked(where, &doc) {
			at = t.Start
			break
		}
	}
	runes := []rune(strings.Map(func(r rune) rune {
		if r == '\n' || r == '\r' || r == '\t' {
			return ' '
		}
		return r
	}, text))
	from := max(0, len([]rune(text[:at]))-width/3)
	to := min(len(runes), from+width)
	line := string(runes[from:to])
	if from > 0 {
		line = "…" + line
	}
	if to < len(runes) {
		line += "…"
	}
	return line
}

// asked says whether some part of an expression that is about tokens holds for a
// single token.
func asked(e search.Expr, d *search.Document) bool {
	any := func(parts []search.Expr) bool {
		return slices.ContainsFunc(parts, func(p search.Expr) bool { return asked(p, d) })
	}
	switch e := e.(type) {
	case search.And:
		return any(e)
	case search.Or:
		return any(e)
	case search.Term, search.Prefix:
		return search.Match(e, d)
	case search.Phrase:
		return len(e.Tokens) > 0 && d.Tokens[0] == e.Tokens[0]
	}
	return false
}
