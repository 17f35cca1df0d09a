package chattest_test

import (
	"context"
	"errors"
	"slices"
	"sync/atomic"
	"testing"

	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/chat/chattest"
	"github.com/parlor-chat/parlor/drivers/memory"
	"github.com/parlor-chat/parlor/internal/suite"
)

// forgetful is a wrong broker whose memory may be lost.
type forgetful struct {
	*wrong
	chat.Forgetful
	lost    *atomic.Bool
	putBack func(f *forgetful, ctx context.Context, memory string, events []chat.Event, doubtful []chat.RoomID) error
	reopen  func(f *forgetful, ctx context.Context, memory string, room chat.RoomID, r chat.Restored) error
	opener  func(func(context.Context, chat.RoomID) error) func(context.Context, chat.RoomID) error
}

func (f *forgetful) PutBack(ctx context.Context, memory string, events []chat.Event, doubtful ...chat.RoomID) error {
	if f.putBack != nil {
		return f.putBack(f, ctx, memory, events, doubtful)
	}
	return f.Forgetful.PutBack(ctx, memory, events, doubtful...)
}

func (f *forgetful) Reopen(ctx context.Context, memory string, room chat.RoomID, r chat.Restored) error {
	if f.reopen != nil {
		return f.reopen(f, ctx, memory, room, r)
	}
	return f.Forgetful.Reopen(ctx, memory, room, r)
}

func (f *forgetful) Opener(open func(context.Context, chat.RoomID) error) {
	if f.opener != nil {
		open = f.opener(open)
	}
	f.Forgetful.Opener(open)
}

// losing makes sites whose broker is wrong about losses.
func losing(fault func(lost *atomic.Bool) *forgetful) func(testing.TB) *chattest.Site {
	return func(testing.TB) *chattest.Site {
		place := memory.New(nil)
		var lost atomic.Bool
		return &chattest.Site{
			Open: func(context.Context) (chat.Broker, func() error, error) {
				s := place.Reopen()
				f := fault(&lost)
				if f.wrong == nil {
					f.wrong = &wrong{}
				}
				f.wrong.Broker, f.Forgetful, f.lost = s.Broker(), s.Broker().(chat.Forgetful), &lost
				return f, s.Close, nil
			},
			Lose: func(n int) { place.Lose(n); lost.Store(true) },
		}
	}
}

