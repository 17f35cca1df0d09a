package hub_test

import (
	"context"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/chat/hub"
	"github.com/parlor-chat/parlor/storage"
)

// hold enters a hold, and returns how it is released.
func (k *kit) hold(of storage.Subject) (release func()) {
	k.t.Helper()
	of.Tenant = "acme"
	d := k.store.Directory()
	held, err := d.Enter(k.t.Context(), storage.LedgerEntry{ID: chat.NewID(), Act: storage.Held, Of: of, At: time.Now(), By: "Dora", Why: "case 4711"})
	ok(k.t, err)
	return func() {
		_, err := d.Enter(k.t.Context(), storage.LedgerEntry{ID: chat.NewID(), Act: storage.Released, Of: of, About: held.Seq, At: time.Now(), By: "Dora"})
		ok(k.t, err)
	}
}

func TestAHoldStopsAnErasure(t *testing.T) {
	k := newKit(t, nil)
	text := k.say("ann", "held")
	edit, err := k.in("ann", k.kitchen).Edit(t.Context(), text.ID, chat.Text{Body: "held, too"})
	ok(t, err)
	for name, of := range map[string]storage.Subject{"the tenant": {}, "the room": {Room: k.kitchen.Key}, "who said it": {User: "ann"}} {
		release := k.hold(of)
		for _, id := range []chat.EventID{text.ID, edit.ID} {
			_, err := k.Admin().Erase(t.Context(), k.kitchen, id, "asked for")
			fails(t, err, chat.ErrForbidden, "hold")
			if !strings.Contains(err.Error(), "hold ") || strings.Contains(err.Error(), "4711") {
				t.Errorf("%s is held: %v", name, err)
			}
		}
		if p := k.page("bob", chat.Latest(10)); p.Messages[0].Gone != nil || p.Messages[0].Text.Body != "held, too" {
			t.Errorf("%s is held: %+v", name, p.Messages[0])
		}
		release()
	}
	owed, err := k.store.Directory().Owed(t.Context(), 0, 10)
	ok(t, err)
	if len(owed) != 0 {
		t.Errorf("what was stopped is in the ledger: %+v", owed)
	}
	// A hold of others stops nothing.
	defer k.hold(storage.Subject{User: "bob"})()
	defer k.hold(storage.Subject{Room: "elsewhere"})()
	first, err := k.Admin().Erase(t.Context(), k.kitchen, text.ID, "asked for")
	ok(t, err)
	owed, err = k.store.Directory().Owed(t.Context(), 0, 10)
	ok(t, err)
	if len(owed) != 1 || owed[0].Why != "asked for" || owed[0].Act != storage.Erased || time.Since(owed[0].At) > time.Hour ||
		owed[0].Of != (storage.Subject{Tenant: "acme", Room: k.kitchen.Key, User: "ann", Event: text.ID}) {
		t.Errorf("owed are %+v", owed)
	}
	// What stands in the ledger before a hold is done, and asked for again changes nothing.
	defer k.hold(storage.Subject{Room: k.kitchen.Key})()
	time.Sleep(2 * time.Millisecond) // it is another time in the ledger
	again, err := k.Admin().Erase(t.Context(), k.kitchen, text.ID, "asked for")
	ok(t, err)
	if !again.Duplicate || again.Seq != first.Seq {
		t.Errorf("%+v, first %+v", again, first)
	}
	if p := k.page("bob", chat.Latest(10)); p.Messages[0].Gone == nil {
		t.Errorf("%+v", p.Messages[0])
	}
}

// late places an edit as a node does that had it pending while its text was erased.
func (k *kit) late(text chat.EventID, body string) chat.Position {
	k.t.Helper()
	e := chat.Event{ID: chat.NewID(), Room: k.kitchen, Sender: chat.UserID{Tenant: "acme", Key: "ann"}, Target: text,
		Content: &chat.Edit{New: chat.Text{Body: body}}}
	receipts, err := k.store.Broker().Publish(k.t.Context(), []chat.Event{e})
	ok(k.t, err)
	return chat.Position{Room: k.kitchen, Seq: receipts[0].Seq}
}

