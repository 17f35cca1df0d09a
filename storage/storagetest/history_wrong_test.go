package storagetest_test

import (
	"context"
	"errors"
	"iter"
	"slices"
	"testing"
	"time"

	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/drivers/memory"
	"github.com/parlor-chat/parlor/internal/suite"
	"github.com/parlor-chat/parlor/storage"
	"github.com/parlor-chat/parlor/storage/storagetest"
)

// wrongHistory is an archive with some methods replaced. Nil ones are right.
type wrongHistory struct {
	storage.History
	append func(ctx context.Context, right storage.History, events []chat.Event) error
	page   func(ctx context.Context, right storage.History, room chat.RoomID, r chat.Range) (storage.Page, error)
	lookup func(ctx context.Context, right storage.History, refs []storage.Ref) (storage.Page, error)
	scan   func(ctx context.Context, right storage.History, s storage.Span, after storage.Cursor) iter.Seq2[storage.Entry, error]
	rooms  func(ctx context.Context, right storage.History, shard int, after chat.RoomID, limit int) ([]chat.Position, error)
	erase  func(ctx context.Context, right storage.History, at []chat.Position) error
	prune  func(ctx context.Context, right storage.History, s storage.Span, before time.Time) error
}

func (w *wrongHistory) Append(ctx context.Context, events []chat.Event) error {
	if w.append != nil {
		return w.append(ctx, w.History, events)
	}
	return w.History.Append(ctx, events)
}

func (w *wrongHistory) Page(ctx context.Context, room chat.RoomID, r chat.Range) (storage.Page, error) {
	if w.page != nil {
		return w.page(ctx, w.History, room, r)
	}
	return w.History.Page(ctx, room, r)
}

func (w *wrongHistory) Lookup(ctx context.Context, refs []storage.Ref) (storage.Page, error) {
	if w.lookup != nil {
		return w.lookup(ctx, w.History, refs)
	}
	return w.History.Lookup(ctx, refs)
}

func (w *wrongHistory) Scan(ctx context.Context, s storage.Span, after storage.Cursor) iter.Seq2[storage.Entry, error] {
	if w.scan != nil {
		return w.scan(ctx, w.History, s, after)
	}
	return w.History.Scan(ctx, s, after)
}

func (w *wrongHistory) Rooms(ctx context.Context, shard int, after chat.RoomID, limit int) ([]chat.Position, error) {
	if w.rooms != nil {
		return w.rooms(ctx, w.History, shard, after, limit)
	}
	return w.History.Rooms(ctx, shard, after, limit)
}

func (w *wrongHistory) Erase(ctx context.Context, at []chat.Position) error {
	if w.erase != nil {
		return w.erase(ctx, w.History, at)
	}
	return w.History.Erase(ctx, at)
}

func (w *wrongHistory) Prune(ctx context.Context, s storage.Span, before time.Time) error {
	if w.prune != nil {
		return w.prune(ctx, w.History, s, before)
	}
	return storage.Prune(ctx, w.History, s, before)
}

// history makes sites whose every handle is wrong in the same way.
func history(fault func() *wrongHistory) func(testing.TB) *storagetest.HistorySite {
	return func(testing.TB) *storagetest.HistorySite {
		place := memory.New(nil)
		w := fault() // one fault for all handles: it may remember
		return &storagetest.HistorySite{Open: func(context.Context) (storage.History, func() error, error) {
			s := place.Reopen()
			mine := *w
			mine.History = s.History()
			return &mine, s.Close, nil
		}}
	}
}

func appending(f func(ctx context.Context, right storage.History, events []chat.Event) error) func(testing.TB) *storagetest.HistorySite {
	return history(func() *wrongHistory { return &wrongHistory{append: f} })
}

// paging spoils pages.
func paging(f func(*storage.Page, chat.Range)) func(testing.TB) *storagetest.HistorySite {
	return history(func() *wrongHistory {
		return &wrongHistory{page: func(ctx context.Context, right storage.History, room chat.RoomID, r chat.Range) (storage.Page, error) {
			p, err := right.Page(ctx, room, r)
			if err == nil {
				p.Events, p.Changes = slices.Clone(p.Events), slices.Clone(p.Changes)
				f(&p, r)
			}
			return p, err
		}}
	})
}

