package storagetest

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/storage"
)

var pageCases = []HistoryCase{
	{Name: "an unknown room is an empty page", Why: "a new room needs no special case", Run: atHistory(pageUnknown)},
	{Name: "pages at every edge", Why: "edges are where readers lose or repeat a message", Run: atHistory(pageEdges)},
	{Name: "around a missing position", Why: "a link may point at what was no text, or past the end", Run: atHistory(pageAround)},
	{Name: "at a time between two events", Why: "people ask for a day, not for a position", Run: atHistory(pageAt)},
	{Name: "a page refuses what can't be read", Why: "every call is bounded", Run: atHistory(pageRefuses)},
	{Name: "every range is what its definition says", Why: "drivers are interchangeable", Run: atHistory(pageModel)},
	{Name: "a page of texts brings their changes", Why: "an edit far later still changes the text", Run: atHistory(pageChanges)},
	{Name: "a page of all events brings the changes of the changed", Why: "an edit of a retracted text must not be shown", Run: atHistory(pageSiblings)},
	{Name: "head while more comes in", Why: "a page says up to where it is complete", Run: atHistory(pageHead)},
}

func pageUnknown(ctx context.Context, h storage.History) error {
	if err := h.Append(ctx, ofTexts(lobby, 3)); err != nil {
		return err
	}
	for _, w := range []chat.Range{chat.Latest(5), chat.Before(3, 5), chat.After(0, 5).All(), chat.Around(2, 5), chat.At(epoch, 5)} {
		p, err := h.Page(ctx, kitchen, w)
		if err != nil {
			return err
		}
		if len(p.Events)+len(p.Changes) > 0 || p.First != 0 || p.Head != 0 || p.Older || p.Newer {
			return fmt.Errorf("%+v: %+v", w, p)
		}
	}
	return nil
}

func pageEdges(ctx context.Context, h storage.History) error {
	if err := h.Append(ctx, ofTexts(kitchen, 10)); err != nil {
		return err
	}
	for _, c := range []struct {
		r            chat.Range
		from, to     chat.Seq // none where to < from
		older, newer bool
	}{
		{chat.Latest(1), 10, 10, true, false}, {chat.Latest(9), 2, 10, true, false}, {chat.Latest(10), 1, 10, false, false}, {chat.Latest(storage.MaxPage), 1, 10, false, false},
		{chat.Before(1, 3), 1, 0, false, true}, {chat.Before(2, 3), 1, 1, false, true}, {chat.Before(4, 3), 1, 3, false, true}, {chat.Before(5, 3), 2, 4, true, true},
		{chat.Before(11, 3), 8, 10, true, false}, {chat.Before(99, 3), 8, 10, true, false}, {chat.Before(10, 9), 1, 9, false, true},
		{chat.After(0, 3), 1, 3, false, true}, {chat.After(0, 10), 1, 10, false, false}, {chat.After(1, 3), 2, 4, true, true},
		{chat.After(7, 3), 8, 10, true, false}, {chat.After(9, 3), 10, 10, true, false}, {chat.After(10, 3), 1, 0, true, false}, {chat.After(99, 3), 1, 0, true, false},
		{chat.Around(5, 1), 5, 5, true, true}, {chat.Around(5, 2), 4, 5, true, true}, {chat.Around(5, 3), 4, 6, true, true},
		{chat.Around(1, 4), 1, 2, false, true}, {chat.Around(10, 4), 8, 10, true, false}, {chat.Around(2, 4), 1, 3, false, true},
	} {
		for _, w := range []chat.Range{c.r, c.r.All()} {
			p, err := h.Page(ctx, kitchen, w)
			if err != nil {
				return err
			}
			var seqs []chat.Seq
			for s := c.from; s <= c.to; s++ {
				seqs = append(seqs, s)
			}
			err = first(sameSeqs(p.Events, seqs...), want("older", p.Older, c.older), want("newer", p.Newer, c.newer), want("first", p.First, 1), want("head", p.Head, 10))
			if err != nil {
				return fmt.Errorf("%+v: %w", w, err)
			}
		}
	}
	return nil
}

func pageAround(ctx context.Context, h storage.History) error {
	l := roomLog{room: kitchen}
	for i := range 10 { // texts at 1, 3, 5, 7, 9
		if i%2 == 0 {
			l.text("t")
		} else {
			l.add(&chat.Topic{Text: "t"}, chat.EventID{})
		}
	}
	if err := h.Append(ctx, l.events); err != nil {
		return err
	}
	for _, c := range []struct {
		r    chat.Range
		seqs []chat.Seq
	}{
		{chat.Around(4, 2), []chat.Seq{3, 5}}, {chat.Around(4, 3), []chat.Seq{3, 5, 7}}, {chat.Around(4, 4), []chat.Seq{1, 3, 5, 7}},
		{chat.Around(4, 2).All(), []chat.Seq{3, 4}}, {chat.Around(0, 4), []chat.Seq{1, 3}}, {chat.Around(10, 4), []chat.Seq{7, 9}},
		{chat.Around(50, 4), []chat.Seq{7, 9}}, {chat.Around(50, 4).All(), []chat.Seq{9, 10}}, {chat.Around(50, 1), nil},
		{chat.Before(4, 1), []chat.Seq{3}}, {chat.After(4, 1), []chat.Seq{5}}, {chat.After(3, 1), []chat.Seq{5}},
	} {
		p, err := h.Page(ctx, kitchen, c.r)
		if err := first(err, sameSeqs(p.Events, c.seqs...)); err != nil {
			return fmt.Errorf("%+v: %w", c.r, err)
		}
	}
	return nil
}

