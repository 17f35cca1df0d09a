package bench_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/blevesearch/bleve/v2"
	"github.com/blevesearch/bleve/v2/analysis"
	"github.com/blevesearch/bleve/v2/analysis/analyzer/custom"
	"github.com/blevesearch/bleve/v2/analysis/analyzer/keyword"
	"github.com/blevesearch/bleve/v2/analysis/tokenizer/whitespace"
	"github.com/blevesearch/bleve/v2/document"
	"github.com/blevesearch/bleve/v2/index/scorch"
	"github.com/blevesearch/bleve/v2/search/query"
	bleveindex "github.com/blevesearch/bleve_index_api"

	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/search"
)

// bare is Bleve as a program uses it without Parlor, with the best mapping that was found
// (shared/bench): ready-made tokens with positions, room, author and month as keywords,
// the time as a keyword that sorts, doc values neither compressed nor chunked, documents
// made without reflection, a batch of 1000, unsafe, with merges that nap.
type bare struct {
	index          bleve.Index
	words, keyword analysis.Analyzer
}

const (
	indexed = bleveindex.IndexField
	sorted  = indexed | bleveindex.DocValues | bleveindex.SkipDVCompression | bleveindex.SkipDVChunking | bleveindex.SkipFreqNorm
)

func newBare(b *testing.B, dir string) *bare {
	m := bleve.NewIndexMapping()
	if err := m.AddCustomAnalyzer("tokens", map[string]any{"type": custom.Name, "tokenizer": whitespace.Name}); err != nil {
		b.Fatal(err)
	}
	m.DefaultAnalyzer = keyword.Name
	x, err := bleve.NewUsing(dir, m, scorch.Name, scorch.Name, map[string]any{
		"unsafe_batch": true, "scorchPersisterOptions": map[string]any{"PersisterNapTimeMSec": 200},
	})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { x.Close() })
	return &bare{x, m.AnalyzerNamed("tokens"), m.AnalyzerNamed(keyword.Name)}
}

// at is a time as it sorts.
func at(t time.Time) string { return fmt.Sprintf("%015d", t.UnixMilli()) }

func (x *bare) apply(b *testing.B, docs []search.Document) {
	for batch := range slices.Chunk(docs, chat.MaxBatch) {
		bb := x.index.NewBatch()
		for i := range batch {
			d := &batch[i]
			doc := document.NewDocument(fmt.Sprintf("%s %s %d", at(d.At), d.Position.Room.Key, d.Position.Seq))
			text := []byte(strings.Join(d.Tokens, " "))
			doc.AddField(document.NewTextFieldCustom("text", nil, text, indexed|bleveindex.IncludeTermVectors, x.words))
			for _, f := range [][2]string{
				{"room", d.Position.Room.Key}, {"author", d.Fields[search.FieldAuthor][0]}, {"month", chat.Month(d.At)}, {"at", at(d.At)},
			} {
				doc.AddField(document.NewTextFieldCustom(f[0], nil, []byte(f[1]), sorted, x.keyword))
			}
			if err := bb.IndexAdvanced(doc); err != nil {
				b.Fatal(err)
			}
		}
		if err := x.index.Batch(bb); err != nil {
			b.Fatal(err)
		}
	}
}

// ask answers a request, and says how long that took.
func (x *bare) ask(b *testing.B, r search.Request) time.Duration {
	req := bleve.NewSearchRequestOptions(x.query(r.Where), r.Limit, 0, false)
	if !r.ByScore {
		req.Score = "none"
		req.SortBy([]string{"-at", "-_id"})
	}
	for _, f := range r.Facets {
		req.AddFacet(f.Field, bleve.NewFacetRequest(f.Field, f.Size))
	}
	began := time.Now()
	if _, err := x.index.SearchInContext(context.Background(), req); err != nil {
		b.Fatal(err)
	}
	return time.Since(began)
}

func (x *bare) query(e search.Expr) query.Query {
	field := func(q query.FieldableQuery, name string) query.Query {
		q.SetField(name)
		return q
	}
	switch e := e.(type) {
	case search.And:
		var all []query.Query
		for _, part := range e {
			if b, ok := part.(search.Between); ok && b.From.IsZero() && b.To.IsZero() {
				continue
			}
			all = append(all, x.query(part))
		}
		if len(all) == 1 {
			return all[0]
		}
		return bleve.NewConjunctionQuery(all...)
	case search.Term:
		return field(bleve.NewTermQuery(string(e)), "text")
	case search.Prefix:
		return field(bleve.NewPrefixQuery(string(e)), "text")
	case search.Phrase:
		return bleve.NewPhraseQuery(e.Tokens, "text")
	case search.Equal:
		return field(bleve.NewTermQuery(e.Value), e.Field)
	case search.Between:
		lo, hi := "", ""
		if !e.From.IsZero() {
			lo = at(e.From)
		}
		if !e.To.IsZero() {
			hi = at(e.To)
		}
		return field(bleve.NewTermRangeQuery(lo, hi), "at")
	}
	return bleve.NewMatchAllQuery()
}
