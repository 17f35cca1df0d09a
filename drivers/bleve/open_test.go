package bleve_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/drivers/bleve"
	"github.com/parlor-chat/parlor/search"
)

// Opening returns at once, and until all is open each call says how far it is.
func TestOpeningBlocksNobody(t *testing.T) {
	dir := t.TempDir()
	l := life(0, 60)
	st := open(t, dir, options())
	fill(t, st.Index(), l)
	st.Close()
	o := options()
	next := make(chan bool)
	o.Loading(func() { <-next })
	st, err := bleve.Open(t.Context(), dir, o)
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	ix, ctx := st.Index(), t.Context()
	says := "it is being opened"
	for done := range 2 {
		waitFor(t, "it says how far it is", func() bool {
			_, err := ix.Search(ctx, search.Request{Scope: everything, Limit: 1})
			return errors.Is(err, chat.ErrUnavailable) && strings.Contains(err.Error(), fmt.Sprintf("%s: %d of 3", says, done))
		})
		_, err := ix.Watermark(ctx, clock(0))
		wantUnavailable(t, err, says)
		wantUnavailable(t, ix.Apply(ctx, l[0].docs), says)
		wantUnavailable(t, ix.Drop(ctx, storageSpan("t", ""), time.Time{}), says)
		other, err := search.Generation(ctx, ix, "g") // a new one doesn't wait for it
		if err == nil {
			err = other.Apply(ctx, l[0].docs)
		}
		if err != nil {
			t.Error(err)
		}
		next <- true
	}
	short, cancel := context.WithTimeout(ctx, 10*time.Millisecond)
	defer cancel()
	if err := st.Ready(short); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("ready: %v", err)
	}
	close(next)
	if err := st.Ready(ctx); err != nil {
		t.Fatal(err)
	}
	if calls, err := holdsWhatItSays(ctx, ix, [][]call{l}); err != nil || calls[0] != 60 {
		t.Errorf("%v, %v", calls, err)
	}
}

// Closing while it opens ends that.
func TestClosedWhileOpening(t *testing.T) {
	dir := t.TempDir()
	st := open(t, dir, options())
	fill(t, st.Index(), life(0, 60))
	st.Close()
	o := options()
	o.Loading(func() { time.Sleep(10 * time.Millisecond) })
	st, err := bleve.Open(t.Context(), dir, o)
	if err != nil {
		t.Fatal(err)
	}
	if err := st.Close(); err != nil {
		t.Error(err)
	}
	if _, err := st.Index().Watermark(t.Context(), clock(0)); !errors.Is(err, chat.ErrClosed) {
		t.Error(err)
	}
	st = open(t, dir, options())
	if calls, err := holdsWhatItSays(t.Context(), st.Index(), [][]call{life(0, 60)}); err != nil || calls[0] != 60 {
		t.Errorf("%v, %v", calls, err)
	}
}

// Ten years of months keep few files open: months that nobody writes to are closed and
// merged.
func TestTenYears(t *testing.T) {
	if _, err := os.Stat("/proc/self/fd"); err != nil {
		t.Skip("NOT RUN: open files can't be counted here")
	}
	const months, limit = 120, 200
	o := options()
	o.Files = limit
	o.Cooling(200*time.Millisecond, 300*time.Millisecond)
	st := open(t, t.TempDir(), o)
	ix, ctx := st.Index(), t.Context()
	before, most := descriptors(t), 0
	seq := chat.Seq(0)
	for range 3 { // thrice through all years, as rooms are indexed one after the other
		for m := range months {
			seq++
			d := search.Document{
				Position: chat.Position{Room: chat.RoomID{Tenant: "t", Key: "r"}, Seq: seq}, Revision: seq,
				At: time.Date(2016, time.Month(m+1), 3, 0, 0, 0, 0, time.UTC), Tokens: []string{"all"},
			}
			if err := ix.Apply(ctx, []search.Document{d}, d.Position); err != nil {
				t.Fatal(err)
			}
			most = max(most, descriptors(t)-before)
		}
	}
	if most > limit+40 {
		t.Errorf("%d files were open, want about %d at most", most, limit)
	}
	waitFor(t, "all months are closed and merged", func() bool {
		open, n, segments := st.Months()
		return open == 0 && n == months && segments == months
	})
	if now := descriptors(t) - before; now > months+20 {
		t.Errorf("%d files are open for %d months", now, months)
	}
	res, err := ix.Search(ctx, search.Request{Where: search.Term("all"), Scope: everything, Limit: 10, Count: 1000})
	if err != nil || res.Count != 3*months || len(res.Hits) != 10 {
		t.Errorf("%d hits of %d, %v", len(res.Hits), res.Count, err)
	}
}

func descriptors(t testing.TB) int {
	t.Helper()
	all, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(all)
}

