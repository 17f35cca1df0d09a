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
	"github.com/parlor-chat/parlor/chat/hub"
	"github.com/parlor-chat/parlor/drivers/bleve"
	"github.com/parlor-chat/parlor/drivers/memory"
	"github.com/parlor-chat/parlor/storage"
)

// An index that is deleted, or damaged, is filled again from the history by the hub: until
// then searches are refused and say how far it is, and nothing is found that is no more.
func TestTheHubFillsALostIndex(t *testing.T) {
	ctx := t.Context()
	dir := filepath.Join(t.TempDir(), "index")
	history := memory.New(nil)
	defer history.Close()
	ann := chat.UserID{Tenant: "acme", Key: "ann"}
	start := func() (*hub.Hub, *bleve.Store) {
		st, err := bleve.Open(ctx, dir, options()) // the hub begins while it opens
		if err != nil {
			t.Fatal(err)
		}
		handle := history.Reopen()
		set := handle.Set()
		set.Index = st.Index()
		h, err := hub.New(ctx, set, &hub.Options{Logger: quiet})
		if err != nil {
			t.Fatal(err)
		}
		return h, st
	}
	stop := func(h *hub.Hub, st *bleve.Store) {
		if err := errors.Join(h.Shutdown(context.WithoutCancel(ctx)), st.Close()); err != nil {
			t.Fatal(err)
		}
	}
	find := func(h *hub.Hub, word string) (int, error) {
		f, err := h.As(ann).Search(ctx, hub.Query{Text: word, Limit: 10, Count: 1000})
		return f.Count, err
	}
	h, st := start()
	kitchen, err := h.As(ann).Create(ctx, storage.Room{Kind: storage.Public, Title: "Kitchen", Address: "kitchen", Listed: true})
	if err != nil {
		t.Fatal(err)
	}
	var said []chat.EventID
	for i := range 50 {
		r, err := kitchen.Send(ctx, chat.Text{Body: fmt.Sprint("soup ", i)})
		if err != nil {
			t.Fatal(err)
		}
		said = append(said, r.ID)
	}
	if _, err := kitchen.Retract(ctx, said[7], ""); err != nil {
		t.Fatal(err)
	}
	full := func(h *hub.Hub) (refused []string) {
		waitFor(t, "all is found", func() bool {
			n, err := find(h, "soup")
			if err != nil {
				if !errors.Is(err, chat.ErrUnavailable) {
					t.Fatal(err)
				}
				refused = append(refused, err.Error())
			} else if n > 49 || len(refused) > 0 && n != 49 {
				t.Fatalf("%d found, after %d were refused", n, len(refused))
			}
			return err == nil && n == 49
		})
		return refused
	}
	full(h)
	time.Sleep(3 * time.Second) // the hub writes down that it was full
	stop(h, st)
	for name, lose := range map[string]func(){
		"deleted": func() { os.RemoveAll(dir) },
		"damaged": func() {
			for _, f := range files(t, dir) {
				if strings.HasSuffix(f, ".zap") {
					b, _ := os.ReadFile(f)
					b[len(b)/2] ^= 1
					os.WriteFile(f, b, 0o600)
				}
			}
		},
	} {
		lose()
		h, st := start()
		refused := full(h)
		if !strings.Contains(strings.Join(refused, "\n"), "it is filled again") {
			t.Errorf("%s: it never said that it is filled again: %q", name, refused)
		}
		if n, err := find(h, "7"); n != 0 || err != nil {
			t.Errorf("%s: what was retracted is found: %d, %v", name, n, err)
		}
		time.Sleep(3 * time.Second)
		stop(h, st)
	}
	h, st = start() // as it was closed
	if n := strings.Join(full(h), "\n"); strings.Contains(n, "filled again") {
		t.Errorf("an index that is whole is filled again: %s", n)
	}
	stop(h, st)
}
