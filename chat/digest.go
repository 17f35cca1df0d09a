package chat

import (
	"crypto/sha256"
	"time"
)

// Digest is the identity of what a sender wants: two events with the same ID and
// the same digest are a retry, with another digest a conflict. It covers the
// stored form but for Seq, TextSeq and At, which the broker settles.
func (e *Event) Digest() [16]byte {
	wanted := *e
	wanted.Seq, wanted.TextSeq, wanted.At = 0, 0, time.Time{}
	var buf [512]byte
	sum := sha256.Sum256(AppendEvent(buf[:0], &wanted))
	return [16]byte(sum[:16])
}
