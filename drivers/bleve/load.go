package bleve

import (
	"encoding/binary"
	"errors"
	"hash/crc32"
	"hash/fnv"
	"io"
	"os"
	"path/filepath"
	"strings"

	segment "github.com/blevesearch/scorch_segment_api/v2"

	"github.com/parlor-chat/parlor/chat"
)

// load opens what lies in the folder of the generation, or makes it. Everything is read and
// compared with its checksum once; months are read as they are, and opened for writing when
// something is written to them.
func (g *generation) load() error {
	p := &phase{doing: "it is being opened"}
	g.phase.Store(p)
	g.writer = writer{
		loading: true, rooms: newRooms(), months: map[string]*month{}, marks: map[*room]chat.Seq{},
	}
	g.trouble.Store(nil)
	if err := os.MkdirAll(g.dir, 0o700); err != nil {
		return err
	}
	s, err := g.readState()
	if err != nil {
		return err
	}
	g.rooms.byNum = s.rooms
	for _, r := range s.rooms {
		if r != nil {
			g.rooms.byID[r.id] = r
		}
	}
	if err := g.loadMonths(s, p); err != nil {
		return err
	}
	if err := g.replay(s.upTo + 1); err != nil {
		return err
	}
	g.loading = false
	g.show(nil)
	return nil
}

// readState reads STATE. A folder without anything gets one.
func (g *generation) readState() (*state, error) {
	name := filepath.Join(g.dir, stateFile)
	b, err := os.ReadFile(name)
	if errors.Is(err, os.ErrNotExist) {
		entries, err := os.ReadDir(g.dir)
		if err != nil {
			return nil, err
		}
		for _, e := range entries {
			if e.Name() != stateFile+".new" {
				return nil, damaged(stateFile, errors.New("it is missing"))
			}
		}
		g.made = true
		s := &state{mapping: mapping, period: g.place.opt.Period}
		return s, errors.Join(g.place.disk.replace(name, s.append(nil)), g.place.disk.sync(filepath.Dir(g.dir)))
	}
	if err != nil {
		return nil, err
	}
	s, err := parseState(b)
	switch {
	case err != nil:
		return nil, damaged(stateFile, err)
	case s.mapping != mapping || s.period != g.place.opt.Period:
		return nil, damaged(stateFile, errors.New("it is of another mapping or period"))
	}
	return s, nil
}

// loadMonths opens the months that STATE names, and removes those that it doesn't.
func (g *generation) loadMonths(s *state, p *phase) error {
	named, dirs := map[string]bool{}, []string(nil)
	for _, m := range s.months {
		if _, _, ok := g.place.opt.Period.bounds(m.name); !ok {
			return damaged(stateFile, errors.New("it names a month that is none"))
		}
		named[m.dir] = true
		dirs = append(dirs, m.dir)
	}
	entries, err := os.ReadDir(g.dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if !e.IsDir() || named[e.Name()] {
			continue
		}
		if err := os.RemoveAll(filepath.Join(g.dir, e.Name())); err != nil { // the log has what was in it
			return err
		}
	}
	for _, dir := range dirs {
		if _, err := os.Stat(filepath.Join(g.dir, dir, rootFile)); errors.Is(err, os.ErrNotExist) {
			return damaged(filepath.Join(dir, rootFile), errors.New("it is missing"))
		}
	}
	whole, err := sealed(g.dir, dirs)
	if err != nil {
		return err
	}
	p.total.Store(int64(len(s.months)))
	for _, ms := range s.months {
		select {
		case <-g.quit:
			return errors.New("it is closed")
		default:
		}
		g.opening()
		m := g.newMonth(ms)
		g.add(m)
		if err := g.loadMonth(m, whole); err != nil {
			return err
		}
		p.done.Add(1)
	}
	return nil
}

// opening is told to tests.
func (g *generation) opening() {
	if g.place.opt.loading != nil {
		g.place.opt.loading()
	}
}

