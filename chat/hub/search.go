package hub

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/search"
	"github.com/parlor-chat/parlor/search/query"
	"github.com/parlor-chat/parlor/storage"
)

// Query asks for messages.
type Query struct {
	Text    string         // what a person typed, in the language of package query; empty: every message
	Lenient bool           // make the best of Text where it isn't right ([query.ParseLenient])
	Zone    *time.Location // of the asker, for the dates in Text; nil: UTC
	Where   search.Expr    // what must hold, too; nil: nothing

	ByScore bool   // by relevance; else newest first
	After   string // [Found.Next] of the page before; empty: the first page
	Limit   int    // hits, 0 to search.MaxLimit; with 0 only Count and Facets are answered
	Count   int    // count the matches up to here; 0: don't
	Facets  []search.Facet

	// AtLeast waits until the index has this position, as long as ctx lasts, also for one
	// that is never reached; zero: don't. Searching for what was just sent takes the room and
	// the receipt's Seq.
	AtLeast chat.Position
}

// Found is one page of hits.
type Found struct {
	// Hits are the messages, as they are now. A page may have fewer than its limit though more
	// follow: what no longer matches was left out.
	Hits   []Hit
	Count  int  // of all matches that the index knows; 0 unless asked for
	Capped bool // there are more than Count
	Facets [][]Bucket
	Next   string // the cursor to go on from; empty: this was the last page

	Read  string       // what Text was read as, in words
	Notes []query.Note // what the asker should know of how it was read
}

// Messages are the hits without their marks.
func (f Found) Messages() []chat.Message {
	all := make([]chat.Message, len(f.Hits))
	for i := range f.Hits {
		all[i] = f.Hits[i].Message
	}
	return all
}

// Hit is a message that was found. Its Position opens it in its context:
// [Room.Page] with [chat.Around].
type Hit struct {
	chat.Message
	Marks []search.Range // the parts of Text.Body that were asked for ([search.Analysis.Highlights])
}

// Bucket is one value of a facet.
type Bucket struct {
	search.Bucket
	Title string // what the room or person is called; the value of all other fields
}

// Search finds messages in all rooms that the user may read now. Nothing outside
// is found or counted, whatever the query names. Each hit is looked up, folded
// and matched again, so that nothing is shown that was edited away, retracted or erased
// meanwhile, though the index doesn't know it yet.
//
// A text that can't be read is [chat.ErrInvalid] or [chat.ErrTooLarge] and holds a
// [*query.Error], which points at the place.
func (u User) Search(ctx context.Context, q Query) (Found, error) {
	const op = "search"
	leave, err := u.enterSearch(ctx, op)
	if err != nil {
		return Found{}, err
	}
	defer leave()
	return u.h.search(ctx, op, &asker{u: u}, q)
}

// enterSearch begins a call that shows what can be found.
func (u User) enterSearch(ctx context.Context, op string) (leave func(), err error) {
	leave, err = u.enter(ctx, op)
	if err != nil {
		return nil, err
	}
	if err := u.h.allow(ctx, op, Action{User: u.id, Verb: VerbSearch}); err != nil {
		leave()
		return nil, err
	}
	if err := u.h.rates.spend(ctx, op, measure{"search", []string{u.id.Tenant, u.id.Key}, u.h.rates.Search}); err != nil {
		leave()
		return nil, err
	}
	return leave, nil
}

// CompleteQuery says what may stand at a cursor, a byte of a query's text: operators and
// their values, people, rooms that the user may read, days and months of his zone, the
// best first ([query.Completer]). A nil zone is UTC.
func (u User) CompleteQuery(ctx context.Context, text string, cursor int, zone *time.Location) ([]query.Completion, error) {
	leave, err := u.enterSearch(ctx, "complete query")
	if err != nil {
		return nil, err
	}
	defer leave()
	return query.Completer{Names: suggester{u}, Zone: zone}.Complete(ctx, text, cursor)
}

// Search finds messages in all rooms of a tenant. Names are those of the tenant's people
// and rooms; nobody is "me".
func (a Admin) Search(ctx context.Context, tenant string, q Query) (Found, error) {
	const op = "search"
	leave, err := a.enter(ctx, op, "tenant", tenant, "query", q.Text[:min(len(q.Text), query.MaxLength)], "where", q.Where)
	if err != nil {
		return Found{}, err
	}
	defer leave()
	if err := chat.CheckTenant(op, tenant); err != nil {
		return Found{}, err
	}
	nobody := User{a.h, chat.UserID{Tenant: tenant}}
	return a.h.search(ctx, op, &asker{u: nobody, admin: true}, q)
}

// asker is who searches.
type asker struct {
	u     User
	scope search.Scope
	admin bool

	rooms   []storage.Room                // in which he may find something; nil: not asked for yet
	members map[chat.RoomID][]chat.UserID // of the direct ones; nil: not asked for yet
}

// look finds out what the asker may see now.
func (a *asker) look(ctx context.Context) (err error) {
	if a.admin {
		a.scope = search.Scope{Tenant: a.u.id.Tenant, All: true}
		return nil
	}
	a.scope, err = a.u.scope(ctx)
	return err
}

