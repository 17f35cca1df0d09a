package search

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// scanner reads the tokens of a text, one behind the other. It allocates no token
// by itself: those that are in the text as they are share its memory, and all
// others lie behind one another in made.
type scanner struct {
	text    string
	changes class           // what is changed: upper, perhaps foldable
	run     run             // that the last token was in
	at      int             // where the next token begins; at the end of run: in the next one
	made    strings.Builder // the tokens that were changed
}

// run is a run of one class of scripts: text[start:end].
type run struct {
	start, end int
	has        class // of any of its characters
}

func (a Analysis) scan(text string) scanner {
	if a.FoldAccents {
		return scanner{text: text, changes: upper | foldable}
	}
	return scanner{text: text, changes: upper}
}

// next is the next token, and false where there is none.
func (s *scanner) next() (Token, bool) {
	for s.at < s.run.end || s.nextRun() {
		if s.run.has&unspaced != 0 {
			return s.pair(), true
		}
		if s.run.has&s.changes == 0 {
			return s.word(), true
		}
		if t := s.changed(); t.Text != "" {
			return t, true
		}
	}
	return Token{}, false
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
		if c, size = classAt(text, i); c&(letter|digit) != 0 {
			break
		}
	}
	r := run{start: i, has: c}
	last := c
	for i += size; i < len(text); i += size {
		if c, size = classAt(text, i); c&(letter|digit) != 0 && (c^last)&unspaced == 0 {
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
// neither case nor accents.
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

// word is the rest of the run, or as much of it as a token may have.
func (s *scanner) word() Token {
	start, end := s.at, s.run.end
	if end-start > MaxToken {
		end = start
		for n := 0; end < s.run.end && n < MaxToken; n++ {
			end += width(s.text[end])
		}
	}
	s.at = end
	return Token{s.text[start:end], start, end}
}

// changed is the same, lower-cased and perhaps folded. It is empty where folding
// leaves nothing of the run.
func (s *scanner) changed() Token {
	if s.made.Len() == 0 {
		s.made.Grow(len(s.text) - s.at) // enough for nearly every text
	}
	start, from := s.at, s.made.Len()
	for n := 0; s.at < s.run.end; {
		r, size := utf8.DecodeRuneInString(s.text[s.at:])
		low := unicode.ToLower(r)
		if classOf(r)&s.changes&foldable == 0 {
			if n++; n > MaxToken {
				break
			}
			s.made.WriteRune(low)
		} else {
			var b [16]byte
			folded := appendFolded(b[:0], low)
			if n += utf8.RuneCount(folded); n > MaxToken {
				break
			}
			s.made.Write(folded)
		}
		s.at += size
	}
	return Token{s.made.String()[from:], start, s.at}
}
