package disk_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	bare "github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/drivers/journal"
	"github.com/parlor-chat/parlor/drivers/journal/disk"
)

// What is kept, noted and dropped is so in the next life, in the order in which it came.
func TestALife(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir, vfs.Default)
	a, b, c, d, e := fresh("a"), fresh("b"), fresh("c"), fresh("d"), fresh("e")
	keep(t, s, a, b)
	keep(t, s, c)
	b, c = at(b, 7), at(c, 1<<33)
	c.Aside = chat.ErrInvalid.Error()
	d.Aside, d.Since = chat.ErrConflict.Error(), now().Add(-13*time.Hour) // another node's, that is adopted
	e = at(e, 8)
	keep(t, s, d, e)
	if err := s.Note(t.Context(), []journal.Record{b, c, at(fresh("nobody knows it"), 3)}); err != nil {
		t.Fatal(err)
	}
	check(t, s, a, b, c, d, e)
	if err := s.Drop(t.Context(), []chat.EventID{a.Event.ID, chat.NewID()}); err != nil {
		t.Fatal(err)
	}
	if err := s.Note(t.Context(), []journal.Record{at(a, 1)}); err != nil { // too late
		t.Fatal(err)
	}
	check(t, s, b, c, d, e)
	for range 3 {
		closed(t, s)
		s = open(t, dir, vfs.Default)
		check(t, s, b, c, d, e)
	}
	f := fresh("f")
	keep(t, s, f)
	decided := d
	decided.Aside, decided.Since = "", now()
	if err := s.Note(t.Context(), []journal.Record{decided}); err != nil {
		t.Fatal(err)
	}
	// Of an id that is kept twice the last counts.
	b2 := fresh("another b")
	b2.Event.ID = b.Event.ID
	keep(t, s, b2)
	closed(t, s)
	s = open(t, dir, vfs.Default)
	check(t, s, c, decided, e, f, b2)
	closed(t, s)
	closed(t, s)
	if err := s.Keep(t.Context(), []journal.Record{a}); !errors.Is(err, chat.ErrClosed) {
		t.Errorf("closed: %v", err)
	}
}

// Everything that a record may be comes back.
func TestEveryContent(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir, vfs.Default)
	target := chat.NewID()
	var want []journal.Record
	for i, c := range []chat.Content{&chat.Text{Body: strings.Repeat("x", chat.MaxBody)}, &chat.Edit{New: chat.Text{Body: "e"}}, &chat.Retract{ByModerator: true},
		&chat.React{Emoji: []string{"👍"}}, &chat.Topic{Text: "t"}, &chat.Tombstone{Was: chat.KindText, Why: chat.Refused}} {
		r := fresh(fmt.Sprint(i))
		r.Event.Content, r.Event.Target = c, target
		r.Event.Extensions = []chat.Extension{{Name: "x", Raw: []byte("<x/>")}}
		r.Event.Origin = &chat.Origin{Source: "s", ID: "1", At: now()}
		want = append(want, r)
	}
	keep(t, s, want...)
	closed(t, s)
	s = open(t, dir, vfs.Default)
	check(t, s, want...)
	closed(t, s)
}

// Loading goes on while records are kept and dropped, also by whoever loads.
func TestLoadingGoesOn(t *testing.T) {
	s := open(t, "journal", vfs.NewMem())
	defer closed(t, s)
	const n = 300
	var all []journal.Record
	for i := range n {
		all = append(all, fresh(fmt.Sprint(i, strings.Repeat(".", 20_000)))) // more than is read at once
	}
	keep(t, s, all...)
	seen := 0
	for r, err := range s.Load(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		if err := same(r, all[seen]); err != nil {
			t.Fatal(err)
		}
		seen++
		if err := s.Drop(t.Context(), []chat.EventID{r.Event.ID}); err != nil {
			t.Fatal(err)
		}
	}
	if seen != n {
		t.Errorf("%d records of %d", seen, n)
	}
	check(t, s)
	keep(t, s, all...)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	seen = 0
	var last error
	for _, err := range s.Load(ctx) {
		seen, last = seen+1, err
		cancel()
	}
	if !errors.Is(last, context.Canceled) || seen >= n {
		t.Errorf("%d records after it was cancelled, and %v", seen, last)
	}
}

// Another process on the folder is told who holds it, and changes nothing; whoever only
// wants to look is, too.
func TestAnotherProcess(t *testing.T) {
	if dir := os.Getenv("PARLOR_JOURNAL_HELD"); dir != "" {
		for _, readOnly := range []bool{false, true} {
			_, err := disk.Open(t.Context(), dir, &disk.Options{Log: quiet, ReadOnly: readOnly})
			fmt.Println("opened:", err, errors.Is(err, chat.ErrUnavailable))
		}
		return
	}
	dir := t.TempDir()
	s := open(t, dir, vfs.Default)
	defer closed(t, s)
	cmd := exec.Command(os.Args[0], "-test.run=^TestAnotherProcess$", "-test.v")
	cmd.Env = append(os.Environ(), "PARLOR_JOURNAL_HELD="+dir)
	out, err := cmd.CombinedOutput()
	host, _ := os.Hostname()
	want := fmt.Sprintf("held by pid %d on host %s", os.Getpid(), host)
	if err != nil || strings.Count(string(out), want) != 2 || strings.Count(string(out), " true\n") != 2 {
		t.Errorf("%v\n%s\nwant %q", err, out, want)
	}
	a := fresh("a")
	keep(t, s, a)
	check(t, s, a)
}

