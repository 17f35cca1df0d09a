package storagetest

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"sync"
	"time"

	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/storage"
)

var (
	kitchen = chat.RoomID{Tenant: "acme", Key: "kitchen"}
	lobby   = chat.RoomID{Tenant: "acme", Key: "lobby"}
	epoch   = time.Date(2007, 5, 1, 12, 0, 0, 0, time.UTC)
)

// roomLog makes the log of a room, event by event, a second apart.
type roomLog struct {
	room    chat.RoomID
	events  []chat.Event
	textSeq int64
}

func (l *roomLog) add(c chat.Content, target chat.EventID) *chat.Event {
	last := chat.Seq(0)
	if n := len(l.events); n > 0 {
		last = l.events[n-1].Last()
	}
	e := chat.Event{ID: chat.NewID(), Room: l.room, Seq: last + 1, At: epoch.Add(time.Duration(last) * time.Second),
		Sender: chat.UserID{Tenant: l.room.Tenant, Key: "ann"}, Target: target, Content: c}
	if e.IsText() {
		l.textSeq++
	}
	e.TextSeq = l.textSeq
	l.events = append(l.events, e)
	return &l.events[len(l.events)-1]
}

func (l *roomLog) text(body string) *chat.Event { return l.add(&chat.Text{Body: body}, chat.EventID{}) }

// ofTexts is a log of n texts.
func ofTexts(room chat.RoomID, n int) []chat.Event {
	l := roomLog{room: room}
	for i := range n {
		l.text(fmt.Sprint(i + 1))
	}
	return l.events
}

// mixed is a log of n events: texts, changes of them near and far, and others.
func mixed(room chat.RoomID, n int) []chat.Event {
	l := roomLog{room: room}
	var texts []chat.EventID
	for i := range n {
		switch {
		case i%5 == 2 && len(texts) > 0:
			l.add(&chat.React{Emoji: []string{"👍"}}, texts[len(texts)*i*7%len(texts)])
		case i%7 == 3 && len(texts) > 0:
			l.add(&chat.Edit{New: chat.Text{Body: fmt.Sprint("edit ", i)}}, texts[0])
		case i%11 == 5:
			l.add(&chat.Topic{Text: fmt.Sprint(i)}, chat.EventID{})
		case i%13 == 6 && len(texts) > 0:
			l.add(&chat.Retract{}, texts[len(texts)-1])
		default:
			texts = append(texts, l.text(fmt.Sprint(i)).ID)
		}
	}
	return l.events
}

// put appends events in batches.
func put(ctx context.Context, h storage.History, events []chat.Event) error {
	for len(events) > 0 {
		n := min(len(events), 300)
		if err := h.Append(ctx, events[:n]); err != nil {
			return err
		}
		events = events[n:]
	}
	return nil
}

// whole reads a room from the beginning to its head.
func whole(ctx context.Context, h storage.History, room chat.RoomID) ([]chat.Event, storage.Page, error) {
	var all []chat.Event
	for after := chat.Seq(0); ; {
		p, err := h.Page(ctx, room, chat.After(after, storage.MaxPage).All())
		if err != nil {
			return nil, p, err
		}
		if len(p.Events) == 0 {
			return all, p, nil
		}
		all = append(all, p.Events...)
		after = all[len(all)-1].Last()
	}
}

func sameEvents(what string, got, want []chat.Event) error {
	if len(got) != len(want) {
		return fmt.Errorf("%s: %d events, want %d", what, len(got), len(want))
	}
	for i := range got {
		if string(chat.AppendEvent(nil, &got[i])) != string(chat.AppendEvent(nil, &want[i])) {
			return fmt.Errorf("%s: event %d is %+v, want %+v", what, i, got[i], want[i])
		}
	}
	return nil
}

// atHistory runs a case at an archive that is opened and closed for it.
func atHistory(run func(ctx context.Context, h storage.History) error) func(context.Context, *HistorySite) error {
	return func(ctx context.Context, s *HistorySite) error {
		h, closeIt, err := s.Open(ctx)
		if err != nil {
			return err
		}
		defer closeIt()
		return run(ctx, h)
	}
}

