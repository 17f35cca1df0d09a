package storagetest_test

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"testing"

	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/drivers/memory"
	"github.com/parlor-chat/parlor/internal/suite"
	"github.com/parlor-chat/parlor/storage"
	"github.com/parlor-chat/parlor/storage/storagetest"
)

// The wrong directories each replace a method of a right one.
type (
	right = storage.Directory

	losesOne      struct{ right }
	noVersions    struct{ right }
	kindsChange   struct{ right }
	noLooks       struct{ right }
	keepsAddress  struct{ right }
	listsSorted   struct{ right } // by title
	shortList     struct{ right }
	leaksTenant   struct{ right }
	rowsFall      struct{ right }
	nicksTwice    struct{ right }
	anyRoom       struct{ right }
	showsBanned   struct{ right }
	hidesPublic   struct{ right }
	fromForgotten struct{ right }
	toDiffers     struct{ right }
	usersShuffled struct{ right }
	marksFall     struct{ right }
	foreignMarks  struct{ right }
	versionStarts struct{ right }
	anyVersion    struct{ right }
	oneSpace      struct{ right }
	noContext     struct{ right }
	losesSetting  struct{ right }
)

func (d losesOne) Users(ctx context.Context, ids []chat.UserID) ([]storage.User, error) {
	all, err := d.right.Users(ctx, ids)
	if len(all) > 400 {
		all = slices.Delete(all, 400, 401)
	}
	return all, err
}

func (d noVersions) PutRoom(ctx context.Context, r storage.Room) (storage.Room, error) {
	if old, err := d.right.Room(ctx, r.ID); err == nil {
		r.Version = old.Version
	}
	return d.right.PutRoom(ctx, r)
}

func (d kindsChange) PutRoom(ctx context.Context, r storage.Room) (storage.Room, error) {
	got, err := d.right.PutRoom(ctx, r)
	if errors.Is(err, chat.ErrInvalid) && r.Version > 0 {
		return r, nil
	}
	return got, err
}

func (d noLooks) PutRoom(ctx context.Context, r storage.Room) (storage.Room, error) {
	got, err := d.right.PutRoom(ctx, r)
	var e *chat.Error
	if errors.As(err, &e) && e.Field == "address" && r.Address != "lobby" {
		return r, nil
	}
	return got, err
}

func (d keepsAddress) RoomAt(ctx context.Context, tenant, at string) (storage.Room, error) {
	r, err := d.right.RoomAt(ctx, tenant, at)
	if errors.Is(err, chat.ErrNotFound) && at == "lobby" {
		return d.right.RoomAt(ctx, tenant, "kitchen")
	}
	return r, err
}

func (d listsSorted) List(ctx context.Context, tenant, after string, limit int) ([]storage.Room, error) {
	all, err := d.right.List(ctx, tenant, after, limit)
	slices.Reverse(all)
	return all, err
}

func (d shortList) Members(ctx context.Context, room chat.RoomID, after string, limit int) ([]storage.Member, error) {
	all, err := d.right.Members(ctx, room, after, limit)
	if len(all) == limit && limit > 1 {
		all = all[:limit-1]
	}
	return all, err
}

func (d leaksTenant) Access(ctx context.Context, u chat.UserID) ([]storage.Member, error) {
	ours, err := d.right.Access(ctx, u)
	if err != nil {
		return nil, err
	}
	theirs, err := d.right.Access(ctx, chat.UserID{Tenant: "evil", Key: u.Key})
	return append(ours, theirs...), err
}

func (d rowsFall) PutMember(ctx context.Context, m storage.Member) error {
	if old, err := d.right.Member(ctx, m.Room, m.User); err == nil && m.Seq < old.Seq {
		m.Seq = old.Seq + 1
	}
	return d.right.PutMember(ctx, m)
}

func (d nicksTwice) PutMember(ctx context.Context, m storage.Member) error {
	err := d.right.PutMember(ctx, m)
	if errors.Is(err, chat.ErrConflict) {
		return nil
	}
	return err
}

