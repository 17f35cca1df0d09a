package hub

import (
	"context"
	"errors"
	"time"

	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/storage"
)

// SendOption changes how something is sent.
type SendOption func(*chat.Event)

// Once names what is sent by the client's own id. Sent again under it, by the
// same user to the same room, it is placed once, for at least 24 hours, on any
// node: the first receipt comes back with Duplicate set. The same id with another
// body is [chat.ErrConflict]. The empty id is no id.
func Once(clientID string) SendOption {
	return func(e *chat.Event) { e.ClientID = clientID }
}

// Extend adds what a client sent and Parlor doesn't interpret.
func Extend(x ...chat.Extension) SendOption {
	return func(e *chat.Event) { e.Extensions = append(e.Extensions, x...) }
}

// Send says something. With ReplyTo or Thread it answers a text of the same room.
// A nil error means that it is kept: the receipt says how far it is. It may be
// [chat.Pending] where the node has a journal: it will be placed, behind what was sent
// to the room by this node before; where that can't be done within 12 hours, the sender
// is told by a [chat.SignalSetAside]. With an
// error nothing was kept, but for a context that ended while it was being placed:
// then nobody knows, and sending again under the same [Once] finds out.
func (r Room) Send(ctx context.Context, t chat.Text, o ...SendOption) (chat.Receipt, error) {
	sent, err := r.place(ctx, "send", VerbSend, &t, o, func(d *draft) error {
		if err := d.text(&t); err != nil {
			return err
		}
		if err := d.answers(ctx, "replyTo", t.ReplyTo); err != nil {
			return err
		}
		if err := d.answers(ctx, "thread", t.Thread); err != nil {
			return err
		}
		return d.may(ctx, toSend)
	})
	if err == nil {
		r.said(sent)
	}
	return sent, err
}

// Edit replaces the user's own text. id is that of the text, or of an earlier
// edit of it.
func (r Room) Edit(ctx context.Context, id chat.EventID, t chat.Text, o ...SendOption) (chat.Receipt, error) {
	return r.place(ctx, "edit", VerbEdit, &chat.Edit{New: t}, o, func(d *draft) error {
		if err := d.text(&t); err != nil {
			return err
		}
		target, err := d.aim(ctx, id)
		if err != nil {
			return err
		}
		if target.Sender != r.user {
			return forbidden(d.op, "sender")
		}
		return d.may(ctx, toSend)
	})
}

// Retract takes a text back: the user's own, or as a moderator anybody's.
func (r Room) Retract(ctx context.Context, id chat.EventID, reason string, o ...SendOption) (chat.Receipt, error) {
	c := &chat.Retract{Reason: reason}
	return r.place(ctx, "retract", VerbRetract, c, o, func(d *draft) error {
		target, err := d.aim(ctx, id)
		if err != nil {
			return err
		}
		c.ByModerator = target.Sender != r.user
		if !c.ByModerator {
			return d.may(ctx, toRetract)
		}
		err = d.may(ctx, toModerate)
		if errors.Is(err, chat.ErrForbidden) {
			return forbidden(d.op, "sender")
		}
		return err
	})
}

// React sets the user's whole set of reactions to a text; none clears them.
func (r Room) React(ctx context.Context, id chat.EventID, emoji []string, o ...SendOption) (chat.Receipt, error) {
	return r.place(ctx, "react", VerbReact, &chat.React{Emoji: emoji}, o, func(d *draft) error {
		if _, err := d.aim(ctx, id); err != nil {
			return err
		}
		return d.may(ctx, toSend)
	})
}

// SetTopic sets the room's topic; in a moderated room only moderators may.
func (r Room) SetTopic(ctx context.Context, topic string, o ...SendOption) (chat.Receipt, error) {
	return r.place(ctx, "set topic", VerbTopic, &chat.Topic{Text: topic}, o, func(d *draft) error {
		return d.may(ctx, toSetTopic)
	})
}

// draft is an event that is about to be placed, while it is checked.
type draft struct {
	op     string
	h      *Hub
	member storage.Member // the sender's standing
	event  *chat.Event
}

