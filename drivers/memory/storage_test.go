package memory_test

import (
	"context"
	"testing"

	"github.com/parlor-chat/parlor/drivers/memory"
	"github.com/parlor-chat/parlor/storage"
	"github.com/parlor-chat/parlor/storage/storagetest"
)

func historySite(testing.TB) *storagetest.HistorySite {
	place := memory.New(nil)
	return &storagetest.HistorySite{Open: func(context.Context) (storage.History, func() error, error) {
		s := place.Reopen()
		return s.History(), s.Close, nil
	}}
}

func directorySite(testing.TB) *storagetest.DirectorySite {
	place := memory.New(nil)
	return &storagetest.DirectorySite{Open: func(context.Context) (storage.Directory, func() error, error) {
		s := place.Reopen()
		return s.Directory(), s.Close, nil
	}}
}

func fenceSite(testing.TB) *storagetest.FenceSite {
	place := memory.New(nil)
	return &storagetest.FenceSite{Open: func(context.Context) (storage.Fence, func() error, error) {
		s := place.Reopen()
		return s.Fence(), s.Close, nil
	}}
}

func TestFence(t *testing.T)     { storagetest.Fence(t, fenceSite) }
func TestHistory(t *testing.T)   { storagetest.History(t, historySite) }
func TestDirectory(t *testing.T) { storagetest.Directory(t, directorySite) }

func BenchmarkHistory(b *testing.B)   { storagetest.BenchmarkHistory(b, historySite) }
func BenchmarkDirectory(b *testing.B) { storagetest.BenchmarkDirectory(b, directorySite) }
