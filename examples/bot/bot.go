package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/chat/hub"
	"github.com/parlor-chat/parlor/storage"
)

// Bounds of what people ask for.
const (
	maxWhat   = 200 // bytes
	maxWait   = 30 * 24 * time.Hour
	maxMemory = storage.MaxValue / 2 // bytes; the other half is for more rooms to hear
)

// again is how long the bot waits where something is away.
const again = time.Second

// bot reminds people: it hears "!remind 10m tea" in each room that it belongs to.
type bot struct {
	user    hub.User
	values  storage.Values
	session *hub.Session // nil: not connected
	memory  memory
	version int64 // of the memory, as it is stored
}

// memory is what the bot must not forget: up to where it has heard, and what it has promised
// since. Both are one value, so they are never apart: what it was asked for after a crash is
// either in the promises, or is heard again. It answers under ids that follow from what it
// heard, so what it did twice is there once.
type memory struct {
	Heard    hub.Resume
	Promises []promise
}

type promise struct {
	Room   string       // its key
	Asked  chat.EventID // what was heard
	Answer chat.EventID // the bot's own
	By     string       // the key of who asked
	What   string
	When   time.Time
}

// run serves until ctx or the hub ends. One bot runs at a time: of two, one gets
// [chat.ErrConflict].
func (b *bot) run(ctx context.Context) error {
	for {
		err := b.connect(ctx)
		if err == nil {
			err = b.serve(ctx)
		}
		if !errors.Is(err, chat.ErrCutOff) && !errors.Is(err, chat.ErrUnavailable) {
			return err
		}
		select { // it was too slow, or something is away: it goes on where it was
		case <-time.After(again):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// connect has the bot hear all that is said from now on, or since it was here. Connected
// already, it does nothing.
func (b *bot) connect(ctx context.Context) error {
	if b.session != nil {
		return nil
	}
	if err := b.recall(ctx); err != nil {
		return err
	}
	s, err := b.user.Connect(ctx, hub.Device{Name: "bot", Resume: b.memory.Heard})
	if errors.Is(err, chat.ErrExpired) { // it was away for too long: what was asked for meanwhile is lost
		s, err = b.user.Connect(ctx, hub.Device{Name: "bot"})
	}
	if err != nil {
		return err
	}
	b.session = s
	if err := b.remember(ctx); err != nil { // at once: it may be away before it hears anything
		b.disconnect()
		return err
	}
	return nil
}

func (b *bot) disconnect() {
	b.session.Close()
	b.session = nil
}

// serve hears what is said, and keeps promises.
func (b *bot) serve(ctx context.Context) error {
	defer b.disconnect()
	for buf := make([]*hub.Delivery, 64); ; {
		var err error
		due := time.NewTimer(b.next())
		select {
		case <-b.session.Ready():
			var n int
			if n, err = b.session.Next(ctx, buf); err == nil {
				err = b.hear(ctx, buf[:n])
			}
		case <-due.C:
			err = b.keep(ctx)
		case <-ctx.Done():
			err = ctx.Err()
		}
		due.Stop()
		if err == nil {
			err = b.remember(ctx)
		}
		if err != nil {
			return err
		}
	}
}

// hear answers what it is asked for.
func (b *bot) hear(ctx context.Context, all []*hub.Delivery) error {
	for _, d := range all {
		e := d.Event
		if e == nil || e.Sender == b.user.ID() || e.Origin != nil { // what was imported is old
			continue
		}
		said, ok := e.Content.(*chat.Text)
		if !ok {
			continue
		}
		asked, ok := strings.CutPrefix(said.Body, "!remind")
		if !ok {
			continue
		}
		p := promise{Room: e.Room.Key, Asked: e.ID, By: e.Sender.Key}
		answer := b.understand(&p, asked, e.At)
		receipt, err := b.user.Room(p.Room).Send(ctx, chat.Text{Body: answer, ReplyTo: e.ID}, once("answer", p))
		if err != nil {
			if later(err) {
				return err
			}
			continue // it may not speak here
		}
		if !p.When.IsZero() {
			p.Answer = receipt.ID // known also while the answer is pending
			b.memory.Promises = append(b.memory.Promises, p)
		}
	}
	return nil
}

// understand fills in what is asked for, and says how to answer. Where nothing is promised,
// When stays zero.
func (b *bot) understand(p *promise, asked string, at time.Time) string {
	in, what, _ := strings.Cut(strings.TrimSpace(asked), " ")
	wait, err := time.ParseDuration(in)
	what = strings.TrimSpace(what)
	switch {
	case err != nil || wait <= 0 || what == "":
		return "Say it like this: !remind 10m tea"
	case wait > maxWait:
		return "I can't remember anything for longer than 30 days."
	case len(what) > maxWhat:
		return fmt.Sprintf("Say it in %d bytes.", maxWhat)
	case b.full():
		return "I have so much to remember, ask me again later."
	}
	p.What, p.When = what, at.Add(wait)
	return fmt.Sprintf("In %s: %s", in, what)
}

// keep keeps the promises that are due: it says so, and corrects its answer.
func (b *bot) keep(ctx context.Context) error {
	for _, p := range slices.Clone(b.memory.Promises) {
		if time.Until(p.When) > 0 {
			continue
		}
		room, by := b.user.Room(p.Room), chat.UserID{Tenant: b.user.ID().Tenant, Key: p.By}
		_, err := room.Edit(ctx, p.Answer, chat.Text{Body: "Done: " + p.What}, once("done", p))
		if err == nil {
			_, err = room.Send(ctx, chat.Text{Body: fmt.Sprintf("@%s: %s", p.By, p.What), Mentions: []chat.UserID{by}, ReplyTo: p.Asked}, once("due", p))
		}
		if err != nil && later(err) {
			return err
		}
		b.memory.Promises = slices.DeleteFunc(b.memory.Promises, func(q promise) bool { return q.Asked == p.Asked })
	}
	return nil
}

// full says that nothing more can be promised.
func (b *bot) full() bool {
	value, err := json.Marshal(b.memory)
	return err != nil || len(value) > maxMemory
}

// next is how long it is until a promise is due.
func (b *bot) next() time.Duration {
	soonest := maxWait
	for _, p := range b.memory.Promises {
		soonest = min(soonest, time.Until(p.When))
	}
	return soonest
}

// once names what the bot does about what it heard.
func once(what string, p promise) hub.SendOption { return hub.Once(what + " " + p.Asked.String()) }

// later says whether what was refused may go well later: else it never will, for the bot was
// sent away, say, or its answer was retracted.
func later(err error) bool {
	for _, never := range []error{chat.ErrNotFound, chat.ErrForbidden, chat.ErrConflict, chat.ErrInvalid, chat.ErrTooLarge, chat.ErrExpired} {
		if errors.Is(err, never) {
			return false
		}
	}
	return true
}

// Where the memory is, of the values of the bot's user.
const space, key = "bot", "memory"

// recall reads the memory; before the first time there is none.
func (b *bot) recall(ctx context.Context) error {
	b.memory, b.version = memory{}, 0
	value, version, err := b.values.Get(ctx, b.user.ID(), space, key)
	if errors.Is(err, chat.ErrNotFound) {
		return nil
	}
	if err == nil {
		b.version, err = version, json.Unmarshal(value, &b.memory)
	}
	return err
}

// remember stores the memory, and that all was heard which the session has given.
func (b *bot) remember(ctx context.Context) error {
	b.memory.Heard = b.session.Resume()
	value, err := json.Marshal(b.memory)
	if err == nil {
		b.version, err = b.values.Put(ctx, b.user.ID(), space, key, value, b.version)
	}
	return err
}
