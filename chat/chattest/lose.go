package chattest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/internal/suite"
)

// loseCases are those of [chat.Forgetful].
var loseCases = []Case{
	{Name: "a loss closes every room", Why: "whoever writes on into a log that lost its end gives positions away twice", Run: lossy(lossCloses)},
	{Name: "the opener is asked and the call goes on", Why: "callers need not know that something was lost", Run: lossy(openerAsked)},
	{Name: "what is put back lies where it lay", Why: "nobody sees a position that is taken back", Run: lossy(putBack)},
	{Name: "what survived and what is put back make one log", Why: "a copy that is a little behind has most of it", Run: lossy(survived)},
	{Name: "ids are known after a loss", Why: "a retry across a failover must not be said twice", Run: lossy(idsKnown)},
	{Name: "ids of what only the archive has are known after a loss", Why: "a head is short, and a retry may come a day later", Run: lossy(olderIDsKnown)},
	{Name: "positions in a void are never used", Why: "they may have been given away, and seen", Run: lossy(voidUnused)},
	{Name: "a stream goes on over a loss", Why: "nothing twice and nothing missing, though a server was replaced", Run: lossy(streamGoesOn)},
	{Name: "what nobody had heard is delivered when it is put back", Why: "it was acknowledged", Run: lossy(putBackDelivered)},
	{Name: "a room isn't opened behind the back of what is put back", Why: "an event that comes a moment late must not be left out", Run: lossy(lateReturn)},
	{Name: "another memory is refused", Why: "a node that slept must not mend what is lost again", Run: lossy(otherMemory)},
	{Name: "an open room stays as it is", Why: "two nodes may open it at once", Run: lossy(openStays)},
	{Name: "what is put back too late is told", Why: "whoever takes it for put back never places it again", Run: lossy(backTooLate)},
	{Name: "changed tells of rooms that lost events", Why: "followers find what they missed by it", Run: lossy(changedAfterLoss)},
	{Name: "times never fall over a loss", Why: "time may order nothing, but must not contradict", Run: lossy(timesAfterLoss)},
}

// lossy runs a case at a broker that can be made to lose its newest events, or with
// n below 0 all.
func lossy(run func(ctx context.Context, b chat.Broker, lose func(n int)) error) func(context.Context, *Site) error {
	return func(ctx context.Context, s *Site) error {
		return one(func(ctx context.Context, b chat.Broker) error {
			_, err := chat.Memory(ctx, b)
			switch {
			case errors.Is(err, errors.ErrUnsupported):
				return suite.Skip("its memory can't be lost")
			case err != nil:
				return err
			case s.Lose == nil:
				return suite.Skip("the site can't lose its memory")
			}
			return run(ctx, b, func(n int) {
				s.Lose(n)
				if k, err := chat.AsKeeper(b); err == nil { // a journal is told, and publishes on
					memory, err := chat.Memory(ctx, b)
					if err == nil {
						err = k.Begin(ctx, memory)
					}
					if err != nil {
						panic(err) // suite.Case turns it into a failure
					}
				}
			})
		})(ctx, s)
	}
}

// again is how many of n lost events come again: a journal has them.
func again(b chat.Broker, n int) int {
	if _, err := chat.AsKeeper(b); err == nil {
		return n
	}
	return 0
}

// reopen opens a room with what is left of it.
func reopen(ctx context.Context, b chat.Broker, room chat.RoomID, doubt bool) error {
	memory, err := chat.Memory(ctx, b)
	if err != nil {
		return err
	}
	left, err := chat.ReadRemains(ctx, b, room)
	if err != nil || left.Open {
		return err
	}
	var n int64
	if doubt || left.Doubt {
		n = 1
	}
	events := chat.Rejoin(room, nil, left.Events, n, time.Now())
	return chat.Reopen(ctx, b, memory, room, chat.Restored{Version: left.Version, Events: events})
}

// back puts events back and opens their room.
func back(ctx context.Context, b chat.Broker, events []chat.Event, doubt bool) error {
	memory, err := chat.Memory(ctx, b)
	if err := first(err, chat.PutBack(ctx, b, memory, events)); err != nil {
		return err
	}
	return reopen(ctx, b, events[0].Room, doubt)
}

