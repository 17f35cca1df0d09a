package hub

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"time"

	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/storage"
)

// About is what a user wants to be notified of in a room.
type About string

// What one may be notified of.
const (
	AboutDefault  About = ""         // everything in a direct room, mentions in others
	AboutAll      About = "all"      // every text
	AboutMentions About = "mentions" // texts that name him
	AboutNothing  About = "nothing"
)

// Notify is a user's setting for a room.
type Notify struct {
	About About `json:"about,omitempty"`
	// Muted is until when he is notified of nothing, whatever About says; zero: not muted.
	// For good, About is nothing.
	Muted time.Time `json:"muted,omitzero"`
}

// SignalNotify is the name of the signal that tells all sessions of a user, on every node,
// that he changed his setting for a room; its data is the room's key.
const SignalNotify = "parlor.notify"

// Where the settings of a user lie: those that aren't the default, in one value, so that
// a list of rooms and a notifier read them in one round trip.
const (
	notifySpace = "parlor.notify"
	notifyKey   = "rooms"
)

// notifySettings are those of one user, by the rooms' keys.
type notifySettings map[string]Notify

// of is the setting for a room now.
func (s notifySettings) of(room chat.RoomID, now time.Time) Notify {
	n := s[room.Key]
	if !n.Muted.After(now) {
		n.Muted = time.Time{}
	}
	return n
}

// SetNotify says what the user wants to be notified of in the room. Muted is kept in whole
// milliseconds; one that is over is none. It is [chat.ErrTooLarge] with the field "notify"
// where he has settings for more than about 1,000 rooms, and [chat.ErrConflict] where others
// keep changing them.
func (r Room) SetNotify(ctx context.Context, n Notify) error {
	const op = "set notify"
	leave, err := r.h.gate.enter(ctx, op)
	if err != nil {
		return err
	}
	defer leave()
	if _, err := r.h.standing(ctx, op, r.user, r.id); err != nil {
		return err
	}
	switch n.About {
	case AboutDefault, AboutAll, AboutMentions, AboutNothing:
	default:
		return &chat.Error{Kind: chat.ErrInvalid, Op: op, Field: "about"}
	}
	if !n.Muted.IsZero() {
		n.Muted = chat.Time(n.Muted)
	}
	for range 8 { // devices at once; more is no accident
		if err = r.h.putNotify(ctx, op, r, n); !errors.Is(err, chat.ErrConflict) {
			break
		}
	}
	if err != nil {
		return err
	}
	if err := r.h.set.Broker.Signal(ctx, chat.Signal{Room: personalRoom(r.user), From: r.user, To: r.user, Name: SignalNotify, Data: []byte(r.id.Key)}); err != nil {
		r.h.log.Debug("parlor: a user's devices don't hear of his settings", "user", r.user, "error", err)
	}
	return nil
}

// putNotify stores one setting, unless another device stored one meanwhile. What says no
// more than the default is dropped.
func (h *Hub) putNotify(ctx context.Context, op string, r Room, n Notify) error {
	all, version, err := h.notifySettings(ctx, r.user)
	if err != nil {
		return err
	}
	now := time.Now()
	all[r.id.Key] = n
	for key := range all {
		if all[key] = all.of(chat.RoomID{Key: key}, now); all[key] == (Notify{}) {
			delete(all, key)
		}
	}
	value, err := json.Marshal(all)
	switch {
	case err != nil:
		return &chat.Error{Kind: chat.ErrInvalid, Op: op, Field: "muted", Err: err}
	case len(value) > storage.MaxValue:
		return &chat.Error{Kind: chat.ErrTooLarge, Op: op, Field: "notify", Limit: storage.MaxValue}
	}
	_, err = h.set.Directory.Put(ctx, r.user, notifySpace, notifyKey, value, version)
	return err
}

// notifySettings reads a user's settings, and their version.
func (h *Hub) notifySettings(ctx context.Context, u chat.UserID) (notifySettings, int64, error) {
	value, version, err := h.set.Directory.Get(ctx, u, notifySpace, notifyKey)
	all := notifySettings{}
	switch {
	case errors.Is(err, chat.ErrNotFound):
		return all, 0, nil
	case err != nil:
		return nil, 0, err
	}
	if err := json.Unmarshal(value, &all); err != nil || all == nil {
		// Nobody else writes it. Whatever it is, he is notified as by default.
		h.log.Warn("parlor: a user's settings of what to notify him of can't be read", "user", u, "error", err)
		return notifySettings{}, version, nil
	}
	return all, version, nil
}

// Notifies says whether an event that was placed should notify the user: it is a new text
// of another, in a room that he may read, that he wants to be notified of ([Room.SetNotify])
// and has not read yet. Of a text that names him he is notified though he doesn't belong
// there, of others not. A notifier asks it for each event, and as late as it can.
func (u User) Notifies(ctx context.Context, e *chat.Event) (bool, error) {
	const op = "notifies"
	leave, err := u.enter(ctx, op)
	if err != nil {
		return false, err
	}
	defer leave()
	text, ok := e.Content.(*chat.Text)
	if !ok || e.Sender == u.id || e.Origin != nil || e.Room.Tenant != u.id.Tenant {
		return false, nil
	}
	m, err := u.h.standing(ctx, op, u.id, e.Room)
	switch {
	case errors.Is(err, chat.ErrNotFound):
		return false, nil
	case err != nil:
		return false, err
	case e.Seq < max(m.From, m.Since):
		return false, nil
	}
	settings, _, err := u.h.notifySettings(ctx, u.id)
	if err != nil || !settings.of(e.Room, time.Now()).wants(e.Room, slices.Contains(text.Mentions, u.id), m.Role.Belongs()) {
		return false, err
	}
	marks, err := u.h.set.Directory.LookupMarks(ctx, u.id, []chat.RoomID{e.Room})
	if err != nil {
		return false, err
	}
	mark := storage.Mark{User: u.id, Position: chat.Position{Room: e.Room}}
	if len(marks) > 0 {
		mark = marks[0]
	}
	return u.h.marks.over(mark).Seq < e.Seq, nil
}

// wants says whether a text is one to notify somebody of.
func (n Notify) wants(room chat.RoomID, named, belongs bool) bool {
	about := n.About
	if about == AboutDefault {
		about = AboutMentions
		if isDirect(room) {
			about = AboutAll
		}
	}
	switch {
	case !n.Muted.IsZero(), about == AboutNothing:
		return false
	case about == AboutAll && belongs:
		return true
	}
	return named
}
