package memory_test

import (
	"context"
	"testing"

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

func BenchmarkIndex(b *testing.B) { searchtest.BenchmarkIndex(b, indexSite) }
