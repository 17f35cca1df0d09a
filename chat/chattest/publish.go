package chattest

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/parlor-chat/parlor/chat"
)

var publishCases = []Case{
	{Name: "seq is dense from 1", Why: "a reader proves by Seq that nothing is missing", Run: one(denseSeq)},
	{Name: "text seq counts texts only", Why: "unread counts and pages of texts are proven by TextSeq", Run: one(textSeq)},
	{Name: "receipts say what was placed", Why: "a sender shows his own message by its receipt", Run: one(receipts)},
	{Name: "rooms count for themselves", Why: "one room's traffic must not move another's numbers", Run: one(roomsApart)},
	{Name: "tenants never mix", Why: "two companies may use the same keys", Run: one(tenantsApart)},
	{Name: "what was placed is read back whole", Why: "a broker carries every kind of content, known or not", Run: one(wholeContent)},
	{Name: "invalid events place nothing", Why: "a broker trusts no caller with its numbers", Run: one(invalidEvents)},
	{Name: "a batch over the limit places nothing", Why: "every call is bounded", Run: one(largeBatch)},
	{Name: "a failed item is named and the others are placed", Why: "a sender must know which of his events to send again", Run: one(whichFailed)},
	{Name: "two nodes share one order", Why: "Seq is the room's, not the node's", Run: two(twoNodes)},
	{Name: "a cancelled publish leaves no hole", Why: "whoever gives up must not break the room for others", Run: two(cancelled)},
}

func denseSeq(ctx context.Context, b chat.Broker) error {
	if err := fill(ctx, b, kitchen, 1500); err != nil {
		return err
	}
	events, err := log(ctx, b, kitchen)
	return first(err, want("the number of events", len(events), 1500), dense(events, 1))
}

func textSeq(ctx context.Context, b chat.Broker) error {
	r, err := b.Publish(ctx, []chat.Event{topic(kitchen, "a"), text(kitchen, "b"), topic(kitchen, "c"), text(kitchen, "d")})
	if err != nil {
		return err
	}
	for i, n := range []int64{0, 1, 1, 2} {
		if err := want(fmt.Sprint("the text seq of event ", i), r[i].TextSeq, n); err != nil {
			return err
		}
	}
	head, err := b.Recent(ctx, kitchen, chat.Latest(10).All())
	return first(err, want("the head's text seq", head.TextSeq, 2), chat.CheckDense(head.Events, true))
}

func receipts(ctx context.Context, b chat.Broker) error {
	sent := []chat.Event{text(kitchen, "one"), text(lobby, "two"), text(kitchen, "three")}
	r, err := b.Publish(ctx, sent)
	if err != nil {
		return err
	}
	if len(r) != len(sent) {
		return fmt.Errorf("%d receipts for %d events", len(r), len(sent))
	}
	for i, room := range []chat.RoomID{kitchen, lobby, kitchen} {
		head, err := b.Recent(ctx, room, chat.Latest(10).All())
		if err != nil {
			return err
		}
		found := false
		for _, e := range head.Events {
			if e.ID == sent[i].ID {
				found = e.Seq == r[i].Seq && e.TextSeq == r[i].TextSeq && e.At.Equal(r[i].At)
			}
		}
		if !found || r[i].ID != sent[i].ID || r[i].Duplicate || r[i].State < chat.Placed {
			return fmt.Errorf("receipt %d is %+v", i, r[i])
		}
	}
	return nil
}

func roomsApart(ctx context.Context, b chat.Broker) error {
	for i := range 20 {
		r, err := b.Publish(ctx, []chat.Event{text(kitchen, "k"), text(lobby, "l"), text(lobby, "l")})
		if err != nil {
			return err
		}
		err = first(want("kitchen's seq", r[0].Seq, chat.Seq(i+1)), want("lobby's seq", r[2].Seq, chat.Seq(2*i+2)))
		if err != nil {
			return err
		}
	}
	return nil
}

