package query

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// kind is what a token is.
type kind int

const (
	end kind = iota // of the text
	word
	quoted
	open
	closed
	and
	or
	not
	plus
	name // of an operator, with its colon
)

// token is the smallest part of a query.
type token struct {
	Span
	kind  kind
	text  string // of a word and of what is quoted: as it was meant
	star  int    // where the "*" at its end stands, -1: there is none
	odd   int    // where a sign of Lucene's stands that means nothing here; -1: nowhere
	named *operator
}

// sign reads the signs of the language in their other forms, as the keyboards of phones
// and of Japan and China set them, as the plain ones.
func sign(r rune) rune {
	if r < utf8.RuneSelf {
		return r
	}
	switch r {
	case '“', '”', '„', '‟', '＂':
		return '"'
	case '（', '）', '：', '＊', '－', '＋', '［', '］', '｛', '｝':
		return r - '！' + '!'
	}
	return r
}

// lexer cuts a text into tokens. What is wrong it tells its parser.
type lexer struct {
	text string
	pos  int // where the next token is looked for
}

// peek is the character at a byte, and its length; 0 at the end.
func (l *lexer) peek(i int) (rune, int) {
	if i >= len(l.text) {
		return -1, 0
	}
	if b := l.text[i]; b < utf8.RuneSelf {
		return rune(b), 1
	}
	return utf8.DecodeRuneInString(l.text[i:])
}

// ends says that no word goes on with r.
func ends(r rune) bool {
	switch sign(r) {
	case -1, '"', '(', ')':
		return true
	}
	return unicode.IsSpace(r)
}

func (l *lexer) skipSpaces() {
	for {
		r, size := l.peek(l.pos)
		if size == 0 || !unicode.IsSpace(r) {
			return
		}
		l.pos += size
	}
}

// token reads the next token of a query.
func (p *parser) token() token {
	p.skipSpaces()
	start := p.pos
	r, size := p.peek(start)
	single := func(k kind) token {
		p.pos += size
		return token{Span: Span{start, p.pos}, kind: k}
	}
	switch s := sign(r); s {
	case -1:
		return single(end)
	case '(':
		return single(open)
	case ')':
		return single(closed)
	case '"':
		return p.quoted()
	case '-', '+':
		next, _ := p.peek(start + size)
		switch {
		case sign(next) == s || sign(next) != '"' && sign(next) != '(' && ends(next):
			// A dash, an arrow or "--help".
		case s == '-':
			return single(not)
		default:
			return single(plus)
		}
	}
	if t, ok := p.name(); ok {
		return t
	}
	t := p.word()
	switch p.text[t.Start:t.End] {
	case "AND", "&&":
		t.kind = and
	case "OR", "||":
		t.kind = or
	case "NOT":
		t.kind = not
	}
	return t
}

