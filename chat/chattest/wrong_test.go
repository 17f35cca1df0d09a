package chattest_test

import (
	"context"
	"errors"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/chat/chattest"
	"github.com/parlor-chat/parlor/drivers/memory"
	"github.com/parlor-chat/parlor/internal/suite"
)

// wrong is a broker with some methods replaced. Nil ones are right.
type wrong struct {
	chat.Broker
	publish  func(ctx context.Context, right chat.Broker, events []chat.Event) ([]chat.Receipt, error)
	recent   func(ctx context.Context, right chat.Broker, room chat.RoomID, r chat.Range) (chat.Head, error)
	sink     func(chat.Sink) chat.Sink
	link     func(chat.Link) chat.Link
	changed  func(ctx context.Context, right chat.Broker, shard int, after string, limit int) ([]chat.Position, string, error)
	archived func(ctx context.Context, right chat.Broker, upTo []chat.Position) error
	signal   func(ctx context.Context, right chat.Broker, s chat.Signal) error
}

func (w *wrong) Publish(ctx context.Context, events []chat.Event) ([]chat.Receipt, error) {
	if w.publish != nil {
		return w.publish(ctx, w.Broker, events)
	}
	return w.Broker.Publish(ctx, events)
}

func (w *wrong) Recent(ctx context.Context, room chat.RoomID, r chat.Range) (chat.Head, error) {
	if w.recent != nil {
		return w.recent(ctx, w.Broker, room, r)
	}
	return w.Broker.Recent(ctx, room, r)
}

func (w *wrong) Attach(ctx context.Context, node string, s chat.Sink) (chat.Link, error) {
	if w.sink != nil {
		s = w.sink(s)
	}
	l, err := w.Broker.Attach(ctx, node, s)
	if err == nil && w.link != nil {
		l = w.link(l)
	}
	return l, err
}

func (w *wrong) Changed(ctx context.Context, shard int, after string, limit int) ([]chat.Position, string, error) {
	if w.changed != nil {
		return w.changed(ctx, w.Broker, shard, after, limit)
	}
	return w.Broker.Changed(ctx, shard, after, limit)
}

func (w *wrong) Archived(ctx context.Context, upTo ...chat.Position) error {
	if w.archived != nil {
		return w.archived(ctx, w.Broker, upTo)
	}
	return w.Broker.Archived(ctx, upTo...)
}

func (w *wrong) Signal(ctx context.Context, s chat.Signal) error {
	if w.signal != nil {
		return w.signal(ctx, w.Broker, s)
	}
	return w.Broker.Signal(ctx, s)
}

// at makes sites whose every node is wrong in the same way.
func at(fault func() *wrong) func(testing.TB) *chattest.Site {
	return func(testing.TB) *chattest.Site {
		var skew atomic.Int64
		place := memory.New(&memory.Options{Now: func() time.Time { return time.Now().Add(time.Duration(skew.Load())) }})
		return &chattest.Site{
			Open: func(context.Context) (chat.Broker, func() error, error) {
				s := place.Reopen()
				w := fault()
				w.Broker = s.Broker()
				return w, s.Close, nil
			},
			Skew: func(d time.Duration) { skew.Add(int64(d)) },
		}
	}
}

// sink is a sink with some methods replaced.
type sink struct {
	chat.Sink
	events func(right chat.Sink, events []chat.Event)
	gap    func(right chat.Sink, room chat.RoomID, from, to chat.Seq)
}

func (s *sink) Events(e []chat.Event) {
	if s.events != nil {
		s.events(s.Sink, e)
		return
	}
	s.Sink.Events(e)
}

func (s *sink) Gap(room chat.RoomID, from, to chat.Seq) {
	if s.gap != nil {
		s.gap(s.Sink, room, from, to)
		return
	}
	s.Sink.Gap(room, from, to)
}

func withSink(s sink) func() *wrong {
	return func() *wrong {
		return &wrong{sink: func(right chat.Sink) chat.Sink {
			s := s
			s.Sink = right
			return &s
		}}
	}
}

