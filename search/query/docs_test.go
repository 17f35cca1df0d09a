package query_test

import (
	"errors"
	"os"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/search"
	"github.com/parlor-chat/parlor/search/query"
)

// table is a table of the page that people are shown.
type table struct {
	head string
	rows [][]string
}

// page reads the tables of docs/search.md.
func page(t *testing.T) (text string, tables []table) {
	t.Helper()
	b, err := os.ReadFile("../../docs/search.md")
	if err != nil {
		t.Fatal(err)
	}
	inside := false
	for line := range strings.Lines(string(b)) {
		line = strings.TrimSuffix(line, "\n")
		cells := strings.Split(strings.Trim(line, "|"), "|")
		for i := range cells {
			cells[i] = strings.TrimSpace(cells[i])
		}
		switch {
		case !strings.HasPrefix(line, "|"):
			inside = false
		case !inside:
			inside = true
			tables = append(tables, table{head: strings.Join(cells, ", ")})
		case !strings.HasPrefix(line, "| ---"):
			last := &tables[len(tables)-1]
			last.rows = append(last.rows, cells)
		}
	}
	return string(b), tables
}

var code = regexp.MustCompile("`([^`]*)`")

// typed are the queries of a cell.
func typed(cell string) (all []string) {
	for _, m := range code.FindAllStringSubmatch(cell, -1) {
		all = append(all, m[1])
	}
	return all
}

func TestPage(t *testing.T) {
	text, tables := page(t)
	check := map[string]func(*testing.T, []string){
		"you type, it means":                means,
		"you type, the answer":              answers,
		"you type, it is read as, and says": readAs,
		"the message, is found by, not by":  found,
		"what, at most":                     limit,
	}
	seen := map[string]bool{}
	for _, table := range tables {
		fn := check[table.head]
		if fn == nil {
			t.Fatalf("nobody checks the table %q", table.head)
		}
		seen[table.head] = true
		for _, row := range table.rows {
			fn(t, row)
		}
	}
	if len(seen) != len(check) {
		t.Errorf("tables: %v", seen)
	}
	for _, one := range completions(t, "") {
		if !strings.Contains(text, "`"+one) {
			t.Errorf("the page says nothing of %s", one)
		}
	}
}

func completions(t *testing.T, text string) (all []string) {
	t.Helper()
	found, err := query.Completer{}.Complete(t.Context(), text, len(text))
	if err != nil {
		t.Fatal(err)
	}
	for _, one := range found {
		all = append(all, one.Text)
	}
	return all
}

func means(t *testing.T, row []string) {
	q := parse(t, typed(row[0])[0])
	if got := q.Explain(); got != row[1] {
		t.Errorf("%s means\n%s, not\n%s", row[0], got, row[1])
	}
	if _, _, err := q.Compile(t.Context(), env()); err != nil {
		t.Errorf("%s: %v", row[0], err)
	}
}

func answers(t *testing.T, row []string) {
	_, err := query.Parse(typed(row[0])[0])
	var where *query.Error
	if !errors.As(err, &where) || where.Error() != row[1] {
		t.Errorf("%s is answered\n%v, not\n%s", row[0], where, row[1])
	}
}

func readAs(t *testing.T, row []string) {
	q, err := query.ParseLenient(typed(row[0])[0])
	if err != nil {
		t.Fatal(err)
	}
	if q.String() != typed(row[1])[0] || len(q.Notes) != 1 || q.Notes[0].Text != row[2] {
		t.Errorf("%s is read as\n%s %v, not\n%s", row[0], q, q.Notes, row[1:])
	}
}

func found(t *testing.T, row []string) {
	m := &chat.Message{Room: chat.RoomID{Tenant: "t", Key: "g"}, Seq: 1, Revision: 1, At: at("2026-11-25T03:00:00Z"), Text: chat.Text{Body: row[0]}}
	doc := search.Analysis{}.Document(m)
	for i, want := range []bool{true, false} {
		for _, text := range typed(row[i+1]) {
			q, err := query.ParseLenient(text)
			if err != nil {
				t.Fatal(err)
			}
			e, _, err := q.Compile(t.Context(), env())
			if err != nil || search.Match(e, &doc) != want {
				t.Errorf("%s is found by %s: %v, want %v (%v)", row[0], text, !want, want, err)
			}
		}
	}
}

func limit(t *testing.T, row []string) {
	n, ok := map[string]int{
		"bytes of a query": query.MaxLength,
		"brackets within one another, and levels in all":      query.MaxDepth,
		"words, phrases and values":                           query.MaxTerms,
		"words with a star":                                   query.MaxPrefixes,
		"users and rooms that the names in a query stand for": query.MaxKeys,
		"words of all phrases, names and operators together":  search.MaxExpr,
		"first year": query.MinYear,
		"last year":  query.MaxYear,
	}[row[0]]
	if !ok || row[1] != strconv.Itoa(n) {
		t.Errorf("%s: %s, want %d", row[0], row[1], n)
	}
}

// What the page says of January and February.
func TestPageOfRanges(t *testing.T) {
	var all []search.Expr
	for _, text := range []string{"after:2026-01 before:2026-03", "at:[2026-01 TO 2026-03}", "at:[2026-01 TO 2026-02]", "at:{2025-12 TO 2026-02]"} {
		e, _, err := parse(t, text).Compile(t.Context(), env())
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, e)
	}
	for _, e := range all[1:] {
		if !reflect.DeepEqual(e, all[0]) {
			t.Errorf("%v, want %v", e, all[0])
		}
	}
}
