package storagetest_test

import (
	"context"
	"errors"
	"testing"

	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/storage"
	"github.com/parlor-chat/parlor/storage/storagetest"
)

// The wrong directories around marks.
type (
	marksApart struct{ right }
	lastMark   struct{ right }
	marksWrong struct {
		right
		wrong func(u chat.UserID, all []storage.Mark) []storage.Mark
	}
)

func (d marksApart) Mark(ctx context.Context, marks ...storage.Mark) error {
	if len(marks) > chat.MaxBatch {
		return d.right.Mark(ctx, marks...)
	}
	var errs []error
	for _, m := range marks {
		errs = append(errs, d.right.Mark(ctx, m))
	}
	return errors.Join(errs...)
}

func (d lastMark) Mark(ctx context.Context, marks ...storage.Mark) error {
	last := map[chat.UserID]storage.Mark{}
	for _, m := range marks {
		last[m.User] = m
	}
	kept := make([]storage.Mark, len(marks))
	for i, m := range marks {
		kept[i] = last[m.User]
	}
	return d.right.Mark(ctx, kept...)
}

func (d marksWrong) LookupMarks(ctx context.Context, u chat.UserID, rooms []chat.RoomID) ([]storage.Mark, error) {
	all, err := d.right.LookupMarks(ctx, u, rooms)
	return d.wrong(u, all), err
}

// wrongMarks makes sites that look marks up wrongly.
func wrongMarks(wrong func(u chat.UserID, all []storage.Mark) []storage.Mark) func(testing.TB) *storagetest.DirectorySite {
	return directory(func(d right) right { return marksWrong{d, wrong} })
}
