package embedded_test

import (
	"context"
	"encoding/binary"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2"

	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/chat/hub"
	"github.com/parlor-chat/parlor/drivers/embedded"
	"github.com/parlor-chat/parlor/internal/bare"
	"github.com/parlor-chat/parlor/storage"
)

var benchEvents = flag.Int("events", 200_000, "how many events the benchmarks of large stores have")

const benchRooms = 1000

func benchRoom(i int) chat.RoomID {
	return chat.RoomID{Tenant: "acme", Key: fmt.Sprintf("room-%04d", i%benchRooms)}
}

// leaderless is a fence that gives no lease: nobody follows.
type leaderless struct{ storage.Fence }

func (leaderless) Lease(context.Context, string, string, time.Duration) (storage.Lease, error) {
	return storage.Lease{}, &chat.Error{Kind: chat.ErrConflict, Op: "lease", Field: "name"}
}

// benchHub is a hub on a folder, with a room for each of benchRooms that ann is a member of;
// followers are paused where they shall be.
func benchHub(b *testing.B, dir string, paused bool) (*hub.Hub, *embedded.Store) {
	b.Helper()
	s, err := embedded.Open(b.Context(), dir, options())
	ok(b, err)
	set := s.Set()
	if paused {
		set.Fence = leaderless{set.Fence}
	}
	h, err := hub.New(b.Context(), set, &hub.Options{Node: "home", Logger: quiet})
	ok(b, err)
	b.Cleanup(func() {
		ctx, cancel := context.WithCancel(context.Background())
		cancel() // what isn't followed stays so
		h.Shutdown(ctx)
		s.Close()
	})
	for i := range benchRooms {
		err := h.Admin().Create(b.Context(), storage.Room{ID: benchRoom(i), Kind: storage.Public, Title: benchRoom(i).Key})
		if i == 0 && err != nil {
			break // they are there
		}
		ok(b, err)
		ok(b, h.Admin().SetMember(b.Context(), benchRoom(i), chat.UserID{Tenant: "acme", Key: "ann"}, chat.RoleMember, ""))
	}
	return h, s
}

// BenchmarkSends is one op per acknowledged send through the hub, followers paused, from 1 to 512
// senders in 1,000 rooms, beside synced batches of bare Pebble with as many keys and bytes.
func BenchmarkSends(b *testing.B) {
	for _, senders := range []int{1, 8, 64, 512} {
		b.Run(fmt.Sprint(senders), func(b *testing.B) {
			h, _ := benchHub(b, b.TempDir(), true)
			db := bare.Open(b, 64<<20)
			e := chat.Event{ID: chat.NewID(), Room: benchRoom(0), Seq: 1000, TextSeq: 1000, At: time.Now(),
				Sender: chat.UserID{Tenant: "acme", Key: "ann"}, Content: &chat.Text{Body: bare.Body}}
			value, feed := chat.AppendEvent(nil, &e), make([]byte, 30)
			ann := h.As(e.Sender)
			plain := func(i int) {
				w := db.NewBatch()
				defer w.Close()
				_ = w.Set(binary.BigEndian.AppendUint64([]byte("e"+"acme\x00\x01"+benchRoom(i).Key+"\x00\x01"), rand.Uint64()), value, nil)
				_ = w.Set(binary.BigEndian.AppendUint64([]byte{'f', byte(i % 64)}, rand.Uint64()), feed, nil)
				if err := w.Commit(pebble.Sync); err != nil {
					b.Error(err)
				}
			}
			send := func(i int) {
				if _, err := ann.Room(benchRoom(i).Key).Send(b.Context(), chat.Text{Body: bare.Body}); err != nil {
					b.Error(err)
				}
			}
			bare.Each(senders, benchRooms, send) // rooms are in memory
			b.ReportAllocs()
			b.ResetTimer()
			without, ours := bare.Turns(b.N, 4096,
				func(n int) bare.Spent { return bare.Each(senders, n, plain) },
				func(n int) bare.Spent { return bare.Each(senders, n, send) })
			b.ReportMetric(float64(b.N)/ours.Wall.Seconds(), "sends/s")
			b.ReportMetric(float64(b.N)/without.Wall.Seconds(), "bare/s")
			b.ReportMetric(100*without.Wall.Seconds()/ours.Wall.Seconds(), "%bare")
			b.ReportMetric(100*without.CPU.Seconds()/ours.CPU.Seconds(), "%bare-cpu")
		})
	}
}

