package bleve

import (
	"encoding/binary"
	"errors"
	"strings"
	"time"

	bleveindex "github.com/blevesearch/bleve_index_api"

	"github.com/parlor-chat/parlor/search"
)

// What a document is to Bleve: its id, which holds its place; its tokens, each a term
// of the field "t"; and its exact values, each a term of the field "f" behind a byte that
// says which field of Parlor's it is of. What the tokens were, in their order, is stored
// with the revision, for phrases and scores. There are no doc values, no positions and no
// frequencies: docs/decisions/0009-bleve.md says why.
const (
	textField  = "t"
	valueField = "f"
)

// The first bytes of the terms of valueField.
const (
	termGone = 'x' // alone: of every document that is gone
	termRoom = 'r' // the room's number
	termDay  = 'd' // of At, in UTC
)

var termOf = map[string]byte{
	search.FieldRoom:    termRoom,
	search.FieldAuthor:  'a',
	search.FieldKind:    'k',
	search.FieldHas:     'h',
	search.FieldIs:      'i',
	search.FieldMention: 'm',
	search.FieldThread:  't',
}

// place is where a document stands, and its id. Ids begin with the time, so that those of
// what is new are behind all that an older segment has, which then isn't asked.
type docPlace struct {
	at   int64 // Unix milliseconds
	room uint32
	seq  uint64
}

// Times of ids: 7 bytes, so that they sort.
const (
	atBytes = 7
	atZero  = 1 << 55
)

// fits says whether a time can be in an id: a million years either way.
func fits(at time.Time) bool {
	ms := at.UnixMilli()
	return ms > -atZero && ms < atZero && time.UnixMilli(ms).Equal(at.Truncate(time.Millisecond))
}

func (p docPlace) append(b []byte) []byte {
	n := uint64(p.at + atZero)
	for shift := 8 * (atBytes - 1); shift >= 0; shift -= 8 {
		b = append(b, byte(n>>shift))
	}
	b = binary.AppendUvarint(b, uint64(p.room))
	return binary.AppendUvarint(b, p.seq)
}

func (p docPlace) id() string { return string(p.append(make([]byte, 0, 24))) }

var errBadID = errors.New("an id that is none")

func parseID(b []byte) (p docPlace, err error) {
	if len(b) < atBytes+2 {
		return p, errBadID
	}
	var n uint64
	for _, c := range b[:atBytes] {
		n = n<<8 | uint64(c)
	}
	p.at = int64(n) - atZero
	b = b[atBytes:]
	room, k := binary.Uvarint(b)
	if k <= 0 || room > 1<<32-1 {
		return p, errBadID
	}
	seq, m := binary.Uvarint(b[k:])
	if m <= 0 || k+m != len(b) {
		return p, errBadID
	}
	p.room, p.seq = uint32(room), seq
	return p, nil
}

// idAt is the time of an id.
func idAt(b []byte) int64 {
	if len(b) < atBytes {
		return 0
	}
	return int64(uint64(b[0])<<48|uint64(binary.BigEndian.Uint32(b[1:]))<<16|uint64(binary.BigEndian.Uint16(b[5:]))) - atZero
}

// stored is what is kept of a document: how far its revision is above its Seq, and its
// tokens.
func appendStored(b []byte, above uint64, tokens []string) []byte {
	b = binary.AppendUvarint(b, above)
	for _, t := range tokens {
		b = binary.AppendUvarint(b, uint64(len(t)))
		b = append(b, t...)
	}
	return b
}

var errBadStored = errors.New("what is stored of a document is torn")

// parseStored reads it; the tokens are appended to those given, and share s's memory.
func parseStored(s string, tokens []string) (above uint64, _ []string, err error) {
	c := cutter{rest: s}
	for above = c.uint(); c.rest != ""; {
		tokens = append(tokens, c.string())
	}
	if c.bad {
		return 0, tokens, errBadStored
	}
	return above, tokens, nil
}

// roomTerm and dayTerm are terms of valueField.
func roomTerm(room uint32) string {
	return string(binary.AppendUvarint([]byte{termRoom}, uint64(room)))
}

func dayTerm(day int64) string { return string(appendDay([]byte{termDay}, day)) }

func appendDay(b []byte, day int64) []byte {
	return binary.BigEndian.AppendUint64(b, uint64(day)+1<<63)
}

// roomNumber and dayNumber read what comes behind their first byte.
func roomNumber(s string) (uint32, bool) {
	c := cutter{rest: s}
	n := c.uint()
	return uint32(n), !c.bad && c.rest == "" && n < 1<<32
}

