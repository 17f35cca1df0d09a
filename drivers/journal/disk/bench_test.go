package disk_test

import (
	"context"
	"encoding/binary"
	"flag"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	bare "github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/bloom"
	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/drivers/journal"
	"github.com/parlor-chat/parlor/drivers/memory"
)

// bareDB is Pebble as the store sets it up, without the store.
func bareDB(b *testing.B) *bare.DB {
	o := &bare.Options{Logger: bareLog{}, FormatMajorVersion: bare.FormatNewest, MemTableSize: 32 << 20,
		MemTableStopWritesThreshold: 4, L0CompactionThreshold: 4, L0StopWritesThreshold: 40}
	for i := range o.Levels {
		o.Levels[i].FilterPolicy = bloom.FilterPolicy(10)
	}
	db, err := bare.Open(b.TempDir(), o)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { db.Close() })
	return db
}

const body = "hello everybody, this is a message of about the usual length that people write to each other in rooms, with some more words at its end so that it is long enough"

// each runs n calls of do on some goroutines.
func each(senders, n int, do func(i int)) time.Duration {
	var next atomic.Int64
	var wg sync.WaitGroup
	start := time.Now()
	for range senders {
		wg.Go(func() {
			for i := next.Add(1); i <= int64(n); i = next.Add(1) {
				do(int(i))
			}
		})
	}
	wg.Wait()
	return time.Since(start)
}

// beside runs do with an event by so many senders, beside synced sets of bare Pebble with as many bytes,
// by turns, so that the machine is the same to both.
func beside(b *testing.B, senders int, do func(chat.Event)) {
	db := bareDB(b)
	e := said(body)
	value := make([]byte, len(chat.AppendEvent(nil, &e))+27) // its age, the checksum, the mark
	var number atomic.Int64
	set := func(int) {
		key := append(binary.BigEndian.AppendUint64([]byte{'k'}, uint64(number.Add(1))), e.ID[:]...)
		if err := db.Set(key, value, bare.Sync); err != nil {
			b.Error(err)
		}
	}
	b.ReportAllocs()
	b.ResetTimer()
	var spent, bareSpent time.Duration
	turn := max(256, 4*senders)
	for left := b.N; left > 0; left -= turn {
		n := min(left, turn)
		events := make([]chat.Event, n)
		for i := range events {
			events[i] = said(body)
			events[i].Room.Key = fmt.Sprint(i % 100)
		}
		bareSpent += each(senders, n, set)
		spent += each(senders, n, func(i int) { do(events[i-1]) })
	}
	b.ReportMetric(float64(b.N)/spent.Seconds(), "events/s")
	b.ReportMetric(float64(b.N)/bareSpent.Seconds(), "bare/s")
	b.ReportMetric(100*bareSpent.Seconds()/spent.Seconds(), "%bare")
}

// BenchmarkKeep is one op per event that is kept, from 1 to 512 senders at once.
func BenchmarkKeep(b *testing.B) {
	for _, senders := range []int{1, 8, 64, 512} {
		b.Run(fmt.Sprint(senders), func(b *testing.B) {
			s := open(b, b.TempDir(), vfs.Default)
			defer closed(b, s)
			beside(b, senders, func(e chat.Event) {
				if err := s.Keep(context.Background(), []journal.Record{{Event: e, Since: time.Now()}}); err != nil {
					b.Error(err)
				}
			})
		})
	}
}

// BenchmarkPublish is one op per event that a journal keeps and places in a room of a broker in
// memory, notes, and forgets.
func BenchmarkPublish(b *testing.B) {
	for _, senders := range []int{1, 8, 64, 512} {
		b.Run(fmt.Sprint(senders), func(b *testing.B) {
			s := open(b, b.TempDir(), vfs.Default)
			defer closed(b, s)
			mem := memory.New(nil)
			defer mem.Close()
			j, err := journal.New(b.Context(), s, mem.Broker(), &journal.Options{Logger: quiet, Wait: time.Minute})
			if err == nil {
				err = begin(b.Context(), j)
			}
			if err != nil {
				b.Fatal(err)
			}
			defer j.Close()
			beside(b, senders, func(e chat.Event) {
				r, err := j.Publish(context.Background(), []chat.Event{e})
				if err == nil {
					err = mem.Broker().Archived(context.Background(), chat.Position{Room: e.Room, Seq: r[0].Seq})
				}
				if err == nil {
					err = j.Forget(context.Background(), e)
				}
				if err != nil {
					b.Error(err)
				}
			})
		})
	}
}

var records = flag.Int("records", 20_000, "how many a journal has that is loaded")

// BenchmarkLoad is one op per journal that is opened and goes on with what it kept, which
// waits for the archive.
func BenchmarkLoad(b *testing.B) {
	dir := b.TempDir()
	s := open(b, dir, vfs.Default)
	for n := 0; n < *records; n += 500 {
		batch := make([]journal.Record, 500)
		for i := range batch {
			batch[i] = at(fresh(body), chat.Seq(n+i+1))
			batch[i].Memory = ""
		}
		keep(b, s, batch...)
	}
	closed(b, s)
	heap := func() uint64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	mem := memory.New(nil)
	defer mem.Close()
	var opening, loading time.Duration
	var opened, loaded uint64
	for b.Loop() {
		before, start := heap(), time.Now()
		s := open(b, dir, vfs.Default)
		opening += time.Since(start)
		opened, start = heap()-before, time.Now()
		j, err := journal.New(b.Context(), s, mem.Broker(), &journal.Options{Logger: quiet})
		if err != nil {
			b.Fatal(err)
		}
		loading += time.Since(start)
		loaded = heap() - before - opened
		if n := int(stats(b, s).Records); n < *records {
			b.Errorf("%d records of %d", n, *records)
		}
		j.Close()
		closed(b, s)
	}
	n := float64(*records)
	b.ReportMetric(opening.Seconds()/float64(b.N), "s-open/op")
	b.ReportMetric(loading.Seconds()/float64(b.N), "s-load/op")
	b.ReportMetric(float64(opened)/n, "B-open/record")
	b.ReportMetric(float64(loaded)/n, "B-load/record")
}
