package query

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/width"

	"github.com/parlor-chat/parlor/chat"
)

// Limits of a query. Over one of them is [chat.ErrTooLarge], for [ParseLenient] too; only
// notes are cut.
const (
	MaxLength   = 4096 // bytes
	MaxDepth    = 40   // levels of the tree, and of brackets
	MaxTerms    = 100  // texts and ranges
	MaxPrefixes = 20   // texts whose last word need only begin so
	MaxNotes    = 20   // of a lenient reading; those on what stands behind are left out
	MaxKeys     = 500  // users and rooms that the names of a query stand for, all together
)

// Error says where in the text of a query something is wrong, and what would be right.
// It comes inside a [chat.Error] with the field "query", whose kind is [chat.ErrInvalid],
// or [chat.ErrTooLarge] with the limit.
type Error struct {
	Span
	What     string // what is wrong
	Expected string // what would be right there; may be empty

	text string
}

// Error is what is wrong in one line, with the number of the character, from 1.
// It never holds a control character.
func (e *Error) Error() string {
	s := fmt.Sprintf("character %d: %s", 1+utf8.RuneCountInString(e.text[:e.Start]), e.What)
	if e.Expected != "" {
		s += "; expected " + e.Expected
	}
	return s
}

// beside is how many characters of the text [Error.Caret] shows on each side.
const beside = 30

// Caret shows the place in two lines: that part of the text, and below it a "^" under
// each character that is meant.
func (e *Error) Caret() string {
	var line, marks strings.Builder
	show := func(text string, mark byte) {
		for _, r := range text {
			line.WriteRune(printable(r))
			marks.WriteString(strings.Repeat(string(mark), columns(r)))
		}
	}
	before, meant, after := e.text[:e.Start], e.text[e.Start:e.End], e.text[e.End:]
	if cut := lastRunes(before, beside); cut != before {
		show("…", ' ')
		before = cut
	}
	show(before, ' ')
	switch cut := firstRunes(meant, beside); {
	case meant == "": // the end of the text, or between two characters
		marks.WriteByte('^')
	case cut != meant:
		show(cut, '^')
		show("…", '^')
		after = ""
	default:
		show(meant, '^')
	}
	cut := firstRunes(after, beside)
	show(cut, ' ')
	if cut != after {
		show("…", ' ')
	}
	return line.String() + "\n" + strings.TrimRight(marks.String(), " ")
}

// shown is a part of the text as messages quote it: short, and without characters that
// can't be seen or that turn the line around.
func shown(s string) string {
	cut := firstRunes(s, beside)
	more := ""
	if cut != s {
		more = "…"
	}
	return "“" + strings.Map(printable, cut) + more + "”"
}

func printable(r rune) rune {
	switch {
	case unicode.IsSpace(r):
		return ' '
	case !unicode.IsPrint(r):
		return utf8.RuneError
	}
	return r
}

// columns is how wide a terminal shows a character (UAX #11).
func columns(r rune) int {
	if unicode.Is(unicode.M, r) {
		return 0
	}
	switch width.LookupRune(printable(r)).Kind() {
	case width.EastAsianWide, width.EastAsianFullwidth:
		return 2
	}
	return 1
}

// firstRunes is the first n characters of s.
func firstRunes(s string, n int) string {
	for i := range s {
		if n == 0 {
			return s[:i]
		}
		n--
	}
	return s
}

// lastRunes is the last n characters of s.
func lastRunes(s string, n int) string {
	i := len(s)
	for ; n > 0 && i > 0; n-- {
		_, size := utf8.DecodeLastRuneInString(s[:i])
		i -= size
	}
	return s[i:]
}

// problem is what is wrong with something, before it is known where that stands.
type problem struct{ what, expected string }

// errorAt makes the error of an operation on text. The span is brought inside the text:
// a node that a program made may have any.
func errorAt(op, text string, kind error, at Span, limit int64, p problem) error {
	at.Start = min(max(at.Start, 0), len(text))
	at.End = min(max(at.End, at.Start), len(text))
	return &chat.Error{
		Kind: kind, Op: op, Field: "query", Limit: limit,
		Err: &Error{at, p.what, p.expected, text},
	}
}
