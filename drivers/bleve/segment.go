package bleve

import (
	"errors"
	"slices"

	"github.com/RoaringBitmap/roaring/v2"
	"github.com/blevesearch/bleve/v2/index/scorch"
	segment "github.com/blevesearch/scorch_segment_api/v2"
)

// blockRows is how many documents share what is known of their times.
const blockRows = 1024

// segmentInfo is what is known of a segment beyond what Bleve keeps. It doesn't change.
type segmentInfo struct {
	blocks []block
	newest []int32 // numbers of blocks, the one with the newest document first
	oldest int64   // of all At

	columns columns
}

// block is the times of blockRows documents one behind the other.
type block struct{ oldest, newest int64 }

// segmentView is a segment as a view shows it.
type segmentView struct {
	segment segment.Segment
	deleted *roaring.Bitmap // nil: none
	info    *segmentInfo
}

var errNoRow = errors.New("a document without an id")

// id is the id of a document; it is the segment's memory.
func (s *segmentView) id(row uint32) ([]byte, error) {
	b, err := s.segment.DocID(uint64(row))
	if err == nil && len(b) < atBytes+2 {
		err = errNoRow
	}
	return b, err
}

// infoOf looks at the time of each document.
func infoOf(s segment.Segment) (*segmentInfo, error) {
	n := int(s.Count())
	info := &segmentInfo{blocks: make([]block, (n+blockRows-1)/blockRows)}
	for i := range info.blocks {
		b := &info.blocks[i]
		for row := i * blockRows; row < min(n, (i+1)*blockRows); row++ {
			id, err := s.DocID(uint64(row))
			if err != nil {
				return nil, err
			}
			if len(id) < atBytes {
				return nil, errNoRow
			}
			at := idAt(id)
			if row == i*blockRows {
				b.oldest, b.newest = at, at
			}
			b.oldest, b.newest = min(b.oldest, at), max(b.newest, at)
		}
		if i == 0 || b.oldest < info.oldest {
			info.oldest = b.oldest
		}
		info.newest = append(info.newest, int32(i))
	}
	slices.SortStableFunc(info.newest, func(a, b int32) int {
		switch x, y := info.blocks[a].newest, info.blocks[b].newest; {
		case x > y:
			return -1
		case x < y:
			return 1
		}
		return int(b - a)
	})
	return info, nil
}

// top is the time of the newest document.
func (i *segmentInfo) top() int64 {
	if len(i.newest) == 0 {
		return -atZero
	}
	return i.blocks[i.newest[0]].newest
}

// within is the documents of the blocks that lie within a time as a whole, and those of the
// blocks of which a part may.
func (i *segmentInfo) within(from, to int64) (whole, part rows) {
	whole, part = roaring.New(), roaring.New()
	for n, b := range i.blocks {
		first := uint64(n) * blockRows
		switch {
		case b.newest < from || to <= b.oldest:
		case from <= b.oldest && b.newest < to:
			whole.AddRange(first, first+blockRows)
		default:
			part.AddRange(first, first+blockRows)
		}
	}
	return whole, part
}

// monthView is a month as it was at a moment.
type monthView struct {
	month    *month
	snapshot *scorch.IndexSnapshot
	segments []*segmentView
	size     int64 // documents, gone ones and old revisions included
	refs     int   // its month while it is the newest, and views; under viewing
}

// look makes a view of a snapshot, which it owns from then on; where there is none, the
// snapshot is closed.
func (m *month) look(s *scorch.IndexSnapshot) (made *monthView, err error) {
	defer func() {
		if made == nil { // after a panic, too
			err = errors.Join(err, s.Close())
		}
	}()
	v := &monthView{month: m, snapshot: s, refs: 1}
	infos := make(map[uint64]*segmentInfo, len(s.Segments()))
	for _, seg := range s.Segments() {
		info := m.infos[seg.Id()]
		if info == nil {
			var err error
			if info, err = infoOf(seg.Segment()); err != nil {
				return nil, err
			}
		}
		infos[seg.Id()] = info
		v.segments = append(v.segments, &segmentView{segment: seg.Segment(), deleted: seg.Deleted(), info: info})
		v.size += int64(seg.Segment().Count())
	}
	m.infos = infos
	return v, nil
}

// same says whether a snapshot is what the view shows.
func (v *monthView) same(s *scorch.IndexSnapshot) bool {
	return slices.EqualFunc(v.segments, s.Segments(), func(a *segmentView, b *scorch.SegmentSnapshot) bool {
		return a.segment == b.Segment() && a.deleted == b.Deleted()
	})
}

// visitStored gives what is stored of a document to do.
func visitStored(s segment.Segment, row uint64, do func([]byte) error) error {
	err := errNoRow
	verr := s.VisitStoredFields(row, func(field string, _ byte, value []byte, _ []uint64) bool {
		if field == textField {
			err = do(value)
			return false
		}
		return true // never false for the id: zapx would give its buffer back twice
	})
	if verr != nil {
		return verr
	}
	return err
}