// isClosed says whether an error is that of a closed room.
func isClosed(err error) bool {
	var e *chat.Error
	return errors.As(err, &e) && errors.Is(err, chat.ErrUnavailable) && e.Field == "memory"
}

func lossCloses(ctx context.Context, b chat.Broker, lose func(int)) error {
	_, l, err := attach(ctx, b, "one", kitchen)
	if err != nil {
		return err
	}
	defer l.Close()
	was, err := chat.Memory(ctx, b)
	if err := first(err, fill(ctx, b, kitchen, 10)); err != nil {
		return err
	}
	for _, n := range []int{3, -1, 0} {
		lose(n)
		now, err := chat.Memory(ctx, b)
		switch {
		case err != nil:
			return err
		case now == was:
			return fmt.Errorf("after a loss of %d it says to have the same memory", n)
		}
		was = now
		for _, room := range []chat.RoomID{kitchen, lobby} {
			if _, err := b.Recent(ctx, room, chat.Latest(1).All()); !isClosed(err) {
				return fmt.Errorf("after a loss of %d, recent of %v: %v", n, room, err)
			}
			if _, err := chat.Tips(ctx, b, []chat.RoomID{room}); !isClosed(err) {
				return fmt.Errorf("after a loss of %d, tips of %v: %v", n, room, err)
			}
			if err := b.Archived(ctx, chat.Position{Room: room, Seq: 1}); !isClosed(err) {
				return fmt.Errorf("after a loss of %d, archived: %v", n, err)
			}
			r, err := b.Publish(ctx, texts(room, 1))
			if !isClosed(err) && (err != nil || r[0].State != chat.Pending) {
				return fmt.Errorf("after a loss of %d, publish: %v, %+v", n, err, r)
			}
		}
		if _, err := l.Subscribe(ctx, lobby); !isClosed(err) {
			return fmt.Errorf("after a loss of %d, subscribe: %v", n, err)
		}
	}
	return nil
}

func openerAsked(ctx context.Context, b chat.Broker, lose func(int)) error {
	if err := fill(ctx, b, kitchen, 10); err != nil {
		return err
	}
	asked := 0
	chat.SetOpener(b, func(ctx context.Context, room chat.RoomID) error {
		asked++
		return reopen(ctx, b, room, false)
	})
	lose(3)
	r, err := b.Publish(ctx, texts(kitchen, 1))
	if err := first(err, want("the next seq", r[0].Seq, 8+chat.Seq(again(b, 3)))); err != nil {
		return err
	}
	_, err = b.Recent(ctx, kitchen, chat.Latest(1).All())
	if err := first(err, want("how often the opener was asked", asked, 1)); err != nil {
		return err
	}
	lose(3)
	if _, err := chat.Tips(ctx, b, []chat.RoomID{kitchen}); err != nil {
		return fmt.Errorf("tips of a room that can be opened: %w", err)
	}
	lose(-1)
	late := errors.New("not now")
	chat.SetOpener(b, func(context.Context, chat.RoomID) error { return late })
	if _, err := b.Recent(ctx, kitchen, chat.Latest(1).All()); !errors.Is(err, late) {
		return fmt.Errorf("the opener failed, and recent says %v", err)
	}
	return nil
}

// same says whether a room's log is as it was.
func same(ctx context.Context, b chat.Broker, was []chat.Event) error {
	now, err := log(ctx, b, was[0].Room)
	if err != nil {
		return err
	}
	if !slices.EqualFunc(now, was, func(a, b chat.Event) bool {
		return a.ID == b.ID && a.Seq == b.Seq && a.TextSeq == b.TextSeq && a.At.Equal(b.At) && a.Digest() == b.Digest()
	}) {
		return fmt.Errorf("the log isn't what it was: %d events, there were %d", len(now), len(was))
	}
	return nil
}

func putBack(ctx context.Context, b chat.Broker, lose func(int)) error {
	if err := fill(ctx, b, kitchen, 300); err != nil {
		return err
	}
	was, err := log(ctx, b, kitchen)
	if err != nil {
		return err
	}
	lose(-1)
	if err := first(back(ctx, b, was, false), same(ctx, b, was)); err != nil {
		return err
	}
	r, err := b.Publish(ctx, texts(kitchen, 1))
	return first(err, want("the next seq", r[0].Seq, 301), want("the next text seq", r[0].TextSeq, 301))
}

