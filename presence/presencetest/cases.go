package presencetest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/presence"
)

var sessionCases = []Case{
	{Name: "sessions come back as written", Why: "others see what somebody set", Run: at(asWritten)},
	{Name: "a session is replaced whole", Why: "who cleared a status must be seen without", Run: at(replaced)},
	{Name: "offline drops a session", Why: "who left must not be shown", Run: at(dropped)},
	{Name: "several devices of one person", Why: "people are here from several places", Run: at(devices)},
	{Name: "people are read in the order asked for", Why: "a list of members asks for many at once", Run: at(inOrder)},
	{Name: "occupants of a room", Why: "a room shows who is in it", Run: at(inRoom)},
	{Name: "occupants page by page", Why: "rooms have thousands", Run: at(inRoomPages)},
	{Name: "tenants are apart", Why: "customers must never see each other", Run: at(tenants)},
	{Name: "counts by tenant", Why: "quick figures", Run: at(counts)},
	{Name: "what is invalid is refused, all or none", Why: "half a set is neither", Run: at(invalid)},
}

var leaseCases = []Case{
	{Name: "a dead node's sessions are gone", Why: "nobody may seem to be here for good", Run: at(deadNode)},
	{Name: "a node that beats keeps its sessions", Why: "who is here must not flicker", Run: at(beats)},
	{Name: "a fresh lease starts empty", Why: "a node must know to set everything again", Run: at(fresh)},
	{Name: "a node without a lease sets nothing", Why: "its sessions would stay for good", Run: at(noLease)},
	{Name: "a session that moved is the new node's", Why: "a reconnect must not end by the old node's late farewell", Run: at(moved)},
}

var watchCases = []Case{
	{Name: "a watch tells what changes", Why: "rosters are live", Run: at(watches)},
	{Name: "a watch tells of a dead node's sessions", Why: "who fell off must be seen to", Run: at(watchesDeath)},
	{Name: "a watch tells the last change", Why: "who is told the last but one shows it for hours", Run: watchesLast},
	{Name: "a watch that nobody reads harms nobody", Why: "one slow node must not stop presence", Run: at(stuckWatch)},
	{Name: "a stop waits for the call that runs", Why: "what the call uses is freed behind it", Run: at(stopWaits)},
	{Name: "a stopped watch is silent", Why: "its program is being torn down", Run: at(stopped)},
}

var lifeCases = []Case{
	{Name: "two openings share one registry", Why: "nodes see each other's people", Run: shared},
	{Name: "a cancelled call changes nothing", Why: "who gave up must not appear", Run: at(cancelled)},
	{Name: "a closed registry says so", Why: "a program that shuts down must know why", Run: closed},
}

func asWritten(ctx context.Context, r presence.Registry) error {
	s := presence.Session{User: ann, ID: "1", Device: "Ann's phone", Show: presence.DoNotDisturb, Status: "baking 🍞",
		Priority: -5, Rooms: []chat.RoomID{lobby, kitchen, lobby}}
	if err := set(ctx, r, "a", s); err != nil {
		return err
	}
	got, err := r.Of(ctx, []chat.UserID{ann})
	if err != nil || len(got) != 1 || len(got[0].Sessions) != 1 {
		return fmt.Errorf("%v, %v", got, err)
	}
	x := got[0].Sessions[0]
	if x.Since.IsZero() {
		return errors.New("since is zero")
	}
	x.Since = time.Time{}
	s.Rooms = []chat.RoomID{kitchen, lobby}
	return same("the session", x, s)
}

func replaced(ctx context.Context, r presence.Registry) error {
	since := func() time.Time {
		all, err := r.Of(ctx, []chat.UserID{ann})
		if err != nil || len(all) == 0 {
			return time.Time{}
		}
		return all[0].Sessions[0].Since
	}
	s := here(ann, "1", presence.Away, kitchen)
	s.Status = "lunch"
	if err := first(set(ctx, r, "a", s), sleep(ctx, 10*time.Millisecond)); err != nil {
		return err
	}
	before := since()
	s.Rooms = []chat.RoomID{lobby}
	if err := first(set(ctx, r, "a", s), same("since, of the same show", since(), before),
		occupants(ctx, r, kitchen, "", 10), occupants(ctx, r, lobby, "", 10, "ann 1")); err != nil {
		return err
	}
	s.Status = ""
	if err := set(ctx, r, "a", s); err != nil {
		return err
	}
	all, err := r.Of(ctx, []chat.UserID{ann})
	return first(err, same("the status", all[0].Sessions[0].Status, ""), same("a later since", since().After(before), true))
}

