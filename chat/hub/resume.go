package hub

import (
	"cmp"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"maps"
	"slices"
	"time"

	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/storage"
)

// Resume is a token for going on where a session was: the position of each of its
// rooms. It is opaque, URL safe, and signed: only the same user can use it, on any
// node of the service.
type Resume string

// Bounds of a resume.
const (
	MaxResumeAge = 30 * 24 * time.Hour
	MaxMissed    = 10_000 // events, in all rooms together
)

// Resume is where the session is now: behind what Next has returned. It stays so
// after the session ended, by what end ever. Ask for it after each delivery that was
// dealt with, and give it to the next session as [Device.Resume].
func (s *Session) Resume() Resume {
	at := s.position()
	s.mu.Lock()
	for _, d := range s.backlog {
		before(at, d)
	}
	for i := range s.queue.n {
		before(at, s.queue.at[(s.queue.from+i)%len(s.queue.at)])
	}
	s.mu.Unlock()
	return s.h.formResume(s.user, at, time.Now())
}

// position is where the session is heard, and up to where it was delivered to in each
// of these rooms, without a look at what waits.
func (s *Session) position() map[chat.RoomID]chat.Seq {
	f := s.h.fan
	f.mu.RLock()
	rooms := slices.Clone(s.rooms)
	f.mu.RUnlock()
	at := make(map[chat.RoomID]chat.Seq, len(rooms))
	for _, r := range rooms {
		r.mu.Lock()
		at[r.room] = r.last
		r.mu.Unlock()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.final != nil {
		return maps.Clone(s.final)
	}
	for room, c := range s.coming {
		if _, ok := at[room]; ok {
			at[room] = min(at[room], c.after)
		}
	}
	for room, seq := range s.missed {
		if _, ok := at[room]; ok {
			at[room] = min(at[room], seq-1)
		}
	}
	for room, seq := range s.after { // it had more from a node that was ahead, or isn't to have it
		if _, ok := at[room]; ok {
			at[room] = max(at[room], seq)
		}
	}
	return at
}

// before takes a position back to before a delivery that still waits.
func before(at map[chat.RoomID]chat.Seq, d *Delivery) {
	if e := d.Event; e != nil {
		if seq, ok := at[e.Room]; ok {
			at[e.Room] = min(seq, e.Seq-1)
		}
	}
}

// freeze ends the session for a reason, if it has none yet, and notes where it was,
// for it will soon be heard nowhere.
func (s *Session) freeze(why error) {
	s.stop(why)
	at := s.position()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.final == nil {
		s.final = at
	}
}

// missing notes what doesn't come any more; under mu.
func (s *Session) missing(d *Delivery) {
	if d.Event != nil {
		s.note(d.Event.Room, d.Event.Seq)
	}
}

// miss is missing for what can't even be read.
func (s *Session) miss(room chat.RoomID, seq chat.Seq) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.note(room, seq)
}

func (s *Session) note(room chat.RoomID, seq chat.Seq) {
	if s.missed == nil {
		s.missed = map[chat.RoomID]chat.Seq{}
	}
	if _, known := s.missed[room]; !known {
		s.missed[room] = seq
	}
}