// BenchmarkSustained is 64 senders who send so many events (-events) while all is followed,
// until the watermark has caught up.
func BenchmarkSustained(b *testing.B) {
	for range b.N {
		h, s := benchHub(b, b.TempDir(), false)
		ok(b, s.Ready(b.Context()))
		ann := h.As(chat.UserID{Tenant: "acme", Key: "ann"})
		words := dictionary()
		sent := bare.Each(64, *benchEvents, func(i int) {
			if _, err := ann.Room(benchRoom(i).Key).Send(b.Context(), chat.Text{Body: sentence(words, i)}); err != nil {
				b.Error(err)
			}
		})
		caught := time.Now()
		ok(b, h.Admin().CatchUp(b.Context()))
		all := sent.Wall + time.Since(caught)
		b.ReportMetric(float64(*benchEvents)/sent.Wall.Seconds(), "sends/s")
		b.ReportMetric(float64(*benchEvents)/all.Seconds(), "followed/s")
	}
}

// dictionary is words of which a few are common and most are rare, as in a language.
func dictionary() []string {
	rng := rand.New(rand.NewPCG(1, 1))
	words := make([]string, 50_000)
	for i := range words {
		for range 2 + rng.IntN(4) {
			words[i] += string([]byte{"bcdfghklmnprstvz"[rng.IntN(16)], "aeiou"[rng.IntN(5)]})
		}
	}
	return words
}

// sentence is the n-th text: 6 to 25 words.
func sentence(words []string, n int) string {
	rng := rand.New(rand.NewPCG(2, uint64(n)))
	zipf := rand.NewZipf(rng, 1.1, 4, uint64(len(words)-1))
	text := ""
	for range 6 + rng.IntN(20) {
		text += words[zipf.Uint64()] + " "
	}
	return text
}

// fill places so many events through the broker, in batches.
func fill(b *testing.B, s *embedded.Store, n int) {
	b.Helper()
	ann := chat.UserID{Tenant: "acme", Key: "ann"}
	most := min(max(n/benchRooms, 1), 500)
	for room := 0; n > 0; room++ {
		batch := make([]chat.Event, min(n, most))
		for i := range batch {
			batch[i] = chat.Event{ID: chat.NewID(), Room: benchRoom(room), Sender: ann, Content: &chat.Text{Body: bare.Body}}
		}
		_, err := s.Set().Broker.Publish(b.Context(), batch)
		ok(b, err)
		n -= len(batch)
	}
}

