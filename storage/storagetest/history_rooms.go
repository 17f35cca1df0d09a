package storagetest

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/storage"
)

var roomListCases = []HistoryCase{
	{Name: "every shard lists its rooms with their heads", Why: "followers go by it when a broker can't tell what was placed", Run: listsRooms},
	{Name: "rooms are listed in small steps", Why: "a million rooms are gone through a few at a time", Run: atHistory(listSteps)},
	{Name: "a room that appears ahead is listed", Why: "rooms are made while others go through them", Run: atHistory(listAhead)},
	{Name: "a room pruned whole is listed", Why: "somebody may be behind in it", Run: pruning(listPruned)},
	{Name: "rooms refuse what can't be listed", Why: "shards are 0 to 63, limits from 1", Run: atHistory(listRefuses)},
}

func compareRooms(a, b chat.RoomID) int {
	return cmp.Or(cmp.Compare(a.Tenant, b.Tenant), cmp.Compare(a.Key, b.Key))
}

// inOneShard are n rooms of one shard, of several tenants, in order.
func inOneShard(n int) (shard int, rooms []chat.RoomID) {
	shard = kitchen.Shard()
	for i := 0; len(rooms) < n; i++ {
		r := chat.RoomID{Tenant: []string{"acme", "Zeta", "a", "other"}[i%4], Key: fmt.Sprint("room", i)}
		if r.Shard() == shard {
			rooms = append(rooms, r)
		}
	}
	slices.SortFunc(rooms, compareRooms)
	return shard, rooms
}

// sameHeads compares a list with rooms and the head of each.
func sameHeads(got []chat.Position, rooms []chat.RoomID, heads map[chat.RoomID]chat.Seq) error {
	if len(got) != len(rooms) {
		return fmt.Errorf("%d rooms are listed, want %d: %v", len(got), len(rooms), got)
	}
	for i, room := range rooms {
		if got[i].Room != room || got[i].Seq != heads[room] {
			return fmt.Errorf("room %d is %v, want %v at %d", i, got[i], room, heads[room])
		}
	}
	return nil
}

func listsRooms(ctx context.Context, s *HistorySite) error {
	heads := map[chat.RoomID]chat.Seq{}
	var shards [chat.Shards][]chat.RoomID
	if err := atHistory(func(ctx context.Context, h storage.History) error {
		for shard := range chat.Shards {
			if got, err := h.Rooms(ctx, shard, chat.RoomID{}, chat.MaxBatch); err != nil || len(got) > 0 {
				return fmt.Errorf("shard %d of an empty archive: %v, %v", shard, got, err)
			}
		}
		for i := range 300 {
			room := chat.RoomID{Tenant: []string{"acme", "b"}[i%2], Key: fmt.Sprint("r", i/2)} // two tenants use the same keys
			events := ofTexts(room, 1+i%3)
			if i%7 == 0 {
				void := chat.Event{ID: chat.NewID(), Room: room, Seq: events[i%3].Seq + 1, TextSeq: events[i%3].TextSeq, At: events[i%3].At, Content: &chat.Void{To: 100}}
				events = append(events, void)
			}
			if err := h.Append(ctx, events); err != nil {
				return err
			}
			heads[room] = events[len(events)-1].Last()
			shards[room.Shard()] = append(shards[room.Shard()], room)
		}
		return nil
	})(ctx, s); err != nil {
		return err
	}
	return atHistory(func(ctx context.Context, h storage.History) error { // also after a restart
		for shard, rooms := range shards {
			slices.SortFunc(rooms, compareRooms)
			got, err := h.Rooms(ctx, shard, chat.RoomID{}, chat.MaxBatch)
			if err := first(err, sameHeads(got, rooms, heads)); err != nil {
				return fmt.Errorf("shard %d: %w", shard, err)
			}
		}
		return nil
	})(ctx, s)
}

// oneEach appends one event to each room.
func oneEach(ctx context.Context, h storage.History, rooms []chat.RoomID) (heads map[chat.RoomID]chat.Seq, err error) {
	heads = map[chat.RoomID]chat.Seq{}
	for _, room := range rooms {
		heads[room] = 1
		err = first(err, h.Append(ctx, ofTexts(room, 1)))
	}
	return heads, err
}

func listSteps(ctx context.Context, h storage.History) error {
	shard, rooms := inOneShard(23)
	heads, err := oneEach(ctx, h, rooms)
	if err != nil {
		return err
	}
	for _, limit := range []int{1, 2, 5, 23, 24} {
		var all []chat.Position
		for after := (chat.RoomID{}); ; {
			got, err := h.Rooms(ctx, shard, after, limit)
			if err != nil {
				return err
			}
			if len(got) > limit {
				return fmt.Errorf("%d rooms, the limit was %d", len(got), limit)
			}
			all = append(all, got...)
			if len(got) < limit || len(all) > len(rooms) {
				break
			}
			after = got[len(got)-1].Room
		}
		if err := sameHeads(all, rooms, heads); err != nil {
			return fmt.Errorf("by %d: %w", limit, err)
		}
	}
	// Behind one that isn't there.
	missing := rooms[11]
	missing.Key += " "
	got, err := h.Rooms(ctx, shard, missing, 100)
	return first(err, sameHeads(got, rooms[12:], heads))
}

func listAhead(ctx context.Context, h storage.History) error {
	shard, rooms := inOneShard(9)
	heads, err := oneEach(ctx, h, rooms[:8])
	if err != nil {
		return err
	}
	got, err := h.Rooms(ctx, shard, chat.RoomID{}, 4)
	if err := first(err, sameHeads(got, rooms[:4], heads)); err != nil {
		return err
	}
	if err := h.Append(ctx, ofTexts(rooms[8], 2)); err != nil {
		return err
	}
	heads[rooms[8]] = 2
	got, err = h.Rooms(ctx, shard, rooms[3], 100)
	return first(err, sameHeads(got, rooms[4:], heads))
}

func listPruned(ctx context.Context, h storage.History) error {
	if err := first(h.Append(ctx, ofTexts(kitchen, 10)), storage.Prune(ctx, h, storage.Span{Tenant: "acme"}, epoch.Add(time.Hour))); err != nil {
		return err
	}
	got, err := h.Rooms(ctx, kitchen.Shard(), chat.RoomID{}, 10)
	return first(err, sameHeads(got, []chat.RoomID{kitchen}, map[chat.RoomID]chat.Seq{kitchen: 10}))
}

func listRefuses(ctx context.Context, h storage.History) error {
	for _, c := range []struct {
		shard, limit int
		kind         error
	}{{-1, 1, chat.ErrInvalid}, {chat.Shards, 1, chat.ErrInvalid}, {0, 0, chat.ErrInvalid}, {0, -1, chat.ErrInvalid}, {0, chat.MaxBatch + 1, chat.ErrTooLarge}} {
		if _, err := h.Rooms(ctx, c.shard, chat.RoomID{}, c.limit); !errors.Is(err, c.kind) {
			return fmt.Errorf("shard %d, limit %d: %v, want %v", c.shard, c.limit, err, c.kind)
		}
	}
	return nil
}
