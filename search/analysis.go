package search

import "iter"

// MaxToken is the most characters of one token. A longer run of letters is cut
// into tokens of so many.
const MaxToken = 128

// Token is one token of a text, and where it stands there.
type Token struct {
	Text       string // lower-cased, perhaps folded
	Start, End int    // bytes of the text that it was made from: text[Start:End]
}

// Analysis is how text becomes tokens. Documents and the expressions that look for
// them must be made by the same one. The zero value is what Parlor does by itself, and
// what the functions Tokens, Analyze, Words, PhraseOf and PrefixOf do.
type Analysis struct {
	// FoldAccents makes letters that differ in their accents alone equal: É, é and e
	// with a combining accent are e. Each character of a script with spaces, once
	// lower-cased, is decomposed canonically (UAX #15), and what is left of it is
	// without
	//   - combining diacritical marks, those for symbols and variation selectors;
	//   - the marks of Cyrillic, Hebrew, Arabic and Syriac, vowel points and hamza
	//     above or below among them, and the Arabic tatweel.
	//
	// Letters that people type as others and that no decomposition takes apart become
	// those: d for đ ð, h for ħ, i for ı, l for ł, o for ø, t for ŧ, ae for æ, oe for
	// œ, ss for ß, ij for ĳ, th for þ, s for ſ, σ for ς, and letters for ﬁ and its like.
	//
	// All other marks stay, for they are as good as letters: vowel signs and the
	// nukta of the scripts of India. In scripts without spaces nothing changes: が is
	// not か.
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
// Each character is lower-cased by itself: Σ becomes σ everywhere, and İ i. There
// is no stemming, no list of stop words, and no normalisation: é as one character
// and é as two are different, unless FoldAccents makes both e. Characters of a
// token are counted once it is folded.
func (a Analysis) Tokens(text string) iter.Seq[Token] {
	return func(yield func(Token) bool) {
		s := a.scan(text)
		for t, ok := s.next(); ok && yield(t); {
			t, ok = s.next()
		}
	}
}

// Analyze is the texts of [Analysis.Tokens]. They may share their memory with text.
func (a Analysis) Analyze(text string) []string {
	return a.Append(make([]string, 0, len(text)/6+1), text) // English has a token in 6 bytes
}

// Append appends what [Analysis.Analyze] gives to tokens, so that their memory may
// be used again.
func (a Analysis) Append(tokens []string, text string) []string {
	s := a.scan(text)
	for t, ok := s.next(); ok; t, ok = s.next() {
		tokens = append(tokens, t.Text)
	}
	return tokens
}

// Tokens is [Analysis.Tokens] of the zero Analysis.
func Tokens(text string) iter.Seq[Token] { return Analysis{}.Tokens(text) }

// Analyze is [Analysis.Analyze] of the zero Analysis.
func Analyze(text string) []string { return Analysis{}.Analyze(text) }
