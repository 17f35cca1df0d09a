package chattest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/internal/suite"
)

var identityCases = []Case{
	{Name: "once by id", Why: "a client that retries must not speak twice", Run: one(onceByID)},
	{Name: "once by id on another node", Why: "a retry may reach another node", Run: two(onceOnTwo)},
	{Name: "once by id after reopening", Why: "a retry may come after a restart", Run: onceReopened},
	{Name: "once by id among many at once", Why: "a client that retries early races with itself", Run: two(onceAmongMany)},
	{Name: "another body under an id is a conflict", Why: "a client that counts from 1 again must be told, not misunderstood", Run: one(otherBody)},
	{Name: "an id is remembered for a day", Why: "the promise to clients is 24 hours", Run: rememberedADay},
}

var timeCases = []Case{
	{Name: "times are whole UTC milliseconds", Why: "every driver can store them, so all show the same", Run: one(wholeTimes)},
	{Name: "times never fall", Why: "a clock that jumps back must not turn history around", Run: timesNeverFall},
	{Name: "an imported event keeps its time", Why: "the past keeps its dates", Run: one(originKept)},
	{Name: "an imported event older than the room's last is refused", Why: "time never falls as Seq rises", Run: one(originRefused)},
}

func onceByID(ctx context.Context, b chat.Broker) error {
	e := text(kitchen, "once")
	r, err := b.Publish(ctx, []chat.Event{e, text(kitchen, "other"), e})
	if err != nil {
		return err
	}
	if err := sameReceipt(r[0], r[2]); err != nil {
		return fmt.Errorf("in one batch: %w", err)
	}
	again, err := b.Publish(ctx, []chat.Event{e})
	if err != nil {
		return err
	}
	if err := sameReceipt(r[0], again[0]); err != nil {
		return err
	}
	events, err := log(ctx, b, kitchen)
	return first(err, want("the number of events", len(events), 2))
}

// sameReceipt checks that the second is the first again.
func sameReceipt(one, two chat.Receipt) error {
	if one.Duplicate || !two.Duplicate || one.Seq != two.Seq || one.TextSeq != two.TextSeq || !one.At.Equal(two.At) || one.ID != two.ID {
		return fmt.Errorf("the second receipt is %+v, the first %+v", two, one)
	}
	return nil
}

func onceOnTwo(ctx context.Context, a, b chat.Broker) error {
	e := text(kitchen, "once")
	one, err := a.Publish(ctx, []chat.Event{e})
	if err != nil {
		return err
	}
	two, err := b.Publish(ctx, []chat.Event{e})
	if err != nil {
		return err
	}
	return sameReceipt(one[0], two[0])
}

func onceReopened(ctx context.Context, s *Site) error {
	e := text(kitchen, "once")
	var receipt chat.Receipt
	if err := one(func(ctx context.Context, b chat.Broker) error {
		r, err := b.Publish(ctx, []chat.Event{e})
		if err == nil {
			receipt = r[0]
		}
		return err
	})(ctx, s); err != nil {
		return err
	}
	return one(func(ctx context.Context, b chat.Broker) error {
		again, err := b.Publish(ctx, []chat.Event{e})
		if err != nil {
			return err
		}
		return sameReceipt(receipt, again[0])
	})(ctx, s)
}

func onceAmongMany(ctx context.Context, a, b chat.Broker) error {
	for range 20 {
		e := text(kitchen, "once")
		const tries = 8
		var wg sync.WaitGroup
		receipts, errs := make([]chat.Receipt, tries), make([]error, tries)
		for i := range tries {
			wg.Go(func() {
				r, err := []chat.Broker{a, b}[i%2].Publish(ctx, []chat.Event{e})
				if errs[i] = err; err == nil {
					receipts[i] = r[0]
				}
			})
		}
		wg.Wait()
		firsts := 0
		for i, r := range receipts {
			if errs[i] != nil {
				return errs[i]
			}
			if !r.Duplicate {
				firsts++
			}
			if r.Seq != receipts[0].Seq {
				return fmt.Errorf("one id lies at %d and %d", receipts[0].Seq, r.Seq)
			}
		}
		if err := want("the number of first receipts", firsts, 1); err != nil {
			return err
		}
	}
	return nil
}

