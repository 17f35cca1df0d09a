package pebble_test

import (
	"encoding/binary"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	bare "github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/bloom"

	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/drivers/pebble"
)

// bareDB is Pebble as the driver sets it up, without the driver.
func bareDB(b *testing.B) *bare.DB {
	o := &bare.Options{Logger: bareLog{}, FormatMajorVersion: bare.FormatNewest, MemTableSize: 64 << 20,
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
func each(senders, n int, do func(sender, i int)) time.Duration {
	var next atomic.Int64
	var wg sync.WaitGroup
	start := time.Now()
	for s := range senders {
		wg.Go(func() {
			for i := next.Add(1); i <= int64(n); i = next.Add(1) {
				do(s, int(i))
			}
		})
	}
	wg.Wait()
	return time.Since(start)
}

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
			db := bareDB(b)
			rooms := make([]chat.RoomID, 100)
			for i := range rooms {
				rooms[i] = chat.RoomID{Tenant: "acme", Key: fmt.Sprintf("room-%04d", i)}
				if _, err := s.Broker().Publish(b.Context(), []chat.Event{said(rooms[i], "begin")}); err != nil {
					b.Fatal(err)
				}
			}
			e := said(rooms[0], body)
			e.Seq, e.TextSeq, e.At = 1000, 1000, time.Now()
			value := chat.AppendEvent(nil, &e)
			feed := make([]byte, 30)
			send := func(sender, i int) {
				if _, err := s.Broker().Publish(b.Context(), []chat.Event{said(rooms[i%100], body)}); err != nil {
					b.Error(err)
				}
			}
			plain := func(sender, i int) {
				w := db.NewBatch()
				key := binary.BigEndian.AppendUint64([]byte("e"+"acme\x00\x01"+rooms[i%100].Key+"\x00\x01"), uint64(i))
				_ = w.Set(key, value, nil)
				_ = w.Set(binary.BigEndian.AppendUint64([]byte{'f', byte(i % 64)}, uint64(i)), feed, nil)
				if err := w.Commit(bare.Sync); err != nil {
					b.Error(err)
				}
				w.Close()
			}
			b.ReportAllocs()
			b.ResetTimer()
			var spent, bareSpent time.Duration
			for left := b.N; left > 0; left -= 4096 { // by turns, so that the machine is the same to both
				n := min(left, 4096)
				bareSpent += each(senders, n, plain)
				spent += each(senders, n, send)
			}
			b.ReportMetric(float64(b.N)/spent.Seconds(), "sends/s")
			b.ReportMetric(float64(b.N)/bareSpent.Seconds(), "bare/s")
			b.ReportMetric(100*bareSpent.Seconds()/spent.Seconds(), "%bare")
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
	db := bareDB(b)
	var key, value []byte
	for r := range rooms {
		id := chat.RoomID{Tenant: "acme", Key: fmt.Sprintf("room-%04d", r)}
		batch := make([]chat.Event, each)
		for i := range batch {
			batch[i] = said(id, body)
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
		if err := w.Commit(bare.NoSync); err != nil {
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
		it, err := db.NewIter(&bare.IterOptions{LowerBound: prefix, UpperBound: append(prefix[:len(prefix)-1:len(prefix)-1], 2)})
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
