package query

import (
	"unicode"
	"unicode/utf8"

	"github.com/parlor-chat/parlor/search"
)

// checkPrefix says what is wrong with a beginning; nil: nothing. Two letters or digits
// are the least, and one of a script written without spaces.
func checkPrefix(text string) *problem {
	var a search.Analysis
	last, _ := utf8.DecodeLastRuneInString(text)
	if !isWordRune(last) {
		return &problem{"“*” stands behind no word", "two letters or more before it"}
	}
	token := func(e search.Expr) (string, bool) {
		switch e := e.(type) {
		case search.Prefix:
			return string(e), true
		case search.Phrase:
			return e.Tokens[len(e.Tokens)-1], e.LastIsPrefix
		}
		return "", false
	}
	if t, open := token(a.PrefixOf(text)); open && letters(t) < 2 {
		if _, unspaced := token(a.PhraseOf(text, false)); !unspaced {
			return &problem{"too many words begin with " + shown(t), "two letters or more before “*”"}
		}
	}
	return nil
}

// letters counts the characters of a token, marks left out.
func letters(token string) (n int) {
	for _, r := range token {
		if !unicode.IsMark(r) {
			n++
		}
	}
	return n
}
