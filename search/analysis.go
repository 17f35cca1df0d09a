package search

import "iter"

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
func (a Analysis) Tokens(text string) iter.Seq[Token] {
	return func(yield func(Token) bool) {
		s := scanner{text: text}
		for t, ok := s.next(); ok && yield(t); {
			t, ok = s.next()
		}
	}
}

// Analyze is [Analyze] by this analysis.
func (a Analysis) Analyze(text string) []string {
	return a.Append(make([]string, 0, len(text)/6+1), text) // English has a token in 6 bytes
}

// Append appends what [Analysis.Analyze] gives to tokens, so that their memory may
// be used again.
func (a Analysis) Append(tokens []string, text string) []string {
	s := scanner{text: text}
	for t, ok := s.next(); ok; t, ok = s.next() {
		tokens = append(tokens, t.Text)
	}
	return tokens
}

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
func Tokens(text string) iter.Seq[Token] { return Analysis{}.Tokens(text) }

// Analyze is the texts of [Tokens]. They may share their memory with text.
func Analyze(text string) []string { return Analysis{}.Analyze(text) }
