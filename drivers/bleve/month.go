package bleve

import (
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/blevesearch/bleve/v2/index/scorch"
	bleveindex "github.com/blevesearch/bleve_index_api"
	bolterrors "go.etcd.io/bbolt/errors"

	"github.com/parlor-chat/parlor/chat"
)

// Period is how much time one of Bleve's indexes holds, by the At of documents, in UTC.
type Period int

const (
	Month Period = iota // what suits rooms in which a million texts are said in a month
	Year                // what suits ten times less
	None                // one for all times
)

// name is the name of the period in which a time lies. Names sort as times do.
func (p Period) name(ms int64) string {
	t := time.UnixMilli(ms).UTC()
	switch p {
	case Year:
		return fmt.Sprintf("%08d", t.Year()+yearZero)
	case None:
		return "all"
	}
	return fmt.Sprintf("%08d-%02d", t.Year()+yearZero, t.Month())
}

// yearZero keeps names in order however long ago their years are.
const yearZero = 10_000_000

// bounds are the first millisecond of a period, and that of the next.
func (p Period) bounds(name string) (from, to int64, ok bool) {
	var year, month int
	switch p {
	case None:
		return -atZero, atZero, name == "all"
	case Year:
		if _, err := fmt.Sscanf(name, "%08d", &year); err != nil {
			return 0, 0, false
		}
		from, to = millis(year-yearZero, 1), millis(year-yearZero+1, 1)
	default:
		if _, err := fmt.Sscanf(name, "%08d-%02d", &year, &month); err != nil {
			return 0, 0, false
		}
		from, to = millis(year-yearZero, month), millis(year-yearZero, month+1)
	}
	return from, to, p.name(from) == name
}

func millis(year, month int) int64 {
	return time.Date(year, time.Month(month), 1, 0, 0, 0, 0, time.UTC).UnixMilli()
}

// month is the documents of one period: an index of Bleve's in a folder of its own.
type month struct {
	name     string
	from, to int64
	dir      string // its folder's name in that of the generation
	path     string
	tell     func(error) // what Bleve does behind: written, merged; or what went wrong
	sync     func(dir string) error

	applied uint64        // the last record that changed it
	durable atomic.Uint64 // the last of which all is on the disk
	settled uint64        // the last of which its folder, too, was synced
	tidied  uint64        // the last that was in it when its segments were merged
	written time.Time     // when it was changed last

	stirred atomic.Bool    // Bleve did something behind
	index   *scorch.Scorch // nil: it is closed, and answers by the snapshot that the view has
	shown   *monthView     // what readers see of it; nil: nothing yet
	infos   map[uint64]*segmentInfo
}

// lsnKey is where a month keeps the number of the last record that is in it.
var lsnKey = []byte("parlor.lsn")

// How Bleve works; docs/decisions/0009-bleve.md has what each does. The persister naps, so
// that what came meanwhile is merged in memory and written as one file.
var monthConfig = map[string]any{
	"unsafe_batch":           true, // the log is what is safe
	"bolt_timeout":           boltTimeout.String(),
	"numSnapshotsToKeep":     1,
	"eventCallbackName":      callback,
	"asyncErrorCallbackName": callback,
	"scorchMergePlanOptions": map[string]any{
		"MaxSegmentsPerTier":   6,
		"SegmentsPerMergeTask": 6,
		"MaxSegmentSize":       4_000_000,
		"FloorSegmentSize":     5_000,
		"TierGrowth":           10.0,
		"ReclaimDeletesWeight": 2.0,
	},
}

// Bleve tells what it does behind by functions in two tables that must be filled before any
// index opens. Which month is meant follows from its folder.
const callback = "parlor"

var byPath, byIndex sync.Map // path of a month, or Bleve's index: *month

var _ = register()

func register() struct{} {
	scorch.RegistryAsyncErrorCallbacks[callback] = func(err error, path string) {
		if m, ok := byPath.Load(path); ok {
			m.(*month).tell(err)
		}
		time.Sleep(failNap) // Bleve tries again at once, and would take a core for it
	}
	scorch.RegistryEventCallbacks[callback] = func(e scorch.Event) bool {
		if e.Kind == scorch.EventKindMergerProgress || e.Kind == scorch.EventKindPersisterProgress {
			if m, ok := byIndex.Load(e.Scorch); ok {
				m.(*month).stirred.Store(true)
			}
		}
		// Bleve may go and remove the snapshot before the newest, and its files: not before
		// those of the newest have their names on the disk, too.
		if e.Kind == scorch.EventKindPurgerCheck {
			if m, ok := byIndex.Load(e.Scorch); ok {
				return m.(*month).settle()
			}
		}
		return true
	}
	return struct{}{}
}

// settle syncs the folder; false: it can't be.
func (m *month) settle() bool {
	err := m.sync(m.path)
	if err != nil {
		m.tell(err)
	}
	return err == nil
}

const (
	boltTimeout = 2 * time.Second

	failNap = 250 * time.Millisecond
	nap     = 200 * time.Millisecond
)