func (h *Hub) search(ctx context.Context, op string, a *asker, q Query) (Found, error) {
	if q.Limit == 0 && q.Count == 0 && len(q.Facets) == 0 { // nothing is asked for
		return Found{}, &chat.Error{Kind: chat.ErrInvalid, Op: op, Field: "limit", Err: errors.New("limit, count and facets are all zero")}
	}
	if err := h.await(ctx, op, a, q.AtLeast); err != nil {
		return Found{}, err
	}
	if err := a.look(ctx); err != nil { // also where it was looked at before the wait
		return Found{}, err
	}
	if !q.AtLeast.Room.IsZero() && !a.scope.Holds(q.AtLeast) {
		return Found{}, notFound(op, chat.ErrNotFound)
	}
	index, analysis, err := h.generations.answering(ctx, op, a.scope.Tenant)
	if err != nil {
		return Found{}, err
	}
	found, where, err := a.compile(ctx, analysis, q)
	if err != nil {
		return Found{}, err
	}
	r := search.Request{Where: where, Scope: a.scope, ByScore: q.ByScore, Limit: q.Limit, Count: q.Count, Facets: q.Facets}
	if r.After, err = q.after(op, r); err != nil {
		return Found{}, err
	}
	result, err := index.Search(ctx, r)
	if err != nil {
		return Found{}, err
	}
	found.Count, found.Capped = result.Count, result.Capped
	if result.Next != "" {
		found.Next = q.asked(a.scope.Tenant).NextAfter(result.Hits[len(result.Hits)-1])
	}
	messages, err := h.hydrate(ctx, analysis, result.Hits, a.scope, where)
	if err != nil {
		return Found{}, err
	}
	for _, m := range messages {
		if err := ctx.Err(); err != nil {
			return Found{}, err
		}
		found.Hits = append(found.Hits, Hit{m, analysis.Highlights(m.Text.Body, where)})
	}
	for i, f := range q.Facets {
		buckets, err := h.entitle(ctx, a, f.Field, result.Facets[i])
		if err != nil {
			return Found{}, err
		}
		found.Facets = append(found.Facets, buckets)
	}
	return found, nil
}

// asked is a request that stands for what was asked, rather than for what that means now:
// who is called so, which day is today, may be different on the next page. The cursors
// that people get belong to it.
func (q *Query) asked(tenant string) search.Request {
	where := search.And{search.Equal{Field: "text", Value: q.Text}, q.Where}
	return search.Request{Where: where, Scope: search.Scope{Tenant: tenant}, ByScore: q.ByScore, After: q.After}
}

// after is the cursor for the driver.
func (q *Query) after(op string, r search.Request) (string, error) {
	hit, ok, err := q.asked(r.Scope.Tenant).AfterHit(op)
	if !ok || err != nil {
		return "", err
	}
	return r.NextAfter(hit), nil
}

// compile makes an expression out of a query, and tells what it was read as.
func (a *asker) compile(ctx context.Context, analysis search.Analysis, q Query) (Found, search.Expr, error) {
	parse := query.Parse
	if q.Lenient {
		parse = query.ParseLenient
	}
	read, err := parse(q.Text)
	if err != nil {
		return Found{}, nil, err
	}
	where, notes, err := read.Compile(ctx, query.Env{Zone: q.Zone, Me: a.u.id.Key, Analysis: analysis, Names: a})
	if err != nil {
		return Found{}, nil, err
	}
	switch {
	case q.Where == nil:
	case read.Root == nil:
		where = analysis.Expr(q.Where)
	default:
		where = search.And{where, analysis.Expr(q.Where)}
	}
	return Found{Read: read.Explain(), Notes: slices.Concat(read.Notes, notes)}, where, nil
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

// entitle says what the values of a facet are called.
func (h *Hub) entitle(ctx context.Context, a *asker, field string, buckets []search.Bucket) ([]Bucket, error) {
	titled := make([]Bucket, len(buckets))
	for i, b := range buckets {
		titled[i] = Bucket{b, b.Value}
	}
	var titles []string
	var err error
	switch field {
	case search.FieldRoom:
		rooms := make([]chat.RoomID, len(buckets))
		for i, b := range buckets {
			rooms[i] = chat.RoomID{Tenant: a.scope.Tenant, Key: b.Value}
		}
		titles, err = h.titles(ctx, a.u.id, rooms)
	case search.FieldAuthor, search.FieldMention:
		people := make([]chat.UserID, len(buckets))
		for i, b := range buckets {
			people[i] = chat.UserID{Tenant: a.scope.Tenant, Key: b.Value}
		}
		titles, err = h.names(ctx, people)
	}
	for i, title := range titles {
		titled[i].Title = title
	}
	return titled, err
}

// await waits until the index has a position that the asker may see. Which index that is
// may change meanwhile.
func (h *Hub) await(ctx context.Context, op string, a *asker, p chat.Position) error {
	if p.Room.IsZero() {
		return nil
	}
	if err := a.look(ctx); err != nil {
		return err
	}
	if !a.scope.Holds(p) {
		return notFound(op, chat.ErrNotFound)
	}
	for wait := waitFirst; ; {
		index, _, err := h.generations.answering(ctx, op, p.Room.Tenant)
		if err != nil {
			return err
		}
		marks, err := index.Watermark(ctx, p.Room)
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
// that are gone, or that no longer match. Without the broker that can't be known: what was
// retracted a moment ago may lie in its head alone.
func (h *Hub) hydrate(ctx context.Context, analysis search.Analysis, hits []search.Hit, scope search.Scope, where search.Expr) ([]chat.Message, error) {
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
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		doc := analysis.Document(&m)
		if where == nil || search.Match(where, &doc) {
			found = append(found, m)
		}
	}
	return found, nil
}
