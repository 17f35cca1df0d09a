package hub

import (
	"context"
	"fmt"
	"math"

	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/storage"
)

// SignalRead is the name of the signal that tells all sessions of a user, on every node,
// that he read on in one of his rooms; [ParseRead] reads it.
const SignalRead = "parlor.read"

// Read says that the user has read the room up to seq. A mark only rises: an earlier seq
// changes nothing. The user's sessions are told at once, by a [SignalRead], on all nodes; the
// directory about a second later, with others, or at Shutdown: a node that is killed loses the
// marks of its last second, and while the directory is away they wait. Whoever says
// something has read up to there.
//
// A seq beyond the room's last is [chat.ErrInvalid], with the last as its limit. Where
// 100,000 marks wait on this node it is [chat.ErrUnavailable].
func (r Room) Read(ctx context.Context, seq chat.Seq) error {
	const op = "read"
	leave, err := r.h.gate.enter(ctx, op)
	if err != nil {
		return err
	}
	defer leave()
	m, err := r.h.standing(ctx, op, r.user, r.id)
	switch {
	case err != nil:
		return err
	case seq < 1:
		return &chat.Error{Kind: chat.ErrInvalid, Op: op, Field: "seq"}
	}
	text, err := r.h.textSeqAt(ctx, op, r.id, seq)
	if err != nil {
		return err
	}
	if seq < m.From {
		return nil // he may not read that, so nothing is unread there
	}
	mark := storage.Mark{User: r.user, Position: chat.Position{Room: r.id, Seq: seq}, TextSeq: text}
	if !r.h.marks.keep(mark) {
		return &chat.Error{Kind: chat.ErrUnavailable, Op: op, Field: "marks", Limit: maxMarks}
	}
	if err := r.h.set.Broker.Signal(ctx, readSignal(mark)); err != nil {
		r.h.log.Debug("parlor: a user's other devices don't hear that he read", "user", r.user, "error", err)
	}
	return nil
}

// said marks what somebody said himself as read, and what was there before. His sessions
// learn that by the event.
func (r Room) said(sent chat.Receipt) {
	if sent.Seq > 0 {
		r.h.marks.keep(storage.Mark{User: r.user, Position: chat.Position{Room: r.id, Seq: sent.Seq}, TextSeq: sent.TextSeq})
	}
}

// textSeqAt is how many texts there are up to a seq, which may be one that was never used.
func (h *Hub) textSeqAt(ctx context.Context, op string, room chat.RoomID, seq chat.Seq) (int64, error) {
	before, after := chat.Before(min(seq, math.MaxInt64-1)+1, 1).All(), chat.After(seq, 1).All()
	head, err := h.set.Broker.Recent(ctx, room, before)
	switch {
	case err != nil:
		return 0, err
	case seq > head.Last:
		return 0, &chat.Error{Kind: chat.ErrInvalid, Op: op, Field: "seq", Limit: int64(head.Last)}
	case len(head.Events) > 0:
		return head.Events[0].TextSeq, nil
	}
	page, err := h.set.History.Page(ctx, room, before)
	switch {
	case err != nil:
		return 0, err
	case len(page.Events) > 0:
		return page.Events[0].TextSeq, nil
	}
	// It is pruned: what follows tells.
	if page, err = h.set.History.Page(ctx, room, after); err != nil {
		return 0, err
	}
	next := page.Events
	if len(next) == 0 {
		if head, err = h.set.Broker.Recent(ctx, room, after); err != nil || len(head.Events) == 0 {
			return head.TextSeq, err
		}
		next = head.Events
	}
	if next[0].IsText() {
		return next[0].TextSeq - 1, nil
	}
	return next[0].TextSeq, nil
}

// readSignal tells a mark.
func readSignal(m storage.Mark) chat.Signal {
	return chat.Signal{Room: personalRoom(m.User), From: m.User, To: m.User, Name: SignalRead,
		Data: fmt.Appendf(nil, "%d %d %s", m.Seq, m.TextSeq, m.Room.Key)}
}

// ParseRead is the mark that a [SignalRead] tells. Of two in one room the higher counts,
// whichever came first.
func ParseRead(s *chat.Signal) (storage.Mark, error) {
	const op = "parse read"
	m := storage.Mark{User: s.To, Position: chat.Position{Room: chat.RoomID{Tenant: s.To.Tenant}}}
	if _, err := fmt.Sscanf(string(s.Data), "%d %d %s", &m.Seq, &m.TextSeq, &m.Room.Key); err != nil || s.Name != SignalRead {
		return storage.Mark{}, &chat.Error{Kind: chat.ErrInvalid, Op: op, Field: "signal", Err: err}
	}
	return m, m.Check(op)
}
