package pebble

import (
	"io"
	"sync"
	"sync/atomic"

	"github.com/cockroachdb/pebble/v2"

	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/internal/pebbledb"
)

// place is a folder that is open: what all handles share.
type place struct {
	*pebbledb.Folder
	opt Options

	mu      sync.Mutex
	handles int

	shards [chat.Shards]shard
	nodes  nodes

	behind  atomic.Int64 // events whose ids and changes are not written yet
	indexMu sync.Mutex   // held by who writes them, or prunes
	kick    chan struct{}
	quit    chan struct{}
	wg      sync.WaitGroup
}

func openPlace(dir string, opt Options) (*place, error) {
	p := &place{opt: opt, handles: 1, kick: make(chan struct{}, 1), quit: make(chan struct{})}
	p.nodes.init()
	for i := range p.shards {
		p.shards[i].init(i)
	}
	var err error
	p.Folder, err = pebbledb.Open(dir, pebbledb.Options{Name: "pebble", Mend: "put a backup back", Format: format, Now: opt.Now, Log: opt.Log, FS: opt.FS,
		Cache: opt.Cache, Reserve: opt.Reserve, Start: p.start, Lost: p.lost, Again: p.again, Finish: p.finish})
	if err != nil {
		return nil, err
	}
	p.wg.Go(p.index)
	return p, nil
}

func (p *place) handle() *Store { return &Store{place: p, links: map[io.Closer]struct{}{}} }

// share counts one handle more, unless the last was closed.
func (p *place) share() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.handles == 0 {
		return false
	}
	p.handles++
	return true
}

// leave counts one handle less; the last closes everything.
func (p *place) leave() error {
	p.mu.Lock()
	p.handles--
	last := p.handles == 0
	p.mu.Unlock()
	if !last {
		return nil
	}
	close(p.quit)
	p.wg.Wait()
	return p.Close()
}

// start reads what is held in memory of a database that was opened; again for reading, where
// it couldn't be opened for writing.
func (p *place) start(db *pebble.DB, writable bool) error {
	p.behind.Store(0)
	for i := range p.shards {
		if err := p.shards[i].start(db, writable); err != nil {
			return err
		}
	}
	return p.recover()
}

// lost notes what was durable, when the store has failed.
func (p *place) lost(wrote bool) {
	for i := range p.shards {
		p.shards[i].lose(wrote)
	}
}

// again tells who waits that something may have become durable.
func (p *place) again() {
	p.nodes.wakeAll()
	p.wakeIndex()
}

// finish writes what follows behind, before the store is closed.
func (p *place) finish() error {
	_, err := p.follow()
	return err
}
