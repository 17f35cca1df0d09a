package hub

import (
	"context"
	"errors"
	"slices"

	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/search"
	"github.com/parlor-chat/parlor/storage"
)

// indexer is the task that brings the index to what the archive shows. Each document
// is folded from all that the archive has, so an index that is behind never finds a
// text as it no longer is.
type indexer struct {
	h    *Hub
	done map[indexedRoom]chat.Seq
}

// indexedRoom is a room in one generation of the index.
type indexedRoom struct {
	room       chat.RoomID
	generation string
}

// do implements task.
func (x *indexer) do(ctx context.Context, p chat.Position) error {
	state, err := x.h.generations.of(ctx, p.Room.Tenant)
	switch {
	case err != nil:
		return err
	case state.fills:
		return errBehind // whoever fills it comes by
	}
	answers, err := x.h.generations.index(ctx, state.answers)
	if err != nil {
		return err
	}
	was, err := x.upToIn(ctx, answers, state.answers, p.Room)
	if err != nil {
		return err
	}
	if state.makes != nil && *state.makes != state.answers { // first: else a crash in between would leave it behind
		if err := x.feed(ctx, *state.makes, p, was); err != nil {
			return err
		}
	}
	return x.bring(ctx, answers, state.answers, p, was)
}

// feed brings a room of a generation that is being made to a position, where it has come
// as far as the one that answers. In the other rooms whoever makes it comes by.
func (x *indexer) feed(ctx context.Context, makes generation, p chat.Position, was chat.Seq) error {
	if _, known := search.AnalysisNamed(makes.analysis); !known {
		return nil // whoever makes it looks it over
	}
	ix, err := x.h.generations.index(ctx, makes)
	if err != nil {
		return err
	}
	// Not what was done here: whoever makes it may have come further.
	made, err := ix.Watermark(ctx, p.Room)
	if err != nil || made[0] < was {
		return err
	}
	return x.bring(ctx, ix, makes, p, made[0])
}

// upToIn is how far a room is in a generation.
func (x *indexer) upToIn(ctx context.Context, ix search.Index, g generation, room chat.RoomID) (chat.Seq, error) {
	if done, known := x.done[indexedRoom{room, g.key()}]; known {
		return done, nil
	}
	marks, err := ix.Watermark(ctx, room)
	if err != nil {
		return 0, err
	}
	return marks[0], nil
}

// bring brings a room of a generation from one place to another, and no further: what
// comes behind it is fed to all generations, or to none.
func (x *indexer) bring(ctx context.Context, ix search.Index, g generation, p chat.Position, from chat.Seq) error {
	a, known := search.AnalysisNamed(g.analysis)
	if !known {
		return errBehind // a node of another version sees to it, or another generation is made
	}
	for done := from; done < p.Seq; {
		page, err := x.h.set.History.Page(ctx, p.Room, chat.After(done, storage.MaxPage).All())
		if err != nil {
			return err
		}
		page.Events = slices.DeleteFunc(slices.Clone(page.Events), func(e chat.Event) bool { return e.Seq > p.Seq })
		if len(page.Events) == 0 {
			return errBehind // the archive comes first
		}
		if done, err = x.h.index(ctx, ix, a, page); err != nil {
			return err
		}
		bound(x.done)
		x.done[indexedRoom{p.Room, g.key()}] = done
	}
	return nil
}

// upTo implements task.
func (x *indexer) upTo(ctx context.Context, room chat.RoomID) (chat.Seq, error) {
	ix, _, err := x.h.generations.answering(ctx, "index", room.Tenant)
	if errors.Is(err, errFilling) {
		return 0, nil // nothing is found in it
	}
	if err != nil {
		return 0, err
	}
	marks, err := ix.Watermark(ctx, room)
	if err != nil {
		return 0, err
	}
	return marks[0], nil
}

// anew implements task.
func (x *indexer) anew(shard int) {
	for r := range x.done {
		if r.room.Shard() == shard {
			delete(x.done, r)
		}
	}
}

// index applies what a part of a room's log is about, and the watermark of its end,
// which it returns.
func (h *Hub) index(ctx context.Context, ix search.Index, a search.Analysis, page storage.Page) (chat.Seq, error) {
	last := &page.Events[len(page.Events)-1]
	docs, err := h.documents(ctx, a, page)
	if err != nil {
		return 0, err
	}
	for len(docs) > chat.MaxBatch { // the watermark comes with the last
		if err := ix.Apply(ctx, docs[:chat.MaxBatch]); err != nil {
			return 0, err
		}
		docs = docs[chat.MaxBatch:]
	}
	return last.Last(), ix.Apply(ctx, docs, chat.Position{Room: last.Room, Seq: last.Last()})
}

// documents are those of all texts that a part of a room's log is about.
func (h *Hub) documents(ctx context.Context, a search.Analysis, page storage.Page) ([]search.Document, error) {
	var texts []chat.Event
	here := map[chat.EventID]bool{}
	for i := range page.Events {
		if e := &page.Events[i]; e.IsText() {
			texts = append(texts, *e)
			here[e.ID] = true
		}
	}
	var elsewhere []storage.Ref
	for i := range page.Events {
		if e := &page.Events[i]; e.Changes() && !here[e.Target] {
			here[e.Target] = true
			elsewhere = append(elsewhere, storage.Ref{Room: e.Room, ID: e.Target})
		}
	}
	if len(elsewhere) > 0 {
		older, err := h.set.History.Lookup(ctx, elsewhere)
		if err != nil {
			return nil, err
		}
		for i := range older.Events {
			if older.Events[i].IsText() {
				texts = append(texts, older.Events[i])
			}
		}
		page.Changes = mergeChanges(page.Changes, older.Changes)
	}
	messages := chat.Fold(texts, page.Changes)
	docs := make([]search.Document, len(messages))
	for i := range messages {
		docs[i] = a.Document(&messages[i])
	}
	return docs, nil
}
