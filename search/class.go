package search

import (
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
)

// common holds the classes of the characters of one and two bytes: those of Latin,
// Greek, Cyrillic, Hebrew and Arabic.
var common = func() (t [0x800]class) {
	for r := range t {
		t[r] = classOf(rune(r))
	}
	return t
}()

// classAt is the class of the character at a byte, and its length in bytes.
func classAt(text string, i int) (class, int) {
	r, size := utf8.DecodeRuneInString(text[i:])
	switch {
	case int(r) < len(common):
		return common[r], size
	case commonUnspaced(r):
		return letter | unspaced, size
	}
	return classOf(r), size
}

// commonUnspaced says that r is in one of the blocks that nearly all Japanese,
// Chinese and Korean is written in, without a look into tables. All of these are
// letters.
func commonUnspaced(r rune) bool {
	return 0x4E00 <= r && r <= 0x9FFF || // Han
		0x3041 <= r && r <= 0x3096 || // Hiragana
		0x30A1 <= r && r <= 0x30FA || r == 0x30FC || // Katakana
		0xAC00 <= r && r <= 0xD7A3 // Hangul
}

func classOf(r rune) class {
	var c class
	switch {
	case unicode.IsLetter(r):
		c = letter
	case unicode.Is(unicode.Nd, r):
		c = digit
	case unicode.Is(unicode.M, r):
		return mark
	default:
		return 0
	}
	if unicode.In(r, unspacedScripts...) {
		c |= unspaced
	}
	if unicode.ToLower(r) != r {
		c |= upper
	}
	return c
}

// unspacedScripts are the scripts written without spaces.
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
