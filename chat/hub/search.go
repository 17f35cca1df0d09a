package hub

import (
	"context"
	"slices"

	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/search"
	"github.com/parlor-chat/parlor/storage"
)

// Query asks for messages.
type Query struct {
	Where   search.Expr // nil: every message
	ByScore bool        // by relevance; else newest first
	After   string      // [Found.Next] of the page before; empty: the first page
	Limit   int         // hits, 0 to search.MaxLimit; with 0 only Count and Facets are answered
	Count   int         // count the matches up to here; 0: don't
	Facets  []search.Facet

	// AtLeast waits until the index has this position, as long as ctx lasts; zero: don't.
	AtLeast chat.Position
}

// Found is one page of hits.
type Found struct {
	// Messages are the hits, as they are now. A page may have fewer than its limit though more
	// follow: what no longer matches was left out.
	Messages []chat.Message
	Count    int  // of all matches that the index knows; 0 unless asked for
	Capped   bool // there are more than Count
	Facets   [][]search.Bucket
	Next     string // the cursor to go on from; empty: this was the last page
}

// Search finds messages in all rooms that the user may read now. Nothing outside
// is found or counted, whatever the query names. Each hit is looked up, folded
// and matched again, so that nothing is shown that was edited away, retracted or erased
// meanwhile, though the index doesn't know it yet.
func (u User) Search(ctx context.Context, q Query) (Found, error) {
	const op = "search"
	leave, err := u.enter(ctx, op)
	if err != nil {
		return Found{}, err
	}
	defer leave()
	if err := u.h.allow(ctx, op, Action{User: u.id, Verb: VerbSearch}); err != nil {
		return Found{}, err
	}
	scope, err := u.scope(ctx)
	if err != nil {
		return Found{}, err
	}
	if err := u.h.await(ctx, op, scope, q.AtLeast); err != nil {
		return Found{}, err
	}
	result, err := u.h.set.Index.Search(ctx, search.Request{Where: q.Where, Scope: scope, ByScore: q.ByScore,
		After: q.After, Limit: q.Limit, Count: q.Count, Facets: q.Facets})
	if err != nil {
		return Found{}, err
	}
	messages, err := u.h.hydrate(ctx, result.Hits, scope, q.Where)
	if err != nil {
		return Found{}, err
	}
	return Found{messages, result.Count, result.Capped, result.Facets, result.Next}, nil
}

// scope is what the user may read now.
func (u User) scope(ctx context.Context) (search.Scope, error) {
	members, err := u.h.access.Access(ctx, u.id)
	if err != nil {
		return search.Scope{}, err
	}
	s := search.Scope{Tenant: u.id.Tenant, Rooms: make(map[string]chat.Seq, len(members))}
	for _, m := range members {
		if m.Room.Tenant == u.id.Tenant {
			s.Rooms[m.Room.Key] = max(m.From, 1)
		}
	}
	return s, nil
}

// await waits until the index has a position of the scope.
func (h *Hub) await(ctx context.Context, op string, scope search.Scope, p chat.Position) error {
	if p.Room.IsZero() {
		return nil
	}
	if !scope.Holds(p) {
		return notFound(op, chat.ErrNotFound)
	}
	for wait := waitFirst; ; {
		marks, err := h.set.Index.Watermark(ctx, p.Room)
		if err != nil || marks[0] >= p.Seq {
			return err
		}
		h.follow.wake()
		if err := pause(ctx, &wait); err != nil {
			return err
		}
	}
}

// hydrate makes messages out of hits, and drops those that the asker may not see,
// that are gone, or that no longer match.
func (h *Hub) hydrate(ctx context.Context, hits []search.Hit, scope search.Scope, where search.Expr) ([]chat.Message, error) {
	var refs []storage.Ref
	rooms := map[chat.RoomID]bool{}
	for _, hit := range hits {
		if scope.Holds(hit.Position) {
			refs = append(refs, storage.Ref{Room: hit.Position.Room, Seq: hit.Position.Seq})
			rooms[hit.Position.Room] = true
		}
	}
	if len(refs) == 0 {
		return nil, nil
	}
	page, err := h.set.History.Lookup(ctx, refs)
	if err != nil {
		return nil, err
	}
	changes := page.Changes
	texts := slices.DeleteFunc(slices.Clone(page.Events), func(e chat.Event) bool { return !e.IsText() })
	subjects := subjectsOf(texts)
	for room := range rooms { // what the archive doesn't have yet
		var recent []chat.Event
		err := h.backwards(ctx, room, func(e *chat.Event) bool {
			if e.Changes() && subjects[e.Target] {
				recent = append(recent, *e)
			}
			return true
		})
		if err != nil {
			return nil, err
		}
		changes = mergeChanges(changes, recent)
	}
	var found []chat.Message
	for _, m := range chat.Fold(texts, changes) {
		if m.Gone != nil {
			continue
		}
		doc := search.Analysis{}.Document(&m)
		if where == nil || search.Match(where, &doc) {
			found = append(found, m)
		}
	}
	return found, nil
}
