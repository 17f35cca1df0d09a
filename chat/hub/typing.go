package hub

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/presence"
)

// SignalTyping is the name of the signal that tells that somebody is typing in a room; its
// data is "on", or "off" where he stopped. It comes again while he goes on; [Typists] follows
// it.
const SignalTyping = "typing"

// TypingFor is how long somebody is held to be typing who doesn't say so again.
const TypingFor = 10 * time.Second

// How often it is told that one user types in one room, and that he stopped; and what one
// user may have told in all rooms. Each node counts for itself.
var (
	typingOn   = presence.Rate{Events: 1, Per: 4 * time.Second, Burst: 1}
	typingOff  = presence.Rate{Events: 1, Per: time.Second, Burst: 1}
	typingUser = presence.Rate{Events: 2, Per: time.Second, Burst: 20}
)

// Typing tells the sessions that are heard in the room that the user is typing there, or that
// he stopped; by a [SignalTyping], which is stored nowhere and may be lost. It ends by
// itself after [TypingFor], or when he says something. So call it with each key: it is told
// once in 4 seconds, and what isn't told is no error.
//
// Whoever may not write in the room is [chat.ErrForbidden]. Whoever types in so many rooms
// that it takes more than 2 signals a second, or 20 at once, is [chat.ErrRateLimited] with
// the field "user".
func (r Room) Typing(ctx context.Context, on bool) error {
	const op = "typing"
	leave, err := r.h.gate.enter(ctx, op)
	if err != nil {
		return err
	}
	defer leave()
	m, err := r.h.standing(ctx, op, r.user, r.id)
	if err != nil {
		return err
	}
	if err := r.h.may(ctx, op, m, toSend); err != nil {
		return err
	}
	if err := r.h.allow(ctx, op, Action{User: r.user, Room: r.id, Verb: VerbSignal}); err != nil {
		return err
	}
	data, rate := "off", typingOff
	if on {
		data, rate = "on", typingOn
	}
	user := r.user.Tenant + "\x00" + r.user.Key
	taken := r.h.rates.alone.Take(time.Now(),
		presence.Bucket{Key: data + "\x00" + user + "\x00" + r.id.Key, Rate: rate},
		presence.Bucket{Key: "typing\x00" + user, Rate: typingUser})
	switch taken.Short {
	case 0:
		return nil
	case 1:
		return &chat.Error{Kind: chat.ErrRateLimited, Op: op, Field: "user", Limit: int64(typingUser.Burst), Retry: taken.Wait}
	}
	return r.h.set.Broker.Signal(ctx, chat.Signal{Room: r.id, From: r.user, Name: SignalTyping, Data: []byte(data)})
}

// MaxTypists is of how many people [Typists] knows at most that they type.
const MaxTypists = 1000

// Typists follows who is typing in the rooms of a session. The zero value is ready; one
// goroutine at a time may use it.
type Typists struct{ until map[typist]time.Time }

type typist struct {
	room chat.RoomID
	user chat.UserID
}

// Hear takes what the session got at a time. It reports whether it changed who types.
func (t *Typists) Hear(d *Delivery, now time.Time) bool {
	switch {
	case d.Signal != nil && d.Signal.Name == SignalTyping:
		who := typist{d.Signal.Room, d.Signal.From}
		if string(d.Signal.Data) != "on" {
			return t.end(who, now)
		}
		return t.begin(who, now)
	case d.Event != nil && d.Event.IsText():
		return t.end(typist{d.Event.Room, d.Event.Sender}, now)
	}
	return false
}

func (t *Typists) begin(who typist, now time.Time) bool {
	if t.until == nil {
		t.until = map[typist]time.Time{}
	}
	was := t.until[who].After(now)
	if !was && len(t.until) >= MaxTypists {
		for x, until := range t.until {
			if !until.After(now) {
				delete(t.until, x)
			}
		}
		if len(t.until) >= MaxTypists {
			return false
		}
	}
	t.until[who] = now.Add(TypingFor)
	return !was
}

func (t *Typists) end(who typist, now time.Time) bool {
	was := t.until[who].After(now)
	delete(t.until, who)
	return was
}

// In are those who type in a room at a time, by key.
func (t *Typists) In(room chat.RoomID, now time.Time) []chat.UserID {
	var all []chat.UserID
	for x, until := range t.until {
		if x.room == room && until.After(now) {
			all = append(all, x.user)
		}
	}
	slices.SortFunc(all, func(a, b chat.UserID) int { return cmp.Compare(a.Key, b.Key) })
	return all
}