// What a caller gives up on isn't done, or is done whole.
func TestCallersWhoLeave(t *testing.T) {
	st := open(t, t.TempDir(), options())
	l := life(0, 200)
	for _, c := range l {
		ctx, cancel := context.WithCancel(t.Context())
		go cancel()
		if err := st.Index().Apply(ctx, c.docs, c.upTo); err != nil && !errors.Is(err, context.Canceled) {
			t.Fatal(err)
		}
		if err := st.Index().Apply(t.Context(), c.docs, c.upTo); err != nil {
			t.Fatal(err)
		}
	}
	if calls, err := holdsWhatItSays(t.Context(), st.Index(), [][]call{l}); err != nil || calls[0] != 200 {
		t.Errorf("%v, %v", calls, err)
	}
}

// A time that no id can have is refused.
func TestTimesThatAreNone(t *testing.T) {
	st := open(t, t.TempDir(), options())
	d := life(0, 1)[0].docs[0]
	d.At = time.Unix(1<<60, 0)
	var e *chat.Error
	if err := st.Index().Apply(t.Context(), []search.Document{d}); !errors.As(err, &e) || e.Kind != chat.ErrInvalid || e.Field != "at" {
		t.Error(err)
	}
}

// Who sees a watermark sees its documents, and the other way round, though they lie in three
// months, and somebody writes all the time.
func TestDocumentsAndWatermarksAreOneStep(t *testing.T) {
	st := open(t, t.TempDir(), options())
	ix, ctx := st.Index(), t.Context()
	const n, each = 150, 3
	done := make(chan error)
	go func() {
		for i := range chat.Seq(n) {
			var docs []search.Document
			for k := range chat.Seq(each) {
				seq := i*each + k + 1
				docs = append(docs, search.Document{
					Position: chat.Position{Room: clock(0), Seq: seq}, Revision: seq,
					At: time.Date(2026, time.Month(1+k), 1, 0, 0, int(i), 0, time.UTC), Tokens: []string{"x"},
				})
			}
			if err := ix.Apply(ctx, docs, docs[each-1].Position); err != nil {
				done <- err
				return
			}
		}
		close(done)
	}()
	for {
		before, err := ix.Watermark(ctx, clock(0))
		if err != nil {
			t.Fatal(err)
		}
		res, err := ix.Search(ctx, search.Request{Where: search.Term("x"), Scope: everything, Count: n * each})
		if err != nil {
			t.Fatal(err)
		}
		after, err := ix.Watermark(ctx, clock(0))
		if err != nil {
			t.Fatal(err)
		}
		if count := chat.Seq(res.Count); count%each != 0 || count < before[0] || count > after[0] {
			t.Fatalf("%d documents between the watermarks %d and %d", count, before[0], after[0])
		}
		select {
		case err := <-done:
			if err != nil {
				t.Fatal(err)
			}
			return
		default:
		}
	}
}

// What panics while a folder is opened leaves nothing open: opening it again isn't locked
// out, and no file stays.
func TestAPanicWhileOpening(t *testing.T) {
	if _, err := os.Stat("/proc/self/fd"); err != nil {
		t.Skip("NOT RUN: open files can't be seen here")
	}
	l, dir := life(0, 90), t.TempDir()
	st := open(t, dir, options())
	fill(t, st.Index(), l[:60])
	st.Close()
	whole := crash(t, dir)
	st = open(t, dir, options())
	fill(t, st.Index(), l[60:])
	logs, err := filepath.Glob(filepath.Join(dir, "g", "LOG-*"))
	if err != nil || len(logs) != 1 {
		t.Fatal(logs, err)
	}
	b, err := os.ReadFile(logs[0])
	st.Close()
	err = errors.Join(err, os.Remove(filepath.Join(whole, "g", "SEAL")))
	if err = errors.Join(err, os.WriteFile(filepath.Join(whole, "g", filepath.Base(logs[0])), b, 0o600)); err != nil {
		t.Fatal(err) // else the log alone has what came last
	}

	opened := 0
	o := options()
	o.Loading(func() { opened++ })
	st = open(t, crash(t, whole), o)
	if _, n, _ := st.Months(); opened < n+2 {
		t.Fatalf("of %d months %d are opened for what the log has", n, opened-n)
	}
	st.Close()
	for _, at := range []int{2, opened} { // months that are looked at, months that are written to
		t.Run(fmt.Sprint("at ", at), func(t *testing.T) {
			dir, calls := crash(t, whole), 0
			o := options()
			o.Loading(func() {
				if calls++; calls == at {
					panic("a page can't be read")
				}
			})
			st, err := bleve.Open(t.Context(), dir, o)
			if err != nil {
				t.Fatal(err)
			}
			defer st.Close()
			waitFor(t, "it is opened again", func() bool { return st.Ready(t.Context()) == nil })
			if calls, err := holdsWhatItSays(t.Context(), st.Index(), [][]call{l}); err != nil || calls[0] != len(l) {
				t.Errorf("%v, %v", calls, err)
			}
			st.Close()
			fds, err := os.ReadDir("/proc/self/fd")
			if err != nil {
				t.Fatal(err)
			}
			for _, fd := range fds {
				if name, err := os.Readlink("/proc/self/fd/" + fd.Name()); err == nil && strings.HasPrefix(name, dir) {
					t.Error("still open: ", name)
				}
			}
		})
	}
}
