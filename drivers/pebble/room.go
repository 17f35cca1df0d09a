package pebble

import (
	"slices"
	"sync"

	"github.com/cockroachdb/pebble/v2"

	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/internal/pebbledb"
)

// shard is what is held in memory of the rooms of a shard. Whoever places something in it
// holds mu from taking the numbers until Pebble has them in its log.
type shard struct {
	n int

	mu            sync.Mutex
	db            *pebble.DB
	rooms         map[chat.RoomID]*room
	last, durable int64 // numbers of the feed: taken, and on the disk
	progress      progress
	dirty         map[*room]struct{} // with events whose ids and changes aren't written
	caps          caps
	capped        bool // caps count
}

// caps say what was durable when the store failed, where more had been taken. They count
// while the store is open for reading only: what the files show beyond may not be on the disk.
// Until it was open for writing they stay.
type caps struct {
	number int64 // of the feed
	rooms  map[chat.RoomID]chat.Seq
}

// room is what is held in memory of a room.
type room struct {
	id     chat.RoomID
	loaded bool
	shown  bool // something of it was durable
	isNew  bool // and it isn't counted yet
	record
	durable     chat.Seq // up to which anybody may read
	durableText int64    // the TextSeq there
	indexed     chat.Seq // up to which ids and changes are written

	// tail are the newest events, without a hole up to last: at least what isn't durable,
	// and what isn't indexed. Events in it never change, nor do slices that were made of it.
	tail  []*chat.Event
	ids   map[chat.EventID]*chat.Event // of tail
	links map[*link]struct{}
}

// Of the rooms without a link at most maxRooms stay in memory; and of each what was said
// last, up to cacheBytes.
const (
	maxRooms   = 8192
	cacheBytes = 64 << 10
)

func (s *shard) init(n int) {
	s.n = n
	s.rooms, s.dirty = map[chat.RoomID]*room{}, map[*room]struct{}{}
	s.caps.number = -1
}

// lose notes what was durable, when the store has failed. wrote says whether it was open for
// writing.
func (s *shard) lose(wrote bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if wrote {
		s.caps = caps{number: -1}
	}
	if s.last > s.durable {
		s.caps.number = s.durable
	}
	for id, r := range s.rooms {
		if r.last > r.durable {
			if s.caps.rooms == nil {
				s.caps.rooms = map[chat.RoomID]chat.Seq{}
			}
			s.caps.rooms[id] = r.durable
		}
	}
}

// unload has all rooms read again; with mu held.
func (s *shard) unload() {
	for id, r := range s.rooms {
		if len(r.links) == 0 {
			delete(s.rooms, id)
			continue
		}
		*r = room{id: id, links: r.links, ids: map[chat.EventID]*chat.Event{}}
	}
	clear(s.dirty)
}

// start reads how far the shard is.
func (s *shard) start(db *pebble.DB, writable bool) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.unload()
	s.capped = !writable
	s.db, s.progress = db, progress{}
	b, err := pebbledb.Get(db, progressKey(s.n))
	if err == nil && b != nil {
		s.progress, err = parseProgress(b)
	}
	if err != nil {
		return err
	}
	first := feedKey(s.n, 0)
	it, err := db.NewIter(&pebble.IterOptions{LowerBound: first, UpperBound: after(first[:2])})
	if err != nil {
		return err
	}
	s.last = s.progress.indexed
	if it.Last() {
		s.last = max(s.last, lastNumber(it.Key()))
	}
	if s.capped && s.caps.number >= 0 {
		s.last = min(s.last, s.caps.number)
	}
	s.durable = s.last
	return it.Close()
}

// find is the room, or nil where there is none; with mu held.
func (s *shard) find(id chat.RoomID) (*room, error) {
	r := s.rooms[id]
	if r != nil && r.loaded {
		return r, nil
	}
	fresh := r == nil
	if fresh {
		r = &room{id: id, ids: map[chat.EventID]*chat.Event{}, links: map[*link]struct{}{}}
	}
	if err := s.load(r); err != nil {
		return nil, err
	}
	if fresh && r.first == 0 {
		return nil, nil
	}
	if fresh {
		s.evict()
		s.rooms[id] = r
	}
	return r, nil
}

// make is find, and makes it where there is none.
func (s *shard) make(id chat.RoomID) (*room, error) {
	r, err := s.find(id)
	if r == nil && err == nil {
		s.evict()
		r = &room{id: id, loaded: true, ids: map[chat.EventID]*chat.Event{}, links: map[*link]struct{}{}}
		s.rooms[id] = r
	}
	return r, err
}