func tenantsApart(ctx context.Context, b chat.Broker) error {
	rooms := []chat.RoomID{{Tenant: "a", Key: "b:c"}, {Tenant: "a.b", Key: "c"}, {Tenant: "a", Key: "b/c"}, {Tenant: "b", Key: "b:c"}}
	for i, room := range rooms {
		if _, err := b.Publish(ctx, texts(room, i+1)); err != nil {
			return err
		}
	}
	for i, room := range rooms {
		events, err := log(ctx, b, room)
		if err := first(err, want("the number of events of "+room.String(), len(events), i+1), dense(events, 1)); err != nil {
			return err
		}
		for _, e := range events {
			if e.Room != room {
				return fmt.Errorf("%v has an event of %v", room, e.Room)
			}
		}
	}
	return nil
}

func wholeContent(ctx context.Context, b chat.Broker) error {
	u := chat.UserID{Tenant: "acme", Key: "bob"}
	target := chat.NewID()
	contents := []chat.Content{
		&chat.Text{Body: "b", Format: chat.Markdown, Action: true, Thread: target, ReplyTo: target, Mentions: []chat.UserID{u},
			Attachments: []chat.Attachment{{Name: "n", Type: "t", Ref: "r", Size: 7}}},
		&chat.Edit{New: chat.Text{Body: "new"}}, &chat.Retract{Reason: "r", ByModerator: true}, &chat.React{Emoji: []string{"👍"}},
		&chat.Topic{Text: "t"}, &chat.Member{User: u, Role: chat.RoleAdmin, Reason: "r"}, &chat.Notice{What: "join", Text: "t"},
		&chat.Reference{To: chat.Position{Room: lobby, Seq: 3}, Why: "mention"}, &chat.Erase{Why: "w"},
		&chat.Unknown{Name: "poll", Raw: []byte{1, 2, 0, 255}},
	}
	var sent []chat.Event
	for _, c := range contents {
		e := text(kitchen, "")
		e.Content, e.ClientID = c, e.ID.String()
		e.Extensions = []chat.Extension{{Name: "x", Raw: []byte("<x/>")}}
		if e.Changes() {
			e.Target = target
		}
		sent = append(sent, e)
	}
	if _, err := b.Publish(ctx, sent); err != nil {
		return err
	}
	got, err := log(ctx, b, kitchen)
	if err != nil {
		return err
	}
	if len(got) != len(sent) {
		return fmt.Errorf("%d events of %d", len(got), len(sent))
	}
	for i := range got {
		if got[i].Digest() != sent[i].Digest() {
			return fmt.Errorf("a %s came back as %+v", sent[i].Kind(), got[i])
		}
	}
	return nil
}

func invalidEvents(ctx context.Context, b chat.Broker) error {
	for name, spoil := range map[string]func(*chat.Event){
		"no id":      func(e *chat.Event) { e.ID = chat.EventID{} },
		"a seq":      func(e *chat.Event) { e.Seq = 7 },
		"no room":    func(e *chat.Event) { e.Room = chat.RoomID{} },
		"no content": func(e *chat.Event) { e.Content = nil },
	} {
		batch := texts(kitchen, 3)
		spoil(&batch[1])
		if _, err := b.Publish(ctx, batch); !errors.Is(err, chat.ErrInvalid) {
			return fmt.Errorf("%s: %v, want %v", name, err, chat.ErrInvalid)
		}
	}
	events, err := log(ctx, b, kitchen)
	return first(err, want("the number of events placed", len(events), 0))
}

func largeBatch(ctx context.Context, b chat.Broker) error {
	if _, err := b.Publish(ctx, texts(kitchen, chat.MaxBatch+1)); !errors.Is(err, chat.ErrTooLarge) {
		return fmt.Errorf("%v, want %v", err, chat.ErrTooLarge)
	}
	if _, err := b.Publish(ctx, texts(lobby, chat.MaxBatch)); err != nil {
		return fmt.Errorf("a batch at the limit: %w", err)
	}
	if _, err := b.Publish(ctx, nil); err != nil {
		return fmt.Errorf("an empty batch: %w", err)
	}
	events, err := log(ctx, b, kitchen)
	return first(err, want("the number of events placed", len(events), 0))
}