func pageAt(ctx context.Context, h storage.History) error {
	events := ofTexts(kitchen, 8)
	for i := range events { // two at each time
		events[i].At = epoch.Add(time.Duration(i/2) * time.Minute)
	}
	if err := h.Append(ctx, events); err != nil {
		return err
	}
	for _, c := range []struct {
		at   time.Duration
		n    int
		seqs []chat.Seq
	}{
		{-time.Hour, 4, []chat.Seq{1, 2}}, {0, 4, []chat.Seq{1, 2}}, {time.Millisecond, 4, []chat.Seq{1, 2, 3, 4}},
		{time.Minute, 4, []chat.Seq{1, 2, 3, 4}}, {time.Minute, 2, []chat.Seq{2, 3}}, {time.Minute + 30*time.Second, 2, []chat.Seq{4, 5}},
		{3 * time.Minute, 1, []chat.Seq{7}}, {time.Hour, 4, []chat.Seq{7, 8}}, {time.Hour, 1, nil},
	} {
		for _, w := range []chat.Range{chat.At(epoch.Add(c.at), c.n), chat.At(epoch.Add(c.at), c.n).All()} {
			p, err := h.Page(ctx, kitchen, w)
			if err := first(err, sameSeqs(p.Events, c.seqs...)); err != nil {
				return fmt.Errorf("at %v, %d: %w", c.at, c.n, err)
			}
		}
	}
	return nil
}

func pageRefuses(ctx context.Context, h storage.History) error {
	if err := h.Append(ctx, ofTexts(kitchen, 3)); err != nil {
		return err
	}
	for _, c := range []struct {
		r    chat.Range
		kind error
	}{{chat.Range{}, chat.ErrInvalid}, {chat.Latest(0), chat.ErrInvalid}, {chat.Latest(-1), chat.ErrInvalid},
		{chat.Before(-1, 1), chat.ErrInvalid}, {chat.Latest(storage.MaxPage + 1), chat.ErrTooLarge}} {
		if _, err := h.Page(ctx, kitchen, c.r); !errors.Is(err, c.kind) {
			return fmt.Errorf("%+v: %v, want %v", c.r, err, c.kind)
		}
	}
	return nil
}

// changesIn are the changes in a log of what events are about: the definition.
func changesIn(log, events []chat.Event) []chat.Event {
	about := map[chat.EventID]bool{}
	for i := range events {
		if s := events[i].Subject(); !s.IsZero() {
			about[s] = true
		}
	}
	var changes []chat.Event
	for i := range log {
		if log[i].Changes() && about[log[i].Target] {
			changes = append(changes, log[i])
		}
	}
	return changes
}

func pageModel(ctx context.Context, h storage.History) error {
	log := mixed(kitchen, 400)
	if err := first(put(ctx, h, log), put(ctx, h, mixed(lobby, 100))); err != nil {
		return err
	}
	rng := rand.New(rand.NewPCG(7, 11)) // the same ranges each time
	for range 1500 {
		n, s := 1+rng.IntN(40), chat.Seq(rng.IntN(420))
		at := epoch.Add(time.Duration(rng.IntN(420_000)) * time.Millisecond)
		w := []chat.Range{chat.Latest(n), chat.Before(s, n), chat.After(s, n), chat.Around(s, n), chat.At(at, n)}[rng.IntN(5)]
		if rng.IntN(2) == 0 {
			w = w.All()
		}
		items, older, newer := w.Cut(log)
		p, err := h.Page(ctx, kitchen, w)
		err = first(err, sameEvents("items", p.Events, items), sameEvents("changes", p.Changes, changesIn(log, items)),
			want("older", p.Older, older), want("newer", p.Newer, newer), want("head", p.Head, 400))
		if err != nil {
			return fmt.Errorf("%+v: %w", w, err)
		}
	}
	return nil
}

