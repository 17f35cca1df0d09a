package chattest

import (
	"context"
	"errors"
	"fmt"

	"github.com/parlor-chat/parlor/chat"
)

var lifeCases = []Case{
	{Name: "everything is there after reopening", Why: "a restart loses nothing", Run: reopened},
	{Name: "a done context does nothing", Why: "whoever gave up must get his answer at once, and no effect", Run: one(doneContext)},
	{Name: "a closed broker says so", Why: "a late call must fail clearly, not hang", Run: closed},
	{Name: "closing twice is no error", Why: "shutdown paths meet", Run: closedTwice},
	{Name: "closing one node leaves the others", Why: "one node's end is not the service's", Run: closedOne},
}

func reopened(ctx context.Context, s *Site) error {
	if err := one(func(ctx context.Context, b chat.Broker) error { return fill(ctx, b, kitchen, 300) })(ctx, s); err != nil {
		return err
	}
	return one(func(ctx context.Context, b chat.Broker) error {
		r, err := b.Publish(ctx, texts(kitchen, 1))
		if err := first(err, want("the next seq", r[0].Seq, 301), want("the next text seq", r[0].TextSeq, 301)); err != nil {
			return err
		}
		events, err := log(ctx, b, kitchen)
		return first(err, want("the number of events", len(events), 301), dense(events, 1))
	})(ctx, s)
}

// calls are all methods of a broker.
func calls(ctx context.Context, b chat.Broker) map[string]error {
	errs := map[string]error{}
	_, errs["publish"] = b.Publish(ctx, texts(kitchen, 1))
	_, errs["recent"] = b.Recent(ctx, kitchen, chat.Latest(1).All())
	_, errs["tips"] = chat.Tips(ctx, b, []chat.RoomID{kitchen})
	_, errs["attach"] = b.Attach(ctx, "late", newNode())
	errs["signal"] = b.Signal(ctx, chat.Signal{Room: kitchen, Name: "x"})
	_, _, errs["changed"] = b.Changed(ctx, 0, "", 1)
	errs["archived"] = b.Archived(ctx, chat.Position{Room: kitchen, Seq: 1})
	return errs
}

func allAre(errs map[string]error, kind error) error {
	for op, err := range errs {
		if !errors.Is(err, kind) {
			return fmt.Errorf("%s: %v, want %v", op, err, kind)
		}
	}
	return nil
}

func doneContext(ctx context.Context, b chat.Broker) error {
	if err := fill(ctx, b, kitchen, 1); err != nil {
		return err
	}
	done, cancel := context.WithCancel(ctx)
	cancel()
	if err := allAre(calls(done, b), context.Canceled); err != nil {
		return err
	}
	n := newNode()
	l, err := b.Attach(ctx, "one", n)
	if err != nil {
		return err
	}
	defer l.Close()
	if _, err := l.Subscribe(done, kitchen); !errors.Is(err, context.Canceled) {
		return fmt.Errorf("subscribe: %v", err)
	}
	events, err := log(ctx, b, kitchen)
	return first(err, want("the number of events", len(events), 1))
}

func closed(ctx context.Context, s *Site) error {
	b, closeIt, err := s.Open(ctx)
	if err != nil {
		return err
	}
	n, l, err := attach(ctx, b, "one", kitchen)
	if err != nil {
		return err
	}
	if err := first(fill(ctx, b, kitchen, 1), closeIt()); err != nil {
		return err
	}
	if err := allAre(calls(ctx, b), chat.ErrClosed); err != nil {
		return err
	}
	if _, err := l.Subscribe(ctx, lobby); !errors.Is(err, chat.ErrClosed) {
		return fmt.Errorf("subscribe: %v", err)
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	return first(n.wrong, l.Close())
}

func closedTwice(ctx context.Context, s *Site) error {
	_, closeIt, err := s.Open(ctx)
	if err != nil {
		return err
	}
	return first(closeIt(), closeIt())
}

func closedOne(ctx context.Context, s *Site) error {
	a, closeA, err := s.Open(ctx)
	if err != nil {
		return err
	}
	return one(func(ctx context.Context, b chat.Broker) error {
		n, l, err := attach(ctx, b, "two", kitchen)
		if err != nil {
			return err
		}
		defer l.Close()
		if err := first(fill(ctx, a, kitchen, 2), closeA(), fill(ctx, b, kitchen, 2)); err != nil {
			return err
		}
		_, err = n.wait(ctx, kitchen, 4)
		return err
	})(ctx, s)
}
