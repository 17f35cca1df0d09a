package bleve

import (
	"context"
	"fmt"
	"runtime/debug"
	"slices"
	"sort"
	"strings"
	"time"

	"github.com/RoaringBitmap/roaring/v2"

	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/search"
)

// work is how much was done since somebody asked whether the context has ended.
type work struct {
	ctx  context.Context
	done int
}

// stopped counts work, and says now and then whether it is in vain.
func (w *work) stopped(n int) error {
	if w.done += n; w.done < 4096 {
		return nil
	}
	w.done = 0
	return w.ctx.Err()
}

// query is one search at work.
type query struct {
	search.Request
	*work
	g       *generation
	view    *view
	visible visible
	from    int64 // nothing before matches
	to      int64 // nor from here on

	paged bool
	after hit // the page begins behind it

	exact    search.Expr // what sets are made of; nil: everything
	phrases  []*pattern  // what each document is read for besides
	patterns []*pattern  // what counts in a score
	page     []hit       // of the page, and one more
	counted  int
	tally    tally
}

// hit is a document that matches.
type hit struct {
	at      int64
	room    *room
	seq     uint64
	score   float64
	segment *segmentView
	row     uint32
}

// before says whether h comes before other.
func (h *hit) before(other *hit, byScore bool) bool {
	switch {
	case byScore && h.score != other.score:
		return h.score > other.score
	case h.at != other.at:
		return h.at > other.at
	case h.room != other.room && h.room.id.Key != other.room.id.Key:
		return h.room.id.Key > other.room.id.Key
	}
	return h.seq > other.seq
}

// search answers a request that was checked.
func (g *generation) search(ctx context.Context, op string, r search.Request) (res search.Result, err error) {
	after, paged, err := r.AfterHit(op)
	if err != nil {
		return search.Result{}, err
	}
	if err := g.ready(op); err != nil {
		return search.Result{}, err
	}
	v, err := g.look(op)
	if err != nil {
		return search.Result{}, err
	}
	defer v.release()
	q := &query{Request: r, work: &work{ctx: ctx}, g: g, view: v, paged: paged}
	q.after = hit{at: after.At.UnixMilli(), room: &room{id: after.Position.Room}, seq: uint64(after.Position.Seq), score: after.Score}
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		what := recover()
		if what != nil {
			err = fmt.Errorf("a segment can't be read: %v", what)
		}
		if err == nil || ctx.Err() != nil {
			return
		}
		// What was compared with its checksum when it was opened reads otherwise now.
		g.found(err)
		res, err = search.Result{}, &chat.Error{Kind: chat.ErrUnavailable, Op: op, Field: "index", Retry: retry, Err: err}
	}()
	q.plan()
	for _, m := range v.months {
		if q.full(m) {
			break
		}
		if m.month.to <= q.from || m.month.from >= q.to || q.skips(m) {
			continue
		}
		if err := q.month(m); err != nil {
			return search.Result{}, err
		}
	}
	return q.result()
}

// plan looks at what is asked for.
func (q *query) plan() {
	q.visible = q.visibility()
	q.from, q.to = bounds(q.Where)
	q.exact, q.phrases = apart(q.Where)
	if q.ByScore {
		q.patterns = patterns(nil, q.Where)
	}
	q.tally = newTally(q.Facets)
}

// apart takes phrases that must hold out of an expression: their words stay in it, and
// whether they stand in order is looked up in those documents alone that are wanted.
func apart(x search.Expr) (exact search.Expr, phrases []*pattern) {
	switch x := x.(type) {
	case search.Phrase:
		if len(x.Tokens) == 1 {
			return x, nil
		}
		all := search.And{}
		whole := x.Tokens
		if x.LastIsPrefix {
			whole = whole[:len(whole)-1]
		}
		for _, t := range whole {
			if !slices.Contains(all, search.Expr(search.Term(t))) {
				all = append(all, search.Term(t))
			}
		}
		return all, []*pattern{newPattern(x)}
	case search.And:
		all := make(search.And, 0, len(x))
		for _, part := range x {
			e, p := apart(part)
			all, phrases = append(all, e), append(phrases, p...)
		}
		return all, phrases
	}
	return x, nil
}

// everything says that all matches are gone through, not only those of the page.
func (q *query) everything() bool { return q.Count > 0 || len(q.Facets) > 0 }

