package realchats

import (
	"slices"
	"testing"
	"time"

	"github.com/parlor-chat/parlor/search"
)

// Asks are the ways to ask the queries.
var Asks = []struct {
	Name string
	Ask  func(*search.Request)
}{
	{"newest", func(r *search.Request) { r.Limit = 20 }},
	{"counted", func(r *search.Request) { r.Limit, r.Count = 20, search.MaxCount }},
	{"facets", func(r *search.Request) {
		for _, f := range []string{search.FieldAuthor, search.FieldRoom, search.FieldMonth} {
			r.Facets = append(r.Facets, search.Facet{Field: f, Size: 20})
		}
	}},
	{"relevance", func(r *search.Request) { r.Limit, r.ByScore = 20, true }},
}

// Times are how long each query took, round by round.
type Times [][]time.Duration

// ms is the median of each query, in milliseconds, rising.
func (t Times) ms() []float64 {
	var all []float64
	for _, rounds := range t {
		if len(rounds) > 0 {
			slices.Sort(rounds)
			all = append(all, float64(rounds[len(rounds)/2].Nanoseconds())/1e6)
		}
	}
	slices.Sort(all)
	return all
}

// Report says the median and the 99th of a hundred of the queries.
func (t Times) Report(b *testing.B, name string) {
	ms := t.ms()
	b.ReportMetric(ms[len(ms)/2], name+"p50-ms")
	b.ReportMetric(ms[len(ms)*99/100], name+"p99-ms")
	b.ReportMetric(0, "ns/op")
}

// Total is the sum of the medians of all queries, in milliseconds.
func (t Times) Total() (ms float64) {
	for _, n := range t.ms() {
		ms += n
	}
	return ms
}

// Beside is how many times longer all queries took than others did.
func (t Times) Beside(others Times) float64 { return t.Total() / others.Total() }
