package pebble_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/drivers/pebble"
)

// A copy that is made while others send has all that was acknowledged before it, without a
// hole, and is sealed.
func TestBackupWhileOthersSend(t *testing.T) {
	dir := t.TempDir()
	s := open(t, filepath.Join(dir, "store"))
	defer s.Close()
	ctx, stop := context.WithCancel(t.Context())
	var sent [4]atomic.Int64
	var sending sync.WaitGroup
	rooms := make([]chat.RoomID, len(sent))
	for n := range sent {
		rooms[n] = chat.RoomID{Tenant: "acme", Key: fmt.Sprint("r", n)}
		sending.Go(func() {
			for ctx.Err() == nil {
				if publish(t, s, said(rooms[n], "text")) == nil {
					sent[n].Add(1)
				}
			}
		})
	}
	for i := range 5 {
		var least [len(sent)]int64
		for n := range sent {
			for sent[n].Load() < int64(i+1)*20 {
			}
			least[n] = sent[n].Load()
		}
		where := filepath.Join(dir, fmt.Sprint("copy", i))
		ok(t, s.Backup(t.Context(), where))
		if _, err := os.Stat(filepath.Join(where, "SEAL")); err != nil {
			t.Error(err)
		}
		c := open(t, where)
		if _, err := c.Verify(t.Context(), nil); err != nil {
			t.Error(err)
		}
		for n, room := range rooms {
			if h, err := c.Broker().Recent(t.Context(), room, chat.Latest(1).All()); err != nil || int64(h.Last) < least[n] {
				t.Errorf("copy %d has %d of %d, %v", i, h.Last, least[n], err)
			}
		}
		ok(t, c.Close())
	}
	stop()
	sending.Wait()
	if left, err := filepath.Glob(filepath.Join(dir, "*.part")); err != nil || len(left) > 0 {
		t.Errorf("left over: %v, %v", left, err)
	}
}

func TestBackupRefuses(t *testing.T) {
	dir := t.TempDir()
	where := filepath.Join(dir, "store")
	s := open(t, where)
	send(t, s, 3)
	for at, want := range map[string]error{
		"": chat.ErrInvalid, where: chat.ErrConflict, dir: chat.ErrConflict,
		filepath.Join(where, "copy"): chat.ErrInvalid, filepath.Join(where, "LOCK", "copy"): chat.ErrUnavailable,
	} {
		if err := s.Backup(t.Context(), at); !errors.Is(err, want) {
			t.Errorf("%q: %v, want %v", at, err, want)
		}
	}
	copied := filepath.Join(dir, "copy")
	ok(t, os.Mkdir(copied+".part", 0o700)) // of a crash
	ok(t, s.Backup(t.Context(), copied))
	ok(t, s.Close())
	if err := s.Backup(t.Context(), filepath.Join(dir, "late")); !errors.Is(err, chat.ErrClosed) {
		t.Error(err)
	}
}

// A copy's disk that is full fails the copy, not the store.
func TestTheCopysDiskIsFull(t *testing.T) {
	fs := &fullElsewhere{FS: vfs.NewMem()}
	s, err := pebble.Open(t.Context(), "store", &pebble.Options{Log: quiet, Reserve: -1, FS: fs})
	ok(t, err)
	defer s.Close()
	send(t, s, 100)
	for range 3 {
		err := s.Backup(t.Context(), "copy")
		if !errors.Is(err, chat.ErrUnavailable) || !errors.Is(err, syscall.ENOSPC) {
			t.Errorf("%v, want %v", err, syscall.ENOSPC)
		}
		if x, err := s.Stats(t.Context()); err != nil || x.Last != nil || !x.Write {
			t.Errorf("the store: %+v, %v", x, err)
		}
		send(t, s, 1)
		if names, err := fs.List(""); err != nil || strings.Contains(fmt.Sprint(names), "copy") {
			t.Errorf("left over: %v, %v", names, err)
		}
	}
}

// fullElsewhere is a disk on which nothing but the store has room.
type fullElsewhere struct{ vfs.FS }

func (f *fullElsewhere) full(name string) error {
	if strings.HasPrefix(name, "copy") {
		return syscall.ENOSPC
	}
	return nil
}

func (f *fullElsewhere) Create(name string, c vfs.DiskWriteCategory) (vfs.File, error) {
	if err := f.full(name); err != nil {
		return nil, err
	}
	return f.FS.Create(name, c)
}

func (f *fullElsewhere) Link(from, to string) error {
	if err := f.full(to); err != nil {
		return err
	}
	return f.FS.Link(from, to)
}

func (f *fullElsewhere) Unwrap() vfs.FS { return f.FS }
