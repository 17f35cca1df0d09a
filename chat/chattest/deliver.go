package chattest

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/parlor-chat/parlor/chat"
)

var deliveryCases = []Case{
	{Name: "every node gets every event in order", Why: "live delivery shows what history will", Run: two(everyNode)},
	{Name: "delivery begins where subscribe says", Why: "whoever joins history and live stream needs the seam", Run: two(seam)},
	{Name: "a batch larger than one delivery arrives whole", Why: "a burst is where streams lose events", Run: one(burst)},
	{Name: "rooms that aren't subscribed to are silent", Why: "a node pays for its own rooms only", Run: one(silent)},
	{Name: "unsubscribing ends delivery", Why: "a node that left a room must not hear it", Run: one(unsubscribed)},
	{Name: "a node attached again closes the older link", Why: "a restarted node must not be served twice", Run: one(attachedAgain)},
	{Name: "a slow node delays nobody", Why: "one bad machine must not slow the room", Run: two(slowNode)},
	{Name: "what the head forgot is told as a gap", Why: "a stream with a silent hole is a lost message", Run: one(gap)},
	{Name: "a closed link delivers no more", Why: "what the sink uses may be gone", Run: one(closedLink)},
	{Name: "signals reach subscribers and are not stored", Why: "typing is news, not history", Run: two(signals)},
	{Name: "a large signal is refused", Why: "every call is bounded", Run: one(largeSignal)},
	{Name: "tenants don't hear each other", Why: "two companies may use the same keys", Run: one(tenantsHear)},
}

func everyNode(ctx context.Context, a, b chat.Broker) error {
	n1, l1, err := attach(ctx, a, "one", kitchen, lobby)
	if err != nil {
		return err
	}
	defer l1.Close()
	n2, l2, err := attach(ctx, b, "two", kitchen, lobby)
	if err != nil {
		return err
	}
	defer l2.Close()
	const senders, each = 4, 60
	var wg sync.WaitGroup
	errs := make([]error, senders)
	for i := range senders {
		wg.Go(func() {
			for range each {
				_, err := []chat.Broker{a, b}[i%2].Publish(ctx, []chat.Event{text(kitchen, "k"), text(lobby, "l")})
				errs[i] = errors.Join(errs[i], err)
			}
		})
	}
	wg.Wait()
	if err := errors.Join(errs...); err != nil {
		return err
	}
	for _, room := range []chat.RoomID{kitchen, lobby} {
		events, err := log(ctx, a, room)
		if err != nil {
			return err
		}
		for _, n := range []*node{n1, n2} {
			got, err := n.wait(ctx, room, senders*each)
			if err := first(err, want("the number of deliveries", len(got), len(events))); err != nil {
				return err
			}
			for i := range got {
				if got[i].ID != events[i].ID || got[i].TextSeq != events[i].TextSeq || !got[i].At.Equal(events[i].At) {
					return fmt.Errorf("seq %d was delivered as something else", events[i].Seq)
				}
			}
		}
	}
	return nil
}

func seam(ctx context.Context, a, b chat.Broker) error {
	if err := fill(ctx, a, kitchen, 5); err != nil {
		return err
	}
	n := newNode()
	l, err := b.Attach(ctx, "one", n)
	if err != nil {
		return err
	}
	defer l.Close()
	from, err := l.Subscribe(ctx, lobby, kitchen)
	if err != nil {
		return err
	}
	if len(from) != 2 || from[0] != 0 || from[1] != 5 {
		return fmt.Errorf("subscribed from %v, want 0 and 5", from)
	}
	if err := fill(ctx, a, kitchen, 3); err != nil {
		return err
	}
	got, err := n.wait(ctx, kitchen, 8)
	if err := first(err, want("the first delivery", got[0].Seq, 6)); err != nil {
		return err
	}
	again, err := l.Subscribe(ctx, kitchen)
	if err := first(err, want("subscribed again from", again[0], 8)); err != nil {
		return err
	}
	if err := fill(ctx, a, kitchen, 1); err != nil {
		return err
	}
	_, err = n.wait(ctx, kitchen, 9) // without a hole or a repeat
	return err
}

func burst(ctx context.Context, b chat.Broker) error {
	n, l, err := attach(ctx, b, "one", kitchen)
	if err != nil {
		return err
	}
	defer l.Close()
	if _, err := b.Publish(ctx, texts(kitchen, chat.MaxBatch)); err != nil {
		return err
	}
	_, err = n.wait(ctx, kitchen, chat.MaxBatch)
	return err
}