// An edit that is placed behind the erasure of its text is erased, too, whether the archive
// has the erasure or gets both at once, and whether the head still has it.
func TestAnEditBehindAnErasureIsErased(t *testing.T) {
	k := newKit(t, nil)
	isGone := func(when string, p chat.Position) {
		t.Helper()
		ok(t, k.Admin().CatchUp(t.Context()))
		page, err := k.store.History().Lookup(t.Context(), []storage.Ref{{Room: p.Room, Seq: p.Seq}})
		ok(t, err)
		for _, e := range append(page.Events, page.Changes...) {
			if e.Seq == p.Seq && e.Kind() != chat.KindTombstone {
				t.Errorf("%s: the archive has %+v", when, e.Content)
			}
		}
		for _, e := range k.page("bob", chat.Around(p.Seq, 1).All()).Events {
			if e.Seq == p.Seq && e.Kind() != chat.KindTombstone {
				t.Errorf("%s: a page shows %+v", when, e.Content)
			}
		}
		if hits := k.search("bob", hub.Query{Text: "late"}).Hits; len(hits) > 0 {
			t.Errorf("%s: it is found: %v", when, hits)
		}
	}
	for name, apart := range map[string]int{"at once": 0, "archived": 1, "out of the head": 100} {
		text := k.say("ann", "to be erased")
		_, err := k.Admin().Erase(t.Context(), k.kitchen, text.ID, "asked for")
		ok(t, err)
		if apart > 0 {
			ok(t, k.Admin().CatchUp(t.Context()))
		}
		for range apart {
			k.say("bob", "noise")
		}
		p := k.late(text.ID, "late "+name)
		isGone(name, p)
		for range 100 {
			k.say("bob", "noise")
		}
		isGone(name+", later", p)
	}
}

// A store that was restored may have the erasure and an edit behind it with its bytes.
func TestErasingAgainTakesEditsBehindIt(t *testing.T) {
	k := newKit(t, nil)
	text := k.say("ann", "to be erased")
	erase, err := k.Admin().Erase(t.Context(), k.kitchen, text.ID, "asked for")
	ok(t, err)
	ok(t, k.Admin().CatchUp(t.Context()))
	edit := chat.Event{ID: chat.NewID(), Room: k.kitchen, Seq: erase.Seq + 1, TextSeq: erase.TextSeq, At: erase.At,
		Sender: chat.UserID{Tenant: "acme", Key: "ann"}, Target: text.ID, Content: &chat.Edit{New: chat.Text{Body: "late"}}}
	ok(t, k.store.History().Append(t.Context(), []chat.Event{edit}))
	done, err := k.Admin().EraseAgain(t.Context(), k.store.Directory())
	ok(t, err)
	page, err := k.store.History().Lookup(t.Context(), []storage.Ref{{Room: k.kitchen, Seq: edit.Seq}})
	ok(t, err)
	if done != 1 || len(page.Events) != 1 || page.Events[0].Kind() != chat.KindTombstone {
		t.Errorf("%d done: %+v", done, page.Events)
	}
}

// noLedger is a directory that can't be written.
type noLedger struct{ storage.Directory }

func (noLedger) Enter(context.Context, storage.LedgerEntry) (storage.LedgerEntry, error) {
	return storage.LedgerEntry{}, &chat.Error{Kind: chat.ErrUnavailable, Op: "enter"}
}

// What can't be entered into the ledger isn't erased: nobody would know of it after a
// restore, nor whether it is held.
func TestWithoutTheLedgerNothingIsErased(t *testing.T) {
	k := newKit(t, nil)
	text := k.say("ann", "still here")
	set := k.store.Set()
	set.Directory = noLedger{set.Directory}
	h, err := hub.New(t.Context(), set, &hub.Options{Logger: slog.New(slog.DiscardHandler)})
	ok(t, err)
	defer h.Shutdown(context.Background())
	_, err = h.Admin().Erase(t.Context(), k.kitchen, text.ID, "asked for")
	fails(t, err, chat.ErrUnavailable, "")
	if p := k.page("bob", chat.Latest(10)); p.Messages[0].Gone != nil {
		t.Errorf("%+v", p.Messages[0])
	}
}
