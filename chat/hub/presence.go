package hub

import (
	"context"
	"slices"
	"time"

	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/presence"
)

// Presence is what a session tells of its user.
type Presence struct {
	Show     presence.Show // not Offline: close the session for that
	Status   string        // in the user's words; a name by its limits
	Priority int8          // RFC 6121, section 4.7.2.3
}

// MaxWatched is how many people a session may watch.
const MaxWatched = 1000

// SetPresence tells others how the session's user is. It is told within moments, or
// when the registry can be reached again.
func (s *Session) SetPresence(p Presence) error {
	const op = "set presence"
	probe := presence.Session{User: s.user, ID: s.id, Show: p.Show, Status: p.Status, Priority: p.Priority}
	if err := probe.Check(op); err != nil {
		return err
	}
	if p.Show == presence.Offline {
		return &chat.Error{Kind: chat.ErrInvalid, Op: op, Field: "show"}
	}
	return s.h.crowd.set(s, p)
}

// Active says that somebody uses the device now. A session that isn't used for
// [Options.AwayAfter] is shown as away until then, if it was shown as available.
func (s *Session) Active() { s.h.crowd.active(s) }

// WatchPresence has the session told of these people of its tenant, in deliveries with
// Presence: first how each is now, then whenever that changes; without sessions: he is
// gone. Of several changes only the last may be told. It takes the place of whom the
// session watched before; nobody ends it. At most [MaxWatched].
func (s *Session) WatchPresence(ctx context.Context, userKeys ...string) error {
	const op = "watch presence"
	leave, err := s.User().enter(ctx, op)
	if err != nil {
		return err
	}
	defer leave()
	users, err := s.h.people(ctx, op, s.user, userKeys, MaxWatched)
	if err != nil {
		return err
	}
	return s.h.crowd.watch(ctx, s, users)
}

// Presence reads how people of the user's tenant are, in the order given; those who
// aren't here have no sessions. At most [chat.MaxBatch].
func (u User) Presence(ctx context.Context, userKeys ...string) ([]presence.State, error) {
	const op = "presence"
	leave, err := u.enter(ctx, op)
	if err != nil {
		return nil, err
	}
	defer leave()
	users, err := u.h.people(ctx, op, u.id, userKeys, chat.MaxBatch)
	if err != nil {
		return nil, err
	}
	return u.h.states(ctx, users)
}

// Occupants lists who is in the room now, by user key, behind after, with those of
// their sessions that are: of members, all that are connected (in their first
// [presence.MaxRooms] rooms). limit is from 1 to [chat.MaxBatch]; a list shorter than
// that is at its end.
func (r Room) Occupants(ctx context.Context, after string, limit int) ([]presence.State, error) {
	const op = "occupants"
	leave, err := r.h.gate.enter(ctx, op)
	if err != nil {
		return nil, err
	}
	defer leave()
	if err := checkLimit(op, limit); err != nil {
		return nil, err
	}
	if _, err := r.h.standing(ctx, op, r.user, r.id); err != nil {
		return nil, err
	}
	if err := r.h.allow(ctx, op, Action{User: r.user, Room: r.id, Verb: VerbPresence}); err != nil {
		return nil, err
	}
	return r.h.set.Registry.In(ctx, r.id, after, limit)
}

// people names users of one tenant whom somebody asks about.
func (h *Hub) people(ctx context.Context, op string, by chat.UserID, keys []string, most int) ([]chat.UserID, error) {
	if len(keys) > most {
		return nil, &chat.Error{Kind: chat.ErrTooLarge, Op: op, Field: "users", Limit: int64(most)}
	}
	users := make([]chat.UserID, len(keys))
	for i, key := range keys {
		users[i] = chat.UserID{Tenant: by.Tenant, Key: key}
		if err := users[i].Check(op); err != nil {
			return nil, err
		}
	}
	return users, h.allow(ctx, op, Action{User: by, Verb: VerbPresence})
}

// states reads people from the registry, those without sessions too.
func (h *Hub) states(ctx context.Context, users []chat.UserID) ([]presence.State, error) {
	here, err := h.set.Registry.Of(ctx, users)
	if err != nil {
		return nil, err
	}
	all := make([]presence.State, len(users))
	for i, u := range users {
		all[i].User = u
		if j := slices.IndexFunc(here, func(s presence.State) bool { return s.User == u }); j >= 0 {
			all[i] = here[j]
		}
	}
	return all, nil
}

// shown is a session as others see it.
func (s *Session) shown(now time.Time, awayAfter time.Duration) presence.Session {
	p := s.presence
	if s.idle(now, awayAfter) {
		p.Show = presence.Away
	}
	return presence.Session{User: s.user, ID: s.id, Device: s.device.Name, Show: p.Show, Status: p.Status, Priority: p.Priority}
}

// idle says whether a session that says it is available has not been used for long.
func (s *Session) idle(now time.Time, awayAfter time.Duration) bool {
	return awayAfter > 0 && s.presence.Show >= presence.Available && now.Sub(s.used) >= awayAfter
}
