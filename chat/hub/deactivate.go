package hub

import (
	"context"
	"errors"
	"maps"
	"slices"
	"time"

	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/storage"
)

// Deactivate sends somebody away: he can't connect, nor do anything by [Hub.As], which is
// [chat.ErrForbidden] with field "user", and no password and no token lets him in. His
// sessions end with that error. All of it holds at once on this node, and within 5 s on those
// that can ask the directory. What he said stays, and so do his memberships.
//
// His account in the directory is what says so; who has none, for a host lets him in, gets one
// without a log-in. A host that deactivates accounts by itself needs no more than that. Done
// again, the time of the first stays.
func (a Admin) Deactivate(ctx context.Context, u chat.UserID) error {
	return a.setDeactivated(ctx, "deactivate", u, time.Now())
}

// Reactivate undoes [Admin.Deactivate]. Whoever isn't deactivated stays as he is.
func (a Admin) Reactivate(ctx context.Context, u chat.UserID) error {
	return a.setDeactivated(ctx, "reactivate", u, time.Time{})
}

func (a Admin) setDeactivated(ctx context.Context, op string, u chat.UserID, since time.Time) error {
	leave, err := a.enter(ctx, op, "user", u)
	if err != nil {
		return err
	}
	defer leave()
	if err := u.Check(op); err != nil {
		return err
	}
	if err := a.h.putDeactivated(ctx, u, since); err != nil {
		return err
	}
	if err := a.h.tellAccess(ctx, u, true); err != nil {
		a.h.log.Debug("parlor: other nodes see only when they look that somebody was deactivated or is back", "user", u, "error", err)
	}
	return nil
}

// putDeactivated stores since when somebody is deactivated; zero: he isn't.
func (h *Hub) putDeactivated(ctx context.Context, u chat.UserID, since time.Time) error {
	for {
		account, err := h.set.Directory.Account(ctx, u)
		if errors.Is(err, chat.ErrNotFound) {
			account, err = storage.Account{User: u, Created: time.Now()}, nil
		}
		if err != nil || account.Deactivated.IsZero() == since.IsZero() {
			return err
		}
		account.Deactivated = since
		var known *chat.Error
		_, err = h.set.Directory.PutAccount(ctx, account)
		if !errors.As(err, &known) || known.Kind != chat.ErrConflict || known.Field != "version" { // else somebody else changed it at the same moment
			return err
		}
	}
}

// letIn is that somebody's account isn't deactivated.
type letIn struct {
	mark uint64 // of the directory, under which that was said
	at   time.Time
}

// letIn refuses who is deactivated. It asks nobody where it is sure that nothing has changed, or,
// where that can't be known, asked within [lookEvery]; and it answers as before for a while where
// nobody can be asked.
func (r *lastSaid) letIn(ctx context.Context, op string, u chat.UserID) error {
	mark := storage.AccessMark(r.Directory, u)
	r.mu.Lock()
	known := false
	switch s := r.users[u]; {
	case s == nil:
	case mark == 0: // a shared directory is not asked twice for each of his calls
		known = time.Since(s.let.at) < lookEvery
	case mark == s.let.mark:
		s.let.at, known = time.Now(), true
	}
	r.mu.Unlock()
	if known {
		return ctx.Err()
	}
	began := r.changes.Mark(u)
	gone, err := r.Directory.Deactivated(ctx, []chat.UserID{u})
	r.mu.Lock()
	defer r.mu.Unlock()
	switch s := r.users[u]; {
	case err == nil && len(gone) > 0:
		r.drop(u)
		return forbidden(op, "user")
	case err == nil && r.fresh(u, began):
		r.user(u).let = letIn{mark, time.Now()}
		r.trim()
	case away(ctx, err) && s != nil && time.Since(s.let.at) < r.age:
		return nil
	}
	return err
}

// lookEvery is how often a node looks whether those who have sessions here are deactivated: a
// host may write that itself, and a signal may be lost.
const lookEvery = 5 * time.Second

func (c *chores) lookAgain(ctx context.Context) {
	defer close(c.look)
	every(ctx, lookEvery, func() {
		if err := c.f.endDeactivated(ctx); err != nil && ctx.Err() == nil {
			c.f.h.log.Debug("parlor: it can't be seen who is deactivated", "error", err)
		}
	})
}

// endDeactivated has the sessions of who is deactivated end.
func (f *fan) endDeactivated(ctx context.Context) error {
	f.mu.RLock()
	users := slices.Collect(maps.Keys(f.sessions))
	f.mu.RUnlock()
	for part := range slices.Chunk(users, chat.MaxBatch) {
		ask, cancel := context.WithTimeout(ctx, choreTime)
		gone, err := f.h.set.Directory.Deactivated(ask, part)
		cancel()
		if err != nil {
			return err
		}
		for _, u := range gone {
			f.chores.recheck(u, true)
		}
	}
	return nil
}
