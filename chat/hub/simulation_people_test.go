package hub_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/chat/hub"
	"github.com/parlor-chat/parlor/chat/hub/hubtest"
	"github.com/parlor-chat/parlor/search"
)

const (
	simCall = 3 * time.Second // what a client waits for an answer
	simPage = 100
)

// sent is a text, or a change of one, that somebody tries to send.
type sent struct {
	action              // that said it
	id     chat.EventID // zero: nobody knows whether it is there
	seq    chat.Seq
	step   int // in which that was told
}

// clientID is its sender's own id for it.
func (s *sent) clientID() string { return fmt.Sprint("c", s.Said) }

// word is one that nothing else has.
func (s *sent) word() string { return fmt.Sprint("w", s.Said) }

// saying notes what is going to be said, so that others may try it in the same step.
func (w *world) saying(a action) {
	if a.Said > 0 {
		w.said[a.Said] = &sent{action: a}
	}
}

// call runs one call of a client, who waits for a while only.
func (w *world) call(fn func(ctx context.Context) error) error {
	ctx, cancel := context.WithTimeout(w.ctx, simCall)
	defer cancel()
	return fn(ctx)
}

// explained says whether a fault or a crash can be the reason of an error.
func explained(err error) bool {
	return errors.Is(err, chat.ErrUnavailable) || errors.Is(err, chat.ErrClosed) || errors.Is(err, context.DeadlineExceeded)
}

func (w *world) room(node int, user, room string) hub.Room { return w.k.As(node, user).Room(room) }

func (w *world) id(room string) chat.RoomID { return chat.RoomID{Tenant: hubtest.Tenant, Key: room} }

// simEmoji are the sets that people react with.
var simEmoji = [][]string{{"👍"}, {"🍜", "👍"}, nil}

// say sends what has a number to a node, under its sender's id for it.
func (w *world) say(node, number int, first bool) func() {
	s := *w.said[number]
	var about sent
	if s.About > 0 {
		if about = *w.said[s.About]; about.id.IsZero() || about.step == w.step {
			return nil // he knows of no such text
		}
		if s.Verb != "react" {
			w.check.changes(about.id)
		}
	}
	step := w.step
	id := chat.DeriveID(w.id(s.Room), hubtest.User(s.User), s.clientID())
	w.check.tries(step, id)
	return func() {
		var r chat.Receipt
		err := w.call(func(ctx context.Context) (err error) {
			room, once := w.room(node, s.User, s.Room), hub.Once(s.clientID())
			switch s.Verb {
			case "send":
				r, err = room.Send(ctx, chat.Text{Body: "soup " + s.word()}, once)
			case "edit":
				r, err = room.Edit(ctx, about.id, chat.Text{Body: "bread " + s.word()}, once)
			case "react":
				r, err = room.React(ctx, about.id, simEmoji[s.Said%len(simEmoji)], once)
			default:
				r, err = room.Retract(ctx, about.id, "", once)
			}
			return err
		})
		w.mu.Lock()
		defer w.mu.Unlock()
		switch {
		case err == nil:
			known := w.said[number]
			known.id, known.seq, known.step = r.ID, r.Seq, step
			a := ack{step: step, node: node, user: s.User, room: w.id(s.Room), verb: s.Verb, target: about.id, word: s.word(), Receipt: r}
			w.check.ack(s.clientID(), a)
			if first {
				w.check.sends(a)
			} else {
				w.check.sentElsewhere(r.ID)
			}
		case errors.Is(err, chat.ErrConflict) && s.Verb == "send":
			w.check.yields(step, id)
		case !explained(err) && !errors.Is(err, chat.ErrNotFound) && !errors.Is(err, chat.ErrForbidden):
			w.check.refuses(step, s.Verb, err)
		default:
			w.check.note("%d %s sends %s by node %d: %v", step, s.User, s.clientID(), node, err)
		}
	}
}