func survived(ctx context.Context, b chat.Broker, lose func(int)) error {
	if err := fill(ctx, b, kitchen, 10); err != nil {
		return err
	}
	was, err := log(ctx, b, kitchen)
	if err != nil {
		return err
	}
	lose(3)
	return first(back(ctx, b, was[5:], false), same(ctx, b, was))
}

func idsKnown(ctx context.Context, b chat.Broker, lose func(int)) error {
	events := texts(kitchen, 10)
	receipts, err := b.Publish(ctx, events)
	if err != nil {
		return err
	}
	was, err := log(ctx, b, kitchen)
	if err != nil {
		return err
	}
	lose(5)
	if err := back(ctx, b, was, true); err != nil {
		return err
	}
	again, err := b.Publish(ctx, events)
	if err != nil {
		return err
	}
	for i, r := range again {
		if !r.Duplicate || r.Seq != receipts[i].Seq || r.TextSeq != receipts[i].TextSeq {
			return fmt.Errorf("receipt %d was %+v and is %+v", i, receipts[i], r)
		}
	}
	other := events[7]
	other.Content = &chat.Text{Body: "something else"}
	if _, err := b.Publish(ctx, []chat.Event{other}); !errors.Is(err, chat.ErrConflict) {
		return fmt.Errorf("another text under a known id: %v", err)
	}
	return nil
}

func olderIDsKnown(ctx context.Context, b chat.Broker, lose func(int)) error {
	events := texts(kitchen, 10)
	receipts, err := b.Publish(ctx, events)
	if err != nil {
		return err
	}
	was, err := log(ctx, b, kitchen)
	if err != nil {
		return err
	}
	lose(-1)
	memory, err := chat.Memory(ctx, b)
	if err != nil {
		return err
	}
	r := chat.Restored{Archived: 10, Events: was[5:]}
	for i := range 5 {
		r.Known = append(r.Known, chat.Know(&was[4-i]))
	}
	r.Known[0].Digest = [16]byte{} // it was emptied
	if err := chat.Reopen(ctx, b, memory, kitchen, r); err != nil {
		return err
	}
	again, err := b.Publish(ctx, events)
	if err != nil {
		return err
	}
	for i, r := range again {
		if !r.Duplicate || r.Seq != receipts[i].Seq || r.TextSeq != receipts[i].TextSeq || !r.At.Equal(receipts[i].At) {
			return fmt.Errorf("receipt %d was %+v and is %+v", i, receipts[i], r)
		}
	}
	other := events[2]
	other.Content = &chat.Text{Body: "something else"}
	if _, err := b.Publish(ctx, []chat.Event{other}); !errors.Is(err, chat.ErrConflict) {
		return fmt.Errorf("another text under a known id: %v", err)
	}
	head, err := b.Recent(ctx, kitchen, chat.Latest(10).All())
	return first(err, want("the head's first", head.First, 6), want("the head's last", head.Last, 10))
}

func voidUnused(ctx context.Context, b chat.Broker, lose func(int)) error {
	n, l, err := attach(ctx, b, "one", kitchen)
	if err != nil {
		return err
	}
	defer l.Close()
	if err := fill(ctx, b, kitchen, 10); err != nil {
		return err
	}
	if _, err := n.wait(ctx, kitchen, 10); err != nil {
		return err
	}
	lose(3)
	if err := reopen(ctx, b, kitchen, true); err != nil {
		return err
	}
	r, err := b.Publish(ctx, texts(kitchen, 1))
	kept := again(b, 3)
	if err := first(err, want("the next seq", r[0].Seq, chat.VoidSpan+chat.Seq(kept)), want("the next text seq", r[0].TextSeq, 8+int64(kept))); err != nil {
		return err
	}
	for _, after := range []chat.Seq{7, 8, 10, 5000} {
		head, err := b.Recent(ctx, kitchen, chat.After(after, 10).All())
		if err != nil {
			return err
		}
		if len(head.Events) != 2+kept || head.Events[0].Seq != 8 || head.Events[0].Kind() != chat.KindVoid {
			return fmt.Errorf("after %d there are %d events, want the void and %d behind it", after, len(head.Events), 1+kept)
		}
	}
	if err := n.until(ctx, func() bool {
		got := n.got[kitchen]
		return len(got) > 0 && got[len(got)-1].Seq == r[0].Seq
	}); err != nil {
		return err
	}
	got := n.got[kitchen]
	if len(got) != 12+kept || got[10].Kind() != chat.KindVoid {
		return fmt.Errorf("%d events were delivered, want 10, the void, and %d", len(got), 1+kept)
	}
	return nil
}

