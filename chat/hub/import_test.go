package hub_test

import (
	"errors"
	"fmt"
	"iter"
	"strings"
	"testing"
	"time"

	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/chat/hub"
	"github.com/parlor-chat/parlor/drivers/memory"
	"github.com/parlor-chat/parlor/storage"
)

var day = time.Date(2007, 5, 1, 12, 0, 0, 0, time.UTC)

// old is a text of another system.
func old(room chat.RoomID, n int, at time.Time) chat.Event {
	return chat.Event{Room: room, Sender: user("cid"), At: at, Content: &chat.Text{Body: fmt.Sprint("old ", n)},
		Origin: &chat.Origin{Source: "irc", ID: fmt.Sprint(n)}}
}

func events(list ...any) iter.Seq2[chat.Event, error] {
	return func(yield func(chat.Event, error) bool) {
		for _, x := range list {
			switch x := x.(type) {
			case chat.Event:
				if !yield(x, nil) {
					return
				}
			case error:
				if !yield(chat.Event{}, x) {
					return
				}
			}
		}
	}
}

func (k *kit) room(key string) chat.RoomID {
	k.t.Helper()
	id := chat.RoomID{Tenant: "acme", Key: key}
	ok(k.t, k.Admin().Create(k.t.Context(), storage.Room{ID: id, Kind: storage.Public, Listed: true}))
	return id
}

func TestImportKeepsTimesAndMayBeRunAgain(t *testing.T) {
	k := newKitWithout(t, nil)
	a, b := k.room("a"), k.room("b")
	list := []any{}
	for i := range 1200 {
		list = append(list, old([]chat.RoomID{a, b}[i%2], i, day.Add(time.Duration(i)*time.Minute)))
	}
	got, err := k.Admin().Import(t.Context(), events(list[:700]...))
	ok(t, err)
	if got != (hub.Imported{Added: 700}) {
		t.Errorf("%+v", got)
	}
	got, err = k.Admin().Import(t.Context(), events(list...))
	ok(t, err)
	if got != (hub.Imported{Added: 500, Known: 700}) {
		t.Errorf("%+v", got)
	}
	// Known for good, though the broker forgets: another broker, the same archive.
	ok(t, k.Admin().CatchUp(t.Context()))
	set := memory.New(nil).Set()
	set.History, set.Directory = k.store.History(), k.store.Directory()
	h, err := hub.New(t.Context(), set, nil)
	ok(t, err)
	defer h.Shutdown(t.Context())
	got, err = h.Admin().Import(t.Context(), events(list...))
	ok(t, err)
	if got != (hub.Imported{Known: 1200}) {
		t.Errorf("%+v", got)
	}
	p, err := k.in("bob", a).Page(t.Context(), chat.At(day.Add(600*time.Minute), 3))
	ok(t, err)
	same(t, bodies(p), []string{"old 598", "old 600", "old 602"})
	if m := p.Messages[1]; !m.At.Equal(day.Add(600*time.Minute)) || m.Origin.Source != "irc" {
		t.Errorf("%+v", m)
	}
}

func TestImportRefusesWhatItMustAndTakesTheRest(t *testing.T) {
	k := newKitWithout(t, nil)
	a := k.room("a")
	broken := errors.New("line 3: not JSON")
	noID, noTime, seq := old(a, 7, day), old(a, 8, time.Time{}), old(a, 9, day)
	noID.Origin, seq.Seq = nil, 1
	huge, nowhere := old(a, 10, day), old(chat.RoomID{Tenant: "acme", Key: "nowhere"}, 11, day)
	huge.Content = &chat.Text{Body: strings.Repeat("x", chat.MaxBody+1)}
	got, err := k.Admin().Import(t.Context(), events(
		old(a, 1, day.Add(time.Hour)), // 0
		old(a, 2, day),                // 1: backwards
		broken,                        // 2
		noID, noTime, seq,             // 3 4 5
		huge, nowhere, // 6 7
		old(a, 12, day.Add(2*time.Hour)), // 8
	))
	var failed *chat.BatchError
	if !errors.As(err, &failed) {
		t.Fatal(err)
	}
	want := map[int]error{1: chat.ErrConflict, 2: broken, 3: chat.ErrInvalid, 4: chat.ErrInvalid, 5: chat.ErrInvalid, 6: chat.ErrTooLarge, 7: chat.ErrNotFound}
	for i, kind := range want {
		if !errors.Is(failed.Items[i], kind) {
			t.Errorf("item %d: %v, want %v", i, failed.Items[i], kind)
		}
	}
	if got != (hub.Imported{Added: 2, Refused: 7}) || len(failed.Items) != 7 {
		t.Errorf("%+v, %v", got, failed.Items)
	}
	p, err := k.in("bob", a).Page(t.Context(), chat.Latest(10))
	ok(t, err)
	same(t, bodies(p), []string{"old 1", "old 12"})
}

func TestImportWaitsForTheArchive(t *testing.T) {
	k := &kit{t: t, store: memory.New(&memory.Options{HeadBytes: 100 << 10})}
	k.Hub = k.node(nil)
	a := k.room("a")
	var list []any
	for i := range 3000 {
		list = append(list, old(a, i, day.Add(time.Duration(i)*time.Second)))
	}
	got, err := k.Admin().Import(t.Context(), events(list...))
	ok(t, err)
	if got != (hub.Imported{Added: 3000}) {
		t.Errorf("%+v", got)
	}
}
