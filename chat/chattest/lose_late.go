package chattest

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/parlor-chat/parlor/chat"
)

// What comes too late, or to the wrong place, after a loss.

func lateReturn(ctx context.Context, b chat.Broker, lose func(int)) error {
	if err := fill(ctx, b, kitchen, 10); err != nil {
		return err
	}
	was, err := log(ctx, b, kitchen)
	if err != nil {
		return err
	}
	lose(-1)
	memory, err := chat.Memory(ctx, b)
	if err := first(err, chat.PutBack(ctx, b, memory, was[:9])); err != nil {
		return err
	}
	left, err := chat.ReadRemains(ctx, b, kitchen)
	if err := first(err, want("what is left", len(left.Events), 9), chat.PutBack(ctx, b, memory, was[9:])); err != nil {
		return err
	}
	if err := chat.Reopen(ctx, b, memory, kitchen, chat.Restored{Version: left.Version, Events: left.Events}); !errors.Is(err, chat.ErrConflict) {
		return fmt.Errorf("a room is opened without what was put back meanwhile: %v", err)
	}
	return first(reopen(ctx, b, kitchen, false), same(ctx, b, was))
}

func otherMemory(ctx context.Context, b chat.Broker, lose func(int)) error {
	if err := fill(ctx, b, kitchen, 10); err != nil {
		return err
	}
	was, err := log(ctx, b, kitchen)
	if err != nil {
		return err
	}
	lose(-1)
	old, err := chat.Memory(ctx, b)
	if err != nil {
		return err
	}
	lose(-1)
	if err := chat.PutBack(ctx, b, old, was); !errors.Is(err, chat.ErrConflict) {
		return fmt.Errorf("put back into a memory that is lost: %v", err)
	}
	if err := chat.Reopen(ctx, b, old, kitchen, chat.Restored{Events: was}); !errors.Is(err, chat.ErrConflict) {
		return fmt.Errorf("reopened in a memory that is lost: %v", err)
	}
	_, err = b.Recent(ctx, kitchen, chat.Latest(1).All())
	return want("whether it is closed", isClosed(err), true)
}

func openStays(ctx context.Context, b chat.Broker, lose func(int)) error {
	if err := fill(ctx, b, kitchen, 10); err != nil {
		return err
	}
	lose(0)
	memory, err := chat.Memory(ctx, b)
	if err := first(err, reopen(ctx, b, kitchen, false)); err != nil {
		return err
	}
	was, err := log(ctx, b, kitchen)
	if err != nil {
		return err
	}
	foreign := text(kitchen, "from elsewhere")
	foreign.Seq, foreign.TextSeq, foreign.At = 11, 11, was[9].At
	return first(chat.Reopen(ctx, b, memory, kitchen, chat.Restored{Events: []chat.Event{foreign}}), same(ctx, b, was))
}

func backTooLate(ctx context.Context, b chat.Broker, lose func(int)) error {
	if err := first(fill(ctx, b, kitchen, 10), fill(ctx, b, lobby, 1)); err != nil {
		return err
	}
	inTime, err := log(ctx, b, lobby)
	if err != nil {
		return err
	}
	was, err := log(ctx, b, kitchen)
	if err != nil {
		return err
	}
	lose(-1)
	memory, err := chat.Memory(ctx, b)
	if err := first(err, back(ctx, b, was, false)); err != nil {
		return err
	}
	late := text(kitchen, "from elsewhere")
	late.Seq, late.TextSeq, late.At = 11, 11, was[9].At
	err = chat.PutBack(ctx, b, memory, []chat.Event{late, inTime[0]}, kitchen)
	var failed *chat.BatchError
	var why *chat.Error
	if !errors.As(err, &failed) || len(failed.Items) != 1 || !errors.As(failed.Items[0], &why) || !errors.Is(why, chat.ErrConflict) || why.Field != "room" {
		return fmt.Errorf("put back into an open room, and into a closed one: %v", err)
	}
	left, err := chat.ReadRemains(ctx, b, lobby)
	isBack := slices.ContainsFunc(left.Events, func(e chat.Event) bool { return e.ID == inTime[0].ID })
	return first(err, want("whether the event in time is back", isBack, true),
		chat.PutBack(ctx, b, memory, nil, kitchen), same(ctx, b, was))
}
