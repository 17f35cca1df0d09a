package hub_test

import (
	"context"
	"errors"

	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/chat/hub"
	"github.com/parlor-chat/parlor/storage"
)

// appoint has ann let somebody in, send him away, or ban him.
func (w *world) appoint(a action) func() {
	step := w.step
	room := w.id(a.Room)
	out := a.Role == chat.RoleBanned || a.Role == chat.RoleNone && roomOf(a.Room).kind == storage.Private
	return func() {
		w.mu.Lock()
		if !a.Role.Belongs() {
			w.check.away(step, a.User, room)
		}
		if !out {
			w.check.let(step, a.User, room)
		}
		w.mu.Unlock()
		err := w.call(func(ctx context.Context) error {
			return w.k.As(a.Node, "ann").Room(room.Key).SetMember(ctx, a.User, a.Role, "")
		})
		w.mu.Lock()
		defer w.mu.Unlock()
		switch {
		case err != nil && !explained(err):
			w.check.refuses(step, "set member", err)
		case err != nil && !a.Role.Belongs():
			w.check.unsure[standingOf{a.User, room}] = true
		case err == nil && out:
			w.check.putOut(step, a.User, room)
		}
	}
}

// join has somebody come into a room by himself. Who is banned can't, and a private room
// isn't there for him.
func (w *world) join(a action) func() {
	step, room := w.step, w.id(a.Room)
	return func() {
		w.mu.Lock()
		w.check.comes(step, a.User, room)
		w.mu.Unlock()
		err := w.call(func(ctx context.Context) error { return w.k.As(a.Node, a.User).Room(room.Key).Join(ctx) })
		w.mu.Lock()
		defer w.mu.Unlock()
		w.check.note("%d %s joins %s: %v", step, a.User, a.Room, err)
		switch {
		case err == nil:
			w.check.does(step, a.User, room, "joins")
		case errors.Is(err, chat.ErrNotFound):
			w.check.missing(step, a.User, room)
		case !explained(err):
			w.check.refuses(step, "join", err)
		}
	}
}

// leave has somebody leave by himself.
func (w *world) leave(a action) func() {
	step, room := w.step, w.id(a.Room)
	return func() {
		w.mu.Lock()
		w.check.away(step, a.User, room)
		w.mu.Unlock()
		err := w.call(func(ctx context.Context) error { return w.k.As(a.Node, a.User).Room(room.Key).Leave(ctx) })
		w.mu.Lock()
		defer w.mu.Unlock()
		w.check.note("%d %s leaves %s: %v", step, a.User, a.Room, err)
		switch {
		case errors.Is(err, chat.ErrNotFound):
		case err == nil && roomOf(a.Room).kind == storage.Private:
			w.check.putOut(step, a.User, room)
		case err == nil:
		case explained(err):
			w.check.unsure[standingOf{a.User, room}] = true
		default:
			w.check.refuses(step, "leave", err)
		}
	}
}

func (w *world) read(a action) func() {
	if !w.meets(a.User, a.Room) {
		return nil
	}
	step := w.step
	return func() {
		var page hub.Page
		err := w.call(func(ctx context.Context) error {
			room, err := w.room(ctx, a.Node, a.User, a.Room)
			if err == nil {
				page, err = room.Page(ctx, chat.Latest(simPage))
			}
			return err
		})
		w.mu.Lock()
		defer w.mu.Unlock()
		switch {
		case err == nil:
			w.check.page(step, a.User, w.id(a.Room), page.Messages, simPage)
		case errors.Is(err, chat.ErrNotFound):
			w.check.missing(step, a.User, w.id(a.Room))
		case !explained(err):
			w.check.refuses(step, "page", err)
		}
	}
}

// list has somebody list the rooms that he may read.
func (w *world) list(a action) func() {
	step := w.step
	return func() {
		var list []hub.Info
		err := w.call(func(ctx context.Context) (err error) {
			list, err = w.k.As(a.Node, a.User).Rooms(ctx, "", 50)
			return err
		})
		w.mu.Lock()
		defer w.mu.Unlock()
		switch {
		case err == nil:
			w.check.lists(step, a.User, list)
		case !explained(err):
			w.check.refuses(step, "rooms", err)
		}
	}
}

// inbox has somebody look at the end of his inbox.
func (w *world) inbox(a action) func() {
	step := w.step
	return func() {
		var page hub.Page
		err := w.call(func(ctx context.Context) (err error) {
			page, err = w.k.As(a.Node, a.User).Inbox(ctx, chat.Latest(simPage).All())
			return err
		})
		w.mu.Lock()
		defer w.mu.Unlock()
		switch {
		case err == nil:
			w.check.inbox(step, a.User, page.Events)
		case !explained(err):
			w.check.refuses(step, "inbox", err)
		}
	}
}
