package pebble_test

import (
	"encoding/binary"
	"fmt"
	"testing"
	"time"

	pebbledb "github.com/cockroachdb/pebble/v2"

	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/drivers/pebble"
	"github.com/parlor-chat/parlor/internal/bare"
)

// BenchmarkSends is one op per acknowledged send, from 1 to 512 senders in 100 rooms,
// beside synced batches of bare Pebble with as many keys and bytes in the same run.
func BenchmarkSends(b *testing.B) {
	for _, senders := range []int{1, 8, 64, 512} {
		b.Run(fmt.Sprint(senders), func(b *testing.B) {
			s, err := pebble.Open(b.Context(), b.TempDir(), &pebble.Options{Log: quiet, Reserve: -1})
			if err != nil {
				b.Fatal(err)
			}
			defer s.Close()
			db := bare.Open(b, 64<<20)
			rooms := make([]chat.RoomID, 100)
			for i := range rooms {
				rooms[i] = chat.RoomID{Tenant: "acme", Key: fmt.Sprintf("room-%04d", i)}
				if _, err := s.Broker().Publish(b.Context(), []chat.Event{said(rooms[i], "begin")}); err != nil {
					b.Fatal(err)
				}
			}
			e := said(rooms[0], bare.Body)
			e.Seq, e.TextSeq, e.At = 1000, 1000, time.Now()
			value := chat.AppendEvent(nil, &e)
			feed := make([]byte, 30)
			send := func(i int) {
				if _, err := s.Broker().Publish(b.Context(), []chat.Event{said(rooms[i%100], bare.Body)}); err != nil {
					b.Error(err)
				}
			}
			plain := func(i int) {
				w := db.NewBatch()
				key := binary.BigEndian.AppendUint64([]byte("e"+"acme\x00\x01"+rooms[i%100].Key+"\x00\x01"), uint64(i))
				_ = w.Set(key, value, nil)
				_ = w.Set(binary.BigEndian.AppendUint64([]byte{'f', byte(i % 64)}, uint64(i)), feed, nil)
				if err := w.Commit(pebbledb.Sync); err != nil {
					b.Error(err)
				}
				w.Close()
			}
			b.ReportAllocs()
			b.ResetTimer()
			without, ours := bare.Turns(b.N, 4096,
				func(n int) bare.Spent { return bare.Each(senders, n, plain) }, func(n int) bare.Spent { return bare.Each(senders, n, send) })
			b.ReportMetric(float64(b.N)/ours.Wall.Seconds(), "sends/s")
			b.ReportMetric(float64(b.N)/without.Wall.Seconds(), "bare/s")
			b.ReportMetric(100*without.Wall.Seconds()/ours.Wall.Seconds(), "%bare")
			b.ReportMetric(100*without.CPU.Seconds()/ours.CPU.Seconds(), "%bare-cpu")
		})
	}
}

// BenchmarkPage75 is one op per page of 75 texts somewhere in a room, beside a scan of
// bare Pebble over as many of the same keys and values.
func BenchmarkPage75(b *testing.B) {
	const rooms, each = 100, 1000
	s, err := pebble.Open(b.Context(), b.TempDir(), &pebble.Options{Log: quiet, Reserve: -1})
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	db := bare.Open(b, 64<<20)
	var key, value []byte
	for r := range rooms {
		id := chat.RoomID{Tenant: "acme", Key: fmt.Sprintf("room-%04d", r)}
		batch := make([]chat.Event, each)
		for i := range batch {
			batch[i] = said(id, bare.Body)
		}
		receipts, err := s.Broker().Publish(b.Context(), batch)
		if err != nil {
			b.Fatal(err)
		}
		w := db.NewBatch()
		for i := range batch {
			e := batch[i]
			e.Seq, e.TextSeq, e.At = receipts[i].Seq, receipts[i].TextSeq, receipts[i].At
			key = binary.BigEndian.AppendUint64([]byte("e"+"acme\x00\x01"+id.Key+"\x00\x01"), uint64(e.Seq))
			value = chat.AppendEvent(value[:0], &e)
			_ = w.Set(key, value, nil)
		}
		if err := w.Commit(pebbledb.NoSync); err != nil {
			b.Fatal(err)
		}
	}
	if err := db.Flush(); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	var spent, scan time.Duration
	b.ResetTimer()
	for i := range b.N {
		id := chat.RoomID{Tenant: "acme", Key: fmt.Sprintf("room-%04d", i*37%rooms)}
		at := chat.Seq(100 + i*7919%800)
		start := time.Now()
		p, err := s.History().Page(b.Context(), id, chat.Before(at, 75))
		spent += time.Since(start)
		if err != nil || len(p.Events) != 75 {
			b.Fatal(len(p.Events), err)
		}
		start = time.Now()
		prefix := []byte("e" + "acme\x00\x01" + id.Key + "\x00\x01")
		it, err := db.NewIter(&pebbledb.IterOptions{LowerBound: prefix, UpperBound: append(prefix[:len(prefix)-1:len(prefix)-1], 2)})
		if err != nil {
			b.Fatal(err)
		}
		n := 0
		for ok := it.SeekLT(binary.BigEndian.AppendUint64(prefix[:len(prefix):len(prefix)], uint64(at))); ok && n < 75; ok = it.Prev() {
			v, err := it.ValueAndErr()
			if err != nil {
				b.Fatal(err)
			}
			if _, err := chat.ParseEvent(v); err != nil {
				b.Fatal(err)
			}
			n++
		}
		it.Close()
		scan += time.Since(start)
	}
	b.ReportMetric(float64(spent.Microseconds())/float64(b.N), "us/page")
	b.ReportMetric(float64(scan.Microseconds())/float64(b.N), "us/bare")
	b.ReportMetric(spent.Seconds()/scan.Seconds(), "x-bare")
}
