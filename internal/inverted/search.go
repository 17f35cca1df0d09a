package inverted

import (
	"context"
	"math"
	"slices"

	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/search"
)

// Search is Search of [search.Index], for a request that was checked apart from its
// cursor.
func (x *Index) Search(ctx context.Context, r search.Request) (search.Result, error) {
	after, paged, err := r.AfterHit("search")
	if err != nil {
		return search.Result{}, err
	}
	q := query{Request: r, work: work{ask: ctx.Err}, after: after, paged: paged, tally: newTally(r.Facets)}
	q.run(x.months(r.Scope.Tenant))
	if q.work.err != nil {
		return search.Result{}, q.work.err
	}
	return q.result(), nil
}

// query is one search on its way.
type query struct {
	search.Request
	work  work
	after search.Hit
	paged bool // there is an after

	hits     []search.Hit // the first ones behind after
	count    int
	tally    tally
	from     []chat.Seq // by room of a segment; see sees
	patterns []pattern  // of a segment, for scores
}

// run looks at one segment after the other, until the page is full and everything
// counted.
func (q *query) run(months []*month) {
	from, to := window(q.Where)
	for _, m := range months {
		if m.newest < from || m.oldest >= to {
			continue
		}
		for _, p := range m.parts {
			if q.work.asked() {
				return
			}
			q.look(p, m)
		}
		if !q.counting() && !q.ByScore && q.full() {
			return // all other months are older
		}
	}
}

// counting says that further matches would change the count or the facets.
func (q *query) counting() bool {
	return len(q.Facets) > 0 || 0 < q.Count && q.count <= q.Count
}

// full says that there are more hits than the page has room for: one is enough to
// know that there is a next page.
func (q *query) full() bool { return q.Limit == 0 || len(q.hits) > q.Limit }

// look takes in the matches of one segment.
func (q *query) look(p part, m *month) {
	lo, hi := q.page(p.segment)
	if lo >= hi && !q.counting() {
		return
	}
	matches := q.narrow(p.segment, plan{p.segment, m, &q.work}.rows(q.Where))
	if matches.most() == 0 {
		return
	}
	q.enter(p.segment)
	var found []search.Hit
	for next := 0; !q.work.stopped(1); {
		counting := q.counting()
		if !counting {
			next = max(next, lo)
		}
		row := matches.next(next)
		if row == none || row >= hi && !counting {
			break
		}
		next = row + 1
		if p.dead.has(row) || !q.sees(p.segment, row) {
			continue
		}
		if counting {
			q.count++
			q.tally.add(row)
		}
		switch {
		case row < lo || row >= hi:
		case q.ByScore:
			q.rank(p.segment, row)
		default:
			found = append(found, q.hit(p.segment, row))
			if len(found) > q.Limit {
				hi = row // what is behind it isn't on the page
			}
		}
	}
	if !q.ByScore {
		q.hits = merged(q.hits, found, q.Limit+1)
	}
	q.tally.leave(m.name)
}

// page is the rows of a segment, from lo to hi, that may be on the page.
func (q *query) page(s *segment) (lo, hi int) {
	switch {
	case q.Limit == 0:
		return 0, 0
	case q.ByScore:
		return 0, s.count()
	}
	hi = s.count()
	if q.paged {
		lo = s.behind(placeOf(q.after))
	}
	if q.full() {
		hi = s.before(placeOf(q.hits[q.Limit]))
	}
	return lo, hi
}

// enter begins with a segment.
func (q *query) enter(s *segment) {
	q.from = slices.Grow(q.from[:0], len(s.rooms))[:len(s.rooms)]
	clear(q.from)
	q.tally.enter(s)
	if q.ByScore {
		q.patterns = s.patterns(q.patterns[:0], q.Where)
	}
}

// sees says whether a row is in the scope. What the scope says of a room is looked up
// when the first of its rows comes, and stands in from: 0 for not yet.
func (q *query) sees(s *segment, row int) bool {
	room := s.room[row]
	if q.from[room] == 0 {
		from, ok := q.Scope.From(s.rooms[room])
		if !ok {
			from = math.MaxInt64
		}
		q.from[room] = max(from, 1)
	}
	return s.seq[row] >= q.from[room]
}

// fewRooms is how many rooms are looked up to find out whether they make a search
// shorter.
const fewRooms = 64

// narrow is the rows that are in a room of the scope, too, where that leaves less to
// go through. It is no more than that: a row in such a room need not be in the scope.
func (q *query) narrow(s *segment, matches rows) rows {
	if q.Scope.All || matches.most() < 4*fewRooms || min(len(q.Scope.Rooms), len(s.rooms)) > fewRooms {
		return matches
	}
	var of []rows
	size := 0
	add := func(key string) {
		lo, hi := s.fields.equal(fieldWord(search.FieldRoom, key))
		if lo < hi {
			r := s.fields.rowsOf(lo, hi, s.count())
			of = append(of, r)
			size += r.most()
		}
	}
	if len(q.Scope.Rooms) <= fewRooms {
		for key := range q.Scope.Rooms {
			add(key)
		}
	} else {
		for _, key := range s.rooms {
			if _, ok := q.Scope.Rooms[key]; ok {
				add(key)
			}
		}
	}
	switch {
	case size == 0:
		return span{}
	case size < matches.most():
		return andOf([]rows{matches, orOf(of, s.count())})
	}
	return matches
}

func (q *query) hit(s *segment, row int) search.Hit {
	return search.Hit{
		Position: chat.Position{Room: chat.RoomID{Tenant: q.Scope.Tenant, Key: s.rooms[s.room[row]]}, Seq: s.seq[row]},
		Revision: s.revision[row],
		At:       clock(s.at[row]),
	}
}

func placeOf(h search.Hit) place { return place{floor(h.At), h.Position.Room.Key, h.Position.Seq} }

// merged is the first hits of two lists, newest first.
func merged(a, b []search.Hit, most int) []search.Hit {
	if len(a) == 0 {
		return b
	}
	all := make([]search.Hit, 0, min(most, len(a)+len(b)))
	for len(all) < cap(all) {
		if len(b) == 0 || len(a) > 0 && a[0].Before(b[0], false) {
			all, a = append(all, a[0]), a[1:]
		} else {
			all, b = append(all, b[0]), b[1:]
		}
	}
	return all
}

func (q *query) result() search.Result {
	var res search.Result
	res.Hits = q.hits
	if len(q.hits) > q.Limit {
		res.Hits = q.hits[:q.Limit:q.Limit]
		if q.Limit > 0 {
			res.Next = q.NextAfter(res.Hits[q.Limit-1])
		}
	}
	if q.Count > 0 {
		res.Count, res.Capped = min(q.count, q.Count), q.count > q.Count
	}
	res.Facets = q.tally.buckets()
	return res
}
