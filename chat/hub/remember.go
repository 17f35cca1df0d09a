package hub

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/storage"
)

const (
	defaultRemember = 15 * time.Minute

	// rememberRows is how many rows a node remembers, of all users and rooms.
	rememberRows = 100_000
)

// lastSaid is what Access and the directory said last: who may see what, and how rooms are set.
// It is answered where it is sure that nothing has changed since ([storage.AccessMarks]), and for a
// while where they can't be asked, as far as the log tells nothing else. What is known to have
// changed is forgotten: then nobody is let in by it.
type lastSaid struct {
	storage.Directory
	access storage.Access // the directory's, or the host's
	heard  func(ctx context.Context, m storage.Member, after chat.Seq, since time.Time) (upTo chat.Seq, nothing bool)
	age    time.Duration // 0: nothing is remembered
	most   int

	changes storage.AccessClock // that were heard of: what was asked before one is not remembered

	mu    sync.Mutex
	users map[chat.UserID]*seen
	rooms map[chat.RoomID]seenRoom
	rows  int // in all of these
}

// seen is what was said of a user.
type seen struct {
	let  letIn            // that he isn't deactivated
	all  []storage.Member // of his rooms, when it was asked for
	at   time.Time        // when; zero: it wasn't
	room map[chat.RoomID]seenMember
}

type seenMember struct {
	storage.Member
	at   time.Time
	mark uint64   // under which it was said
	upTo chat.Seq // the log tells nothing else up to here
}

type seenRoom struct {
	storage.Room
	at   time.Time
	mark uint64
}

func remember(d storage.Directory, a storage.Access, age time.Duration) *lastSaid {
	if a == nil {
		a = d
	}
	return &lastSaid{Directory: d, access: a, age: max(age, 0), most: rememberRows,
		users: map[chat.UserID]*seen{}, rooms: map[chat.RoomID]seenRoom{}}
}

// away says whether an error means that nobody could be asked.
func away(ctx context.Context, err error) bool {
	var known *chat.Error
	return err != nil && ctx.Err() == nil && (errors.Is(err, chat.ErrUnavailable) || !errors.As(err, &known))
}

// Access implements storage.Access.
func (r *lastSaid) Access(ctx context.Context, u chat.UserID) ([]storage.Member, error) {
	if err := r.letIn(ctx, "access", u); err != nil {
		return nil, err
	}
	began := r.changes.Mark(u)
	all, err := r.access.Access(ctx, u)
	r.mu.Lock()
	defer r.mu.Unlock()
	switch s := r.users[u]; {
	case err == nil && r.fresh(u, began):
		s = r.user(u)
		r.rows += len(all) - len(s.all)
		s.all, s.at = all, time.Now()
		r.trim()
	case away(ctx, err) && s != nil && time.Since(s.at) < r.age:
		all, at := s.all, s.at
		r.mu.Unlock()
		defer r.mu.Lock()
		if r.still(ctx, all, at) {
			return slices.Clone(all), nil
		}
		return nil, err
	}
	return all, err
}

// still says whether logs tell nothing else than was said at a time of somebody's rooms. A list
// is whole or none.
func (r *lastSaid) still(ctx context.Context, all []storage.Member, at time.Time) bool {
	return !slices.ContainsFunc(all, func(m storage.Member) bool {
		_, same := r.heard(ctx, m, m.Seq, at)
		return !same
	})
}

// AccessTo implements storage.RoomAccess.
func (r *lastSaid) AccessTo(ctx context.Context, u chat.UserID, room chat.RoomID) (storage.Member, error) {
	if err := r.letIn(ctx, "access", u); err != nil {
		return storage.Member{}, err
	}
	mark := storage.AccessMark(r.access, u)
	if m, current := r.current(u, room, mark); current {
		return m, ctx.Err()
	}
	began := r.changes.Mark(u)
	m, err := storage.AccessTo(ctx, r.access, u, room)
	r.mu.Lock()
	defer r.mu.Unlock()
	switch s := r.users[u]; {
	case err == nil && r.fresh(u, began):
		s = r.user(u)
		if s.room == nil {
			s.room = map[chat.RoomID]seenMember{}
		}
		if _, known := s.room[room]; !known {
			r.rows++
		}
		s.room[room] = seenMember{m, time.Now(), mark, m.Seq}
		r.trim()
	case s == nil || r.age == 0:
	case errors.Is(err, chat.ErrNotFound):
		r.drop(u)
	case away(ctx, err):
		one, known := s.to(room, time.Now().Add(-r.age))
		if !known {
			break
		}
		r.mu.Unlock()
		upTo, same := r.heard(ctx, one.Member, one.upTo, one.at)
		r.mu.Lock()
		if same {
			if was, there := s.room[room]; there && was.upTo < upTo {
				was.upTo = upTo
				s.room[room] = was
			}
			return one.Member, nil
		}
	}
	return m, err
}