func pageChanges(ctx context.Context, h storage.History) error {
	l := roomLog{room: kitchen}
	first1 := l.text("one").ID
	l.add(&chat.React{Emoji: []string{"👍"}}, first1)
	for range 300 {
		l.text("noise")
	}
	l.add(&chat.Edit{New: chat.Text{Body: "two"}}, first1)
	if err := put(ctx, h, l.events); err != nil {
		return err
	}
	p, err := h.Page(ctx, kitchen, chat.After(0, 1))
	if err := first(err, sameSeqs(p.Events, 1), sameSeqs(p.Changes, 2, 303)); err != nil {
		return err
	}
	if m := chat.Fold(p.Events, p.Changes)[0]; m.Text.Body != "two" || len(m.Reactions) != 1 {
		return fmt.Errorf("the message is %+v", m)
	}
	p, err = h.Page(ctx, kitchen, chat.Latest(1))
	return first(err, sameSeqs(p.Changes))
}

func pageSiblings(ctx context.Context, h storage.History) error {
	l := roomLog{room: kitchen}
	id := l.text("one").ID
	for range 50 {
		l.text("noise")
	}
	l.add(&chat.Edit{New: chat.Text{Body: "two"}}, id) // 52
	for range 50 {
		l.text("noise")
	}
	l.add(&chat.Retract{}, id) // 103
	if err := h.Append(ctx, l.events); err != nil {
		return err
	}
	p, err := h.Page(ctx, kitchen, chat.Around(52, 1).All())
	return first(err, sameSeqs(p.Events, 52), sameSeqs(p.Changes, 52, 103))
}

func pageHead(ctx context.Context, h storage.History) error {
	events := ofTexts(kitchen, 1000)
	var mu sync.Mutex
	acked := 0
	done := make(chan error, 1)
	go func() {
		for n := 0; n < len(events); n += 10 {
			if err := h.Append(ctx, events[n:n+10]); err != nil {
				done <- err
				return
			}
			mu.Lock()
			acked = n + 10
			mu.Unlock()
		}
		done <- nil
	}()
	for ended := false; ; { // a last page when all is there, however fast that was
		mu.Lock()
		before := acked
		mu.Unlock()
		p, err := h.Page(ctx, kitchen, chat.Latest(50))
		if err != nil {
			return err
		}
		if int(p.Head) < before {
			return fmt.Errorf("head is %d, %d were acknowledged", p.Head, before)
		}
		if n := len(p.Events); n > 0 {
			if err := first(chat.CheckDense(p.Events, true), want("the last event", p.Events[n-1].Seq, p.Head), want("newer", p.Newer, false)); err != nil {
				return err
			}
		}
		if ended {
			return nil
		}
		select {
		case err := <-done:
			if err != nil {
				return err
			}
			ended = true
		default:
		}
	}
}

var lookupCases = []HistoryCase{
	{Name: "look up many rooms at once", Why: "a page of hits is one round trip", Run: atHistory(lookup)},
	{Name: "look up refuses what names nothing", Why: "every call is bounded", Run: atHistory(lookupRefuses)},
}

func lookup(ctx context.Context, h storage.History) error {
	k, l := mixed(kitchen, 100), mixed(lobby, 50)
	if err := first(h.Append(ctx, k), h.Append(ctx, l)); err != nil {
		return err
	}
	p, err := h.Lookup(ctx, []storage.Ref{
		{Room: lobby, Seq: 20}, {Room: kitchen, ID: k[0].ID}, {Room: kitchen, Seq: 101}, {Room: kitchen, ID: l[0].ID},
		{Room: chat.RoomID{Tenant: "acme", Key: "nowhere"}, Seq: 1}, {Room: kitchen, Seq: 30}, {Room: lobby, ID: l[2].ID},
	})
	if err != nil {
		return err
	}
	found := []chat.Event{l[19], k[0], k[29], l[2]}
	changes := append(changesIn(k, found), changesIn(l, found)...)
	if err := first(sameEvents("found", p.Events, found), sameEvents("changes", p.Changes, changes)); err != nil {
		return err
	}
	p, err = h.Lookup(ctx, nil)
	return first(err, want("found by nothing", len(p.Events), 0))
}

func lookupRefuses(ctx context.Context, h storage.History) error {
	events := ofTexts(kitchen, 1)
	if err := h.Append(ctx, events); err != nil {
		return err
	}
	for name, ref := range map[string]storage.Ref{
		"no room":      {Seq: 1},
		"neither":      {Room: kitchen},
		"both":         {Room: kitchen, Seq: 1, ID: events[0].ID},
		"negative seq": {Room: kitchen, Seq: -1},
	} {
		if _, err := h.Lookup(ctx, []storage.Ref{{Room: kitchen, Seq: 1}, ref}); !errors.Is(err, chat.ErrInvalid) {
			return fmt.Errorf("%s: %v, want %v", name, err, chat.ErrInvalid)
		}
	}
	many := make([]storage.Ref, chat.MaxBatch+1)
	for i := range many {
		many[i] = storage.Ref{Room: kitchen, Seq: 1}
	}
	if _, err := h.Lookup(ctx, many); !errors.Is(err, chat.ErrTooLarge) {
		return fmt.Errorf("too many: %v, want %v", err, chat.ErrTooLarge)
	}
	p, err := h.Lookup(ctx, many[1:])
	return first(err, want("found", len(p.Events), chat.MaxBatch))
}
