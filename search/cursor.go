package search

import (
	"encoding/base64"
	"encoding/binary"
	"errors"
	"hash/fnv"
	"io"
	"math"
	"strconv"
	"time"

	"github.com/parlor-chat/parlor/chat"
)

// NextAfter makes the cursor that goes on behind a hit, for [Result.Next]. It is
// opaque to callers, holds a place and not a number of hits, so that messages
// may come and go between two pages, and belongs to the request: its expression,
// tenant and order, whatever limit, count, facets and rooms are asked for next.
func (r Request) NextAfter(h Hit) string {
	b := make([]byte, 8, 64)
	b = binary.BigEndian.AppendUint64(b, math.Float64bits(h.Score))
	b = binary.AppendVarint(b, h.At.Unix())
	b = binary.AppendUvarint(b, uint64(h.At.Nanosecond()))
	b = binary.AppendUvarint(b, uint64(h.Position.Seq))
	b = append(b, h.Position.Room.Key...)
	binary.BigEndian.PutUint64(b, r.sum(b[8:]))
	return base64.RawURLEncoding.EncodeToString(b)
}

// AfterHit is the hit behind which the page begins: its At, Position and Score.
// ok is false for the first page. A cursor that NextAfter didn't make for such a
// request is ErrInvalid.
func (r Request) AfterHit(op string) (h Hit, ok bool, err error) {
	if r.After == "" {
		return Hit{}, false, nil
	}
	invalid := func(why string) (Hit, bool, error) {
		return Hit{}, false, &chat.Error{Kind: chat.ErrInvalid, Op: op, Field: "after", Err: errors.New(why)}
	}
	b, err := base64.RawURLEncoding.Strict().DecodeString(r.After)
	if err != nil || len(b) < 16 {
		return invalid("no cursor")
	}
	if binary.BigEndian.Uint64(b) != r.sum(b[8:]) {
		return invalid("not a cursor of this request")
	}
	h.Score = math.Float64frombits(binary.BigEndian.Uint64(b[8:]))
	b = b[16:]
	sec, n := binary.Varint(b)
	nsec, m := binary.Uvarint(b[max(n, 0):])
	if n <= 0 || m <= 0 || nsec >= 1e9 {
		return invalid("no cursor")
	}
	b = b[n+m:]
	seq, n := binary.Uvarint(b)
	if n <= 0 || seq == 0 || seq > math.MaxInt64 || len(b) == n {
		return invalid("no cursor")
	}
	h.At = time.Unix(sec, int64(nsec)).UTC()
	h.Position.Room = chat.RoomID{Tenant: r.Scope.Tenant, Key: string(b[n:])}
	h.Position.Seq = chat.Seq(seq)
	return h, true, nil
}

// Before says whether h comes before other in the order of a request: where
// byScore by falling Score, and then, or else at once, newest first.
func (h Hit) Before(other Hit, byScore bool) bool {
	if byScore && h.Score != other.Score {
		return h.Score > other.Score
	}
	if c := h.At.Compare(other.At); c != 0 {
		return c > 0
	}
	if a, b := h.Position.Room.Key, other.Position.Room.Key; a != b {
		return a > b
	}
	return h.Position.Seq > other.Position.Seq
}

// sum tells requests apart that can't share a cursor, and a whole place from a
// broken one.
func (r Request) sum(place []byte) uint64 {
	w := fnv.New64a()
	word(w, string(place))
	word(w, r.Scope.Tenant)
	word(w, strconv.FormatBool(r.ByScore))
	write(w, r.Where)
	return w.Sum64()
}

// write writes an expression so that different ones differ.
func write(w io.Writer, e Expr) {
	list := func(name string, n int) { word(w, name+strconv.Itoa(n)) }
	switch e := e.(type) {
	case nil:
		list("nil", 0)
	case And:
		list("and", len(e))
		for _, part := range e {
			write(w, part)
		}
	case Or:
		list("or", len(e))
		for _, part := range e {
			write(w, part)
		}
	case Not:
		list("not", 1)
		write(w, e.Expr)
	case Term:
		list("term", 1)
		word(w, string(e))
	case Prefix:
		list("prefix", 1)
		word(w, string(e))
	case Phrase:
		list("phrase"+strconv.FormatBool(e.LastIsPrefix), len(e.Tokens))
		for _, t := range e.Tokens {
			word(w, t)
		}
	case Equal:
		list("equal", 2)
		word(w, e.Field)
		word(w, e.Value)
	case Between:
		list("between", 2)
		word(w, e.From.UTC().Format(time.RFC3339Nano))
		word(w, e.To.UTC().Format(time.RFC3339Nano))
	}
}

// word writes a string with its length, so that two words never read as others.
func word(w io.Writer, s string) { io.WriteString(w, strconv.Itoa(len(s))+":"+s) }
