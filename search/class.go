package search

import (
	"sync/atomic"
	"unicode"
	"unicode/utf8"
)

// class says what a character is in a run.
type class uint8

const (
	letter class = 1 << iota
	digit
	mark
	unspaced // of a script written without spaces
	upper    // lower-casing changes it
	foldable // folding changes it, once lower-cased
	wide     // no character, but a byte of one with several
)

// first holds the classes of the first 128 characters, and wide for the bytes that
// none of them begins with.
var first = func() (t [256]class) {
	for c := range t {
		t[c] = wide
		if c < utf8.RuneSelf {
			t[c] = makeClass(rune(c))
		}
	}
	return t
}()

// classAt is the class of the character at a byte, and its length in bytes. It is
// written so that the compiler inlines it.
func classAt(text string, i int) (c class, size int) {
	if c, size = first[text[i]], 1; c == wide {
		c, size = wideClassAt(text, i)
	}
	return
}

func wideClassAt(text string, i int) (class, int) {
	r, size := utf8.DecodeRuneInString(text[i:])
	return classOf(r), size
}

// pages hold the classes of 256 characters each. One is made when a character of it
// is met first, for all of them would take a megabyte, and long to make.
var pages [unicode.MaxRune>>8 + 1]atomic.Pointer[[256]class]

// classOf is the class of a character.
func classOf(r rune) class {
	page := pages[r>>8].Load()
	if page == nil {
		page = new([256]class)
		for i := range page {
			page[i] = makeClass(r&^0xFF | rune(i))
		}
		pages[r>>8].Store(page)
	}
	return page[r&0xFF]
}

// makeClass finds the class of a character in the tables of Unicode.
func makeClass(r rune) class {
	var c class
	switch {
	case unicode.IsLetter(r):
		c = letter
	case unicode.Is(unicode.Nd, r):
		c = digit
	case unicode.Is(unicode.M, r):
		c = mark
	default:
		return 0
	}
	if c != mark && unicode.In(r, unspacedScripts...) {
		return c | unspaced
	}
	low := unicode.ToLower(r)
	if low != r {
		c |= upper
	}
	if string(appendFolded(nil, low)) != string(low) {
		c |= foldable
	}
	return c
}

// unspacedScripts are the scripts written without spaces. They have no case.
var unspacedScripts = []*unicode.RangeTable{
	unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Hangul,
	unicode.Thai, unicode.Lao, unicode.Khmer, unicode.Myanmar, sharedKana,
}

// sharedKana are the letters that Unicode gives to no script because several
// share them, and that are only written with Han and kana: closing and repeat
// marks, the length mark, and the half-width length and voicing marks.
var sharedKana = &unicode.RangeTable{R16: []unicode.Range16{
	{Lo: 0x3006, Hi: 0x3006, Stride: 1},
	{Lo: 0x3031, Hi: 0x3035, Stride: 1},
	{Lo: 0x303C, Hi: 0x303C, Stride: 1},
	{Lo: 0x30FC, Hi: 0x30FC, Stride: 1},
	{Lo: 0xFF70, Hi: 0xFF70, Stride: 1},
	{Lo: 0xFF9E, Hi: 0xFF9F, Stride: 1},
}}
