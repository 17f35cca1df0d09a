package pebble

import (
	"encoding/binary"
	"time"

	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/internal/pebbledb"
)

// The keys. A room is its tenant and key, each as word, so that rooms lie in the order of
// tenant, then key, bytewise; a number is 8 bytes, big-endian.
//
//	m                              what store this is: see pebbledb
//	r  shard room                  a room that exists: see record
//	e  room seq                    an event, in its stored form
//	f  shard number                the feed: what was placed together in one room: see fed
//	s  shard                       what was done with the feed of a shard: see progress
//	i  room id                     the seq of an event (follows)
//	c  room seq seq                a text's seq, and that of an event that changes it (follows)
//	d  room id seq                 an event that changes what isn't in the room (follows)
const (
	prefixRoom     = 'r'
	prefixEvent    = 'e'
	prefixFeed     = 'f'
	prefixProgress = 's'
	prefixID       = 'i'
	prefixChange   = 'c'
	prefixLoose    = 'd'
)

// word appends s so that no word is the beginning of another, and their order is that of
// strings: 0 becomes 0 255, and 0 1 ends it.
func word(dst []byte, s string) []byte {
	for i := range len(s) {
		if dst = append(dst, s[i]); s[i] == 0 {
			dst = append(dst, 255)
		}
	}
	return append(dst, 0, 1)
}

// unword reads what word wrote.
func unword(src []byte) (s string, rest []byte, ok bool) {
	var b []byte
	for i := 0; i < len(src); i++ {
		if src[i] != 0 {
			b = append(b, src[i])
			continue
		}
		if i++; i == len(src) {
			break
		}
		switch src[i] {
		case 1:
			return string(b), src[i+1:], true
		case 255:
			b = append(b, 0)
		default:
			return "", nil, false
		}
	}
	return "", nil, false
}

func number(dst []byte, n int64) []byte { return binary.BigEndian.AppendUint64(dst, uint64(n)) }

// lastNumber is the number at the end of a key.
func lastNumber(key []byte) int64 {
	if len(key) < 8 {
		return 0
	}
	return int64(binary.BigEndian.Uint64(key[len(key)-8:]))
}

// roomKey is the beginning of all keys of a kind of a room.
func roomKey(kind byte, r chat.RoomID) []byte {
	return word(word(append(make([]byte, 0, 64), kind), r.Tenant), r.Key)
}

// seqKey is a room's key of a kind at a Seq.
func seqKey(kind byte, r chat.RoomID, s chat.Seq) []byte { return number(roomKey(kind, r), int64(s)) }

func idKey(kind byte, r chat.RoomID, id chat.EventID) []byte {
	return append(roomKey(kind, r), id[:]...)
}

func recordKey(r chat.RoomID) []byte {
	return word(word(append(make([]byte, 0, 64), prefixRoom, byte(r.Shard())), r.Tenant), r.Key)
}

func feedKey(shard int, n int64) []byte { return number([]byte{prefixFeed, byte(shard)}, n) }

func progressKey(shard int) []byte { return []byte{prefixProgress, byte(shard)} }

// after is the first key behind all that begin with a prefix.
func after(prefix []byte) []byte {
	end := append([]byte(nil), prefix...)
	for i := len(end) - 1; i >= 0; i-- {
		if end[i]++; end[i] != 0 {
			return end[:i+1]
		}
	}
	return nil
}

// record is what is kept of a room besides its events. Last, TextSeq and At are as they
// were when it was written: they count where all events are pruned.
type record struct {
	first, archived, last chat.Seq
	textSeq               int64
	at                    time.Time
}

func (r *record) append(dst []byte) []byte {
	for _, n := range [...]int64{int64(r.first), int64(r.archived), int64(r.last), r.textSeq, r.at.UnixMilli()} {
		dst = binary.AppendVarint(dst, n)
	}
	return dst
}

func parseRecord(b []byte) (r record, err error) {
	v := pebbledb.Values{Left: b}
	r.first, r.archived, r.last = chat.Seq(v.Int()), chat.Seq(v.Int()), chat.Seq(v.Int())
	r.textSeq, r.at = v.Int(), time.UnixMilli(v.Int()).UTC()
	return r, v.Done("a room")
}

// fed is an entry of the feed: the events of a room from a Seq up to another, placed at a
// time; and whether the room began with them.
type fed struct {
	room     chat.RoomID
	from, to chat.Seq
	at       time.Time
	isNew    bool
}

func (f *fed) append(dst []byte) []byte {
	dst = pebbledb.PutString(pebbledb.PutString(dst, f.room.Tenant), f.room.Key)
	isNew := int64(0)
	if f.isNew {
		isNew = 1
	}
	for _, n := range [...]int64{int64(f.from), int64(f.to), f.at.UnixMilli(), isNew} {
		dst = binary.AppendVarint(dst, n)
	}
	return dst
}

func parseFed(b []byte) (f fed, err error) {
	v := pebbledb.Values{Left: b}
	f.room = chat.RoomID{Tenant: v.String(), Key: v.String()}
	f.from, f.to, f.at = chat.Seq(v.Int()), chat.Seq(v.Int()), time.UnixMilli(v.Int()).UTC()
	f.isNew = v.Int() == 1
	return f, v.Done("the feed")
}

// progress is what was done with a shard: up to which number of the feed ids and changes
// are written; up to which the feed forgot what followers did; and what lies there.
type progress struct {
	indexed, forgot int64
	rooms, events   int64
}

func (p *progress) append(dst []byte) []byte {
	for _, n := range [...]int64{p.indexed, p.forgot, p.rooms, p.events} {
		dst = binary.AppendVarint(dst, n)
	}
	return dst
}

func parseProgress(b []byte) (p progress, err error) {
	v := pebbledb.Values{Left: b}
	p.indexed, p.forgot, p.rooms, p.events = v.Int(), v.Int(), v.Int(), v.Int()
	return p, v.Done("the progress of a shard")
}

// format is the version of all this. A store of a newer one is refused.
const format = 1