// failedAt says whether err is a batch error that names exactly one item, of a kind.
func failedAt(err error, item int, kind error) error {
	var failed *chat.BatchError
	if !errors.As(err, &failed) || len(failed.Items) != 1 || !errors.Is(failed.Items[item], kind) {
		return fmt.Errorf("error %v, want a batch error that names item %d: %v", err, item, kind)
	}
	return nil
}

var appendCases = []HistoryCase{
	{Name: "what was appended is read back whole", Why: "the archive is the only copy of the past", Run: atHistory(readBack)},
	{Name: "a long log comes back dense", Why: "losing one message in a thousand is losing messages", Run: atHistory(longLog)},
	{Name: "appending again changes nothing", Why: "a follower that restarts does its last batch again", Run: atHistory(appendAgain)},
	{Name: "another event at a taken position is a conflict", Why: "no two events ever carry one position", Run: atHistory(appendConflict)},
	{Name: "a hole is refused", Why: "a room with a hole can't be proven complete", Run: atHistory(appendHole)},
	{Name: "the first event may have any seq", Why: "a pruned room moves to another archive", Run: atHistory(appendFirst)},
	{Name: "a void is crossed in one step", Why: "positions that were never used are no hole", Run: atHistory(appendVoid)},
	{Name: "invalid events are named", Why: "an archive trusts nobody with its positions", Run: atHistory(appendInvalid)},
	{Name: "a batch over the limit stores nothing", Why: "every call is bounded", Run: atHistory(appendLarge)},
	{Name: "tenants never mix", Why: "two companies may use the same keys", Run: atHistory(historyTenants)},
	{Name: "many rooms at once", Why: "followers of all shards write at the same time", Run: atHistory(appendMany)},
}

func readBack(ctx context.Context, h storage.History) error {
	l := roomLog{room: kitchen}
	u := chat.UserID{Tenant: "acme", Key: "bob"}
	id := chat.NewID()
	for _, c := range []chat.Content{
		&chat.Text{Body: "b\n", Format: chat.Markdown, Action: true, Thread: id, ReplyTo: id, Mentions: []chat.UserID{u},
			Attachments: []chat.Attachment{{Name: "n", Type: "t", Ref: "r", Size: 1 << 40}}},
		&chat.Edit{New: chat.Text{Body: "new"}}, &chat.Retract{Reason: "r", ByModerator: true}, &chat.React{Emoji: []string{"👍", ":x:"}},
		&chat.Topic{Text: "t"}, &chat.Member{User: u, Role: chat.RoleAdmin, Reason: "r"}, &chat.Notice{What: "join", Text: "t"},
		&chat.Reference{To: chat.Position{Room: lobby, Seq: 3}, Why: "mention"}, &chat.Erase{Why: "w"},
		&chat.Tombstone{Was: chat.KindText, Why: "w"}, &chat.Unknown{Name: "poll", Raw: []byte{1, 2, 0, 255}},
	} {
		e := l.add(c, chat.EventID{})
		if e.Changes() {
			e.Target = id
		}
		e.ClientID = "c"
		e.Origin = &chat.Origin{Source: "irc", ID: "7", At: e.At}
		e.Extensions = []chat.Extension{{Name: "x", Raw: []byte("<x/>")}}
	}
	if err := put(ctx, h, l.events); err != nil {
		return err
	}
	got, _, err := whole(ctx, h, kitchen)
	return first(err, sameEvents("all", got, l.events))
}

func longLog(ctx context.Context, h storage.History) error {
	events := ofTexts(kitchen, 2500)
	if err := put(ctx, h, events); err != nil {
		return err
	}
	got, p, err := whole(ctx, h, kitchen)
	return first(err, sameEvents("all", got, events), want("first", p.First, 1), want("head", p.Head, 2500))
}

