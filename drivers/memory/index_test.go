package memory_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/drivers/memory"
	"github.com/parlor-chat/parlor/search"
	"github.com/parlor-chat/parlor/search/searchtest"
)

func indexSite(testing.TB) *searchtest.Site {
	first := memory.New(nil)
	return &searchtest.Site{Open: func(context.Context) (search.Index, func() error, error) {
		s := first.Reopen()
		return s.Index(), s.Close, nil
	}}
}

func TestIndex(t *testing.T) { searchtest.Index(t, indexSite) }

// A generation is as good as the index.
func TestGeneration(t *testing.T) {
	searchtest.Index(t, func(testing.TB) *searchtest.Site {
		first := memory.New(nil)
		return &searchtest.Site{Without: []string{"Generations"}, Open: func(ctx context.Context) (search.Index, func() error, error) {
			s := first.Reopen()
			ix, err := search.Generation(ctx, s.Index(), "g")
			return ix, s.Close, err
		}}
	})
}

// doneLater is a context that is done from its second question on.
type doneLater struct {
	context.Context
	asked *int
}

func (c doneLater) Err() error {
	if *c.asked++; *c.asked > 1 {
		return context.Canceled
	}
	return nil
}

func TestSearchStopsWithItsContext(t *testing.T) {
	ix := memory.New(nil).Index()
	room := chat.RoomID{Tenant: "t", Key: "r"}
	d := search.Document{Position: chat.Position{Room: room, Seq: 1}, Revision: 1, At: time.UnixMilli(1)}
	if err := ix.Apply(t.Context(), []search.Document{d}); err != nil {
		t.Fatal(err)
	}
	scope := search.Scope{Tenant: "t", Rooms: map[string]chat.Seq{"r": 1}}
	_, err := ix.Search(doneLater{t.Context(), new(int)}, search.Request{Scope: scope, Limit: 1})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("a search whose context ends while it runs: %v", err)
	}
}

func BenchmarkIndex(b *testing.B) { searchtest.BenchmarkIndex(b, indexSite) }