func dropped(ctx context.Context, r presence.Registry) error {
	return first(set(ctx, r, "a", here(ann, "1", presence.Away, kitchen), here(ann, "2", presence.Available)),
		set(ctx, r, "a", here(ann, "1", presence.Offline)), sees(ctx, r, ann, "2 available"), occupants(ctx, r, kitchen, "", 10),
		set(ctx, r, "a", here(ann, "2", presence.Offline), here(ann, "3", presence.Offline)), sees(ctx, r, ann))
}

func devices(ctx context.Context, r presence.Registry) error {
	return first(set(ctx, r, "b", here(ann, "2", presence.Away)), set(ctx, r, "a", here(ann, "3", presence.FreeForChat), here(ann, "1", presence.ExtendedAway)),
		sees(ctx, r, ann, "1 xa", "2 away", "3 chat"))
}

func inOrder(ctx context.Context, r presence.Registry) error {
	var all []presence.Session
	var users []chat.UserID
	for i := range chat.MaxBatch {
		u := chat.UserID{Tenant: "acme", Key: fmt.Sprint("u", (i*7919)%chat.MaxBatch)}
		users = append(users, u)
		if i%2 == 0 {
			all = append(all, here(u, "1", presence.Available))
		}
	}
	if err := r.Set(ctx, "a", all); err != nil {
		return err
	}
	got, err := r.Of(ctx, users)
	if err := first(err, same("people", len(got), len(all))); err != nil {
		return err
	}
	for i := range got {
		if got[i].User != users[2*i] {
			return fmt.Errorf("person %d is %v, want %v", i, got[i].User, users[2*i])
		}
	}
	_, err = r.Of(ctx, append(users, ann))
	return first(is(err, chat.ErrTooLarge, "users"),
		is(r.Set(ctx, "a", make([]presence.Session, chat.MaxBatch+1)), chat.ErrTooLarge, "sessions"))
}

func inRoom(ctx context.Context, r presence.Registry) error {
	return first(set(ctx, r, "a", here(ann, "1", presence.Away, kitchen), here(ann, "2", presence.Away, kitchen, lobby), here(ann, "3", presence.Away)),
		set(ctx, r, "b", here(bob, "1", presence.Away, kitchen)),
		occupants(ctx, r, kitchen, "", 10, "ann 1 2", "bob 1"), occupants(ctx, r, lobby, "", 10, "ann 2"),
		set(ctx, r, "a", here(ann, "1", presence.Away)),
		occupants(ctx, r, kitchen, "", 10, "ann 2", "bob 1"),
		occupants(ctx, r, chat.RoomID{Tenant: "acme", Key: "nowhere"}, "", 10))
}

func inRoomPages(ctx context.Context, r presence.Registry) error {
	for _, key := range []string{"c", "a", "e", "b", "d"} {
		if err := set(ctx, r, "a", here(chat.UserID{Tenant: "acme", Key: key}, "1", presence.Away, kitchen)); err != nil {
			return err
		}
	}
	_, zero := r.In(ctx, kitchen, "", 0)
	_, many := r.In(ctx, kitchen, "", chat.MaxBatch+1)
	return first(occupants(ctx, r, kitchen, "", 2, "a 1", "b 1"), occupants(ctx, r, kitchen, "b", 2, "c 1", "d 1"),
		occupants(ctx, r, kitchen, "d", 2, "e 1"), occupants(ctx, r, kitchen, "e", 2), occupants(ctx, r, kitchen, "bb", 1, "c 1"),
		is(zero, chat.ErrInvalid, "limit"), is(many, chat.ErrTooLarge, "limit"))
}