var wrongsAboutLoss = []suite.Wrong[*chattest.Site]{
	{Name: "goes on as if nothing was", Case: "a loss closes every room", At: func(testing.TB) *chattest.Site {
		place := memory.New(nil)
		return &chattest.Site{
			Open: func(context.Context) (chat.Broker, func() error, error) {
				s := place.Reopen()
				return s.Broker(), s.Close, nil
			},
			Lose: func(int) {},
		}
	}},
	{Name: "an unknown room is a new one", Case: "a loss closes every room", At: losing(func(*atomic.Bool) *forgetful {
		return &forgetful{wrong: &wrong{recent: func(ctx context.Context, right chat.Broker, room chat.RoomID, r chat.Range) (chat.Head, error) {
			h, err := right.Recent(ctx, room, r)
			if room.Key == "lobby" {
				return chat.Head{}, nil
			}
			return h, err
		}}}
	})},
	{Name: "asks no opener", Case: "the opener is asked and the call goes on", At: losing(func(*atomic.Bool) *forgetful {
		return &forgetful{opener: func(func(context.Context, chat.RoomID) error) func(context.Context, chat.RoomID) error { return nil }}
	})},
	{Name: "takes an opener's failure for success", Case: "the opener is asked and the call goes on", At: losing(func(*atomic.Bool) *forgetful {
		return &forgetful{opener: func(open func(context.Context, chat.RoomID) error) func(context.Context, chat.RoomID) error {
			return func(ctx context.Context, room chat.RoomID) error { open(ctx, room); return nil }
		}}
	})},
	{Name: "loses the first that is put back", Case: "what is put back lies where it lay", At: losing(func(*atomic.Bool) *forgetful {
		return &forgetful{putBack: func(f *forgetful, ctx context.Context, memory string, events []chat.Event, doubtful []chat.RoomID) error {
			return f.Forgetful.PutBack(ctx, memory, events[1:], doubtful...)
		}}
	})},
	{Name: "forgets what survived", Case: "what survived and what is put back make one log", At: losing(func(*atomic.Bool) *forgetful {
		return &forgetful{reopen: func(f *forgetful, ctx context.Context, memory string, room chat.RoomID, r chat.Restored) error {
			r.Events = r.Events[min(5, len(r.Events)):]
			return f.Forgetful.Reopen(ctx, memory, room, r)
		}}
	})},
	{Name: "forgets ids with the rest", Case: "ids are known after a loss", At: losing(func(lost *atomic.Bool) *forgetful {
		return &forgetful{wrong: &wrong{publish: func(ctx context.Context, right chat.Broker, events []chat.Event) ([]chat.Receipt, error) {
			if lost.Load() {
				events = slices.Clone(events)
				for i := range events {
					events[i].ID = chat.NewID()
				}
			}
			return right.Publish(ctx, events)
		}}}
	})},
	{Name: "knows ids of its head only", Case: "ids of what only the archive has are known after a loss", At: losing(func(*atomic.Bool) *forgetful {
		return &forgetful{reopen: func(f *forgetful, ctx context.Context, memory string, room chat.RoomID, r chat.Restored) error {
			r.Known = nil
			return f.Forgetful.Reopen(ctx, memory, room, r)
		}}
	})},
	{Name: "takes what was emptied for something else", Case: "ids of what only the archive has are known after a loss", At: losing(func(*atomic.Bool) *forgetful {
		return &forgetful{reopen: func(f *forgetful, ctx context.Context, memory string, room chat.RoomID, r chat.Restored) error {
			for i := range r.Known {
				if r.Known[i].Digest == [16]byte{} {
					r.Known[i].Digest[0] = 1
				}
			}
			return f.Forgetful.Reopen(ctx, memory, room, r)
		}}
	})},
	{Name: "uses positions of a void", Case: "positions in a void are never used", At: losing(func(*atomic.Bool) *forgetful {
		return &forgetful{reopen: func(f *forgetful, ctx context.Context, memory string, room chat.RoomID, r chat.Restored) error {
			r.Events = slices.DeleteFunc(r.Events, func(e chat.Event) bool { return e.Kind() == chat.KindVoid })
			return f.Forgetful.Reopen(ctx, memory, room, r)
		}}
	})},
	{Name: "delivers no void", Case: "positions in a void are never used", At: losing(func(*atomic.Bool) *forgetful {
		return &forgetful{wrong: withSink(sink{events: func(right chat.Sink, e []chat.Event) {
			if e = slices.DeleteFunc(slices.Clone(e), func(e chat.Event) bool { return e.Kind() == chat.KindVoid }); len(e) > 0 {
				right.Events(e)
			}
		}})()}
	})},
	{Name: "delivers all again after a loss", Case: "a stream goes on over a loss", At: losing(func(lost *atomic.Bool) *forgetful {
		var before []chat.Event
		return &forgetful{wrong: withSink(sink{events: func(right chat.Sink, e []chat.Event) {
			if lost.Swap(false) {
				right.Events(before)
			}
			before = append(before, e...)
			right.Events(e)
		}})()}
	})},
	{Name: "goes on with the newest", Case: "what nobody had heard is delivered when it is put back", At: losing(func(*atomic.Bool) *forgetful {
		return &forgetful{wrong: withSink(sink{events: func(right chat.Sink, e []chat.Event) { right.Events(e[len(e)-1:]) }})()}
	})},
	{Name: "opens whatever was put back meanwhile", Case: "a room isn't opened behind the back of what is put back", At: losing(func(*atomic.Bool) *forgetful {
		return &forgetful{reopen: func(f *forgetful, ctx context.Context, memory string, room chat.RoomID, r chat.Restored) error {
			left, err := f.Remains(ctx, room)
			if err != nil {
				return err
			}
			r.Version = left.Version
			return f.Forgetful.Reopen(ctx, memory, room, r)
		}}
	})},
	{Name: "takes any memory for its own", Case: "another memory is refused", At: losing(func(*atomic.Bool) *forgetful {
		return &forgetful{putBack: func(f *forgetful, ctx context.Context, _ string, events []chat.Event, doubtful []chat.RoomID) error {
			memory, err := f.Memory(ctx)
			if err != nil {
				return err
			}
			return f.Forgetful.PutBack(ctx, memory, events, doubtful...)
		}}
	})},
	{Name: "opens open rooms", Case: "an open room stays as it is", At: losing(func(*atomic.Bool) *forgetful {
		n := 0
		return &forgetful{
			wrong: &wrong{recent: func(ctx context.Context, right chat.Broker, room chat.RoomID, r chat.Range) (chat.Head, error) {
				h, err := right.Recent(ctx, room, r)
				if n > 1 {
					h = chat.Head{}
				}
				return h, err
			}},
			reopen: func(f *forgetful, ctx context.Context, memory string, room chat.RoomID, r chat.Restored) error {
				n++
				return f.Forgetful.Reopen(ctx, memory, room, r)
			}}
	})},
	{Name: "is silent about what comes too late", Case: "what is put back too late is told", At: losing(func(*atomic.Bool) *forgetful {
		return &forgetful{putBack: func(f *forgetful, ctx context.Context, memory string, events []chat.Event, doubtful []chat.RoomID) error {
			err := f.Forgetful.PutBack(ctx, memory, events, doubtful...)
			var late *chat.BatchError
			if errors.As(err, &late) {
				return nil
			}
			return err
		}}
	})},
	{Name: "one that comes too late fails the others", Case: "what is put back too late is told", At: losing(func(*atomic.Bool) *forgetful {
		return &forgetful{putBack: func(f *forgetful, ctx context.Context, memory string, events []chat.Event, doubtful []chat.RoomID) error {
			for i := range events {
				left, err := f.Remains(ctx, events[i].Room)
				if err != nil {
					return err
				}
				if left.Open {
					var late *chat.BatchError
					return late.Fail(i, &chat.Error{Kind: chat.ErrConflict, Op: "put back", Field: "room"})
				}
			}
			return f.Forgetful.PutBack(ctx, memory, events, doubtful...)
		}}
	})},
	{Name: "an old cursor goes on", Case: "changed tells of rooms that lost events", At: losing(func(lost *atomic.Bool) *forgetful {
		return &forgetful{wrong: &wrong{changed: func(ctx context.Context, right chat.Broker, shard int, after string, limit int) ([]chat.Position, string, error) {
			if lost.Load() {
				after = ""
			}
			return right.Changed(ctx, shard, after, limit)
		}}}
	})},
	{Name: "tells nothing of what was put back", Case: "changed tells of rooms that lost events", At: losing(func(lost *atomic.Bool) *forgetful {
		return &forgetful{wrong: &wrong{changed: func(ctx context.Context, right chat.Broker, shard int, after string, limit int) ([]chat.Position, string, error) {
			p, next, err := right.Changed(ctx, shard, after, limit)
			if lost.Load() {
				p = nil
			}
			return p, next, err
		}}}
	})},
	{Name: "tells of what was put back last", Case: "changed tells of rooms that lost events", At: losing(func(lost *atomic.Bool) *forgetful {
		var last atomic.Int64
		f := &forgetful{wrong: &wrong{changed: func(ctx context.Context, right chat.Broker, shard int, after string, limit int) ([]chat.Position, string, error) {
			p, next, err := right.Changed(ctx, shard, after, limit)
			for i := range p {
				if lost.Load() {
					p[i].Seq = min(p[i].Seq, chat.Seq(last.Load()))
				}
			}
			return p, next, err
		}}}
		f.putBack = func(f *forgetful, ctx context.Context, memory string, events []chat.Event, doubtful []chat.RoomID) error {
			last.Store(int64(events[len(events)-1].Seq))
			return f.Forgetful.PutBack(ctx, memory, events, doubtful...)
		}
		return f
	})},
	{Name: "its clock alone decides after a loss", Case: "times never fall over a loss", At: losing(func(lost *atomic.Bool) *forgetful {
		return &forgetful{wrong: &wrong{publish: func(ctx context.Context, right chat.Broker, events []chat.Event) ([]chat.Receipt, error) {
			r, err := right.Publish(ctx, events)
			for i := range r {
				if lost.Load() {
					r[i].At = r[i].At.Add(-2 * 3600e9)
				}
			}
			return r, err
		}}}
	})},
}

func TestTheSuiteCatchesWhoIsWrongAboutLoss(t *testing.T) {
	suite.Catch(t, chattest.BrokerCases(), wrongsAboutLoss)
}
