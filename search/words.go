package search

import (
	"slices"
	"strings"
)

// Words is what somebody means who types words: each must be there, in any order.
// A word that splits into several tokens ("github.com") is a phrase. A word of a
// script without spaces is found anywhere, also as a part. Words in which there
// is nothing to find ("--") are left out; where that leaves none, the expression
// is an empty [Or], which nothing matches.
func Words(text string) Expr {
	var all And
	for _, word := range strings.Fields(text) {
		if e := PhraseOf(word, false); !nothing(e) {
			all = append(all, e)
		}
	}
	switch len(all) {
	case 0:
		return Or{}
	case 1:
		return all[0]
	}
	return all
}

// PrefixOf holds where a word begins with text. A text that splits is a phrase
// whose last token begins so.
func PrefixOf(text string) Expr { return PhraseOf(text, true) }

// PhraseOf holds where the tokens of a text stand one behind the other, whatever
// parts them. With lastIsPrefix the last token need only begin so. A text
// without tokens gives an empty [Or], which nothing matches; one with a single
// token a [Term] or a [Prefix].
//
// A run of a script without spaces may begin in the middle of a longer one, and
// the last run of the text may end there, too: it is the phrase of its pairs,
// and a single character is a prefix.
func PhraseOf(text string, lastIsPrefix bool) Expr {
	var tokens []string
	s := scanner{text: text}
	first := 0 // of the last run's tokens
	for t, ok := s.next(); ok; t, ok = s.next() {
		if t.Start == s.run.start {
			first = len(tokens)
		}
		tokens = append(tokens, t.Text)
	}
	if s.run.has&unspaced != 0 {
		// The last character stands alone only at the end of a run.
		if n := len(tokens); n-first > 1 {
			tokens, lastIsPrefix = tokens[:n-1], false
		} else {
			lastIsPrefix = true
		}
	}
	switch {
	case len(tokens) == 0:
		return Or{}
	case len(tokens) > 1:
		return Phrase{Tokens: slices.Clip(tokens), LastIsPrefix: lastIsPrefix}
	case lastIsPrefix:
		return Prefix(tokens[0])
	}
	return Term(tokens[0])
}

// nothing says that e is the empty Or.
func nothing(e Expr) bool {
	o, ok := e.(Or)
	return ok && len(o) == 0
}

// Words is [Words] by this analysis.
func (a Analysis) Words(text string) Expr { return Words(text) }

// PhraseOf is [PhraseOf] by this analysis.
func (a Analysis) PhraseOf(text string, lastIsPrefix bool) Expr { return PhraseOf(text, lastIsPrefix) }

// PrefixOf is [PrefixOf] by this analysis.
func (a Analysis) PrefixOf(text string) Expr { return PrefixOf(text) }