func dayNumber(s string) int64 {
	if len(s) != 8 {
		return 0
	}
	return int64(binary.BigEndian.Uint64([]byte(s)) - 1<<63)
}

const dayMillis = 24 * 60 * 60 * 1000

// dayOf is the number of the day of a time, in UTC.
func dayOf(ms int64) int64 {
	day := ms / dayMillis
	if ms%dayMillis < 0 {
		day--
	}
	return day
}

// row is a document on its way into Bleve; it implements bleveindex.Document.
type row struct {
	name     string
	place    docPlace
	revision uint64
	doc      *search.Document
	fields   [3]rowField
}

func newRow(p docPlace, d *search.Document) *row {
	r := &row{name: p.id(), place: p, revision: uint64(d.Revision), doc: d}
	r.fields[0] = rowField{name: "_id", row: r, options: bleveindex.IndexField | bleveindex.StoreField}
	r.fields[1] = rowField{name: textField, row: r, options: bleveindex.IndexField | bleveindex.StoreField}
	r.fields[2] = rowField{name: valueField, row: r, options: bleveindex.IndexField}
	return r
}

func (r *row) ID() string                                      { return r.name }
func (r *row) Size() int                                       { return 0 }
func (r *row) VisitComposite(bleveindex.CompositeFieldVisitor) {}
func (r *row) HasComposite() bool                              { return false }
func (r *row) NumPlainTextBytes() uint64                       { return 0 }
func (r *row) AddIDField()                                     {}
func (r *row) StoredFieldsBytes() uint64                       { return 0 }
func (r *row) Indexed() bool                                   { return true }

func (r *row) VisitFields(visit bleveindex.FieldVisitor) {
	for i := range r.fields {
		visit(&r.fields[i])
	}
}

// rowField is one of the three fields that every document has, so that all segments have
// the same ones, and merging them copies bytes.
type rowField struct {
	name    string
	row     *row
	options bleveindex.FieldIndexingOptions
	value   []byte
	terms   bleveindex.TokenFrequencies
}

func (f *rowField) Name() string                                          { return f.name }
func (f *rowField) ArrayPositions() []uint64                              { return nil }
func (f *rowField) EncodedFieldType() byte                                { return 't' }
func (f *rowField) Options() bleveindex.FieldIndexingOptions              { return f.options }
func (f *rowField) AnalyzedTokenFrequencies() bleveindex.TokenFrequencies { return f.terms }
func (f *rowField) NumPlainTextBytes() uint64                             { return 0 }
func (f *rowField) Value() []byte                                         { return f.value }

// AnalyzedLength is kept beside each term; a small one takes the least.
func (f *rowField) AnalyzedLength() int { return 1 }

// What stands for a term that is there. One that only one document has takes no list of
// documents with once; one that many have takes a byte less in each with often.
var once, often = func() (*bleveindex.TokenFreq, *bleveindex.TokenFreq) {
	t := &bleveindex.TokenFreq{}
	t.SetFrequency(1)
	return t, &bleveindex.TokenFreq{}
}()

// Analyze makes the terms.
func (f *rowField) Analyze() {
	d := f.row.doc
	switch f.name {
	case textField:
		tokens := d.Tokens
		if d.Gone {
			tokens = nil
		}
		n := 8
		for _, t := range tokens {
			n += len(t) + 2
		}
		f.value = appendStored(make([]byte, 0, n), f.row.revision-f.row.place.seq, tokens)
		f.terms = make(bleveindex.TokenFrequencies, len(tokens))
		for _, t := range tokens {
			if t != "" {
				f.terms[t] = once
			}
		}
	case valueField:
		if d.Gone {
			f.terms = bleveindex.TokenFrequencies{string(rune(termGone)): once}
			return
		}
		f.terms = make(bleveindex.TokenFrequencies, 8)
		f.terms[roomTerm(f.row.place.room)] = often
		f.terms[dayTerm(dayOf(f.row.place.at))] = often
		for field, values := range d.Fields {
			kind := termOf[field]
			if kind == 0 || kind == termRoom {
				continue // the driver knows no others, and makes the room itself
			}
			stands := once
			if field == search.FieldKind || field == search.FieldHas || field == search.FieldIs {
				stands = often
			}
			for _, v := range values {
				var b strings.Builder
				b.Grow(1 + len(v))
				b.WriteByte(kind)
				b.WriteString(v)
				f.terms[b.String()] = stands
			}
		}
	default:
		f.value = []byte(f.row.name)
		f.terms = bleveindex.TokenFrequencies{f.row.name: once}
	}
}
