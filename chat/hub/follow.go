package hub

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/search"
	"github.com/parlor-chat/parlor/storage"
)

// follower reads the log of every room in order and does what follows from it:
// it archives the events, writes the rows of members, empties what was erased,
// tells the broker, and feeds the index. Each step may be done twice: after a
// crash it goes on from what the stores themselves say.
type follower struct {
	h    *Hub
	kick chan struct{}
	quit context.CancelFunc
	done chan struct{}

	pass    sync.Mutex // held by the pass that runs; it guards all below
	cursors [chat.Shards]string
	shown   map[chat.RoomID]chat.Seq // what this follower has archived
	indexed map[chat.RoomID]chat.Seq // what it knows to be in the index
}

// How often the follower looks by itself, for what other nodes placed; how long it
// waits after a failure.
const (
	followEvery = 500 * time.Millisecond
	retryFirst  = 100 * time.Millisecond
	retryMost   = 10 * time.Second
)

func startFollower(h *Hub) *follower {
	ctx, quit := context.WithCancel(context.Background())
	f := &follower{h: h, kick: make(chan struct{}, 1), quit: quit, done: make(chan struct{}),
		shown: map[chat.RoomID]chat.Seq{}, indexed: map[chat.RoomID]chat.Seq{}}
	go f.run(ctx)
	return f
}

// wake says that something was placed.
func (f *follower) wake() {
	select {
	case f.kick <- struct{}{}:
	default:
	}
}

func (f *follower) run(ctx context.Context) {
	defer close(f.done)
	retry := retryFirst
	for {
		wait, kick := followEvery, f.kick
		if err := f.catchUp(ctx); err != nil && ctx.Err() == nil {
			f.h.log.Warn("parlor: the follower failed and tries again", "in", retry, "error", err)
			wait, kick = retry, nil // however much is placed meanwhile
			retry = min(2*retry, retryMost)
		} else {
			retry = retryFirst
		}
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
			timer.Stop()
			return
		case <-kick:
		case <-timer.C:
		}
		timer.Stop()
	}
}

// stop ends the follower after one last pass, or when ctx ends.
func (f *follower) stop(ctx context.Context) error {
	f.quit()
	<-f.done
	return f.catchUp(ctx)
}

// catchUp does everything that follows from what was placed before it was called.
// One room's failure doesn't hold the others up.
func (f *follower) catchUp(ctx context.Context) error {
	f.pass.Lock()
	defer f.pass.Unlock()
	var failed []error
	for shard := range chat.Shards {
		if err := f.shard(ctx, shard); err != nil {
			failed = append(failed, err)
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
	return errors.Join(failed...)
}

// shard follows the rooms of a shard until nothing is new. The cursor goes on only
// behind what was done.
func (f *follower) shard(ctx context.Context, shard int) error {
	for {
		placed, next, err := f.h.set.Broker.Changed(ctx, shard, f.cursors[shard], chat.MaxBatch)
		if err != nil {
			return err
		}
		if len(placed) == 0 {
			return nil
		}
		upTo := map[chat.RoomID]chat.Seq{}
		for _, p := range placed {
			upTo[p.Room] = max(upTo[p.Room], p.Seq)
		}
		for room, seq := range upTo {
			if err := f.room(ctx, room, seq); err != nil {
				return &chat.Error{Kind: chat.ErrUnavailable, Op: "follow", Field: room.String(), Err: err}
			}
		}
		f.cursors[shard] = next
	}
}

func (f *follower) room(ctx context.Context, room chat.RoomID, seq chat.Seq) error {
	if err := f.archive(ctx, room, seq); err != nil {
		return err
	}
	return f.index(ctx, room)
}

// archive brings the archive to seq at least. The first time it sees a room it
// starts with all that the head holds: appending again changes nothing, and what a
// crash left undone is done.
func (f *follower) archive(ctx context.Context, room chat.RoomID, seq chat.Seq) error {
	for f.shown[room] < seq {
		head, err := f.h.set.Broker.Recent(ctx, room, chat.After(f.shown[room], chat.MaxBatch).All())
		if err != nil {
			return err
		}
		events := head.Events
		if len(events) == 0 {
			return &chat.Error{Kind: chat.ErrIncomplete, Op: "archive", Field: "head"}
		}
		if err := f.h.set.History.Append(ctx, events); err != nil {
			return err
		}
		for i := range events {
			if err := f.effect(ctx, &events[i]); err != nil {
				return err
			}
		}
		last := events[len(events)-1].Last()
		if err := f.h.set.Broker.Archived(ctx, chat.Position{Room: room, Seq: last}); err != nil {
			return err
		}
		f.shown[room] = last
	}
	return nil
}

// effect does what an archived event demands outside of the log.
func (f *follower) effect(ctx context.Context, e *chat.Event) error {
	switch e.Content.(type) {
	case *chat.Member:
		return f.h.writeRow(ctx, e)
	case *chat.Erase:
		return f.h.erase(ctx, e)
	}
	return nil
}

// index brings the index to what the archive shows of a room. Each document is
// folded from all that the archive has, so an index that is behind never finds a
// text as it no longer is.
func (f *follower) index(ctx context.Context, room chat.RoomID) error {
	done, known := f.indexed[room]
	if !known {
		marks, err := f.h.set.Index.Watermark(ctx, room)
		if err != nil {
			return err
		}
		done = marks[0]
	}
	for {
		page, err := f.h.set.History.Page(ctx, room, chat.After(done, storage.MaxPage).All())
		if err != nil {
			return err
		}
		if len(page.Events) == 0 {
			f.indexed[room] = done
			return nil
		}
		docs, err := f.documents(ctx, room, page)
		if err != nil {
			return err
		}
		done = page.Events[len(page.Events)-1].Last()
		for len(docs) > chat.MaxBatch { // the watermark comes with the last
			if err := f.h.set.Index.Apply(ctx, docs[:chat.MaxBatch]); err != nil {
				return err
			}
			docs = docs[chat.MaxBatch:]
		}
		if err := f.h.set.Index.Apply(ctx, docs, chat.Position{Room: room, Seq: done}); err != nil {
			return err
		}
		f.indexed[room] = done
	}
}

// documents are those of all texts that a part of the log is about.
func (f *follower) documents(ctx context.Context, room chat.RoomID, page storage.Page) ([]search.Document, error) {
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
		older, err := f.h.set.History.Lookup(ctx, elsewhere)
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
		docs[i] = search.FromMessage(&messages[i])
	}
	return docs, nil
}
