package hub_test

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/chat/hub"
	"github.com/parlor-chat/parlor/drivers/memory"
	"github.com/parlor-chat/parlor/internal/suite"
	"github.com/parlor-chat/parlor/presence"
	"github.com/parlor-chat/parlor/storage"
)

// BenchmarkResume connects a session that missed 1,000 events over 20 rooms, against a
// copy of as many events.
func BenchmarkResume(b *testing.B) {
	h, _ := benchHub(b)
	ann := h.As(user("ann"))
	var rooms []hub.Room
	for i := range 20 {
		r, err := ann.Create(b.Context(), storage.Room{Kind: storage.Public, Title: fmt.Sprint(i)})
		ok(b, err)
		rooms = append(rooms, r)
	}
	s, err := ann.Connect(b.Context(), hub.Device{})
	ok(b, err)
	token := s.Resume()
	s.Close()
	for i := range 1000 {
		_, err := rooms[i%20].Send(b.Context(), chat.Text{Body: "hello, everybody in this room"})
		ok(b, err)
	}
	ok(b, h.Admin().CatchUp(b.Context()))
	buf := make([]*hub.Delivery, 2000)
	var spent time.Duration
	b.ReportAllocs()
	for b.Loop() {
		start := time.Now()
		s, err := ann.Connect(b.Context(), hub.Device{Resume: token})
		ok(b, err)
		for got := 0; got < 1000; {
			n, err := s.Next(b.Context(), buf)
			ok(b, err)
			got += n
		}
		spent += time.Since(start)
		s.Close()
	}
	from, to := make([]chat.Event, 1000), make([]chat.Event, 1000)
	start := time.Now()
	for range b.N {
		copy(to, from)
	}
	suite.Report(b, b.N, spent, time.Since(start))
}

// farDirectory is one that takes a while to say what somebody may see.
type farDirectory struct {
	storage.Directory
	away atomic.Int64 // nanoseconds
}

func (d *farDirectory) Access(ctx context.Context, u chat.UserID) ([]storage.Member, error) {
	time.Sleep(time.Duration(d.away.Load()))
	return d.Directory.Access(ctx, u)
}

// BenchmarkReconnect is 5,000 sessions of as many users in one room that all come back
// at once, having missed ten events each: with a directory in memory, and with one that
// takes 1 ms to answer.
func BenchmarkReconnect(b *testing.B) {
	for _, away := range []time.Duration{0, time.Millisecond} {
		b.Run(fmt.Sprint("directory=", away), func(b *testing.B) { benchReconnect(b, away) })
	}
}

func benchReconnect(b *testing.B, away time.Duration) {
	const sessions = 5000
	set := memory.New(nil).Set()
	directory := &farDirectory{Directory: set.Directory}
	set.Directory = directory
	h, err := hub.New(b.Context(), set, &hub.Options{Logger: slog.New(slog.DiscardHandler)})
	ok(b, err)
	b.Cleanup(func() { h.Shutdown(context.Background()) })
	room, err := h.As(user("ann")).Create(b.Context(), storage.Room{Kind: storage.Public, Title: "Stage"})
	ok(b, err)
	tokens := make([]hub.Resume, sessions)
	for i := range sessions {
		ok(b, room.SetMember(b.Context(), fmt.Sprint("u", i), chat.RoleMember, ""))
	}
	for i := range sessions {
		s, err := h.As(user(fmt.Sprint("u", i))).Connect(b.Context(), hub.Device{})
		ok(b, err)
		tokens[i] = s.Resume()
		s.Close()
	}
	for range 10 {
		_, err := room.Send(b.Context(), chat.Text{Body: "hello"})
		ok(b, err)
	}
	directory.away.Store(int64(away))
	for b.Loop() {
		all := make([]*hub.Session, sessions)
		var running sync.WaitGroup
		for w := range 100 {
			running.Go(func() {
				for i := w; i < sessions; i += 100 {
					s, err := h.As(user(fmt.Sprint("u", i))).Connect(context.Background(), hub.Device{Resume: tokens[i]})
					if err != nil {
						b.Error(err)
						return
					}
					all[i] = s
				}
			})
		}
		running.Wait()
		b.StopTimer()
		for _, s := range all {
			s.Close()
		}
		b.StartTimer()
	}
	b.ReportMetric(float64(sessions)*float64(b.N)/b.Elapsed().Seconds(), "sessions/s")
}

// BenchmarkFollow is events until they are archived, indexed and in the personal logs,
// from 50 rooms, placed before the clock starts.
func BenchmarkFollow(b *testing.B) {
	const rooms, each = 50, 1000
	for range b.N {
		b.StopTimer()
		store := memory.New(nil)
		broker := store.Broker()
		events := make([]chat.Event, 0, chat.MaxBatch)
		for i := range rooms {
			for n := range each {
				room := chat.RoomID{Tenant: "acme", Key: fmt.Sprint("r", i)}
				events = append(events, chat.Event{ID: chat.NewID(), Room: room, Sender: user("ann"),
					Content: &chat.Text{Body: fmt.Sprint("hello, everybody in this room ", n)}})
				if len(events) == chat.MaxBatch {
					_, err := broker.Publish(b.Context(), events)
					ok(b, err)
					events = events[:0]
				}
			}
		}
		b.StartTimer()
		h, err := hub.New(b.Context(), store.Set(), nil)
		ok(b, err)
		ok(b, h.Admin().CatchUp(b.Context()))
		b.StopTimer()
		h.Shutdown(context.Background())
		b.StartTimer()
	}
	b.ReportMetric(float64(rooms*each*b.N)/b.Elapsed().Seconds(), "events/s")
}

// BenchmarkPresence is heartbeats and changes of sessions: Active, and SetPresence until
// the registry has it, against an entry in a map.
func BenchmarkPresence(b *testing.B) {
	h, _ := benchHub(b)
	const sessions = 1000
	all := make([]*hub.Session, sessions)
	for i := range all {
		s, err := h.As(user(fmt.Sprint("u", i))).Connect(b.Context(), hub.Device{})
		ok(b, err)
		all[i] = s
	}
	bare := func(n int) time.Duration {
		m := map[int]presence.Session{}
		start := time.Now()
		for i := range n {
			m[i%sessions] = presence.Session{}
		}
		return time.Since(start)
	}
	b.Run("heartbeat", func(b *testing.B) {
		start := time.Now()
		for i := range b.N {
			all[i%sessions].Active()
		}
		suite.Report(b, b.N, time.Since(start), bare(b.N))
	})
	b.Run("change", func(b *testing.B) {
		start := time.Now()
		for i := range b.N {
			ok(b, all[i%sessions].SetPresence(hub.Presence{Show: presence.Away, Status: fmt.Sprint(i)}))
		}
		for { // until the last is told
			got, err := h.As(user("ann")).Presence(b.Context(), fmt.Sprint("u", (b.N-1)%sessions))
			ok(b, err)
			if x := got[0].Sessions; len(x) > 0 && x[0].Status == fmt.Sprint(b.N-1) {
				break
			}
		}
		suite.Report(b, b.N, time.Since(start), bare(b.N))
	})
}
