package hub_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"strings"
	"testing"

	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/chat/hub"
	"github.com/parlor-chat/parlor/search"
	"github.com/parlor-chat/parlor/storage"
)

// told is what k has of each room, as "who: text" by who may read it.
func (k *kit) told(room chat.RoomID, reader string) (lines []string) {
	k.t.Helper()
	p, err := k.in(reader, room).Page(k.t.Context(), chat.Latest(100))
	ok(k.t, err)
	for _, m := range p.Messages {
		line := m.Sender.Key + ": "
		if m.Gone != nil {
			line += "-"
		} else {
			line += m.Text.Body
		}
		lines = append(lines, line)
	}
	return lines
}

// town is a kit in which ann and bob spoke in the kitchen, in private, and with each other.
func town(t *testing.T) (k *kit, attic, direct chat.RoomID) {
	k = newKit(t, nil)
	ctx := t.Context()
	private, err := k.as("ann").Create(ctx, storage.Room{Kind: storage.Private, Title: "Attic"})
	ok(t, err)
	ok(t, private.SetMember(ctx, "bob", chat.RoleMember, ""))
	two, err := k.as("bob").Direct(ctx, "ann")
	ok(t, err)
	for _, room := range []chat.RoomID{k.kitchen, private.ID(), two.ID()} {
		for _, who := range []string{"ann", "bob"} {
			first, err := k.in(who, room).Send(ctx, chat.Text{Body: "soup of " + who})
			ok(t, err)
			_, err = k.in(who, room).Edit(ctx, first.ID, chat.Text{Body: "pasta of " + who})
			ok(t, err)
			gone, err := k.in(who, room).Send(ctx, chat.Text{Body: "regret of " + who})
			ok(t, err)
			_, err = k.in(who, room).Retract(ctx, gone.ID, "")
			ok(t, err)
			_, err = k.in("ann", room).React(ctx, first.ID, []string{"👍"})
			ok(t, err)
		}
	}
	return k, private.ID(), two.ID()
}

// holds says whether a word is anywhere in the archive or the index.
func (k *kit) holds(word string) bool {
	k.t.Helper()
	for e, err := range k.store.History().Scan(k.t.Context(), storage.Span{Tenant: "acme"}, "") {
		ok(k.t, err)
		if strings.Contains(string(chat.AppendEvent(nil, &e.Event)), word) {
			return true
		}
	}
	found, err := k.Admin().Search(k.t.Context(), "acme", hub.Query{Where: search.Words(word), Limit: 1, Count: 10})
	ok(k.t, err)
	return found.Count > 0
}

func TestAllThatSomebodySaidIsErased(t *testing.T) {
	k, attic, direct := town(t)
	reader := k.connect(k.Hub, "ann", 0)
	got, err := k.Admin().By("Dora").EraseAll(t.Context(), storage.Subject{Tenant: "acme", User: "bob"}, "article 17")
	ok(t, err)
	if got.Rooms != 3 || got.Texts != 6 || got.Entry.Seq != 1 || got.Entry.By != "Dora" || got.Entry.Why != "article 17" || got.Entry.Act != storage.Erased {
		t.Errorf("%+v", got)
	}
	for _, room := range []chat.RoomID{k.kitchen, attic, direct} {
		same(t, k.told(room, "ann"), []string{"ann: pasta of ann", "ann: -", "bob: -", "bob: -"})
	}
	for _, word := range []string{"soup of bob", "pasta of bob", "regret of bob"} {
		if k.holds(word) {
			t.Errorf("%q is still there", word)
		}
	}
	if !k.holds("pasta of ann") {
		t.Error("what others said is gone")
	}
	if n := len(next(t, reader, 6)); n != 6 { // live, too
		t.Errorf("%d events were heard", n)
	}
	again, err := k.Admin().EraseAll(t.Context(), storage.Subject{Tenant: "acme", User: "bob"}, "article 17")
	ok(t, err)
	if again.Texts != 0 || again.Rooms != 0 {
		t.Errorf("again: %+v", again)
	}
	k.say("bob", "soup, later")
	again, err = k.Admin().EraseAll(t.Context(), storage.Subject{Tenant: "acme", Room: k.kitchen.Key, User: "bob"}, "")
	ok(t, err)
	if again.Texts != 1 || again.Rooms != 1 || k.holds("later") {
		t.Errorf("what came since: %+v", again)
	}
}

func TestARoomIsErased(t *testing.T) {
	k, attic, direct := town(t)
	got, err := k.Admin().EraseAll(t.Context(), storage.Subject{Tenant: "acme", Room: attic.Key}, "")
	ok(t, err)
	if got.Rooms != 1 || got.Texts != 4 {
		t.Errorf("%+v", got)
	}
	same(t, k.told(attic, "ann"), []string{"ann: -", "ann: -", "bob: -", "bob: -"})
	same(t, k.told(direct, "bob"), []string{"ann: pasta of ann", "ann: -", "bob: pasta of bob", "bob: -"})
}