// name reads the name of an operator and its colon. Letters with a colon that are no
// operator are a mistake, unless what follows shows that they are no name: a web
// address, std::vector, C:\temp, "Note: this".
func (p *parser) name() (token, bool) {
	start, i := p.pos, p.pos
	for i < len(p.text) && isLetter(p.text[i]) {
		i++
	}
	r, size := p.peek(i)
	if i == start || sign(r) != ':' {
		return token{}, false
	}
	at := Span{start, i + size}
	if o := operatorOf(p.text[start:i]); o != nil {
		p.pos = at.End
		return token{Span: at, kind: name, named: o}, true
	}
	next, _ := p.peek(at.End)
	if r == ':' && !strings.ContainsRune(`:/\`, next) && (sign(next) == '"' || sign(next) == '(' || !ends(next)) {
		p.wrong(at, problem{"there is no operator " + shown(p.text[start:at.End]), allOperators() + "; or the text in quotes"}, "read as text")
	}
	return token{}, false
}

func isLetter(b byte) bool { return 'a' <= b|0x20 && b|0x20 <= 'z' }

// word reads up to a space, a quote or a bracket. Empty brackets belong to it: main().
func (p *parser) word() token {
	start := p.pos
	for {
		r, size := p.peek(p.pos)
		switch {
		case r == '\\':
			_, next := p.peek(p.pos + size)
			size += next
		case r == '(' && strings.HasPrefix(p.text[p.pos:], "()"):
			size = 2
		case ends(r):
			return p.wordToken(Span{start, p.pos})
		}
		p.pos += size
	}
}

func (p *parser) wordToken(at Span) token {
	t := token{Span: at, kind: word, star: -1, odd: -1}
	raw := p.text[at.Start:at.End]
	t.star, t.odd = signs(raw)
	if t.star >= 0 {
		raw = raw[:t.star]
		t.star += at.Start
	}
	if t.odd >= 0 {
		t.odd += at.Start
	}
	t.text = unescape(raw)
	return t
}

// signs finds the "*" at the end of a raw word, and the first of the signs that have a
// meaning in Lucene and none here: a "*" elsewhere, a "?" within, "~2" and "^2" at the
// end. In a web address nothing is odd but the end. -1: there is none.
func signs(raw string) (star, odd int) {
	star, odd = starAtEnd(raw), -1
	if !strings.ContainsAny(raw, "*?~^") {
		return star, odd
	}
	address := strings.Contains(raw, "://")
	for i, size := 0, 0; i < len(raw); i += size {
		var r rune
		r, size = utf8.DecodeRuneInString(raw[i:])
		behind := raw[i+size:]
		var strange bool
		switch {
		case r == '\\':
			_, next := utf8.DecodeRuneInString(behind)
			size += next
		case r == '*':
			strange = i != star
		case r == '?':
			next, _ := utf8.DecodeRuneInString(behind)
			strange = isWordRune(next)
		case r == '~' || r == '^':
			strange = i > 0 && suffix(raw[i:]) == len(raw)-i
		}
		if strange && !address && odd < 0 {
			odd = i
		}
	}
	return star, odd
}

// starAtEnd is where the "*" stands that ends a raw text, unless a backslash is before
// it; -1: there is none.
func starAtEnd(raw string) int {
	r, size := utf8.DecodeLastRuneInString(raw)
	at := len(raw) - size
	if sign(r) != '*' || strings.HasSuffix(raw[:at], `\`) {
		return -1
	}
	return at
}

// suffix is how long Lucene's "~", "~2" or "^2.5" at the beginning of s is; 0: there is
// none.
func suffix(s string) int {
	if s == "" || s[0] != '~' && s[0] != '^' {
		return 0
	}
	n := 1
	for n < len(s) && (isDigit(s[n]) || s[n] == '.') {
		n++
	}
	if n == 1 && s[0] == '^' {
		return 0
	}
	return n
}

// isWordRune says whether r is of those that tokens are made of.
func isWordRune(r rune) bool {
	return unicode.IsLetter(r) || unicode.IsDigit(r) || unicode.IsMark(r)
}

// unescape takes what stands behind a backslash as it is, and leaves that out. One before
// a letter, a digit or the end is a sign like others, as in C:\temp. What isn't UTF-8
// becomes U+FFFD.
func unescape(raw string) string {
	if strings.Contains(raw, `\`) {
		var b strings.Builder
		for before, behind, ok := strings.Cut(raw, `\`); ok; before, behind, ok = strings.Cut(raw, `\`) {
			r, size := utf8.DecodeRuneInString(behind)
			b.WriteString(before)
			if size == 0 || isWordRune(r) {
				b.WriteByte('\\')
			}
			b.WriteString(behind[:size])
			raw = behind[size:]
		}
		b.WriteString(raw)
		raw = b.String()
	}
	return strings.ToValidUTF8(raw, "\uFFFD")
}

// quoted reads what stands between quotes. Those that were typed straight end at a
// straight one, others at any.
func (p *parser) quoted() token {
	start := p.pos
	first, size := p.peek(start)
	inner := start + size
	for p.pos = inner; ; p.pos += size {
		var r rune
		r, size = p.peek(p.pos)
		switch {
		case size == 0:
			p.wrong(Span{start, inner}, problem{"the quote is never closed", "another “\"”"}, "read as if it were closed at the end")
			return p.quotedToken(Span{start, p.pos}, p.text[inner:])
		case sign(r) == '"' && (first != '"' || r == '"'):
			raw := p.text[inner:p.pos]
			p.pos += size
			t := p.quotedToken(Span{start, p.pos}, raw)
			p.noSuffix()
			return t
		case r == '\\':
			_, next := p.peek(p.pos + size)
			size += next
		}
	}
}

// quotedToken makes a token of what stands between quotes. A "*" at its end that no word
// stands before is a sign like others.
func (p *parser) quotedToken(at Span, raw string) token {
	t := token{Span: at, kind: quoted, star: -1, odd: -1}
	if i := starAtEnd(raw); i >= 0 {
		if r, _ := utf8.DecodeLastRuneInString(raw[:i]); isWordRune(r) {
			t.star = at.Start + strings.Index(p.text[at.Start:at.End], raw) + i
			raw = raw[:i]
		}
	}
	t.text = unescape(raw)
	return t
}

// noSuffix refuses Lucene's "~2" and "^2" behind quotes and brackets.
func (p *parser) noSuffix() {
	if n := suffix(p.text[p.pos:]); n > 0 {
		at := Span{p.pos, p.pos + n}
		p.pos = at.End
		p.wrong(at, unknownSign(p.text[at.Start]), "left out")
	}
}

// unknownSign is what is wrong with a sign of Lucene's that has no meaning here.
func unknownSign(c byte) problem {
	what := map[byte]string{
		'*': "“*” stands at the end of a word alone",
		'?': "“?” stands for no letter here",
		'~': "“~” finds nothing similar here",
		'^': "“^” gives no weight here",
	}[c]
	return problem{what, "a backslash before it, or quotes around the word"}
}
