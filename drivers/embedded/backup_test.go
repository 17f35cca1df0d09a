package embedded_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/drivers/embedded"
	"github.com/parlor-chat/parlor/storage"
)

// An edit that is placed behind the erasure of its text is erased in the log, which is the
// archive, too.
func TestAnEditBehindAnErasureIsErased(t *testing.T) {
	x := open(t, t.TempDir())
	text := x.say("a secret")
	_, err := x.Admin().Erase(t.Context(), x.kitchen().ID(), text.ID, "asked for")
	ok(t, err)
	x.whole() // the text is emptied
	set := x.store.Set()
	page, err := set.History.Lookup(t.Context(), []storage.Ref{{Room: x.kitchen().ID(), ID: text.ID}})
	ok(t, err)
	edit := chat.Event{ID: chat.NewID(), Room: x.kitchen().ID(), Sender: page.Events[0].Sender, Target: text.ID,
		Content: &chat.Edit{New: chat.Text{Body: "late"}}}
	_, err = set.Broker.Publish(t.Context(), []chat.Event{edit})
	ok(t, err)
	x.say("and on it goes")
	x.whole()
	page, err = set.History.Lookup(t.Context(), []storage.Ref{{Room: edit.Room, ID: edit.ID}})
	ok(t, err)
	if len(page.Events) != 1 || page.Events[0].Kind() != chat.KindTombstone {
		t.Errorf("%+v", page.Events)
	}
}

// A copy that is made while people talk, restored and erased again, is a whole folder with
// all that was said before, and nothing of what was erased since.
func TestBackupAndRestore(t *testing.T) {
	dir := t.TempDir()
	x := open(t, filepath.Join(dir, "data"))
	secret := x.say("a secret")
	for i := range 50 {
		x.say("text %d", i)
	}
	var talking sync.WaitGroup
	talking.Go(func() {
		for i := range 200 {
			if _, err := x.kitchen().Send(t.Context(), chat.Text{Body: "meanwhile"}); err != nil {
				t.Error(i, err)
			}
		}
	})
	copied := filepath.Join(dir, "copy")
	ok(t, x.store.Backup(t.Context(), copied))
	talking.Wait()
	x.say("after the copy")
	_, err := x.Admin().Erase(t.Context(), x.kitchen().ID(), secret.ID, "asked for")
	ok(t, err)
	x.whole()
	if err := x.store.Backup(t.Context(), copied); !errors.Is(err, chat.ErrConflict) {
		t.Errorf("over a copy: %v", err)
	}

	aside := filepath.Join(dir, "aside")
	ok(t, os.Symlink(filepath.Join(dir, "data", "log"), aside))
	for _, inside := range []string{"data", "data/copy", "data/log/copy", "data/a/b/../../c", "aside/copy"} {
		var e *chat.Error
		err := x.store.Backup(t.Context(), filepath.Join(dir, inside))
		if !errors.As(err, &e) || e.Kind != chat.ErrInvalid || e.Field != "dir" || !strings.Contains(err.Error(), "lies in the folder") {
			t.Errorf("a copy at %s: %v", inside, err)
		}
	}
	restored := filepath.Join(dir, "restored")
	ok(t, embedded.Restore(t.Context(), copied, restored))
	y := open(t, restored)
	page, err := y.kitchen().Page(t.Context(), chat.After(0, 60))
	if err != nil || len(page.Messages) < 51 || page.Messages[0].Text.Body != "a secret" || page.Messages[50].Text.Body != "text 49" {
		t.Fatalf("%d messages, %v", len(page.Messages), err)
	}
	for range 2 { // doing it again changes nothing
		if n, err := y.Admin().EraseAgain(t.Context(), x.store.Set().Directory); n != 1 || err != nil {
			t.Errorf("%d erased again, %v", n, err)
		}
	}
	if page, err = y.kitchen().Page(t.Context(), chat.After(0, 1)); err != nil || page.Messages[0].Gone == nil {
		t.Errorf("the secret: %+v, %v", page.Messages, err)
	}
	y.say("and on it goes")
	y.whole()
	x.whole()
	for _, left := range []string{copied + ".part", restored + ".part"} {
		if _, err := os.Stat(left); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%s: %v", left, err)
		}
	}
}

func TestRestoreRefuses(t *testing.T) {
	dir := t.TempDir()
	x := open(t, filepath.Join(dir, "data"))
	copied := filepath.Join(dir, "copy")
	ok(t, x.store.Backup(t.Context(), copied))
	if err := embedded.Restore(t.Context(), copied, filepath.Join(dir, "data")); !errors.Is(err, chat.ErrConflict) {
		t.Errorf("over a folder: %v", err)
	}
	if err := embedded.Restore(t.Context(), dir, filepath.Join(dir, "new")); !errors.Is(err, chat.ErrInvalid) {
		t.Errorf("of what is no copy: %v", err)
	}
	if err := embedded.Restore(t.Context(), filepath.Join(dir, "data"), filepath.Join(dir, "new")); !errors.Is(err, chat.ErrInvalid) {
		t.Errorf("of a folder in use: %v", err)
	}
	if err := x.store.Backup(t.Context(), ""); !errors.Is(err, chat.ErrInvalid) {
		t.Errorf("to nowhere: %v", err)
	}
}
