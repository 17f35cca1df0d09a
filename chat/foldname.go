package chat

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"
)

// MaxFolded is the most bytes of a folded name: four times [MaxName], so that a name in
// any script fits; only signs that each stand for whole words can need more.
const MaxFolded = 4 * MaxName

// FoldName is a name as it is compared when somebody types its beginning. It is, in this
// order:
//
//   - decomposed for compatibility (NFKD, UAX #15): ligatures, full and half width and
//     the like are made plain;
//   - without the marks of Unicode's five blocks of combining diacritical marks: é is e,
//     but ø is a letter of its own; kana keep their voiced marks, and scripts whose
//     vowels are marks keep these;
//   - with each run of white space made one space, and none at its ends;
//   - case-folded (full folding, CaseFolding.txt of Unicode, in no language's own way):
//     ß is ss, and a final sigma is any sigma;
//   - cut after the last character that ends within [MaxFolded] bytes.
//
// It stays decomposed: composing again would hide the beginning of a Hangul syllable,
// which is typed letter by letter, in the whole.
//
// So FoldName(FoldName(s)) is FoldName(s), and where s ends between two graphemes
// (UAX #29) of a name, FoldName(s) is a prefix of the name's. Any s will do: bytes
// that aren't UTF-8 are read as U+FFFD. What is folded may be stored: Unicode never changes
// these rules for a character that it has, only adds characters.
func FoldName(name string) string {
	name = strings.ToValidUTF8(name, "\ufffd") // norm overlooks a letter behind half a character
	var plain strings.Builder
	space := false
	for _, r := range norm.NFKD.String(name) {
		switch {
		case unicode.Is(diacritics, r):
		case unicode.IsSpace(r):
			space = plain.Len() > 0
		default:
			if space {
				plain.WriteByte(' ')
				space = false
			}
			plain.WriteRune(r)
		}
	}
	folded := strings.Map(settle, norm.NFKD.String(caseFold.String(plain.String())))
	if len(folded) <= MaxFolded {
		return folded
	}
	end := MaxFolded
	for !utf8.RuneStart(folded[end]) {
		end--
	}
	return strings.TrimSuffix(folded[:end], " ")
}

// caseFold has no state: it serves all at once.
var caseFold = cases.Fold()

// settle puts two things right. Where a letter has more than 30 marks, norm orders them by
// thirties with a mark of its own between; so the marks that stay are ordered again when
// the others are gone, and norm's go last. And Unicode folds Cherokee letters to capitals,
// for the small ones are younger, but caseFold swaps them.
func settle(r rune) rune {
	switch {
	case unicode.Is(diacritics, r):
		return -1
	case unicode.Is(unicode.Cherokee, r):
		return unicode.ToUpper(r)
	}
	return r
}

// diacritics are Unicode's blocks of combining diacritical marks.
var diacritics = &unicode.RangeTable{R16: []unicode.Range16{
	{Lo: 0x0300, Hi: 0x036f, Stride: 1}, // Combining Diacritical Marks
	{Lo: 0x1ab0, Hi: 0x1aff, Stride: 1}, // Extended
	{Lo: 0x1dc0, Hi: 0x1dff, Stride: 1}, // Supplement
	{Lo: 0x20d0, Hi: 0x20ff, Stride: 1}, // for Symbols
	{Lo: 0xfe20, Hi: 0xfe2f, Stride: 1}, // Combining Half Marks
}}
