package search

import (
	"iter"
	"strings"
	"unicode"
	"unicode/utf8"
)

// MaxToken is the most characters of one token. A longer run of letters is cut
// into tokens of so many.
const MaxToken = 128

// Token is one token of a text, and where it stands there.
type Token struct {
	Text       string // lower-cased
	Start, End int    // bytes of the text that it was made from: text[Start:End]
}

// Analysis is how text becomes tokens. Documents and the expressions that look for
// them must be made by the same one. The zero value is what Parlor does by itself, and
// what the functions Tokens, Analyze, Words, PhraseOf and PrefixOf do.
type Analysis struct {
	// FoldAccents makes letters that differ in their accents alone equal.
	FoldAccents bool
}

// Name tells analyses apart whose tokens differ: also those of different versions of
// this package. It is part of the name of an index's generation.
func (a Analysis) Name() string {
	if a.FoldAccents {
		return "1f"
	}
	return "1"
}

// Tokens is [Tokens] by this analysis.
func (a Analysis) Tokens(text string) iter.Seq[Token] { return Tokens(text) }

// Analyze is [Analyze] by this analysis.
func (a Analysis) Analyze(text string) []string { return Analyze(text) }

// Tokens cuts a text into tokens, in order. A character is a Unicode code point.
//
// A run is a longest sequence of letters (category L), marks (M) that follow
// letters, and decimal digits (Nd). Everything else parts runs: spaces,
// punctuation, "_", "-", "." and "'", symbols, bytes that are no UTF-8. A run
// also ends at the border between the scripts written without spaces (Han,
// Hiragana, Katakana with its length mark, Hangul, Thai, Lao, Khmer, Myanmar) and
// all others. A mark always belongs to the letter before it.
//
// A run of other scripts is one token, cut where it is longer than [MaxToken].
// One of a script without spaces is made into its overlapping pairs of
// characters, marks being characters too, and then its last character alone; so
// every part of it can be found as a phrase, down to a single character.
//
// Each character is lower-cased by itself. There is no stemming, no list of
// stop words, no folding of accents, and no normalisation: é as one character and
// é as two are different.
func Tokens(text string) iter.Seq[Token] {
	return func(yield func(Token) bool) {
		for r, ok := nextRun(text, 0); ok; r, ok = nextRun(text, r.end) {
			if !r.tokens(text, yield) {
				return
			}
		}
	}
}

// Analyze is the texts of [Tokens]. They may share their memory with text.
func Analyze(text string) []string {
	tokens := make([]string, 0, len(text)/6+1) // English has a token in 6 bytes
	for t := range Tokens(text) {
		tokens = append(tokens, t.Text)
	}
	return tokens
}

// run is a run of one class of scripts: text[start:end].
type run struct {
	start, end int
	unspaced   bool
}

// nextRun finds the first run at or behind a byte.
func nextRun(text string, i int) (run, bool) {
	var c class
	var size int
	for ; ; i += size {
		if i >= len(text) {
			return run{}, false
		}
		if c, size = classAt(text, i); c&(letter|digit) != 0 {
			break
		}
	}
	r := run{start: i, unspaced: c&unspaced != 0}
	last := c
	for i += size; i < len(text); i += size {
		c, size = classAt(text, i)
		if c&mark != 0 {
			if last&letter == 0 {
				break
			}
			continue
		}
		if c&(letter|digit) == 0 || c&unspaced != last&unspaced {
			break
		}
		last = c
	}
	r.end = i
	return r, true
}

// tokens gives the tokens of the run, and false where yield wants no more.
func (r run) tokens(text string, yield func(Token) bool) bool {
	if r.unspaced {
		return r.pairs(text, yield)
	}
	for start := r.start; start < r.end; {
		end := cut(text, start, r.end)
		// strings.ToLower goes by single characters, as unicode.ToLower does.
		if !yield(Token{strings.ToLower(text[start:end]), start, end}) {
			return false
		}
		start = end
	}
	return true
}

// cut is the end of the token that begins at start.
func cut(text string, start, end int) int {
	if end-start <= MaxToken {
		return end
	}
	i := start
	for range MaxToken {
		if i >= end {
			break
		}
		_, size := utf8.DecodeRuneInString(text[i:])
		i += size
	}
	return i
}

// pairs gives the overlapping pairs of characters and then the last character.
// Scripts without spaces have no case.
func (r run) pairs(text string, yield func(Token) bool) bool {
	_, size := utf8.DecodeRuneInString(text[r.start:])
	start, mid := r.start, r.start+size
	for mid < r.end {
		_, size = utf8.DecodeRuneInString(text[mid:])
		end := mid + size
		if !yield(Token{text[start:end], start, end}) {
			return false
		}
		start, mid = mid, end
	}
	return yield(Token{text[start:mid], start, mid})
}

// class says what a character is in a run.
type class uint8

const (
	letter class = 1 << iota
	digit
	mark
	unspaced // of a script written without spaces
)

// ascii holds the classes of the first 128 characters.
var ascii = func() (t [utf8.RuneSelf]class) {
	for c := range rune(utf8.RuneSelf) {
		t[c] = classOf(c)
	}
	return t
}()

// classAt is the class of the character at a byte, and its length in bytes.
func classAt(text string, i int) (class, int) {
	if c := text[i]; c < utf8.RuneSelf {
		return ascii[c], 1
	}
	r, size := utf8.DecodeRuneInString(text[i:])
	if commonUnspaced(r) {
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
