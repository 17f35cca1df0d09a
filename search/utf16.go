package search

import (
	"unicode/utf16"
	"unicode/utf8"
)

// UTF16 are ranges of a text in UTF-16 code units: what an index into a string means
// in JavaScript and Java. Ranges begin and end at characters, and rise, as
// [Analysis.Highlights] gives them; what lies outside the text is cut off.
//
// Each byte that is no UTF-8 counts as one unit, as encoding/json sends U+FFFD for
// each.
func UTF16(text string, ranges []Range) []Range {
	var at, units int // so many units lie before a byte
	before := func(i int) int {
		if i < at {
			at, units = 0, 0
		}
		for at < min(i, len(text)) {
			r, size := utf8.DecodeRuneInString(text[at:])
			at += size
			units += utf16.RuneLen(r)
		}
		return units
	}
	out := make([]Range, len(ranges))
	for i, r := range ranges {
		out[i].Start = before(r.Start)
		out[i].End = before(r.End)
	}
	return out
}
