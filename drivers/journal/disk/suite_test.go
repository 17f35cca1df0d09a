package disk_test

import (
	"context"
	"errors"
	"path/filepath"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/chat/chattest"
	"github.com/parlor-chat/parlor/drivers/journal"
	"github.com/parlor-chat/parlor/drivers/journal/disk"
	"github.com/parlor-chat/parlor/drivers/memory"
)

// brokerSite is one memory; each opening is another node, with a journal on a disk of its own.
func brokerSite(t testing.TB) *chattest.Site {
	var skew, nodes atomic.Int64
	dir := t.TempDir()
	place := memory.New(&memory.Options{Now: func() time.Time { return time.Now().Add(time.Duration(skew.Load())) }})
	return &chattest.Site{
		Open: func(ctx context.Context) (chat.Broker, func() error, error) {
			d, err := disk.Open(ctx, filepath.Join(dir, strconv.FormatInt(nodes.Add(1), 10)), &disk.Options{Log: quiet, Reserve: -1})
			if err != nil {
				return nil, nil, err
			}
			s := place.Reopen()
			j, err := journal.New(ctx, d, s.Broker(), nil)
			if err == nil {
				err = begin(ctx, j)
			}
			return j, func() error { return errors.Join(j.Close(), s.Close(), d.Close()) }, err
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

// A journal over this disk is a broker as any other.
func TestBroker(t *testing.T) { chattest.Broker(t, brokerSite) }