func TestEraseAllRefuses(t *testing.T) {
	k, attic, _ := town(t)
	_, err := k.Admin().EraseAll(t.Context(), storage.Subject{Tenant: "acme", Room: attic.Key, Event: chat.NewID()}, "")
	fails(t, err, chat.ErrInvalid, "of.event")
	_, err = k.Admin().EraseAll(t.Context(), storage.Subject{}, "")
	fails(t, err, chat.ErrInvalid, "tenant")
	_, err = k.Admin().By(strings.Repeat("x", 257)).EraseAll(t.Context(), storage.Subject{Tenant: "acme"}, "")
	fails(t, err, chat.ErrTooLarge, "by")
	ok(t, k.Admin().CatchUp(t.Context()))
	if !k.holds("pasta of bob") {
		t.Error("something was erased")
	}
}

// A hold of anything that an erasure of all would take stops it whole; released, it goes on.
func TestHoldsAreMadeAndReleased(t *testing.T) {
	k, attic, _ := town(t)
	dora := k.Admin().By("Dora")
	hold, err := dora.Hold(t.Context(), storage.Subject{Tenant: "acme", Room: attic.Key}, "case 4711")
	ok(t, err)
	_, err = k.Admin().EraseAll(t.Context(), storage.Subject{Tenant: "acme", User: "bob"}, "")
	fails(t, err, chat.ErrForbidden, "hold")
	ok(t, k.Admin().CatchUp(t.Context()))
	if !k.holds("pasta of bob") {
		t.Error("something was erased")
	}
	held, err := dora.Holds(t.Context(), "acme", 0, 10)
	ok(t, err)
	if len(held) != 1 || held[0] != hold || hold.By != "Dora" || hold.Why != "case 4711" {
		t.Errorf("%+v, %+v", held, hold)
	}
	_, err = dora.Release(t.Context(), "evil", hold.Seq, "")
	fails(t, err, chat.ErrNotFound, "about")
	_, err = dora.Release(t.Context(), "acme", hold.Seq, "closed")
	ok(t, err)
	_, err = dora.Release(t.Context(), "acme", hold.Seq, "closed")
	fails(t, err, chat.ErrConflict, "")
	held, err = dora.Holds(t.Context(), "acme", 0, 10)
	ok(t, err)
	if len(held) != 0 {
		t.Errorf("%+v", held)
	}
	got, err := k.Admin().EraseAll(t.Context(), storage.Subject{Tenant: "acme", User: "bob"}, "")
	ok(t, err)
	if got.Texts != 6 {
		t.Errorf("%+v", got)
	}
	_, err = dora.Hold(t.Context(), storage.Subject{Tenant: "acme", Room: attic.Key, Event: chat.NewID()}, "")
	fails(t, err, chat.ErrInvalid, "of.event")
}

// breaking is an archive whose scans end in the middle.
type breaking struct {
	storage.History
	after int
}

var errBroken = errors.New("broken")

func (b *breaking) Scan(ctx context.Context, s storage.Span, after storage.Cursor) iter.Seq2[storage.Entry, error] {
	return func(yield func(storage.Entry, error) bool) {
		for e, err := range b.History.Scan(ctx, s, after) {
			if b.after--; b.after == 0 {
				yield(storage.Entry{}, errBroken)
				return
			}
			if !yield(e, err) {
				return
			}
		}
	}
}

// What broke off is done when it is asked for again, and a backup that is put back is erased
// again by the ledger that was in use.
func TestAnErasureThatBreaksOff(t *testing.T) {
	k, attic, direct := town(t)
	ok(t, k.Admin().CatchUp(t.Context()))
	set := k.store.Set()
	set.History = &breaking{set.History, 15}
	h, err := hub.New(t.Context(), set, &hub.Options{Logger: slog.New(slog.DiscardHandler)})
	ok(t, err)
	defer h.Shutdown(context.Background())
	bob := storage.Subject{Tenant: "acme", User: "bob"}
	first, err := h.Admin().EraseAll(t.Context(), bob, "asked for")
	if !errors.Is(err, errBroken) || first.Entry.Seq != 1 {
		t.Fatalf("%+v, %v", first, err)
	}
	second, err := h.Admin().EraseAll(t.Context(), bob, "asked for")
	ok(t, err)
	if first.Texts+second.Texts != 6 || second.Texts == 0 {
		t.Errorf("%+v, then %+v", first, second)
	}
	for _, room := range []chat.RoomID{k.kitchen, attic, direct} {
		same(t, k.told(room, "ann"), []string{"ann: pasta of ann", "ann: -", "bob: -", "bob: -"})
	}
	old, oldAttic, _ := town(t) // as it was
	n, err := old.Admin().EraseAgain(t.Context(), k.store.Directory())
	ok(t, err)
	if n != 1 || old.holds("of bob") {
		t.Errorf("%d entries were done", n)
	}
	same(t, old.told(oldAttic, "ann"), []string{"ann: pasta of ann", "ann: -", "bob: -", "bob: -"})
}

// More than fits into one batch, and into the head.
func TestManyTextsAreErased(t *testing.T) {
	k := newKit(t, nil)
	for i := range 2401 {
		k.say([]string{"ann", "bob"}[i%2], fmt.Sprint("soup ", i))
	}
	got, err := k.Admin().EraseAll(t.Context(), storage.Subject{Tenant: "acme", User: "bob"}, "")
	ok(t, err)
	if got.Texts != 1200 {
		t.Errorf("%+v", got)
	}
	for _, line := range k.told(k.kitchen, "ann") {
		if line != "bob: -" && !strings.HasPrefix(line, "ann: soup") {
			t.Errorf("%q", line)
		}
	}
}
