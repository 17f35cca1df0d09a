package hub_test

import (
	"context"
	"fmt"
	"log/slog"
	"runtime"
	"syscall"
	"testing"
	"time"

	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/chat/hub"
	"github.com/parlor-chat/parlor/drivers/memory"
	"github.com/parlor-chat/parlor/storage"
)

func benchHub(b *testing.B) (*hub.Hub, chat.RoomID) {
	b.Helper()
	store := memory.New(nil)
	h, err := hub.New(b.Context(), store.Set(), &hub.Options{Logger: slog.New(slog.DiscardHandler)})
	ok(b, err)
	b.Cleanup(func() { h.Shutdown(context.Background()) })
	r, err := h.As(user("ann")).Create(b.Context(), storage.Room{Kind: storage.Public, Title: "Stage"})
	ok(b, err)
	return h, r.ID()
}

// cpu is the CPU time that the process has used so far, user and system.
func cpu() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		panic(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkLiveDelivery is one op per event: it goes through hub, broker and
// fan-out into the queue of each session and out again. ns-cpu/delivery is to be compared with
// bare-ns/delivery, which moves as many pointers through as many bare rings of the same
// size in the same run.
func BenchmarkLiveDelivery(b *testing.B) {
	for _, sessions := range []int{20, 500, 5000} {
		b.Run(fmt.Sprintf("sessions=%d", sessions), func(b *testing.B) {
			h, room := benchHub(b)
			ann := h.As(user("ann"))
			all := make([]*hub.Session, sessions)
			for i := range all {
				s, err := ann.Connect(b.Context(), hub.Device{})
				ok(b, err)
				all[i] = s
			}
			r := ann.Room(room.Key)
			buf := make([]*hub.Delivery, 64)
			drain := func(n int) {
				for _, s := range all {
					for got := 0; got < n; {
						m, err := s.Next(b.Context(), buf)
						ok(b, err)
						got += m
					}
				}
			}
			const burst = 32
			round := func(n int) {
				for range n {
					_, err := r.Send(b.Context(), chat.Text{Body: "hello, everybody in this room"})
					ok(b, err)
				}
				drain(n)
			}
			round(burst) // the rings have grown
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			start := cpu()
			b.ResetTimer()
			for left := b.N; left > 0; left -= burst {
				round(min(left, burst))
			}
			b.StopTimer()
			used := cpu() - start
			runtime.ReadMemStats(&after)
			deliveries := float64(b.N) * float64(sessions)
			mine := float64(used.Nanoseconds()) / deliveries
			bare := bareRings(sessions, b.N)
			b.ReportMetric(mine, "cpu-ns/delivery")
			b.ReportMetric(float64(after.Mallocs-before.Mallocs)/deliveries, "allocs/delivery")
			b.ReportMetric(bare, "bare-ns/delivery")
			b.ReportMetric(mine/bare, "x-bare")
		})
	}
}

// bareRings is the CPU time of the least that must be done: a pointer into each
// ring, and out again.
func bareRings(sessions, n int) float64 {
	type ring struct {
		at   [64]*hub.Delivery
		head int
	}
	rings := make([]*ring, sessions)
	for i := range rings {
		rings[i] = new(ring)
	}
	d := new(hub.Delivery)
	n = max(n, 1000)
	start := cpu()
	for range n {
		for _, r := range rings {
			r.at[r.head&63] = d
			r.head++
		}
	}
	var seen int
	for _, r := range rings {
		for _, d := range r.at {
			if d != nil {
				seen++
			}
		}
	}
	runtime.KeepAlive(seen)
	return float64((cpu() - start).Nanoseconds()) / float64(n) / float64(sessions)
}

// BenchmarkIdleSession reports the memory of a session that waits: all of it, the
// broker's part of the subscription included. Each belongs to a user of his own.
func BenchmarkIdleSession(b *testing.B) {
	h, room := benchHub(b)
	const sessions = 100_000
	for range b.N {
		for i := range sessions {
			ok(b, h.As(user("ann")).Room(room.Key).SetMember(b.Context(), fmt.Sprint("u", i), chat.RoleMember, ""))
		}
		ok(b, h.Admin().CatchUp(b.Context()))
		before := heap()
		all := make([]*hub.Session, sessions)
		for i := range all {
			s, err := h.As(user(fmt.Sprint("u", i))).Connect(b.Context(), hub.Device{})
			ok(b, err)
			all[i] = s
		}
		b.ReportMetric(float64(heap()-before)/sessions, "B/session")
		for _, s := range all {
			s.Close()
		}
	}
}

func heap() int64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc + m.StackInuse)
}
