package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/chat/hub"
	"github.com/parlor-chat/parlor/search"
	"github.com/parlor-chat/parlor/search/query"
)

// known is a query with its answer, counted by a full scan.
type known struct {
	ID    string
	Kind  string // of query, for whoever reads the file
	Files any    `json:"by_file"` // how many of each file match, likewise
	Query struct {
		All       []string
		Phrase    string
		Prefix    string
		Substring string
		Author    string
		Room      string
		From, To  time.Time
	}
	Count          int
	Oldest, Newest time.Time
}

// written is the query in the language, as a person could type it.
func (a *archive) written(ctx context.Context, k *known) (string, error) {
	q := &k.Query
	var parts []query.Node
	for _, words := range q.All { // of several words in one, each may stand anywhere
		for word := range strings.FieldsFuncSeq(words, parting) {
			parts = append(parts, query.Text{Text: word})
		}
	}
	for _, text := range []query.Text{{Text: q.Phrase}, {Text: q.Prefix, Prefix: true}, {Text: q.Substring}} {
		if text.Text != "" {
			parts = append(parts, text)
		}
	}
	if q.Author != "" {
		author, err := a.called(ctx, q.Author)
		if err != nil {
			return "", err
		}
		parts = append(parts, query.Field{Name: "from", Value: author})
	}
	if q.Room != "" {
		parts = append(parts, query.Field{Name: "in", Value: query.Text{Text: q.Room}})
	}
	if !q.From.IsZero() || !q.To.IsZero() {
		parts = append(parts, query.Field{Name: "at", Value: query.Range{
			From: query.Bound{Text: instant(q.From)},
			To:   query.Bound{Text: instant(q.To), Without: true},
		}})
	}
	return (&query.Query{Root: all(parts)}).String(), nil
}

// parting says that r belongs to no word.
func parting(r rune) bool { return !unicode.In(r, unicode.L, unicode.M, unicode.Nd) }

// all holds where all parts do.
func all(parts []query.Node) query.Node {
	switch len(parts) {
	case 0:
		return nil
	case 1:
		return parts[0]
	}
	return query.And{Parts: parts}
}

// called is whoever has a name. "me" is the asker's; others who are called so have
// to be named by their keys.
func (a *archive) called(ctx context.Context, name string) (query.Node, error) {
	var keys []query.Node
	if strings.EqualFold(name, "me") {
		people, err := a.reader().People(ctx, name, chat.MaxBatch)
		if err != nil {
			return nil, err
		}
		for _, u := range people {
			if u.Name == name {
				keys = append(keys, query.Text{Text: u.ID.Key})
			}
		}
	}
	switch len(keys) {
	case 0:
		return query.Text{Text: name}, nil
	case 1:
		return keys[0], nil
	}
	slices.SortFunc(keys, func(a, b query.Node) int {
		return strings.Compare(a.(query.Text).Text, b.(query.Text).Text)
	})
	return query.Or{Parts: keys}, nil
}

// instant is a time as the language takes it; nothing where there is none.
func instant(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339Nano)
}

// answer is what the archive says to a query.
func (a *archive) answer(ctx context.Context, text string) (count int, oldest, newest time.Time, err error) {
	q := hub.Query{Text: text, Limit: search.MaxLimit, Count: search.MaxCount}
	for {
		found, err := a.reader().Search(ctx, q)
		if err != nil {
			return 0, oldest, newest, err
		}
		for i := range found.Hits {
			at := found.Hits[i].At
			if newest.IsZero() {
				newest = at
			}
			oldest = at
		}
		if q.After == "" {
			count = found.Count
		}
		if q.After = found.Next; q.After == "" {
			return count, oldest, newest, nil
		}
		q.Count = 0 // said already
	}
}

func runCheck(ctx context.Context, c *command) error {
	path := c.flags.String("queries", "", "a `file` of queries with their answers")
	verbose := c.flags.Bool("v", false, "show each query as it is asked")
	w, err := c.reading()
	if err != nil {
		return err
	}
	if *path == "" {
		return errors.New("name the queries with -queries")
	}
	queries, err := readQueries(*path)
	if err != nil {
		return err
	}
	a, err := searchable(ctx, w, c.err)
	if err != nil {
		return err
	}
	defer a.Close(ctx)
	exact, wrong := 0, 0
	for i := range queries {
		k := &queries[i]
		text, err := a.written(ctx, k)
		if err != nil {
			return err
		}
		if *verbose {
			fmt.Fprintf(c.out, "%s: %s\n", k.ID, clean(text))
		}
		count, oldest, newest, err := a.answer(ctx, text)
		if err != nil {
			return fmt.Errorf("query %s: %w", k.ID, err)
		}
		if count == k.Count && oldest.Equal(k.Oldest) && newest.Equal(k.Newest) {
			exact++
			continue
		}
		wrong++
		fmt.Fprintf(c.out, "%s: %d, %s to %s; known %d, %s to %s\n", k.ID,
			count, stamp(oldest), stamp(newest), k.Count, stamp(k.Oldest), stamp(k.Newest))
	}
	fmt.Fprintf(c.out, "queries: %d exact, %d wrong\n", exact, wrong)
	if wrong > 0 {
		return errors.New("not every answer is right")
	}
	return nil
}

func stamp(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return t.UTC().Format("2006-01-02T15:04:05.000Z")
}

func readQueries(path string) ([]known, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var all []known
	lines := bufio.NewScanner(f)
	for n := 1; lines.Scan(); n++ {
		var k known
		line := json.NewDecoder(bytes.NewReader(lines.Bytes()))
		line.DisallowUnknownFields()
		if err := line.Decode(&k); err != nil {
			return nil, fmt.Errorf("%s:%d: %w (check -h shows what a line is)", path, n, err)
		}
		all = append(all, k)
	}
	return all, lines.Err()
}