// A folder of a newer format is refused, and left as it is.
func TestANewerFormat(t *testing.T) {
	fs := vfs.NewMem()
	closed(t, open(t, "journal", fs))
	if err := fs.Remove("journal/SEAL"); err != nil { // the newer version may have another
		t.Fatal(err)
	}
	db, err := bare.Open("journal", &bare.Options{FS: fs, Logger: bareLog{}})
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(db.Set([]byte("m"), []byte{4, 9, 9}, bare.Sync), db.Close()); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		_, err = disk.Open(t.Context(), "journal", &disk.Options{Log: quiet, FS: fs})
		var e *chat.Error
		if !errors.As(err, &e) || e.Kind != chat.ErrInvalid || e.Field != "format" || e.Limit != 1 || !strings.Contains(err.Error(), "format 2") {
			t.Fatalf("opened: %v", err)
		}
	}
}

type bareLog struct{ bare.Logger }

func (bareLog) Infof(string, ...any) {}

// With less free than the reserve nothing is kept, but what gives room back goes on; and so
// does everything when there is room again.
func TestTheReserve(t *testing.T) {
	fs := vfs.NewMem()
	fs.TestingSetDiskUsage(vfs.DiskUsage{AvailBytes: 1 << 30})
	s, err := disk.Open(t.Context(), "journal", &disk.Options{FS: fs, Log: quiet, Reserve: 1 << 20})
	if err != nil {
		t.Fatal(err)
	}
	defer closed(t, s)
	a, b := fresh("a"), fresh("b")
	keep(t, s, a, b)
	fs.TestingSetDiskUsage(vfs.DiskUsage{AvailBytes: 1 << 19})
	refused := func() bool {
		err := s.Keep(t.Context(), []journal.Record{fresh("x")})
		var e *chat.Error
		return errors.As(err, &e) && e.Kind == chat.ErrUnavailable && e.Field == "disk" && e.Limit == 1<<20
	}
	if !until(10*time.Second, refused) {
		t.Error("nothing is refused")
	}
	b = at(b, 1)
	if err := errors.Join(s.Note(t.Context(), []journal.Record{b}), s.Drop(t.Context(), []chat.EventID{a.Event.ID})); err != nil {
		t.Errorf("what gives room back: %v", err)
	}
	if got := load(t, s); len(got) == 0 || same(got[0], b) != nil {
		t.Errorf("it has %+v", got)
	}
	fs.TestingSetDiskUsage(vfs.DiskUsage{AvailBytes: 1 << 30})
	if !until(10*time.Second, func() bool { return !refused() }) {
		t.Error("all is refused though there is room again")
	}
}

func until(most time.Duration, holds func() bool) bool {
	for end := time.Now().Add(most); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		if holds() {
			return true
		}
	}
	return false
}

// What is dropped is in no file once Scrub returns.
func TestScrub(t *testing.T) {
	fs := vfs.NewMem()
	s := open(t, "journal", fs)
	defer closed(t, s)
	secret := fresh("SECRET-WORD")
	keep(t, s, secret)
	for i := range 50 {
		keep(t, s, fresh(fmt.Sprint(i)))
	}
	holds := func() (n int) {
		names, _ := fs.List("journal")
		for _, name := range names {
			if strings.Contains(read(t, fs, "journal/"+name), "SECRET-WORD") {
				n++
			}
		}
		return n
	}
	if err := s.Drop(t.Context(), []chat.EventID{secret.Event.ID}); err != nil {
		t.Fatal(err)
	}
	if holds() == 0 {
		t.Error("the bytes are gone before Scrub: this proves nothing")
	}
	if err := s.Scrub(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := holds(); n > 0 {
		t.Errorf("%d files hold what was dropped", n)
	}
	if n := len(load(t, s)); n != 50 {
		t.Errorf("%d records are left", n)
	}
}

func read(t testing.TB, fs vfs.FS, name string) string {
	t.Helper()
	f, err := fs.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	i, err := f.Stat()
	if err != nil {
		t.Fatal(err)
	}
	b := make([]byte, i.Size())
	if _, err := f.ReadAt(b, 0); err != nil && i.Size() > 0 {
		t.Fatal(err)
	}
	return string(b)
}

// Opened for reading all can be seen, of a folder that a crash left too, and nothing changes.
func TestLooking(t *testing.T) {
	fs := vfs.NewCrashableMem()
	s := open(t, "journal", fs)
	a, b := fresh("a"), fresh("b")
	keep(t, s, a, b)
	left := fs.CrashClone(vfs.CrashCloneCfg{})
	closed(t, s)
	o := &disk.Options{FS: left, Log: quiet, ReadOnly: true}
	s, err := disk.Open(t.Context(), "journal", o)
	if err != nil {
		t.Fatal(err)
	}
	check(t, s, a, b)
	for what, err := range map[string]error{
		"keep": s.Keep(t.Context(), []journal.Record{fresh("c")}), "note": s.Note(t.Context(), []journal.Record{at(a, 1)}),
		"drop": s.Drop(t.Context(), []chat.EventID{a.Event.ID}), "scrub": s.Scrub(t.Context()),
	} {
		if !errors.Is(err, chat.ErrUnavailable) {
			t.Errorf("%s: %v, want %v", what, err, chat.ErrUnavailable)
		}
	}
	check(t, s, a, b)
	closed(t, s)
	s = open(t, "journal", left)
	check(t, s, a, b)
	closed(t, s)
	if _, err := disk.Open(t.Context(), "nowhere", o); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a folder that isn't there: %v", err)
	}
}
