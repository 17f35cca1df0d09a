package chattest

import (
	"context"
	"errors"
	"fmt"

	"github.com/parlor-chat/parlor/chat"
)

var headCases = []Case{
	{Name: "an unknown room has an empty head", Why: "a first reader of a new room needs no special case", Run: one(unknownRoom)},
	{Name: "recent reads every edge", Why: "a page at an edge is where readers lose events", Run: one(recentEdges)},
	{Name: "recent refuses what it can't read", Why: "a head counts events, and is bounded", Run: one(recentRefuses)},
	{Name: "the head keeps what the archive doesn't show", Why: "it is the only copy", Run: one(keepsUnarchived)},
	{Name: "the head keeps the newest though archived", Why: "recent pages don't wait for the archive", Run: one(keepsNewest)},
	{Name: "archived only rises", Why: "late and repeated news must not bring events back or lose any", Run: one(archivedRises)},
	{Name: "archived refuses what isn't placed", Why: "an archive can't show what there isn't", Run: one(archivedRefuses)},
}

func unknownRoom(ctx context.Context, b chat.Broker) error {
	head, err := b.Recent(ctx, kitchen, chat.Latest(10).All())
	if err != nil {
		return err
	}
	if len(head.Events) != 0 || head.First != 0 || head.Last != 0 {
		return fmt.Errorf("the head is %+v", head)
	}
	return nil
}

func recentEdges(ctx context.Context, b chat.Broker) error {
	const n = 10
	if err := fill(ctx, b, kitchen, n); err != nil {
		return err
	}
	for _, c := range []struct {
		r        chat.Range
		from, to chat.Seq // none where to < from
	}{
		{chat.Latest(1), 10, 10}, {chat.Latest(9), 2, 10}, {chat.Latest(10), 1, 10}, {chat.Latest(1000), 1, 10},
		{chat.Before(1, 5), 1, 0}, {chat.Before(2, 5), 1, 1}, {chat.Before(6, 5), 1, 5}, {chat.Before(6, 2), 4, 5},
		{chat.Before(10, 3), 7, 9}, {chat.Before(11, 3), 8, 10}, {chat.Before(99, 3), 8, 10},
		{chat.After(0, 3), 1, 3}, {chat.After(0, 10), 1, 10}, {chat.After(3, 2), 4, 5}, {chat.After(9, 2), 10, 10},
		{chat.After(10, 2), 1, 0}, {chat.After(99, 2), 1, 0},
	} {
		head, err := b.Recent(ctx, kitchen, c.r.All())
		if err != nil {
			return err
		}
		size := max(0, int(c.to-c.from+1))
		if len(head.Events) != size || size > 0 && (head.Events[0].Seq != c.from || head.Events[size-1].Seq != c.to) {
			return fmt.Errorf("%+v has %d events, want %d to %d", c.r, len(head.Events), c.from, c.to)
		}
		if err := first(dense(head.Events, c.from), want("first", head.First, 1), want("last", head.Last, n), want("text seq", head.TextSeq, n)); err != nil {
			return fmt.Errorf("%+v: %w", c.r, err)
		}
	}
	return nil
}

func recentRefuses(ctx context.Context, b chat.Broker) error {
	if err := fill(ctx, b, kitchen, 3); err != nil {
		return err
	}
	for _, c := range []struct {
		r    chat.Range
		kind error
	}{
		{chat.Range{}, chat.ErrInvalid}, {chat.Latest(3), chat.ErrInvalid}, {chat.Around(2, 3).All(), chat.ErrInvalid},
		{chat.At(longAgo, 3).All(), chat.ErrInvalid}, {chat.Latest(0).All(), chat.ErrInvalid}, {chat.Latest(-1).All(), chat.ErrInvalid},
		{chat.Before(-1, 3).All(), chat.ErrInvalid}, {chat.Latest(chat.MaxBatch + 1).All(), chat.ErrTooLarge},
	} {
		if _, err := b.Recent(ctx, kitchen, c.r); !errors.Is(err, c.kind) {
			return fmt.Errorf("%+v: %v, want %v", c.r, err, c.kind)
		}
	}
	_, err := b.Recent(ctx, kitchen, chat.Latest(chat.MaxBatch).All())
	return err
}

func keepsUnarchived(ctx context.Context, b chat.Broker) error {
	const n = 10 * chat.HeadSize
	if err := fill(ctx, b, kitchen, n); err != nil {
		return err
	}
	if err := b.Archived(ctx, chat.Position{Room: kitchen, Seq: n / 2}); err != nil {
		return err
	}
	if err := fill(ctx, b, kitchen, n); err != nil {
		return err
	}
	head, err := b.Recent(ctx, kitchen, chat.After(n/2, chat.MaxBatch).All())
	if err != nil {
		return err
	}
	if head.First > n/2+1 {
		return fmt.Errorf("the head begins at %d, the archive shows up to %d", head.First, n/2)
	}
	return dense(head.Events, n/2+1)
}

func keepsNewest(ctx context.Context, b chat.Broker) error {
	const n = 4 * chat.HeadSize
	if err := fill(ctx, b, kitchen, n); err != nil {
		return err
	}
	if err := b.Archived(ctx, chat.Position{Room: kitchen, Seq: n}); err != nil {
		return err
	}
	head, err := b.Recent(ctx, kitchen, chat.Latest(chat.HeadSize).All())
	return first(err, want("the number of events", len(head.Events), chat.HeadSize), dense(head.Events, n-chat.HeadSize+1), want("last", head.Last, n))
}

func archivedRises(ctx context.Context, b chat.Broker) error {
	const n = 200
	if err := fill(ctx, b, kitchen, n); err != nil {
		return err
	}
	for _, seq := range []chat.Seq{150, 150, 20, 0} {
		if err := b.Archived(ctx, chat.Position{Room: kitchen, Seq: seq}); err != nil {
			return err
		}
	}
	if err := fill(ctx, b, kitchen, n); err != nil {
		return err
	}
	head, err := b.Recent(ctx, kitchen, chat.After(150, chat.MaxBatch).All())
	return first(err, dense(head.Events, 151), want("last", head.Last, 2*n), want("archived", head.Archived, 150))
}

func archivedRefuses(ctx context.Context, b chat.Broker) error {
	if err := fill(ctx, b, kitchen, 200); err != nil {
		return err
	}
	err := b.Archived(ctx, chat.Position{Room: kitchen, Seq: 100}, chat.Position{Room: kitchen, Seq: 201}, chat.Position{Room: lobby, Seq: 1})
	var failed *chat.BatchError
	if !errors.As(err, &failed) || len(failed.Items) != 2 || !errors.Is(failed.Items[1], chat.ErrInvalid) || !errors.Is(failed.Items[2], chat.ErrInvalid) {
		return fmt.Errorf("error %v, want items 1 and 2 to be %v", err, chat.ErrInvalid)
	}
	head, err := b.Recent(ctx, kitchen, chat.After(100, chat.MaxBatch).All())
	return first(err, dense(head.Events, 101), want("the number of events", len(head.Events), 100))
}
