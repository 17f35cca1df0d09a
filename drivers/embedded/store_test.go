package embedded_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/chat/hub"
	"github.com/parlor-chat/parlor/drivers/embedded"
	"github.com/parlor-chat/parlor/storage"
)

func ok(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// house is a hub on a folder.
type house struct {
	*hub.Hub
	store *embedded.Store
	t     testing.TB
}

func open(t testing.TB, dir string) *house {
	t.Helper()
	s, err := embedded.Open(t.Context(), dir, options())
	ok(t, err)
	h, err := hub.New(t.Context(), s.Set(), &hub.Options{Node: "home", Logger: quiet})
	ok(t, err)
	x := &house{h, s, t}
	t.Cleanup(x.close)
	return x
}

func (x *house) close() {
	x.t.Helper()
	if x.Hub == nil {
		return
	}
	ok(x.t, errors.Join(x.Shutdown(context.Background()), x.store.Close()))
	x.Hub = nil
}

func (x *house) as(user string) hub.User { return x.As(chat.UserID{Tenant: "acme", Key: user}) }

// kitchen is a room that all may read.
func (x *house) kitchen() hub.Room {
	x.t.Helper()
	r, err := x.as("ann").RoomAt(x.t.Context(), "kitchen")
	if errors.Is(err, chat.ErrNotFound) {
		r, err = x.as("ann").Create(x.t.Context(), storage.Room{Kind: storage.Public, Title: "Kitchen", Address: "kitchen", Listed: true})
	}
	ok(x.t, err)
	return r
}

func (x *house) say(format string, args ...any) chat.Receipt {
	x.t.Helper()
	r, err := x.kitchen().Send(x.t.Context(), chat.Text{Body: fmt.Sprintf(format, args...)})
	ok(x.t, err)
	return r
}

// whole waits until all has followed, and has everything verified.
func (x *house) whole() {
	x.t.Helper()
	ok(x.t, x.store.Ready(x.t.Context()))
	for { // an index that was lost is being filled
		err := x.Admin().CatchUp(x.t.Context())
		var v hub.Verified
		if err == nil {
			v, err = x.Admin().VerifyIndex(x.t.Context(), "acme", nil)
		}
		if errors.Is(err, chat.ErrUnavailable) {
			time.Sleep(20 * time.Millisecond)
			continue
		}
		if err != nil {
			x.t.Errorf("%+v: %v", v, err)
		}
		break
	}
	if v, err := x.store.Verify(x.t.Context(), nil); err != nil {
		x.t.Errorf("%+v: %v", v, err)
	}
}

func TestAllIsThereAfterARestart(t *testing.T) {
	dir := t.TempDir()
	x := open(t, dir)
	last := x.say("soup")
	x.close()
	x = open(t, dir)
	page, err := x.kitchen().Page(t.Context(), chat.Latest(10))
	if err != nil || len(page.Messages) != 1 || page.Messages[0].Text.Body != "soup" {
		t.Fatalf("%+v, %v", page, err)
	}
	x.whole()
	found, err := x.as("bob").Search(t.Context(), hub.Query{Text: "soup", Limit: 10, AtLeast: chat.Position{Room: x.kitchen().ID(), Seq: last.Seq}})
	if err != nil || len(found.Hits) != 1 {
		t.Errorf("%+v, %v", found, err)
	}
}

// A second process is told who has the folder, whatever it would open first.
func TestTheFolderIsHeld(t *testing.T) {
	dir := t.TempDir()
	open(t, dir)
	_, err := embedded.Open(t.Context(), dir, options())
	if !errors.Is(err, chat.ErrUnavailable) || !strings.Contains(err.Error(), fmt.Sprint("held by pid ", os.Getpid())) {
		t.Error(err)
	}
}

func TestOpenRefuses(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	ok(t, os.WriteFile(file, nil, 0o600))
	for dir, want := range map[string]error{"": chat.ErrInvalid, file: chat.ErrUnavailable} {
		if _, err := embedded.Open(t.Context(), dir, options()); !errors.Is(err, want) {
			t.Errorf("%q: %v", dir, err)
		}
	}
}

// The index, gone or damaged, comes back by itself, and nothing else is the worse for it.
func TestTheIndexComesBack(t *testing.T) {
	for name, spoil := range map[string]func(string) error{
		"gone": func(dir string) error { return os.RemoveAll(filepath.Join(dir, "index")) },
		"damaged": func(dir string) error {
			return filepath.WalkDir(filepath.Join(dir, "index"), func(path string, d os.DirEntry, err error) error {
				if err != nil || d.IsDir() || !strings.HasSuffix(path, ".zap") && !strings.HasSuffix(path, ".bolt") {
					return err
				}
				return os.WriteFile(path, []byte("garbage"), 0o600)
			})
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			x := open(t, dir)
			for i := range 100 {
				x.say("soup %d", i)
			}
			x.whole()
			x.close()
			ok(t, spoil(dir))
			x = open(t, dir)
			x.say("more soup")
			x.whole()
			found, err := x.as("bob").Search(t.Context(), hub.Query{Text: "soup", Limit: 1, Count: 1000})
			if err != nil || found.Count != 101 {
				t.Errorf("%d, %v", found.Count, err)
			}
		})
	}
}

// counted counts what is appended to an archive.
type counted struct {
	storage.History
	n atomic.Int64
}

func (c *counted) Append(ctx context.Context, events []chat.Event) error {
	c.n.Add(int64(len(events)))
	return c.History.Append(ctx, events)
}

// After a start a room isn't gone through from its beginning again.
func TestARestartGoesOnWhereItWas(t *testing.T) {
	dir := t.TempDir()
	x := open(t, dir)
	for i := range 300 {
		x.say("text %d", i)
	}
	x.whole()
	x.close()
	s, err := embedded.Open(t.Context(), dir, options())
	ok(t, err)
	defer s.Close()
	set := s.Set()
	c := &counted{History: set.History}
	set.History = c
	h, err := hub.New(t.Context(), set, &hub.Options{Node: "home", Logger: quiet})
	ok(t, err)
	x = &house{h, s, t}
	x.say("one more")
	ok(t, h.Admin().CatchUp(t.Context()))
	ok(t, h.Shutdown(t.Context()))
	if n := c.n.Load(); n > 10 {
		t.Errorf("%d events were archived again", n)
	}
}

// A folder of which a half is gone isn't filled up with an empty one.
func TestAHalfIsNoFolder(t *testing.T) {
	for _, name := range []string{"log", "directory.db"} {
		dir := t.TempDir()
		x := open(t, dir)
		x.say("soup")
		x.close()
		ok(t, os.RemoveAll(filepath.Join(dir, name)))
		if _, err := embedded.Open(t.Context(), dir, options()); !errors.Is(err, chat.ErrIncomplete) || !strings.Contains(err.Error(), name) {
			t.Errorf("without %s: %v", name, err)
		}
	}
	dir := filepath.Join(t.TempDir(), "none")
	o := options()
	o.Existing = true
	if _, err := embedded.Open(t.Context(), dir, o); !errors.Is(err, chat.ErrNotFound) {
		t.Errorf("of nothing: %v", err)
	}
	if _, err := os.Stat(dir); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("what was only looked for was made: %v", err)
	}
	dir = t.TempDir()
	ok(t, os.WriteFile(filepath.Join(dir, "FORMAT"), []byte("parlor embedded 2\n"), 0o600))
	if _, err := embedded.Open(t.Context(), dir, options()); !errors.Is(err, chat.ErrInvalid) {
		t.Errorf("of a newer version: %v", err)
	}
}