func appendAgain(ctx context.Context, h storage.History) error {
	events := ofTexts(kitchen, 10)
	for _, batch := range [][]chat.Event{events[:6], events[:6], events[3:8], append(events[8:9:9], events[8:]...), events} {
		if err := h.Append(ctx, batch); err != nil {
			return err
		}
	}
	got, p, err := whole(ctx, h, kitchen)
	return first(err, sameEvents("all", got, events), want("head", p.Head, 10))
}

func appendConflict(ctx context.Context, h storage.History) error {
	events := ofTexts(kitchen, 6)
	if err := h.Append(ctx, events[:4]); err != nil {
		return err
	}
	for name, change := range map[string]func(*chat.Event){
		"id":       func(e *chat.Event) { e.ID = chat.NewID() },
		"time":     func(e *chat.Event) { e.At = e.At.Add(time.Millisecond) },
		"text seq": func(e *chat.Event) { e.TextSeq++ },
		"kind":     func(e *chat.Event) { e.Content = &chat.Topic{Text: "t"} },
	} {
		batch := append([]chat.Event(nil), events[2:5]...)
		change(&batch[1])
		if err := failedAt(h.Append(ctx, batch), 1, chat.ErrConflict); err != nil {
			return fmt.Errorf("another %s: %w", name, err)
		}
	}
	if err := h.Append(ctx, events[5:]); err != nil {
		return fmt.Errorf("behind a failed item: %w", err)
	}
	got, _, err := whole(ctx, h, kitchen)
	return first(err, sameEvents("all", got, events))
}

func appendHole(ctx context.Context, h storage.History) error {
	events := ofTexts(kitchen, 10)
	if err := h.Append(ctx, events[:3]); err != nil {
		return err
	}
	err := h.Append(ctx, []chat.Event{events[3], events[5], ofTexts(lobby, 1)[0]})
	if err := failedAt(err, 1, chat.ErrIncomplete); err != nil {
		return err
	}
	got, p, err := whole(ctx, h, kitchen)
	if err := first(err, sameEvents("all", got, events[:4]), want("head", p.Head, 4)); err != nil {
		return err
	}
	_, p, err = whole(ctx, h, lobby)
	return first(err, want("the other room's head", p.Head, 1))
}

func appendFirst(ctx context.Context, h storage.History) error {
	events := ofTexts(kitchen, 10)
	if err := h.Append(ctx, events[6:]); err != nil {
		return err
	}
	got, p, err := whole(ctx, h, kitchen)
	if err := first(err, sameEvents("all", got, events[6:]), want("first", p.First, 7), want("head", p.Head, 10)); err != nil {
		return err
	}
	return failedAt(h.Append(ctx, events[5:6]), 0, chat.ErrConflict)
}

func appendVoid(ctx context.Context, h storage.History) error {
	l := roomLog{room: kitchen}
	l.text("before")
	void := l.add(&chat.Void{}, chat.EventID{})
	void.Content, void.Sender = &chat.Void{To: 9}, chat.UserID{}
	l.text("behind")
	if err := h.Append(ctx, l.events); err != nil {
		return err
	}
	got, p, err := whole(ctx, h, kitchen)
	if err := first(err, sameEvents("all", got, l.events), want("head", p.Head, 10)); err != nil {
		return err
	}
	for _, after := range []chat.Seq{1, 2, 8} { // whoever stands in it crosses it
		p, err := h.Page(ctx, kitchen, chat.After(after, 10).All())
		if err := first(err, sameEvents("behind a position in the void", p.Events, l.events[1:])); err != nil {
			return err
		}
	}
	p, err = h.Page(ctx, kitchen, chat.Latest(10))
	return first(err, want("the number of texts", len(p.Events), 2), chat.CheckDense(p.Events, false))
}

