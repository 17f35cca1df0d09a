package chat

import (
	_ "embed"
	"strings"
	"sync"
	"unicode/utf8"
)

// lookalikes holds, line by line, a character and what it looks like: Unicode's
// confusables (UTS #39), made by internal/lookalikes.
//
//go:embed lookalikes.txt
var lookalikes string

// lookalikeTable is read when the first address is folded: most programs that link
// this package for its words never do.
var lookalikeTable = sync.OnceValue(func() map[rune]string {
	table := map[rune]string{}
	for line := range strings.Lines(lookalikes) {
		from, to, ok := strings.Cut(strings.TrimSuffix(line, "\n"), "\t")
		if r, n := utf8.DecodeRuneInString(from); ok && n == len(from) {
			table[r] = to
		}
	}
	return table
})

// lookalike is what a character looks like.
func lookalike(r rune) (string, bool) {
	s, ok := lookalikeTable()[r]
	return s, ok
}