func publishing(f func(ctx context.Context, right chat.Broker, events []chat.Event) ([]chat.Receipt, error)) func() *wrong {
	return func() *wrong { return &wrong{publish: f} }
}

func recalling(f func(chat.Head, chat.Range) chat.Head) func() *wrong {
	return func() *wrong {
		return &wrong{recent: func(ctx context.Context, right chat.Broker, room chat.RoomID, r chat.Range) (chat.Head, error) {
			h, err := right.Recent(ctx, room, r)
			return f(h, r), err
		}}
	}
}

// openLink is a link whose Close does nothing.
type openLink struct{ chat.Link }

func (openLink) Close() error { return nil }

// deafUnsubscribe is a link that goes on hearing.
type deafUnsubscribe struct{ chat.Link }

func (deafUnsubscribe) Unsubscribe(...chat.RoomID) {}

// everything subscribes to more than it was asked for.
type everything struct{ chat.Link }

func (e everything) Subscribe(ctx context.Context, rooms ...chat.RoomID) ([]chat.Seq, error) {
	if _, err := e.Link.Subscribe(ctx, chat.RoomID{Tenant: "acme", Key: "lobby"}, chat.RoomID{Tenant: "evil", Key: "kitchen"}); err != nil {
		return nil, err
	}
	return e.Link.Subscribe(ctx, rooms...)
}

