package search

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// scanner reads the tokens of a text, one behind the other. It allocates no token
// by itself: those that are in the text as they are share its memory, and all
// others lie behind one another in low.
type scanner struct {
	text string
	run  run
	at   int             // where the next token begins; the end of run: in the next one
	low  strings.Builder // the tokens that lower-casing changed
}

// run is a run of one class of scripts: text[start:end].
type run struct {
	start, end int
	has        class // of all its characters
}

// next is the next token, and false where there is none.
func (s *scanner) next() (Token, bool) {
	if s.at == s.run.end && !s.nextRun() {
		return Token{}, false
	}
	if s.run.has&unspaced != 0 {
		return s.pair(), true
	}
	return s.word(), true
}

// nextRun goes to the next run.
func (s *scanner) nextRun() bool {
	text, i := s.text, s.run.end
	var c class
	var size int
	for ; ; i += size {
		if i >= len(text) {
			return false
		}
		if b := text[i]; b < utf8.RuneSelf {
			c, size = common[b], 1
		} else {
			c, size = classAt(text, i)
		}
		if c&(letter|digit) != 0 {
			break
		}
	}
	r := run{start: i, has: c}
	last := c
	for i += size; i < len(text); i += size {
		if b := text[i]; b < utf8.RuneSelf {
			c, size = common[b], 1
		} else {
			c, size = classAt(text, i)
		}
		if c&(letter|digit) != 0 && (c^last)&unspaced == 0 {
			last = c
		} else if c&mark == 0 || last&letter == 0 {
			break
		}
		r.has |= c
	}
	r.end = i
	s.run, s.at = r, r.start
	return true
}

// pair is the next two characters, or the last one. Scripts without spaces have
// no case.
func (s *scanner) pair() Token {
	start := s.at
	s.at += width(s.text[start])
	end := s.at
	if end < s.run.end {
		end += width(s.text[end])
	}
	return Token{s.text[start:end], start, end}
}

// width is the length of the character that begins with a byte. Runs are UTF-8.
func width(first byte) int {
	switch {
	case first < 0x80:
		return 1
	case first < 0xE0:
		return 2
	case first < 0xF0:
		return 3
	}
	return 4
}

// word is the next token of a script with spaces: the rest of the run, or as much
// of it as a token may have.
func (s *scanner) word() Token {
	start, end := s.at, s.run.end
	if s.run.has&upper == 0 && end-start <= MaxToken {
		s.at = end
		return Token{s.text[start:end], start, end}
	}
	if s.low.Len() == 0 {
		s.low.Grow(len(s.text) - start) // enough for nearly every text
	}
	from := s.low.Len()
	for n := 0; s.at < end && n < MaxToken; n++ {
		r, size := utf8.DecodeRuneInString(s.text[s.at:])
		s.low.WriteRune(unicode.ToLower(r))
		s.at += size
	}
	return Token{s.low.String()[from:], start, s.at}
}
