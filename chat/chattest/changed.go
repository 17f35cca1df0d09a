package chattest

import (
	"context"
	"errors"
	"fmt"

	"github.com/parlor-chat/parlor/chat"
)

var changedCases = []Case{
	{Name: "changed tells of every room since a cursor", Why: "followers archive and index by it alone", Run: two(changedSince)},
	{Name: "changed from the start covers what isn't archived", Why: "a follower that lost its cursor must find everything", Run: one(changedFromStart)},
	{Name: "changed refuses a cursor that it doesn't know", Why: "whoever is behind it must look elsewhere for what he missed", Run: one(changedUnknown)},
	{Name: "changed tells what is archived to those who are behind", Why: "the index follows the archive, later", Run: one(changedArchived)},
	{Name: "changed goes on in small steps", Why: "every call is bounded", Run: one(changedSteps)},
	{Name: "changed refuses what it can't do", Why: "shards are 0 to 63, limits from 1", Run: one(changedRefuses)},
	{Name: "changed after reopening", Why: "a follower goes on after a restart", Run: changedReopened},
}

// drain reads a shard from a cursor until nothing is new, and keeps the highest
// position of each room.
func drain(ctx context.Context, b chat.Broker, shard int, after string, limit int) (map[chat.RoomID]chat.Seq, string, error) {
	seen := map[chat.RoomID]chat.Seq{}
	for range 100_000 {
		placed, next, err := b.Changed(ctx, shard, after, limit)
		if err != nil {
			return nil, "", err
		}
		if len(placed) > limit {
			return nil, "", fmt.Errorf("%d positions, the limit was %d", len(placed), limit)
		}
		for _, p := range placed {
			if p.Room.Shard() != shard {
				return nil, "", fmt.Errorf("%v is not of shard %d", p.Room, shard)
			}
			seen[p.Room] = max(seen[p.Room], p.Seq)
		}
		if after = next; len(placed) == 0 {
			return seen, after, nil
		}
	}
	return nil, "", errors.New("the changes never end")
}

// sameShard are n rooms of one shard.
func sameShard(n int) (shard int, rooms []chat.RoomID) {
	shard = kitchen.Shard()
	for i := 0; len(rooms) < n; i++ {
		if r := (chat.RoomID{Tenant: "acme", Key: fmt.Sprint("room", i)}); r.Shard() == shard {
			rooms = append(rooms, r)
		}
	}
	return shard, rooms
}

func covers(seen map[chat.RoomID]chat.Seq, upTo map[chat.RoomID]chat.Seq) error {
	for room, seq := range upTo {
		if seen[room] < seq {
			return fmt.Errorf("%v was told up to %d, want %d", room, seen[room], seq)
		}
	}
	return nil
}

