package chat

import (
	"encoding/binary"
	"slices"
	"strings"
	"time"
)

// Kinds of fields, the lowest bit of what stands before each.
const (
	isNumber = 0
	isBytes  = 1
)

// writer writes fields.
type writer struct{ dst []byte }

func (w *writer) number(field, n uint64) {
	if n != 0 {
		w.set(field, n)
	}
}

func (w *writer) set(field, n uint64) {
	w.dst = binary.AppendUvarint(w.dst, field<<1|isNumber)
	w.dst = binary.AppendUvarint(w.dst, n)
}

func (w *writer) flag(field uint64, on bool) {
	if on {
		w.set(field, 1)
	}
}

func (w *writer) time(field uint64, t time.Time) {
	if !t.IsZero() {
		w.set(field, millis(t))
	}
}

func (w *writer) text(field uint64, s string) {
	if s != "" {
		w.item(field, s)
	}
}

// item writes a string that is an element of a list, empty or not.
func (w *writer) item(field uint64, s string) {
	w.dst = binary.AppendUvarint(w.dst, field<<1|isBytes)
	w.dst = binary.AppendUvarint(w.dst, uint64(len(s)))
	w.dst = append(w.dst, s...)
}

func (w *writer) bytes(field uint64, b []byte) {
	if len(b) > 0 {
		w.dst = binary.AppendUvarint(w.dst, field<<1|isBytes)
		w.dst = binary.AppendUvarint(w.dst, uint64(len(b)))
		w.dst = append(w.dst, b...)
	}
}

func (w *writer) id(field uint64, id EventID) {
	if !id.IsZero() {
		w.bytes(field, id[:])
	}
}

// user is one string: keys hold no NUL.
func (w *writer) user(field uint64, u UserID) {
	w.dst = binary.AppendUvarint(w.dst, field<<1|isBytes)
	w.dst = binary.AppendUvarint(w.dst, uint64(len(u.Tenant)+1+len(u.Key)))
	w.dst = append(w.dst, u.Tenant...)
	w.dst = append(w.dst, 0)
	w.dst = append(w.dst, u.Key...)
}

// part writes fields inside of a field. Most parts are shorter than 128 bytes, so
// one byte is left for the length, and a longer part is moved.
func (w *writer) part(field uint64, fields func(*writer)) {
	w.dst = binary.AppendUvarint(w.dst, field<<1|isBytes)
	at := len(w.dst)
	w.dst = append(w.dst, 0)
	fields(w)
	n := len(w.dst) - at - 1
	if n < 0x80 {
		w.dst[at] = byte(n)
		return
	}
	var length [binary.MaxVarintLen64]byte
	size := binary.PutUvarint(length[:], uint64(n))
	w.dst = slices.Insert(w.dst, at+1, length[1:size]...)
	w.dst[at] = length[0]
}

func (w *writer) more(fields []byte) { w.dst = append(w.dst, fields...) }

// reader reads fields. After an error next is false, and every value is zero.
type reader struct {
	src string
	err error

	field uint64
	kind  uint64
	n     uint64 // of a number
	s     string // of bytes
	whole string // the field as it stands, to be kept
}

// next reads one field.
func (r *reader) next() bool {
	if r.err != nil || r.src == "" {
		return false
	}
	before := r.src
	tag := r.uvarint()
	r.field, r.kind = tag>>1, tag&1
	r.n, r.s = r.uvarint(), ""
	if r.err == nil && r.kind == isBytes {
		if r.n > uint64(len(r.src)) {
			r.fail("length")
		} else {
			r.s, r.src = r.src[:r.n], r.src[r.n:]
		}
	}
	if r.err == nil && r.field == 0 {
		r.fail("field")
	}
	r.whole = before[:len(before)-len(r.src)]
	return r.err == nil
}

// uvarint reads a number in its shortest form; any other is an error, so that a
// value has one form.
func (r *reader) uvarint() uint64 {
	if r.err != nil {
		return 0
	}
	var n uint64
	for i := 0; i < len(r.src) && i < binary.MaxVarintLen64; i++ {
		b := r.src[i]
		if b < 0x80 {
			if i == binary.MaxVarintLen64-1 && b > 1 || i > 0 && b == 0 {
				break
			}
			r.src = r.src[i+1:]
			return n | uint64(b)<<(7*i)
		}
		n |= uint64(b&0x7f) << (7 * i)
	}
	r.fail("number")
	return 0
}

func (r *reader) fail(field string) {
	if r.err == nil {
		r.err = &Error{Kind: ErrInvalid, Op: "parse event", Field: field}
	}
}

// take takes over the error of a part.
func (r *reader) take(part *reader) {
	if r.err == nil {
		r.err = part.err
	}
}

func (r *reader) number() uint64 {
	if r.kind != isNumber {
		r.fail("kind of field")
	}
	return r.n
}

func (r *reader) flag() bool {
	n := r.number()
	if n > 1 {
		r.fail("flag")
	}
	return n == 1
}

func (r *reader) time() time.Time { return fromMillis(r.number()) }

func (r *reader) text() string {
	if r.kind != isBytes {
		r.fail("kind of field")
	}
	return r.s
}

// raw is what the writer's bytes wrote; nothing is nil, as it was before.
func (r *reader) raw() []byte {
	if r.text() == "" {
		return nil
	}
	return []byte(r.s)
}

func (r *reader) id() EventID {
	var id EventID
	if copy(id[:], r.text()); len(r.s) != len(id) {
		r.fail("id")
	}
	return id
}

func (r *reader) user() UserID {
	tenant, key, ok := strings.Cut(r.text(), "\x00")
	if !ok {
		r.fail("user")
	}
	return UserID{tenant, key}
}

// part reads the fields inside of a field.
func (r *reader) part(each func(*reader)) {
	part := reader{src: r.text()}
	for part.next() {
		each(&part)
	}
	r.take(&part)
}

// keep adds a field that nobody here knows to what is kept.
func (r *reader) keep(kept []byte) []byte { return append(kept, r.whole...) }
