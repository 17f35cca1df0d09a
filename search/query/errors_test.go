package query_test

import (
	"errors"
	"strings"
	"testing"
	"unicode"

	"github.com/parlor-chat/parlor/search/query"
)

func TestCaret(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{"a word", "a AND", "a AND\n  ^^^"},
		{"the end of a long text", strings.Repeat("word ", 20) + "on:x", "…d word word word word word on:x\n" + strings.Repeat(" ", 31) + "^"},
		{"the beginning of a long text", "on:x " + strings.Repeat("word ", 20), "on:x word word word word word word…\n   ^"},
		{"a long word", "on:" + strings.Repeat("x", 50), "on:" + strings.Repeat("x", 30) + "…\n   " + strings.Repeat("^", 31)},
		{"more behind a long word", "on:" + strings.Repeat("x", 50) + " and more", "on:" + strings.Repeat("x", 30) + "…\n   " + strings.Repeat("^", 31)},
		{"wide characters", "型 (字", "型 (字\n   ^"},
		{"marks", "e\u0301 (", "e\u0301 (\n  ^"},
		{"control characters", "a\tb\n\x1b[31m\u202e (", "a b \uFFFD[31m\uFFFD (\n           ^"},
		{"no UTF-8", "a\xff", "a\uFFFD\n ^"},
		{"too long", strings.Repeat("a", query.MaxLength+1), "…" + strings.Repeat("a", 30) + "\n" + strings.Repeat(" ", 31) + "^"},
	} {
		_, err := query.Parse(c.text)
		var e *query.Error
		if !errors.As(err, &e) {
			t.Errorf("%s: %v", c.name, err)
		} else if got := e.Caret(); got != c.want {
			t.Errorf("%s:\n%s\nwant\n%s", c.name, got, c.want)
		}
	}
}

// An error and its place can be shown anywhere: in a log, in a terminal.
func TestErrorsHoldNoControlCharacters(t *testing.T) {
	const dirty = "x\x00\x1b[31m\n\u202e"
	for _, text := range []string{
		"on:\"" + dirty + "\"", "has:\"" + dirty + "\"", "at:[\"" + dirty + "\" TO *]", "a\x1b* (", dirty + "*", "month:\"" + dirty + "\"", "thread:\"" + dirty + "\"", dirty + "(",
	} {
		_, err := query.Parse(text)
		var e *query.Error
		if !errors.As(err, &e) {
			t.Errorf("%q: %v", text, err)
			continue
		}
		bad := func(r rune) bool { return unicode.IsControl(r) || unicode.Is(unicode.Cf, r) }
		if strings.ContainsFunc(err.Error(), bad) {
			t.Errorf("%q: %q", text, err)
		}
		if caret := e.Caret(); strings.ContainsFunc(caret, func(r rune) bool { return r != '\n' && bad(r) }) || strings.Count(caret, "\n") != 1 {
			t.Errorf("%q: %q", text, caret)
		}
	}
}
