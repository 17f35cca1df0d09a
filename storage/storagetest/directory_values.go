package storagetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/storage"
)

var markCases = []DirectoryCase{
	{Name: "marks only rise", Why: "a slow device must not unread what another read", Run: atDirectory(marks)},
	{Name: "marks are stored together, or none", Why: "what many have read is written at once", Run: atDirectory(markBatch)},
	{Name: "marks of many rooms are read in the order asked", Why: "a list of what is new is read in one round trip", Run: atDirectory(markLookup)},
	{Name: "marks are listed by room", Why: "unread lists are read page by page", Run: atDirectory(markList)},
	{Name: "invalid marks are refused", Why: "a mark in another tenant is a leak", Run: atDirectory(markInvalid)},
}

func mark(u chat.UserID, r chat.RoomID, seq chat.Seq) storage.Mark {
	return storage.Mark{User: u, Position: chat.Position{Room: r, Seq: seq}, TextSeq: int64(seq)}
}

func marks(ctx context.Context, d storage.Directory) error {
	if err := full(mark(ann, kitchen, 1)); err != nil {
		return err
	}
	for _, seq := range []chat.Seq{5, 3, 9, 9, 1} {
		if err := first(d.Mark(ctx, mark(ann, kitchen, seq)), d.Mark(ctx, mark(bob, lobby, 2))); err != nil {
			return err
		}
	}
	same := mark(ann, kitchen, 9)
	same.TextSeq = 0
	if err := d.Mark(ctx, same); err != nil {
		return err
	}
	got, err := d.Marks(ctx, ann, "", 10)
	return first(err, want("marks", len(got), 1), want("the mark", got[0], mark(ann, kitchen, 9)))
}

func markBatch(ctx context.Context, d storage.Directory) error {
	const n = chat.MaxBatch
	many := make([]storage.Mark, n+1)
	for i := range many {
		many[i] = mark(chat.UserID{Tenant: "acme", Key: fmt.Sprint("u", i)}, kitchen, chat.Seq(i+1))
	}
	wrong := slices.Clone(many[:3])
	wrong[2].Seq = 0
	if err := first(is(d.Mark(ctx, many...), chat.ErrTooLarge, "marks"), is(d.Mark(ctx, wrong...), chat.ErrInvalid, "seq"), d.Mark(ctx)); err != nil {
		return err
	}
	none, err := d.Marks(ctx, many[0].User, "", 10)
	if err := first(err, want("marks of a batch that failed", len(none), 0)); err != nil {
		return err
	}
	many[n-1] = mark(many[1].User, kitchen, 9) // of two the higher counts, whatever comes first
	many[n-2] = mark(many[2].User, kitchen, 1)
	if err := d.Mark(ctx, many[:n]...); err != nil {
		return err
	}
	for i, seq := range map[int]chat.Seq{0: 1, 1: 9, 2: 3, n - 3: n - 2} {
		got, err := d.Marks(ctx, many[i].User, "", 10)
		if err := first(err, want("marks", len(got), 1), want("the mark", got[0], mark(many[i].User, kitchen, seq))); err != nil {
			return err
		}
	}
	return nil
}

func markLookup(ctx context.Context, d storage.Directory) error {
	evil := chat.RoomID{Tenant: "evil", Key: "kitchen"}
	if err := d.Mark(ctx, mark(ann, kitchen, 3), mark(ann, lobby, 4), mark(bob, lobby, 5), mark(chat.UserID{Tenant: "evil", Key: "ann"}, evil, 6)); err != nil {
		return err
	}
	rooms := []chat.RoomID{lobby, {Tenant: "acme", Key: "none"}, kitchen, evil, lobby}
	got, err := d.LookupMarks(ctx, ann, rooms)
	none, err2 := d.LookupMarks(ctx, ann, nil)
	if err := first(err, err2, want("the marks", fmt.Sprint(got), fmt.Sprint([]storage.Mark{mark(ann, lobby, 4), mark(ann, kitchen, 3), mark(ann, lobby, 4)})),
		want("marks of no rooms", len(none), 0)); err != nil {
		return err
	}
	full := slices.Repeat([]chat.RoomID{kitchen}, chat.MaxBatch)
	got, err = d.LookupMarks(ctx, ann, full)
	_, err2 = d.LookupMarks(ctx, ann, append(full, kitchen))
	return first(err, want("marks at the limit", len(got), chat.MaxBatch), is(err2, chat.ErrTooLarge, "rooms"))
}

