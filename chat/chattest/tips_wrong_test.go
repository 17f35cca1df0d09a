package chattest_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/chat/chattest"
	"github.com/parlor-chat/parlor/drivers/memory"
	"github.com/parlor-chat/parlor/internal/suite"
)

// tipper is a broker that is wrong about the ends of rooms.
type tipper struct {
	chat.Broker
	chat.Forgetful
	tips func(ctx context.Context, right chat.Broker, rooms []chat.RoomID) ([]chat.Tip, error)
}

func (t tipper) Tips(ctx context.Context, rooms []chat.RoomID) ([]chat.Tip, error) {
	return t.tips(ctx, t.Broker, rooms)
}

// tipping makes sites with such brokers.
func tipping(tips func(ctx context.Context, right chat.Broker, rooms []chat.RoomID) ([]chat.Tip, error)) func(testing.TB) *chattest.Site {
	return func(testing.TB) *chattest.Site {
		place := memory.New(nil)
		return &chattest.Site{
			Open: func(context.Context) (chat.Broker, func() error, error) {
				s := place.Reopen()
				return tipper{s.Broker(), s.Broker().(chat.Forgetful), tips}, s.Close, nil
			},
			Lose: place.Lose,
		}
	}
}

// each changes each tip.
func each(change func(*chat.Tip)) func(testing.TB) *chattest.Site {
	return tipping(func(ctx context.Context, right chat.Broker, rooms []chat.RoomID) ([]chat.Tip, error) {
		tips, err := chat.Tips(ctx, right, rooms)
		for i := range tips {
			change(&tips[i])
		}
		return tips, err
	})
}

var wrongsAboutTips = []suite.Wrong[*chattest.Site]{
	{Name: "said when the last event came", Case: "tips are the ends of rooms", At: each(func(t *chat.Tip) { t.Said = t.At })},
	{Name: "as many texts as events", Case: "tips are the ends of rooms", At: each(func(t *chat.Tip) { t.TextSeq = int64(t.Last) })},
	{Name: "unknown rooms are left out", Case: "tips are the ends of rooms", At: tipping(func(ctx context.Context, right chat.Broker, rooms []chat.RoomID) ([]chat.Tip, error) {
		tips, err := chat.Tips(ctx, right, rooms)
		return slices.DeleteFunc(tips, func(t chat.Tip) bool { return t.Last == 0 }), err
	})},
	{Name: "each room once", Case: "tips are the ends of rooms", At: tipping(func(ctx context.Context, right chat.Broker, rooms []chat.RoomID) ([]chat.Tip, error) {
		seen := map[chat.RoomID]bool{}
		return chat.Tips(ctx, right, slices.DeleteFunc(slices.Clone(rooms), func(r chat.RoomID) bool {
			again := seen[r]
			seen[r] = true
			return again
		}))
	})},
	{Name: "keys without their tenant", Case: "tips are the ends of rooms", At: tipping(func(ctx context.Context, right chat.Broker, rooms []chat.RoomID) ([]chat.Tip, error) {
		rooms = slices.Clone(rooms)
		for i := range rooms {
			rooms[i].Tenant = "acme"
		}
		return chat.Tips(ctx, right, rooms)
	})},
	{Name: "looks at the last event alone", Case: "tips look back for a text, so far", At: tipping(looksBack(1))},
	{Name: "looks back over all that the head holds", Case: "tips look back for a text, so far", At: tipping(looksBack(chat.MaxBatch))},
	{Name: "forgets what is archived", Case: "tips of what the archive shows", At: tipping(func(ctx context.Context, right chat.Broker, rooms []chat.RoomID) ([]chat.Tip, error) {
		tips, err := chat.Tips(ctx, right, rooms)
		for i, room := range rooms {
			if h, err := right.Recent(ctx, room, chat.Latest(1).All()); err == nil && h.Archived > 0 && h.Archived == h.Last {
				tips[i] = chat.Tip{}
			}
		}
		return tips, err
	})},
	{Name: "any number of rooms", Case: "tips are bounded", At: tipping(func(ctx context.Context, right chat.Broker, rooms []chat.RoomID) (all []chat.Tip, err error) {
		for part := range slices.Chunk(rooms, chat.MaxBatch) {
			tips, err := chat.Tips(ctx, right, part)
			if err != nil {
				return nil, err
			}
			all = append(all, tips...)
		}
		return all, ctx.Err()
	})},
	{Name: "a closed room is an empty one", Case: "a loss closes every room", At: tipping(func(ctx context.Context, right chat.Broker, rooms []chat.RoomID) ([]chat.Tip, error) {
		tips, err := chat.Tips(ctx, right, rooms)
		if err != nil && ctx.Err() == nil {
			return make([]chat.Tip, len(rooms)), nil
		}
		return tips, err
	})},
	{Name: "nobody is asked to open a room", Case: "the opener is asked and the call goes on", At: tipping(func(ctx context.Context, right chat.Broker, rooms []chat.RoomID) ([]chat.Tip, error) {
		for _, room := range rooms {
			if left, err := chat.ReadRemains(ctx, right, room); err == nil && !left.Open {
				return nil, &chat.Error{Kind: chat.ErrUnavailable, Op: "tips", Field: "memory"}
			}
		}
		return chat.Tips(ctx, right, rooms)
	})},
}

// looksBack looks for a text among so many events.
func looksBack(n int) func(ctx context.Context, right chat.Broker, rooms []chat.RoomID) ([]chat.Tip, error) {
	return func(ctx context.Context, right chat.Broker, rooms []chat.RoomID) ([]chat.Tip, error) {
		tips, err := chat.Tips(ctx, right, rooms)
		for i := range tips {
			h, err := right.Recent(ctx, rooms[i], chat.Latest(n).All())
			if err != nil {
				return nil, err
			}
			tips[i].Said = time.Time{}
			for _, e := range h.Events {
				if e.IsText() {
					tips[i].Said = e.At
				}
			}
		}
		return tips, err
	}
}

func TestTheSuiteCatchesWrongTips(t *testing.T) {
	suite.Catch(t, chattest.BrokerCases(), wrongsAboutTips)
}

// A broker without the capability answers the same.
func TestTipsOfABrokerWithoutThem(t *testing.T) {
	cases := slices.DeleteFunc(chattest.BrokerCases(), func(c chattest.Case) bool { return !strings.HasPrefix(c.Name, "tips") })
	if len(cases) != 4 {
		t.Fatal(len(cases))
	}
	suite.Run(t, cases, at(func() *wrong { return &wrong{} }))
}
