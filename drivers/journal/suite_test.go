package journal_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/chat/chattest"
	"github.com/parlor-chat/parlor/drivers/journal"
	"github.com/parlor-chat/parlor/drivers/memory"
)

// brokerSite is one memory; each opening is another node, with a journal of its own.
func brokerSite(testing.TB) *chattest.Site {
	var skew atomic.Int64
	place := memory.New(&memory.Options{Now: func() time.Time { return time.Now().Add(time.Duration(skew.Load())) }})
	return &chattest.Site{
		Open: func(ctx context.Context) (chat.Broker, func() error, error) {
			s := place.Reopen()
			j, err := journal.New(ctx, new(journal.Memory), s.Broker(), nil)
			if err == nil {
				err = begin(ctx, j)
			}
			return j, func() error { return errors.Join(j.Close(), s.Close()) }, err
		},
		Skew: func(d time.Duration) { skew.Add(int64(d)) },
		Lose: place.Lose,
	}
}

// begin says that the memory at hand is valid, as a hub does.
func begin(ctx context.Context, j *journal.Journal) error {
	memory, err := j.Memory(ctx)
	if err != nil {
		return err
	}
	return j.Begin(ctx, memory)
}

// A decorator is a driver: it passes the suite of what it decorates.
func TestBroker(t *testing.T) { chattest.Broker(t, brokerSite) }