func (d anyRoom) PutMember(ctx context.Context, m storage.Member) error {
	err := d.right.PutMember(ctx, m)
	if errors.Is(err, chat.ErrNotFound) {
		return nil
	}
	return err
}

func (d showsBanned) Access(ctx context.Context, u chat.UserID) ([]storage.Member, error) {
	all, err := d.right.Access(ctx, u)
	rooms, _ := d.right.List(ctx, u.Tenant, "", chat.MaxBatch)
	for _, r := range rooms {
		if m, err := d.right.Member(ctx, r.ID, u); err == nil && m.Role == chat.RoleBanned {
			all = append(all, m)
		}
	}
	return all, err
}

func (d hidesPublic) Access(ctx context.Context, u chat.UserID) ([]storage.Member, error) {
	all, err := d.right.Access(ctx, u)
	return slices.DeleteFunc(all, func(m storage.Member) bool { return !m.Role.Belongs() }), err
}

func (d fromForgotten) Access(ctx context.Context, u chat.UserID) ([]storage.Member, error) {
	all, err := d.right.Access(ctx, u)
	for i := range all {
		all[i].From = 1
	}
	return all, err
}

func (d toDiffers) AccessTo(ctx context.Context, u chat.UserID, room chat.RoomID) (storage.Member, error) {
	m, err := storage.AccessTo(ctx, d.right, u, room)
	if errors.Is(err, chat.ErrNotFound) {
		if m, err := d.right.Member(ctx, room, u); err == nil {
			return m, nil
		}
	}
	return m, err
}

func (d usersShuffled) Users(ctx context.Context, ids []chat.UserID) ([]storage.User, error) {
	all, err := d.right.Users(ctx, ids)
	slices.Reverse(all)
	return all, err
}

func (d marksFall) Marks(ctx context.Context, u chat.UserID, after string, limit int) ([]storage.Mark, error) {
	all, err := d.right.Marks(ctx, u, after, limit)
	for i := range all {
		all[i].Seq = min(all[i].Seq, 5)
	}
	return all, err
}

func (d foreignMarks) Mark(ctx context.Context, u chat.UserID, m storage.Mark) error {
	u.Tenant = m.Room.Tenant
	return d.right.Mark(ctx, u, m)
}

func (d versionStarts) Put(ctx context.Context, u chat.UserID, space, key string, b []byte, version int64) (int64, error) {
	_, err := d.right.Put(ctx, u, space, key, b, version)
	if version == 0 {
		return 1, err
	}
	return version + 1, err
}

func (d anyVersion) Put(ctx context.Context, u chat.UserID, space, key string, b []byte, version int64) (int64, error) {
	if _, now, err := d.right.Get(ctx, u, space, key); err == nil {
		version = now
	}
	return d.right.Put(ctx, u, space, key, b, version)
}

func (d oneSpace) Get(ctx context.Context, u chat.UserID, space, key string) ([]byte, int64, error) {
	if b, v, err := d.right.Get(ctx, u, "s", key); err == nil {
		return b, v, nil
	}
	return d.right.Get(ctx, u, space, key)
}

func (d noContext) PutMember(ctx context.Context, m storage.Member) error {
	return d.right.PutMember(context.WithoutCancel(ctx), m)
}

func (d losesSetting) Room(ctx context.Context, id chat.RoomID) (storage.Room, error) {
	r, err := d.right.Room(ctx, id)
	r.Password = bytes.TrimRight(r.Password, "\xff") // as text in a column would be
	return r, err
}

// directory makes sites whose every handle is wrong in the same way.
func directory(fault func(right) right) func(testing.TB) *storagetest.DirectorySite {
	return func(testing.TB) *storagetest.DirectorySite {
		place := memory.New(nil)
		return &storagetest.DirectorySite{Open: func(context.Context) (storage.Directory, func() error, error) {
			s := place.Reopen()
			return fault(s.Directory()), s.Close, nil
		}}
	}
}