func tenants(ctx context.Context, r presence.Registry) error {
	theirs := chat.RoomID{Tenant: "evil", Key: "kitchen"}
	return first(set(ctx, r, "a", here(ann, "1", presence.Away, kitchen), here(mallory, "1", presence.Available, theirs)),
		sees(ctx, r, ann, "1 away"), sees(ctx, r, mallory, "1 available"),
		occupants(ctx, r, kitchen, "", 10, "ann 1"), occupants(ctx, r, theirs, "", 10, "ann 1"),
		set(ctx, r, "a", here(mallory, "1", presence.Offline)), sees(ctx, r, ann, "1 away"), occupants(ctx, r, kitchen, "", 10, "ann 1"))
}

func stats(ctx context.Context, r presence.Registry, tenant string, users, sessions int) error {
	got, err := r.Stats(ctx, tenant)
	return first(err, same("the figures of "+tenant, got, presence.Stats{Users: users, Sessions: sessions}))
}

func counts(ctx context.Context, r presence.Registry) error {
	return first(stats(ctx, r, "acme", 0, 0),
		set(ctx, r, "a", here(ann, "1", presence.Away), here(ann, "2", presence.Away), here(bob, "1", presence.Away), here(mallory, "1", presence.Away)),
		set(ctx, r, "a", here(bob, "1", presence.Available)),
		stats(ctx, r, "acme", 2, 3), stats(ctx, r, "evil", 1, 1),
		set(ctx, r, "a", here(ann, "1", presence.Offline), here(bob, "1", presence.Offline)), stats(ctx, r, "acme", 1, 1))
}

func invalid(ctx context.Context, r presence.Registry) error {
	good := here(ann, "1", presence.Away)
	with := func(change func(*presence.Session)) error {
		bad := here(bob, "1", presence.Away)
		change(&bad)
		return set(ctx, r, "a", good, bad)
	}
	return first(
		is(with(func(s *presence.Session) { s.User.Key = "" }), chat.ErrInvalid, "user"),
		is(with(func(s *presence.Session) { s.ID = "a b" }), chat.ErrInvalid, "id"),
		is(with(func(s *presence.Session) { s.Show = presence.FreeForChat + 1 }), chat.ErrInvalid, "show"),
		is(with(func(s *presence.Session) { s.Status = strings.Repeat("x", chat.MaxName+1) }), chat.ErrTooLarge, "status"),
		is(with(func(s *presence.Session) { s.Rooms = []chat.RoomID{{Tenant: "evil", Key: "r"}} }), chat.ErrInvalid, "rooms"),
		is(beat(ctx, r, "", long), chat.ErrInvalid, "node"), is(beat(ctx, r, "c", 0), chat.ErrInvalid, "ttl"),
		is(beat(ctx, r, "c", presence.MaxLease+1), chat.ErrTooLarge, "ttl"),
		sees(ctx, r, ann), sees(ctx, r, bob))
}

func deadNode(ctx context.Context, r presence.Registry) error {
	return first(beat(ctx, r, "dying", short), set(ctx, r, "dying", here(ann, "1", presence.Away, kitchen), here(bob, "1", presence.Away)),
		set(ctx, r, "a", here(ann, "2", presence.Away)), sees(ctx, r, ann, "1 away", "2 away"), sleep(ctx, short+short/2),
		sees(ctx, r, ann, "2 away"), sees(ctx, r, bob), occupants(ctx, r, kitchen, "", 10), stats(ctx, r, "acme", 1, 1))
}

func beats(ctx context.Context, r presence.Registry) error {
	if err := first(beat(ctx, r, "c", short), set(ctx, r, "c", here(ann, "1", presence.Away))); err != nil {
		return err
	}
	for range 6 {
		if err := first(sleep(ctx, short/3), beat(ctx, r, "c", short), sees(ctx, r, ann, "1 away")); err != nil {
			return err
		}
	}
	return nil
}

func fresh(ctx context.Context, r presence.Registry) error {
	took := func(ttl time.Duration, want bool) error {
		got, err := r.Beat(ctx, "c", ttl)
		return first(err, same("a fresh lease", got, want))
	}
	return first(took(short, true), set(ctx, r, "c", here(ann, "1", presence.Away)), took(short, false), sees(ctx, r, ann, "1 away"),
		sleep(ctx, 2*short), took(long, true), sees(ctx, r, ann), took(long, false))
}