func changedSince(ctx context.Context, a, b chat.Broker) error {
	shard, rooms := sameShard(5)
	cursor := ""
	placed := map[chat.RoomID]chat.Seq{}
	for round := range 20 {
		upTo := map[chat.RoomID]chat.Seq{}
		for i, room := range rooms {
			if (i+round)%3 == 0 {
				continue
			}
			n := 1 + (i+round)%4
			if err := fill(ctx, []chat.Broker{a, b}[round%2], room, n); err != nil {
				return err
			}
			placed[room] += chat.Seq(n)
			upTo[room] = placed[room]
		}
		seen, next, err := drain(ctx, b, shard, cursor, chat.MaxBatch)
		if err := first(err, covers(seen, upTo)); err != nil {
			return fmt.Errorf("round %d: %w", round, err)
		}
		for room, seq := range seen {
			if seq > placed[room] {
				return fmt.Errorf("%v was told up to %d, only %d are placed", room, seq, placed[room])
			}
		}
		cursor = next
		if again, next, err := a.Changed(ctx, shard, cursor, 10); err != nil || len(again) != 0 {
			return fmt.Errorf("nothing was placed, but %v is told (%v)", again, err)
		} else {
			cursor = next
		}
		if round%5 == 4 { // what is archived may be told or not, the rest must be
			for room, seq := range placed {
				if err := a.Archived(ctx, chat.Position{Room: room, Seq: seq}); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

func changedFromStart(ctx context.Context, b chat.Broker) error {
	shard, rooms := sameShard(4)
	want := map[chat.RoomID]chat.Seq{}
	for i, room := range rooms {
		if err := fill(ctx, b, room, 100+i); err != nil {
			return err
		}
		want[room] = chat.Seq(100 + i)
	}
	// One room is archived whole, one in part.
	err := b.Archived(ctx, chat.Position{Room: rooms[0], Seq: want[rooms[0]]}, chat.Position{Room: rooms[1], Seq: 50})
	if err != nil {
		return err
	}
	delete(want, rooms[0])
	seen, _, err := drain(ctx, b, shard, "", chat.MaxBatch)
	return first(err, covers(seen, want))
}

func changedUnknown(ctx context.Context, b chat.Broker) error {
	if err := fill(ctx, b, kitchen, 5); err != nil {
		return err
	}
	for _, cursor := range []string{"a cursor of another broker", "0", "-1"} {
		if placed, _, err := b.Changed(ctx, kitchen.Shard(), cursor, 10); !isExpired(err) || len(placed) > 0 {
			return fmt.Errorf("%q: %v, %v; want %v", cursor, placed, err, chat.ErrExpired)
		}
	}
	return nil
}

// isExpired says whether an error is that of a cursor that isn't known.
func isExpired(err error) bool {
	var e *chat.Error
	return errors.As(err, &e) && errors.Is(err, chat.ErrExpired) && e.Field == "after"
}

func changedArchived(ctx context.Context, b chat.Broker) error {
	shard, rooms := sameShard(3)
	_, before, err := drain(ctx, b, shard, "", 100)
	if err != nil {
		return err
	}
	want := map[chat.RoomID]chat.Seq{}
	for i, room := range rooms {
		want[room] = chat.Seq(chat.HeadSize + 1 + i)
		err := first(fill(ctx, b, room, int(want[room])), b.Archived(ctx, chat.Position{Room: room, Seq: want[room]}))
		if err != nil {
			return err
		}
	}
	for _, cursor := range []string{before, ""} {
		seen, _, err := drain(ctx, b, shard, cursor, 100)
		if err := first(err, covers(seen, want)); err != nil {
			return fmt.Errorf("from %q: %w", cursor, err)
		}
	}
	return nil
}

func changedSteps(ctx context.Context, b chat.Broker) error {
	shard, rooms := sameShard(7)
	want := map[chat.RoomID]chat.Seq{}
	for i, room := range rooms {
		if err := fill(ctx, b, room, i+1); err != nil {
			return err
		}
		want[room] = chat.Seq(i + 1)
	}
	seen, _, err := drain(ctx, b, shard, "", 2)
	return first(err, covers(seen, want))
}

func changedRefuses(ctx context.Context, b chat.Broker) error {
	for _, c := range []struct {
		shard, limit int
		kind         error
	}{{-1, 1, chat.ErrInvalid}, {chat.Shards, 1, chat.ErrInvalid}, {0, 0, chat.ErrInvalid}, {0, -1, chat.ErrInvalid}, {0, chat.MaxBatch + 1, chat.ErrTooLarge}} {
		if _, _, err := b.Changed(ctx, c.shard, "", c.limit); !errors.Is(err, c.kind) {
			return fmt.Errorf("shard %d, limit %d: %v, want %v", c.shard, c.limit, err, c.kind)
		}
	}
	for shard := range chat.Shards {
		if placed, _, err := b.Changed(ctx, shard, "", chat.MaxBatch); err != nil || len(placed) != 0 {
			return fmt.Errorf("an empty shard %d: %v, %v", shard, placed, err)
		}
	}
	return nil
}

func changedReopened(ctx context.Context, s *Site) error {
	cursor := ""
	if err := one(func(ctx context.Context, b chat.Broker) (err error) {
		if err = fill(ctx, b, kitchen, 5); err == nil {
			_, cursor, err = drain(ctx, b, kitchen.Shard(), "", 100)
		}
		return err
	})(ctx, s); err != nil {
		return err
	}
	return one(func(ctx context.Context, b chat.Broker) error {
		if err := fill(ctx, b, kitchen, 1); err != nil {
			return err
		}
		seen, _, err := drain(ctx, b, kitchen.Shard(), cursor, 100)
		return first(err, want("told up to", seen[kitchen], 6))
	})(ctx, s)
}
