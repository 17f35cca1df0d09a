package inverted

import "math/bits"

// bitset is a set of rows. Nil is an empty one that can't be added to.
type bitset []uint64

func newBitset(rows int) bitset { return make(bitset, (rows+63)/64) }

func (b bitset) add(i int)      { b[i/64] |= 1 << (i % 64) }
func (b bitset) has(i int) bool { return b != nil && b[i/64]&(1<<(i%64)) != 0 }

// addAll adds rows.
func (b bitset) addAll(rows rows) {
	if s, ok := rows.(set); ok {
		for i, w := range s.bitset {
			b[i] |= w
		}
		return
	}
	for row := rows.next(0); row < none; row = rows.next(row + 1) {
		b.add(row)
	}
}

// next is the first member at or behind i; none if there is none.
func (b bitset) next(i int) int {
	w := i / 64
	if w >= len(b) {
		return none
	}
	if rest := b[w] >> (i % 64); rest != 0 {
		return i + bits.TrailingZeros64(rest)
	}
	for w++; w < len(b); w++ {
		if b[w] != 0 {
			return w*64 + bits.TrailingZeros64(b[w])
		}
	}
	return none
}

func (b bitset) count() int {
	n := 0
	for _, w := range b {
		n += bits.OnesCount64(w)
	}
	return n
}
