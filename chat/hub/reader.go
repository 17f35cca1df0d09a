package hub

import (
	"context"
	"strconv"

	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/storage"
)

// reader is a task that is done with the events themselves, each once as far as that
// can be had: how far it is in a room lies in the fence, and is written right behind
// what was done.
type reader struct {
	h    *Hub
	name string
	fn   func(context.Context, []chat.Event) error
}

// do implements task.
func (r *reader) do(ctx context.Context, p chat.Position) error {
	fence := r.h.set.Fence
	name := r.register(p.Room)
	for {
		was, err := fence.Value(ctx, name)
		if err != nil {
			return err
		}
		done := parseSeq(was)
		if done >= p.Seq {
			return nil
		}
		page, err := r.h.read(ctx, p.Room, chat.After(done, storage.MaxPage).All())
		if err != nil {
			return err
		}
		if len(page.Events) == 0 {
			return &chat.Error{Kind: chat.ErrIncomplete, Op: r.name, Field: "seq"}
		}
		if err := r.fn(ctx, page.Events); err != nil {
			return err
		}
		last := page.Events[len(page.Events)-1].Last()
		if err := fence.Swap(ctx, name, was, strconv.FormatInt(int64(last), 10)); err != nil {
			return err
		}
	}
}

// upTo implements task.
func (r *reader) upTo(ctx context.Context, room chat.RoomID) (chat.Seq, error) {
	was, err := r.h.set.Fence.Value(ctx, r.register(room))
	return parseSeq(was), err
}

// anew implements task: nothing is kept.
func (r *reader) anew(int) {}

func (r *reader) register(room chat.RoomID) string {
	return "at." + digestKey(r.name, room.Tenant, room.Key)
}

func parseSeq(s string) chat.Seq {
	n, _ := strconv.ParseInt(s, 10, 64) // none: 0
	return chat.Seq(n)
}
