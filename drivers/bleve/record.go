package bleve

import (
	"encoding/binary"
	"errors"
	"math"
	"time"

	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/search"
	"github.com/parlor-chat/parlor/storage"
)

// record is one call as the log keeps it: an Apply or a Drop.
type record struct {
	lsn  uint64 // its number; the next call has the next
	docs []search.Document
	upTo []chat.Position
	drop *drop
}

// drop is what a Drop asks for.
type drop struct {
	span   storage.Span
	whole  bool // whatever the time; else what is before it
	before time.Time
}

const (
	recordApply = 1
	recordDrop  = 2
)

// Fields are written by number.
var fieldNames = []string{
	search.FieldAuthor, search.FieldKind, search.FieldHas, search.FieldIs, search.FieldMention, search.FieldThread,
}

// appendRecord writes a record's body.
func appendRecord(b []byte, r *record) []byte {
	if d := r.drop; d != nil {
		b = append(b, recordDrop)
		b = binary.AppendUvarint(b, r.lsn)
		b = appendString(appendString(b, d.span.Tenant), d.span.Room)
		if d.whole {
			return append(b, 1)
		}
		b = binary.AppendVarint(append(b, 0), d.before.Unix())
		return binary.AppendUvarint(b, uint64(d.before.Nanosecond()))
	}
	b = append(b, recordApply)
	b = binary.AppendUvarint(b, r.lsn)
	b = binary.AppendUvarint(b, uint64(len(r.docs)))
	for i := range r.docs {
		b = appendDoc(b, &r.docs[i])
	}
	b = binary.AppendUvarint(b, uint64(len(r.upTo)))
	for _, p := range r.upTo {
		b = appendPosition(b, p)
	}
	return b
}

func appendDoc(b []byte, d *search.Document) []byte {
	b = appendPosition(b, d.Position)
	b = binary.AppendUvarint(b, uint64(d.Revision))
	b = binary.AppendVarint(b, d.At.UnixMilli())
	if d.Gone {
		return append(b, 1)
	}
	b = append(b, 0)
	b = appendStrings(b, d.Tokens)
	for _, name := range fieldNames {
		b = appendStrings(b, d.Fields[name])
	}
	return b
}

func appendPosition(b []byte, p chat.Position) []byte {
	b = appendString(appendString(b, p.Room.Tenant), p.Room.Key)
	return binary.AppendUvarint(b, uint64(p.Seq))
}

func appendString(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

func appendStrings(b []byte, all []string) []byte {
	b = binary.AppendUvarint(b, uint64(len(all)))
	for _, s := range all {
		b = appendString(b, s)
	}
	return b
}

var errBadRecord = errors.New("a record that is none")

// parseRecord reads a record's body; its strings don't share b's memory.
func parseRecord(b []byte) (*record, error) {
	c := &cutter{rest: string(b)}
	kind := c.byte()
	r := &record{lsn: c.uint()}
	switch kind {
	case recordApply:
		n := c.count()
		for range n {
			r.docs = append(r.docs, c.doc())
		}
		n = c.count()
		for range n {
			r.upTo = append(r.upTo, c.position())
		}
	case recordDrop:
		d := &drop{span: storage.Span{Tenant: c.string(), Room: c.string()}}
		if d.whole = c.byte() == 1; !d.whole {
			sec, nsec := c.int(), c.uint()
			if nsec >= 1e9 {
				c.bad = true
			}
			d.before = time.Unix(sec, int64(nsec)).UTC()
		}
		r.drop = d
	default:
		c.bad = true
	}
	if c.bad || c.rest != "" {
		return nil, errBadRecord
	}
	return r, nil
}

// cutter cuts values off what is left.
type cutter struct {
	rest string
	bad  bool
}

func (c *cutter) fail() { c.bad, c.rest = true, "" }

func (c *cutter) byte() byte {
	if c.rest == "" {
		c.fail()
		return 0
	}
	b := c.rest[0]
	c.rest = c.rest[1:]
	return b
}

func (c *cutter) uint() uint64 {
	var n uint64
	for i := 0; i < len(c.rest) && i < binary.MaxVarintLen64; i++ {
		b := c.rest[i]
		if b < 0x80 {
			if i == binary.MaxVarintLen64-1 && b > 1 {
				break
			}
			c.rest = c.rest[i+1:]
			return n | uint64(b)<<(7*i)
		}
		n |= uint64(b&0x7f) << (7 * i)
	}
	c.fail()
	return 0
}

func (c *cutter) int() int64 {
	n := c.uint()
	if n&1 != 0 {
		return ^int64(n >> 1)
	}
	return int64(n >> 1)
}

func (c *cutter) seq() chat.Seq {
	n := c.uint()
	if n > math.MaxInt64 {
		c.fail()
	}
	return chat.Seq(n)
}

// count is how many items follow, each of at least a byte.
func (c *cutter) count() int {
	n := c.uint()
	if n > uint64(len(c.rest)) {
		c.fail()
		return 0
	}
	return int(n)
}

func (c *cutter) string() string {
	n := c.count()
	s := c.rest[:n]
	c.rest = c.rest[n:]
	return s
}

func (c *cutter) strings() []string {
	n := c.count()
	if n == 0 {
		return nil
	}
	all := make([]string, 0, n)
	for range n {
		all = append(all, c.string())
	}
	return all
}

func (c *cutter) position() chat.Position {
	return chat.Position{Room: chat.RoomID{Tenant: c.string(), Key: c.string()}, Seq: c.seq()}
}

func (c *cutter) doc() search.Document {
	d := search.Document{Position: c.position(), Revision: c.seq(), At: time.UnixMilli(c.int()).UTC()}
	if d.Gone = c.byte() == 1; d.Gone {
		return d
	}
	d.Tokens = c.strings()
	for _, name := range fieldNames {
		if values := c.strings(); values != nil {
			if d.Fields == nil {
				d.Fields = map[string][]string{}
			}
			d.Fields[name] = values
		}
	}
	return d
}