func otherBody(ctx context.Context, b chat.Broker) error {
	e := text(kitchen, "one")
	if _, err := b.Publish(ctx, []chat.Event{e}); err != nil {
		return err
	}
	for name, change := range map[string]func(*chat.Event){
		"body":      func(e *chat.Event) { e.Content = &chat.Text{Body: "two"} },
		"sender":    func(e *chat.Event) { e.Sender.Key = "bob" },
		"kind":      func(e *chat.Event) { e.Content = &chat.Topic{Text: "one"} },
		"extension": func(e *chat.Event) { e.Extensions = []chat.Extension{{Name: "x"}} },
	} {
		other := e
		change(&other)
		if _, err := b.Publish(ctx, []chat.Event{other}); !errors.Is(err, chat.ErrConflict) {
			return fmt.Errorf("another %s: %v, want %v", name, err, chat.ErrConflict)
		}
	}
	events, err := log(ctx, b, kitchen)
	return first(err, want("the number of events", len(events), 1))
}

func rememberedADay(ctx context.Context, s *Site) error {
	if s.Skew == nil {
		return suite.Skip("the broker's clock can't be moved")
	}
	return one(func(ctx context.Context, b chat.Broker) error {
		e := text(kitchen, "once")
		r, err := b.Publish(ctx, []chat.Event{e})
		if err != nil {
			return err
		}
		s.Skew(24*time.Hour - time.Minute)
		if _, err := b.Publish(ctx, texts(kitchen, 1)); err != nil {
			return err
		}
		again, err := b.Publish(ctx, []chat.Event{e})
		if err != nil {
			return err
		}
		return sameReceipt(r[0], again[0])
	})(ctx, s)
}

func wholeTimes(ctx context.Context, b chat.Broker) error {
	r, err := b.Publish(ctx, texts(kitchen, 3))
	if err != nil {
		return err
	}
	events, err := log(ctx, b, kitchen)
	if err != nil {
		return err
	}
	for i := range r {
		for _, at := range []time.Time{r[i].At, events[i].At} {
			if !at.Equal(chat.Time(at)) || at.Location() != time.UTC || at.IsZero() {
				return fmt.Errorf("a time is %v", at)
			}
		}
	}
	return nil
}

func timesNeverFall(ctx context.Context, s *Site) error {
	if s.Skew == nil {
		return suite.Skip("the broker's clock can't be moved")
	}
	return one(func(ctx context.Context, b chat.Broker) error {
		for _, d := range []time.Duration{0, -time.Hour, 2 * time.Hour, -24 * time.Hour} {
			s.Skew(d)
			if _, err := b.Publish(ctx, texts(kitchen, 2)); err != nil {
				return err
			}
		}
		events, err := log(ctx, b, kitchen)
		if err != nil {
			return err
		}
		for i := 1; i < len(events); i++ {
			if events[i].At.Before(events[i-1].At) {
				return fmt.Errorf("seq %d is of %v, seq %d of %v", events[i-1].Seq, events[i-1].At, events[i].Seq, events[i].At)
			}
		}
		return nil
	})(ctx, s)
}

// imported is a text of a time.
func imported(room chat.RoomID, at time.Time) chat.Event {
	e := text(room, "old")
	e.Origin = &chat.Origin{Source: "irc", ID: "1", At: at}
	return e
}

var longAgo = time.Date(2007, 5, 1, 12, 0, 0, 0, time.UTC)

func originKept(ctx context.Context, b chat.Broker) error {
	r, err := b.Publish(ctx, []chat.Event{imported(kitchen, longAgo), imported(kitchen, longAgo), imported(kitchen, longAgo.Add(time.Hour))})
	if err != nil {
		return err
	}
	if !r[0].At.Equal(longAgo) || !r[1].At.Equal(longAgo) || !r[2].At.Equal(longAgo.Add(time.Hour)) {
		return fmt.Errorf("the times are %v, %v, %v", r[0].At, r[1].At, r[2].At)
	}
	now, err := b.Publish(ctx, texts(kitchen, 1))
	if err != nil {
		return err
	}
	if !now[0].At.After(r[2].At) {
		return fmt.Errorf("what is sent now is of %v", now[0].At)
	}
	return nil
}

func originRefused(ctx context.Context, b chat.Broker) error {
	_, err := b.Publish(ctx, []chat.Event{imported(kitchen, longAgo), imported(kitchen, longAgo.Add(-time.Millisecond)), imported(kitchen, longAgo.Add(time.Hour))})
	var failed *chat.BatchError
	if !errors.As(err, &failed) || len(failed.Items) != 1 || !errors.Is(failed.Items[1], chat.ErrConflict) {
		return fmt.Errorf("error %v, want a conflict of item 1", err)
	}
	events, err := log(ctx, b, kitchen)
	return first(err, want("the number of events", len(events), 2), dense(events, 1))
}
