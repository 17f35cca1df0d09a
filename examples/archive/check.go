package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/parlor-chat/parlor/chat/hub"
	"github.com/parlor-chat/parlor/search"
)

// known is a query with its answer, counted by a full scan.
type known struct {
	ID    string
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

// expr is the query as an expression. Searched are texts that are not empty.
func (a *archive) expr(k *known) search.Expr {
	q := &k.Query
	var where search.And
	for _, word := range q.All {
		where = append(where, search.Words(word))
	}
	if q.Phrase != "" {
		where = append(where, search.PhraseOf(q.Phrase, false))
	}
	if q.Prefix != "" {
		where = append(where, search.PrefixOf(q.Prefix))
	}
	if q.Substring != "" {
		where = append(where, search.PhraseOf(q.Substring, false))
	}
	if q.Author != "" {
		where = append(where, a.byAuthor(q.Author))
	}
	if q.Room != "" {
		where = append(where, a.inRoom(q.Room))
	}
	if !q.From.IsZero() || !q.To.IsZero() {
		where = append(where, search.Between{From: q.From, To: q.To})
	}
	return where
}

// answer is what the archive says to a query.
func (a *archive) answer(ctx context.Context, where search.Expr) (count int, oldest, newest time.Time, err error) {
	q := hub.Query{Where: where, Limit: search.MaxLimit, Count: search.MaxCount}
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
	files, err := c.parse()
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
	a, err := load(ctx, files, c.err)
	if err != nil {
		return err
	}
	defer a.Close(ctx)
	if err := a.hub.Admin().CatchUp(ctx); err != nil {
		return err
	}
	exact, wrong := 0, 0
	for i := range queries {
		k := &queries[i]
		count, oldest, newest, err := a.answer(ctx, a.expr(k))
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
		if err := json.Unmarshal(lines.Bytes(), &k); err != nil {
			return nil, fmt.Errorf("%s:%d: %w", path, n, err)
		}
		all = append(all, k)
	}
	return all, lines.Err()
}
