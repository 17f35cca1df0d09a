package search_test

import (
	"bufio"
	"compress/gzip"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/internal/realchats"
	"github.com/parlor-chat/parlor/internal/shareddata"
	"github.com/parlor-chat/parlor/search"
)

// TestRealQueries counts the matches of each query of the shared data over all of
// its records. Two other programs counted the same.
func TestRealQueries(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: real queries over 355,956 real messages are left out")
	}
	dir := shareddata.Dir(t)
	queries := readQueries(t, filepath.Join(dir, "queries.jsonl"))
	sets, err := filepath.Glob(filepath.Join(dir, "*.jsonl.gz"))
	if err != nil || len(sets) == 0 {
		t.Fatalf("no data sets in %s: %v", dir, err)
	}
	searched := 0
	for _, set := range sets {
		searched += scan(t, set, queries)
	}
	if searched != 355_956 {
		t.Errorf("searched %d records, want 355,956", searched)
	}
	for _, q := range queries {
		if q.found != q.Count || q.first != q.Oldest || q.last != q.Newest {
			t.Errorf("%s %v: %d matches from %q to %q, want %d from %q to %q",
				q.ID, q.expr, q.found, q.first, q.last, q.Count, q.Oldest, q.Newest)
		}
	}
}

// query is one query of the data, and what was found.
type query struct {
	realchats.Question
	Oldest, Newest string

	expr        search.Expr
	found       int
	first, last string
}

func readQueries(t *testing.T, file string) []*query {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var queries []*query
	for dec := json.NewDecoder(f); dec.More(); {
		q := new(query)
		if err := dec.Decode(q); err != nil {
			t.Fatal(err)
		}
		q.expr = q.Expr()
		if err := search.CheckExpr("test", q.expr); err != nil {
			t.Fatalf("%s: %v", q.ID, err)
		}
		queries = append(queries, q)
	}
	if len(queries) != 105 {
		t.Fatalf("%d queries, want 105", len(queries))
	}
	return queries
}

// asksForWords says whether a query looks into texts.
func (q *query) asksForWords() bool {
	return len(q.Query.All) > 0 || q.Query.Phrase+q.Query.Prefix+q.Query.Substring != ""
}

// scan matches every query with every record of a set.
func scan(t *testing.T, file string, queries []*query) (searched int) {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	zip, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(zip)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var r struct{ Room, Author, At, Text, Kind string }
		if err := json.Unmarshal(lines.Bytes(), &r); err != nil {
			t.Fatal(err)
		}
		at, err := time.Parse(time.RFC3339, r.At)
		if err != nil {
			t.Fatal(err)
		}
		switch r.Kind {
		case "message", "action", "bot", "file":
		default:
			continue
		}
		if r.Text == "" {
			continue
		}
		searched++
		d := search.Analysis{}.Document(&chat.Message{
			Room: chat.RoomID{Tenant: "t", Key: r.Room}, Seq: 1, Revision: 1, At: at,
			Sender: chat.UserID{Tenant: "t", Key: r.Author},
			Text:   chat.Text{Body: r.Text},
		})
		for _, q := range queries {
			if !search.Match(q.expr, &d) {
				continue
			}
			q.note(r.At)
			// Folding finds no less, and whatever was found by its words shows them.
			d := d
			d.Tokens = folding.Analyze(r.Text)
			if !search.Match(folding.Expr(q.expr), &d) {
				t.Errorf("%s: %q is not found by folded words", q.ID, r.Text)
			}
			if q.asksForWords() && len(search.Analysis{}.Highlights(r.Text, q.expr)) == 0 {
				t.Errorf("%s: nothing is marked in %q", q.ID, r.Text)
			}
		}
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
	return searched
}

// note counts a match; at is in a form that sorts as text.
func (q *query) note(at string) {
	q.found++
	if q.first == "" || at < q.first {
		q.first = at
	}
	q.last = max(q.last, at)
}