func appendInvalid(ctx context.Context, h storage.History) error {
	for name, spoil := range map[string]func(*chat.Event){
		"room":    func(e *chat.Event) { e.Room = chat.RoomID{} },
		"id":      func(e *chat.Event) { e.ID = chat.EventID{} },
		"time":    func(e *chat.Event) { e.At = time.Time{} },
		"content": func(e *chat.Event) { e.Content = nil },
		"seq":     func(e *chat.Event) { e.Seq = 0 },
	} {
		batch := append(ofTexts(kitchen, 1), ofTexts(lobby, 1)...)
		spoil(&batch[0])
		if err := failedAt(h.Append(ctx, batch[:1]), 0, chat.ErrInvalid); err != nil {
			return fmt.Errorf("no %s: %w", name, err)
		}
	}
	_, p, err := whole(ctx, h, kitchen)
	return first(err, want("head", p.Head, 0))
}

func appendLarge(ctx context.Context, h storage.History) error {
	events := ofTexts(kitchen, chat.MaxBatch+1)
	if err := h.Append(ctx, events); !errors.Is(err, chat.ErrTooLarge) {
		return fmt.Errorf("%v, want %v", err, chat.ErrTooLarge)
	}
	_, p, err := whole(ctx, h, kitchen)
	if err := first(err, want("head", p.Head, 0), h.Append(ctx, events[:chat.MaxBatch]), h.Append(ctx, nil)); err != nil {
		return err
	}
	_, p, err = whole(ctx, h, kitchen)
	return first(err, want("head", p.Head, chat.MaxBatch))
}

func historyTenants(ctx context.Context, h storage.History) error {
	rooms := []chat.RoomID{{Tenant: "a", Key: "b:c"}, {Tenant: "a.b", Key: "c"}, {Tenant: "a", Key: "b/c"}, {Tenant: "b", Key: "b:c"}}
	logs := map[chat.RoomID][]chat.Event{}
	for i, room := range rooms {
		logs[room] = mixed(room, 10+i)
		if err := h.Append(ctx, logs[room]); err != nil {
			return err
		}
	}
	for _, room := range rooms {
		got, _, err := whole(ctx, h, room)
		if err := first(err, sameEvents(room.String(), got, logs[room])); err != nil {
			return err
		}
		var ids []storage.Ref
		for _, e := range logs[rooms[0]] {
			ids = append(ids, storage.Ref{Room: room, ID: e.ID})
		}
		p, err := h.Lookup(ctx, ids)
		if err != nil {
			return err
		}
		if room != rooms[0] && len(p.Events) > 0 {
			return fmt.Errorf("%v finds an event of %v", room, p.Events[0].Room)
		}
	}
	var scanned int
	for e, err := range h.Scan(ctx, storage.Span{Tenant: "a"}, "") {
		if err != nil {
			return err
		}
		if e.Event.Room.Tenant != "a" {
			return fmt.Errorf("a scan of tenant a finds %v", e.Event.Room)
		}
		scanned++
	}
	return want("the number of events scanned", scanned, len(logs[rooms[0]])+len(logs[rooms[2]]))
}

func appendMany(ctx context.Context, h storage.History) error {
	var wg sync.WaitGroup
	errs := make([]error, 8)
	for i := range errs {
		wg.Go(func() {
			room := chat.RoomID{Tenant: "acme", Key: fmt.Sprint("room", i)}
			events := mixed(room, 200)
			for n := 0; n < len(events); n += 10 {
				if errs[i] = h.Append(ctx, events[n:n+10]); errs[i] != nil {
					return
				}
				got, p, err := whole(ctx, h, room)
				// What was acknowledged is there at once.
				if errs[i] = first(err, want("head", p.Head, chat.Seq(n+10)), sameEvents(room.String(), got, events[:n+10])); errs[i] != nil {
					return
				}
			}
		})
	}
	wg.Wait()
	return errors.Join(errs...)
}

var historyLifeCases = []HistoryCase{
	{Name: "everything is there after reopening", Why: "what was acknowledged is durable", Run: historyReopened},
	{Name: "two at once see the same", Why: "nodes share an archive", Run: historyTwo},
	{Name: "a done context does nothing", Why: "whoever gave up gets his answer at once, and no effect", Run: atHistory(historyDone)},
	{Name: "a closed archive says so", Why: "a late call must fail clearly", Run: historyClosed},
	{Name: "closing twice is no error", Why: "shutdown paths meet", Run: historyClosedTwice},
}