func markList(ctx context.Context, d storage.Directory) error {
	for i := range bytewise {
		if err := d.Mark(ctx, mark(ann, chat.RoomID{Tenant: "acme", Key: bytewise[i*7%len(bytewise)]}, 1)); err != nil {
			return err
		}
	}
	for _, limit := range []int{1, 3, 11, 12} {
		var keys []string
		err := pages(limit, func(after string) (string, int, error) {
			all, err := d.Marks(ctx, ann, after, limit)
			for _, m := range all {
				after = m.Room.Key
				keys = append(keys, after)
			}
			return after, len(all), err
		})
		if err := first(err, want("marks", fmt.Sprint(keys), fmt.Sprint(bytewise))); err != nil {
			return err
		}
	}
	return badLimits(func(limit int) error { _, err := d.Marks(ctx, ann, "", limit); return err })
}

func markInvalid(ctx context.Context, d storage.Directory) error {
	return first(
		is(d.Mark(ctx, mark(ann, chat.RoomID{Tenant: "evil", Key: "kitchen"}, 1)), chat.ErrInvalid, "room.tenant"),
		is(d.Mark(ctx, mark(ann, kitchen, 0)), chat.ErrInvalid, "seq"),
		is(d.Mark(ctx, mark(chat.UserID{Tenant: "acme"}, kitchen, 1)), chat.ErrInvalid, "user"))
}

var valueCases = []DirectoryCase{
	{Name: "a value comes back with its version", Why: "settings are read by every device", Run: atDirectory(values)},
	{Name: "an old version of a value is refused", Why: "two devices must not overwrite each other", Run: atDirectory(valueVersions)},
	{Name: "one of many writers of a value wins", Why: "compare and set is one step", Run: atDirectory(valueRace)},
	{Name: "a deleted value stays ahead of late writers", Why: "what was removed must not come back by a slow device", Run: atDirectory(valueDeleted)},
	{Name: "values have a limit", Why: "every value is bounded", Run: atDirectory(valueLimit)},
	{Name: "users and spaces are apart", Why: "one's settings are nobody else's", Run: atDirectory(valuesApart)},
	{Name: "keys are listed in order", Why: "lists are read page by page", Run: atDirectory(valueKeys)},
}

func values(ctx context.Context, d storage.Directory) error {
	v, err := d.Put(ctx, ann, "settings", "theme", []byte{0, 1, 255}, 0)
	if err != nil {
		return err
	}
	got, version, err := d.Get(ctx, ann, "settings", "theme")
	if err := first(err, want("the value", string(got), "\x00\x01\xff"), want("the version", version, v)); err != nil {
		return err
	}
	if _, err := d.Put(ctx, ann, "settings", "empty", []byte{}, 0); err != nil {
		return err
	}
	got, _, err = d.Get(ctx, ann, "settings", "empty")
	if err := first(err, want("an empty value's length", len(got), 0)); err != nil {
		return err
	}
	_, _, err = d.Get(ctx, ann, "settings", "none")
	return is(err, chat.ErrNotFound, "")
}

func valueVersions(ctx context.Context, d storage.Directory) error {
	one, err := d.Put(ctx, ann, "s", "k", []byte("one"), 0)
	if err != nil {
		return err
	}
	two, err := d.Put(ctx, ann, "s", "k", []byte("two"), one)
	if err != nil {
		return err
	}
	if two <= one {
		return fmt.Errorf("version %d follows %d", two, one)
	}
	for _, version := range []int64{0, one, two + 1, -1} {
		_, err := d.Put(ctx, ann, "s", "k", []byte("late"), version)
		if err := is(err, chat.ErrConflict, "version"); err != nil {
			return fmt.Errorf("version %d: %w", version, err)
		}
	}
	got, version, err := d.Get(ctx, ann, "s", "k")
	return first(err, want("the value", string(got), "two"), want("the version", version, two))
}

