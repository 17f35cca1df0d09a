package pebbledb

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"io"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// A log of Pebble is blocks of 32 KiB, and those are chunks (package record of Pebble says
// more). A chunk never crosses the end of a block; where less than a head is left there are
// zeros. A record, which is a batch, is one chunk or several. The head is, in little-endian:
//
//	0   4  a checksum of all that follows
//	4   2  the length of what comes behind the head
//	6   1  the kind: whole, first, middle or last of a record, 5 to 8; or 9 to 12
//	7   4  the number of the log
//	11  8  only of the latter kinds: up to which byte the disk had everything. It is less
//	       than that, for blocks that are full aren't counted
const (
	blockSize = 32 << 10
	headSize  = 11
	moreHead  = 8

	firstKind  = 5
	firstKind2 = 9
	lastKind   = 12
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// blocks is a log that is read block by block.
type blocks struct {
	f      vfs.File
	number uint32
	block  [blockSize]byte
	at     int64 // of the block
	n      int   // of its bytes
	read   bool
}

// load reads the block in which a byte lies, if there is one.
func (l *blocks) load(at int64) error {
	at -= at % blockSize
	if l.read && l.at == at {
		return nil
	}
	n, err := l.f.ReadAt(l.block[:], at)
	if err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	l.at, l.n, l.read = at, n, true
	return nil
}

// chunk is the record, or the part of one, that begins at a byte of the block, and where it
// ends; ok: it is whole, and of this log. part: it isn't all of a record.
func (l *blocks) chunk(at int) (body []byte, part, ok bool, end int) {
	if at < 0 || at+headSize > l.n {
		return nil, false, false, 0
	}
	head := l.block[at:]
	kind, begin := head[6], at+headSize
	if kind >= firstKind2 {
		begin += moreHead
	}
	end = begin + int(binary.LittleEndian.Uint16(head[4:]))
	if kind < firstKind || kind > lastKind || binary.LittleEndian.Uint32(head[7:]) != l.number || end > l.n {
		return nil, false, false, 0
	}
	c := crc32.Checksum(l.block[at+6:end], castagnoli)
	if c = (c>>15 | c<<17) + 0xa282ead8; c != binary.LittleEndian.Uint32(head) {
		return nil, false, false, 0
	}
	return l.block[begin:end], kind != firstKind && kind != firstKind2, true, end
}

// end goes from a chunk on to the first byte from where none reads.
func (l *blocks) end(at int64) (int64, error) {
	for {
		if err := l.load(at); err != nil {
			return at, err
		}
		in := int(at - l.at)
		if rest := blockSize - in; rest < headSize+moreHead && l.n == blockSize && zeros(l.block[in:]) {
			at += int64(rest)
			continue
		}
		_, _, ok, end := l.chunk(in)
		if !ok {
			return at, nil
		}
		at = l.at + int64(end)
	}
}

// behind looks for records that are whole behind a byte: the number of the first, and the
// last batch that the disk had according to their marks; 0 where there is none.
func (l *blocks) behind(at int64) (first, synced uint64, err error) {
	var number [4]byte
	binary.LittleEndian.PutUint32(number[:], l.number)
	for from := at + 1; ; from = l.at + blockSize {
		if err := l.load(from); err != nil || l.n == 0 {
			return first, synced, err
		}
		for in := int(from - l.at); in < l.n; in++ {
			i := bytes.Index(l.block[in:l.n], number[:])
			if i < 0 {
				break
			}
			in += i
			body, part, ok, _ := l.chunk(in - 7)
			if !ok || part || l.at+int64(in-7) <= at {
				continue
			}
			n, mark := marked(body)
			if first == 0 {
				first = n
			}
			synced = max(synced, mark)
		}
	}
}

// begun says whether a chunk of this log begins at a byte, though it isn't whole.
func (l *blocks) begun(at int64) bool {
	if l.load(at) != nil {
		return false
	}
	head := l.block[min(int(at-l.at), l.n):l.n]
	if len(head) < headSize {
		return !zeros(head) // the file ends within it
	}
	return head[6] != 0 && binary.LittleEndian.Uint32(head[7:]) == l.number
}

func zeros(b []byte) bool { return len(bytes.TrimLeft(b, "\x00")) == 0 }
