package hub

import (
	"context"

	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/search"
	"github.com/parlor-chat/parlor/storage"
)

// indexer is the task that brings the index to what the archive shows. Each document
// is folded from all that the archive has, so an index that is behind never finds a
// text as it no longer is.
type indexer struct {
	h    *Hub
	done map[chat.RoomID]chat.Seq
}

// do implements task.
func (x *indexer) do(ctx context.Context, p chat.Position) error {
	done, known := x.done[p.Room]
	if !known {
		var err error
		if done, err = x.upTo(ctx, p.Room); err != nil {
			return err
		}
	}
	for done < p.Seq {
		page, err := x.h.set.History.Page(ctx, p.Room, chat.After(done, storage.MaxPage).All())
		if err != nil {
			return err
		}
		if len(page.Events) == 0 {
			return errBehind // the archive comes first
		}
		docs, err := x.documents(ctx, p.Room, page)
		if err != nil {
			return err
		}
		done = page.Events[len(page.Events)-1].Last()
		for len(docs) > chat.MaxBatch { // the watermark comes with the last
			if err := x.h.set.Index.Apply(ctx, docs[:chat.MaxBatch]); err != nil {
				return err
			}
			docs = docs[chat.MaxBatch:]
		}
		if err := x.h.set.Index.Apply(ctx, docs, chat.Position{Room: p.Room, Seq: done}); err != nil {
			return err
		}
		bound(x.done)
		x.done[p.Room] = done
	}
	return nil
}

// upTo implements task.
func (x *indexer) upTo(ctx context.Context, room chat.RoomID) (chat.Seq, error) {
	marks, err := x.h.set.Index.Watermark(ctx, room)
	if err != nil {
		return 0, err
	}
	return marks[0], nil
}

// anew implements task.
func (x *indexer) anew(shard int) { forget(x.done, shard) }

// documents are those of all texts that a part of the log is about.
func (x *indexer) documents(ctx context.Context, room chat.RoomID, page storage.Page) ([]search.Document, error) {
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
			elsewhere = append(elsewhere, storage.Ref{Room: room, ID: e.Target})
		}
	}
	if len(elsewhere) > 0 {
		older, err := x.h.set.History.Lookup(ctx, elsewhere)
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
		docs[i] = search.Analysis{}.Document(&messages[i])
	}
	return docs, nil
}
