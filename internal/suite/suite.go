// Package suite runs conformance suites. A suite is a list of cases; a case is
// data: a name, why it exists, and a function that says what is wrong. The same
// cases run against right drivers, which must pass all ([Run]), and against wrong
// ones, each of which must be caught by the case that exists for it ([Catch]).
package suite

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"
)

// How long one case may take: of a right driver, and of a wrong one, of which some
// are caught by never doing what is waited for.
const (
	Timeout      = 60 * time.Second
	wrongTimeout = 3 * time.Second
)

// Case is one thing that a driver must do. S is the site it runs at.
type Case[S any] struct {
	Name string
	Why  string
	Run  func(ctx context.Context, site S) error
}

// skipped is returned by a case that doesn't apply to a site.
type skipped struct{ why string }

func (s skipped) Error() string { return "skipped: " + s.why }

// Skip is what a case returns where the site lacks what it needs. It is told
// loudly and counted.
func Skip(why string) error { return skipped{why} }

// Run runs each case at a fresh site. The site is made for the subtest, so
// its cleanups run when the case ends.
func Run[S any](t *testing.T, cases []Case[S], at func(testing.TB) S) {
	t.Helper()
	for _, c := range cases {
		t.Run(c.Name, func(t *testing.T) {
			err := c.run(t, at(t), Timeout)
			var skip skipped
			switch {
			case errors.As(err, &skip):
				t.Skip(skip.why)
			case err != nil:
				t.Errorf("%v\nwhy this matters: %s", err, c.Why)
			}
		})
	}
}

// Wrong is a driver with one fault, and the case that must find it.
type Wrong[S any] struct {
	Name string
	Case string
	At   func(testing.TB) S
}

// Catch proves a suite: each wrong driver must fail the case that is named for
// it.
func Catch[S any](t *testing.T, cases []Case[S], wrong []Wrong[S]) {
	t.Helper()
	byName := map[string]Case[S]{}
	for _, c := range cases {
		if _, twice := byName[c.Name]; twice {
			t.Errorf("two cases are called %q", c.Name)
		}
		if c.Why == "" {
			t.Errorf("case %q has no why", c.Name)
		}
		byName[c.Name] = c
	}
	for _, w := range wrong {
		t.Run(w.Name, func(t *testing.T) {
			c, ok := byName[w.Case]
			if !ok {
				t.Fatalf("there is no case %q", w.Case)
			}
			err := c.run(t, w.At(t), wrongTimeout)
			var skip skipped
			if err == nil || errors.As(err, &skip) {
				t.Fatalf("case %q does not catch it: %v", w.Case, err)
			}
			t.Logf("caught: %v", err)
		})
	}
}

// run runs the case with a deadline. A panic of the driver is a failure of the
// case, so that one bad case doesn't hide the others.
func (c Case[S]) run(t testing.TB, site S, most time.Duration) (err error) {
	ctx, cancel := context.WithTimeout(t.Context(), most)
	defer cancel()
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v", p)
		}
	}()
	return c.Run(ctx, site)
}
