package hub

import (
	"context"

	"github.com/parlor-chat/parlor/chat"
)

// walk is a follower's way through all rooms of a shard that the archive has: where the
// broker lost its memory, or no longer knows what was placed since the cursor, or there
// is no cursor yet, its list doesn't tell where something is left to be done. Meanwhile
// nothing is saved, so whoever has the shard next walks again.
type walk struct {
	since mark // before everything that it may find
	after chat.RoomID
	patience
}

// walkStep is how many rooms are walked through in one pass: what is placed meanwhile
// doesn't wait.
const walkStep = 100

// step notes the next rooms of a walk, and says whether there were any. It begins when the
// broker's list was begun, and nobody appends any more what a broker placed in an
// earlier memory: so what isn't in this list is in that one.
func (f *follower) step(ctx context.Context, p *place, again bool) bool {
	w := p.walk
	if !again && f.rests(&w.patience) {
		return false
	}
	if f.steps == 0 {
		f.next = 0 // the others first
		return false
	}
	err := f.h.inEpoch(ctx)
	var rooms []chat.Position
	limit := min(f.steps, maxTodo)
	if err == nil {
		rooms, err = f.h.set.History.Rooms(ctx, p.tenure.shard, w.after, limit)
	}
	switch {
	case ctx.Err() != nil:
		return false
	case err != nil:
		f.fails(&w.patience, err)
		return false
	}
	w.patience = patience{}
	f.steps -= len(rooms)
	p.note(rooms, w.since)
	if len(rooms) < limit {
		p.walk = nil
	} else {
		w.after = rooms[len(rooms)-1].Room
	}
	return len(rooms) > 0
}

// eachArchived does something for each room of a tenant that the archive has.
func (h *Hub) eachArchived(ctx context.Context, tenant string, do func(chat.RoomID) error) error {
	for shard := range chat.Shards {
		for after := (chat.RoomID{Tenant: tenant}); ; {
			list, err := h.set.History.Rooms(ctx, shard, after, chat.MaxBatch)
			if err != nil {
				return err
			}
			for _, p := range list {
				if p.Room.Tenant != tenant {
					list = nil // and so are all behind it
					break
				}
				if err := do(p.Room); err != nil {
					return err
				}
			}
			if len(list) < chat.MaxBatch {
				break
			}
			after = list[len(list)-1].Room
		}
	}
	return nil
}
