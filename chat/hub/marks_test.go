package hub

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/storage"
)

// someMarks are written, or not, as it is told.
type someMarks struct {
	storage.Directory
	mu      sync.Mutex
	err     error
	during  func() // a write
	written map[storage.Mark]int
}

// are says what becomes of marks from now on.
func (d *someMarks) are(err error, during func()) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.err, d.during = err, during
}

func (d *someMarks) Mark(_ context.Context, marks ...storage.Mark) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.during != nil {
		d.during()
	}
	for _, m := range marks {
		if d.err == nil {
			d.written[m]++
		}
	}
	return d.err
}

// withMarks runs a test with marks that nobody but it makes.
func withMarks(t *testing.T, fn func(d *someMarks, k *readMarks)) {
	synctest.Test(t, func(t *testing.T) {
		d := &someMarks{written: map[storage.Mark]int{}}
		h := &Hub{log: slog.New(slog.DiscardHandler)}
		h.set.Directory = d
		k := startMarks(h)
		fn(d, k)
		if err := k.stop(t.Context()); err != nil {
			t.Error(err)
		}
		if k.waiting != 0 || len(k.due) != 0 {
			t.Errorf("%d wait: %v", k.waiting, k.due)
		}
	})
}

func readBy(who, room string, seq chat.Seq) storage.Mark {
	return storage.Mark{User: chat.UserID{Tenant: "acme", Key: who}, Position: chat.Position{Room: chat.RoomID{Tenant: "acme", Key: room}, Seq: seq}, TextSeq: int64(seq)}
}

// No more wait than so many; those that wait may rise.
func TestMarksAreBounded(t *testing.T) {
	withMarks(t, func(d *someMarks, k *readMarks) {
		d.are(errors.New("away"), nil)
		k.most = 10
		for i := range 10 {
			if !k.keep(readBy(fmt.Sprint("u", i/2), fmt.Sprint("r", i%2), 1)) {
				t.Errorf("mark %d isn't kept", i)
			}
		}
		for range 3 {
			if k.keep(readBy("late", "r", 1)) || !k.keep(readBy("u0", "r0", 2)) {
				t.Error("at the limit another is kept, or one doesn't rise")
			}
			time.Sleep(2 * markEvery)
			synctest.Wait()
		}
		d.are(nil, nil)
		time.Sleep(2 * markEvery)
		synctest.Wait()
		if len(d.written) != 10 || d.written[readBy("u0", "r0", 2)] != 1 || !k.keep(readBy("late", "r", 1)) {
			t.Errorf("%v were written", d.written)
		}
		for i := range 20 {
			k.hear(readBy(fmt.Sprint("v", i), "r", 1))
		}
		if n := len(k.heard); n != 10 {
			t.Errorf("it heard of %d", n)
		}
	})
}

// What rises while a write fails stays as high, and is written once.
func TestMarksRiseWhileTheyAreWritten(t *testing.T) {
	withMarks(t, func(d *someMarks, k *readMarks) {
		d.are(errors.New("away"), func() { k.keep(readBy("u", "r", 7)); k.keep(readBy("u", "r", 6)) })
		k.keep(readBy("u", "r", 5))
		k.keep(readBy("u", "s", 1))
		time.Sleep(markEvery)
		synctest.Wait()
		if m := k.over(readBy("u", "r", 0)); m.Seq != 7 || k.waiting != 2 {
			t.Errorf("%+v, and %d wait", m, k.waiting)
		}
		d.are(nil, nil)
		time.Sleep(2 * markEvery)
		synctest.Wait()
		if len(d.written) != 2 || d.written[readBy("u", "r", 7)] != 1 || d.written[readBy("u", "s", 1)] != 1 {
			t.Errorf("%v were written", d.written)
		}
	})
}

// What other nodes told is known until they have written it, and forgotten then.
func TestMarksOfOthersAreForgotten(t *testing.T) {
	withMarks(t, func(d *someMarks, k *readMarks) {
		k.hear(readBy("u", "r", 5))
		k.hear(readBy("u", "r", 4))
		for _, want := range []chat.Seq{5, 5, 0} { // now, a moment after a write, and after another
			if m := k.over(readBy("u", "r", 0)); m.Seq != want {
				t.Errorf("it knows of %d, want %d", m.Seq, want)
			}
			time.Sleep(markEvery + time.Millisecond)
			synctest.Wait()
		}
		if len(d.written) != 0 {
			t.Errorf("%v were written", d.written)
		}
	})
}
