package pebble_test

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/chat/chattest"
	"github.com/parlor-chat/parlor/drivers/pebble"
	"github.com/parlor-chat/parlor/storage"
	"github.com/parlor-chat/parlor/storage/storagetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// quiet is a log that nobody reads.
var quiet = slog.New(slog.DiscardHandler)

// site is a folder. Further openings are further handles, as long as one is open.
type site struct {
	dir string
	opt pebble.Options

	mu   sync.Mutex
	open *pebble.Store
}

func (s *site) store(ctx context.Context) (*pebble.Store, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.open != nil {
		if again, err := s.open.Reopen(); err == nil {
			return again, nil
		}
	}
	st, err := pebble.Open(ctx, s.dir, &s.opt)
	s.open = st
	return st, err
}

func newSite(t testing.TB) *site {
	return &site{dir: t.TempDir(), opt: pebble.Options{Log: quiet, Reserve: -1}}
}

func brokerSite(t testing.TB) *chattest.Site {
	var skew atomic.Int64
	s := newSite(t)
	s.opt.Now = func() time.Time { return time.Now().Add(time.Duration(skew.Load())) }
	return &chattest.Site{
		Open: func(ctx context.Context) (chat.Broker, func() error, error) {
			st, err := s.store(ctx)
			if err != nil {
				return nil, nil, err
			}
			return st.Broker(), st.Close, nil
		},
		Skew: func(d time.Duration) { skew.Add(int64(d)) },
	}
}

func historySite(t testing.TB) *storagetest.HistorySite {
	s := newSite(t)
	return &storagetest.HistorySite{Open: func(ctx context.Context) (storage.History, func() error, error) {
		st, err := s.store(ctx)
		if err != nil {
			return nil, nil, err
		}
		return st.History(), st.Close, nil
	}}
}

func TestBroker(t *testing.T)  { chattest.Broker(t, brokerSite) }
func TestHistory(t *testing.T) { storagetest.History(t, historySite) }

func BenchmarkBroker(b *testing.B)  { chattest.BenchmarkBroker(b, brokerSite) }
func BenchmarkHistory(b *testing.B) { storagetest.BenchmarkHistory(b, historySite) }
