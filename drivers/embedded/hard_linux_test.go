package embedded_test

import (
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/chat/hub"
	"github.com/parlor-chat/parlor/drivers/embedded"
)

var flips = flag.Int("flips", 1, "how many bits TestAFlippedBit flips in each file")

// mount gives a file system in memory of so many bytes, or skips the test loudly.
func mount(t *testing.T, bytes int) string {
	t.Helper()
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, fmt.Sprint("size=", bytes)); err != nil {
		t.Skip("NOT RUN: a file system can't be mounted here: ", err)
	}
	t.Cleanup(func() { syscall.Unmount(dir, syscall.MNT_DETACH) })
	return dir
}

// texts are all texts of the kitchen, oldest first.
func (x *house) texts() (all []string) {
	x.t.Helper()
	for after := chat.Seq(0); ; {
		page, err := x.kitchen().Page(x.t.Context(), chat.After(after, 200))
		ok(x.t, err)
		for _, m := range page.Messages {
			all = append(all, m.Text.Body)
			after = m.Seq
		}
		if !page.Newer {
			return all
		}
	}
}

// until tries something for a while, and gives what it said last.
func until(what func() error) (err error) {
	for end := time.Now().Add(30 * time.Second); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if err = what(); err == nil {
			return nil
		}
	}
	return err
}

// The folder fills up: sends are refused, what was said is read on, and with room again all goes
// on; nothing that was acknowledged is missing.
func TestAFullFileSystem(t *testing.T) {
	dir := mount(t, 400<<20)
	ballast := filepath.Join(dir, "else's") // more than what is in memory needs on the disk
	ok(t, os.WriteFile(ballast, make([]byte, 220<<20), 0o600))
	x := open(t, filepath.Join(dir, "parlor"))
	room := x.kitchen()
	var said []string
	send := func() error {
		body := fmt.Sprint(len(said), " ", strings.Repeat("soup ", 10_000), rand.Uint64())
		_, err := room.Send(t.Context(), chat.Text{Body: body})
		if err == nil {
			said = append(said, body)
		}
		return err
	}
	var refused error
	for refused == nil && len(said) < 10_000 {
		refused = send()
	}
	if !errors.Is(refused, chat.ErrUnavailable) {
		t.Fatalf("after %d: %v", len(said), refused)
	}
	if got := x.texts(); !slices.Equal(got, said) {
		t.Errorf("on the full disk %d are read of %d", len(got), len(said))
	}
	ok(t, os.Remove(ballast))
	if err := until(send); err != nil {
		t.Fatalf("with room again: %v", err)
	}
	x.whole()
	x.close()
	x = open(t, filepath.Join(dir, "parlor"))
	if got := x.texts(); !slices.Equal(got, said) {
		t.Errorf("afterwards %d are read of %d", len(got), len(said))
	}
	x.whole()
}

// A folder on a file system that can be read only isn't opened: the error says so, and nothing
// is harmed by the try.
func TestAReadOnlyFileSystem(t *testing.T) {
	dir := mount(t, 160<<20)
	x := open(t, filepath.Join(dir, "parlor"))
	x.say("soup")
	x.whole()
	x.close()
	ok(t, syscall.Mount("", dir, "", syscall.MS_REMOUNT|syscall.MS_RDONLY, ""))
	s, err := embedded.Open(t.Context(), filepath.Join(dir, "parlor"), options())
	if err == nil {
		s.Close()
	}
	if !errors.Is(err, chat.ErrUnavailable) || !strings.Contains(err.Error(), "read-only") {
		t.Errorf("%v", err)
	}
	ok(t, syscall.Mount("", dir, "", syscall.MS_REMOUNT, ""))
	x = open(t, filepath.Join(dir, "parlor"))
	if got := x.texts(); !slices.Equal(got, []string{"soup"}) {
		t.Errorf("%q", got)
	}
}

// Descriptors run out: what needs one is refused, the program lives, and goes on when there are
// some again.
func TestOutOfDescriptors(t *testing.T) {
	x := open(t, t.TempDir())
	said := []string{"first"}
	x.say("first")
	x.whole()
	var limit syscall.Rlimit
	ok(t, syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit))
	low := limit
	low.Cur = 256
	ok(t, syscall.Setrlimit(syscall.RLIMIT_NOFILE, &low))
	defer syscall.Setrlimit(syscall.RLIMIT_NOFILE, &limit)
	var taken []*os.File
	giveBack := sync.OnceFunc(func() {
		for _, f := range taken {
			f.Close()
		}
	})
	defer giveBack()
	for {
		f, err := os.Open(os.DevNull)
		if err != nil {
			break
		}
		taken = append(taken, f)
	}
	room := x.kitchen()
	for i := range 2000 {
		body := fmt.Sprint(i, strings.Repeat(" soup", 2000))
		_, err := room.Send(t.Context(), chat.Text{Body: body})
		if err == nil {
			said = append(said, body)
		} else if !errors.Is(err, chat.ErrUnavailable) {
			t.Fatalf("%d: %v", i, err)
		}
	}
	if _, err := room.Page(t.Context(), chat.Latest(10)); err != nil && !errors.Is(err, chat.ErrUnavailable) {
		t.Error(err)
	}
	giveBack()
	if err := until(func() error { _, err := room.Send(t.Context(), chat.Text{Body: "last"}); return err }); err != nil {
		t.Fatalf("with descriptors again: %v", err)
	}
	said = append(said, "last")
	if got := x.texts(); !slices.Equal(got, said) {
		t.Errorf("%d are read of %d", len(got), len(said))
	}
	x.whole()
}