// current is what was said of a user in a room, if it is sure that nothing has changed since.
func (r *lastSaid) current(u chat.UserID, room chat.RoomID, mark uint64) (storage.Member, bool) {
	if mark == 0 {
		return storage.Member{}, false
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	s := r.users[u]
	if s == nil {
		return storage.Member{}, false
	}
	one, known := s.room[room]
	return one.Member, known && one.mark == mark
}

// to is what was said last of a user in a room, if that was after a time: by itself, or among
// all his rooms.
func (s *seen) to(room chat.RoomID, after time.Time) (seenMember, bool) {
	one, known := s.room[room]
	known = known && one.at.After(after)
	if s.at.After(after) && (!known || s.at.After(one.at)) {
		i := slices.IndexFunc(s.all, func(m storage.Member) bool { return m.Room == room })
		if i < 0 {
			return seenMember{}, false
		}
		return seenMember{Member: s.all[i], at: s.at, upTo: s.all[i].Seq}, true
	}
	return one, known
}

// Room implements storage.Rooms.
func (r *lastSaid) Room(ctx context.Context, id chat.RoomID) (storage.Room, error) {
	mark := storage.AccessMark(r.Directory, chat.UserID{Tenant: id.Tenant})
	r.mu.Lock()
	one, known := r.rooms[id]
	r.mu.Unlock()
	if known && mark != 0 && one.mark == mark {
		return one.Room, ctx.Err()
	}
	began := r.changes.Mark(chat.UserID{})
	room, err := r.Directory.Room(ctx, id)
	switch {
	case err == nil:
		r.saw(began, mark, room)
	case away(ctx, err):
		if list, all := r.last(id); all {
			return list[0], nil
		}
	}
	return room, err
}

// LookupRooms implements storage.Rooms.
func (r *lastSaid) LookupRooms(ctx context.Context, ids []chat.RoomID) ([]storage.Room, error) {
	began := r.changes.Mark(chat.UserID{})
	list, err := r.Directory.LookupRooms(ctx, ids)
	switch {
	case err == nil:
		r.saw(began, 0, list...)
	case away(ctx, err):
		if list, all := r.last(ids...); all {
			return list, nil
		}
	}
	return list, err
}

// PutRoom implements storage.Rooms.
func (r *lastSaid) PutRoom(ctx context.Context, room storage.Room) (storage.Room, error) {
	defer r.forgetRoom(room.ID)
	return r.Directory.PutRoom(ctx, room)
}

// PutMember implements storage.Members.
func (r *lastSaid) PutMember(ctx context.Context, m storage.Member) error {
	defer r.forget(m.User)
	return r.Directory.PutMember(ctx, m)
}

// saw remembers rooms, and the mark under which they were said to be so.
func (r *lastSaid) saw(began, mark uint64, rooms ...storage.Room) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.fresh(chat.UserID{}, began) {
		return
	}
	for _, room := range rooms {
		if _, known := r.rooms[room.ID]; !known {
			r.rows++
		}
		r.rooms[room.ID] = seenRoom{room, time.Now(), mark}
	}
	r.trim()
}

// last is what was said last of rooms, if all of them are remembered.
func (r *lastSaid) last(ids ...chat.RoomID) (list []storage.Room, all bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, id := range ids {
		room, known := r.rooms[id]
		if !known || time.Since(room.at) >= r.age {
			return nil, false
		}
		list = append(list, room.Room)
	}
	return list, true
}

// forget is told that somebody's standing changed.
func (r *lastSaid) forget(u chat.UserID) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.changes.Member(u)
	r.drop(u)
}

// forgetRoom is told that a room's settings changed.
func (r *lastSaid) forgetRoom(id chat.RoomID) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.changes.Room()
	if _, known := r.rooms[id]; known {
		delete(r.rooms, id)
		r.rows--
	}
}

// fresh says whether the answer of a user to what was asked then may be remembered; under mu.
func (r *lastSaid) fresh(u chat.UserID, began uint64) bool {
	return r.age > 0 && r.changes.Mark(u) == began
}

// user is what is remembered of a user; under mu.
func (r *lastSaid) user(u chat.UserID) *seen {
	s := r.users[u]
	if s == nil {
		s = &seen{}
		r.users[u] = s
		r.rows++
	}
	return s
}

// drop forgets a user; under mu.
func (r *lastSaid) drop(u chat.UserID) {
	if s := r.users[u]; s != nil {
		r.rows -= 1 + len(s.all) + len(s.room)
		delete(r.users, u)
	}
}

// trim forgets some, whoever they are, where there are too many; under mu.
func (r *lastSaid) trim() {
	for u := range r.users {
		if r.rows <= r.most {
			return
		}
		r.drop(u)
	}
	for id := range r.rooms {
		if r.rows <= r.most {
			return
		}
		delete(r.rooms, id)
		r.rows--
	}
}

// Bounds of how far a log is read back for what happened since something was said.
const (
	heardSlack = 2 * time.Hour // clocks may differ, and be set
	heardMost  = 5000          // events
)

// heard says whether a room's log tells nothing of somebody's standing behind a Seq, or since a
// time; and up to where it was read. Where it can't be read, or is too long, it
// may tell something.
func (h *Hub) heard(ctx context.Context, m storage.Member, after chat.Seq, since time.Time) (upTo chat.Seq, same bool) {
	most := since.Add(-heardSlack)
	for w, read := chat.Latest(storage.MaxPage).All(), 0; ; {
		page, err := h.read(ctx, m.Room, w)
		if err != nil {
			return 0, false
		}
		if read == 0 {
			upTo = page.Head
		}
		for i := len(page.Events) - 1; i >= 0; i-- {
			e := &page.Events[i]
			if e.Seq <= after || e.At.Before(most) {
				return upTo, true
			}
			if c, ok := e.Content.(*chat.Member); ok && c.User == m.User {
				return 0, false
			}
		}
		read += len(page.Events)
		if !page.Older || len(page.Events) == 0 {
			return upTo, true
		}
		if read >= heardMost {
			return 0, false
		}
		w = chat.Before(page.Events[0].Seq, storage.MaxPage).All()
	}
}
