package disk_test

import (
	"context"
	"encoding/binary"
	"flag"
	"fmt"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/drivers/journal"
	"github.com/parlor-chat/parlor/drivers/memory"
	"github.com/parlor-chat/parlor/internal/bare"
)

// beside runs do with an event by so many senders, beside synced sets of bare Pebble with as many bytes,
// by turns, so that the machine is the same to both.
func beside(b *testing.B, senders int, do func(chat.Event)) {
	db := bare.Open(b, 32<<20)
	e := said(bare.Body)
	value := make([]byte, len(chat.AppendEvent(nil, &e))+27) // its age, the checksum, the mark
	var number atomic.Int64
	set := func(int) {
		key := append(binary.BigEndian.AppendUint64([]byte{'k'}, uint64(number.Add(1))), e.ID[:]...)
		if err := db.Set(key, value, pebble.Sync); err != nil {
			b.Error(err)
		}
	}
	b.ReportAllocs()
	b.ResetTimer()
	without, ours := bare.Turns(b.N, max(256, 4*senders),
		func(n int) bare.Spent { return bare.Each(senders, n, set) },
		func(n int) bare.Spent {
			events := make([]chat.Event, n)
			for i := range events {
				events[i] = said(bare.Body)
				events[i].Room.Key = fmt.Sprint(i % 100)
			}
			return bare.Each(senders, n, func(i int) { do(events[i-1]) })
		})
	b.ReportMetric(float64(b.N)/ours.Wall.Seconds(), "events/s")
	b.ReportMetric(float64(b.N)/without.Wall.Seconds(), "bare/s")
	b.ReportMetric(100*without.Wall.Seconds()/ours.Wall.Seconds(), "%bare")
	b.ReportMetric(100*without.CPU.Seconds()/ours.CPU.Seconds(), "%bare-cpu")
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
			batch[i] = at(fresh(bare.Body), chat.Seq(n+i+1))
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
