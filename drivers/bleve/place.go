package bleve

import (
	"context"
	"encoding/base32"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	bleveindex "github.com/blevesearch/bleve_index_api"
	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/parlor-chat/parlor/chat"
)

// The folder: who holds it, what format it has, and a folder for each generation, whose
// name is "g" and that of the generation in letters and digits.
const (
	lockFile   = "LOCK"
	holderFile = "HOLDER" // the lock file is emptied by each who tries
	formatFile = "FORMAT"
	format     = 1
)

// folderCode makes names of folders of names of generations, on any file system.
var folderCode = base32.NewEncoding("0123456789abcdefghijklmnopqrstuv").WithPadding(base32.NoPadding)

// place is a folder that is open: what all handles share.
type place struct {
	dir   string
	opt   Options
	disk  disk
	lock  io.Closer
	queue *bleveindex.AnalysisQueue
	cache cache

	mu          sync.Mutex
	handles     int
	generations map[string]*generation // by name
}

func openPlace(dir string, opt Options) (*place, error) {
	unavailable := func(err error) (*place, error) {
		return nil, &chat.Error{Kind: chat.ErrUnavailable, Op: "open", Field: "dir", Err: err}
	}
	dir, err := filepath.Abs(dir)
	if err != nil {
		return unavailable(err)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return unavailable(err)
	}
	if dir, err = filepath.EvalSymlinks(dir); err != nil { // a process gets a lock twice, by another name
		return unavailable(err)
	}
	lock, err := hold(dir)
	if err != nil {
		return nil, err
	}
	p := &place{dir: dir, opt: opt, disk: opt.disk, lock: lock, handles: 1, generations: map[string]*generation{}, cache: cache{limit: opt.Cache}}
	if err := p.checkFormat(); err != nil {
		lock.Close()
		return nil, err
	}
	names, err := p.names()
	if err != nil {
		lock.Close()
		return unavailable(err)
	}
	p.queue = bleveindex.NewAnalysisQueue(workers())
	p.mu.Lock() // each that begins looks how many there are
	defer p.mu.Unlock()
	for name, dir := range names {
		p.generations[name] = p.begin(name, dir)
	}
	return p, nil
}

// hold locks the folder for this process, or says who holds it.
func hold(dir string) (io.Closer, error) {
	lock, err := vfs.Default.Lock(filepath.Join(dir, lockFile))
	holder := filepath.Join(dir, holderFile)
	if err == nil {
		host, _ := os.Hostname()
		who := fmt.Sprintf("pid %d on host %s since %s\n", os.Getpid(), host, time.Now().UTC().Format(time.RFC3339))
		_ = os.WriteFile(holder, []byte(who), 0o600) // on a full disk the lock holds all the same
		return lock, nil
	}
	if b, rerr := os.ReadFile(holder); rerr == nil && !errors.Is(err, os.ErrPermission) && len(b) > 0 {
		line, _, _ := strings.Cut(string(b), "\n")
		err = errors.New("held by " + line)
	}
	return nil, &chat.Error{Kind: chat.ErrUnavailable, Op: "open", Field: "dir", Err: err}
}

// formatLine is what the format file says; it carries a checksum, so that a bit that flipped
// isn't taken for another format.
func formatLine(n int) string {
	line := fmt.Sprintf("parlor bleve index, format %d", n)
	return fmt.Sprintf("%s, %08x\n", line, crc32.Checksum([]byte(line), castagnoli))
}

// checkFormat refuses what a newer version wrote. A file that says nothing is damaged, and so
// is what it stands for.
func (p *place) checkFormat() error {
	name := filepath.Join(p.dir, formatFile)
	b, err := os.ReadFile(name)
	switch {
	case errors.Is(err, os.ErrNotExist):
		names, err := p.names()
		if err != nil || len(names) == 0 {
			return p.makeFormat(err)
		}
		return p.discard(errors.New("it is missing"))
	case err != nil:
		return &chat.Error{Kind: chat.ErrUnavailable, Op: "open", Field: "dir", Err: err}
	}
	var n int
	if _, err := fmt.Sscanf(string(b), "parlor bleve index, format %d,", &n); err != nil || string(b) != formatLine(n) {
		return p.discard(errors.New("its checksum is another"))
	}
	if n > format {
		return &chat.Error{Kind: chat.ErrInvalid, Op: "open", Field: "format", Limit: format,
			Err: fmt.Errorf("%s was written by a newer version, in format %d", p.dir, n)}
	}
	return nil
}

func (p *place) makeFormat(err error) error {
	if err == nil {
		err = p.disk.replace(filepath.Join(p.dir, formatFile), []byte(formatLine(format)))
	}
	if err != nil {
		return &chat.Error{Kind: chat.ErrUnavailable, Op: "open", Field: "dir", Err: err}
	}
	return nil
}

// discard throws all generations away.
func (p *place) discard(why error) error {
	p.opt.Log.Error("parlor: the index is thrown away, and has to be made again", "dir", p.dir, "error", damaged(formatFile, why))
	names, err := p.names()
	for _, dir := range names {
		err = errors.Join(err, (&generation{dir: dir}).discard())
	}
	return p.makeFormat(err)
}

// names are the generations that lie in the folder, by name, and their folders.
func (p *place) names() (map[string]string, error) {
	entries, err := os.ReadDir(p.dir)
	if err != nil {
		return nil, err
	}
	all := map[string]string{}
	for _, e := range entries {
		path := filepath.Join(p.dir, e.Name())
		if strings.HasSuffix(e.Name(), lostSuffix) {
			_ = os.RemoveAll(path) // or next time
			continue
		}
		if code, ok := strings.CutPrefix(e.Name(), "g"); ok && e.IsDir() {
			if name, err := folderCode.DecodeString(code); err == nil {
				all[string(name)] = path
			}
		}
	}
	return all, nil
}

// generation is the one of that name, made if there is none.
func (p *place) generation(name string) *generation {
	p.mu.Lock()
	defer p.mu.Unlock()
	g := p.generations[name]
	if g == nil {
		name = strings.Clone(name)
		g = p.begin(name, filepath.Join(p.dir, "g"+folderCode.EncodeToString([]byte(name))))
		g.fresh = true
		p.generations[name] = g
	}
	return g
}

// filesEach is how many files each generation may have open.
func (p *place) filesEach() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return max(16, p.opt.Files/max(1, len(p.generations)))
}

// ready waits until all generations are open.
func (p *place) ready(ctx context.Context, op string) error {
	p.mu.Lock()
	var all []*generation
	for _, g := range p.generations {
		all = append(all, g)
	}
	p.mu.Unlock()
	for _, g := range all {
		select {
		case <-g.opened:
		case <-ctx.Done():
			return ctx.Err()
		}
		if err := g.ready(op); err != nil {
			return err
		}
	}
	return nil
}

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
	all := maps.Clone(p.generations)
	p.mu.Unlock()
	if !last {
		return nil
	}
	var wg sync.WaitGroup
	for _, g := range all {
		wg.Go(g.close)
	}
	wg.Wait()
	p.queue.Close()
	return p.lock.Close()
}