func streamGoesOn(ctx context.Context, b chat.Broker, lose func(int)) error {
	n, l, err := attach(ctx, b, "one", kitchen)
	if err != nil {
		return err
	}
	defer l.Close()
	if err := fill(ctx, b, kitchen, 10); err != nil {
		return err
	}
	was, err := n.wait(ctx, kitchen, 10)
	if err != nil {
		return err
	}
	for _, lost := range []int{-1, 4} {
		lose(lost)
		if err := back(ctx, b, was, false); err != nil {
			return err
		}
		if err := fill(ctx, b, kitchen, 1); err != nil {
			return err
		}
		if was, err = n.wait(ctx, kitchen, was[len(was)-1].Seq+1); err != nil {
			return err
		}
	}
	return want("the number of deliveries", len(was), 12)
}

func putBackDelivered(ctx context.Context, b chat.Broker, lose func(int)) error {
	if err := fill(ctx, b, kitchen, 10); err != nil {
		return err
	}
	was, err := log(ctx, b, kitchen)
	if err != nil {
		return err
	}
	lose(3)
	if err := reopen(ctx, b, kitchen, false); err != nil { // only 7, so that a node begins there
		return err
	}
	n, l, err := attach(ctx, b, "one", kitchen)
	if err != nil {
		return err
	}
	defer l.Close()
	lose(0)
	if err := back(ctx, b, was, false); err != nil {
		return err
	}
	got, err := n.wait(ctx, kitchen, 10)
	return first(err, want("the first that is delivered", got[0].Seq, 8))
}

func changedAfterLoss(ctx context.Context, b chat.Broker, lose func(int)) error {
	if err := first(fill(ctx, b, kitchen, 10), fill(ctx, b, lobby, 10)); err != nil {
		return err
	}
	was, err := log(ctx, b, lobby)
	if err != nil {
		return err
	}
	_, cursor, err := b.Changed(ctx, lobby.Shard(), "", chat.MaxBatch)
	if err != nil {
		return err
	}
	for _, c := range []struct {
		lost int
		what string
	}{{-1, "an empty restart"}, {3, "a copy that is behind"}} {
		lose(c.lost)
		memory, err := chat.Memory(ctx, b)
		if err != nil {
			return err
		}
		// Nodes put back in any order.
		if err := first(chat.PutBack(ctx, b, memory, was[5:]), chat.PutBack(ctx, b, memory, was[:5])); err != nil {
			return err
		}
		if placed, _, err := b.Changed(ctx, lobby.Shard(), cursor, chat.MaxBatch); !isExpired(err) {
			return fmt.Errorf("after %s, changed goes on from an old cursor: %v, %v", c.what, placed, err)
		}
		placed, next, err := b.Changed(ctx, lobby.Shard(), "", chat.MaxBatch)
		if err != nil {
			return err
		}
		if !slices.ContainsFunc(placed, func(p chat.Position) bool { return p.Room == lobby && p.Seq == 10 }) {
			return fmt.Errorf("after %s, changed says nothing of what was put back: %v", c.what, placed)
		}
		cursor = next
		if err := reopen(ctx, b, lobby, false); err != nil {
			return err
		}
	}
	return nil
}

func timesAfterLoss(ctx context.Context, b chat.Broker, lose func(int)) error {
	if err := fill(ctx, b, kitchen, 2); err != nil {
		return err
	}
	was, err := log(ctx, b, kitchen)
	if err != nil {
		return err
	}
	ahead := was[1]
	ahead.ID, ahead.Seq, ahead.TextSeq, ahead.At = chat.NewID(), 3, 3, ahead.At.Add(time.Hour) // by another server's clock
	lose(-1)
	if err := back(ctx, b, append(was, ahead), false); err != nil {
		return err
	}
	r, err := b.Publish(ctx, texts(kitchen, 1))
	return first(err, want("whether time fell", r[0].At.Before(ahead.At), false))
}