// load reads a room. What lies above its cap isn't there.
func (s *shard) load(r *room) error {
	b, err := pebbledb.Get(s.db, recordKey(r.id))
	if err != nil {
		return err
	}
	r.loaded = true
	if b == nil {
		return nil
	}
	if r.record, err = parseRecord(b); err != nil {
		return err
	}
	most, capped := s.caps.rooms[r.id]
	capped = capped && s.capped
	if capped && most < r.first && r.last == 0 {
		r.record = record{}
		return nil
	}
	if !capped {
		most = maxSeq
	}
	w := walker{db: s.db, view: view{id: r.id, first: r.first, head: most}}
	defer w.close()
	last := w.lt(most)
	if capped {
		last = w.lt(most + 1)
	}
	if w.err != nil {
		return w.err
	}
	if last != nil {
		r.last, r.textSeq, r.at = last.Last(), last.TextSeq, last.At
	}
	r.shown = true
	r.durable, r.durableText, r.indexed = r.last, r.textSeq, r.last
	return nil
}

const maxSeq = chat.Seq(1<<63 - 1)

// evict makes room for another room, where there are too many: of a few, those in which
// nothing is happening go.
func (s *shard) evict() {
	if len(s.rooms) < maxRooms/chat.Shards {
		return
	}
	looked := 0
	for id, r := range s.rooms {
		if r.durable == r.last && r.indexed >= r.last {
			if len(r.links) == 0 {
				delete(s.rooms, id)
			} else {
				r.tail, r.ids = nil, map[chat.EventID]*chat.Event{}
			}
		}
		if looked++; looked == 8 {
			return
		}
	}
}

// place takes an event's numbers and holds it; with mu held.
func (r *room) place(e *chat.Event) {
	if r.first == 0 {
		r.first, r.indexed, r.durable = e.Seq, e.Seq-1, e.Seq-1
		r.isNew = true
	}
	r.last, r.textSeq, r.at = e.Last(), e.TextSeq, e.At
	r.tail = append(r.tail, e)
	r.ids[e.ID] = e
}

// trim lets go of what need not be held.
func (r *room) trim() {
	if len(r.tail) < 2*chat.HeadSize {
		return
	}
	n, bytes := 0, 0
	for i := len(r.tail) - 1; i >= 0; i-- {
		bytes += size(r.tail[i])
		if e := r.tail[i]; e.Last() <= min(r.durable, r.indexed) && (len(r.tail)-i > chat.HeadSize || bytes > cacheBytes) {
			n = i + 1
			break
		}
	}
	for _, e := range r.tail[:n] {
		delete(r.ids, e.ID)
	}
	r.tail = r.tail[n:]
}

// size is about what an event takes in memory.
func size(e *chat.Event) int {
	n := 256
	if t, ok := e.Content.(*chat.Text); ok {
		n += len(t.Body)
	}
	for i := range e.Extensions {
		n += len(e.Extensions[i].Raw)
	}
	return n
}

// replace puts an emptied event in the place of the one that is held.
func (r *room) replace(e *chat.Event) {
	i, ok := slices.BinarySearchFunc(r.tail, e.Seq, bySeq)
	if !ok {
		return
	}
	r.tail = slices.Clone(r.tail)
	r.tail[i] = e
	r.ids[e.ID] = e
}

func bySeq(e *chat.Event, s chat.Seq) int {
	switch {
	case e.Seq < s:
		return -1
	case e.Seq > s:
		return 1
	}
	return 0
}

// view is what anybody may read of a room, at one moment.
type view struct {
	id          chat.RoomID
	first, head chat.Seq
	archived    chat.Seq
	textSeq     int64
	indexed     chat.Seq
	tail        []*chat.Event
}

// view is what may be read; with mu held.
func (r *room) view() view {
	if !r.shown {
		return view{id: r.id}
	}
	n, _ := slices.BinarySearchFunc(r.tail, r.durable+1, bySeq)
	return view{id: r.id, first: r.first, head: r.durable, archived: r.archived, textSeq: r.durableText, indexed: r.indexed, tail: r.tail[:n:n]}
}

// look is what may be read of a room; the zero view where there is none.
func (p *place) look(id chat.RoomID) (view, error) {
	s := &p.shards[id.Shard()]
	s.mu.Lock()
	defer s.mu.Unlock()
	r, err := s.find(id)
	if r == nil || err != nil {
		return view{}, err
	}
	return r.view(), nil
}