// catchUp puts what a resumed session missed ahead of what comes live. at is where it
// was.
func (h *Hub) catchUp(ctx context.Context, s *Session, at map[chat.RoomID]chat.Seq) error {
	h.fan.mu.RLock()
	rooms := slices.Clone(s.rooms)
	h.fan.mu.RUnlock()
	members, err := h.access.Access(ctx, s.user)
	if err != nil {
		return err
	}
	rows := make(map[chat.RoomID]storage.Member, len(members))
	for _, m := range members {
		rows[m.Room] = m
	}
	var missed []chat.Event
	ahead := map[chat.RoomID]chat.Seq{}
	for _, r := range rooms {
		row, may := rows[r.room]
		if !may {
			continue // sent away at this moment: the log says so
		}
		start, known := at[r.room]
		switch {
		case !known && row.Since > 0: // a room that he came to meanwhile
			start = row.Since - 1
		case !known:
			start = r.from
		case start > r.from: // the other node was ahead of this one
			if err := h.reaches(ctx, chat.Position{Room: r.room, Seq: start}); err != nil {
				return err
			}
			ahead[r.room] = start
		}
		events, err := h.fromEntry(ctx, row, start, r.from, MaxMissed-len(missed))
		if err != nil {
			return err
		}
		missed = append(missed, events...)
	}
	// In the order of time, as he would have seen them; in a room, At never falls.
	slices.SortStableFunc(missed, func(a, b chat.Event) int {
		return cmp.Or(a.At.Compare(b.At), cmp.Compare(a.Room.Key, b.Room.Key), cmp.Compare(a.Seq, b.Seq))
	})
	backlog := make([]*Delivery, len(missed))
	for i := range missed {
		backlog[i] = &Delivery{Event: &missed[i]}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for room, seq := range s.after {
		if seq > at[room] { // what it isn't to have
			ahead[room] = max(ahead[room], seq)
		}
	}
	s.backlog, s.after = backlog, nil
	if len(ahead) > 0 {
		s.after = ahead
	}
	if len(backlog) > 0 {
		s.wake()
	}
	return nil
}

// reaches refuses a position that the room doesn't have: it is of a log that was lost.
func (h *Hub) reaches(ctx context.Context, p chat.Position) error {
	head, err := h.set.Broker.Recent(ctx, p.Room, chat.Latest(1).All())
	if err == nil && head.Last < p.Seq {
		err = expired("connect", 0)
	}
	return err
}

// between reads what a member may see of his room behind one Seq and up to another.
func (h *Hub) between(ctx context.Context, m storage.Member, after, upTo chat.Seq, most int) ([]chat.Event, error) {
	var all []chat.Event
	for after = max(after, m.From-1); after < upTo; {
		w := chat.After(after, storage.MaxPage).All()
		raw, err := h.read(ctx, m.Room, w)
		if err != nil {
			return nil, err
		}
		if len(raw.Events) == 0 {
			return nil, &chat.Error{Kind: chat.ErrIncomplete, Op: "connect", Field: "device.resume"}
		}
		after = raw.Events[len(raw.Events)-1].Last()
		for _, e := range show(raw, w, m.From).Events {
			if e.Last() <= upTo { // a void that reaches beyond it comes live
				all = append(all, e)
			}
		}
		if len(all) > most {
			return nil, expired("connect", MaxMissed)
		}
	}
	return all, nil
}

// fromEntry is between; but what begins with the event that let him in begins with the first
// one that did: two may have let him in at once, none knowing of the other, and his row tells of
// the later one.
func (h *Hub) fromEntry(ctx context.Context, m storage.Member, after, upTo chat.Seq, most int) ([]chat.Event, error) {
	if after+1 != m.Since {
		return h.between(ctx, m, after, upTo, most)
	}
	all, err := h.between(ctx, m, max(after-chat.HeadSize, 0), upTo, most+chat.HeadSize)
	entry := slices.IndexFunc(all, func(e chat.Event) bool { return e.Seq > after })
	if err != nil || entry < 0 {
		return nil, err
	}
	if in, ok := all[entry].Content.(*chat.Member); ok {
		if first := slices.IndexFunc(all[:entry], func(e chat.Event) bool {
			m, ok := e.Content.(*chat.Member)
			return ok && m.User == in.User && m.Role.Belongs() && m.After == in.After
		}); first >= 0 {
			entry = first
		}
	}
	return all[entry:], nil
}

func expired(op string, limit int64) error {
	return &chat.Error{Kind: chat.ErrExpired, Op: op, Field: "device.resume", Limit: limit}
}

// resumeRegister holds the key that the nodes of a service sign tokens with.
const resumeRegister = "resume"

// A token is a version, the time, the user's tenant and key, the rooms' keys with
// their Seq, and the first half of the HMAC-SHA256 (RFC 2104, section 5) of all that,
// in base64url.
const (
	resumeVersion = 1
	resumeMAC     = sha256.Size / 2
	maxResume     = 1 << 20 // bytes of a token that are looked at
)

func (h *Hub) formResume(u chat.UserID, at map[chat.RoomID]chat.Seq, now time.Time) Resume {
	b := []byte{resumeVersion}
	b = binary.AppendVarint(b, now.Unix())
	b = appendString(appendString(b, u.Tenant), u.Key)
	for _, room := range slices.SortedFunc(maps.Keys(at), func(a, b chat.RoomID) int { return cmp.Compare(a.Key, b.Key) }) {
		b = binary.AppendVarint(appendString(b, room.Key), int64(at[room]))
	}
	return Resume(base64.RawURLEncoding.EncodeToString(append(b, h.mac(b)...)))
}

// parseResume reads a token; none is no positions and no error.
func (h *Hub) parseResume(op string, r Resume, u chat.UserID, now time.Time) (map[chat.RoomID]chat.Seq, error) {
	if r == "" {
		return nil, nil
	}
	if len(r) > maxResume {
		return nil, &chat.Error{Kind: chat.ErrTooLarge, Op: op, Field: "device.resume", Limit: maxResume}
	}
	bad := &chat.Error{Kind: chat.ErrInvalid, Op: op, Field: "device.resume"}
	b, err := base64.RawURLEncoding.Strict().DecodeString(string(r))
	if err != nil || len(b) <= resumeMAC {
		return nil, bad
	}
	b, mac := b[:len(b)-resumeMAC], b[len(b)-resumeMAC:]
	if !hmac.Equal(mac, h.mac(b)) || b[0] != resumeVersion {
		return nil, bad
	}
	// What follows is as this service wrote it.
	b = b[1:]
	at, n := binary.Varint(b)
	b = b[n:]
	tenant, b := cutString(b)
	key, b := cutString(b)
	if (chat.UserID{Tenant: tenant, Key: key}) != u {
		return nil, bad
	}
	if now.Sub(time.Unix(at, 0)) > MaxResumeAge {
		return nil, expired(op, 0)
	}
	rooms := map[chat.RoomID]chat.Seq{}
	for len(b) > 0 {
		var room string
		room, b = cutString(b)
		seq, n := binary.Varint(b)
		b = b[n:]
		rooms[chat.RoomID{Tenant: u.Tenant, Key: room}] = chat.Seq(seq)
	}
	return rooms, nil
}

func (h *Hub) mac(b []byte) []byte {
	m := hmac.New(sha256.New, h.resume)
	m.Write(b)
	return m.Sum(nil)[:resumeMAC]
}

func appendString(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

func cutString(b []byte) (string, []byte) {
	n, size := binary.Uvarint(b)
	b = b[size:]
	return string(b[:n]), b[n:]
}