func noLease(ctx context.Context, r presence.Registry) error {
	return first(is(set(ctx, r, "nobody", here(ann, "1", presence.Away)), chat.ErrExpired, "node"), sees(ctx, r, ann),
		beat(ctx, r, "c", short), sleep(ctx, 2*short),
		is(set(ctx, r, "c", here(ann, "1", presence.Away)), chat.ErrExpired, "node"), sees(ctx, r, ann))
}

func moved(ctx context.Context, r presence.Registry) error {
	return first(beat(ctx, r, "old", short), set(ctx, r, "old", here(ann, "1", presence.Away, kitchen)),
		set(ctx, r, "b", here(ann, "1", presence.Available, lobby)),
		set(ctx, r, "old", here(ann, "1", presence.Offline)), sees(ctx, r, ann, "1 available"),
		sleep(ctx, 2*short), sees(ctx, r, ann, "1 available"),
		occupants(ctx, r, kitchen, "", 10), occupants(ctx, r, lobby, "", 10, "ann 1"))
}

func watches(ctx context.Context, r presence.Registry) error {
	if err := set(ctx, r, "a", here(bob, "1", presence.Away)); err != nil {
		return err
	}
	w, stop, err := watch(ctx, r)
	if err != nil {
		return err
	}
	defer stop()
	return first(set(ctx, r, "a", here(ann, "1", presence.Away)), w.hears(ctx, ann, "1 away"),
		set(ctx, r, "b", here(ann, "2", presence.Available), here(mallory, "1", presence.Away)),
		w.hears(ctx, ann, "1 away", "2 available"), w.hears(ctx, mallory, "1 away"),
		set(ctx, r, "a", here(ann, "1", presence.Offline), here(bob, "1", presence.Offline)), w.hears(ctx, ann, "2 available"), w.hears(ctx, bob))
}

func watchesDeath(ctx context.Context, r presence.Registry) error {
	w, stop, err := watch(ctx, r)
	if err != nil {
		return err
	}
	defer stop()
	return first(beat(ctx, r, "dying", short), set(ctx, r, "dying", here(ann, "1", presence.Away)), w.hears(ctx, ann, "1 away"),
		sleep(ctx, 2*short), beat(ctx, r, "a", long), w.hears(ctx, ann))
}

// watchesLast has many people changed by two nodes at once.
func watchesLast(ctx context.Context, s *Site) error {
	return at(func(ctx context.Context, r presence.Registry) error {
		w, stop, err := watch(ctx, r)
		if err != nil {
			return err
		}
		defer stop()
		shows := []presence.Show{presence.Away, presence.Available, presence.Offline, presence.DoNotDisturb}
		users := make([]chat.UserID, 8)
		errs := make([]error, len(users))
		var all sync.WaitGroup
		for i := range users {
			users[i] = chat.UserID{Tenant: "acme", Key: fmt.Sprint("u", i)}
			all.Go(func() {
				for n := range 200 + i { // so that they end differently
					errs[i] = first(errs[i], set(ctx, r, "a", here(users[i], "1", shows[n%len(shows)])))
				}
			})
		}
		all.Wait()
		if err := first(errs...); err != nil {
			return err
		}
		for _, u := range users {
			state, err := r.Of(ctx, []chat.UserID{u})
			if err != nil {
				return err
			}
			var want []string
			if len(state) > 0 {
				want = told(state[0])
			}
			if err := w.hears(ctx, u, want...); err != nil {
				return err
			}
		}
		return nil
	})(ctx, s)
}

func stuckWatch(ctx context.Context, r presence.Registry) error {
	release := make(chan struct{})
	stuck, err := r.Watch(ctx, func([]presence.State) { <-release })
	if err != nil {
		return err
	}
	defer stuck()
	defer close(release)
	w, stop, err := watch(ctx, r)
	if err != nil {
		return err
	}
	defer stop()
	show := presence.Away
	for i := range 5000 {
		show = []presence.Show{presence.Away, presence.Available}[i%2]
		if err := set(ctx, r, "a", here(ann, "1", show)); err != nil {
			return err
		}
	}
	return first(w.hears(ctx, ann, "1 "+show.String()), beat(ctx, r, "a", long), stats(ctx, r, "acme", 1, 1))
}

