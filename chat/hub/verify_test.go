package hub_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/chat/hub"
	"github.com/parlor-chat/parlor/search"
)

// bentIndex changes what an index answers.
type bentIndex struct {
	search.Index
	bend func(search.Request, *search.Result)
	mark func(chat.Seq) chat.Seq
}

func (b *bentIndex) Search(ctx context.Context, q search.Request) (search.Result, error) {
	r, err := b.Index.Search(ctx, q)
	if b.bend != nil {
		b.bend(q, &r)
	}
	return r, err
}

func (b *bentIndex) Watermark(ctx context.Context, rooms ...chat.RoomID) ([]chat.Seq, error) {
	marks, err := b.Index.Watermark(ctx, rooms...)
	if b.mark != nil {
		for i := range marks {
			marks[i] = b.mark(marks[i])
		}
	}
	return marks, err
}

func TestVerifyIndex(t *testing.T) {
	k := newKit(t, nil)
	ann := k.in("ann", k.kitchen)
	for i := range 250 {
		r, err := ann.Send(t.Context(), chat.Text{Body: fmt.Sprint("text number ", i)})
		ok(t, err)
		switch i % 50 {
		case 10:
			_, err = ann.Edit(t.Context(), r.ID, chat.Text{Body: "better"})
		case 20:
			_, err = ann.Retract(t.Context(), r.ID, "")
		case 30:
			_, err = ann.React(t.Context(), r.ID, []string{"🍜"})
		}
		ok(t, err)
	}
	_, err := k.as("ann").Direct(t.Context(), "bob")
	ok(t, err)
	_, err = ann.Send(t.Context(), chat.Text{Body: "?!"}) // nothing to find it by
	ok(t, err)
	ok(t, k.Admin().CatchUp(t.Context()))
	var told int64
	got, err := k.Admin().VerifyIndex(t.Context(), "acme", func(n int64) { told = n })
	if want := (hub.Verified{Rooms: 2, Messages: 246}); err != nil || got != want || told != 246 {
		t.Errorf("%+v, told %d, %v, want %+v", got, told, err, want)
	}
	_, err = k.Admin().VerifyIndex(t.Context(), "", nil)
	fails(t, err, chat.ErrInvalid, "tenant")

	ix := &bentIndex{Index: k.store.Index()}
	set := k.store.Set()
	set.Index = ix
	h, err := hub.New(t.Context(), set, &hub.Options{Logger: slog.New(slog.DiscardHandler)})
	ok(t, err)
	t.Cleanup(func() { h.Shutdown(context.Background()) })
	at := func(q search.Request) bool { // the page that holds what is bent
		return q.Where == nil && q.After == "" && q.Scope.Rooms[k.kitchen.Key] > 0
	}
	for want, bend := range map[string]func(search.Request, *search.Result){
		"isn't found": func(q search.Request, r *search.Result) {
			if at(q) {
				r.Hits = append(r.Hits[:7:7], r.Hits[8:]...)
			}
		},
		"there is no such message": func(q search.Request, r *search.Result) {
			if at(q) {
				r.Hits[7].Position.Seq++
			}
		},
		"is found as it was at 1,": func(q search.Request, r *search.Result) {
			if at(q) {
				r.Hits[7].Revision = 1
			}
		},
		"isn't found by its words": func(q search.Request, r *search.Result) {
			if q.Where != nil {
				r.Hits = nil
			}
		},
	} {
		ix.bend = bend
		_, err := h.Admin().VerifyIndex(t.Context(), "acme", nil)
		if !errors.Is(err, chat.ErrIncomplete) || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), k.kitchen.Key) {
			t.Errorf("%q: %v", want, err)
		}
	}
	ix.bend, ix.mark = nil, func(s chat.Seq) chat.Seq { return max(s-1, 0) }
	if _, err := h.Admin().VerifyIndex(t.Context(), "acme", nil); !errors.Is(err, chat.ErrIncomplete) || !strings.Contains(err.Error(), "it is indexed up to") {
		t.Errorf("behind: %v", err)
	}
}
