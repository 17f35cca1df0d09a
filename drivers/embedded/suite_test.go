package embedded_test

import (
	"context"
	"log/slog"
	"sync"
	"testing"

	"go.uber.org/goleak"

	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/chat/chattest"
	"github.com/parlor-chat/parlor/drivers"
	"github.com/parlor-chat/parlor/drivers/embedded"
	"github.com/parlor-chat/parlor/presence"
	"github.com/parlor-chat/parlor/presence/presencetest"
	"github.com/parlor-chat/parlor/search"
	"github.com/parlor-chat/parlor/search/searchtest"
	"github.com/parlor-chat/parlor/storage"
	"github.com/parlor-chat/parlor/storage/storagetest"
)

func TestMain(m *testing.M) {
	if child() {
		return
	}
	goleak.VerifyTestMain(m)
}

// quiet is a log that nobody reads.
var quiet = slog.New(slog.DiscardHandler)

func options() *embedded.Options { return &embedded.Options{Log: quiet, Reserve: -1} }

// site is a folder. Further openings are further handles, as long as one is open.
type site struct {
	dir string

	mu   sync.Mutex
	open *embedded.Store
}

func newSite(t testing.TB) *site { return &site{dir: t.TempDir()} }

func (s *site) set(ctx context.Context) (drivers.Set, func() error, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.open != nil {
		if again, err := s.open.Reopen(ctx); err == nil {
			return again.Set(), again.Close, nil
		}
	}
	st, err := embedded.Open(ctx, s.dir, options())
	if err != nil {
		return drivers.Set{}, nil, err
	}
	s.open = st
	return st.Set(), st.Close, st.Ready(ctx)
}

// at opens one contract of a folder.
func at[T any](s *site, of func(drivers.Set) T) func(context.Context) (T, func() error, error) {
	return func(ctx context.Context) (T, func() error, error) {
		set, closeIt, err := s.set(ctx)
		return of(set), closeIt, err
	}
}

func TestBroker(t *testing.T) {
	chattest.Broker(t, func(t testing.TB) *chattest.Site {
		return &chattest.Site{Open: at(newSite(t), func(s drivers.Set) chat.Broker { return s.Broker })}
	})
}

func TestHistory(t *testing.T) {
	storagetest.History(t, func(t testing.TB) *storagetest.HistorySite {
		return &storagetest.HistorySite{Open: at(newSite(t), func(s drivers.Set) storage.History { return s.History })}
	})
}

func TestDirectory(t *testing.T) {
	storagetest.Directory(t, func(t testing.TB) *storagetest.DirectorySite {
		return &storagetest.DirectorySite{Open: at(newSite(t), func(s drivers.Set) storage.Directory { return s.Directory })}
	})
}

func TestFence(t *testing.T) {
	storagetest.Fence(t, func(t testing.TB) *storagetest.FenceSite {
		return &storagetest.FenceSite{Open: at(newSite(t), func(s drivers.Set) storage.Fence { return s.Fence })}
	})
}

func TestIndex(t *testing.T) {
	searchtest.Index(t, func(t testing.TB) *searchtest.Site {
		return &searchtest.Site{Open: at(newSite(t), func(s drivers.Set) search.Index { return s.Index })}
	})
}

func TestRegistry(t *testing.T) {
	presencetest.Registry(t, func(t testing.TB) *presencetest.Site {
		return &presencetest.Site{Open: at(newSite(t), func(s drivers.Set) presence.Registry { return s.Registry })}
	})
}
