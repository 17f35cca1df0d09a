package disk

import (
	"encoding/binary"
	"hash/crc32"
	"time"

	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/drivers/journal"
	"github.com/parlor-chat/parlor/internal/pebbledb"
)

// The keys. A number is 8 bytes, big-endian, and is given once: those of a life of the store
// begin at its lifth 2^40, so that what can't be read isn't met by what comes. A value ends
// with a checksum of its key and itself.
//
//	m               what folder this is: see pebbledb
//	l               how often it was opened for writing
//	k  number id    a record: when it came, and the event as it was sent
//	n  number id    what became of it: see note
//	d  number id    a record that is damaged, as it lay there
const (
	prefixLife    = 'l'
	prefixKept    = 'k'
	prefixNote    = 'n'
	prefixDamaged = 'd'
)

// format is the version of all this. A folder of a newer one is refused.
const format = 1

// lifeSize is how many numbers a life has.
const lifeSize = 1 << 40

const keySize = 1 + 8 + 16

// key is where something of a record lies.
func key(kind byte, number int64, id chat.EventID) []byte {
	k := binary.BigEndian.AppendUint64(append(make([]byte, 0, keySize), kind), uint64(number))
	return append(k, id[:]...)
}

// parseKey reads the number and the id of a key.
func parseKey(k []byte) (number int64, id chat.EventID, ok bool) {
	if len(k) != keySize {
		return 0, id, false
	}
	copy(id[:], k[9:])
	return int64(binary.BigEndian.Uint64(k[1:])), id, true
}

var table = crc32.MakeTable(crc32.Castagnoli)

// sum is the checksum of a value and its key, whatever kind that is of.
func sum(key, value []byte) uint32 {
	return crc32.Update(crc32.Checksum(key[1:], table), table, value)
}

// sealed appends the checksum to a value.
func sealed(key, value []byte) []byte {
	return binary.BigEndian.AppendUint32(value, sum(key, value))
}

// unsealed is a value without its checksum, if that is right.
func unsealed(key, value []byte) ([]byte, bool) {
	n := len(value) - 4
	if n < 0 || len(key) != keySize || binary.BigEndian.Uint32(value[n:]) != sum(key, value[:n]) {
		return nil, false
	}
	return value[:n], true
}

// appendKept writes a record as it is kept.
func appendKept(dst []byte, r *journal.Record) []byte {
	dst = binary.AppendVarint(dst, r.Since.UnixMilli())
	if !noted(r) {
		return chat.AppendEvent(dst, &r.Event)
	}
	e := r.Event
	e.Seq, e.TextSeq, e.At = 0, 0, time.Time{}
	return chat.AppendEvent(dst, &e)
}

// parseRecord reads a record as it was kept.
func parseRecord(key, value []byte) (r journal.Record, err error) {
	_, id, _ := parseKey(key)
	form, whole := unsealed(key, value)
	if whole {
		v := pebbledb.Values{Left: form}
		r.Since = time.UnixMilli(v.Int()).UTC()
		r.Event, err = chat.ParseEvent(v.Left)
	}
	if !whole || err != nil || r.Event.ID != id {
		return r, pebbledb.Damaged("the record of event " + id.String())
	}
	return r, nil
}

// noted says whether something became of a record already.
func noted(r *journal.Record) bool {
	return r.Event.Seq != 0 || r.Memory != "" || r.Aside != ""
}

// appendNote writes what became of a record.
func appendNote(dst []byte, r *journal.Record) []byte {
	at := int64(0)
	if !r.Event.At.IsZero() {
		at = r.Event.At.UnixMilli()
	}
	for _, n := range [...]int64{r.Since.UnixMilli(), int64(r.Event.Seq), r.Event.TextSeq, at} {
		dst = binary.AppendVarint(dst, n)
	}
	return pebbledb.PutString(pebbledb.PutString(dst, r.Memory), r.Aside)
}

// parseNote reads what became of a record into it.
func parseNote(b []byte, r *journal.Record) error {
	v := pebbledb.Values{Left: b}
	x := *r
	x.Since = time.UnixMilli(v.Int()).UTC()
	x.Event.Seq, x.Event.TextSeq = chat.Seq(v.Int()), v.Int()
	if at := v.Int(); at != 0 {
		x.Event.At = time.UnixMilli(at).UTC()
	}
	x.Memory, x.Aside = v.String(), v.String()
	if err := v.Done("what became of a record"); err != nil {
		return err
	}
	*r = x
	return nil
}
