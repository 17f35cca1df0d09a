package bleve

import (
	"errors"
	"io"
	"time"

	bleveindex "github.com/blevesearch/bleve_index_api"
	segment "github.com/blevesearch/scorch_segment_api/v2"

	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/search"
)

// Cooling has months closed, and merged, so long after they were written to.
func (o *Options) Cooling(cool, tidy time.Duration) { o.coolAfter, o.tidyAfter = cool, tidy }

// Hurrying has Bleve write at once.
func (o *Options) Hurrying() { o.nap = time.Millisecond }

// Cutting has the log cut after so many bytes.
func (o *Options) Cutting(n int64) { o.cutAfter = n }

// Losing has an index that was lost answer again after so long.
func (o *Options) Losing(d time.Duration) { o.lossTime = d }

// Loading is called before each month is opened, until all are.
func (o *Options) Loading(f func()) { o.loading = f }

// File is a file that is written to.
type File interface {
	io.Writer
	io.Closer
	Sync() error
	Truncate(size int64) error
}

// Opening puts something between the index and the files that it writes itself.
func (o *Options) Opening(wrap func(name string, f File) (File, error)) {
	o.disk.open = func(name string, flag int) (file, error) {
		f, err := theDisk.open(name, flag)
		if err != nil {
			return nil, err
		}
		w, err := wrap(name, f)
		if err != nil {
			f.Close()
			return nil, err
		}
		return w, nil
	}
}

// Syncing is called behind each sync of a folder, which fails if it does.
func (o *Options) Syncing(synced func(dir string) error) {
	o.disk.sync = func(dir string) error { return errors.Join(theDisk.sync(dir), synced(dir)) }
}

// Months is how many months are open for writing, and how many segments all have.
func (s *Store) Months() (open, months, segments int) {
	g := s.place.generation("")
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, m := range g.view.months {
		months++
		segments += len(m.segments)
		if _, ok := byPath.Load(m.month.path); ok {
			open++
		}
	}
	return open, months, segments
}

var (
	ParseRecord = func(b []byte) ([]byte, error) {
		r, err := parseRecord(b)
		if err != nil {
			return nil, err
		}
		return appendRecord(nil, r), nil
	}
	ParseState = func(b []byte) ([]byte, error) {
		s, err := parseState(b)
		if err != nil {
			return nil, err
		}
		return s.append(nil), nil
	}
	ParseID = func(b []byte) ([]byte, error) {
		p, err := parseID(b)
		return p.append(nil), err
	}
	ParseStored = func(b []byte) ([]byte, error) {
		above, tokens, err := parseStored(string(b), nil)
		return appendStored(nil, above, tokens), err
	}
)

// SegmentFiles are the files of all segments.
func (s *Store) SegmentFiles() (all []string) {
	g := s.place.generation("")
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, m := range g.view.months {
		for _, s := range m.segments {
			if f, ok := s.segment.(segment.PersistedSegment); ok {
				all = append(all, f.Path())
			}
		}
	}
	return all
}

// FormatLine is what the format file of a version says.
var FormatLine = formatLine

// SomeState is a state as it is written.
func SomeState() []byte {
	r := newRooms()
	r.get(chat.RoomID{Tenant: "t", Key: "r"}).mark = 5
	r.byNum = append(r.byNum, nil)
	s := state{mapping: mapping, upTo: 7, months: []monthState{{"10002026-11", "10002026-11.1", 7}}, rooms: r.byNum}
	return s.append(nil)
}

// FeedBare gives documents of one month to Bleve as the driver does, without all else.
func FeedBare(dir string, batches [][]search.Document) error {
	opt := (&Options{}).defaults()
	p := &place{opt: opt, queue: bleveindex.NewAnalysisQueue(workers())}
	defer p.queue.Close()
	done := make(chan struct{}, 1)
	m := &month{path: dir, sync: syncDir, tell: func(error) {
		select {
		case done <- struct{}{}:
		default:
		}
	}}
	if err := m.open(p, false); err != nil {
		return err
	}
	for i, docs := range batches {
		rows := make([]*row, len(docs))
		for j := range docs {
			d := &docs[j]
			rows[j] = newRow(docPlace{at: d.At.UnixMilli(), room: 1, seq: uint64(d.Position.Seq)}, d)
		}
		if err := m.write(rows, nil, uint64(i+1)); err != nil {
			return err
		}
	}
	for m.durable.Load() < m.applied {
		<-done
	}
	return m.close()
}

// CheckRoot looks whether a root file is as long as it says.
var CheckRoot = checkRoot