func stopped(ctx context.Context, r presence.Registry) error {
	w, stop, err := watch(ctx, r)
	if err != nil {
		return err
	}
	watched, cancel := context.WithCancel(ctx)
	defer cancel()
	w2, stop2, err := watch(watched, r)
	if err != nil {
		return err
	}
	if err := first(set(ctx, r, "a", here(ann, "1", presence.Away)), w.hears(ctx, ann, "1 away"), w2.hears(ctx, ann, "1 away")); err != nil {
		return err
	}
	stop()
	stop()
	cancel()
	if err := sleep(ctx, 20*time.Millisecond); err != nil {
		return err
	}
	if err := first(set(ctx, r, "a", here(ann, "1", presence.Available)), sleep(ctx, 50*time.Millisecond)); err != nil {
		return err
	}
	stop2()
	for _, x := range []*audience{w, w2} {
		x.mu.Lock()
		got := fmt.Sprint(x.last[ann])
		x.mu.Unlock()
		if got != "[1 away]" {
			return fmt.Errorf("a stopped watch told %s", got)
		}
	}
	return nil
}

func stopWaits(ctx context.Context, r presence.Registry) error {
	began, release := make(chan struct{}, 100), make(chan struct{})
	stop, err := r.Watch(ctx, func([]presence.State) {
		began <- struct{}{}
		<-release
	})
	if err != nil {
		return err
	}
	stopped := make(chan struct{})
	if err := set(ctx, r, "a", here(ann, "1", presence.Away)); err != nil {
		close(release)
		return err
	}
	select {
	case <-began:
	case <-ctx.Done():
		close(release)
		return errors.New("the watch was never told")
	}
	go func() {
		stop()
		close(stopped)
	}()
	select {
	case <-stopped:
		err = errors.New("stop returned while the watch's function ran")
	case <-time.After(30 * time.Millisecond):
	}
	close(release)
	<-stopped
	return err
}

func shared(ctx context.Context, s *Site) error {
	return at(func(ctx context.Context, one presence.Registry) error {
		two, closeIt, err := s.Open(ctx)
		if err != nil {
			return err
		}
		defer closeIt()
		w, stop, err := watch(ctx, two)
		if err != nil {
			return err
		}
		defer stop()
		return first(set(ctx, one, "a", here(ann, "1", presence.Away)), w.hears(ctx, ann, "1 away"), sees(ctx, two, ann, "1 away"),
			set(ctx, two, "b", here(ann, "2", presence.Away)), sees(ctx, one, ann, "1 away", "2 away"))
	})(ctx, s)
}

func cancelled(ctx context.Context, r presence.Registry) error {
	gone, cancel := context.WithCancel(ctx)
	cancel()
	_, err1 := r.Of(gone, []chat.UserID{ann})
	_, err2 := r.In(gone, kitchen, "", 10)
	_, err3 := r.Stats(gone, "acme")
	_, err4 := r.Watch(gone, func([]presence.State) {})
	for _, err := range []error{err1, err2, err3, err4, beat(gone, r, "c", long), set(gone, r, "a", here(ann, "1", presence.Away))} {
		if !errors.Is(err, context.Canceled) {
			return fmt.Errorf("error %v, want the context's", err)
		}
	}
	return first(sees(ctx, r, ann), is(set(ctx, r, "c", here(ann, "1", presence.Away)), chat.ErrExpired, "node"))
}

func closed(ctx context.Context, s *Site) error {
	r, closeIt, err := s.Open(ctx)
	if err != nil {
		return err
	}
	_, stop, err := watch(ctx, r)
	if err := first(err, closeIt(), closeIt()); err != nil {
		return err
	}
	stop()
	_, err1 := r.Of(ctx, []chat.UserID{ann})
	_, err2 := r.In(ctx, kitchen, "", 10)
	_, err3 := r.Stats(ctx, "acme")
	_, err4 := r.Watch(ctx, func([]presence.State) {})
	for _, err := range []error{err1, err2, err3, err4, beat(ctx, r, "c", long), set(ctx, r, "a", here(ann, "1", presence.Away))} {
		if err := is(err, chat.ErrClosed, ""); err != nil {
			return err
		}
	}
	return nil
}