func silent(ctx context.Context, b chat.Broker) error {
	n, l, err := attach(ctx, b, "one", kitchen)
	if err != nil {
		return err
	}
	defer l.Close()
	if _, err := b.Publish(ctx, []chat.Event{text(lobby, "l"), text(kitchen, "k")}); err != nil {
		return err
	}
	if _, err := n.wait(ctx, kitchen, 1); err != nil {
		return err
	}
	return n.until(ctx, func() bool {
		if len(n.got[lobby]) > 0 {
			n.wrong = errors.New("a room was heard without being subscribed to")
		}
		return true
	})
}

func unsubscribed(ctx context.Context, b chat.Broker) error {
	n, l, err := attach(ctx, b, "one", kitchen, lobby)
	if err != nil {
		return err
	}
	defer l.Close()
	if err := fill(ctx, b, kitchen, 1); err != nil {
		return err
	}
	if _, err := n.wait(ctx, kitchen, 1); err != nil {
		return err
	}
	l.Unsubscribe(kitchen)
	if _, err := b.Publish(ctx, []chat.Event{text(kitchen, "unheard"), text(lobby, "heard")}); err != nil {
		return err
	}
	if _, err := n.wait(ctx, lobby, 1); err != nil {
		return err
	}
	from, err := l.Subscribe(ctx, kitchen)
	if err := first(err, want("subscribed again from", from[0], 2)); err != nil {
		return err
	}
	if err := fill(ctx, b, kitchen, 1); err != nil {
		return err
	}
	return n.until(ctx, func() bool {
		k := n.got[kitchen]
		for i := range k {
			if k[i].Seq == 2 {
				n.wrong = errors.New("an event of a room that was left was delivered")
			}
		}
		return k[len(k)-1].Seq == 3
	})
}

func attachedAgain(ctx context.Context, b chat.Broker) error {
	older, l1, err := attach(ctx, b, "one", kitchen)
	if err != nil {
		return err
	}
	newer, l2, err := attach(ctx, b, "one", kitchen)
	if err != nil {
		return err
	}
	defer l2.Close()
	if err := fill(ctx, b, kitchen, 3); err != nil {
		return err
	}
	if _, err := newer.wait(ctx, kitchen, 3); err != nil {
		return err
	}
	older.mu.Lock()
	defer older.mu.Unlock()
	return first(want("deliveries to the older link", len(older.got[kitchen]), 0), l1.Close())
}

func slowNode(ctx context.Context, a, b chat.Broker) error {
	slow := newNode()
	slow.slow = make(chan struct{})
	open := sync.OnceFunc(func() { close(slow.slow) })
	defer open()
	l1, err := a.Attach(ctx, "slow", slow)
	if err != nil {
		return err
	}
	defer l1.Close()
	defer open() // before the link is closed
	if _, err := l1.Subscribe(ctx, kitchen); err != nil {
		return err
	}
	fast, l2, err := attach(ctx, b, "fast", kitchen)
	if err != nil {
		return err
	}
	defer l2.Close()
	for range 20 {
		if err := fill(ctx, a, kitchen, 100); err != nil {
			return err
		}
	}
	if _, err := fast.wait(ctx, kitchen, 2000); err != nil {
		return fmt.Errorf("the fast node: %w", err)
	}
	open()
	_, err = slow.wait(ctx, kitchen, 2000) // all of it is unarchived, so nothing is lost
	return err
}

func gap(ctx context.Context, b chat.Broker) error {
	n := newNode()
	n.slow = make(chan struct{})
	open := sync.OnceFunc(func() { close(n.slow) })
	defer open()
	l, err := b.Attach(ctx, "one", n)
	if err != nil {
		return err
	}
	defer l.Close()
	defer open()
	if _, err := l.Subscribe(ctx, kitchen); err != nil {
		return err
	}
	const last = 20 * chat.HeadSize
	for range 20 {
		if err := fill(ctx, b, kitchen, chat.HeadSize); err != nil {
			return err
		}
	}
	if err := b.Archived(ctx, chat.Position{Room: kitchen, Seq: last}); err != nil {
		return err
	}
	open()
	// Every Seq comes once, as an event or within a gap, in order.
	return n.until(ctx, func() bool {
		next := chat.Seq(1)
		gaps, events := n.gaps[kitchen], n.got[kitchen]
		for next <= last {
			switch {
			case len(events) > 0 && events[0].Seq == next:
				next, events = next+1, events[1:]
			case len(gaps) > 0 && gaps[0][0] == next && gaps[0][1] >= next:
				next, gaps = gaps[0][1]+1, gaps[1:]
			default:
				if len(events) > 0 && events[0].Seq < next {
					n.wrong = fmt.Errorf("seq %d came again", events[0].Seq)
				}
				if len(events) > 0 && events[0].Seq > next && len(gaps) == 0 {
					n.wrong = fmt.Errorf("seq %d to %d are missing, and no gap was told", next, events[0].Seq-1)
				}
				return false
			}
		}
		return true
	})
}

