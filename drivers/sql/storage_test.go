package sql_test

import (
	"context"
	stdsql "database/sql"
	"path/filepath"
	"testing"

	"github.com/parlor-chat/parlor/drivers/sql"
	"github.com/parlor-chat/parlor/storage"
	"github.com/parlor-chat/parlor/storage/storagetest"
)

// opener opens a store again and again at one place.
type opener func(ctx context.Context) (*sql.Store, func() error, error)

// file is a place that is a file of ours.
func file(t testing.TB) opener {
	path := filepath.Join(t.TempDir(), "directory.db")
	return func(ctx context.Context) (*sql.Store, func() error, error) {
		s, err := sql.Open(ctx, path, nil)
		if err != nil {
			return nil, nil, err
		}
		return s, s.Close, nil
	}
}

// shared is a place in a program's own pool, which begins its transactions as it likes.
func shared(t testing.TB) opener {
	db := pool(t, filepath.Join(t.TempDir(), "program.db"))
	return func(ctx context.Context) (*sql.Store, func() error, error) {
		s, err := sql.With(ctx, db, &sql.Options{Prefix: "chat_"})
		if err != nil {
			return nil, nil, err
		}
		return s, s.Close, nil
	}
}

func pool(t testing.TB, path string) *stdsql.DB {
	t.Helper()
	db, err := openPool(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

func openPool(path string) (*stdsql.DB, error) {
	return stdsql.Open("sqlite", "file:"+path+"?_pragma=busy_timeout(1000)&_pragma=journal_mode(wal)")
}

func directoryAt(open opener) *storagetest.DirectorySite {
	return &storagetest.DirectorySite{Open: func(ctx context.Context) (storage.Directory, func() error, error) {
		s, closeIt, err := open(ctx)
		if err != nil {
			return nil, nil, err
		}
		return s.Directory(), closeIt, nil
	}}
}

func fenceAt(open opener) *storagetest.FenceSite {
	return &storagetest.FenceSite{Open: func(ctx context.Context) (storage.Fence, func() error, error) {
		s, closeIt, err := open(ctx)
		if err != nil {
			return nil, nil, err
		}
		return s.Fence(), closeIt, nil
	}}
}

func TestDirectory(t *testing.T) {
	storagetest.Directory(t, func(t testing.TB) *storagetest.DirectorySite { return directoryAt(file(t)) })
}

func TestDirectoryShared(t *testing.T) {
	storagetest.Directory(t, func(t testing.TB) *storagetest.DirectorySite { return directoryAt(shared(t)) })
}

func TestFence(t *testing.T) {
	storagetest.Fence(t, func(t testing.TB) *storagetest.FenceSite { return fenceAt(file(t)) })
}

func TestFenceShared(t *testing.T) {
	storagetest.Fence(t, func(t testing.TB) *storagetest.FenceSite { return fenceAt(shared(t)) })
}
