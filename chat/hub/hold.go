package hub

import (
	"context"
	"time"

	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/storage"
)

// By is the operator under a name, in the host's words, which the ledger keeps with what he
// does. At most 256 bytes.
func (a Admin) By(name string) Admin {
	a.by = name
	return a
}

// Hold keeps what a subject names from being erased or pruned, until [Admin.Release]: a tenant,
// a room, what somebody said, or what he said in a room; not a single text. What was asked for
// before isn't stopped by it.
func (a Admin) Hold(ctx context.Context, of storage.Subject, why string) (storage.LedgerEntry, error) {
	leave, err := a.enter(ctx, "hold", "of", of)
	if err != nil {
		return storage.LedgerEntry{}, err
	}
	defer leave()
	return a.enters(ctx, storage.LedgerEntry{Act: storage.Held, Of: of, Why: why})
}

// Release ends a hold of a tenant, which its Seq names. One that isn't there is
// [chat.ErrNotFound], one that has ended [chat.ErrConflict].
func (a Admin) Release(ctx context.Context, tenant string, hold int64, why string) (storage.LedgerEntry, error) {
	leave, err := a.enter(ctx, "release", "tenant", tenant, "hold", hold)
	if err != nil {
		return storage.LedgerEntry{}, err
	}
	defer leave()
	return a.enters(ctx, storage.LedgerEntry{Act: storage.Released, Of: storage.Subject{Tenant: tenant}, About: hold, Why: why})
}

// Holds lists the holds of a tenant that weren't released, in their order, behind a Seq. limit
// is from 1 to [chat.MaxBatch].
func (a Admin) Holds(ctx context.Context, tenant string, after int64, limit int) ([]storage.LedgerEntry, error) {
	leave, err := a.enter(ctx, "holds", "tenant", tenant)
	if err != nil {
		return nil, err
	}
	defer leave()
	return a.h.set.Directory.Holds(ctx, tenant, after, limit)
}

// enters makes an entry of the ledger now.
func (a Admin) enters(ctx context.Context, e storage.LedgerEntry) (storage.LedgerEntry, error) {
	if e.ID.IsZero() {
		e.ID = chat.NewID()
	}
	e.At, e.By = time.Now(), a.by
	return a.h.set.Directory.Enter(ctx, e)
}
