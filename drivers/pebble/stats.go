package pebble

import (
	"context"
	"time"
)

// Stats is what there is to know of a store at a glance.
type Stats struct {
	Rooms  int64 // that ever had an event
	Events int64 // that aren't pruned; those of the last moments may not be counted yet
	Bytes  int64 // on the disk
	Behind int64 // events whose ids and changes aren't written yet
	Torn   int64 // ends of logs that a crash tore, and that were cut, since the store was opened
	Write  bool  // whether anything can be placed
	Last   error // the last that went wrong since the store was opened; nil: nothing
	At     time.Time
}

// Stats says how the store is. It costs the same however large the store is.
func (s *Store) Stats(ctx context.Context) (Stats, error) {
	const op = "stats"
	leave, err := s.enter(ctx, op)
	if err != nil {
		return Stats{}, err
	}
	defer leave()
	p := s.place
	x := Stats{Bytes: int64(p.DB().Metrics().DiskSpaceUsage()), Behind: p.behind.Load(), Torn: p.Torn(), Write: p.CanWrite(op) == nil}
	for i := range p.shards {
		sh := &p.shards[i]
		sh.mu.Lock()
		x.Rooms += sh.progress.rooms
		x.Events += sh.progress.events
		sh.mu.Unlock()
	}
	x.At, x.Last = p.Trouble()
	return x, nil
}
