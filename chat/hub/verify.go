package hub

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"time"

	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/search"
	"github.com/parlor-chat/parlor/storage"
)

// Verified is what [Admin.VerifyIndex] compared.
type Verified struct {
	Rooms, Messages int64
}

const (
	mostWrong   = 20  // things that are named
	verifyEvery = 100 // of so many messages of a room one is searched by its words
	verifyWords = 8   // by so many at most
	verifyTimes = 3   // a room is compared anew where something was said meanwhile
)

// VerifyIndex compares the index that answers a tenant with the archive: each message of
// each room must be found at its place, in its last revision, and nothing else; of each
// hundred one is searched by its words. What is wrong are errors, ErrIncomplete with the
// room as field, joined, at most 20. It goes on while people talk; a room that the index
// is behind in is wrong, so [Admin.CatchUp] comes before. An index that is being filled again,
// because it was lost, is waited for. seen is told, now and then, how many
// messages were compared; it may be nil.
func (a Admin) VerifyIndex(ctx context.Context, tenant string, seen func(messages int64)) (Verified, error) {
	const op = "verify index"
	leave, err := a.enter(ctx, op, "tenant", tenant)
	if err != nil {
		return Verified{}, err
	}
	defer leave()
	if err := chat.CheckTenant(op, tenant); err != nil {
		return Verified{}, err
	}
	ix, analysis, err := a.h.generations.whole(ctx, op, tenant)
	if err != nil {
		return Verified{}, err
	}
	v := indexVerifier{h: a.h, ix: ix, analysis: analysis, seen: seen}
	if err := a.h.eachArchived(ctx, tenant, func(room chat.RoomID) error {
		if isPersonal(room) {
			return nil
		}
		return v.room(ctx, room)
	}); err != nil {
		return v.done, err
	}
	return v.done, errors.Join(v.wrong...)
}

// indexVerifier compares rooms. What it finds wrong it notes; its errors are those after
// which it can't go on.
type indexVerifier struct {
	h        *Hub
	ix       search.Index
	analysis search.Analysis
	seen     func(int64)
	done     Verified
	wrong    []error
}

// room compares a room, again where it moved meanwhile.
func (v *indexVerifier) room(ctx context.Context, room chat.RoomID) error {
	for left := verifyTimes; ; {
		was, err := v.place(ctx, room)
		if err != nil {
			return err
		}
		n, wrong, err := v.compare(ctx, room)
		if err != nil {
			return err
		}
		is, err := v.place(ctx, room)
		if err != nil {
			return err
		}
		if left--; was != is && left > 0 {
			continue
		}
		if is.index < is.archive {
			wrong = append(wrong, fmt.Errorf("it is indexed up to %d of %d", is.index, is.archive))
		}
		for _, why := range wrong {
			if len(v.wrong) < mostWrong {
				v.wrong = append(v.wrong, &chat.Error{Kind: chat.ErrIncomplete, Op: "verify index", Field: "room " + room.String(), Err: why})
			}
		}
		v.done.Rooms++
		v.done.Messages += n
		if v.seen != nil {
			v.seen(v.done.Messages)
		}
		return nil
	}
}

// verifiedPlace is how far archive and index are in a room.
type verifiedPlace struct{ archive, index chat.Seq }

func (v *indexVerifier) place(ctx context.Context, room chat.RoomID) (p verifiedPlace, err error) {
	page, err := v.h.set.History.Page(ctx, room, chat.Latest(1).All())
	if err != nil {
		return p, err
	}
	marks, err := v.ix.Watermark(ctx, room)
	if err != nil {
		return p, err
	}
	return verifiedPlace{page.Head, marks[0]}, nil
}

// compare goes through the messages of a room and what is found there, both newest first.
func (v *indexVerifier) compare(ctx context.Context, room chat.RoomID) (n int64, wrong []error, err error) {
	next, stop := iter.Pull2(v.hits(ctx, room))
	defer stop()
	hit, err, more := next()
	says := func(format string, args ...any) {
		if len(wrong) < mostWrong {
			wrong = append(wrong, fmt.Errorf(format, args...))
		}
	}
	for m, merr := range v.messages(ctx, room) {
		if merr != nil {
			return n, nil, merr
		}
		for ; more && err == nil && hit.Position.Seq > m.Seq; hit, err, more = next() {
			says("%d is found, and there is no such message", hit.Position.Seq)
		}
		if err != nil {
			return n, nil, err
		}
		switch {
		case !more || hit.Position.Seq < m.Seq:
			says("%d isn't found", m.Seq)
			continue
		case hit.Revision != m.Revision || !hit.At.Equal(m.At):
			says("%d is found as it was at %d, and was changed at %d", m.Seq, hit.Revision, m.Revision)
		case n%verifyEvery == 0:
			found, err := v.byWords(ctx, m)
			if err != nil {
				return n, nil, err
			}
			if !found {
				says("%d isn't found by its words", m.Seq)
			}
		}
		n++
		hit, err, more = next()
	}
	for ; more && err == nil; hit, err, more = next() {
		says("%d is found, and there is no such message", hit.Position.Seq)
	}
	return n, wrong, err
}

// messages are those of a room that can be found, newest first.
func (v *indexVerifier) messages(ctx context.Context, room chat.RoomID) iter.Seq2[*chat.Message, error] {
	return func(yield func(*chat.Message, error) bool) {
		for r, older := chat.Latest(storage.MaxPage), true; older; {
			page, err := v.h.set.History.Page(ctx, room, r)
			if err != nil {
				yield(nil, err)
				return
			}
			all := chat.Fold(page.Events, page.Changes)
			for i := len(all) - 1; i >= 0; i-- {
				if all[i].Gone == nil && !yield(&all[i], nil) {
					return
				}
			}
			if older = page.Older && len(page.Events) > 0; older {
				r = chat.Before(page.Events[0].Seq, storage.MaxPage)
			}
		}
	}
}

// hits is everything that is found in a room, newest first.
func (v *indexVerifier) hits(ctx context.Context, room chat.RoomID) iter.Seq2[search.Hit, error] {
	return func(yield func(search.Hit, error) bool) {
		q := search.Request{Scope: only(room), Limit: search.MaxLimit}
		for more := true; more; {
			found, err := v.ix.Search(ctx, q)
			if err != nil {
				yield(search.Hit{}, err)
				return
			}
			for _, hit := range found.Hits {
				if !yield(hit, nil) {
					return
				}
			}
			q.After, more = found.Next, found.Next != ""
		}
	}
}

// byWords says whether a message is found by its first words, at its time.
func (v *indexVerifier) byWords(ctx context.Context, m *chat.Message) (bool, error) {
	words := v.analysis.Document(m).Tokens
	if len(words) == 0 {
		return true, nil
	}
	found, err := v.ix.Search(ctx, search.Request{Scope: only(m.Room), Limit: search.MaxLimit, Where: search.And{
		search.Between{From: m.At, To: m.At.Add(time.Millisecond)}, search.Phrase{Tokens: words[:min(len(words), verifyWords)]}}})
	if err != nil {
		return false, err
	}
	for _, hit := range found.Hits {
		if hit.Position.Seq == m.Seq {
			return true, nil
		}
	}
	return found.Next != "", nil // so many of one moment: nobody knows
}

// only is the scope of one room.
func only(room chat.RoomID) search.Scope {
	return search.Scope{Tenant: room.Tenant, Rooms: map[string]chat.Seq{room.Key: 1}}
}
