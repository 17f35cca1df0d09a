package search

import (
	"iter"
	"slices"
	"strings"
)

// Range is a part of a text: text[Start:End], in bytes.
type Range struct{ Start, End int }

// Highlights are the parts of a body that make it match an expression, in order, apart
// from each other. The expression must be valid ([CheckExpr]) and made by the same
// analysis; nil has none.
//
// A [Term] is marked wherever it stands, a [Phrase] from its first token to its last, a
// [Prefix] as the whole word that begins so; in scripts without spaces, where a word
// has no end, just as the characters that were looked for. Parts of an [Or] are marked
// that hold, those of an [And] if all of them hold, those of a [Not] never. What the
// body doesn't say, fields and times, might hold or not.
//
// A range is made of whole grapheme clusters (UAX #29), so that no mark splits a letter
// from its accent. Time and memory grow with the body, time for a body of few
// different tokens also with how many leaves the expression has, but not with how long
// its phrases are.
func (a Analysis) Highlights(body string, where Expr) []Range {
	f := finder{exact: map[string]*sought{}, open: map[string]*sought{}}
	f.learn(where)
	if len(f.exact)+len(f.open) == 0 {
		return nil
	}
	f.read(a.scan(body))
	f.holds(where)
	return wholeClusters(body, f.ranges())
}

// finder looks for the leaves of an expression, its terms, prefixes and phrases, in
// one body.
type finder struct {
	exact, open map[string]*sought // what the leaves are made of: tokens; what tokens begin with
	lengths     []int              // of the texts in open, in bytes, rising
	tokens      []place            // of the body: those that are sought
	found       [][]*sought        // the leaves that make the body match
}

// sought is a token that is looked for, or with open what a token begins with.
type sought struct {
	text   string
	open   bool
	at     []int // where in finder.tokens
	marked bool  // found as a leaf by itself already
}

// place is a token of the body that is sought.
type place struct {
	Token
	n        int     // how many tokens are before it
	exact    *sought // that it equals
	unspaced bool
}

// leaf is a term, a prefix or a phrase as a phrase.
func leaf(e Expr) (Phrase, bool) {
	switch e := e.(type) {
	case Term:
		return Phrase{Tokens: []string{string(e)}}, true
	case Prefix:
		return Phrase{Tokens: []string{string(e)}, LastIsPrefix: true}, true
	case Phrase:
		return e, true
	}
	return Phrase{}, false
}

// learn notes what there is to look for.
func (f *finder) learn(e Expr) {
	switch e := e.(type) {
	case And:
		for _, part := range e {
			f.learn(part)
		}
	case Or:
		for _, part := range e {
			f.learn(part)
		}
	case Not:
		f.learn(e.Expr)
	}
	p, _ := leaf(e)
	for i, t := range p.Tokens {
		words, open := f.words(p, i)
		if words[t] != nil {
			continue
		}
		words[t] = &sought{text: t, open: open}
		if n, known := slices.BinarySearch(f.lengths, len(t)); open && !known {
			f.lengths = slices.Insert(f.lengths, n, len(t))
		}
	}
}

// words are those among which a phrase has its token i, and whether they are open.
func (f *finder) words(p Phrase, i int) (words map[string]*sought, open bool) {
	if p.LastIsPrefix && i == len(p.Tokens)-1 {
		return f.open, true
	}
	return f.exact, false
}

// read goes through the body once, and notes where each word is.
func (f *finder) read(s scanner) {
	n := 0
	for t, ok := s.next(); ok; t, ok = s.next() {
		p := place{t, n, f.exact[t.Text], s.run.has&unspaced != 0}
		at, is := len(f.tokens), p.exact != nil
		if is {
			p.exact.at = append(p.exact.at, at)
		}
		for _, size := range f.lengths {
			if size > len(t.Text) {
				break
			}
			if w := f.open[t.Text[:size]]; w != nil {
				w.at, is = append(w.at, at), true
			}
		}
		if is {
			f.tokens = append(f.tokens, p)
		}
		n++
	}
}

// verdict is whether an expression holds for a body.
type verdict int

const (
	no    verdict = iota - 1
	maybe         // it depends on what the body doesn't say
	yes
)

// holds says whether an expression holds, and adds the leaves that make it so to
// f.found.
func (f *finder) holds(e Expr) verdict {
	before := len(f.found)
	switch e := e.(type) {
	case And:
		v := yes
		for _, part := range e {
			if v = min(v, f.holds(part)); v == no {
				f.found = f.found[:before]
				break
			}
		}
		return v
	case Or:
		v := no
		for _, part := range e {
			v = max(v, f.holds(part))
		}
		return v
	case Not:
		v := f.holds(e.Expr)
		f.found = f.found[:before]
		return -v
	case Equal, Between:
		return maybe
	}
	p, ok := leaf(e)
	if !ok || len(p.Tokens) == 0 {
		return no
	}
	words := make([]*sought, len(p.Tokens))
	for i, t := range p.Tokens {
		from, _ := f.words(p, i)
		words[i] = from[t]
	}
	for range f.starts(words) {
		f.found = append(f.found, words)
		return yes
	}
	return no
}

// starts gives the tokens that a leaf begins at, rising.
func (f *finder) starts(words []*sought) iter.Seq[int] {
	return func(yield func(int) bool) {
		last := len(words) - 1
		head := NewSequence(words[:last])
		n, next := 0, 0 // tokens of the body before next end in the first n words of head
		for i := range f.near(words) {
			t := &f.tokens[i]
			if t.n != next {
				n = 0
			}
			if n == last && t.is(words[last]) && !yield(i-last) {
				return
			}
			n, next = head.After(n, t.exact), t.n+1
		}
	}
}

// near gives the tokens that a leaf may stand on, those around its rarest word: each of
// them once, rising.
func (f *finder) near(words []*sought) iter.Seq[int] {
	return func(yield func(int) bool) {
		rarest := 0
		for i, w := range words {
			if len(w.at) < len(words[rarest].at) {
				rarest = i
			}
		}
		next := 0
		for _, i := range words[rarest].at {
			next = max(next, i-rarest)
			for end := min(i-rarest+len(words), len(f.tokens)); next < end; next++ {
				if !yield(next) {
					return
				}
			}
		}
	}
}

// is says whether a word was found at a place.
func (p *place) is(w *sought) bool {
	return p.exact == w || w.open && strings.HasPrefix(p.Text, w.text)
}

// ranges are the parts of the body where leaves that were found stand.
func (f *finder) ranges() []Range {
	ends := make([]int, len(f.tokens)) // of the longest leaf that begins at a token; 0: none
	for _, words := range f.found {
		if len(words) == 1 {
			if words[0].marked { // many leaves may be the same
				continue
			}
			words[0].marked = true
		}
		for i := range f.starts(words) {
			last := len(words) - 1
			ends[i] = max(ends[i], f.tokens[i+last].end(words[last]))
		}
	}
	var ranges []Range
	for i, end := range ends {
		if end > 0 {
			ranges = join(ranges, Range{f.tokens[i].Start, end})
		}
	}
	return ranges
}

// end is where a word ends that a place was found by.
func (p *place) end(w *sought) int {
	if w.open && p.unspaced {
		return p.Start + len(w.text) // these scripts are never changed
	}
	return p.End
}

// join appends a range that begins at or behind the last one's start, or makes the
// last one longer where they overlap or touch.
func join(ranges []Range, r Range) []Range {
	if n := len(ranges); n > 0 && r.Start <= ranges[n-1].End {
		ranges[n-1].End = max(ranges[n-1].End, r.End)
		return ranges
	}
	return append(ranges, r)
}