// place checks an event and has it placed. check says what its verb demands.
func (r Room) place(ctx context.Context, op string, verb Verb, c chat.Content, o []SendOption, check func(*draft) error) (chat.Receipt, error) {
	leave, err := r.h.gate.enter(ctx, op)
	if err != nil {
		return chat.Receipt{}, err
	}
	defer leave()
	m, err := r.h.standing(ctx, op, r.user, r.id)
	if err != nil {
		return chat.Receipt{}, err
	}
	if verb != VerbRetract {
		if err := r.h.rates.place(ctx, op, r.user, r.id); err != nil {
			return chat.Receipt{}, err
		}
	}
	e := chat.Event{Room: r.id, Sender: r.user, Content: c}
	for _, option := range o {
		option(&e)
	}
	if e.ClientID == "" {
		e.ID = chat.NewID()
	} else {
		e.ID = chat.DeriveID(r.id, r.user, e.ClientID)
	}
	d := &draft{op, r.h, m, &e}
	if err := check(d); err != nil {
		// What was true for the first try may be so no more: its text is retracted
		// by now, say. A retry still gets the first result.
		if first, ok := d.placedBefore(ctx); ok {
			return first, nil
		}
		return chat.Receipt{}, err
	}
	if err := e.Check(op); err != nil {
		return chat.Receipt{}, err
	}
	if err := r.h.allow(ctx, op, Action{User: r.user, Room: r.id, Verb: verb, Event: &e}); err != nil {
		return chat.Receipt{}, err
	}
	return r.h.publish(ctx, e)
}

// text checks what is said.
func (d *draft) text(t *chat.Text) error {
	if t.Body == "" && len(t.Attachments) == 0 && len(d.event.Extensions) == 0 {
		return &chat.Error{Kind: chat.ErrInvalid, Op: d.op, Field: "body"}
	}
	return chat.CheckText(d.op, t, d.h.limits.Body)
}

// answers checks that id, where it is set, is a text that the sender may see.
func (d *draft) answers(ctx context.Context, field string, id chat.EventID) error {
	if id.IsZero() {
		return nil
	}
	_, err := d.h.target(ctx, d.op, field, d.member, id)
	return err
}

// aim points the event at the text that id names, and returns the text.
func (d *draft) aim(ctx context.Context, id chat.EventID) (*chat.Message, error) {
	d.event.Target = id
	t, err := d.h.target(ctx, d.op, "target", d.member, id)
	if err != nil {
		return nil, err
	}
	d.event.Target = t.ID
	if t.changes >= chat.MaxChanges {
		return nil, tooManyChanges(d.op)
	}
	return &t.Message, nil
}

func tooManyChanges(op string) error {
	return &chat.Error{Kind: chat.ErrTooLarge, Op: op, Field: "changes", Limit: chat.MaxChanges}
}

// may says whether the sender may do something in the room.
func (d *draft) may(ctx context.Context, what deedIn) error {
	return d.h.may(ctx, d.op, d.member, what)
}

// placedBefore finds the receipt of an earlier try under the same client id.
func (d *draft) placedBefore(ctx context.Context) (chat.Receipt, bool) {
	if d.event.ClientID == "" {
		return chat.Receipt{}, false
	}
	first, _, err := d.h.find(ctx, d.event.Room, d.event.ID)
	if err != nil || first.Digest() != d.event.Digest() {
		return chat.Receipt{}, false
	}
	if first.Seq == 0 {
		return chat.Receipt{ID: first.ID, State: chat.Pending, Duplicate: true}, true
	}
	if d.h.tidy != nil && time.Since(first.At) < keptAgain {
		// What this node acknowledges lies on its own disk, too: the one that placed it may be
		// lost together with the broker.
		if head, err := d.h.set.Broker.Recent(ctx, d.event.Room, chat.Latest(1).All()); err == nil && head.Archived < first.Seq {
			if r, err := d.h.publish(ctx, *d.event); err == nil {
				return r, true
			}
		}
	}
	return chat.Receipt{ID: first.ID, State: chat.Placed, Seq: first.Seq, TextSeq: first.TextSeq, At: first.At, Duplicate: true}, true
}

// keptAgain is how old an event is at most that a retry has kept again: younger by far than
// what brokers know by its id.
const keptAgain = 12 * time.Hour

// publish has one event placed, and wakes the follower.
func (h *Hub) publish(ctx context.Context, e chat.Event) (chat.Receipt, error) {
	receipts, err := h.set.Broker.Publish(ctx, []chat.Event{e})
	if err != nil {
		return chat.Receipt{}, single(err)
	}
	h.follow.wake()
	return receipts[0], nil
}