// open opens Bleve's index, or makes it. What panics over files that are damaged is an
// error here. An index that doesn't hold all up to the last record that it should isn't
// opened: Bleve, where it can't load what it wrote last, goes on with something older, or
// with nothing, and removes the rest.
func (m *month) open(p *place, readOnly bool) (err error) {
	var s *scorch.Scorch
	defer func() {
		if r := recover(); r != nil {
			err = m.panicked(r)
			if m.index = nil; s != nil {
				err = errors.Join(err, s.Close())
			}
		}
	}()
	config := maps.Clone(monthConfig)
	config["path"], config["read_only"] = m.path, readOnly
	config["scorchPersisterOptions"] = map[string]any{
		"PersisterNapTimeMSec": int(p.opt.nap / time.Millisecond), "PersisterNapUnderNumFiles": 1000,
	}
	x, err := scorch.NewScorch("", config, p.queue)
	if err != nil {
		return err
	}
	s = x.(*scorch.Scorch)
	if err := s.OpenMeta(); err != nil {
		return m.unopened(err)
	}
	m.index = s
	if err := m.whole(); err != nil {
		m.index = nil
		return errors.Join(err, s.Close())
	}
	if readOnly {
		return nil
	}
	byPath.Store(m.path, m)
	byIndex.Store(s, m)
	if err := s.Open(); err != nil {
		return errors.Join(err, m.close())
	}
	return nil
}

func (m *month) panicked(r any) error {
	return damaged(m.dir, fmt.Errorf("it can't be opened: %v", r))
}

// whole says whether the index holds all up to the last record that it should.
func (m *month) whole() error {
	s, err := m.snapshot()
	if err != nil {
		return err
	}
	defer s.Close()
	switch n, err := lsn(s); {
	case err != nil:
		return err
	case n < m.applied:
		return m.unopened(fmt.Errorf("it ends at record %d, not at %d", n, m.applied))
	default:
		m.applied = n
	}
	m.raise(m.applied)
	return nil
}

// unopened is why a month can't be opened: damage, unless some file of it can't be opened
// for another reason, as when there are too many of them.
func (m *month) unopened(err error) error {
	files, lerr := os.ReadDir(m.path)
	if lerr != nil {
		if errors.Is(lerr, os.ErrNotExist) {
			return damaged(m.dir, errors.New("it is missing"))
		}
		return errors.Join(err, lerr)
	}
	var open []*os.File
	defer func() {
		for _, f := range open {
			f.Close()
		}
	}()
	for _, e := range files {
		f, ferr := os.Open(filepath.Join(m.path, e.Name()))
		if ferr != nil {
			return errors.Join(err, ferr)
		}
		open = append(open, f)
	}
	if errors.Is(err, bolterrors.ErrTimeout) { // held by somebody else
		return err
	}
	if errors.Is(err, syscall.EMFILE) || errors.Is(err, syscall.ENFILE) || errors.Is(err, syscall.ENOMEM) ||
		errors.Is(err, syscall.ENOSPC) || errors.Is(err, os.ErrPermission) || errors.Is(err, syscall.EROFS) || errors.Is(err, syscall.EIO) {
		return err
	}
	return damaged(m.dir, err)
}

// close closes Bleve's index. What readers hold of it stays.
func (m *month) close() error {
	if m.index == nil {
		return nil
	}
	x := m.index
	m.index = nil
	err := x.Close()
	byPath.Delete(m.path)
	byIndex.Delete(x)
	return err
}

// snapshot is what is in it now.
func (m *month) snapshot() (*scorch.IndexSnapshot, error) {
	r, err := m.index.Reader()
	if err != nil {
		return nil, err
	}
	s, ok := r.(*scorch.IndexSnapshot)
	if !ok || s == nil {
		return nil, errors.New("it is closed")
	}
	return s, nil
}

// lsn is the number of the last record that is in a snapshot.
func lsn(s *scorch.IndexSnapshot) (uint64, error) {
	b, err := s.GetInternal(lsnKey)
	if err != nil {
		return 0, err
	}
	if len(b) != 8 {
		return 0, nil
	}
	return binary.BigEndian.Uint64(b), nil
}

// write changes the documents of some ids, up to a record.
func (m *month) write(rows []*row, gone []string, upTo uint64) error {
	b := bleveindex.NewBatch()
	for _, r := range rows {
		b.Update(r)
	}
	for _, id := range gone {
		b.Delete(id)
	}
	b.SetInternal(lsnKey, binary.BigEndian.AppendUint64(nil, upTo))
	b.SetPersistedCallback(func(err error) {
		if err == nil {
			m.raise(upTo)
		}
		m.tell(err)
	})
	m.applied, m.written = upTo, time.Now()
	return m.index.Batch(b)
}

// raise says that all up to a record is on the disk.
func (m *month) raise(upTo uint64) {
	for {
		was := m.durable.Load()
		if was >= upTo || m.durable.CompareAndSwap(was, upTo) {
			return
		}
	}
}

// revision is the one of the document at a place, 0 if there is none.
func (m *month) revision(p docPlace) (chat.Seq, error) {
	if m.shown == nil {
		return 0, nil
	}
	id := []string{p.id()}
	for _, s := range m.shown.segments {
		found, err := s.segment.DocNumbers(id)
		if err != nil {
			return 0, err
		}
		if s.deleted != nil {
			found.AndNot(s.deleted)
		}
		if found.IsEmpty() {
			continue
		}
		above := uint64(0)
		err = visitStored(s.segment, uint64(found.Minimum()), func(b []byte) (err error) {
			above, _, err = parseStored(string(b), nil)
			return err
		})
		return chat.Seq(p.seq + above), err
	}
	return 0, nil
}
