package hub

import (
	"context"
	"sync"
	"time"

	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/storage"
)

const (
	// markEvery is how long a mark waits for others to be written with it: the most that a
	// crash loses.
	markEvery = time.Second

	// markTime is how long one write of marks may take.
	markTime = 5 * time.Second

	// maxMarks is how many marks wait on a node at most, while the directory is away.
	maxMarks = 100_000
)

// readMarks holds how far people have read until the directory has it: what they did on
// this node, which one goroutine writes, many at once; and what other nodes told, which
// those write.
type readMarks struct {
	h    *Hub
	kick chan struct{}
	quit context.CancelFunc
	done chan struct{}
	turn turn // of who writes
	most int  // marks that wait

	mu      sync.Mutex
	due     markSet // to be written
	writing markSet // being written
	waiting int     // marks in both
	heard   markSet // told by other nodes since the last write
	before  markSet // and before that
}

// markSet holds marks by user and key of the room.
type markSet map[chat.UserID]map[string]storage.Mark

// raise puts a mark in, where none or a lower one is, and says whether there was none.
func (s markSet) raise(m storage.Mark) (added bool) {
	of := s[m.User]
	if of == nil {
		of = map[string]storage.Mark{}
		s[m.User] = of
	}
	was, known := of[m.Room.Key]
	if m.Seq > was.Seq {
		of[m.Room.Key] = m
	}
	return !known
}

func startMarks(h *Hub) *readMarks {
	ctx, quit := context.WithCancel(context.Background())
	k := &readMarks{h: h, kick: make(chan struct{}, 1), quit: quit, done: make(chan struct{}), turn: newTurn(), most: maxMarks,
		due: markSet{}, heard: markSet{}}
	go k.run(ctx)
	return k
}

// keep takes a mark that is to be written. It reports false where that many wait already.
func (k *readMarks) keep(m storage.Mark) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.waiting >= k.most {
		if _, known := k.due[m.User][m.Room.Key]; !known {
			return false
		}
	}
	if k.due.raise(m) {
		k.waiting++
	}
	k.wake()
	return true
}

// hear takes a mark that another node writes.
func (k *readMarks) hear(m storage.Mark) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if len(k.heard) < k.most {
		k.heard.raise(m)
	}
	k.wake() // so that it is forgotten
}

// over is a user's mark in a room, as the directory has it or as this node knows better.
func (k *readMarks) over(m storage.Mark) storage.Mark {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, s := range []markSet{k.due, k.writing, k.heard, k.before} {
		if n := s[m.User][m.Room.Key]; n.Seq > m.Seq {
			m = n
		}
	}
	return m
}

// wake is called with mu held.
func (k *readMarks) wake() {
	select {
	case k.kick <- struct{}{}:
	default:
	}
}

func (k *readMarks) run(ctx context.Context) {
	defer close(k.done)
	timer := time.NewTimer(markEvery)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-k.kick:
		}
		timer.Reset(markEvery)
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		}
		if err := k.write(ctx); err != nil && ctx.Err() == nil {
			k.h.log.Warn("parlor: read marks can't be written and are later", "error", err)
		}
	}
}

// write writes all that is due. What can't be written stays due.
func (k *readMarks) write(ctx context.Context) error {
	if err := k.turn.take(ctx); err != nil {
		return err
	}
	defer k.turn.give()
	all := k.take()
	defer k.give()
	for len(all) > 0 {
		part := all[:min(len(all), chat.MaxBatch)]
		ask, cancel := context.WithTimeout(ctx, markTime)
		err := k.h.set.Directory.Mark(ask, part...)
		cancel()
		if err != nil {
			return err
		}
		k.written(part)
		all = all[len(part):]
	}
	return nil
}

// take are all marks that are due, from now on being written.
func (k *readMarks) take() (all []storage.Mark) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.writing, k.due = k.due, markSet{}
	k.before, k.heard = k.heard, markSet{}
	if len(k.before) > 0 {
		k.wake()
	}
	for _, of := range k.writing {
		for _, m := range of {
			all = append(all, m)
		}
	}
	return all
}

// written says that the directory has marks.
func (k *readMarks) written(marks []storage.Mark) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, m := range marks {
		delete(k.writing[m.User], m.Room.Key)
		k.waiting--
	}
}

// give makes due again what was not written.
func (k *readMarks) give() {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, of := range k.writing {
		for _, m := range of {
			if !k.due.raise(m) {
				k.waiting--
			}
			k.wake()
		}
	}
	k.writing = nil
}

// stop writes what is due, and ends.
func (k *readMarks) stop(ctx context.Context) error {
	k.quit()
	over(ctx, k.done)
	return k.write(ctx)
}
