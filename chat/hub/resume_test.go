package hub_test

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/chat/hub"
	"github.com/parlor-chat/parlor/drivers/memory"
)

func (k *kit) resume(h *hub.Hub, key string, r hub.Resume) *hub.Session {
	k.t.Helper()
	s, err := h.As(user(key)).Connect(k.t.Context(), hub.Device{Resume: r})
	ok(k.t, err)
	k.t.Cleanup(func() { s.Close() })
	return s
}

// heard are the bodies of the next n deliveries, with their room if there are several.
func heard(t *testing.T, s *hub.Session, n int) []string {
	t.Helper()
	var all []string
	for _, e := range next(t, s, n) {
		switch c := e.Content.(type) {
		case *chat.Text:
			all = append(all, c.Body)
		default:
			all = append(all, string(e.Kind()))
		}
	}
	return all
}

func TestASessionResumesOnAnyNode(t *testing.T) {
	for _, c := range []struct {
		name string
		end  func(*hub.Session)
	}{
		{"closed", func(s *hub.Session) { s.Close() }},
		{"alive", func(*hub.Session) {}},
	} {
		t.Run(c.name, func(t *testing.T) {
			k := newKit(t, nil)
			other := k.node(nil)
			s := k.connect(k.Hub, "bob", 0)
			for i := range 3 {
				k.say("ann", fmt.Sprint(i))
			}
			same(t, heard(t, s, 2), []string{"0", "1"})
			at := s.Resume()
			c.end(s)
			if again := s.Resume(); c.name == "alive" && again != at {
				t.Error("nothing was taken, and the token is another")
			}
			k.say("ann", "3")
			ok(t, k.Admin().CatchUp(t.Context()))
			k.say("ann", "4")
			r := k.resume(other, "bob", at)
			k.say("ann", "5")
			same(t, heard(t, r, 4), []string{"2", "3", "4", "5"})
			at = r.Resume()
			r = k.resume(k.Hub, "bob", at)
			k.say("ann", "6")
			same(t, heard(t, r, 1), []string{"6"})
		})
	}
}

// A session that was cut off for its full queue must go on with what it didn't get.
func TestWhoWasCutOffResumesWithoutAGap(t *testing.T) {
	k := newKit(t, nil)
	lobby := k.room("lobby")
	ok(t, k.in("bob", lobby).Join(t.Context()))
	s, witness := k.connect(k.Hub, "bob", 2), k.connect(k.Hub, "bob", 0)
	var want []string
	for i := range 6 {
		body := fmt.Sprint(i)
		room := []chat.RoomID{k.kitchen, lobby}[i%2]
		_, err := k.in("ann", room).Send(t.Context(), chat.Text{Body: body})
		ok(t, err)
		want = append(want, body)
	}
	heard(t, witness, 6) // all were delivered
	var got []string
	buf := make([]*hub.Delivery, 1)
	for {
		_, err := s.Next(t.Context(), buf)
		if errors.Is(err, chat.ErrCutOff) {
			break
		}
		ok(t, err)
		got = append(got, buf[0].Event.Content.(*chat.Text).Body)
	}
	missed := 6 - len(got)
	r := k.resume(k.Hub, "bob", s.Resume())
	got = append(got, heard(t, r, missed)...)
	slices.Sort(got) // each room keeps its order; between rooms, times may be equal
	same(t, got, want)
	s.Close()
	r2 := k.resume(k.Hub, "bob", s.Resume())
	heard(t, r2, missed)
}

func TestAResumeShowsWhatMayBeSeenNow(t *testing.T) {
	k := newKit(t, nil)
	private := k.in("ann", k.kitchen)
	s := k.connect(k.Hub, "bob", 0)
	at := s.Resume()
	s.Close()
	text := k.say("ann", "secret")
	_, err := private.Retract(t.Context(), text.ID, "")
	ok(t, err)
	lobby := k.room("lobby")
	_, err = k.in("ann", lobby).Send(t.Context(), chat.Text{Body: "before bob came"})
	ok(t, err)
	ok(t, k.in("bob", lobby).Join(t.Context()))
	_, err = k.in("ann", lobby).Send(t.Context(), chat.Text{Body: "behind"})
	ok(t, err)
	// On a node that hears the rooms for the first time, all of it lies behind.
	r := k.resume(k.node(nil), "bob", at)
	got := heard(t, r, 4)
	slices.Sort(got)
	same(t, got, []string{"behind", "member", "retract", "tombstone"})

	at = r.Resume()
	r.Close()
	k.say("ann", "not for bob any more")
	ok(t, private.SetMember(t.Context(), "bob", chat.RoleBanned, ""))
	_, err = k.in("ann", lobby).Send(t.Context(), chat.Text{Body: "for all"})
	ok(t, err)
	same(t, heard(t, k.resume(k.Hub, "bob", at), 1), []string{"for all"})
}

