package inverted

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/search"
)

// A pattern stands where search.Phrase.At says that the phrase does, whatever repeats
// in both.
func TestPattern(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	letters := []string{"a", "b"}
	var tokens []string
	for range 5000 {
		tokens = append(tokens, []string{"a", "b", "ab"}[random.IntN(3)])
	}
	s := &segment{text: columnOf(1, func(int) []string { return tokens })}
	for size := 1; size <= 6; size++ {
		for form := range 1 << size {
			phrase := search.Phrase{LastIsPrefix: form%3 == 0}
			for i := range size {
				phrase.Tokens = append(phrase.Tokens, letters[form>>i&1])
			}
			want := 0
			for i := range tokens {
				if phrase.At(tokens[i:]) {
					want++
				}
			}
			p, _ := s.pattern(phrase)
			if got, one := p.in(s.text.row(0), len(tokens)), p.in(s.text.row(0), 1); got != want || one != min(want, 1) {
				t.Errorf("%v: %d, and %d if one is enough; want %d", phrase, got, one, want)
			}
		}
	}
}

// Who reads doesn't wait for who writes.
func TestReadersDoNotWait(t *testing.T) {
	x := New()
	r := chat.RoomID{Tenant: "t", Key: "r"}
	x.Apply([]search.Document{{Position: chat.Position{Room: r, Seq: 1}, Revision: 1, At: time.UnixMilli(1)}}, []chat.Position{{Room: r, Seq: 1}})
	x.writing.Lock()
	defer x.writing.Unlock()
	res, err := x.Search(t.Context(), search.Request{Scope: search.Scope{Tenant: "t", Rooms: map[string]chat.Seq{"r": 1}}, Limit: 1})
	if err != nil || len(res.Hits) != 1 || x.Watermark([]chat.RoomID{r})[0] != 1 {
		t.Errorf("%v, %v", res, err)
	}
}
