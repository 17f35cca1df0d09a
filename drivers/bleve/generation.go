package bleve

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"github.com/parlor-chat/parlor/chat"
)

// generation is one generation of the index: a folder with a log, its months, and one
// goroutine that alone writes to them.
type generation struct {
	place *place
	name  string
	dir   string
	fresh bool // there was nothing of it when the store was opened

	phase  atomic.Pointer[phase]
	opened chan struct{} // closed once it was open, or can't be for now
	first  sync.Once

	writes chan *write
	poke   chan struct{} // something happened in a month, behind
	quit   chan struct{}
	ended  chan struct{} // closed when nobody writes any more

	mu    sync.Mutex // held for a moment, for what readers see
	view  *view      // nil: nothing
	shown *rooms     // the map, and marks, are changed by the writer, under mu

	trouble atomic.Pointer[trouble] // the last that Bleve told of, since it last wrote well
	wrong   chan error              // what a reader came upon

	writer // of that one goroutine
}

// write is a call that waits.
type write struct {
	record *record
	done   chan error
	op     string
	taken  atomic.Bool // by the writer, or by the caller who waits no longer
}

// trouble is what went wrong, and when.
type trouble struct {
	err error
	at  time.Time
}

// phase is what a generation is doing.
type phase struct {
	ready       bool
	doing       string
	done, total atomic.Int64
	err         error
	closed      bool
}

func (p *phase) String() string {
	s := p.doing
	if n := p.total.Load(); n > 0 {
		s += fmt.Sprintf(": %d of %d", p.done.Load(), n)
	}
	return s
}

// open begins to open a generation; it never waits for the disk.
func (p *place) begin(name, dir string) *generation {
	g := &generation{
		place: p, name: name, dir: dir, opened: make(chan struct{}), wrong: make(chan error, 1),
		writes: make(chan *write, maxWaiting), poke: make(chan struct{}, 1), quit: make(chan struct{}), ended: make(chan struct{}),
	}
	g.phase.Store(&phase{doing: "it is being opened"})
	go g.run()
	return g
}

// maxWaiting is how many calls may wait to be written.
const maxWaiting = 256

// How long after a failure it is opened again; slowest at most.
const (
	retry   = 2 * time.Second
	slowest = 30 * time.Second
	// lossTime is for how long a generation that was lost while it was open answers nothing,
	// so that whoever remembers it as full looks again first.
	lossTime = 5 * time.Second
)

// run opens the generation and writes what is given to it, until it is closed.
func (g *generation) run() {
	defer close(g.ended)
	defer g.refuse()
	defer g.first.Do(func() { close(g.opened) })
	// A file that ends before it should, or a disk that can't be read, is a fault in memory that
	// is mapped; it must not end the program.
	debug.SetPanicOnFault(true)
	wait, served := retry, false
	for {
		err := g.tryLoad()
		if isDamage(err) {
			g.place.opt.Log.Error("parlor: the index is thrown away, and has to be made again", "dir", g.dir, "error", err)
			if err = g.discard(); err == nil {
				err = g.tryLoad()
			}
		}
		if err == nil && g.made && served {
			g.drop()
			if served = false; !g.pause(g.place.opt.lossTime, &phase{doing: "it was lost, and has to be made again"}) {
				return
			}
			continue
		}
		if err == nil {
			wait, served = retry, true
			g.phase.Store(&phase{ready: true})
			g.first.Do(func() { close(g.opened) })
			if err = guarded(g.serve); err == nil {
				return
			}
			g.phase.Store(&phase{doing: "it is being opened again", err: err})
			g.drop()
		}
		g.place.opt.Log.Error("parlor: the index doesn't answer", "dir", g.dir, "error", err)
		g.first.Do(func() { close(g.opened) })
		if !g.pause(wait, &phase{doing: "it can't be opened", err: err}) {
			return
		}
		wait = min(2*wait, slowest)
	}
}

// tryLoad opens the generation as a whole, or nothing of it: what stayed open would hold the
// locks that opening it again asks for.
func (g *generation) tryLoad() error {
	err := guarded(g.load)
	if err != nil {
		g.drop()
	}
	return err
}

// guarded makes an error of what panics.
func guarded(do func() error) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("it can't be read: %v", r)
		}
	}()
	return do()
}

// pause refuses what is asked for a while; false: it is closed.
func (g *generation) pause(d time.Duration, p *phase) bool {
	g.phase.Store(p)
	timer := time.NewTimer(d)
	defer timer.Stop()
	for {
		select {
		case <-g.quit:
			return false
		case <-timer.C:
			return true
		case w := <-g.writes:
			w.done <- g.ready(w.op)
		}
	}
}

// refuse answers all who wait for a generation that is closed.
func (g *generation) refuse() {
	g.phase.Store(&phase{closed: true})
	g.hide()
	for {
		select {
		case w := <-g.writes:
			w.done <- g.ready(w.op)
		default:
			return
		}
	}
}

// ready says why a generation doesn't answer now; nil: it does.
func (g *generation) ready(op string) error {
	if g.phase.Load().ready {
		return nil
	}
	return g.away(op)
}

// away is the error of who asks a generation that doesn't answer now.
func (g *generation) away(op string) error {
	p := g.phase.Load()
	if p.closed {
		return &chat.Error{Kind: chat.ErrClosed, Op: op}
	}
	e := &chat.Error{Kind: chat.ErrUnavailable, Op: op, Field: "index", Retry: retry, Err: errors.New(p.String())}
	if p.err != nil {
		e.Err = fmt.Errorf("%s: %w", p, p.err)
	}
	return e
}

// do gives a call to the writer, and waits for it.
func (g *generation) do(ctx context.Context, op string, r *record) error {
	if err := g.ready(op); err != nil {
		return err
	}
	w := &write{record: r, done: make(chan error, 1), op: op}
	select {
	case g.writes <- w:
	case <-ctx.Done():
		return ctx.Err()
	case <-g.ended:
		return &chat.Error{Kind: chat.ErrClosed, Op: op}
	}
	select {
	case err := <-w.done:
		return err
	case <-ctx.Done():
		if w.taken.CompareAndSwap(false, true) {
			return ctx.Err()
		}
		// It is being done, out of the caller's memory.
		select {
		case err := <-w.done:
			return err
		case <-g.ended:
		}
	case <-g.ended:
	}
	select {
	case err := <-w.done:
		return err
	default:
		return &chat.Error{Kind: chat.ErrClosed, Op: op}
	}
}

// close ends the generation, in order.
func (g *generation) close() {
	close(g.quit)
	<-g.ended
}

// found tells the writer of damage that a reader came upon.
func (g *generation) found(err error) {
	select {
	case g.wrong <- err:
	default:
	}
}

func isDamage(err error) bool {
	var d *damage
	return errors.As(err, &d)
}

// discard removes all that there is of the generation. A folder that is renamed first
// isn't taken for an index by whoever opens it after a crash.
func (g *generation) discard() error {
	lost := g.dir + lostSuffix
	if err := os.RemoveAll(lost); err != nil {
		return err
	}
	if err := os.Rename(g.dir, lost); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return os.RemoveAll(lost)
}

const lostSuffix = ".lost"