func whichFailed(ctx context.Context, b chat.Broker) error {
	taken := text(kitchen, "one")
	if _, err := b.Publish(ctx, []chat.Event{taken}); err != nil {
		return err
	}
	other := text(kitchen, "another body")
	other.ID = taken.ID
	r, err := b.Publish(ctx, []chat.Event{text(kitchen, "two"), other, text(kitchen, "three"), text(lobby, "four")})
	var failed *chat.BatchError
	if !errors.As(err, &failed) || len(failed.Items) != 1 || !errors.Is(failed.Items[1], chat.ErrConflict) {
		return fmt.Errorf("error %v, want a batch error that names item 1", err)
	}
	err = first(want("the seq before", r[0].Seq, 2), want("the failed receipt", r[1], chat.Receipt{}), want("the seq behind", r[2].Seq, 3), want("the other room's", r[3].Seq, 1))
	if err != nil {
		return err
	}
	events, err := log(ctx, b, kitchen)
	return first(err, want("the number of events", len(events), 3), dense(events, 1))
}

func twoNodes(ctx context.Context, a, b chat.Broker) error {
	const senders, each = 8, 40
	rooms := []chat.RoomID{kitchen, lobby, {Tenant: "acme", Key: "third"}}
	var wg sync.WaitGroup
	errs := make([]error, senders)
	for i := range senders {
		wg.Go(func() {
			for j := range each {
				n := []chat.Broker{a, b}[i%2]
				var batch []chat.Event
				for _, room := range rooms {
					e := text(room, fmt.Sprint(j))
					e.Sender.Key = fmt.Sprint("sender", i)
					batch = append(batch, e)
				}
				if _, err := n.Publish(ctx, batch); err != nil {
					errs[i] = err
					return
				}
			}
		})
	}
	wg.Wait()
	if err := errors.Join(errs...); err != nil {
		return err
	}
	for _, room := range rooms {
		one, err1 := log(ctx, a, room)
		two, err2 := log(ctx, b, room)
		if err := first(err1, err2, want("the number of events", len(one), senders*each), want("the other node's", len(two), len(one)), dense(one, 1)); err != nil {
			return err
		}
		next := map[string]int{}
		for i := range one {
			if one[i].ID != two[i].ID {
				return fmt.Errorf("the nodes disagree about seq %d", one[i].Seq)
			}
			who := one[i].Sender.Key
			if body := one[i].Content.(*chat.Text).Body; body != fmt.Sprint(next[who]) {
				return fmt.Errorf("%s's event %s came when %d was next", who, body, next[who])
			}
			next[who]++
		}
	}
	return nil
}

func cancelled(ctx context.Context, a, b chat.Broker) error {
	done, cancel := context.WithCancel(ctx)
	cancel()
	if _, err := a.Publish(done, texts(kitchen, 3)); !errors.Is(err, context.Canceled) {
		return fmt.Errorf("cancelled before: %v", err)
	}
	events, err := log(ctx, b, kitchen)
	if err := first(err, want("the number of events placed by a cancelled call", len(events), 0)); err != nil {
		return err
	}
	// Cancelled while it runs, over and over, between calls that aren't.
	var wg sync.WaitGroup
	var mu sync.Mutex
	acked := map[chat.EventID]chat.Seq{}
	for i := range 4 {
		wg.Go(func() {
			for j := range 50 {
				c, cancel := context.WithCancel(ctx)
				if (i+j)%2 == 0 {
					go cancel()
				}
				batch := texts(kitchen, 5)
				r, err := []chat.Broker{a, b}[i%2].Publish(c, batch)
				cancel()
				if err == nil && r[len(r)-1].State == chat.Pending { // a journal keeps it
					r, err = []chat.Broker{a, b}[i%2].Publish(ctx, batch)
				}
				if err != nil {
					continue
				}
				mu.Lock()
				for k := range r {
					acked[batch[k].ID] = r[k].Seq
				}
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	if _, err := a.Publish(ctx, texts(kitchen, 1)); err != nil {
		return err
	}
	events, err = log(ctx, b, kitchen)
	if err := first(err, dense(events, 1)); err != nil {
		return err
	}
	for i := range events {
		if seq, ok := acked[events[i].ID]; ok && seq != events[i].Seq {
			return fmt.Errorf("an event acknowledged at %d lies at %d", seq, events[i].Seq)
		}
		delete(acked, events[i].ID)
	}
	return want("the number of acknowledged events that are missing", len(acked), 0)
}