// full says whether nothing in this month and the older ones can change the answer.
func (q *query) full(m *monthView) bool {
	if len(q.Facets) > 0 || q.Count > 0 && q.counted <= q.Count {
		return false
	}
	return q.Limit == 0 || !q.ByScore && len(q.page) > q.Limit && q.page[q.Limit].at >= m.month.to
}

// skips says whether a month is newer than the page.
func (q *query) skips(m *monthView) bool {
	return q.paged && !q.ByScore && !q.everything() && m.month.from > q.after.at
}

// month goes through a month.
func (q *query) month(m *monthView) error {
	var found []found
	for _, s := range m.segments {
		e := q.enter(s)
		within, err := q.visible.within(e)
		if err != nil {
			return err
		}
		all, err := e.expr(q.exact, within)
		if err != nil {
			return err
		}
		if !all.IsEmpty() {
			found = append(found, foundOf(e, all))
		}
	}
	if q.Limit > 0 && !q.ByScore {
		if err := q.newest(found); err != nil {
			return err
		}
	}
	if !q.everything() && !q.ByScore {
		return nil
	}
	for i := range found {
		if err := q.all(&found[i], m); err != nil {
			return err
		}
	}
	return nil
}

// found is what may match in a segment.
type found struct {
	*eval
	all   rows
	n     uint64
	block int // of info.newest, that comes next
}

func foundOf(e *eval, all rows) found { return found{eval: e, all: all, n: all.GetCardinality()} }

// few is up to how many documents of a segment are all looked at, rather than its blocks.
const few = 64

// newest takes the newest matches of a month into the page: those segments with few at
// once, and of the others block by block, the newest first, until no block can have more.
func (q *query) newest(all []found) error {
	for i := range all {
		if f := &all[i]; f.n <= few {
			for it := f.all.Iterator(); it.HasNext(); {
				if err := q.offer(f.eval, it.Next()); err != nil {
					return err
				}
			}
			f.block = len(f.info.newest)
		}
	}
	for {
		var next *found
		top := int64(0)
		for i := range all {
			f := &all[i]
			if f.block == len(f.info.newest) {
				continue
			}
			if at := f.info.blocks[f.info.newest[f.block]].newest; next == nil || at > top {
				next, top = f, at
			}
		}
		if next == nil || len(q.page) > q.Limit && q.page[q.Limit].at > top {
			return nil
		}
		number := next.info.newest[next.block]
		next.block++
		if q.paged && next.info.blocks[number].oldest > q.after.at {
			continue
		}
		first, last := uint32(number)*blockRows, uint32(number+1)*blockRows
		it := next.all.Iterator()
		for it.AdvanceIfNeeded(first); it.HasNext() && it.PeekNext() < last; {
			if err := q.offer(next.eval, it.Next()); err != nil {
				return err
			}
		}
	}
}

// offer takes a document into the page, if it belongs there.
func (q *query) offer(e *eval, row uint32) error {
	if err := e.stopped(1); err != nil {
		return err
	}
	h, ok, err := q.hit(e, row)
	if err != nil || !ok {
		return err
	}
	if len(q.page) > q.Limit && !h.before(&q.page[q.Limit], false) || q.paged && !q.after.before(&h, false) {
		return nil
	}
	if ok, err := q.holds(e, row); err != nil || !ok {
		return err
	}
	q.insert(h)
	return nil
}

// hit is where a document stands, if the asker may see it.
func (q *query) hit(e *eval, row uint32) (h hit, ok bool, err error) {
	id, err := e.id(row)
	if err != nil {
		return h, false, err
	}
	p, err := parseID(id)
	if err != nil {
		return h, false, err
	}
	r, least := q.visible.from(p.room)
	if r == nil || p.seq < least {
		return h, false, nil
	}
	return hit{at: p.at, room: r, seq: p.seq, segment: e.segmentView, row: row}, true, nil
}

// holds says whether the phrases stand in a document.
func (q *query) holds(e *eval, row uint32) (bool, error) {
	if len(q.phrases) == 0 {
		return true, nil
	}
	tokens, _, err := e.read(row)
	if err != nil {
		return false, err
	}
	return q.hold(tokens), nil
}

func (q *query) hold(tokens []string) bool {
	for _, p := range q.phrases {
		if p.in(tokens, 1) == 0 {
			return false
		}
	}
	return true
}

