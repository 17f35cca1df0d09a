package pebble_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	bare "github.com/cockroachdb/pebble/v2"

	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/drivers/pebble"
	"github.com/parlor-chat/parlor/storage"
)

// lived is a store in which something of everything happened.
func lived(t testing.TB, dir string) {
	t.Helper()
	s := open(t, dir)
	var old []chat.Event
	for i := range 4 {
		e := said(room, fmt.Sprint("old ", i))
		e.Origin = &chat.Origin{Source: "x", At: time.Date(2007, 1, 1+i, 0, 0, 0, 0, time.UTC)}
		old = append(old, e)
	}
	ok(t, publish(t, s, old...))
	texts := send(t, s, 36)
	var more []chat.Event
	for i, content := range []chat.Content{
		&chat.Edit{New: chat.Text{Body: "better"}}, &chat.React{Emoji: []string{"🍜"}}, &chat.Retract{}, &chat.Erase{},
	} {
		e := said(room, "")
		e.Content, e.Target = content, texts[10+i].ID
		more = append(more, e)
	}
	loose := said(room, "")
	loose.Content, loose.Target = &chat.React{Emoji: []string{"👍"}}, chat.NewID()
	other := said(chat.RoomID{Tenant: "acme", Key: "other"}, "one text")
	ok(t, publish(t, s, append(more, loose, other)...))
	ok(t, s.History().Erase(t.Context(), []chat.Position{{Room: room, Seq: 14}}))
	ok(t, storage.Prune(t.Context(), s.History(), storage.Span{Tenant: room.Tenant}, time.Date(2008, 1, 1, 0, 0, 0, 0, time.UTC)))
	ok(t, s.Close())
}

func publish(t testing.TB, s *pebble.Store, events ...chat.Event) error {
	_, err := s.Broker().Publish(t.Context(), events)
	return err
}

func ok(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestVerifyFindsNothingWrong(t *testing.T) {
	dir := t.TempDir()
	lived(t, dir)
	s := open(t, dir)
	defer s.Close()
	v, err := s.Verify(t.Context(), nil)
	if want := (pebble.Verified{Rooms: 2, Events: 42}); err != nil || v != want {
		t.Errorf("%+v, %v, want %+v", v, err, want)
	}
	// While others write, too.
	ctx, stop := context.WithCancel(t.Context())
	var writing sync.WaitGroup
	for n := range 4 {
		writing.Go(func() {
			for i := 0; ctx.Err() == nil && i < 500; i++ { // each look takes longer
				s.Broker().Publish(ctx, []chat.Event{said(chat.RoomID{Tenant: "acme", Key: fmt.Sprint("r", n, "-", i/20)}, "text")})
			}
		})
	}
	for range 40 {
		if _, err := s.Verify(t.Context(), func(int64) {}); err != nil {
			t.Error(err)
		}
	}
	stop()
	writing.Wait()
	ctx, stop = context.WithCancel(t.Context())
	stop()
	if _, err := s.Verify(ctx, nil); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

// Each kind of key, gone, changed or foreign, is found and named.
func TestVerifyFindsWhatIsWrong(t *testing.T) {
	whole := t.TempDir()
	lived(t, whole)
	keys := map[byte][][]byte{}
	change(t, whole, func(db *bare.DB) error {
		it, err := db.NewIter(nil)
		ok(t, err)
		for more := it.First(); more; more = it.Next() {
			keys[it.Key()[0]] = append(keys[it.Key()[0]], bytes.Clone(it.Key()))
		}
		return it.Close()
	})
	for _, kind := range []byte("ridce") {
		for i, key := range keys[kind] {
			if i > 3 && i < len(keys[kind])-3 {
				continue
			}
			for name, do := range map[string]func(*bare.DB) error{
				"gone":    func(db *bare.DB) error { return db.Delete(key, bare.Sync) },
				"changed": func(db *bare.DB) error { return db.Set(key, []byte{1, 2, 3}, bare.Sync) },
				"foreign": func(db *bare.DB) error { return db.Set(append(bytes.Clone(key), 7), nil, bare.Sync) },
			} {
				if name == "changed" && (kind == 'd' || kind == 'c') || name == "foreign" && kind != 'i' { // no value; no such key
					continue
				}
				dir := filepath.Join(t.TempDir(), "store")
				ok(t, os.CopyFS(dir, os.DirFS(whole)))
				change(t, dir, do)
				s, err := pebble.Open(t.Context(), dir, &pebble.Options{Log: quiet, Reserve: -1})
				if err != nil {
					continue // found before
				}
				if _, err = s.Verify(t.Context(), nil); !errors.Is(err, chat.ErrIncomplete) {
					t.Errorf("%c %d is %s: %v", kind, i, name, err)
				}
				s.Close()
			}
		}
	}
}

// change changes what lies in a store that is closed.
func change(t testing.TB, dir string, do func(*bare.DB) error) {
	t.Helper()
	ok(t, os.Remove(filepath.Join(dir, "SEAL")))
	db, err := bare.Open(dir, &bare.Options{Logger: bareLog{}})
	ok(t, err)
	ok(t, errors.Join(do(db), db.Close()))
	ok(t, os.WriteFile(filepath.Join(dir, "SEAL"), nil, 0o600))
}

// Events that are whole, and don't follow on each other.
func TestVerifyFindsAWrongOrder(t *testing.T) {
	for name, bend := range map[string]func(*chat.Event){
		"text 3": func(e *chat.Event) { e.TextSeq = 3 },
		"older":  func(e *chat.Event) { e.At = e.At.Add(-time.Hour) },
	} {
		dir := t.TempDir()
		s := open(t, dir)
		send(t, s, 30)
		ok(t, s.Close())
		change(t, dir, func(db *bare.DB) error {
			it, err := db.NewIter(&bare.IterOptions{LowerBound: []byte{'e'}, UpperBound: []byte{'f'}})
			ok(t, err)
			it.First()
			for range 20 {
				it.Next()
			}
			e, err := chat.ParseEvent(it.Value())
			ok(t, err)
			bend(&e)
			return errors.Join(db.Set(bytes.Clone(it.Key()), chat.AppendEvent(nil, &e), bare.Sync), it.Close())
		})
		s = open(t, dir)
		if _, err := s.Verify(t.Context(), nil); !errors.Is(err, chat.ErrIncomplete) || !strings.Contains(err.Error(), name) || !strings.Contains(err.Error(), room.Key) {
			t.Errorf("%s: %v", name, err)
		}
		s.Close()
	}
}

// Of a room that nothing tells of any more, its events tell.
func TestVerifyFindsStrays(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	send(t, s, 3)
	ok(t, s.Close())
	change(t, dir, func(db *bare.DB) error {
		return errors.Join(db.DeleteRange([]byte{'r'}, []byte{'s'}, bare.Sync), db.DeleteRange([]byte{'f'}, []byte{'g'}, bare.Sync))
	})
	s = open(t, dir)
	defer s.Close()
	if _, err := s.Verify(t.Context(), nil); !errors.Is(err, chat.ErrIncomplete) || !strings.Contains(err.Error(), room.String()+": incomplete: it has no record") {
		t.Error(err)
	}
}