// BenchmarkPages is one op per page of 75 texts somewhere in a room of a store of so many events
// (-events), through the hub, beside a scan of as many of the same keys and bytes of bare Pebble.
// It tells medians.
func BenchmarkPages(b *testing.B) {
	h, s := benchHub(b, b.TempDir(), true)
	fill(b, s, *benchEvents)
	for r := range benchRooms { // as followers do
		head, err := s.Set().Broker.Recent(b.Context(), benchRoom(r), chat.Latest(1).All())
		ok(b, err)
		ok(b, s.Set().Broker.Archived(b.Context(), chat.Position{Room: benchRoom(r), Seq: head.Last}))
	}
	db := bare.Open(b, 64<<20)
	e := chat.Event{ID: chat.NewID(), Room: benchRoom(0), Seq: 1000, TextSeq: 1000, At: time.Now(),
		Sender: chat.UserID{Tenant: "acme", Key: "ann"}, Content: &chat.Text{Body: bare.Body}}
	value := chat.AppendEvent(nil, &e)
	each := *benchEvents / benchRooms
	key := func(room, seq int) []byte {
		return binary.BigEndian.AppendUint64([]byte("e"+"acme\x00\x01"+benchRoom(room).Key+"\x00\x01"), uint64(seq))
	}
	for first := 1; first <= each; first += 500 {
		for r := range benchRooms {
			w := db.NewBatch()
			for seq := first; seq < min(first+500, each+1); seq++ {
				_ = w.Set(key(r, seq), value, nil)
			}
			ok(b, w.Commit(pebble.NoSync))
		}
	}
	ok(b, db.Flush())
	reader := h.As(e.Sender)
	var ours, plain []time.Duration
	b.ReportAllocs()
	b.ResetTimer()
	for range b.N {
		r, at := rand.IntN(benchRooms), 80+rand.IntN(each-90)
		start := time.Now()
		p, err := reader.Room(benchRoom(r).Key).Page(b.Context(), chat.Before(chat.Seq(at), 75))
		ours = append(ours, time.Since(start))
		if err != nil || len(p.Messages) != 75 {
			b.Fatal(len(p.Messages), err)
		}
		start = time.Now()
		it, err := db.NewIter(&pebble.IterOptions{LowerBound: key(r, 0), UpperBound: key(r, 1<<40)})
		ok(b, err)
		n := 0
		for good := it.SeekLT(key(r, at)); good && n < 75; good = it.Prev() {
			v, err := it.ValueAndErr()
			ok(b, err)
			_, err = chat.ParseEvent(v)
			ok(b, err)
			n++
		}
		ok(b, it.Close())
		plain = append(plain, time.Since(start))
	}
	slices.Sort(ours)
	slices.Sort(plain)
	us := func(d time.Duration) float64 { return float64(d.Nanoseconds()) / 1000 }
	b.ReportMetric(us(ours[len(ours)/2]), "us-p50")
	b.ReportMetric(us(ours[len(ours)*99/100]), "us-p99")
	b.ReportMetric(us(plain[len(plain)/2]), "us-bare-p50")
	b.ReportMetric(us(ours[len(ours)/2])/us(plain[len(plain)/2]), "x-bare")
}

// BenchmarkOpening opens a store of so many events (-events) after a kill -9, until a page is
// read.
func BenchmarkOpening(b *testing.B) {
	dir := filepath.Join(b.TempDir(), "data")
	h, s := benchHub(b, dir, true)
	fill(b, s, *benchEvents)
	ctx, cancel := context.WithCancel(b.Context())
	cancel()
	h.Shutdown(ctx)
	ok(b, s.Close())
	var opened, read []time.Duration
	for i := range b.N {
		b.StopTimer()
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), killDir+"="+dir, killRun+"="+fmt.Sprint("bench", i))
		out, err := cmd.StdoutPipe()
		ok(b, err)
		ok(b, cmd.Start())
		_, err = out.Read(make([]byte, 1)) // somebody was told something
		ok(b, err)
		time.Sleep(200 * time.Millisecond)
		ok(b, cmd.Process.Kill())
		cmd.Wait()
		b.StartTimer()
		start := time.Now()
		s, err := embedded.Open(b.Context(), dir, options())
		ok(b, err)
		opened = append(opened, time.Since(start))
		p, err := s.Set().History.Page(b.Context(), benchRoom(7), chat.Latest(75))
		read = append(read, time.Since(start))
		if err != nil || len(p.Events) != 75 {
			b.Fatal(len(p.Events), err)
		}
		ok(b, s.Close())
	}
	slices.Sort(opened)
	slices.Sort(read)
	b.ReportMetric(opened[len(opened)/2].Seconds()*1000, "ms-open")
	b.ReportMetric(read[len(read)/2].Seconds()*1000, "ms-page")
}
