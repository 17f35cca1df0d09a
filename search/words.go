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
func (a Analysis) Words(text string) Expr {
	var all And
	for _, word := range strings.Fields(text) {
		if e := a.PhraseOf(word, false); !nothing(e) {
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
func (a Analysis) PrefixOf(text string) Expr { return a.PhraseOf(text, true) }

// PhraseOf holds where the tokens of a text stand one behind the other, whatever
// parts them. With lastIsPrefix the last token need only begin so. A text
// without tokens gives an empty [Or], which nothing matches; one with a single
// token a [Term] or a [Prefix].
//
// A run of a script without spaces may begin in the middle of a longer one, and
// the last run of the text may end there, too: it is the phrase of its pairs,
// and a single character is a prefix.
func (a Analysis) PhraseOf(text string, lastIsPrefix bool) Expr {
	var tokens []string
	var last run  // that has tokens
	var first int // of its tokens
	s := a.scan(text)
	for t, ok := s.next(); ok; t, ok = s.next() {
		if s.run != last {
			last, first = s.run, len(tokens)
		}
		tokens = append(tokens, t.Text)
	}
	if last.has&unspaced != 0 {
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

// Words is [Analysis.Words] of the zero Analysis.
func Words(text string) Expr { return Analysis{}.Words(text) }

// PhraseOf is [Analysis.PhraseOf] of the zero Analysis.
func PhraseOf(text string, lastIsPrefix bool) Expr { return Analysis{}.PhraseOf(text, lastIsPrefix) }

// PrefixOf is [Analysis.PrefixOf] of the zero Analysis.
func PrefixOf(text string) Expr { return Analysis{}.PrefixOf(text) }
