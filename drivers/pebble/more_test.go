package pebble_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	bare "github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/drivers/pebble"
	"github.com/parlor-chat/parlor/storage"
)

var room = crashRooms[0]

func open(t testing.TB, dir string) *pebble.Store {
	t.Helper()
	s, err := pebble.Open(t.Context(), dir, &pebble.Options{Log: quiet, Reserve: -1})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func send(t testing.TB, s *pebble.Store, n int) []chat.Event {
	t.Helper()
	events := make([]chat.Event, n)
	for i := range events {
		events[i] = said(room, fmt.Sprint("text ", i))
	}
	for rest := events; len(rest) > 0; {
		k := min(len(rest), 500)
		if _, err := s.Broker().Publish(t.Context(), rest[:k]); err != nil {
			t.Fatal(err)
		}
		rest = rest[k:]
	}
	return events
}

// Another process on the folder is told who holds it, and changes nothing.
func TestAnotherProcess(t *testing.T) {
	if dir := os.Getenv("PARLOR_PEBBLE_DIR"); dir != "" {
		_, err := pebble.Open(t.Context(), dir, &pebble.Options{Log: quiet})
		fmt.Println("opened:", err, errors.Is(err, chat.ErrUnavailable))
		return
	}
	dir := t.TempDir()
	s := open(t, dir)
	defer s.Close()
	cmd := exec.Command(os.Args[0], "-test.run=^TestAnotherProcess$", "-test.v")
	cmd.Env = append(os.Environ(), "PARLOR_PEBBLE_DIR="+dir)
	out, err := cmd.CombinedOutput()
	host, _ := os.Hostname()
	want := fmt.Sprintf("held by pid %d on host %s", os.Getpid(), host)
	if err != nil || !strings.Contains(string(out), want) || !strings.Contains(string(out), "true") {
		t.Errorf("%v\n%s\nwant %q", err, out, want)
	}
	if _, err := pebble.Open(t.Context(), dir, nil); !errors.Is(err, chat.ErrUnavailable) || !strings.Contains(err.Error(), want) {
		t.Errorf("in this process: %v", err)
	}
	send(t, s, 1)
}

// A store of a newer format is refused, and left as it is.
func TestANewerFormat(t *testing.T) {
	dir := t.TempDir()
	if err := open(t, dir).Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(dir, "SEAL")); err != nil { // the newer version may have another
		t.Fatal(err)
	}
	db, err := bare.Open(dir, &bare.Options{Logger: bareLog{}})
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(db.Set([]byte("m"), []byte{4, 9, 9}, bare.Sync), db.Close()); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		_, err = pebble.Open(t.Context(), dir, &pebble.Options{Log: quiet})
		var e *chat.Error
		if !errors.As(err, &e) || e.Kind != chat.ErrInvalid || e.Field != "format" || e.Limit != 1 || !strings.Contains(err.Error(), "format 2") {
			t.Fatalf("opened: %v", err)
		}
	}
}

// What was erased or pruned is in no file of the folder once Scrub returns.
func TestScrub(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	defer s.Close()
	secret, old := said(room, "SECRET-ERASED-WORD"), said(room, "SECRET-PRUNED-WORD")
	old.Origin = &chat.Origin{Source: "x", At: time.Date(2007, 1, 1, 0, 0, 0, 0, time.UTC)}
	if _, err := s.Broker().Publish(t.Context(), []chat.Event{old, secret}); err != nil {
		t.Fatal(err)
	}
	send(t, s, 100)
	holds := func() (n int) {
		files, _ := filepath.Glob(filepath.Join(dir, "*"))
		for _, f := range files {
			b, _ := os.ReadFile(f)
			if bytes.Contains(b, []byte("SECRET-")) {
				n++
			}
		}
		return n
	}
	if holds() == 0 {
		t.Fatal("the bytes are nowhere before")
	}
	h := s.History()
	err := errors.Join(h.Erase(t.Context(), []chat.Position{{Room: room, Seq: 2}}),
		storage.Prune(t.Context(), h, storage.Span{Tenant: room.Tenant}, old.Origin.At.Add(time.Hour)))
	if err != nil {
		t.Fatal(err)
	}
	if holds() == 0 {
		t.Error("the bytes are gone before Scrub: this proves nothing")
	}
	if err := s.Scrub(t.Context(), storage.Span{Tenant: room.Tenant}); err != nil {
		t.Fatal(err)
	}
	if n := holds(); n > 0 {
		t.Errorf("%d files hold what was erased", n)
	}
	p, err := h.Page(t.Context(), room, chat.Latest(500))
	if err != nil || len(p.Events) != 101 || p.First != 2 || p.Events[0].Kind() != chat.KindTombstone {
		t.Errorf("%d events from %d: %v", len(p.Events), p.First, err)
	}
}

