package chattest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/parlor-chat/parlor/chat"
)

// tipCases are those of [chat.Tipper], and of what stands in for it.
var tipCases = []Case{
	{Name: "tips are the ends of rooms", Why: "a list of rooms shows them, and unread is counted by them", Run: one(tips)},
	{Name: "tips look back for a text, so far", Why: "a room is as new as what was said in it, on every driver", Run: one(tipsLookBack)},
	{Name: "tips of what the archive shows", Why: "a room that is quiet for long is in the list, too", Run: one(tipsArchived)},
	{Name: "tips are bounded", Why: "every call is bounded", Run: one(tipsBounded)},
}

// then places events in a room, each a minute behind the one before.
func then(ctx context.Context, b chat.Broker, room chat.RoomID, from int, events ...chat.Event) error {
	for i := range events {
		events[i].Origin = &chat.Origin{Source: "irc", At: minute(from + i)}
	}
	for part := range slices.Chunk(events, 200) {
		if _, err := b.Publish(ctx, part); err != nil {
			return err
		}
	}
	return nil
}

func minute(n int) time.Time { return longAgo.Add(time.Duration(n) * time.Minute) }

// tipsAre compares tips.
func tipsAre(ctx context.Context, b chat.Broker, rooms []chat.RoomID, want ...chat.Tip) error {
	got, err := chat.Tips(ctx, b, rooms)
	if err != nil {
		return err
	}
	if len(got) != len(want) {
		return fmt.Errorf("%d tips of %d rooms", len(got), len(rooms))
	}
	for i := range got {
		if got[i].Last != want[i].Last || got[i].TextSeq != want[i].TextSeq || !got[i].At.Equal(want[i].At) || !got[i].Said.Equal(want[i].Said) {
			return fmt.Errorf("tip %d is %+v, want %+v", i, got[i], want[i])
		}
	}
	return nil
}

func tips(ctx context.Context, b chat.Broker) error {
	quiet, evil, none := chat.RoomID{Tenant: "acme", Key: "quiet"}, chat.RoomID{Tenant: "evil", Key: "kitchen"}, chat.RoomID{Tenant: "acme", Key: "none"}
	if err := first(then(ctx, b, kitchen, 1, topic(kitchen, "a"), text(kitchen, "b"), text(kitchen, "c"), topic(kitchen, "d")),
		then(ctx, b, lobby, 11, text(lobby, "a"), topic(lobby, "b"), text(lobby, "c")), then(ctx, b, quiet, 21, topic(quiet, "a")),
		then(ctx, b, evil, 31, text(evil, "a"))); err != nil {
		return err
	}
	at := map[chat.RoomID]chat.Tip{
		kitchen: {Last: 4, TextSeq: 2, At: minute(4), Said: minute(3)}, lobby: {Last: 3, TextSeq: 2, At: minute(13), Said: minute(13)},
		quiet: {Last: 1, At: minute(21)}, evil: {Last: 1, TextSeq: 1, At: minute(31), Said: minute(31)},
	}
	rooms := []chat.RoomID{lobby, none, kitchen, evil, quiet, lobby}
	var want []chat.Tip
	for _, r := range rooms {
		want = append(want, at[r])
	}
	return first(tipsAre(ctx, b, rooms, want...), tipsAre(ctx, b, nil))
}

func tipsLookBack(ctx context.Context, b chat.Broker) error {
	topics := func(room chat.RoomID, n int) []chat.Event {
		all := []chat.Event{text(room, "said")}
		for range n {
			all = append(all, topic(room, "t"))
		}
		return all
	}
	const n = chat.HeadSize
	return first(then(ctx, b, kitchen, 1, topics(kitchen, n-1)...), then(ctx, b, lobby, 1, topics(lobby, n)...),
		tipsAre(ctx, b, []chat.RoomID{kitchen, lobby}, chat.Tip{Last: n, TextSeq: 1, At: minute(n), Said: minute(1)},
			chat.Tip{Last: n + 1, TextSeq: 1, At: minute(n + 1)}))
}

func tipsArchived(ctx context.Context, b chat.Broker) error {
	const n = 3 * chat.HeadSize
	events := texts(kitchen, n)
	events = append(events, topic(kitchen, "t"))
	return first(then(ctx, b, kitchen, 1, events...), b.Archived(ctx, chat.Position{Room: kitchen, Seq: n + 1}),
		tipsAre(ctx, b, []chat.RoomID{kitchen}, chat.Tip{Last: n + 1, TextSeq: n, At: minute(n + 1), Said: minute(n)}))
}

func tipsBounded(ctx context.Context, b chat.Broker) error {
	full := slices.Repeat([]chat.RoomID{kitchen}, chat.MaxBatch)
	if err := then(ctx, b, kitchen, 1, text(kitchen, "a")); err != nil {
		return err
	}
	if err := tipsAre(ctx, b, full, slices.Repeat([]chat.Tip{{Last: 1, TextSeq: 1, At: minute(1), Said: minute(1)}}, chat.MaxBatch)...); err != nil {
		return err
	}
	var e *chat.Error
	if _, err := chat.Tips(ctx, b, append(full, kitchen)); !errors.Is(err, chat.ErrTooLarge) || !errors.As(err, &e) || e.Field != "rooms" {
		return fmt.Errorf("more than a batch: %v", err)
	}
	return nil
}
