package hub_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/chat/hub"
	"github.com/parlor-chat/parlor/chat/hub/hubtest"
	"github.com/parlor-chat/parlor/search"
	"github.com/parlor-chat/parlor/storage"
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

// id is that of a room that is known to be there; else the zero one.
func (w *world) id(room string) chat.RoomID { return w.rooms[room] }

// roomOf is what is planned about a room.
func roomOf(name string) simRoom {
	return simRooms[slices.IndexFunc(simRooms, func(r simRoom) bool { return r.name == name })]
}

// meets says whether somebody has a way to ask for a room: a direct one is made by who
// talks there, and its key known to others then only.
func (w *world) meets(user, room string) bool {
	return !w.id(room).IsZero() || slices.Contains(roomOf(room).people, user)
}

// room is a room in the hands of a user. Who talks there gets a direct one from the hub.
func (w *world) room(ctx context.Context, node int, user, name string) (hub.Room, error) {
	r := roomOf(name)
	if r.kind != storage.Direct || !slices.Contains(r.people, user) {
		w.mu.Lock()
		defer w.mu.Unlock()
		return w.k.As(node, user).Room(w.id(name).Key), nil
	}
	room, err := w.k.As(node, user).Direct(ctx, r.people...)
	if err != nil {
		return room, err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	switch w.id(name) {
	case chat.RoomID{}:
		w.opens(r, room.ID())
	case room.ID():
	default:
		w.check.breaks("Same answers", "%s is %v and %v", name, w.id(name), room.ID())
	}
	return room, nil
}

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
	if !w.meets(s.User, s.Room) {
		return nil
	}
	step := w.step
	return func() {
		var r chat.Receipt
		err := w.call(func(ctx context.Context) error {
			room, err := w.room(ctx, node, s.User, s.Room)
			if err != nil {
				return err
			}
			w.mu.Lock()
			w.check.tries(step, s.eventID(room.ID()))
			w.mu.Unlock()
			r, err = s.send(ctx, room, about.id)
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
			w.check.yields(step, s.eventID(w.id(s.Room)))
		case !explained(err) && !errors.Is(err, chat.ErrNotFound) && !errors.Is(err, chat.ErrForbidden):
			w.check.refuses(step, s.Verb, err)
		default:
			w.check.note("%d %s sends %s by node %d: %v", step, s.User, s.clientID(), node, err)
		}
	}
}

// eventID is what its sender's own id makes of it.
func (s *sent) eventID(room chat.RoomID) chat.EventID {
	return chat.DeriveID(room, hubtest.User(s.User), s.clientID())
}

// send sends it, or changes the text that it is about.
func (s *sent) send(ctx context.Context, room hub.Room, about chat.EventID) (chat.Receipt, error) {
	once := hub.Once(s.clientID())
	switch s.Verb {
	case "send":
		t := chat.Text{Body: "soup " + s.word()}
		if s.Mention != "" {
			t.Mentions = []chat.UserID{hubtest.User(s.Mention)}
		}
		return room.Send(ctx, t, once)
	case "edit":
		return room.Edit(ctx, about, chat.Text{Body: "bread " + s.word()}, once)
	case "react":
		return room.React(ctx, about, simEmoji[s.Said%len(simEmoji)], once)
	}
	return room.Retract(ctx, about, "", once)
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
		err := w.call(func(ctx context.Context) error {
			room, err := w.room(ctx, a.Node, s.User, s.Room)
			if err == nil {
				r, err = room.Send(ctx, chat.Text{Body: "another text"}, hub.Once(s.clientID()))
			}
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
			found, err = w.k.As(a.Node, a.User).Search(ctx, hub.Query{Where: search.Words(s.word()), Limit: 10, Count: 10, AtLeast: at})
			return err
		})
		w.mu.Lock()
		defer w.mu.Unlock()
		switch {
		case err == nil:
			w.check.found(step, a.User, s.word(), at, found.Messages())
			w.check.counts(step, a.User, w.id(s.Room), found.Count)
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
