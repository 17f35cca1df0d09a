package search

import (
	"unicode/utf8"

	"github.com/rivo/uniseg"
)

// clusterAt is the end of the grapheme cluster (UAX #29) that begins at a byte.
func clusterAt(text string, i int) int {
	r, size := utf8.DecodeRuneInString(text[i:])
	end := i + size
	if apart(r) {
		if end == len(text) {
			return end
		}
		if r, _ := utf8.DecodeRuneInString(text[end:]); apart(r) {
			return end
		}
	}
	cluster, _, _, _ := uniseg.FirstGraphemeClusterInString(text[i:], -1)
	return i + len(cluster)
}

// apart says that a character never shares a cluster with another such one. It
// knows those of nearly all English and Japanese, for the tables are slow.
func apart(r rune) bool {
	return ' ' <= r && r < 0x7F || r == '\t' || r == '\n' || // no carriage return
		0xC0 <= r && r < 0x300 || // Latin
		0x400 <= r && r <= 0x481 || // Cyrillic
		0x3000 <= r && r <= 0x3029 || // marks of Japanese
		0x3041 <= r && r <= 0x3096 || 0x30A0 <= r && r <= 0x30FF || // kana
		0x4E00 <= r && r <= 0x9FFF // Han
}

// wholeClusters makes ranges longer, so that they hold whole grapheme clusters. They
// must rise, apart from each other; so do those that come back, in the same memory.
func wholeClusters(text string, ranges []Range) []Range {
	whole := ranges[:0]
	var start, end int // of the cluster that was read last
	for _, r := range ranges {
		for end <= r.Start {
			start, end = end, clusterAt(text, end)
		}
		r.Start = start
		for end < r.End {
			start, end = end, clusterAt(text, end)
		}
		r.End = end
		whole = join(whole, r)
	}
	return whole
}
