package main

import (
	"fmt"
	"io"
	"os"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/rivo/uniseg"
	"golang.org/x/term"

	"github.com/parlor-chat/parlor/search"
)

// screen is where a person reads. A terminal shows colours, unless NO_COLOR is set
// (no-color.org); anything else is told the same in words and signs.
type screen struct {
	io.Writer
	terminal *os.File // nil: it is none
	colours  bool
}

func screenOn(w io.Writer) screen {
	f, ok := w.(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) {
		return screen{Writer: w}
	}
	return screen{w, f, os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"}
}

// columns is how wide the screen is now.
func (s screen) columns() int {
	const usual, least = 80, 40
	if s.terminal == nil {
		return usual
	}
	columns, _, err := term.GetSize(int(s.terminal.Fd()))
	if err != nil || columns == 0 {
		return usual
	}
	return max(columns, least)
}

// style is how a terminal shows a text (ECMA-48, SGR).
type style string

const (
	strong style = "1"
	faint  style = "2"
	found  style = "1;33"
	bars   style = "36"
)

// in is a text in a style.
func (s screen) in(as style, text string) string {
	if !s.colours || text == "" {
		return text
	}
	return "\x1b[" + string(as) + "m" + text + "\x1b[0m"
}

// marked is a text, made fit to be shown, with parts of it marked.
func (s screen) marked(text string, marks []search.Range, fit func(string) string) string {
	var b strings.Builder
	at := 0
	for _, m := range marks {
		b.WriteString(fit(text[at:m.Start]))
		part := fit(text[m.Start:m.End])
		if !s.colours {
			part = "«" + part + "»"
		}
		b.WriteString(s.in(found, part))
		at = m.End
	}
	b.WriteString(fit(text[at:]))
	return b.String()
}

// visible says that a terminal shows r and does nothing else. The zero width joiner,
// which makes one emoji of several, is of those; what turns the direction of a line
// around is not.
func visible(r rune) bool { return unicode.IsGraphic(r) || r == '\u200d' }

// clean is a text on one line without what a terminal would obey.
func clean(text string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case visible(r):
			return r
		case unicode.IsSpace(r):
			return ' '
		}
		return utf8.RuneError
	}, text)
}

// cleanLines is [clean] of a text that may have several lines; they go on where
// pages have their texts.
func cleanLines(text string) string {
	lines := strings.Split(text, "\n")
	for i := range lines {
		lines[i] = clean(strings.TrimSuffix(lines[i], "\r"))
	}
	return strings.Join(lines, below)
}

// below is where the texts of a page go on in the next line.
const below = "\n            "

// sgr is a change of style.
var sgr = regexp.MustCompile("\x1b\\[[0-9;]*m")

// width is how many columns a text takes.
func width(text string) int { return uniseg.StringWidth(sgr.ReplaceAllString(text, "")) }

// wrapped breaks the lines of a page between words where the screen ends. What is no
// screen gets them whole.
func (s screen) wrapped(text string) string {
	if s.terminal == nil {
		return text
	}
	var b strings.Builder
	for i, line := range strings.Split(text, below) {
		if i > 0 {
			b.WriteString(below)
		}
		used := (len(below) - 1) * min(i, 1)
		for word := range strings.SplitAfterSeq(line, " ") {
			wide := width(word)
			if used+wide > s.columns() && used > len(below)-1 {
				b.WriteString(below)
				used = len(below) - 1
			}
			b.WriteString(word)
			used += wide
		}
	}
	return b.String()
}

// escaped is JSON in which what a terminal would obey is escaped; encoding/json does
// so with ASCII alone.
func escaped(b []byte) string {
	var out strings.Builder
	for _, r := range string(b) {
		if r < 0x7f || visible(r) {
			out.WriteRune(r)
			continue
		}
		for _, unit := range utf16.AppendRune(nil, r) {
			fmt.Fprintf(&out, `\u%04x`, unit)
		}
	}
	return out.String()
}

// fit is a text in exactly so many columns.
func fit(text string, columns int) string {
	if wide := width(text); wide <= columns {
		return text + strings.Repeat(" ", columns-wide)
	}
	var b strings.Builder
	used := 0
	for all := uniseg.NewGraphemes(text); all.Next() && used+all.Width() < columns; used += all.Width() {
		b.WriteString(all.Str())
	}
	return b.String() + "…" + strings.Repeat(" ", columns-used-1)
}