var wrongDirectories = []suite.Wrong[*storagetest.DirectorySite]{
	{Name: "loses one of many", Case: "people are read in one round trip", At: directory(func(d right) right { return losesOne{d} })},
	{Name: "loses a byte of a setting", Case: "every setting of a room comes back", At: directory(func(d right) right { return losesSetting{d} })},
	{Name: "doesn't look at versions", Case: "an old version is refused", At: directory(func(d right) right { return noVersions{d} })},
	{Name: "the last of many writers wins", Case: "one of many writers wins", At: directory(func(d right) right { return noVersions{d} })},
	{Name: "a kind changes", Case: "kind and creation never change", At: directory(func(d right) right { return kindsChange{d} })},
	{Name: "accepts a look-alike address", Case: "an address is one under any look", At: directory(func(d right) right { return noLooks{d} })},
	{Name: "keeps an address that was given up", Case: "an address is free when it is given up", At: directory(func(d right) right { return keepsAddress{d} })},
	{Name: "lists out of order", Case: "rooms are listed by key", At: directory(func(d right) right { return listsSorted{d} })},
	{Name: "a short list", Case: "members are listed by key", At: directory(func(d right) right { return shortList{d} })},
	{Name: "leaks a tenant", Case: "access is in order and of the tenant", At: directory(func(d right) right { return leaksTenant{d} })},
	{Name: "a row falls back", Case: "rows only rise", At: directory(func(d right) right { return rowsFall{d} })},
	{Name: "a nickname twice", Case: "a nickname is one under any look", At: directory(func(d right) right { return nicksTwice{d} })},
	{Name: "members of nothing", Case: "a membership needs its room", At: directory(func(d right) right { return anyRoom{d} })},
	{Name: "shows a room to the banned", Case: "who may read which room", At: directory(func(d right) right { return showsBanned{d} })},
	{Name: "hides public rooms", Case: "who may read which room", At: directory(func(d right) right { return hidesPublic{d} })},
	{Name: "forgets from where", Case: "who may read which room", At: directory(func(d right) right { return fromForgotten{d} })},
	{Name: "one room's answer differs", Case: "access is lost at once", At: directory(func(d right) right { return toDiffers{d} })},
	{Name: "people in another order", Case: "people are read in one round trip", At: directory(func(d right) right { return usersShuffled{d} })},
	{Name: "a mark falls", Case: "marks only rise", At: directory(func(d right) right { return marksFall{d} })},
	{Name: "marks of another tenant", Case: "invalid marks are refused", At: directory(func(d right) right { return foreignMarks{d} })},
	{Name: "versions start again after a deletion", Case: "a deleted value stays ahead of late writers", At: directory(func(d right) right { return versionStarts{d} })},
	{Name: "any version will do", Case: "an old version of a value is refused", At: directory(func(d right) right { return anyVersion{d} })},
	{Name: "one space for all", Case: "users and spaces are apart", At: directory(func(d right) right { return oneSpace{d} })},
	{Name: "ignores the context", Case: "a done context does nothing", At: directory(func(d right) right { return noContext{d} })},
	{Name: "lost at reopen", Case: "everything is there after reopening", At: func(testing.TB) *storagetest.DirectorySite {
		return &storagetest.DirectorySite{Open: func(context.Context) (storage.Directory, func() error, error) {
			s := memory.New(nil)
			return s.Directory(), s.Close, nil
		}}
	}},
	{Name: "works when closed", Case: "a closed directory says so", At: func(testing.TB) *storagetest.DirectorySite {
		place := memory.New(nil)
		return &storagetest.DirectorySite{Open: func(context.Context) (storage.Directory, func() error, error) {
			return place.Directory(), func() error { return nil }, nil
		}}
	}},
}

func TestTheSuiteOfADirectoryCatches(t *testing.T) {
	suite.Catch(t, storagetest.DirectoryCases(), wrongDirectories)
}
