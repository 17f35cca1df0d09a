package storagetest_test

import (
	"cmp"
	"context"
	"slices"
	"testing"

	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/internal/suite"
	"github.com/parlor-chat/parlor/storage"
	"github.com/parlor-chat/parlor/storage/storagetest"
)

// directWrong is a directory that is wrong about who is in direct rooms.
type directWrong struct {
	right
	wrong func(ctx context.Context, right right, rooms []chat.RoomID) ([]storage.Member, error)
}

func (d directWrong) LookupDirect(ctx context.Context, rooms []chat.RoomID) ([]storage.Member, error) {
	return d.wrong(ctx, d.right, rooms)
}

func wrongDirect(name string, wrong func(ctx context.Context, right right, rooms []chat.RoomID) ([]storage.Member, error)) wrongDirectory {
	return wrongDirectory{Name: name, Case: "who is in direct rooms is read in one round trip",
		At: directory(func(d right) right { return directWrong{d, wrong} })}
}

var wrongDirects = []wrongDirectory{
	wrongDirect("rooms of all kinds", func(ctx context.Context, right right, rooms []chat.RoomID) (all []storage.Member, err error) {
		for _, id := range rooms {
			some, err := right.Members(ctx, id, "", chat.MaxBatch)
			if err != nil {
				return nil, err
			}
			all = append(all, some...)
		}
		return all, err
	}),
	wrongDirect("in order of the rooms' keys", func(ctx context.Context, right right, rooms []chat.RoomID) ([]storage.Member, error) {
		all, err := right.LookupDirect(ctx, rooms)
		slices.SortStableFunc(all, func(a, b storage.Member) int { return cmp.Compare(a.Room.Key, b.Room.Key) })
		return all, err
	}),
	wrongDirect("each room once", func(ctx context.Context, right right, rooms []chat.RoomID) ([]storage.Member, error) {
		all, err := right.LookupDirect(ctx, rooms)
		return distinct(all, func(m storage.Member) [2]any { return [2]any{m.Room, m.User} }), err
	}),
	wrongDirect("only those who belong", func(ctx context.Context, right right, rooms []chat.RoomID) ([]storage.Member, error) {
		all, err := right.LookupDirect(ctx, rooms)
		return slices.DeleteFunc(all, func(m storage.Member) bool { return !m.Role.Belongs() }), err
	}),
	wrongDirect("one tenant", func(ctx context.Context, right right, rooms []chat.RoomID) ([]storage.Member, error) {
		rooms = slices.Clone(rooms)
		for i := range rooms {
			rooms[i].Tenant = rooms[0].Tenant
		}
		return right.LookupDirect(ctx, rooms)
	}),
	wrongDirect("any number of rooms", func(ctx context.Context, right right, rooms []chat.RoomID) (all []storage.Member, err error) {
		for part := range slices.Chunk(rooms, chat.MaxBatch) {
			some, err := right.LookupDirect(ctx, part)
			if err != nil {
				return nil, err
			}
			all = append(all, some...)
		}
		return all, ctx.Err()
	}),
}

func TestTheSuiteCatchesWhoIsWrongAboutDirectRooms(t *testing.T) {
	suite.Catch(t, storagetest.DirectoryCases(), wrongDirects)
}
