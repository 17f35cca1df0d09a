package hub_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/chat/hub"
	"github.com/parlor-chat/parlor/chat/hub/hubtest"
	"github.com/parlor-chat/parlor/drivers/memory"
	"github.com/parlor-chat/parlor/storage"
)

// came are the deliveries that wait in a session.
func came(t *testing.T, s *hub.Session) (all []*hub.Delivery) {
	t.Helper()
	synctest.Wait()
	for buf := make([]*hub.Delivery, 100); ; {
		select {
		case <-s.Ready():
		default:
			return all
		}
		n, err := s.Next(t.Context(), buf)
		ok(t, err)
		all = append(all, buf[:n]...)
	}
}

// readsTold are the marks that a session was told.
func readsTold(t *testing.T, s *hub.Session) (all []string) {
	t.Helper()
	for _, d := range came(t, s) {
		if d.Signal != nil && d.Signal.Name == hub.SignalRead {
			m, err := hub.ParseRead(d.Signal)
			ok(t, err)
			all = append(all, fmt.Sprintf("%s %s %d %d", m.User.Key, m.Room.Key, m.Seq, m.TextSeq))
		}
	}
	return all
}

// stored is somebody's mark in the directory.
func stored(t *testing.T, d storage.Marks, u chat.UserID, room chat.RoomID) chat.Seq {
	t.Helper()
	marks, err := d.LookupMarks(t.Context(), u, []chat.RoomID{room})
	ok(t, err)
	if len(marks) == 0 {
		return 0
	}
	return marks[0].Seq
}

// unread is what is unread for somebody in a room, at a node.
func unread(t *testing.T, k *hubtest.Kit, node int, user, room string) int64 {
	t.Helper()
	n, err := k.As(node, user).Room(room).News(t.Context())
	ok(t, err)
	return n.Unread
}

// says has somebody say something so often.
func says(t *testing.T, k *hubtest.Kit, node int, user, room string, times int) (last chat.Receipt) {
	t.Helper()
	for i := range times {
		var err error
		last, err = k.As(node, user).Room(room).Send(t.Context(), chat.Text{Body: fmt.Sprint("text ", i)})
		ok(t, err)
	}
	return last
}

// What a device reads is told to the others at once, on all nodes, and written a second later.
func TestWhatIsReadIsToldAtOnceAndWrittenBehind(t *testing.T) {
	hubtest.Run(t, 2, func(t *testing.T, k *hubtest.Kit) {
		room := k.Room("r", "ann", "bob")
		phone, desk, other := plug(t, k, 0, "bob", hub.Device{}), plug(t, k, 1, "bob", hub.Device{}), plug(t, k, 1, "ann", hub.Device{})
		says(t, k, 0, "ann", "r", 5)
		came(t, phone)
		came(t, desk)
		ok(t, k.As(0, "bob").Room("r").Read(t.Context(), 5)) // two came in, and three were said
		same(t, readsTold(t, phone), []string{"bob r 5 3"})
		same(t, readsTold(t, desk), []string{"bob r 5 3"})
		same(t, readsTold(t, other), nil)
		for node := range 2 {
			if n := unread(t, k, node, "bob", "r"); n != 2 {
				t.Errorf("at once node %d says %d are unread", node, n)
			}
		}
		if got := stored(t, k.Store().Directory(), hubtest.User("bob"), room); got != 0 {
			t.Errorf("the directory knows already of %d", got)
		}
		time.Sleep(1100 * time.Millisecond)
		synctest.Wait()
		if got := stored(t, k.Store().Directory(), hubtest.User("bob"), room); got != 5 {
			t.Errorf("a second later the directory knows of %d", got)
		}
		time.Sleep(5 * time.Second) // nobody remembers it but the directory
		ok(t, k.As(1, "bob").Room("r").Read(t.Context(), 3))
		for node := range 2 {
			if n := unread(t, k, node, "bob", "r"); n != 2 {
				t.Errorf("after an older mark node %d says %d are unread", node, n)
			}
		}
		for _, s := range []*hub.Session{phone, desk, other} {
			s.Close()
		}
	})
}

