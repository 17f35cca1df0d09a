package search

import (
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// appendFolded appends what folding makes of a lower-case character of a script
// with spaces: a letter without its accents, two letters, or nothing. It looks at
// no other character, so the beginning of a word folds to the beginning of the
// folded word.
func appendFolded(b []byte, r rune) []byte {
	var char [utf8.UTFMax]byte
	parts := utf8.AppendRune(char[:0], r)
	if d := norm.NFD.Properties(parts).Decomposition(); d != nil {
		parts = d
	}
	for len(parts) > 0 {
		r, size := utf8.DecodeRune(parts)
		if plain, ok := plainLetters[r]; ok {
			b = append(b, plain...)
		} else if !accent(r) {
			b = append(b, parts[:size]...)
		}
		parts = parts[size:]
	}
	return b
}

// accent says that a character is a mark that folding drops.
func accent(r rune) bool { return unicode.In(r, accented...) && unicode.Is(unicode.M, r) }

// accented are the scripts whose marks are dropped, and the blocks of marks that
// several scripts share. They hold other characters, too.
var accented = []*unicode.RangeTable{
	{R16: []unicode.Range16{
		{Lo: 0x0300, Hi: 0x036F, Stride: 1}, // combining diacritical marks
		{Lo: 0x0485, Hi: 0x0486, Stride: 1}, // breathings of Cyrillic
		{Lo: 0x064B, Hi: 0x0655, Stride: 1}, // vowels and hamza of Arabic and Syriac
		{Lo: 0x0670, Hi: 0x0670, Stride: 1}, // alef above
		{Lo: 0x1AB0, Hi: 0x1AFF, Stride: 1}, // combining diacritical marks, extended
		{Lo: 0x1DC0, Hi: 0x1DFF, Stride: 1}, // and their supplement
		{Lo: 0x20D0, Hi: 0x20FF, Stride: 1}, // and those for symbols
		{Lo: 0xFE00, Hi: 0xFE0F, Stride: 1}, // variation selectors
		{Lo: 0xFE20, Hi: 0xFE2F, Stride: 1}, // combining half marks
	}},
	unicode.Cyrillic, unicode.Hebrew, unicode.Arabic, unicode.Syriac,
}

// plainLetters are the letters that have no canonical decomposition, and that
// people type as others.
var plainLetters = map[rune]string{
	'đ': "d", 'ð': "d", 'ħ': "h", 'ı': "i", 'ł': "l", 'ø': "o", 'ŧ': "t", // strokes and dots
	'æ': "ae", 'œ': "oe", 'ß': "ss", 'ĳ': "ij", 'þ': "th", // once two letters
	'ﬀ': "ff", 'ﬁ': "fi", 'ﬂ': "fl", 'ﬃ': "ffi", 'ﬄ': "ffl", 'ﬅ': "st", 'ﬆ': "st",
	'ſ': "s", 'ς': "σ", // forms of one letter
	'ـ': "", // tatweel, which only makes a word longer
}

// Expr is the same expression with its tokens as this analysis makes them, for a
// host that has expressions of its own. It takes tokens that [Analysis.Analyze]
// made without folding. e stays as it is. Check what comes out ([CheckExpr]): a
// folded token may be longer.
func (a Analysis) Expr(e Expr) Expr {
	if !a.FoldAccents {
		return e
	}
	switch e := e.(type) {
	case And:
		return And(a.exprs(e))
	case Or:
		return Or(a.exprs(e))
	case Not:
		return Not{a.Expr(e.Expr)}
	case Term:
		return Term(foldToken(string(e)))
	case Prefix:
		return Prefix(foldToken(string(e)))
	case Phrase:
		tokens := make([]string, len(e.Tokens))
		for i, t := range e.Tokens {
			tokens[i] = foldToken(t)
		}
		return Phrase{tokens, e.LastIsPrefix}
	}
	return e
}

func (a Analysis) exprs(parts []Expr) []Expr {
	folded := make([]Expr, len(parts))
	for i, e := range parts {
		folded[i] = a.Expr(e)
	}
	return folded
}

// foldToken folds a token of a script with spaces. One of which nothing would be
// left stays as it is, so that it goes on to be a token, and one that no folded
// text has.
func foldToken(t string) string {
	r, _ := utf8.DecodeRuneInString(t)
	if c := classOf(r); c&(letter|digit) == 0 || c&unspaced != 0 || !utf8.ValidString(t) {
		return t
	}
	var folded []byte
	for _, r := range t {
		folded = appendFolded(folded, r)
	}
	if len(folded) == 0 {
		return t
	}
	return string(folded)
}