// dispute uses an id again for another text.
func (w *world) dispute(a action) func() {
	s := *w.said[a.About]
	if s.Verb != "send" || s.seq == 0 || s.step == w.step {
		return nil
	}
	step := w.step
	return func() {
		var r chat.Receipt
		err := w.call(func(ctx context.Context) (err error) {
			r, err = w.room(a.Node, s.User, s.Room).Send(ctx, chat.Text{Body: "another text"}, hub.Once(s.clientID()))
			return err
		})
		w.mu.Lock()
		defer w.mu.Unlock()
		switch {
		case err != nil && !explained(err) && !errors.Is(err, chat.ErrConflict) && !errors.Is(err, chat.ErrNotFound) && !errors.Is(err, chat.ErrForbidden):
			w.check.refuses(step, "dispute", err)
		default:
			w.check.dispute(step, s.id, err != nil && !explained(err), err == nil && r.State == chat.Placed)
		}
	}
}

// appoint has ann ban somebody, or let him in again, or has him leave.
func (w *world) appoint(a action) func() {
	step := w.step
	return func() {
		w.mu.Lock()
		if a.Role != chat.RoleBanned {
			w.check.let(step, a.User, w.id(a.Room))
		}
		w.mu.Unlock()
		err := w.call(func(ctx context.Context) error {
			return w.room(a.Node, "ann", a.Room).SetMember(ctx, a.User, a.Role, "")
		})
		w.mu.Lock()
		defer w.mu.Unlock()
		switch {
		case err != nil && !explained(err):
			w.check.refuses(step, "set member", err)
		case err != nil && a.Role != chat.RoleMember:
			w.check.unsure[standingOf{a.User, w.id(a.Room)}] = true
		case err == nil && a.Role == chat.RoleBanned:
			w.check.putOut(step, a.User, w.id(a.Room))
		}
	}
}

func (w *world) read(a action) func() {
	step := w.step
	return func() {
		var page hub.Page
		err := w.call(func(ctx context.Context) (err error) {
			page, err = w.room(a.Node, a.User, a.Room).Page(ctx, chat.Latest(simPage))
			return err
		})
		w.mu.Lock()
		defer w.mu.Unlock()
		switch {
		case err == nil:
			w.check.page(step, a.User, w.id(a.Room), page.Messages, simPage)
		case !explained(err) && !errors.Is(err, chat.ErrNotFound):
			w.check.refuses(step, "page", err)
		}
	}
}

func (w *world) search(a action) func() {
	s := *w.said[a.About]
	if s.seq == 0 || s.step == w.step {
		return nil
	}
	step := w.step
	at := chat.Position{Room: w.id(s.Room), Seq: s.seq}
	return func() {
		var found hub.Found
		err := w.call(func(ctx context.Context) (err error) {
			found, err = w.k.As(a.Node, a.User).Search(ctx, hub.Query{Where: search.Words(s.word()), Limit: 10, AtLeast: at})
			return err
		})
		w.mu.Lock()
		defer w.mu.Unlock()
		switch {
		case err == nil:
			w.check.found(step, a.User, s.word(), at, found.Messages())
		case !explained(err) && !errors.Is(err, chat.ErrNotFound):
			w.check.refuses(step, "search", err)
		}
	}
}

// takeBack retracts a text and searches for it at once, at another node, where the index
// knows nothing of that yet.
func (w *world) takeBack(a action) func() {
	s := *w.said[a.About]
	retract := w.say(a.Node, a.Said, true)
	if retract == nil || s.seq == 0 {
		return nil
	}
	step := w.step
	return func() {
		retract()
		w.mu.Lock()
		mine := *w.said[a.Said]
		w.mu.Unlock()
		if mine.seq == 0 {
			return
		}
		var found hub.Found
		err := w.call(func(ctx context.Context) (err error) {
			found, err = w.k.As((a.Node+1)%simNodes, "ann").Search(ctx, hub.Query{Where: search.Words(s.word()), Limit: 10})
			return err
		})
		w.mu.Lock()
		defer w.mu.Unlock()
		if err == nil {
			w.check.gone(step, mine.id, s.id, found.Messages())
		}
	}
}
