package query_test

import (
	"context"
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/parlor-chat/parlor/internal/shareddata"
	"github.com/parlor-chat/parlor/search"
	"github.com/parlor-chat/parlor/search/query"
)

// asked is one query of the shared data.
type asked struct {
	ID    string
	Query struct {
		All                       []string
		Phrase, Prefix, Substring string
		Author, Room              string
		From, To                  time.Time
	}
}

func readAsked(t testing.TB) (all []asked) {
	f, err := os.Open(filepath.Join(shareddata.Dir(t), "queries.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for dec := json.NewDecoder(f); dec.More(); {
		var q asked
		if err := dec.Decode(&q); err != nil {
			t.Fatal(err)
		}
		all = append(all, q)
	}
	if len(all) != 105 {
		t.Fatalf("%d queries, want 105", len(all))
	}
	return all
}

// typed is the query as a person would type it.
func (q asked) typed() string {
	parts := q.Query.All
	if q.Query.Phrase != "" {
		parts = append(parts, `"`+q.Query.Phrase+`"`)
	}
	if q.Query.Prefix != "" {
		parts = append(parts, q.Query.Prefix+"*")
	}
	if q.Query.Substring != "" {
		parts = append(parts, q.Query.Substring)
	}
	if q.Query.Author != "" {
		parts = append(parts, "from:"+q.Query.Author)
	}
	if q.Query.Room != "" {
		parts = append(parts, "in:"+q.Query.Room)
	}
	if !q.Query.From.IsZero() {
		parts = append(parts, "after:"+q.Query.From.Format(time.DateOnly), "before:"+q.Query.To.Format(time.DateOnly))
	}
	return strings.Join(parts, " ")
}

// expr is what it means.
func (q asked) expr() search.Expr {
	var all search.And
	for _, word := range q.Query.All {
		all = append(all, search.Term(word))
	}
	if q.Query.Phrase != "" {
		all = append(all, search.Phrase{Tokens: strings.Fields(q.Query.Phrase)})
	}
	if q.Query.Prefix != "" {
		all = append(all, search.Prefix(q.Query.Prefix))
	}
	if q.Query.Substring != "" {
		all = append(all, search.Analysis{}.Words(q.Query.Substring))
	}
	if q.Query.Author != "" {
		all = append(all, equal(search.FieldAuthor, q.Query.Author))
	}
	if q.Query.Room != "" {
		all = append(all, equal(search.FieldRoom, q.Query.Room))
	}
	if !q.Query.From.IsZero() {
		all = append(all, search.Between{From: q.Query.From, To: q.Query.To})
	}
	if len(all) == 1 {
		return all[0]
	}
	return all
}

// same is a world in which everybody and everything is called by its key.
type same struct{}

func (same) People(_ context.Context, name string) ([]string, error)     { return []string{name}, nil }
func (same) Rooms(_ context.Context, name string) ([]string, error)      { return []string{name}, nil }
func (same) Direct(_ context.Context, people []string) ([]string, error) { return people, nil }

// The queries of the shared data, typed, are the expressions whose matches are known.
func TestRealQueries(t *testing.T) {
	for _, q := range readAsked(t) {
		got, noted, err := parse(t, q.typed()).Compile(t.Context(), query.Env{Names: same{}})
		if err != nil || len(noted) > 0 || !reflect.DeepEqual(got, q.expr()) {
			t.Errorf("%s: %s is %#v (%v, %v), want %#v", q.ID, q.typed(), got, noted, err, q.expr())
		}
	}
}

// BenchmarkReal reads and compiles each query of the shared data once an operation. The
// ratio is to cutting the same texts at their spaces.
func BenchmarkReal(b *testing.B) {
	var texts []string
	for _, q := range readAsked(b) {
		texts = append(texts, q.typed())
	}
	benchmark(b, texts)
}

// BenchmarkTyped is that of queries which use more of the language.
func BenchmarkTyped(b *testing.B) {
	for name, text := range map[string]string{
		"word":  "release",
		"mixed": `"release notes" from:"Ann Lee" -draft (plan OR github.com/parlor)`,
		"times": "impl* in:#general at:[2026-01 TO 2026-03} during:2026",
		"kana":  "情報共有 モナド OR 型",
	} {
		b.Run(name, func(b *testing.B) { benchmark(b, []string{text}) })
	}
}

func benchmark(b *testing.B, texts []string) {
	env := query.Env{Zone: tokyo, Now: at("2026-11-25T03:00:00Z"), Names: same{}}
	ask := func(text string) {
		q, err := query.Parse(text)
		if err != nil {
			b.Fatal(err)
		}
		if _, _, err := q.Compile(b.Context(), env); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportAllocs()
	for b.Loop() {
		for _, text := range texts {
			ask(text)
		}
	}
	each := float64(b.Elapsed().Nanoseconds()) / float64(b.N*len(texts))
	b.ReportMetric(each, "ns/query")
	b.ReportMetric(each/perText(texts, func(text string) { kept = strings.Fields(text) }), "x-fields")
	slowest := 0.0
	for i := range texts {
		slowest = max(slowest, perText(texts[i:i+1], ask))
	}
	b.ReportMetric(slowest, "ns/slowest")
}

// perText is how many ns fn takes for a text: the best of five rounds.
func perText(texts []string, fn func(string)) float64 {
	const times = 200
	best := math.Inf(1)
	for range 5 {
		begin := time.Now()
		for range times {
			for _, text := range texts {
				fn(text)
			}
		}
		best = min(best, float64(time.Since(begin).Nanoseconds())/float64(times*len(texts)))
	}
	return best
}

var kept []string // so that no work is left out