func valueRace(ctx context.Context, d storage.Directory) error {
	version := int64(0)
	for range 20 {
		var wg sync.WaitGroup
		errs, versions := make([]error, 8), make([]int64, 8)
		for i := range errs {
			wg.Go(func() { versions[i], errs[i] = d.Put(ctx, ann, "s", "k", []byte(fmt.Sprint(i)), version) })
		}
		wg.Wait()
		won := -1
		for i, err := range errs {
			switch {
			case err == nil && won >= 0:
				return errors.New("two writers won")
			case err == nil:
				won = i
			default:
				if err := is(err, chat.ErrConflict, "version"); err != nil {
					return err
				}
			}
		}
		if won < 0 {
			return errors.New("nobody won")
		}
		version = versions[won]
		got, _, err := d.Get(ctx, ann, "s", "k")
		if err := first(err, want("the value", string(got), fmt.Sprint(won))); err != nil {
			return err
		}
	}
	return nil
}

func valueDeleted(ctx context.Context, d storage.Directory) error {
	one, err := d.Put(ctx, ann, "s", "k", []byte("one"), 0)
	if err != nil {
		return err
	}
	gone, err := d.Put(ctx, ann, "s", "k", nil, one)
	if err != nil {
		return err
	}
	_, _, err = d.Get(ctx, ann, "s", "k")
	keys, err2 := d.Keys(ctx, ann, "s", "", 10)
	if err := first(is(err, chat.ErrNotFound, ""), err2, want("keys listed", len(keys), 0)); err != nil {
		return err
	}
	_, err = d.Put(ctx, ann, "s", "k", []byte("late"), one)
	if err := is(err, chat.ErrConflict, "version"); err != nil {
		return err
	}
	again, err := d.Put(ctx, ann, "s", "k", []byte("new"), 0)
	if err != nil {
		return err
	}
	if again <= gone || gone <= one {
		return fmt.Errorf("the versions are %d, %d (deleted), %d", one, gone, again)
	}
	return nil
}

func valueLimit(ctx context.Context, d storage.Directory) error {
	b := bytes.Repeat([]byte("x"), storage.MaxValue+1)
	_, err := d.Put(ctx, ann, "s", "k", b, 0)
	if err := is(err, chat.ErrTooLarge, "value"); err != nil {
		return err
	}
	if _, err := d.Put(ctx, ann, "s", "k", b[1:], 0); err != nil {
		return err
	}
	got, _, err := d.Get(ctx, ann, "s", "k")
	if err := first(err, want("the length", len(got), storage.MaxValue)); err != nil {
		return err
	}
	_, err = d.Put(ctx, ann, "s", "a\x00b", nil, 0)
	_, err2 := d.Put(ctx, ann, "", "k", nil, 0)
	return first(is(err, chat.ErrInvalid, "key"), is(err2, chat.ErrInvalid, "space"))
}

func valuesApart(ctx context.Context, d storage.Directory) error {
	type place struct {
		u          chat.UserID
		space, key string
	}
	places := []place{{ann, "s", "k"}, {bob, "s", "k"}, {ann, "t", "k"}, {ann, "s", "l"}, {ann, "s/k", "l"}, {ann, "s", "k/l"},
		{chat.UserID{Tenant: "evil", Key: "ann"}, "s", "k"}}
	for i, p := range places {
		if _, err := d.Put(ctx, p.u, p.space, p.key, []byte(fmt.Sprint(i)), 0); err != nil {
			return err
		}
	}
	for i, p := range places {
		got, _, err := d.Get(ctx, p.u, p.space, p.key)
		if err := first(err, want(fmt.Sprintf("the value at %v", p), string(got), fmt.Sprint(i))); err != nil {
			return err
		}
	}
	keys, err := d.Keys(ctx, ann, "s", "", 10)
	return first(err, want("keys", fmt.Sprint(keys), "[k k/l l]"))
}

func valueKeys(ctx context.Context, d storage.Directory) error {
	for i := range bytewise {
		if _, err := d.Put(ctx, ann, "s", bytewise[i*7%len(bytewise)], []byte("v"), 0); err != nil {
			return err
		}
	}
	for _, limit := range []int{1, 3, 11, 12} {
		var all []string
		err := pages(limit, func(after string) (string, int, error) {
			keys, err := d.Keys(ctx, ann, "s", after, limit)
			if all = append(all, keys...); len(keys) > 0 {
				after = keys[len(keys)-1]
			}
			return after, len(keys), err
		})
		if err := first(err, want("keys", fmt.Sprint(all), fmt.Sprint(bytewise))); err != nil {
			return err
		}
	}
	return badLimits(func(limit int) error { _, err := d.Keys(ctx, ann, "s", "", limit); return err })
}