func TestReadRefuses(t *testing.T) {
	hubtest.Run(t, 1, func(t *testing.T, k *hubtest.Kit) {
		k.Room("r", "ann", "bob", "cyd")
		secret, err := k.As(0, "ann").Create(t.Context(), storage.Room{Kind: storage.Private})
		ok(t, err)
		says(t, k, 0, "ann", "r", 1) // it is the fourth event
		bob := k.As(0, "bob")
		for _, seq := range []chat.Seq{0, -1, math.MinInt64} {
			fails(t, bob.Room("r").Read(t.Context(), seq), chat.ErrInvalid, "seq")
		}
		for _, seq := range []chat.Seq{5, math.MaxInt64} {
			err := bob.Room("r").Read(t.Context(), seq)
			fails(t, err, chat.ErrInvalid, "seq")
			var e *chat.Error
			if errors.As(err, &e); e.Limit != 4 {
				t.Errorf("the limit is %d", e.Limit)
			}
		}
		ok(t, bob.Room("r").Read(t.Context(), 4))
		for _, key := range []string{secret.ID().Key, "none"} {
			fails(t, bob.Room(key).Read(t.Context(), 1), chat.ErrNotFound, "room")
			_, err := bob.Room(key).News(t.Context())
			fails(t, err, chat.ErrNotFound, "room")
		}
		ok(t, k.As(0, "ann").Room("r").SetMember(t.Context(), "bob", chat.RoleBanned, ""))
		fails(t, bob.Room("r").Read(t.Context(), 4), chat.ErrNotFound, "room")
		_, err = bob.Room("r").News(t.Context())
		fails(t, err, chat.ErrNotFound, "room")
	})
}

func TestParseReadRefuses(t *testing.T) {
	good := chat.Signal{To: user("ann"), Name: hub.SignalRead, Data: []byte("7 3 kitchen")}
	m, err := hub.ParseRead(&good)
	ok(t, err)
	if want := (storage.Mark{User: user("ann"), Position: chat.Position{Room: chat.RoomID{Tenant: "acme", Key: "kitchen"}, Seq: 7}, TextSeq: 3}); m != want {
		t.Errorf("%+v", m)
	}
	for _, data := range []string{"", "7", "7 3", "x 3 kitchen", "0 3 kitchen", "7 -1 kitchen", "7 3 ü"} {
		bad := good
		bad.Data = []byte(data)
		if _, err := hub.ParseRead(&bad); !errors.Is(err, chat.ErrInvalid) {
			t.Errorf("%q: %v", data, err)
		}
	}
	bad := good
	bad.Name = "typing"
	_, err = hub.ParseRead(&bad)
	fails(t, err, chat.ErrInvalid, "signal")
}

// A node that is killed loses what was read in its last second; what it wrote stays, and so
// does what one that is shut down had not.
func TestWhatACrashLosesOfMarks(t *testing.T) {
	hubtest.Run(t, 2, func(t *testing.T, k *hubtest.Kit) {
		k.Room("r", "ann", "bob")
		says(t, k, 0, "ann", "r", 3)
		ok(t, k.As(0, "bob").Room("r").Read(t.Context(), 3))
		time.Sleep(1100 * time.Millisecond)
		ok(t, k.As(0, "bob").Room("r").Read(t.Context(), 5))
		synctest.Wait()
		k.Kill(0)
		if n := unread(t, k, 1, "bob", "r"); n != 2 {
			t.Errorf("%d are unread", n)
		}
		ok(t, k.As(1, "bob").Room("r").Read(t.Context(), 4))
		ok(t, k.Node(1).Shutdown(t.Context()))
		if got := stored(t, k.Store().Directory(), hubtest.User("bob"), chat.RoomID{Tenant: hubtest.Tenant, Key: "r"}); got != 4 {
			t.Errorf("after a shutdown the directory knows of %d", got)
		}
	})
}

// While the directory is away marks wait, and count.
func TestWhileTheDirectoryIsAwayMarksWait(t *testing.T) {
	hubtest.Run(t, 1, func(t *testing.T, k *hubtest.Kit) {
		room := k.Room("r", "ann", "bob")
		says(t, k, 0, "ann", "r", 3)
		k.Settle() // nobody forgets any more what the directory said
		_, err := k.As(0, "bob").Room("r").News(t.Context())
		ok(t, err)
		heal := k.Fail(hubtest.Directory, hubtest.Down)
		for seq := chat.Seq(3); seq <= 5; seq++ {
			ok(t, k.As(0, "bob").Room("r").Read(t.Context(), seq))
			time.Sleep(3 * time.Second)
		}
		heal()
		if n := unread(t, k, 0, "bob", "r"); n != 0 {
			t.Errorf("%d are unread", n)
		}
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if got := stored(t, k.Store().Directory(), hubtest.User("bob"), room); got != 5 {
			t.Errorf("the directory knows of %d", got)
		}
	})
}