// loadMonth looks at a month, and lets Bleve's index go.
func (g *generation) loadMonth(m *month, sealed bool) (err error) {
	if err := checkRoot(filepath.Join(m.path, rootFile)); err != nil {
		return err
	}
	if err := m.mend(sealed); err != nil {
		return err
	}
	if err := m.open(g.place, true); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, m.close()) }()
	s, err := m.snapshot()
	if err != nil {
		return err
	}
	used := map[string]bool{}
	for _, seg := range s.Segments() {
		file, ok := seg.Segment().(segment.PersistedSegment)
		if !ok {
			continue
		}
		used[filepath.Base(file.Path())] = true
		if err := checkSegment(file.Path()); err != nil {
			return errors.Join(err, s.Close())
		}
	}
	v, err := m.look(s)
	if err != nil {
		return damaged(m.dir, err)
	}
	m.shown = v
	if err := m.sync(m.path); err != nil { // before what older snapshots have goes
		return err
	}
	m.settled = m.applied
	return m.sweep(used)
}

// sweep removes segments that aren't used: of merges, and what a crash left half written.
func (m *month) sweep(used map[string]bool) error {
	entries, err := os.ReadDir(m.path)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if strings.HasSuffix(e.Name(), ".zap") && !used[e.Name()] {
			if err := os.Remove(filepath.Join(m.path, e.Name())); err != nil {
				return err
			}
		}
	}
	return nil
}

// checkRoot looks whether a root file is as long as it says. Bolt, whose format it is, maps
// it into memory without looking.
func checkRoot(name string) error {
	short := filepath.Join(filepath.Base(filepath.Dir(name)), filepath.Base(name))
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	var pages, size uint64
	var newest uint64
	found := false
	for _, at := range []int64{0, int64(os.Getpagesize())} {
		var meta [boltHead + boltMeta]byte
		if _, err := f.ReadAt(meta[:], at); err != nil {
			continue
		}
		m := meta[boltHead:]
		h := fnv.New64a()
		h.Write(m[:boltMeta-8])
		if h.Sum64() != binary.NativeEndian.Uint64(m[boltMeta-8:]) {
			continue
		}
		if tx := binary.NativeEndian.Uint64(m[48:]); !found || tx > newest {
			found, newest = true, tx
			size, pages = uint64(binary.NativeEndian.Uint32(m[8:])), binary.NativeEndian.Uint64(m[40:])
		}
	}
	if !found || uint64(info.Size()) < pages*size {
		return damaged(short, errors.New("it is shorter than it says"))
	}
	return nil
}

// The pages of Bolt that say what is in a file: a head, then magic, version, page size and
// flags of 4 bytes; the root of 16, the list of free pages, how many pages there are, the
// number of the transaction, and the sum of all these, of 8.
const (
	boltHead = 16
	boltMeta = 64
)

// checkSegment compares one of Bleve's files with the checksum in its last bytes, which
// Bleve writes and doesn't look at.
func checkSegment(name string) error {
	short := filepath.Join(filepath.Base(filepath.Dir(name)), filepath.Base(name))
	f, err := os.Open(name)
	if errors.Is(err, os.ErrNotExist) {
		return damaged(short, errors.New("it is missing"))
	}
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	sum := crc32.NewIEEE()
	if _, err := io.Copy(sum, io.LimitReader(f, info.Size()-4)); err != nil {
		return err
	}
	var last [4]byte
	if _, err := io.ReadFull(f, last[:]); err != nil || binary.BigEndian.Uint32(last[:]) != sum.Sum32() {
		return damaged(short, errors.New("its checksum is another"))
	}
	return nil
}

// replay takes up what the log has and the months lack.
func (g *generation) replay(from uint64) error {
	p := &phase{doing: "it catches up with its log"}
	g.phase.Store(p)
	files, err := logFiles(g.dir)
	if err != nil {
		return err
	}
	sizes := int64(0)
	for _, n := range files {
		if info, err := os.Stat(filepath.Join(g.dir, logName(n))); err == nil {
			sizes += info.Size()
		}
	}
	d, docs, upTo := draft{}, 0, from-1
	next, err := readLog(g.dir, from, func(r *record) error {
		if err := g.take(d, r); err != nil {
			return err
		}
		upTo = r.lsn
		p.done.Store(int64(r.lsn - from + 1))
		if docs += len(r.docs); docs < groupDocs {
			return nil
		}
		docs = 0
		err := g.flush(d, upTo)
		clear(d)
		return err
	})
	if err != nil {
		return err
	}
	if err := g.flush(d, upTo); err != nil {
		return err
	}
	for _, m := range g.order {
		if m.applied >= next {
			return damaged(strings.TrimSuffix(logPrefix, "-"), errors.New("it ends before what "+m.dir+" has"))
		}
	}
	g.show(nil) // the watermarks
	g.log = log{dir: g.dir, disk: g.place.disk, next: next}
	g.since = sizes
	return nil
}
