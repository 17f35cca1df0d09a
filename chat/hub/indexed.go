package hub

import (
	"strconv"
	"strings"
	"time"

	"github.com/parlor-chat/parlor/search"
)

// generation is one generation of the index, as far as it holds a tenant.
type generation struct {
	analysis string // its name: another version's is known by that alone
	number   int    // 0: the index itself
}

// original is the index itself, which is by the analysis of those who never asked for
// another.
var original = generation{analysis: search.Analysis{}.Name()}

// key is its name in the index.
func (g generation) key() string {
	if g.number == 0 {
		return ""
	}
	return g.String()
}

func (g generation) String() string { return g.analysis + "." + strconv.Itoa(g.number) }

func parseGeneration(s string) (generation, bool) {
	name, number, _ := strings.Cut(s, ".")
	n, err := strconv.Atoi(number)
	return generation{name, n}, name != "" && err == nil && n >= 0
}

// indexed is what the fence holds of a tenant's index.
type indexed struct {
	answers generation
	fills   bool        // answers was lost, and is being filled again: nobody is answered
	makes   *generation // nil: none. It stays for a while when it is the one that answers
	left    []left      // that answered before, and are not dropped yet

	was string    // the register; "" for a tenant who is new
	at  time.Time // when it was read
}

// left is a generation that answers no more.
type left struct {
	generation
	at time.Time
}

func (x indexed) String() string {
	words := []string{x.answers.String()}
	if x.fills {
		words = append(words, "fills")
	}
	if x.makes != nil {
		words = append(words, "makes", x.makes.String())
	}
	for _, l := range x.left {
		words = append(words, "left", l.String(), strconv.FormatInt(l.at.Unix(), 10))
	}
	return strings.Join(words, " ")
}

func parseIndexed(s string) (x indexed, ok bool) {
	x.was, x.answers = s, original
	words := strings.Fields(s)
	if len(words) == 0 {
		return x, true
	}
	next := func() (word string) {
		if len(words) > 0 {
			word, words = words[0], words[1:]
		}
		return word
	}
	if x.answers, ok = parseGeneration(next()); !ok {
		return x, false
	}
	for len(words) > 0 {
		switch next() {
		case "fills":
			x.fills = true
		case "makes":
			g, ok := parseGeneration(next())
			if !ok {
				return x, false
			}
			x.makes = &g
		case "left":
			g, ok := parseGeneration(next())
			sec, err := strconv.ParseInt(next(), 10, 64)
			if !ok || err != nil {
				return x, false
			}
			x.left = append(x.left, left{g, time.Unix(sec, 0)})
		default:
			return x, false
		}
	}
	return x, true
}

// next is a generation that was never before.
func (x indexed) next(a search.Analysis) generation {
	n := x.answers.number
	if x.makes != nil {
		n = max(n, x.makes.number)
	}
	for _, l := range x.left {
		n = max(n, l.number)
	}
	return generation{a.Name(), n + 1}
}
