package storagetest_test

import (
	"context"
	"testing"

	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/drivers/memory"
	"github.com/parlor-chat/parlor/internal/suite"
	"github.com/parlor-chat/parlor/storage"
	"github.com/parlor-chat/parlor/storage/storagetest"
)

// clocked is a directory with wrong marks: by a clock that it is told of some changes.
type clocked struct {
	storage.Directory
	clock         *storage.AccessClock
	rooms, people bool // what it is told of
	accounts      bool // what else
	asked         bool // it is told when somebody asks, too
}

func (c clocked) AccessMark(u chat.UserID) uint64 { return c.clock.Mark(u) }

func (c clocked) Access(ctx context.Context, u chat.UserID) ([]storage.Member, error) {
	if c.asked {
		c.clock.Room()
	}
	return c.Directory.Access(ctx, u)
}

func (c clocked) PutRoom(ctx context.Context, r storage.Room) (storage.Room, error) {
	if c.rooms {
		defer c.clock.Room()
	}
	return c.Directory.PutRoom(ctx, r)
}

func (c clocked) PutMember(ctx context.Context, m storage.Member) error {
	if c.people {
		defer c.clock.Member(m.User)
	}
	return c.Directory.PutMember(ctx, m)
}

func (c clocked) PutAccount(ctx context.Context, a storage.Account) (storage.Account, error) {
	if c.accounts {
		defer c.clock.Member(a.User)
	}
	return c.Directory.PutAccount(ctx, a)
}

func TestTheSuiteCatchesWrongMarks(t *testing.T) {
	at := func(shared bool, c clocked) func(testing.TB) *storagetest.DirectorySite {
		return func(testing.TB) *storagetest.DirectorySite {
			place, clock := memory.New(nil), new(storage.AccessClock)
			return &storagetest.DirectorySite{Open: func(context.Context) (storage.Directory, func() error, error) {
				s, mine := place.Reopen(), c
				mine.Directory, mine.clock = s.Directory(), clock
				if !shared {
					mine.clock = new(storage.AccessClock)
				}
				return mine, s.Close, nil
			}}
		}
	}
	const of = "a mark changes with what it marks"
	suite.Catch(t, storagetest.DirectoryCases(), []suite.Wrong[*storagetest.DirectorySite]{
		{Name: "marks of memberships alone", Case: of, At: at(true, clocked{people: true, accounts: true})},
		{Name: "marks of rooms alone", Case: of, At: at(true, clocked{rooms: true, accounts: true})},
		{Name: "no marks of accounts", Case: of, At: at(true, clocked{rooms: true, people: true})},
		{Name: "each handle has marks of its own", Case: of, At: at(false, clocked{rooms: true, people: true, accounts: true})},
		{Name: "a mark that never stays", Case: of, At: at(true, clocked{rooms: true, people: true, accounts: true, asked: true})},
	})
}