// writes is a directory that counts writes of marks.
type writes struct {
	storage.Directory
	n, marks *atomic.Int64
}

func (w writes) Mark(ctx context.Context, marks ...storage.Mark) error {
	w.n.Add(1)
	w.marks.Add(int64(len(marks)))
	return w.Directory.Mark(ctx, marks...)
}

// 5,000 readers of one message make few writes.
func TestReadersAreWrittenTogether(t *testing.T) {
	const readers = 5000
	synctest.Test(t, func(t *testing.T) {
		set := memory.New(nil).Set()
		w := writes{set.Directory, new(atomic.Int64), new(atomic.Int64)}
		set.Directory = w
		h, err := hub.New(t.Context(), set, &hub.Options{Logger: slog.New(slog.DiscardHandler)})
		ok(t, err)
		defer h.Shutdown(context.Background())
		r, err := h.As(user("ann")).Create(t.Context(), storage.Room{Kind: storage.Public})
		ok(t, err)
		sent, err := r.Send(t.Context(), chat.Text{Body: "all hands at noon"})
		ok(t, err)
		for i := range readers {
			u := h.As(user(fmt.Sprint("u", i)))
			ok(t, u.Room(r.ID().Key).Read(t.Context(), 1))
			time.Sleep(time.Second / readers)
			ok(t, u.Room(r.ID().Key).Read(t.Context(), sent.Seq))
		}
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if n, marks := w.n.Load(), w.marks.Load(); n > 12 || marks < readers {
			t.Errorf("%d writes of %d marks", n, marks)
		}
		if got := stored(t, set.Directory, user("u4999"), r.ID()); got != sent.Seq {
			t.Errorf("%d was stored", got)
		}
	})
}

// What lies in the archive alone, and what was pruned, is marked as well.
func TestReadFarBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := newKit(t, nil)
		for i := range 200 {
			k.say("ann", fmt.Sprint(i))
			time.Sleep(time.Second)
		}
		ok(t, k.Admin().CatchUp(t.Context()))
		bob := k.in("bob", k.kitchen)
		at := func(seq chat.Seq, want int64) {
			t.Helper()
			ok(t, bob.Read(t.Context(), seq))
			n, err := bob.News(t.Context())
			ok(t, err)
			if n.Unread != want || n.Read != seq {
				t.Errorf("read to %d: %d are unread", n.Read, n.Unread)
			}
		}
		prune := func(before time.Time) {
			ok(t, storage.Prune(t.Context(), k.store.History(), storage.Span{Tenant: "acme", Room: k.kitchen.Key}, before))
		}
		at(12, 190)
		page := k.page("ann", chat.Latest(100))
		prune(page.Messages[0].At)
		at(52, 100)
		prune(time.Now())
		at(62, 75) // nothing of the archive is left, so there are those that the head holds
		at(202, 0)
		k.Shutdown(t.Context())
	})
}

// Positions that were never used can be read up to.
func TestReadInAVoid(t *testing.T) {
	hubtest.Run(t, 2, func(t *testing.T, k *hubtest.Kit) {
		k.Room("r", "ann", "bob")
		says(t, k, 0, "ann", "r", 3)
		k.Settle()
		k.Kill(0)
		k.Lose(-1)
		k.Settle()
		r := says(t, k, 1, "ann", "r", 2)
		for r.Seq == 0 {
			time.Sleep(time.Second)
			page, err := k.As(1, "ann").Room("r").Page(t.Context(), chat.Latest(1))
			ok(t, err)
			r.Seq, r.TextSeq = page.Messages[0].Seq, page.Messages[0].TextSeq
		}
		page, err := k.As(1, "bob").Room("r").Page(t.Context(), chat.Latest(100).All())
		ok(t, err)
		var void *chat.Event
		for i := range page.Events {
			if page.Events[i].Kind() == chat.KindVoid {
				void = &page.Events[i]
			}
		}
		if void == nil {
			t.Fatal("there is no void")
		}
		for _, seq := range []chat.Seq{void.Seq, (void.Seq + void.Last()) / 2, void.Last()} {
			ok(t, k.As(1, "bob").Room("r").Read(t.Context(), seq))
			if n := unread(t, k, 1, "bob", "r"); n != 2 {
				t.Errorf("read up to %d of a void from %d to %d: %d are unread", seq, void.Seq, void.Last(), n)
			}
		}
		ok(t, k.As(1, "bob").Room("r").Read(t.Context(), r.Seq))
		if n := unread(t, k, 1, "bob", "r"); n != 0 {
			t.Errorf("%d are unread", n)
		}
	})
}