// The clock is set across restarts, an hour back and a year forward: times never fall, nothing is
// missing, and nobody waits for leases that a wrong clock made long.
func TestTheClockAcrossRestarts(t *testing.T) {
	dir := t.TempDir()
	var said []string
	for i, skew := range []time.Duration{0, -time.Hour, 365 * 24 * time.Hour, 0} {
		o := options()
		o.Now = func() time.Time { return time.Now().Add(skew) }
		s, err := embedded.Open(t.Context(), dir, o)
		ok(t, err)
		h, err := hub.New(t.Context(), s.Set(), &hub.Options{Node: "home", Logger: quiet})
		ok(t, err)
		x := &house{h, s, t}
		x.say("in %d", i)
		said = append(said, fmt.Sprint("in ", i))
		began := time.Now()
		x.whole()
		if took := time.Since(began); took > 20*time.Second { // a lease of 15 s would be as long as the skew
			t.Errorf("skew %v: followers began after %v", skew, took)
		}
		if got := x.texts(); !slices.Equal(got, said) {
			t.Errorf("skew %v: %q", skew, got)
		}
		page, err := x.kitchen().Page(t.Context(), chat.Latest(10).All())
		ok(t, err)
		for i := 1; i < len(page.Events); i++ {
			if page.Events[i].At.Before(page.Events[i-1].At) {
				t.Errorf("%d is older than the one before", page.Events[i].Seq)
			}
		}
		x.close()
	}
}

// A bit flips in each file of the log, and in two of the index, in turn, while the folder is closed: it is
// told when the folder is opened, or by Verify, or nothing that anybody reads is changed by it.
func TestAFlippedBit(t *testing.T) {
	dir := t.TempDir()
	x := open(t, dir)
	for i := range 400 {
		x.say("soup %d %s", i, strings.Repeat("word ", 50))
	}
	x.whole()
	want := x.texts()
	x.close()
	rng := rand.New(rand.NewPCG(7, 7))
	told, quietly, ofIndex := 0, 0, 0
	ok(t, filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		ok(t, err)
		name, _ := filepath.Rel(dir, path)
		i, err := d.Info()
		ok(t, err)
		if d.IsDir() || i.Size() == 0 || strings.HasPrefix(name, "directory.db") || filepath.Base(name) == "BALLAST" || filepath.Base(name) == "LOCK" {
			return nil
		}
		if strings.HasPrefix(name, "index") { // package bleve looks at each of them
			if ofIndex++; ofIndex > 2 {
				return nil
			}
		}
		for range *flips {
			bad := filepath.Join(t.TempDir(), "bad")
			ok(t, os.CopyFS(bad, os.DirFS(dir)))
			b, err := os.ReadFile(filepath.Join(bad, name))
			ok(t, err)
			at := rng.IntN(len(b))
			b[at] ^= 1 << rng.IntN(8)
			ok(t, os.WriteFile(filepath.Join(bad, name), b, 0o600))
			if err := damaged(t, bad, want); err != nil {
				told++
				if !strings.Contains(err.Error(), filepath.Base(name)) {
					t.Errorf("%s, byte %d: the error doesn't say where: %v", name, at, err)
				}
			} else {
				quietly++
			}
			ok(t, os.RemoveAll(bad))
		}
		return nil
	}))
	t.Logf("%d were told, %d changed nothing", told, quietly)
	if told == 0 {
		t.Error("nothing was told")
	}
}

// damaged opens a folder, and says what it says of itself. Where it says nothing, it must show
// what it showed, and find it.
func damaged(t *testing.T, dir string, want []string) error {
	s, err := embedded.Open(t.Context(), dir, options())
	if err != nil {
		return err
	}
	defer s.Close()
	if _, err := s.Verify(t.Context(), nil); err != nil {
		return err
	}
	h, err := hub.New(t.Context(), s.Set(), &hub.Options{Node: "home", Logger: quiet})
	if err != nil {
		return err
	}
	x := &house{h, s, t}
	defer func() { ok(t, h.Shutdown(t.Context())) }()
	x.whole()
	if got := x.texts(); !slices.Equal(got, want) {
		t.Errorf("%d texts are shown, %d are there", len(got), len(want))
	}
	found, err := x.as("ann").Search(t.Context(), hub.Query{Text: "soup", Limit: 1, Count: 1000})
	if err != nil || found.Count != len(want) {
		t.Errorf("%d are found, %v; want %d", found.Count, err, len(want))
	}
	return nil
}
