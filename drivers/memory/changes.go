package memory

import (
	"context"
	"strconv"
	"strings"

	"github.com/parlor-chat/parlor/chat"
)

// changeLog says where events were placed in a shard, in their order. Only the
// last position of a room is in it: the places of earlier ones are empty.
type changeLog struct {
	base    int64 // the number of the first entry
	entries []chat.Position
	at      map[chat.RoomID]int64 // the number of each room's entry
	empty   int
}

func (l *changeLog) add(room chat.RoomID, s chat.Seq) {
	if l.at == nil {
		l.at = map[chat.RoomID]int64{}
	}
	if n, ok := l.at[room]; ok {
		l.entries[n-l.base] = chat.Position{}
		l.empty++
	}
	l.at[room] = l.base + int64(len(l.entries))
	l.entries = append(l.entries, chat.Position{Room: room, Seq: s})
	if l.empty > len(l.entries)/2 && l.empty > 64 {
		l.trim()
	}
}

// trim closes the gaps. The numbers of what stays rise, never fall: a cursor may
// see an entry twice, and misses none.
func (l *changeLog) trim() {
	end := l.base + int64(len(l.entries))
	var kept []chat.Position
	for _, p := range l.entries {
		if p.Seq > 0 {
			kept = append(kept, p)
		}
	}
	l.entries, l.empty = kept, 0
	l.base = end - int64(len(kept))
	for i, p := range kept {
		l.at[p.Room] = l.base + int64(i)
	}
}

// Changed implements chat.Broker. A cursor is the memory, and the number of the entry to
// go on from.
func (b broker) Changed(ctx context.Context, shard int, after string, limit int) ([]chat.Position, string, error) {
	const op = "changed"
	if err := b.ready(ctx, op); err != nil {
		return nil, "", err
	}
	switch {
	case shard < 0 || shard >= chat.Shards:
		return nil, "", &chat.Error{Kind: chat.ErrInvalid, Op: op, Field: "shard", Limit: chat.Shards - 1}
	case limit < 1:
		return nil, "", &chat.Error{Kind: chat.ErrInvalid, Op: op, Field: "limit"}
	case limit > chat.MaxBatch:
		return nil, "", &chat.Error{Kind: chat.ErrTooLarge, Op: op, Field: "limit", Limit: chat.MaxBatch}
	}
	d := &b.data.broker
	d.mu.Lock()
	defer d.mu.Unlock()
	l := &d.log[shard]
	end := l.base + int64(len(l.entries))
	memory, number, _ := strings.Cut(after, " ")
	n, err := strconv.ParseInt(number, 10, 64)
	if after != "" && (err != nil || memory != d.memory || n > end) {
		return nil, "", &chat.Error{Kind: chat.ErrExpired, Op: op, Field: "after"}
	}
	n = max(n, l.base) // what lay before has moved up
	var placed []chat.Position
	for ; n < end && len(placed) < limit; n++ {
		if p := l.entries[n-l.base]; p.Seq > 0 {
			placed = append(placed, p)
		}
	}
	return placed, d.memory + " " + strconv.FormatInt(n, 10), nil
}
