package search

import (
	"strings"
)

// MaxSnippet is the most grapheme clusters of a snippet.
const MaxSnippet = 1000

// farthest is how many clusters further on a snippet may begin so that it begins
// with a word.
const farthest = 20

// Snippet is a part of a text, on one line.
type Snippet struct {
	Text          string
	Marks         []Range // what is highlighted in Text, in order, apart from each other
	Before, After bool    // whether text was left out before it, and behind
}

// Snip cuts the part out of a text that begins with a mark and has the most marked,
// the first of several, and puts what stands around on both sides. Marks must rise, as
// [Analysis.Highlights] gives them; without any the snippet is the beginning of the text.
//
// A snippet has at most width grapheme clusters (UAX #29), 1 to [MaxSnippet]; a width
// outside that is taken as the nearest. White space, line breaks too, becomes one
// space, and is none at either end. No cluster is cut, and where a space isn't far
// the snippet begins with a word.
func Snip(text string, marks []Range, width int) Snippet {
	width = min(max(width, 1), MaxSnippet)
	all := pieces(text, marks)
	from := window(all, width)
	to := min(from+width, len(all))
	if to > from && all[to-1].space {
		to--
	}
	s := Snippet{Before: from > 0, After: to < len(all)}
	var b strings.Builder
	for _, p := range all[from:to] {
		start := b.Len()
		if p.space {
			b.WriteByte(' ')
		} else {
			b.WriteString(text[p.start:p.end])
		}
		if p.marked {
			s.Marks = join(s.Marks, Range{start, b.Len()})
		}
	}
	s.Text = b.String()
	s.Marks = wholeClusters(s.Text, s.Marks) // a space joins what a line break didn't
	return s
}

// piece is a grapheme cluster of a text. Of white space between two others only the
// first is there.
type piece struct {
	start, end    int
	space, marked bool
}

// pieces takes a text apart, without white space at its ends.
func pieces(text string, marks []Range) []piece {
	all := make([]piece, 0, len(text))
	for start := 0; start < len(text); {
		p := piece{start: start, end: clusterAt(text, start)}
		start = p.end
		p.space = strings.TrimSpace(text[p.start:p.end]) == ""
		if p.space && (len(all) == 0 || all[len(all)-1].space) {
			continue
		}
		for len(marks) > 0 && marks[0].End <= p.start {
			marks = marks[1:]
		}
		p.marked = len(marks) > 0 && marks[0].Start < p.end
		all = append(all, p)
	}
	if last := len(all) - 1; last >= 0 && all[last].space {
		all = all[:last]
	}
	return all
}

// window is where the snippet begins.
func window(all []piece, width int) int {
	if len(all) <= width {
		return 0
	}
	first, last := mostMarked(all, width)
	from := first - (width-(last-first))/2
	from = max(min(from, len(all)-width), 0)
	if from == 0 || all[from-1].space {
		return from
	}
	for i := from; i < min(first, from+farthest); i++ {
		if all[i].space {
			return i + 1
		}
	}
	return from
}

// mostMarked are the pieces, all[first:last], from the first mark to the last one of
// the window that begins with a mark and has the most marked. White space doesn't
// count.
func mostMarked(all []piece, width int) (first, last int) {
	most, marked, to, end := 0, 0, 0, 0 // end: of what is marked before to
	begun := false                      // the mark that a piece is in
	for i, p := range all {
		for ; to < min(i+width, len(all)); to++ {
			if all[to].marked && !all[to].space {
				marked, end = marked+1, to+1
			}
		}
		if p.marked && !p.space {
			if !begun && marked > most {
				most, first, last = marked, i, end
			}
			marked--
		}
		begun = p.marked && (begun || !p.space)
	}
	return first, last
}
