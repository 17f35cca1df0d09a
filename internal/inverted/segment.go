package inverted

import (
	"cmp"
	"slices"
	"sort"
	"strings"

	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/search"
)

// maxRows is the most rows of a segment: their numbers have 16 bits.
const maxRows = 1 << 16

// segment is some documents of a month, as rows in the order of results: by (At,
// room key, Seq), all falling.
type segment struct {
	at       []int64  // Unix milliseconds
	room     []uint16 // numbers in rooms
	seq      []chat.Seq
	revision []chat.Seq
	rooms    []string // keys, rising
	text     column   // tokens
	fields   column   // fieldWord of each value
}

// fields are the fields that have words in a segment. The month is that of all its
// documents.
var fields = []string{
	search.FieldRoom, search.FieldAuthor, search.FieldKind, search.FieldHas, search.FieldIs,
	search.FieldMention, search.FieldThread,
}

// fieldWord is a value of a field as a word: the words of a field stand together.
func fieldWord(field, value string) string {
	return string(rune('a'+slices.Index(fields, field))) + value
}

// build makes a segment of at most maxRows documents.
func build(docs []*search.Document) *segment {
	docs = slices.Clone(docs)
	slices.SortFunc(docs, func(a, b *search.Document) int {
		return cmp.Or(cmp.Compare(floor(b.At), floor(a.At)), strings.Compare(b.Position.Room.Key, a.Position.Room.Key),
			cmp.Compare(b.Position.Seq, a.Position.Seq))
	})
	keys := make([]string, len(docs))
	for i, d := range docs {
		keys[i] = d.Position.Room.Key
	}
	slices.Sort(keys)
	s := newSegment(len(docs))
	for _, key := range slices.Compact(keys) {
		s.rooms = append(s.rooms, strings.Clone(key))
	}
	for _, d := range docs {
		room, _ := slices.BinarySearch(s.rooms, d.Position.Room.Key)
		s.add(floor(d.At), room, d.Position.Seq, d.Revision)
	}
	s.text = columnOf(len(docs), func(i int) []string { return docs[i].Tokens })
	var values []string
	s.fields = columnOf(len(docs), func(i int) []string {
		values = values[:0]
		for _, f := range fields {
			for _, v := range docs[i].Values(f) {
				values = append(values, fieldWord(f, v))
			}
		}
		slices.Sort(values)
		return slices.Compact(values)
	})
	return s
}

func newSegment(rows int) *segment {
	return &segment{
		at: make([]int64, 0, rows), room: make([]uint16, 0, rows),
		seq: make([]chat.Seq, 0, rows), revision: make([]chat.Seq, 0, rows),
	}
}

// add adds a row, but for its columns.
func (s *segment) add(at int64, room int, seq, revision chat.Seq) {
	s.at, s.room = append(s.at, at), append(s.room, uint16(room))
	s.seq, s.revision = append(s.seq, seq), append(s.revision, revision)
}

func (s *segment) count() int { return len(s.at) }

// weight is how large a segment is: a row is 1, and 256 tokens are as much.
func (s *segment) weight() int { return s.count() + len(s.text.numbers)/256 }

// place is where a document stands in the order of results.
type place struct {
	at   int64
	room string
	seq  chat.Seq
}

// compare is negative where row i comes before a place, positive where behind.
func (s *segment) compare(i int, p place) int {
	return cmp.Or(cmp.Compare(p.at, s.at[i]), strings.Compare(p.room, s.rooms[s.room[i]]), cmp.Compare(p.seq, s.seq[i]))
}

// before is the number of rows before a place.
func (s *segment) before(p place) int {
	return sort.Search(s.count(), func(i int) bool { return s.compare(i, p) >= 0 })
}

// behind is the first row behind a place.
func (s *segment) behind(p place) int {
	return sort.Search(s.count(), func(i int) bool { return s.compare(i, p) > 0 })
}

// find is the row at a place.
func (s *segment) find(p place) (row int, ok bool) {
	row = s.before(p)
	return row, row < s.count() && s.compare(row, p) == 0
}

// within is the rows, from lo to hi, with from ≤ at < to.
func (s *segment) within(from, to int64) (lo, hi int) {
	lo = sort.Search(s.count(), func(i int) bool { return s.at[i] < to })
	hi = sort.Search(s.count(), func(i int) bool { return s.at[i] < from })
	return lo, max(lo, hi)
}
