package hub

import (
	"context"
	"sync"

	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/storage"
)

// readUpTo is up to where nothing is unread for a user, in rooms, in their order: his mark, or
// where he came in, or before where his history begins.
func (h *Hub) readUpTo(ctx context.Context, op string, u chat.UserID, rooms []tipped) ([]storage.Mark, error) {
	ids := make([]chat.RoomID, len(rooms))
	for i := range rooms {
		ids[i] = rooms[i].Room
	}
	marks, err := h.set.Directory.LookupMarks(ctx, u, ids)
	if err != nil {
		return nil, err
	}
	read := make([]storage.Mark, len(rooms))
	var came []int // where that is not known by a mark
	for i := range rooms {
		r, m := &rooms[i], &read[i]
		if len(marks) > 0 && marks[0].Room == r.Room {
			*m, marks = marks[0], marks[1:]
		}
		m.User, m.Room = u, r.Room
		*m = h.marks.over(*m)
		switch since := max(r.From-1, r.Since); {
		case since <= m.Seq:
		case since >= r.Last:
			m.Seq, m.TextSeq = since, r.TextSeq
		default:
			m.Seq = since
			came = append(came, i)
		}
	}
	return read, h.countTexts(ctx, op, read, came)
}

// countTexts says of those marks which are named how many texts there are up to them, and
// keeps them, so that it is asked once. They lie where somebody came in, so the archive has
// nearly all of them.
func (h *Hub) countTexts(ctx context.Context, op string, marks []storage.Mark, which []int) error {
	if len(which) == 0 {
		return nil
	}
	refs := make([]storage.Ref, len(which))
	for i, at := range which {
		refs[i] = storage.Ref{Room: marks[at].Room, Seq: marks[at].Seq}
	}
	found, err := h.set.History.Lookup(ctx, refs)
	if err != nil {
		return err
	}
	events := found.Events
	for _, at := range which {
		m := &marks[at]
		if len(events) > 0 && events[0].Position() == m.Position {
			m.TextSeq, events = events[0].TextSeq, events[1:]
		} else if m.TextSeq, err = h.textSeqAt(ctx, op, m.Room, m.Seq); err != nil {
			return err
		}
		h.marks.keep(*m)
	}
	return nil
}

// mentions are the newest references to texts that name a user.
type mentions struct {
	of    map[chat.RoomID][]chat.Seq // in rising order of the log
	older bool                       // there are references that were not looked at
}

// mentions reads the end of a user's personal log.
func (h *Hub) mentions(ctx context.Context, u chat.UserID) (*mentions, error) {
	page, err := h.read(ctx, personalRoom(u), chat.Latest(newsWindow).All())
	if err != nil {
		return nil, err
	}
	m := &mentions{of: map[chat.RoomID][]chat.Seq{}, older: page.Older}
	for i := range page.Events {
		if r, ok := page.Events[i].Content.(*chat.Reference); ok && r.Why == whyMention {
			m.of[r.To.Room] = append(m.of[r.To.Room], r.To.Seq)
		}
	}
	return m, nil
}

// in counts what names the user in a room behind one seq up to another, at most as many as
// are unread. more says that there may be more than were looked at.
func (m *mentions) in(room chat.RoomID, behind, upTo chat.Seq, unread int64) (n int, more bool) {
	more = m.older
	for _, seq := range m.of[room] {
		switch {
		case seq <= behind:
			more = false // those before it are read, too
		case seq <= upTo:
			n++
		}
	}
	return int(min(int64(n), unread)), more && int64(n) < unread
}

// atOnce does all of this at the same time, and returns one of the errors.
func atOnce(all ...func() error) error {
	errs := make([]error, len(all))
	var running sync.WaitGroup
	for i, do := range all {
		running.Go(func() { errs[i] = do() })
	}
	running.Wait()
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}