func historyReopened(ctx context.Context, s *HistorySite) error {
	events := mixed(kitchen, 500)
	if err := atHistory(func(ctx context.Context, h storage.History) error { return put(ctx, h, events) })(ctx, s); err != nil {
		return err
	}
	return atHistory(func(ctx context.Context, h storage.History) error {
		got, _, err := whole(ctx, h, kitchen)
		if err := first(err, sameEvents("all", got, events)); err != nil {
			return err
		}
		return first(h.Append(ctx, events[490:]), failedAt(h.Append(ctx, ofTexts(kitchen, 1)), 0, chat.ErrConflict))
	})(ctx, s)
}

func historyTwo(ctx context.Context, s *HistorySite) error {
	return atHistory(func(ctx context.Context, a storage.History) error {
		return atHistory(func(ctx context.Context, b storage.History) error {
			events := mixed(kitchen, 100)
			for n := 0; n < len(events); n += 20 {
				if err := []storage.History{a, b}[n/20%2].Append(ctx, events[n:n+20]); err != nil {
					return err
				}
				for _, h := range []storage.History{a, b} {
					got, _, err := whole(ctx, h, kitchen)
					if err := first(err, sameEvents("all", got, events[:n+20])); err != nil {
						return err
					}
				}
			}
			return nil
		})(ctx, s)
	})(ctx, s)
}

// historyCalls are all methods of an archive.
func historyCalls(ctx context.Context, h storage.History) map[string]error {
	errs := map[string]error{}
	errs["append"] = h.Append(ctx, ofTexts(lobby, 1))
	_, errs["page"] = h.Page(ctx, kitchen, chat.Latest(1))
	_, errs["lookup"] = h.Lookup(ctx, []storage.Ref{{Room: kitchen, Seq: 1}})
	_, errs["rooms"] = h.Rooms(ctx, 0, chat.RoomID{}, 1)
	errs["erase"] = h.Erase(ctx, []chat.Position{{Room: kitchen, Seq: 1}})
	for _, err := range h.Scan(ctx, storage.Span{Tenant: "acme"}, "") {
		errs["scan"] = err
		break
	}
	if _, ok := h.(storage.Pruner); ok {
		errs["prune"] = storage.Prune(ctx, h, storage.Span{Tenant: "acme"}, epoch.Add(time.Hour))
	}
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

func historyDone(ctx context.Context, h storage.History) error {
	events := ofTexts(kitchen, 3)
	if err := h.Append(ctx, events); err != nil {
		return err
	}
	done, cancel := context.WithCancel(ctx)
	cancel()
	if err := allAre(historyCalls(done, h), context.Canceled); err != nil {
		return err
	}
	got, _, err := whole(ctx, h, kitchen)
	_, p, err2 := whole(ctx, h, lobby)
	return first(err, err2, sameEvents("all", got, events), want("the other room's head", p.Head, 0))
}

func historyClosed(ctx context.Context, s *HistorySite) error {
	h, closeIt, err := s.Open(ctx)
	if err := first(err, h.Append(ctx, ofTexts(kitchen, 1)), closeIt()); err != nil {
		return err
	}
	return allAre(historyCalls(ctx, h), chat.ErrClosed)
}

func historyClosedTwice(ctx context.Context, s *HistorySite) error {
	_, closeIt, err := s.Open(ctx)
	return first(err, closeIt(), closeIt())
}

// sameSeqs compares the positions of events.
func sameSeqs(got []chat.Event, want ...chat.Seq) error {
	seqs := make([]chat.Seq, len(got))
	for i := range got {
		seqs[i] = got[i].Seq
	}
	if len(seqs)+len(want) > 0 && !reflect.DeepEqual(seqs, want) {
		return fmt.Errorf("events %v, want %v", seqs, want)
	}
	return nil
}
