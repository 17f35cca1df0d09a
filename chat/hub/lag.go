package hub

import (
	"context"
	"errors"
	"time"

	"github.com/parlor-chat/parlor/chat"
)

// waitFirst and waitMost are how often it is looked at what another node does: seldom,
// where that takes long.
const (
	waitFirst = 5 * time.Millisecond
	waitMost  = 200 * time.Millisecond
)

// pause waits, longer each time.
func pause(ctx context.Context, wait *time.Duration) error {
	timer := time.NewTimer(*wait)
	defer timer.Stop()
	*wait = min(*wait*3/2, waitMost)
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// part is a part of a room's log: what lies behind one Seq, up to another.
type part struct{ after, upTo chat.Seq }

// behind is what a follower hasn't done of what was placed, on all nodes together, by the
// cursors that are saved.
func (fs *followers) behind(ctx context.Context, f *follower) (map[chat.RoomID]part, error) {
	left := map[chat.RoomID]part{}
	note := func(listed []chat.Position) error {
		for _, p := range listed {
			l, known := left[p.Room]
			if !known {
				done, err := f.task.upTo(ctx, p.Room)
				if err != nil {
					return err
				}
				l.after = done
			}
			if l.upTo = max(l.upTo, p.Seq); l.upTo > l.after {
				left[p.Room] = l
			}
		}
		return nil
	}
	for shard := range chat.Shards {
		_, cursor, err := f.saved(ctx, shard)
		if err != nil {
			return nil, err
		}
		walks := cursor == ""
		for more := true; more; {
			placed, next, err := fs.h.set.Broker.Changed(ctx, shard, cursor, chat.MaxBatch)
			if errors.Is(err, chat.ErrExpired) && cursor != "" {
				walks, cursor = true, ""
				continue
			}
			if err == nil {
				err = note(placed)
			}
			if err != nil {
				return nil, err
			}
			cursor, more = next, len(placed) > 0
		}
		if !walks || !f.walks {
			continue
		}
		for after, more := (chat.RoomID{}), true; more; {
			rooms, err := fs.h.set.History.Rooms(ctx, shard, after, chat.MaxBatch)
			if err == nil {
				err = note(rooms)
			}
			if err != nil {
				return nil, err
			}
			if more = len(rooms) == chat.MaxBatch; more {
				after = rooms[len(rooms)-1].Room
			}
		}
	}
	return left, nil
}

// catchUp waits until the hub's own followers have done what was placed before.
func (fs *followers) catchUp(ctx context.Context) error {
	if err := fs.h.inEpoch(ctx); err != nil { // what was put back isn't listed yet
		return err
	}
	var left []map[chat.RoomID]part
	for _, f := range fs.own() {
		rooms, err := fs.behind(ctx, f)
		if err != nil {
			return err
		}
		left = append(left, rooms)
	}
	for i, f := range fs.own() {
		for wait := waitFirst; ; {
			if err := f.pass(ctx, true); err != nil {
				return err
			}
			for room, l := range left[i] {
				done, err := f.task.upTo(ctx, room)
				if err != nil {
					return err
				}
				if done < l.upTo {
					break
				}
				delete(left[i], room)
			}
			if len(left[i]) == 0 {
				break
			}
			if err := pause(ctx, &wait); err != nil {
				return err
			}
		}
	}
	for _, tenant := range fs.h.generations.filling() {
		if _, _, err := fs.h.generations.whole(ctx, "catch up", tenant); err != nil {
			return err
		}
	}
	return nil
}

// Lag is how far a follower is behind what was placed, on all nodes together.
type Lag struct {
	Follower string        // "archive", "index", "personal", or the name given to [Hub.Follow]
	Rooms    int           // that it is behind in
	Events   int64         // that it is behind by
	Age      time.Duration // of the oldest of these
}

func (fs *followers) lag(ctx context.Context) ([]Lag, error) {
	var all []Lag
	for _, f := range fs.all() {
		rooms, err := fs.behind(ctx, f)
		if err != nil {
			return nil, err
		}
		l := Lag{Follower: f.name, Rooms: len(rooms)}
		for room, r := range rooms {
			l.Events += int64(r.upTo - r.after)
			next, err := fs.h.read(ctx, room, chat.After(r.after, 1).All())
			if err != nil {
				return nil, err
			}
			if len(next.Events) > 0 {
				l.Age = max(l.Age, time.Since(next.Events[0].At))
			}
		}
		all = append(all, l)
	}
	return all, nil
}
