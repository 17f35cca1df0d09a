package pebbledb

import (
	"bytes"
	"encoding/binary"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/batchrepr"
)

// markName begins what a batch says of those before it; the number of a batch follows.
var markName = []byte("synced ")

// Mark adds to a batch, behind everything else, which batch the disk had last when it was
// written: so whoever finds the middle of a log damaged knows that it had been kept. It is in
// the log alone.
func (f *Folder) Mark(b *pebble.Batch) error {
	return b.LogData(binary.BigEndian.AppendUint64(bytes.Clone(markName), f.synced.Load()), nil)
}

// Synced says that the disk has a batch, and with it all that came before in the log.
func (f *Folder) Synced(b *pebble.Batch) {
	n := uint64(b.SeqNum())
	for was := f.synced.Load(); was < n && !f.synced.CompareAndSwap(was, n); was = f.synced.Load() {
	}
}

// marked is the number of a batch, and that of the mark at its end: 0 where there is none.
func marked(repr []byte) (number, mark uint64) {
	h, ok := batchrepr.ReadHeader(repr)
	if !ok {
		return 0, 0
	}
	size := len(markName) + 8
	end := repr[batchrepr.HeaderLen:]
	if end = end[max(0, len(end)-2-size):]; bytes.HasPrefix(end, append([]byte{byte(pebble.InternalKeyKindLogData), byte(size)}, markName...)) {
		mark = binary.BigEndian.Uint64(end[2+len(markName):])
	}
	return uint64(h.SeqNum), mark
}