var wrongs = []suite.Wrong[*chattest.Site]{
	{Name: "loses one in a thousand", Case: "seq is dense from 1", At: at(func() *wrong {
		n := 0
		return &wrong{publish: func(ctx context.Context, right chat.Broker, events []chat.Event) ([]chat.Receipt, error) {
			var all []chat.Receipt
			for i := range events {
				if n++; n%1000 == 0 { // acknowledged, and gone
					all = append(all, all[len(all)-1])
					continue
				}
				r, err := right.Publish(ctx, events[i:i+1])
				if err != nil {
					return all, err
				}
				all = append(all, r...)
			}
			return all, nil
		}}
	})},
	{Name: "numbers by node", Case: "two nodes share one order", At: at(func() *wrong {
		own := memory.New(nil).Broker()
		return &wrong{publish: func(ctx context.Context, _ chat.Broker, e []chat.Event) ([]chat.Receipt, error) {
			return own.Publish(ctx, e)
		},
			recent: func(ctx context.Context, _ chat.Broker, room chat.RoomID, r chat.Range) (chat.Head, error) {
				return own.Recent(ctx, room, r)
			}}
	})},
	{Name: "counts everything as text", Case: "text seq counts texts only", At: at(publishing(func(ctx context.Context, right chat.Broker, events []chat.Event) ([]chat.Receipt, error) {
		r, err := right.Publish(ctx, events)
		for i := range r {
			r[i].TextSeq = int64(r[i].Seq)
		}
		return r, err
	}))},
	{Name: "one counter for all rooms", Case: "rooms count for themselves", At: at(func() *wrong {
		n := chat.Seq(0)
		return &wrong{publish: func(ctx context.Context, right chat.Broker, events []chat.Event) ([]chat.Receipt, error) {
			r, err := right.Publish(ctx, events)
			for i := range r {
				n++
				r[i].Seq = n
			}
			return r, err
		}}
	})},
	{Name: "a retry is a new event", Case: "once by id", At: at(publishing(func(ctx context.Context, right chat.Broker, events []chat.Event) ([]chat.Receipt, error) {
		events = slices.Clone(events)
		for i := range events {
			events[i].ID = chat.NewID()
		}
		return right.Publish(ctx, events)
	}))},
	{Name: "knows ids of its own node only", Case: "once by id on another node", At: at(func() *wrong {
		mine := map[chat.EventID]bool{}
		return &wrong{publish: func(ctx context.Context, right chat.Broker, events []chat.Event) ([]chat.Receipt, error) {
			events = slices.Clone(events)
			for i := range events {
				if !mine[events[i].ID] {
					mine[events[i].ID] = true
					events[i].ID = chat.NewID()
				}
			}
			return right.Publish(ctx, events)
		}}
	})},
	{Name: "takes another body for a retry", Case: "another body under an id is a conflict", At: at(publishing(func(ctx context.Context, right chat.Broker, events []chat.Event) ([]chat.Receipt, error) {
		r, err := right.Publish(ctx, events)
		var failed *chat.BatchError
		if errors.As(err, &failed) {
			for i := range failed.Items {
				r[i] = chat.Receipt{ID: events[i].ID, State: chat.Placed, Seq: 1, Duplicate: true}
			}
			err = nil
		}
		return r, err
	}))},
	{Name: "forgets ids after an hour", Case: "an id is remembered for a day", At: func(t testing.TB) *chattest.Site {
		var skew atomic.Int64
		place := memory.New(&memory.Options{Remember: time.Hour, Now: func() time.Time { return time.Now().Add(time.Duration(skew.Load())) }})
		return &chattest.Site{
			Open: func(context.Context) (chat.Broker, func() error, error) {
				s := place.Reopen()
				return s.Broker(), s.Close, nil
			},
			Skew: func(d time.Duration) { skew.Add(int64(d)) },
		}
	}},
	{Name: "names the wrong item", Case: "a failed item is named and the others are placed", At: at(publishing(func(ctx context.Context, right chat.Broker, events []chat.Event) ([]chat.Receipt, error) {
		r, err := right.Publish(ctx, events)
		var failed *chat.BatchError
		if errors.As(err, &failed) {
			moved := &chat.BatchError{Items: map[int]error{}}
			for i, e := range failed.Items {
				moved.Items[i+1] = e
			}
			err = moved
		}
		return r, err
	}))},
	{Name: "one failure fails the batch", Case: "a failed item is named and the others are placed", At: at(publishing(func(ctx context.Context, right chat.Broker, events []chat.Event) ([]chat.Receipt, error) {
		for i := range events {
			if _, err := right.Publish(ctx, events[i:i+1]); err != nil {
				return nil, err
			}
		}
		return make([]chat.Receipt, len(events)), nil
	}))},
	{Name: "takes any batch", Case: "a batch over the limit places nothing", At: at(publishing(func(ctx context.Context, right chat.Broker, events []chat.Event) ([]chat.Receipt, error) {
		var all []chat.Receipt
		for part := range slices.Chunk(events, chat.MaxBatch) {
			r, err := right.Publish(ctx, part)
			if err != nil {
				return all, err
			}
			all = append(all, r...)
		}
		return all, nil
	}))},
	{Name: "ignores the context", Case: "a done context does nothing", At: at(publishing(func(ctx context.Context, right chat.Broker, events []chat.Event) ([]chat.Receipt, error) {
		return right.Publish(context.WithoutCancel(ctx), events)
	}))},
	{Name: "a cancelled publish leaves a hole", Case: "a cancelled publish leaves no hole", At: at(func() *wrong {
		return &wrong{
			publish: func(ctx context.Context, right chat.Broker, events []chat.Event) ([]chat.Receipt, error) {
				r, err := right.Publish(context.WithoutCancel(ctx), events)
				if ctx.Err() != nil {
					return nil, ctx.Err()
				}
				return r, err
			},
			// What a cancelled call placed is not shown: its positions are holes.
			recent: func(ctx context.Context, right chat.Broker, room chat.RoomID, r chat.Range) (chat.Head, error) {
				h, err := right.Recent(ctx, room, r)
				if len(h.Events) > 3 && h.Events[0].Seq == 1 {
					h.Events = h.Events[3:]
				}
				return h, err
			}}
	})},
	{Name: "mixes tenants", Case: "tenants never mix", At: at(publishing(func(ctx context.Context, right chat.Broker, events []chat.Event) ([]chat.Receipt, error) {
		events = slices.Clone(events)
		for i := range events {
			events[i].Room = joined(events[i].Room)
		}
		return right.Publish(ctx, events)
	}))},
	{Name: "loses extensions", Case: "what was placed is read back whole", At: at(recalling(func(h chat.Head, _ chat.Range) chat.Head {
		for i := range h.Events {
			h.Events[i].Extensions = nil
		}
		return h
	}))},
	{Name: "the clock decides", Case: "times never fall", At: at(recalling(func(h chat.Head, _ chat.Range) chat.Head {
		for i := range h.Events {
			h.Events[i].At = h.Events[i].At.Add(-time.Duration(i) * time.Hour)
		}
		return h
	}))},
	{Name: "an import is of today", Case: "an imported event keeps its time", At: at(publishing(func(ctx context.Context, right chat.Broker, events []chat.Event) ([]chat.Receipt, error) {
		events = slices.Clone(events)
		for i := range events {
			events[i].Origin = nil
		}
		return right.Publish(ctx, events)
	}))},
	{Name: "a short page", Case: "recent reads every edge", At: at(recalling(func(h chat.Head, r chat.Range) chat.Head {
		if len(h.Events) == r.Limit() && r.Limit() > 5 {
			h.Events = h.Events[1:]
		}
		return h
	}))},
	{Name: "before includes its seq", Case: "recent reads every edge", At: at(func() *wrong {
		return &wrong{recent: func(ctx context.Context, right chat.Broker, room chat.RoomID, r chat.Range) (chat.Head, error) {
			if r.Anchor() == chat.AnchorBefore {
				r = chat.Before(r.Seq()+1, r.Limit()).All()
			}
			return right.Recent(ctx, room, r)
		}}
	})},
	{Name: "forgets what isn't archived", Case: "the head keeps what the archive doesn't show", At: at(recalling(func(h chat.Head, _ chat.Range) chat.Head {
		if n := len(h.Events) - 5*chat.HeadSize; n > 0 {
			h.Events = h.Events[n:]
			h.First = h.Events[0].Seq
		}
		return h
	}))},
	{Name: "says that all is archived", Case: "archived only rises", At: at(recalling(func(h chat.Head, _ chat.Range) chat.Head {
		h.Archived = h.Last
		return h
	}))},
	{Name: "forgets all that is archived", Case: "the head keeps the newest though archived", At: at(func() *wrong {
		var upTo chat.Seq
		return &wrong{
			archived: func(ctx context.Context, right chat.Broker, p []chat.Position) error {
				upTo = p[0].Seq
				return right.Archived(ctx, p...)
			},
			recent: func(ctx context.Context, right chat.Broker, room chat.RoomID, r chat.Range) (chat.Head, error) {
				h, err := right.Recent(ctx, room, r)
				h.Events = slices.DeleteFunc(h.Events, func(e chat.Event) bool { return e.Seq <= upTo })
				return h, err
			}}
	})},
	{Name: "believes any news of the archive", Case: "archived refuses what isn't placed", At: at(func() *wrong {
		return &wrong{archived: func(ctx context.Context, right chat.Broker, p []chat.Position) error {
			err := right.Archived(ctx, p...)
			var failed *chat.BatchError
			if errors.As(err, &failed) {
				return nil
			}
			return err
		}}
	})},
	{Name: "delivers twice", Case: "every node gets every event in order", At: at(withSink(sink{events: func(right chat.Sink, e []chat.Event) {
		right.Events(e)
		right.Events(e[len(e)-1:])
	}}))},
	{Name: "reorders a delivery", Case: "a batch larger than one delivery arrives whole", At: at(withSink(sink{events: func(right chat.Sink, e []chat.Event) {
		e = slices.Clone(e)
		slices.Reverse(e)
		right.Events(e)
	}}))},
	{Name: "delivers what was before", Case: "delivery begins where subscribe says", At: at(func() *wrong {
		return &wrong{link: func(l chat.Link) chat.Link { return early{l} }}
	})},
	{Name: "delivers all rooms", Case: "rooms that aren't subscribed to are silent", At: at(func() *wrong {
		return &wrong{link: func(l chat.Link) chat.Link { return everything{l} }}
	})},
	{Name: "delivers to other tenants", Case: "tenants don't hear each other", At: at(func() *wrong {
		return &wrong{link: func(l chat.Link) chat.Link { return everything{l} }}
	})},
	{Name: "can't unsubscribe", Case: "unsubscribing ends delivery", At: at(func() *wrong {
		return &wrong{link: func(l chat.Link) chat.Link { return deafUnsubscribe{l} }}
	})},
	{Name: "swallows gaps", Case: "what the head forgot is told as a gap", At: at(withSink(sink{gap: func(chat.Sink, chat.RoomID, chat.Seq, chat.Seq) {}}))},
	{Name: "delivers after close", Case: "a closed link delivers no more", At: at(func() *wrong {
		return &wrong{link: func(l chat.Link) chat.Link { return openLink{l} }}
	})},
	{Name: "a signal is an event", Case: "signals reach subscribers and are not stored", At: at(func() *wrong {
		return &wrong{signal: func(ctx context.Context, right chat.Broker, s chat.Signal) error {
			_, err := right.Publish(ctx, []chat.Event{{ID: chat.NewID(), Room: s.Room, Sender: s.From, Content: &chat.Notice{What: s.Name}}})
			return errors.Join(err, right.Signal(ctx, s))
		}}
	})},
	{Name: "misses the last change", Case: "changed tells of every room since a cursor", At: at(func() *wrong {
		return &wrong{changed: func(ctx context.Context, right chat.Broker, shard int, after string, limit int) ([]chat.Position, string, error) {
			p, next, err := right.Changed(ctx, shard, after, limit)
			if len(p) > 1 {
				p = p[:len(p)-1]
			}
			return p, next, err
		}}
	})},
	{Name: "starts at now without a cursor", Case: "changed from the start covers what isn't archived", At: at(func() *wrong {
		return &wrong{changed: func(ctx context.Context, right chat.Broker, shard int, after string, limit int) ([]chat.Position, string, error) {
			p, next, err := right.Changed(ctx, shard, after, limit)
			if after == "" {
				p = nil
			}
			return p, next, err
		}}
	})},
	{Name: "starts over where it doesn't know the cursor", Case: "changed refuses a cursor that it doesn't know", At: at(func() *wrong {
		return &wrong{changed: func(ctx context.Context, right chat.Broker, shard int, after string, limit int) ([]chat.Position, string, error) {
			p, next, err := right.Changed(ctx, shard, after, limit)
			if errors.Is(err, chat.ErrExpired) {
				return right.Changed(ctx, shard, "", limit)
			}
			return p, next, err
		}}
	})},
	{Name: "lost at reopen", Case: "everything is there after reopening", At: func(testing.TB) *chattest.Site {
		return &chattest.Site{Open: func(context.Context) (chat.Broker, func() error, error) {
			s := memory.New(nil)
			return s.Broker(), s.Close, nil
		}}
	}},
	{Name: "works when closed", Case: "a closed broker says so", At: func(testing.TB) *chattest.Site {
		place := memory.New(nil)
		return &chattest.Site{Open: func(context.Context) (chat.Broker, func() error, error) {
			return place.Broker(), func() error { return nil }, nil
		}}
	}},
}

// joined puts tenant and key into one string, and so makes some rooms one.
func joined(r chat.RoomID) chat.RoomID {
	return chat.RoomID{Tenant: "all", Key: r.Key}
}

// early says that delivery begins later than it does.
type early struct{ chat.Link }

func (e early) Subscribe(ctx context.Context, rooms ...chat.RoomID) ([]chat.Seq, error) {
	from, err := e.Link.Subscribe(ctx, rooms...)
	for i := range from {
		from[i]++
	}
	return from, err
}

func TestTheSuiteCatches(t *testing.T) { suite.Catch(t, chattest.BrokerCases(), wrongs) }