// insert puts a hit into its place.
func (q *query) insert(h hit) {
	i := sort.Search(len(q.page), func(i int) bool { return h.before(&q.page[i], q.ByScore) })
	if len(q.page) > q.Limit {
		q.page = q.page[:q.Limit]
	}
	q.page = slices.Insert(q.page, min(i, len(q.page)), h)
}

// result is the answer.
func (q *query) result() (search.Result, error) {
	res := search.Result{}
	if q.Count > 0 {
		res.Count, res.Capped = min(q.counted, q.Count), q.counted > q.Count
	}
	for _, h := range q.page[:min(len(q.page), q.Limit)] {
		above := uint64(0)
		err := visitStored(h.segment.segment, uint64(h.row), func(b []byte) error {
			c := cutter{rest: string(b[:min(len(b), 10)])}
			above = c.uint()
			return nil
		})
		if err != nil {
			return search.Result{}, err
		}
		out := search.Hit{
			Position: chat.Position{Room: h.room.id, Seq: chat.Seq(h.seq)}, Revision: chat.Seq(h.seq + above), At: time.UnixMilli(h.at).UTC(),
		}
		if q.ByScore {
			out.Score = h.score
		}
		res.Hits = append(res.Hits, out)
	}
	if len(q.page) > q.Limit && q.Limit > 0 {
		res.Next = q.NextAfter(res.Hits[q.Limit-1])
	}
	res.Facets = q.tally.buckets()
	return res, nil
}

// number is the number of a room of the asker's tenant.
func (q *query) number(key string) (uint32, bool) {
	return q.g.number(chat.RoomID{Tenant: q.Scope.Tenant, Key: key})
}

// fewRooms is up to how many rooms of a scope are looked up in each segment.
const fewRooms = 64

// visible is what the asker may see, by the numbers of rooms.
type visible struct {
	scope search.Scope
	rooms []*room
	known []uint64 // of each room: 0: not asked yet, 1: nothing; else the first Seq, and 1
	few   [][]byte // the terms of the rooms, where they are few
	some  bool     // few is all there is
}

func (q *query) visibility() visible {
	v := visible{scope: q.Scope, rooms: q.view.rooms, known: make([]uint64, len(q.view.rooms))}
	if q.Scope.All || len(q.Scope.Rooms) > fewRooms {
		return v
	}
	v.some = true
	for key := range q.Scope.Rooms {
		if n, ok := q.number(key); ok {
			v.few = append(v.few, []byte(roomTerm(n)))
		}
	}
	return v
}

// within is what lies in the rooms of the scope, where they are few; nil: that isn't known.
func (v *visible) within(e *eval) (rows, error) {
	if !v.some {
		return nil, nil
	}
	any := roaring.New()
	for _, term := range v.few {
		if err := orList(e.values, term, any); err != nil {
			return nil, err
		}
	}
	return e.narrow(any, nil), nil
}

// from is a room and the first Seq in it that is visible; no room: nothing is.
func (v *visible) from(number uint32) (*room, uint64) {
	if int(number) >= len(v.rooms) {
		return nil, 0
	}
	r := v.rooms[number]
	known := &v.known[number]
	if *known == 0 {
		*known = 1
		if r != nil && r.id.Tenant == v.scope.Tenant {
			if least, ok := v.scope.From(r.id.Key); ok {
				*known = uint64(max(least, 0)) + 2
			}
		}
	}
	if *known == 1 {
		return nil, 0
	}
	return r, *known - 2
}

// tally counts the values of the fields that facets ask for.
type tally struct {
	facets []search.Facet
	sums   []map[string]int
}

func newTally(facets []search.Facet) tally {
	t := tally{facets: facets, sums: make([]map[string]int, len(facets))}
	for i := range t.sums {
		t.sums[i] = map[string]int{}
	}
	return t
}

// buckets is the largest values of each facet, ties by value rising.
func (t *tally) buckets() [][]search.Bucket {
	var all [][]search.Bucket
	for i, f := range t.facets {
		buckets := make([]search.Bucket, 0, len(t.sums[i]))
		for v, n := range t.sums[i] {
			buckets = append(buckets, search.Bucket{Value: v, Count: n})
		}
		slices.SortFunc(buckets, func(a, b search.Bucket) int {
			if a.Count != b.Count {
				return b.Count - a.Count
			}
			return strings.Compare(a.Value, b.Value)
		})
		all = append(all, slices.Clip(buckets[:min(len(buckets), f.Size)]))
	}
	return all
}
