// Package searchtest proves drivers of [search.Index]. A driver author calls
// [Index] from a test, and [BenchmarkIndex] from a benchmark; both work on a
// [Site], which is how to reach the driver.
//
// A case is data: a name, why it exists, and a function ([IndexCases]). Cases say
// by themselves what must be found; the random ones compare with [search.Match].
package searchtest

import (
	"context"
	"slices"
	"testing"

	"github.com/parlor-chat/parlor/internal/suite"
	"github.com/parlor-chat/parlor/search"
)

// Site is an index that can be opened, closed and opened again, also twice at
// once. Each case gets an empty one.
type Site struct {
	// Open opens a handle on the site's documents. close closes the handle.
	Open func(ctx context.Context) (ix search.Index, close func() error, err error)

	// Refresh returns when everything that was applied is shown. Nil: it is when
	// Apply returns.
	Refresh func(ctx context.Context) error

	// Without names the optional capabilities that the driver lacks: "Generations". The
	// suite proves both, that they work and that they are really unsupported.
	Without []string
}

// Index runs every case against the driver. at makes an empty site for one case,
// and removes it with the test's Cleanup.
func Index(t *testing.T, at func(testing.TB) *Site) {
	t.Helper()
	suite.Run(t, IndexCases(), at)
}

// IndexCases is what an index must do.
func IndexCases() []suite.Case[*Site] {
	var all []suite.Case[*Site]
	for _, c := range slices.Concat(exprCases, pageCases, countCases, scopeCases, applyCases, lifeCases, generationCases, largeCases, randomCases) {
		all = append(all, suite.Case[*Site]{Name: c.name, Why: c.why, Run: func(ctx context.Context, s *Site) error {
			w, err := open(ctx, s)
			if err != nil {
				return err
			}
			defer w.close()
			return c.run(w)
		}})
	}
	return all
}

// indexCase is a case that starts with an open index.
type indexCase struct {
	name, why string
	run       func(*world) error
}