func closedLink(ctx context.Context, b chat.Broker) error {
	n, l, err := attach(ctx, b, "one", kitchen)
	if err != nil {
		return err
	}
	if err := fill(ctx, b, kitchen, 500); err != nil {
		return err
	}
	if err := l.Close(); err != nil {
		return err
	}
	n.mu.Lock()
	before := len(n.got[kitchen])
	n.mu.Unlock()
	other, l2, err := attach(ctx, b, "two", kitchen)
	if err != nil {
		return err
	}
	defer l2.Close()
	if err := fill(ctx, b, kitchen, 1); err != nil {
		return err
	}
	if _, err := other.wait(ctx, kitchen, 501); err != nil {
		return err
	}
	n.mu.Lock()
	after := len(n.got[kitchen])
	n.mu.Unlock()
	_, err = l.Subscribe(ctx, lobby)
	if !errors.Is(err, chat.ErrClosed) {
		return fmt.Errorf("subscribing on a closed link: %v", err)
	}
	return first(want("deliveries after Close", after-before, 0), l.Close())
}

func signals(ctx context.Context, a, b chat.Broker) error {
	n1, l1, err := attach(ctx, a, "one", kitchen)
	if err != nil {
		return err
	}
	defer l1.Close()
	n2, l2, err := attach(ctx, b, "two", kitchen)
	if err != nil {
		return err
	}
	defer l2.Close()
	n3, l3, err := attach(ctx, b, "three", lobby)
	if err != nil {
		return err
	}
	defer l3.Close()
	s := chat.Signal{Room: kitchen, From: chat.UserID{Tenant: "acme", Key: "ann"}, To: chat.UserID{Tenant: "acme", Key: "bob"}, Name: "typing", Data: []byte{0, 1}}
	if err := a.Signal(ctx, s); err != nil {
		return err
	}
	for _, n := range []*node{n1, n2} {
		err := n.until(ctx, func() bool { return len(n.signals) > 0 })
		if err != nil {
			return err
		}
		if got := n.signals[0]; got.Room != s.Room || got.From != s.From || got.To != s.To || got.Name != s.Name || string(got.Data) != string(s.Data) {
			return fmt.Errorf("the signal came as %+v", got)
		}
	}
	if err := fill(ctx, a, lobby, 1); err != nil {
		return err
	}
	if _, err := n3.wait(ctx, lobby, 1); err != nil {
		return err
	}
	n3.mu.Lock()
	defer n3.mu.Unlock()
	head, err := b.Recent(ctx, kitchen, chat.Latest(1).All())
	return first(err, want("signals in another room", len(n3.signals), 0), want("events in the room", len(head.Events), 0))
}

func largeSignal(ctx context.Context, b chat.Broker) error {
	s := chat.Signal{Room: kitchen, Name: "x", Data: make([]byte, chat.MaxSignal)}
	if err := b.Signal(ctx, s); err != nil {
		return err
	}
	s.Data = append(s.Data, 0)
	if err := b.Signal(ctx, s); !errors.Is(err, chat.ErrTooLarge) {
		return fmt.Errorf("%v, want %v", err, chat.ErrTooLarge)
	}
	return nil
}

func tenantsHear(ctx context.Context, b chat.Broker) error {
	foreign := chat.RoomID{Tenant: "evil", Key: kitchen.Key}
	n, l, err := attach(ctx, b, "one", kitchen)
	if err != nil {
		return err
	}
	defer l.Close()
	if _, err := b.Publish(ctx, []chat.Event{text(foreign, "secret"), text(kitchen, "ours")}); err != nil {
		return err
	}
	got, err := n.wait(ctx, kitchen, 1)
	if err != nil {
		return err
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	return first(want("our events", len(got), 1), want("their events", len(n.got[foreign]), 0))
}
