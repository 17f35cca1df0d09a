package bleve_test

import (
	"context"
	"log/slog"
	"sync"
	"testing"

	"github.com/parlor-chat/parlor/drivers/bleve"
	"github.com/parlor-chat/parlor/search"
	"github.com/parlor-chat/parlor/search/searchtest"
)

// quiet is a log that nobody reads.
var quiet = slog.New(slog.DiscardHandler)

// site is a folder. Further openings are further handles, as long as one is open.
type site struct {
	dir string
	opt bleve.Options

	mu   sync.Mutex
	open *bleve.Store
}

func (s *site) store(ctx context.Context) (*bleve.Store, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.open != nil {
		if again, err := s.open.Reopen(); err == nil {
			return again, nil
		}
	}
	st, err := bleve.Open(ctx, s.dir, &s.opt)
	if err != nil {
		return nil, err
	}
	s.open = st
	return st, st.Ready(ctx)
}

func newSite(t testing.TB, p bleve.Period) *site {
	s := &site{dir: t.TempDir(), opt: bleve.Options{Log: quiet, Period: p}}
	s.opt.Hurrying()
	return s
}

func indexSite(p bleve.Period) func(testing.TB) *searchtest.Site {
	return func(t testing.TB) *searchtest.Site {
		s := newSite(t, p)
		return &searchtest.Site{Open: func(ctx context.Context) (search.Index, func() error, error) {
			st, err := s.store(ctx)
			if err != nil {
				return nil, nil, err
			}
			return st.Index(), st.Close, nil
		}}
	}
}

func TestIndex(t *testing.T)     { searchtest.Index(t, indexSite(bleve.Month)) }
func TestIndexYear(t *testing.T) { searchtest.Index(t, indexSite(bleve.Year)) }
func TestIndexNone(t *testing.T) { searchtest.Index(t, indexSite(bleve.None)) }

// A generation is as good as the index.
func TestGeneration(t *testing.T) {
	searchtest.Index(t, func(t testing.TB) *searchtest.Site {
		s := newSite(t, bleve.Month)
		return &searchtest.Site{Without: []string{"Generations"}, Open: func(ctx context.Context) (search.Index, func() error, error) {
			st, err := s.store(ctx)
			if err != nil {
				return nil, nil, err
			}
			ix, err := search.Generation(ctx, st.Index(), "g")
			return ix, st.Close, err
		}}
	})
}

func BenchmarkIndex(b *testing.B) { searchtest.BenchmarkIndex(b, indexSite(bleve.Month)) }