// listing spoils lists of rooms.
func listing(f func([]chat.Position) []chat.Position) func(testing.TB) *storagetest.HistorySite {
	return history(func() *wrongHistory {
		return &wrongHistory{rooms: func(ctx context.Context, right storage.History, shard int, after chat.RoomID, limit int) ([]chat.Position, error) {
			list, err := right.Rooms(ctx, shard, after, limit)
			return f(list), err
		}}
	})
}

var errLost = errors.New("lost")

var wrongHistories = []suite.Wrong[*storagetest.HistorySite]{
	{Name: "loses one in a thousand", Case: "a long log comes back dense", At: paging(func(p *storage.Page, _ chat.Range) {
		p.Events = slices.DeleteFunc(p.Events, func(e chat.Event) bool { return e.Seq%1000 == 0 })
	})},
	{Name: "shows an event twice", Case: "appending again changes nothing", At: paging(func(p *storage.Page, _ chat.Range) {
		if n := len(p.Events); n > 5 {
			p.Events = slices.Insert(p.Events, 5, p.Events[4])
		}
	})},
	{Name: "reorders", Case: "what was appended is read back whole", At: paging(func(p *storage.Page, _ chat.Range) { slices.Reverse(p.Events) })},
	{Name: "loses what it can't read", Case: "what was appended is read back whole", At: paging(func(p *storage.Page, _ chat.Range) {
		for i := range p.Events {
			p.Events[i].Extensions = nil
		}
	})},
	{Name: "overwrites", Case: "another event at a taken position is a conflict", At: appending(func(ctx context.Context, right storage.History, events []chat.Event) error {
		err := right.Append(ctx, events)
		var failed *chat.BatchError
		if errors.As(err, &failed) && errors.Is(err, chat.ErrConflict) {
			return nil
		}
		return err
	})},
	{Name: "names the wrong item", Case: "another event at a taken position is a conflict", At: appending(func(ctx context.Context, right storage.History, events []chat.Event) error {
		err := right.Append(ctx, events)
		var failed *chat.BatchError
		if errors.As(err, &failed) {
			moved := &chat.BatchError{Items: map[int]error{}}
			for i, e := range failed.Items {
				moved.Items[i+1] = e
			}
			return moved
		}
		return err
	})},
	{Name: "one failure fails the batch", Case: "a hole is refused", At: appending(func(ctx context.Context, right storage.History, events []chat.Event) error {
		for i := range events {
			if err := right.Append(ctx, events[i:i+1]); err != nil {
				return errors.Join(errLost, errors.Unwrap(err))
			}
		}
		return nil
	})},
	{Name: "accepts a hole", Case: "a hole is refused", At: appending(func(ctx context.Context, right storage.History, events []chat.Event) error {
		err := right.Append(ctx, events)
		if errors.Is(err, chat.ErrIncomplete) {
			return nil
		}
		return err
	})},
	{Name: "starts at one only", Case: "the first event may have any seq", At: appending(func(ctx context.Context, right storage.History, events []chat.Event) error {
		if len(events) > 0 && events[0].Seq == 7 {
			return &chat.BatchError{Items: map[int]error{0: &chat.Error{Kind: chat.ErrIncomplete}}}
		}
		return right.Append(ctx, events)
	})},
	{Name: "counts a void as one", Case: "a void is crossed in one step", At: appending(func(ctx context.Context, right storage.History, events []chat.Event) error {
		events = slices.Clone(events)
		for i := range events {
			if _, ok := events[i].Content.(*chat.Void); ok {
				events[i].Content = &chat.Notice{}
			}
		}
		return right.Append(ctx, events)
	})},
	{Name: "takes any batch", Case: "a batch over the limit stores nothing", At: appending(func(ctx context.Context, right storage.History, events []chat.Event) error {
		for part := range slices.Chunk(events, chat.MaxBatch) {
			if err := right.Append(ctx, part); err != nil {
				return err
			}
		}
		return nil
	})},
	{Name: "leaks a tenant", Case: "tenants never mix", At: history(func() *wrongHistory {
		return &wrongHistory{scan: func(ctx context.Context, right storage.History, s storage.Span, after storage.Cursor) iter.Seq2[storage.Entry, error] {
			return func(yield func(storage.Entry, error) bool) {
				for _, tenant := range []string{s.Tenant, "b"} {
					for e, err := range right.Scan(ctx, storage.Span{Tenant: tenant, Room: s.Room}, after) {
						if !yield(e, err) {
							return
						}
					}
				}
			}
		}}
	})},
	{Name: "ignores the context", Case: "a done context does nothing", At: appending(func(ctx context.Context, right storage.History, events []chat.Event) error {
		return right.Append(context.WithoutCancel(ctx), events)
	})},
	{Name: "shows what isn't durable", Case: "everything is there after reopening", At: func(testing.TB) *storagetest.HistorySite {
		return &storagetest.HistorySite{Open: func(context.Context) (storage.History, func() error, error) {
			s := memory.New(nil)
			return s.History(), s.Close, nil
		}}
	}},
	{Name: "a short page", Case: "pages at every edge", At: paging(func(p *storage.Page, r chat.Range) {
		if len(p.Events) == r.Limit() && len(p.Events) > 1 {
			p.Events = p.Events[1:]
		}
	})},
	{Name: "before includes its seq", Case: "pages at every edge", At: history(func() *wrongHistory {
		return &wrongHistory{page: func(ctx context.Context, right storage.History, room chat.RoomID, r chat.Range) (storage.Page, error) {
			if r.Anchor() == chat.AnchorBefore {
				all := r.CountsAll()
				if r = chat.Before(r.Seq()+1, r.Limit()); all {
					r = r.All()
				}
			}
			return right.Page(ctx, room, r)
		}}
	})},
	{Name: "says there is more", Case: "pages at every edge", At: paging(func(p *storage.Page, r chat.Range) { p.Newer = p.Newer || len(p.Events) == r.Limit() })},
	{Name: "around needs its event", Case: "around a missing position", At: paging(func(p *storage.Page, r chat.Range) {
		if r.Anchor() == chat.AnchorAround && !slices.ContainsFunc(p.Events, func(e chat.Event) bool { return e.Seq == r.Seq() }) {
			p.Events = nil
		}
	})},
	{Name: "at is after its time", Case: "at a time between two events", At: history(func() *wrongHistory {
		return &wrongHistory{page: func(ctx context.Context, right storage.History, room chat.RoomID, r chat.Range) (storage.Page, error) {
			if r.Anchor() == chat.AnchorAt {
				all := r.CountsAll()
				if r = chat.At(r.Time().Add(time.Millisecond), r.Limit()); all {
					r = r.All()
				}
			}
			return right.Page(ctx, room, r)
		}}
	})},
	{Name: "reads any page", Case: "a page refuses what can't be read", At: history(func() *wrongHistory {
		return &wrongHistory{page: func(ctx context.Context, right storage.History, room chat.RoomID, r chat.Range) (storage.Page, error) {
			if r.Limit() > storage.MaxPage {
				r = chat.Latest(storage.MaxPage)
			}
			return right.Page(ctx, room, r)
		}}
	})},
	{Name: "brings changes of the page only", Case: "a page of texts brings their changes", At: paging(func(p *storage.Page, r chat.Range) {
		if n := len(p.Events); n > 0 {
			last := p.Events[n-1].Seq + 100
			p.Changes = slices.DeleteFunc(p.Changes, func(e chat.Event) bool { return e.Seq > last })
		}
	})},
	{Name: "forgets the siblings of changes", Case: "a page of all events brings the changes of the changed", At: paging(func(p *storage.Page, _ chat.Range) {
		here := map[chat.EventID]bool{}
		for _, e := range p.Events {
			here[e.ID] = true
		}
		p.Changes = slices.DeleteFunc(p.Changes, func(e chat.Event) bool { return !here[e.Target] && !here[e.ID] })
	})},
	{Name: "changes of other texts", Case: "every range is what its definition says", At: paging(func(p *storage.Page, _ chat.Range) {
		if len(p.Changes) > 1 {
			p.Changes = p.Changes[1:]
		}
	})},
	{Name: "head lags", Case: "head while more comes in", At: paging(func(p *storage.Page, _ chat.Range) { p.Head = max(0, p.Head-1) })},
	{Name: "look-ups in order of positions", Case: "look up many rooms at once", At: history(func() *wrongHistory {
		return &wrongHistory{lookup: func(ctx context.Context, right storage.History, refs []storage.Ref) (storage.Page, error) {
			p, err := right.Lookup(ctx, refs)
			slices.SortFunc(p.Events, func(a, b chat.Event) int { return int(a.Seq - b.Seq) })
			return p, err
		}}
	})},
	{Name: "a scan skips one", Case: "a scan goes through everything in order", At: history(func() *wrongHistory {
		return &wrongHistory{scan: func(ctx context.Context, right storage.History, s storage.Span, after storage.Cursor) iter.Seq2[storage.Entry, error] {
			return func(yield func(storage.Entry, error) bool) {
				n := 0
				for e, err := range right.Scan(ctx, s, after) {
					if n++; n == 501 { // where a batch ends
						continue
					}
					if !yield(e, err) {
						return
					}
				}
			}
		}}
	})},
	{Name: "a cursor is before its entry", Case: "a scan resumes from each cursor", At: history(func() *wrongHistory {
		return &wrongHistory{scan: func(ctx context.Context, right storage.History, s storage.Span, after storage.Cursor) iter.Seq2[storage.Entry, error] {
			return func(yield func(storage.Entry, error) bool) {
				before := after
				for e, err := range right.Scan(ctx, s, after) {
					e.Cursor, before = before, e.Cursor
					if !yield(e, err) {
						return
					}
				}
			}
		}}
	})},
	{Name: "a foreign cursor starts over", Case: "a scan refuses a foreign cursor", At: history(func() *wrongHistory {
		return &wrongHistory{scan: func(ctx context.Context, right storage.History, s storage.Span, after storage.Cursor) iter.Seq2[storage.Entry, error] {
			return func(yield func(storage.Entry, error) bool) {
				for e, err := range right.Scan(ctx, s, after) {
					if errors.Is(err, chat.ErrInvalid) {
						for e, err := range right.Scan(ctx, s, "") {
							if !yield(e, err) {
								return
							}
						}
						return
					}
					if !yield(e, err) {
						return
					}
				}
			}
		}}
	})},
	{Name: "lists the rooms of one tenant", Case: "every shard lists its rooms with their heads", At: listing(func(list []chat.Position) []chat.Position {
		return slices.DeleteFunc(list, func(p chat.Position) bool { return p.Room.Tenant == "b" })
	})},
	{Name: "a void is where it begins", Case: "every shard lists its rooms with their heads", At: listing(func(list []chat.Position) []chat.Position {
		for i := range list {
			list[i].Seq = min(list[i].Seq, 4)
		}
		return list
	})},
	{Name: "rooms of all shards", Case: "every shard lists its rooms with their heads", At: history(func() *wrongHistory {
		return &wrongHistory{rooms: func(ctx context.Context, right storage.History, shard int, after chat.RoomID, limit int) ([]chat.Position, error) {
			var all []chat.Position
			for s := range chat.Shards {
				list, err := right.Rooms(ctx, s, after, limit)
				if err != nil {
					return nil, err
				}
				all = append(all, list...)
			}
			return all[:min(len(all), limit)], nil
		}}
	})},
	{Name: "lists the last first", Case: "rooms are listed in small steps", At: listing(func(list []chat.Position) []chat.Position {
		slices.Reverse(list)
		return list
	})},
	{Name: "begins with the room that it should be behind", Case: "rooms are listed in small steps", At: history(func() *wrongHistory {
		return &wrongHistory{rooms: func(ctx context.Context, right storage.History, shard int, after chat.RoomID, limit int) ([]chat.Position, error) {
			if n := len(after.Key); n > 0 && after.Key[n-1] != ' ' {
				after.Key = after.Key[:n-1]
			}
			return right.Rooms(ctx, shard, after, limit)
		}}
	})},
	{Name: "a list is short before its end", Case: "rooms are listed in small steps", At: listing(func(list []chat.Position) []chat.Position {
		return list[:min(len(list), 3)]
	})},
	{Name: "lists the rooms that there were", Case: "a room that appears ahead is listed", At: history(func() *wrongHistory {
		var were []chat.Position
		return &wrongHistory{rooms: func(ctx context.Context, right storage.History, shard int, after chat.RoomID, limit int) (list []chat.Position, err error) {
			if after == (chat.RoomID{}) {
				were, err = right.Rooms(ctx, shard, after, chat.MaxBatch)
			}
			for _, p := range were {
				if p.Room.Tenant > after.Tenant || p.Room.Tenant == after.Tenant && p.Room.Key > after.Key {
					list = append(list, p)
				}
			}
			return list[:min(len(list), limit)], err
		}}
	})},
	{Name: "lists what it has events of", Case: "a room pruned whole is listed", At: history(func() *wrongHistory {
		return &wrongHistory{rooms: func(ctx context.Context, right storage.History, shard int, after chat.RoomID, limit int) ([]chat.Position, error) {
			list, err := right.Rooms(ctx, shard, after, limit)
			return slices.DeleteFunc(list, func(p chat.Position) bool {
				page, err := right.Page(ctx, p.Room, chat.Latest(1).All())
				return err == nil && len(page.Events) == 0
			}), err
		}}
	})},
	{Name: "lists any shard", Case: "rooms refuse what can't be listed", At: history(func() *wrongHistory {
		return &wrongHistory{rooms: func(ctx context.Context, right storage.History, shard int, after chat.RoomID, limit int) ([]chat.Position, error) {
			return right.Rooms(ctx, (shard+chat.Shards)%chat.Shards, after, limit)
		}}
	})},
	{Name: "erased text is still looked up", Case: "erasing leaves a tombstone and nothing else", At: history(func() *wrongHistory {
		kept := map[chat.EventID]chat.Event{}
		return &wrongHistory{
			append: func(ctx context.Context, right storage.History, events []chat.Event) error {
				for _, e := range events {
					kept[e.ID] = e
				}
				return right.Append(ctx, events)
			},
			lookup: func(ctx context.Context, right storage.History, refs []storage.Ref) (storage.Page, error) {
				p, err := right.Lookup(ctx, refs)
				for i := range p.Events {
					p.Events[i] = kept[p.Events[i].ID]
				}
				return p, err
			}}
	})},
	{Name: "erased text comes back", Case: "what was erased doesn't come back", At: history(func() *wrongHistory {
		back := map[chat.EventID]chat.Event{}
		erased := false
		return &wrongHistory{
			append: func(ctx context.Context, right storage.History, events []chat.Event) error {
				if erased {
					for _, e := range events {
						back[e.ID] = e
					}
				}
				return right.Append(ctx, events)
			},
			erase: func(ctx context.Context, right storage.History, at []chat.Position) error {
				erased = true
				return right.Erase(ctx, at)
			},
			page: func(ctx context.Context, right storage.History, room chat.RoomID, r chat.Range) (storage.Page, error) {
				p, err := right.Page(ctx, room, r)
				for i := range p.Events {
					if e, ok := back[p.Events[i].ID]; ok {
						p.Events[i] = e
					}
				}
				return p, err
			}}
	})},
	{Name: "erasing nothing looks done", Case: "erasing what isn't there is named", At: history(func() *wrongHistory {
		return &wrongHistory{erase: func(ctx context.Context, right storage.History, at []chat.Position) error {
			err := right.Erase(ctx, at)
			if errors.Is(err, chat.ErrNotFound) {
				return nil
			}
			return err
		}}
	})},
	{Name: "pruned is a hole", Case: "pruning forgets the oldest, and says so", At: paging(func(p *storage.Page, _ chat.Range) {
		if p.First > 0 {
			p.First = 1
		}
	})},
	{Name: "prunes the whole tenant", Case: "pruning keeps to its span", At: history(func() *wrongHistory {
		return &wrongHistory{prune: func(ctx context.Context, right storage.History, s storage.Span, before time.Time) error {
			return storage.Prune(ctx, right, storage.Span{Tenant: s.Tenant}, before)
		}}
	})},
	{Name: "says it can't prune, and can", Case: "without a pruner it is unsupported", At: func(testing.TB) *storagetest.HistorySite {
		place := memory.New(nil)
		return &storagetest.HistorySite{Without: []string{"Pruner"}, Open: func(context.Context) (storage.History, func() error, error) {
			s := place.Reopen()
			return s.History(), s.Close, nil
		}}
	}},
	{Name: "works when closed", Case: "a closed archive says so", At: func(testing.TB) *storagetest.HistorySite {
		place := memory.New(nil)
		return &storagetest.HistorySite{Open: func(context.Context) (storage.History, func() error, error) {
			return place.History(), func() error { return nil }, nil
		}}
	}},
}

func TestTheSuiteOfAnArchiveCatches(t *testing.T) {
	suite.Catch(t, storagetest.HistoryCases(), wrongHistories)
}

// plain is an archive without optional capabilities, which is right, too.
type plain struct{ storage.History }

func TestAnArchiveWithoutCapabilitiesPasses(t *testing.T) {
	storagetest.History(t, func(testing.TB) *storagetest.HistorySite {
		place := memory.New(nil)
		return &storagetest.HistorySite{Without: []string{"Pruner"}, Open: func(context.Context) (storage.History, func() error, error) {
			s := place.Reopen()
			return plain{s.History()}, s.Close, nil
		}}
	})
}