func TestResumeRefuses(t *testing.T) {
	k := newKit(t, nil)
	s := k.connect(k.Hub, "bob", 0)
	good := s.Resume()
	raw, err := base64.RawURLEncoding.DecodeString(string(good))
	ok(t, err)
	stranger := newKit(t, nil)
	for name, c := range map[string]struct {
		hub   *hub.Hub
		user  string
		token hub.Resume
		kind  error
	}{
		"of another user": {k.Hub, "ann", good, chat.ErrInvalid},
		"of another hub":  {stranger.Hub, "bob", good, chat.ErrInvalid},
		"no base64":       {k.Hub, "bob", "*", chat.ErrInvalid},
		"empty inside":    {k.Hub, "bob", "AQ", chat.ErrInvalid},
		"huge":            {k.Hub, "bob", hub.Resume(strings.Repeat("A", 2<<20)), chat.ErrTooLarge},
	} {
		_, err := c.hub.As(user(c.user)).Connect(t.Context(), hub.Device{Resume: c.token})
		if fails(t, err, c.kind, "device.resume"); t.Failed() {
			t.Fatal(name)
		}
	}
	for i := range raw { // cut, and flipped at each byte
		_, err := k.as("bob").Connect(t.Context(), hub.Device{Resume: hub.Resume(base64.RawURLEncoding.EncodeToString(raw[:i]))})
		if i > 0 {
			fails(t, err, chat.ErrInvalid, "device.resume")
		}
		bad := slices.Clone(raw)
		bad[i] ^= 0x40
		_, err = k.as("bob").Connect(t.Context(), hub.Device{Resume: hub.Resume(base64.RawURLEncoding.EncodeToString(bad))})
		fails(t, err, chat.ErrInvalid, "device.resume")
	}
}

func TestWhoMissedTooMuchReadsPages(t *testing.T) {
	k := newKit(t, nil)
	at := k.connect(k.Hub, "bob", 0).Resume()
	room := k.in("ann", k.kitchen)
	for i := range hub.MaxMissed {
		_, err := room.Send(t.Context(), chat.Text{Body: fmt.Sprint(i)})
		ok(t, err)
	}
	r := k.resume(k.node(nil), "bob", at) // where all of it lies behind
	if got := heard(t, r, hub.MaxMissed); got[hub.MaxMissed-1] != fmt.Sprint(hub.MaxMissed-1) {
		t.Error(got[hub.MaxMissed-1])
	}
	k.say("ann", "one too many")
	_, err := k.node(nil).As(user("bob")).Connect(t.Context(), hub.Device{Resume: at})
	fails(t, err, chat.ErrExpired, "device.resume")
}

// A service whose broker lost what a client has seen can't go on from there.
func TestAPositionThatTheRoomDoesntHaveIsExpired(t *testing.T) {
	k := newKit(t, nil)
	s := k.connect(k.Hub, "bob", 0)
	k.say("ann", "seen")
	heard(t, s, 1)
	at := s.Resume()
	set := k.store.Set()
	set.Broker = memory.New(nil).Broker()
	h, err := hub.New(t.Context(), set, nil)
	ok(t, err)
	defer h.Shutdown(context.Background())
	_, err = h.As(user("bob")).Connect(t.Context(), hub.Device{Resume: at})
	fails(t, err, chat.ErrExpired, "device.resume")
}

func TestASessionOfARevokedUserEnds(t *testing.T) {
	var revoked chat.UserID
	k := newKit(t, &hub.Options{Policy: func(_ context.Context, a hub.Action) error {
		if a.Verb == hub.VerbConnect && a.User == revoked {
			return errors.New("left the company")
		}
		return nil
	}})
	s := k.connect(k.Hub, "bob", 0)
	revoked = user("bob")
	ok(t, k.Admin().Recheck(t.Context(), user("bob")))
	_, err := s.Next(t.Context(), make([]*hub.Delivery, 1))
	fails(t, err, chat.ErrForbidden, "policy")
}