// With less free than the reserve sends are refused before anything is written, reading
// goes on, and so do sends when there is room again.
func TestTheReserve(t *testing.T) {
	disk := vfs.NewMem()
	disk.TestingSetDiskUsage(vfs.DiskUsage{AvailBytes: 1 << 30})
	s, err := pebble.Open(t.Context(), "store", &pebble.Options{FS: disk, Log: quiet, Reserve: 1 << 20})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	send(t, s, 10)
	disk.TestingSetDiskUsage(vfs.DiskUsage{AvailBytes: 1 << 19})
	refused := func() bool {
		_, err := s.Broker().Publish(t.Context(), []chat.Event{said(room, "x")})
		var e *chat.Error
		return errors.As(err, &e) && e.Kind == chat.ErrUnavailable && e.Field == "disk" && e.Limit == 1<<20
	}
	if !until(10*time.Second, refused) {
		t.Error("nothing is refused")
	}
	p, err := s.History().Page(t.Context(), room, chat.Latest(5))
	if err != nil || len(p.Events) != 5 {
		t.Errorf("reading: %d events, %v", len(p.Events), err)
	}
	if err := s.History().Append(t.Context(), p.Events); err != nil {
		t.Errorf("what is there already: %v", err)
	}
	if err := s.History().Erase(t.Context(), []chat.Position{{Room: room, Seq: 1}}); err != nil {
		t.Errorf("erasing: %v", err)
	}
	disk.TestingSetDiskUsage(vfs.DiskUsage{AvailBytes: 1 << 30})
	if !until(10*time.Second, func() bool { return !refused() }) {
		t.Error("all is refused though there is room again")
	}
}

// A flipped bit in any file of the folder while it is closed: opening or reading fails, or
// all is as it was. What is read is never wrong, and nothing is missing without a word.
func TestAFlippedBit(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	events := send(t, s, 3000)
	if err := errors.Join(s.Scrub(t.Context(), storage.Span{Tenant: room.Tenant}), s.Close()); err != nil { // no old logs are left
		t.Fatal(err)
	}
	files, _ := filepath.Glob(filepath.Join(dir, "*"))
	told := 0
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil || len(b) == 0 {
			continue
		}
		times := 12
		if len(b) < 8<<10 {
			times = 40
		}
		for k := range times {
			at := len(b)*k/times + k%7
			if at >= len(b) {
				continue
			}
			other := t.TempDir()
			if err := os.CopyFS(other, os.DirFS(dir)); err != nil {
				t.Fatal(err)
			}
			bad := bytes.Clone(b)
			bad[at] ^= 1 << (k % 8)
			if err := os.WriteFile(filepath.Join(other, filepath.Base(f)), bad, 0o600); err != nil {
				t.Fatal(err)
			}
			if err := whole(t.Context(), other, events); errors.Is(err, errWrong) {
				t.Errorf("%s, byte %d of %d: %v", filepath.Base(f), at, len(b), err)
			} else if err != nil {
				told++
			}
		}
	}
	if told == 0 {
		t.Error("no damage was told: this proves nothing")
	}
	t.Logf("%d files, damage told %d times", len(files), told)
}

type bareLog struct{ bare.Logger }

func (bareLog) Infof(string, ...any) {}

var errWrong = errors.New("wrong")

func whole(ctx context.Context, dir string, events []chat.Event) error {
	s, err := pebble.Open(ctx, dir, &pebble.Options{Log: quiet, Reserve: -1})
	if err != nil {
		return err
	}
	defer s.Close()
	n := 0
	for e, err := range s.History().Scan(ctx, storage.Span{Tenant: room.Tenant}, "") {
		if err != nil {
			return err
		}
		if n >= len(events) || e.Event.Digest() != events[n].Digest() {
			return fmt.Errorf("%w: event %d", errWrong, n)
		}
		n++
	}
	if n != len(events) {
		return fmt.Errorf("%w: %d events of %d, without a word", errWrong, n, len(events))
	}
	return nil
}
