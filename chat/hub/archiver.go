package hub

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/parlor-chat/parlor/chat"
)

// archiver is the task that does what an event demands outside of the log, writes the
// rows of members and empties what was erased, then brings it into the archive, and tells
// the broker. In this order: once the archive shows an event its journal forgets it, and
// where the broker loses it then, nobody comes by it here again.
type archiver struct {
	h    *Hub
	next func() // wakes the others: something was placed, or is in the archive
	done map[chat.RoomID]chat.Seq
}

// do implements task. The first time it sees a room it starts behind what the broker was told
// to be archived: appending again changes nothing, and what a crash left undone is done.
func (a *archiver) do(ctx context.Context, p chat.Position) error {
	a.next()
	if _, known := a.done[p.Room]; !known {
		head, err := a.h.set.Broker.Recent(ctx, p.Room, chat.Latest(1).All())
		if err != nil {
			return err
		}
		bound(a.done)
		a.done[p.Room] = head.Archived
	}
	for a.done[p.Room] < p.Seq {
		head, err := a.h.set.Broker.Recent(ctx, p.Room, chat.After(a.done[p.Room], chat.MaxBatch).All())
		if err != nil {
			return err
		}
		events := untilErase(head.Events)
		if len(events) == 0 {
			return &chat.Error{Kind: chat.ErrIncomplete, Op: "archive", Field: "head"}
		}
		if err := a.h.inEpoch(ctx); err != nil {
			return err
		}
		for i := range events {
			if err := a.effect(ctx, &events[i]); err != nil {
				return err
			}
		}
		if events, err = a.h.emptied(ctx, events); err != nil {
			return err
		}
		if err := a.append(ctx, events); err != nil {
			return err
		}
		if err := a.h.inEpoch(ctx); err != nil {
			return err
		}
		last := events[len(events)-1].Last()
		if err := a.h.set.Broker.Archived(ctx, chat.Position{Room: p.Room, Seq: last}); err != nil {
			return err
		}
		a.done[p.Room] = last
		a.next()
	}
	return nil
}

// appendTime is how long one append may take: shorter than the others wait, after a loss, for
// a node that doesn't say it has nothing of the lost memory in hand ([nodeLease]).
const appendTime = 8 * time.Second

// append stores events. One that the archive refuses for good is set aside: its tombstone
// takes its place, so that the room goes on without a hole. What it said is kept by the
// journal that holds it ([chat.Keeper]), which tells the sender; where there is none, he is
// told here.
func (a *archiver) append(ctx context.Context, events []chat.Event) error {
	ctx, cancel := context.WithTimeout(ctx, appendTime)
	defer cancel()
	var refused []chat.Event
	for stored := events; ; {
		err := a.h.set.History.Append(ctx, stored)
		if err == nil {
			break
		}
		var failed *chat.BatchError
		if !errors.As(err, &failed) {
			return err
		}
		stored = slices.Clone(stored)
		known := len(refused)
		for i, why := range failed.Items {
			if e := stored[i]; forGood(why) && e.Kind() != chat.KindTombstone {
				a.h.log.Error("parlor: the archive refuses an event, a tombstone takes its place", "event", e.Position(), "error", why)
				refused = append(refused, e)
				stored[i] = tombstone(e)
				stored[i].Content = &chat.Tombstone{Was: e.Kind(), Why: chat.Refused}
			}
		}
		if len(refused) == known {
			return err
		}
	}
	if _, err := chat.AsKeeper(a.h.set.Broker); err == nil {
		return nil
	}
	for i := range refused {
		if e := &refused[i]; !e.Sender.IsZero() {
			a.h.set.Broker.Signal(ctx, chat.Signal{Room: e.Room, To: e.Sender, Name: chat.SignalSetAside, Data: []byte(e.ID.String())}) // may be lost
		}
	}
	return nil
}

// forGood says whether trying again can't help.
func forGood(err error) bool {
	return errors.Is(err, chat.ErrInvalid) || errors.Is(err, chat.ErrTooLarge)
}

// untilErase cuts events off before an erasure that isn't the first of them: what it names
// lies before it, and must be in the archive to be emptied there.
func untilErase(events []chat.Event) []chat.Event {
	for i := 1; i < len(events); i++ {
		if events[i].Kind() == chat.KindErase {
			return events[:i]
		}
	}
	return events
}

func (a *archiver) effect(ctx context.Context, e *chat.Event) error {
	switch e.Content.(type) {
	case *chat.Member:
		return a.h.writeRow(ctx, e)
	case *chat.Erase:
		return a.h.erase(ctx, e)
	}
	return nil
}

// upTo implements task.
func (a *archiver) upTo(ctx context.Context, room chat.RoomID) (chat.Seq, error) {
	page, err := a.h.set.History.Page(ctx, room, chat.Latest(1).All())
	return page.Head, err
}

// anew implements task.
func (a *archiver) anew(shard int) { forget(a.done, shard) }

// known is how many rooms a task remembers; forgetting one costs a question.
const known = 100_000

// bound keeps what a task remembers within bounds.
func bound[K comparable](done map[K]chat.Seq) {
	if len(done) >= known {
		clear(done)
	}
}

// forget forgets the rooms of a shard.
func forget(done map[chat.RoomID]chat.Seq, shard int) {
	for room := range done {
		if room.Shard() == shard {
			delete(done, room)
		}
	}
}
